"""A change as it is stored among the deliveries: JSON, with the customer's id as plain text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from regulars.changes.change import Change


def stored_changes(changes: Iterable[Change]) -> tuple[tuple[str, bytes], ...]:
    """Each change as its customer's id, "" for nobody's, and JSON."""
    return tuple((str(each.customer_id or ""), msgspec.json.encode(each, enc_hook=str)) for each in changes)


def restored_change(stored: bytes) -> Change:
    """The change that was stored."""
    return msgspec.json.decode(stored, type=Change, dec_hook=_customer_id)


def _customer_id(kind: type, value: Any) -> Any:
    return kind(value)
