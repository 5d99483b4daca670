"""What is to be done as a mail: a message (RFC 5322) in plain text and simple HTML, to be handed to `sendmail`.

The same lines give the same bytes: its date is that of the question, and its id follows from what it says.
"""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from html import escape

from regulars.today.page import Part, parts
from regulars.today.values import Today
from regulars.wording.plain_text import clean


def today_mail(today: Today, *, sender: str, recipient: str, business: str = "") -> bytes:
    """The message, with lines that end as RFC 5322 has it.

    Raises ValueError for an address that can't stand in a header.
    """
    for what, address in (("from", sender), ("to", recipient)):
        if "@" not in address or clean(address) != address:
            raise ValueError(f'"{clean(address)}" is no address to mail {what}; expected one such as li@example.com')
    told = parts(today)
    text, page = _text(told), _page(told)
    message = EmailMessage(policy=SMTP)
    message["Subject"] = f"{clean(business)}: {told[0].title}" if business else told[0].title
    message["From"], message["To"] = sender, recipient
    message["Date"] = format_datetime(today.as_of)
    digest = sha256("\0".join((sender, recipient, message["Subject"], text)).encode()).hexdigest()[:32]
    message["Message-ID"] = f"<today-{digest}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    message.add_alternative(page, subtype="html")
    message.set_boundary(f"=_{digest}")
    return message.as_bytes()


def _text(told: tuple[Part, ...]) -> str:
    lines: list[str] = []
    for part in told:
        lines += [part.title, "-" * len(part.title), ""]
        for said in part.said:
            lines += [said.what, *([f"  {said.who}"] if said.who else [])]
            lines += [*([f"  $ {said.settle}"] if said.settle else []), ""]
        lines += [*part.notes, ""] if part.notes else []
    return "\n".join(lines)


def _page(told: tuple[Part, ...]) -> str:
    found: list[str] = []
    for place, part in enumerate(told):
        heading = "h1" if place == 0 else "h2"
        found.append(f"<{heading}>{escape(part.title)}</{heading}>")
        if part.said:
            found.append("<ul>")
            for said in part.said:
                who = f"<br>{escape(said.who)}" if said.who else ""
                settle = f"<br><code>{escape(said.settle)}</code>" if said.settle else ""
                found.append(f"<li>{escape(said.what)}{who}{settle}</li>")
            found.append("</ul>")
        found += [f"<p>{escape(note)}</p>" for note in part.notes]
    body = "\n".join(found)
    return f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"></head>\n<body>\n{body}\n</body>\n</html>\n'
