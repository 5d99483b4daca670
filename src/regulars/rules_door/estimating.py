"""Estimating what a ruleset would change, from a sample of customers: counts scaled up, each with its interval."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from msgspec import Struct

from regulars.asking.totals import count_as_of
from regulars.projections.rules.grammar import Ruleset
from regulars.rules_door.difference import COUNTED, RulesDifference, compare_rules
from regulars.session.session import Session
from regulars.session.traced import traced
from regulars.statistics.proportions import wilson

SAMPLE = 2_000


class EstimatedMove(Struct, frozen=True, kw_only=True):
    """About how many would move from one value of a lane to another: `customers`, with the 95 % interval (Wilson).

    `sampled` of the sample do. `worth` is their net spend of the last 365 days, scaled up as well.
    """

    lane: str
    old: str
    new: str
    sampled: int
    customers: int
    low: int
    high: int
    worth: Decimal


class RulesEstimate(Struct, frozen=True, kw_only=True):
    """What was found of a sample of `sampled` customers out of `customers`, the moves of most customers first.

    Where everybody is in the sample it `is_exact`. `sample` has the moves of the sample itself.
    """

    customers: int
    sampled: int
    moves: tuple[EstimatedMove, ...]
    sample: RulesDifference

    @property
    def is_exact(self) -> bool:
        """Whether everybody was looked at."""
        return self.sampled >= self.customers


@traced("estimate rules")
def estimate_rules(session: Session, new: Ruleset, count: int, as_of: datetime | date | None) -> RulesEstimate:
    """Compare a sample, and scale up what moves."""
    found = compare_rules(session, new, as_of, None, sampled=count)
    (counts,) = count_as_of(session, COUNTED, [found.as_of], None, None, None)
    everybody = max(sum(counts.values()), found.customers)
    moves = (
        _estimated(found, everybody, lane, old, came, moved)
        for lane, counted in found.moved.items()
        for (old, came), moved in counted.items()
    )
    ordered = sorted(moves, key=lambda each: (-each.sampled, each.lane, each.old, each.new))
    return RulesEstimate(customers=everybody, sampled=found.customers, moves=tuple(ordered), sample=found)


def _estimated(found: RulesDifference, everybody: int, lane: str, old: str, new: str, moved: int) -> EstimatedMove:
    scale = Decimal(everybody) / found.customers
    customers = round(moved * scale)
    bounds = (customers, customers)
    interval = wilson(moved, found.customers)
    if interval is not None and found.customers < everybody:
        # What moves in the sample moves in any case.
        bounds = (max(moved, round(interval.low * everybody)), round(interval.high * everybody))
    worth = sum((each.worth for each in found.moves if (each.lane, each.old, each.new) == (lane, old, new)), Decimal(0))
    return EstimatedMove(
        lane=lane,
        old=old,
        new=new,
        sampled=moved,
        customers=customers,
        low=bounds[0],
        high=bounds[1],
        worth=round(worth * scale, -int(worth.as_tuple().exponent)),
    )
