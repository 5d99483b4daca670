"""What comes back by mail: that an offer couldn't be delivered (RFC 3464), or that somebody unsubscribes.

A report names the message that it is about: the original is attached, or its headers are, and its Message-ID holds the
offer's id. Without that, what the report says it replies to does. Who unsubscribes says the offer's id in the subject.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.utils import parsedate_to_datetime
from typing import Literal

from msgspec import Struct

from regulars.adapters.importing.mbox import RawMail
from regulars.sending.message import MESSAGE_ID, UNSUBSCRIBE
from regulars.sending.status import is_of_the_address

ReturnedKind = Literal["bounced", "unsubscribed"]


class Returned(Struct, frozen=True, kw_only=True):
    """A mail that is about an offer: it bounced, `hard` where the address doesn't work, or somebody unsubscribes."""

    kind: ReturnedKind
    offer_id: str
    hard: bool = False
    written_at: datetime | None = None


def read_returned(raw: RawMail) -> Returned | None:
    """What a mail says of an offer; None where it is about none, or where it was only delayed."""
    try:
        return _read(message_from_bytes(raw.content, policy=policy.default))
    except Exception:  # the e-mail package fails in many ways on what is no mail
        return None


def _read(message: EmailMessage) -> Returned | None:
    written_at = _date(message)
    failed = _failed(message)
    if failed is not None:
        offer_id = next(_offers_named(message), None)
        if offer_id is None:
            return None
        return Returned(kind="bounced", offer_id=offer_id, hard=failed, written_at=written_at)
    asked = UNSUBSCRIBE.search(str(message.get("subject", "")))
    if asked is None:
        return None
    return Returned(kind="unsubscribed", offer_id=asked[1].lower(), written_at=written_at)


def _date(message: Message) -> datetime | None:
    with suppress(ValueError, TypeError, OverflowError):
        found = parsedate_to_datetime(str(message.get("date", "")))
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)
    return None


def _failed(message: Message) -> bool | None:
    """Whether a report says that an address doesn't work; None for what reports no failure."""
    for part in message.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        blocks = part.get_payload()
        for block in blocks if isinstance(blocks, list) else []:
            if isinstance(block, Message) and str(block.get("action", "")).strip().lower() == "failed":
                return is_of_the_address(str(block.get("status", ""))) or False
    return None


def _offers_named(message: Message) -> Iterator[str]:
    """The ids of offers that a report names, that of the original first."""
    parts = [part for part in message.walk() if part is not message]
    told = [str(part.get("message-id", "")) for part in parts]
    told += [str(part.get_payload()) for part in parts if part.get_content_type() == "text/rfc822-headers"]
    told += [str(message.get(name, "")) for name in ("in-reply-to", "references")]
    for each in told:
        yield from (found[1] for found in MESSAGE_ID.finditer(each))
