"""Measuring the gaps of items in a store's history, as a draft of the table [due_again] of its rules.

A buyer counts once: with the median of their own gaps, so that nobody who buys often decides. An item's gap is the
median of its buyers, with an interval from their order statistics, which assumes no distribution. What was bought once
says nothing here, so in a history that is short beside a gap, the gap seems shorter than it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from statistics import median

from regulars.adapters.progress import Progress
from regulars.adapters.read_models.histories import History
from regulars.adapters.read_models.replay import replay
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnedTotalRecorded, ReturnRecorded
from regulars.projections.engine.fold import FoldPlan
from regulars.projections.rules.compiled import Rules
from regulars.session.session import Session
from regulars.session.traced import traced

#: Of fewer buyers, the interval of the median reaches from the quick to the slow ones.
MIN_BUYERS = 20

_TAKES: frozenset[type[Event]] = frozenset({PurchaseRecorded, ReturnRecorded, ReturnedTotalRecorded})


@dataclass(frozen=True, slots=True)
class MeasuredGap:
    """After how many days an item was bought again: the median of so many `buyers`, who had so many `gaps` together,
    and the 95 % interval of it, `low` to `high`.
    """

    item: str
    days: Decimal
    low: Decimal
    high: Decimal
    buyers: int
    gaps: int


@dataclass(frozen=True, slots=True)
class MeasuredGaps:
    """The gaps of a store's items, those with most buyers first; `left_out` items had fewer than `min_buyers`.

    `as_of` is in the business's zone.
    """

    as_of: datetime
    customers: int
    min_buyers: int
    left_out: int
    gaps: tuple[MeasuredGap, ...]

    @property
    def toml(self) -> str:
        """The table [due_again] of the rules, with a comment beside each gap that says what it rests on."""
        day = f"{self.as_of:%Y-%m-%d}"
        lines = [
            f"# Median days until an item was bought again, by {self.customers:,} customers up to {day}.",
            f"# Each buyer counts once. Left out: {_items(self.left_out)} with fewer than {self.min_buyers} of them.",
            "[due_again.gaps]",
        ]
        for each in self.gaps:
            said = f"{json.dumps(each.item, ensure_ascii=False)} = {each.days:f}"  # a string is one in TOML as well
            lines.append(f"{said}  # {each.low:f} to {each.high:f} (95 %), n = {each.buyers:,} buyers")
        return "\n".join([*lines, ""])


def _items(count: int) -> str:
    return f"{count:,} item{'' if count == 1 else 's'}"


@traced("measure gaps")
def measure_gaps(session: Session, min_buyers: int, on_progress: Progress | None) -> MeasuredGaps:
    """The gaps of all items that at least `min_buyers` bought again. Raises ValueError for fewer than 6 of them: less
    has no interval.
    """
    if interval_of(min_buyers) is None:
        raise ValueError(f"min_buyers is 6 or more, not {min_buyers}: the median of fewer has no 95 % interval")
    session.catch_up()
    with session.store.reading() as tx:
        rules, at = session.rules(tx), session.now()
        until, total = session.models(tx).checkpoint(tx.connection), session.store.count_events(tx.connection)

        def bought() -> Iterator[Mapping[str, Sequence[int]]]:
            for each in replay(session.store, tx.connection, FoldPlan(rules, (), takes=_TAKES), until):
                yield buying_days(each.history, rules)
                if on_progress:
                    on_progress(each.events_read, total)

        return gaps_of(bought(), min_buyers, as_of=to_datetime(at).astimezone(rules.zone))


def gaps_of(customers: Iterable[Mapping[str, Sequence[int]]], min_buyers: int, *, as_of: datetime) -> MeasuredGaps:
    """The gaps by the days on which each of some customers bought each item, as ordinals that rise."""
    own: dict[str, list[float]] = {}
    counts: dict[str, int] = {}
    seen: set[str] = set()
    count = 0
    for bought in customers:
        count += bool(bought)
        seen |= bought.keys()
        for item, days in bought.items():
            if len(days) > 1:
                gaps = [later - earlier for earlier, later in pairwise(days)]
                own.setdefault(item, []).append(median(gaps))
                counts[item] = counts.get(item, 0) + len(gaps)
    kept = {item: sorted(medians) for item, medians in own.items() if len(medians) >= min_buyers}
    measured = (_measured(item, medians, counts[item]) for item, medians in kept.items())
    return MeasuredGaps(
        as_of=as_of,
        customers=count,
        min_buyers=min_buyers,
        left_out=len(seen) - len(kept),
        gaps=tuple(sorted(measured, key=lambda each: (-each.buyers, each.item))),
    )


def buying_days(history: History, rules: Rules) -> dict[str, list[int]]:
    """By item, the days on which a customer bought it, as ordinals that rise, without orders that came back whole."""
    facts = history.folded.facts
    returned = {facts.order_ids[index] for index in facts.returned_orders}
    found: dict[str, list[int]] = {}
    for at, order in _orders(history):
        if order.order_id in returned or not order.lines:
            continue
        day = to_datetime(at).astimezone(rules.zone).toordinal()
        for item in {line.sku for line in order.lines}:
            days = found.setdefault(item, [])
            if not days or days[-1] != day:
                days.append(day)
    return found


def _orders(history: History) -> Iterator[tuple[int, PurchaseRecorded]]:
    for each in history.happened:
        if isinstance(each.event, PurchaseRecorded):
            yield each.at, each.event


def _measured(item: str, medians: list[float], gaps: int) -> MeasuredGap:
    bounds = interval_of(len(medians))
    assert bounds is not None
    first, last = bounds
    days, low, high = (_days(each) for each in (median(medians), medians[first], medians[last]))
    return MeasuredGap(item=item, days=days, low=low, high=high, buyers=len(medians), gaps=gaps)


def _days(days: float) -> Decimal:
    """Days, of which there are quarters at most, without an exponent."""
    exact = Decimal(days)
    return exact if exact % 1 else Decimal(int(days))


def interval_of(count: int) -> tuple[int, int] | None:
    """The places of two order statistics, of so many, between which the median lies with 95 %; None for too few.

    The number below the median is binomial with one half, whatever the distribution (Conover, Practical Nonparametric
    Statistics, 1999, chapter 3.2).
    """
    place, ways, outside, everything = -1, 1, 1, 2**count
    while 40 * outside <= everything:  # 2.5 % on either side
        place += 1
        ways = ways * (count - place) // (place + 1)  # count over place + 1
        outside += ways
    return None if place < 0 else (place, count - 1 - place)
