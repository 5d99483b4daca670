"""The outcome of a command with an id, kept in the command log for retries."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class KeptOutcome(Struct, frozen=True):
    """The customer of a command, and the positions of its events."""

    customer_id: str
    positions: tuple[Annotated[int, Meta(ge=1, le=2**63 - 1)], ...]
