"""A mail as it is read from its bytes: who wrote to whom, when, and what, whatever is wrong with it.

1. Addresses are those of From, and of To, Cc and Bcc.
2. The time is that of Date. A zone that it names counts; where it names none, the business's zone does. RFC 5322 has
   `-0000` and unknown names of zones mean UTC.
3. The text is the first part of text/plain that is no attachment, else the first of text/html without its marks. A
   mail that is attached is an attachment.
4. What a machine sent by itself says so: `Auto-Submitted` (RFC 3834).

The email package fails in many ways on what is no mail, so each header is read by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.utils import getaddresses, parsedate_tz
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from regulars.adapters.importing.html_text import text_of_html
from regulars.adapters.importing.mbox import RawMail
from regulars.adapters.importing.text_encoding import found_encoding
from regulars.adapters.importing.unusable import Unusable
from regulars.crm_domain.contact import clean_email, visible
from regulars.crm_domain.explain_invalid import shown
from regulars.crm_domain.local_time import localised

#: Of a text so many characters are kept, and of a subject.
MOST_TEXT, MOST_SUBJECT = 4_000, 300
MOST_LOOKED_AT = 500_000  # of what a part says, marks included
MOST_NESTED = 50
FIRST_YEAR = 1971

_ZONE = re.compile(r"(?:[+-]\d{4}|\b(?!AM\b|PM\b)[A-Z]{1,5})\s*(?:\([^()]*\))?\s*$", re.IGNORECASE)
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_BLANK_LINES = re.compile(r"\n\s*\n\s*")


class Mail(Struct, frozen=True, kw_only=True):
    """A mail as it was written. `identity` tells it from all others; with a `problem` it can't be taken.

    `attachments` is how many parts were left out, `is_cut` whether it was longer than what is read of one.
    """

    line: int
    identity: tuple[str, ...] = ()
    sender: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    sent_at: datetime | None = None
    summary: str | None = None
    attachments: int = 0
    is_cut: bool = False
    is_automatic: bool = False
    headers: str = ""
    problem: str | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """All who are in it."""
        return (*self.sender, *self.recipients)


def read_mail(raw: RawMail, zone: ZoneInfo) -> Mail:
    """Read a mail. `zone` is the business's, for a time without one."""
    try:
        return _read(message_from_bytes(raw.content, policy=policy.default), raw, zone)
    except RecursionError:
        return Mail(line=raw.line, problem="its parts are nested too deeply to be read")
    except Unusable as problem:
        return Mail(line=raw.line, headers=_first_lines(raw), problem=str(problem))


def _read(message: EmailMessage, raw: RawMail, zone: ZoneInfo) -> Mail:
    sender, recipients = _addresses(message, "from"), _addresses(message, "to", "cc", "bcc")
    date, subject = _raw(message, "date"), _one_line(_text(message, "subject"))[:MOST_SUBJECT]
    told = {"From": sender, "To": recipients, "Date": [date], "Subject": [subject]}
    headers = "\n".join(f"{name}: {', '.join(values)}" for name, values in told.items())
    parts = list(_parts(message))
    text = _told(parts)
    message_id = _raw(message, "message-id").strip("<> \t")
    found = Mail(
        line=raw.line,
        identity=("id", message_id) if message_id else ("content", date, *sender, *recipients, subject, text),
        sender=sender,
        recipients=recipients,
        summary=_summary(subject, text),
        attachments=sum(is_attached for _, is_attached in parts),
        is_cut=raw.is_cut,
        is_automatic=_raw(message, "auto-submitted").lower().partition(";")[0].strip() not in ("", "no"),
        headers=headers,
    )
    try:
        if not sender:
            raise Unusable("expected who wrote it in From, found no e-mail address")
        return replace(found, sent_at=_moment(date, zone))
    except Unusable as problem:
        return replace(found, problem=str(problem))


def _first_lines(raw: RawMail) -> str:
    return raw.content[:1_000].decode("utf-8", "replace")


# -------------------------------------------------------------------------------------------------------------- headers


