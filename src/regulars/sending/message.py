"""An offer as a mail (RFC 5322): plain text, with a way to unsubscribe by mail (RFC 2369)."""

from __future__ import annotations

import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from regulars.crm_domain.contact import clean_email
from regulars.sending.values import OutgoingOffer
from regulars.wording.plain_text import clean

NAME = "{name}"
#: An offer's id, wherever a message is named or somebody unsubscribes.
MESSAGE_ID = re.compile(r"<([0-9a-f]{16})\.[0-9a-f]{12}@[^<>@\s]+>")
UNSUBSCRIBE = re.compile(r"\bunsubscribe\s+([0-9a-f]{16})\b", re.IGNORECASE)

_SPACE_BEFORE = re.compile(r"[ \t]+(?=[,.;:!?\n])")


def parse_sender(text: str) -> Address:
    """Who sends, such as li@example.com or "Li's Coffee <li@example.com>". Raises ValueError for anything else."""
    name, bracket, rest = text.rpartition("<")
    address = rest.removesuffix(">") if bracket else text
    shown = clean(text)
    if shown != text or (bracket and not rest.endswith(">")):
        raise ValueError(f'"{shown}" is no sender; expected one such as li@example.com or "Li <li@example.com>"')
    try:
        found = Address(display_name=name.strip().strip('"'), addr_spec=clean_email(address))
    except Exception:  # the e-mail package fails in many ways on what is no address
        raise ValueError(
            f'"{shown}" is no sender; expected one such as li@example.com or "Li <li@example.com>"'
        ) from None
    return found


def message_id_of(offer_id: str, token: str, host: str) -> str:
    """How the message of an offer is called: by the offer, so that what comes back tells which it is, and by a token of
    12 hexadecimal digits, so that two senders don't take each other's message for their own.
    """
    return f"<{offer_id}.{token}@{host}>"


def filled_in(text: str, name: str | None) -> str:
    """The text of an offer with a customer's name in it; without one, nothing stands in its place."""
    if name:
        return text.replace(NAME, clean(name))
    return _SPACE_BEFORE.sub("", text.replace(NAME, ""))


def offer_mail(offer: OutgoingOffer, sender: Address, sent_at: datetime) -> EmailMessage:
    """The mail of an offer. Raises ValueError for an address that can't stand in a header."""
    assert offer.address is not None
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = Address(display_name=clean(offer.name or ""), addr_spec=offer.address)
    message["Subject"] = clean(offer.subject)
    message["Date"] = format_datetime(sent_at)
    message["Message-ID"] = offer.message_id
    message["List-Unsubscribe"] = f"<mailto:{sender.addr_spec}?subject=unsubscribe%20{offer.offer_id}>"
    message.set_content(offer.text, cte="quoted-printable")
    return message
