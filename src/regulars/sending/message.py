"""An offer as a mail (RFC 5322): plain text, with a way to unsubscribe by mail (RFC 2369).

Domains are written as servers know them, in ASCII (RFC 5890). What stands before the @ has no such form: beyond ASCII
it needs a server that takes it (RFC 6531), and then headers are UTF-8.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from urllib.parse import quote

from regulars.crm_domain.contact import clean_email
from regulars.sending.values import OutgoingOffer
from regulars.wording.plain_text import clean

#: An offer's id, wherever a message is named or somebody unsubscribes.
MESSAGE_ID = re.compile(r"<([0-9a-f]{16})\.[0-9a-f]{12}@[^<>@\s]+>")
UNSUBSCRIBE = re.compile(r"\bunsubscribe\s+([0-9a-f]{16})\b", re.IGNORECASE)

#: What is filled in, with the spaces before it: they go with what isn't there.
_BLANK = re.compile(r"([ \t]*)\{(name|coupon)\}")


def parse_sender(text: str) -> Address:
    """Who sends, such as li@example.com or "Li's Coffee <li@example.com>". Raises ValueError for anything else."""
    name, bracket, rest = text.rpartition("<")
    address = rest.removesuffix(">") if bracket else text
    shown = clean(text)
    if shown != text or (bracket and not rest.endswith(">")):
        raise ValueError(f'"{shown}" is no sender; expected one such as li@example.com or "Li <li@example.com>"')
    try:
        found = Address(display_name=name.strip().strip('"'), addr_spec=_in_ascii(clean_email(address)))
    except Exception:  # the e-mail package fails in many ways on what is no address
        raise ValueError(
            f'"{shown}" is no sender; expected one such as li@example.com or "Li <li@example.com>"'
        ) from None
    return found


def recipient_of(offer: OutgoingOffer) -> Address:
    """To whom an offer is sent by mail. Raises ValueError for a domain that can't be one."""
    assert offer.address is not None
    local, _, domain = _in_ascii(offer.address).rpartition("@")
    return Address(display_name=clean(offer.name or ""), username=local, domain=domain)


def _in_ascii(address: str) -> str:
    """An address with its domain in ASCII. Raises ValueError."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain if domain.isascii() else domain.encode('idna').decode()}"


def message_id_of(offer_id: str, token: str, host: str) -> str:
    """How the message of an offer is called: by the offer, so that what comes back tells which it is, and by a token of
    12 hexadecimal digits, so that two senders don't take each other's message for their own.
    """
    return f"<{offer_id}.{token}@{host}>"


def filled_in(text: str, name: str | None, coupon: str | None = None) -> str:
    """The text of an offer with a customer's name and the code of a coupon in it; nothing stands in the place of what
    there isn't. A code that the text says nowhere is its last line.
    """
    given = {"name": clean(name or ""), "coupon": coupon or ""}
    found = _BLANK.sub(lambda blank: blank[1] + given[blank[2]] if given[blank[2]] else "", text)
    if coupon is None or re.search(rf"(?<!\w){re.escape(coupon)}(?!\w)", found, re.IGNORECASE):
        return found
    return f"{found}\n\n{coupon}"


def offer_mail(offer: OutgoingOffer, sender: Address, sent_at: datetime) -> EmailMessage:
    """The mail of an offer. Raises ValueError for what can't stand in a header."""
    recipient = recipient_of(offer)
    message = EmailMessage(policy=SMTP if recipient.addr_spec.isascii() else SMTPUTF8)
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = clean(offer.subject)
    message["Date"] = format_datetime(sent_at)
    message["Message-ID"] = offer.message_id
    to = quote(sender.addr_spec, safe="@+")
    message["List-Unsubscribe"] = f"<mailto:{to}?subject=unsubscribe%20{offer.offer_id}>"
    message.set_content(offer.text, cte="quoted-printable")
    return message