def _raw(message: Message, name: str) -> str:
    """A header as it stands, in one line; empty where there is none."""
    found = next((str(value) for key, value in message.raw_items() if key.lower() == name), "")
    return _one_line(_printable(found))


def _text(message: Message, name: str) -> str:
    """A header with its encoded words decoded."""
    try:
        return _printable(str(message.get(name, "")))
    except Exception:  # whatever the package fails with, the header stands there
        return _raw(message, name)


def _addresses(message: Message, *names: str) -> tuple[str, ...]:
    """The addresses of some headers, each once, as far as they are any."""
    found: dict[str, None] = {}
    for name in names:
        for address in _told_in(message, name):
            with suppress(ValueError):
                found[clean_email(address)] = None
    return tuple(found)


def _told_in(message: Message, name: str) -> list[str]:
    try:
        headers: Iterable[Any] = message.get_all(name, [])
        return [each.addr_spec for header in headers for each in header.addresses]
    except Exception:  # as above
        raw = [str(value) for key, value in message.raw_items() if key.lower() == name]
        return [address for _, address in getaddresses(raw)]


def _moment(date: str, zone: ZoneInfo) -> datetime:
    """When a mail was sent. Raises Unusable."""
    if not date:
        raise Unusable("expected when it was sent in Date, found nothing")
    refused = f"expected a time in Date such as Mon, 5 Jan 2026 10:00:00 +0100, found {shown(date)}"
    try:
        moment = _parsed(date, zone)
    except (ValueError, TypeError, IndexError, OverflowError):
        raise Unusable(refused) from None
    if moment.year < FIRST_YEAR:
        raise Unusable(f"expected a time in Date since there is e-mail, found {shown(date)}")
    return moment


def _parsed(date: str, zone: ZoneInfo) -> datetime:
    told = parsedate_tz(date)
    if told is None:
        return localised(datetime.fromisoformat(date), zone)
    local = datetime(*told[:6])  # noqa: DTZ001 - its zone follows
    if _ZONE.search(date) is None:
        return localised(local, zone)
    return local.replace(tzinfo=timezone(timedelta(seconds=told[9] or 0)))


# ----------------------------------------------------------------------------------------------------------------- text


def _parts(part: Message, depth: int = 0) -> Iterator[tuple[Message, bool]]:
    """The parts of a mail that have no others, each with whether it is attached."""
    if depth > MOST_NESTED:
        raise Unusable("its parts are nested too deeply to be read")
    if part.get_content_maintype() == "multipart" and part.is_multipart():
        for each in part.get_payload():
            if isinstance(each, Message):
                yield from _parts(each, depth + 1)
        return
    is_text = part.get_content_type() in ("text/plain", "text/html")
    yield part, not is_text or part.get_content_disposition() == "attachment"


def _told(parts: Iterable[tuple[Message, bool]]) -> str:
    """What is written in a mail, as plain text."""
    texts = [part for part, is_attached in parts if not is_attached]
    for kind in ("text/plain", "text/html"):
        for part in texts:
            if part.get_content_type() == kind:
                content = _decoded(part)[:MOST_LOOKED_AT]
                told = text_of_html(content) if kind == "text/html" else content
                if told.strip():
                    return _tidy(told)
    return ""


def _decoded(part: Message) -> str:
    """The text of a part, in the encoding that it names, or else in one that its bytes can be."""
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    with suppress(LookupError, UnicodeError, ValueError):
        return content.decode(part.get_content_charset() or "ascii")
    return content.decode(found_encoding([content]), "replace")


def _tidy(text: str) -> str:
    lines = (line.rstrip() for line in _printable(text.replace("\r\n", "\n").replace("\r", "\n")).split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def _printable(text: str) -> str:
    return _FORBIDDEN.sub("", text)


def _one_line(text: str) -> str:
    return visible(" ".join(text.split()))


def _summary(subject: str, text: str) -> str | None:
    if len(text) > MOST_TEXT:
        text = text[:MOST_TEXT].rstrip() + "…"
    return "\n\n".join(filter(None, (subject, text))) or None
