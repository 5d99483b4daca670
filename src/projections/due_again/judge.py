"""Is this item due to be bought again?

It is expected after a gap: the customer's own gaps of this item on average, shrunk toward the item's gap in the rules.
It is due from a multiple of that on, and has lapsed from a greater one on. A day on which it was bought counts once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from regulars.projections.due_again.items import OfItem
from regulars.projections.engine.projector import Judgement
from regulars.projections.facts.cadence import after_gaps

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules

Due = Literal["not_yet", "due", "lapsed"]


class DueVerdict(Struct, frozen=True, gc=False):
    """Whether an item is due; when it was last bought, on how many days so far, and the expected gap from then on, in
    microseconds, rounded down.
    """

    value: Due
    bought_at: int
    buying_days: int
    gap: int


def judge(standing: None, facts: OfItem, rules: Rules, at: int, until: int) -> Iterator[Judgement]:
    """What holds of an item from an instant on; nothing once all of it came back."""
    if not facts.bought:
        yield at, None, None
        return
    last, days, expected = facts.bought[-1].at, facts.days, gap_of(facts, rules)
    gap = expected[0] // expected[1]
    due_at, lapsed_at = turns_after(last, expected, rules)
    value: Due = "lapsed" if at >= lapsed_at else "due" if at >= due_at else "not_yet"
    yield at, None, DueVerdict(value, last, days, gap)
    if at < due_at < until:
        yield due_at, None, DueVerdict("due", last, days, gap)
    if at < lapsed_at < until:
        yield lapsed_at, None, DueVerdict("lapsed", last, days, gap)


def gap_of(facts: OfItem, rules: Rules) -> tuple[int, int]:
    """The expected gap of an item that was bought, as a ratio N/D of microseconds."""
    span = facts.bought[-1].at - facts.bought[0].at if facts.days > 1 else 0
    return rules.due_again.cadences[facts.item].expected_of(span, facts.days - 1)


def turns_after(last: int, gap: tuple[int, int], rules: Rules) -> tuple[int, int]:
    """When an item becomes due that was bought last at an instant, and when it lapses."""
    due, lapsed = rules.due_again.due_from, rules.due_again.lapsed_from
    return last + after_gaps(*due, gap), last + after_gaps(*lapsed, gap)
