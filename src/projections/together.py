"""What several timelines of a customer say together, such as the worst that holds on any of them.

It follows from their own intervals alone, so it is a step function of time as they are, what is due included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from regulars.crm_domain.instant import FOREVER
from regulars.projections.verdict import Interval


class Together(Struct, frozen=True):
    """What holds on all timelines together in [valid_from, valid_to); FOREVER is no end."""

    valid_from: int
    valid_to: int
    value: str


#: What is said of how many timelines are in each state; None for nothing.
Said = Callable[[Counter[str]], str | None]


def worst(*worst_first: str) -> Said:
    """Says the worst of the states that any timeline is in."""
    return lambda holding: next((each for each in worst_first if holding[each]), None)


def together(
    timelines: Iterable[Iterable[Interval]], state_of: Callable[[Any], str | None], said: Said
) -> list[Together]:
    """What some timelines say together, in order of time: a gap where nothing is said, and neighbours always differ.

    `state_of` a verdict is None for one that counts for nothing.
    """
    changes = sorted(change for intervals in timelines for each in intervals for change in _changes(each, state_of))
    holding: Counter[str] = Counter()
    combined: list[Together] = []
    for at, at_once in groupby(changes, key=lambda change: change[0]):
        for _, state, step in at_once:
            holding[state] += step
        _turn(combined, at, said(holding))
    return combined


def _changes(interval: Interval, state_of: Callable[[Any], str | None]) -> Iterable[tuple[int, str, int]]:
    """When one more timeline is in a state, and when one less is."""
    state = state_of(interval.verdict)
    if state is not None:
        yield interval.valid_from, state, 1
        yield interval.valid_to, state, -1


def _turn(combined: list[Together], at: int, value: str | None) -> None:
    """Let a value hold from an instant on, unless it does already."""
    lasting = combined[-1] if combined and combined[-1].valid_to == FOREVER else None
    if value == (None if lasting is None else lasting.value):
        return
    if lasting is not None:
        combined[-1] = replace(lasting, valid_to=at)
    if value is not None:
        combined.append(Together(at, FOREVER, value))
