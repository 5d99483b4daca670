"""What is posted: a CloudEvent as JSON, signed as Standard Webhooks has it.

A message is the same at every attempt, but for its time and, where the hook says `personal`, for what the customer is
called by then: names are read when it is sent, and those of who was forgotten are null.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from regulars.asking.one_customer import Contact
from regulars.changes.change import Change
from regulars.crm_domain.instant import to_datetime

SPECIFICATION = "1.0"
CONTENT = "application/cloudevents+json"
SECRET_PREFIX = "whsec_"  # noqa: S105 - by which Standard Webhooks writes secrets
#: A secret is so many bytes (Standard Webhooks says 24 to 64).
SECRET_BYTES = 32
_MAY_HAVE_BYTES = range(24, 65)


class Message(Struct, frozen=True, kw_only=True):
    """The body that is posted and the headers that go with it."""

    body: bytes
    headers: Mapping[str, str]


def body_of(change: Change, hook_id: str, contact: Contact | None) -> bytes:
    """A change as a CloudEvent (CloudEvents 1.0, JSON format); with a contact, what is personal of the customer.

    `type` is regulars.KIND.WHAT, `subject` the customer's id, `time` when it happened or began to hold.
    """
    customer: dict[str, object] | None = None if change.customer_id is None else {"id": change.customer_id}
    if customer is not None and contact is not None:
        customer |= {"ref": contact.ref, "name": contact.name, "email": contact.email, "phone": contact.phone}
    event: dict[str, object] = {
        "specversion": SPECIFICATION,
        "id": change.id,
        "source": f"/regulars/hooks/{hook_id}",
        "type": f"regulars.{change.kind}.{change.what}",
        "time": change.since,
        "datacontenttype": "application/json",
        "data": {
            "kind": change.kind,
            "what": change.what,
            "customer": customer,
            "key": change.key,
            "old": change.old,
            "new": change.new,
            "since": change.since,
            "position": change.position,
            "due": change.due,
        },
    }
    if change.customer_id is not None:
        event["subject"] = change.customer_id
    return msgspec.json.encode(event, enc_hook=str)


def signed(body: bytes, message_id: str, secret: str, at: int) -> Message:
    """A body with the headers that tell its receiver who sent it and when (`at`, an instant)."""
    from standardwebhooks import Webhook

    moment = to_datetime(at)
    headers = {
        "Content-Type": CONTENT,
        "User-Agent": "regulars",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, moment, body.decode()),
    }
    return Message(body=body, headers=headers)


def new_secret() -> str:
    """A random secret, as Standard Webhooks writes them."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def require_secret(text: str) -> str:
    """Raise ValueError, without showing it, for what is no secret."""
    encoded = text.strip().removeprefix(SECRET_PREFIX)
    try:
        is_one = len(base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)) in _MAY_HAVE_BYTES
    except (binascii.Error, ValueError):
        is_one = False
    if not is_one:
        raise ValueError(
            f"a hook's secret is {SECRET_PREFIX} and then the base64 of 24 to 64 bytes; without one, one is made"
        )
    return SECRET_PREFIX + encoded
