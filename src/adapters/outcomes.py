"""What came of a command with an id, as it is kept in the command log for whoever asks again."""

from __future__ import annotations

from msgspec import Struct


class KeptOutcome(Struct, frozen=True):
    """Whom a command was about, and the positions of its events."""

    customer_id: str
    positions: tuple[int, ...]
