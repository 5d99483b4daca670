"""What the change feed tells."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from regulars.crm_domain.command import CustomerId

ChangeKind = Literal["recorded", "began", "fell_due", "corrected", "rules_moved"]


class Change(Struct, frozen=True, kw_only=True):
    """A change of one customer."""

    id: str
    kind: ChangeKind
    what: str
    customer_id: CustomerId | None
    key: str | None
    old: str | None
    new: str | None
    since: datetime
    position: int | None
    due: datetime | None


class Batch(Struct, frozen=True, kw_only=True):
    """Changes that are acknowledged together."""

    number: int
    changes: tuple[Change, ...]
