"""What came of a command with an id, as it is kept in the command log for whoever asks again."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class KeptOutcome(Struct, frozen=True):
    """Whom a command was about, and the positions of its events."""

    customer_id: str
    positions: tuple[Annotated[int, Meta(ge=1, le=2**63 - 1)], ...]
