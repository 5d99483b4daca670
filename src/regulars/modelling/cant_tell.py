"""An answer in place of a number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CantTell:
    """Why the data carry no model, and what would be enough, in a sentence. Nothing was recorded."""

    why: str
