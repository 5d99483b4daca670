"""Freshness of a list: which events it must include, and how long it may catch up for that."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

#: A list folds in what is new for so many seconds at most, unless it is told otherwise.
FRESH = 1.0
USUAL = timedelta(seconds=FRESH)

#: For how long a list folds: so long at most; until all is folded in; not at all.
Fresh = timedelta | bool


class Freshness(Struct, frozen=True, kw_only=True):
    """What is asked of a list: to fold for `seconds` at most, None for as long as it takes; to know of the position
    `at_least`; and to know of all that this process wrote.
    """

    seconds: float | None
    at_least: int
    with_own_writes: bool

    @property
    def folds(self) -> bool:
        """Whether anything is to be folded in for it."""
        return self.seconds != 0 or self.at_least > 0


def freshness_of(fresh: Fresh, at_least: int | None) -> Freshness:
    """What the words of a question mean. Raises ValueError for a time below zero, or a position below 1."""
    if at_least is not None and at_least < 1:
        raise ValueError(f"at_least is a position from 1 on, not {at_least}")
    if isinstance(fresh, bool):
        return Freshness(seconds=None if fresh else 0.0, at_least=at_least or 0, with_own_writes=fresh)
    if fresh < timedelta(0):
        raise ValueError(f"fresh is a time for which to fold, not {fresh}")
    return Freshness(seconds=fresh.total_seconds(), at_least=at_least or 0, with_own_writes=True)
