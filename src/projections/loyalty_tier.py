"""Which tier has this customer earned by what they spent?

A tier is reached at once and kept for a hold. When the hold ends it is renewed if the spend of the window still
qualifies; if not, a grace begins, in which qualifying renews it. At the end of the grace the customer goes one step
down, into a new hold.
"""

from __future__ import annotations

from bisect import bisect_right

from msgspec import Struct

from crm_domain.customer import CustomerRegistered
from crm_domain.instant import DAY, to_datetime
from crm_domain.purchase import PurchaseRecorded, ReturnRecorded
from projections.compiled import Rules, Tiers
from projections.facts import Facts
from projections.verdict import Projector, Reason, Verdict

VERSION = 1


class Standing(Struct, frozen=True, array_like=True):
    """The level held, when it comes up for review (None for the lowest), and whether that review ends a grace."""

    level: int = 0
    review_at: int | None = None
    in_grace: bool = False


def judge(standing: Standing, facts: Facts, rules: Rules, at: int) -> tuple[Standing, Verdict, int | None]:
    """The tier at an instant."""
    tiers = rules.tiers
    reached = _review(standing, _qualified_level(facts, tiers, at), tiers, at)
    return reached, Verdict(tiers.names[reached.level]), reached.review_at


def _review(standing: Standing, qualified: int, tiers: Tiers, at: int) -> Standing:
    due = standing.review_at is not None and at >= standing.review_at
    if qualified > standing.level:
        return Standing(qualified, at + tiers.hold)
    if qualified == standing.level and (due or standing.in_grace):
        return Standing(qualified, at + tiers.hold if qualified else None)
    if not due:
        return standing
    if not standing.in_grace and tiers.grace:
        return Standing(standing.level, at + tiers.grace, in_grace=True)
    lower = standing.level - 1
    return Standing(lower, at + tiers.hold if lower else None)


def _qualified_level(facts: Facts, tiers: Tiers, at: int) -> int:
    return max(0, bisect_right(tiers.starts, spend_within(facts, tiers.window, at)) - 1)


def spend_within(facts: Facts, window: int, at: int) -> int:
    """Minor units of net spend on the orders of the window that ends at `at`; an order leaves it when it is over."""
    if not facts.order_totals:
        return 0
    first = bisect_right(facts.order_instants, at - window)
    before = facts.order_totals[first - 1] if first else 0
    return facts.order_totals[-1] - before


def explain(standing: Standing, facts: Facts, rules: Rules, at: int) -> tuple[Reason, ...]:
    """The spend behind the tier, and what keeps it where the spend alone would not."""
    tiers = rules.tiers
    spend = spend_within(facts, tiers.window, at)
    first = bisect_right(facts.order_instants, at - tiers.window)
    days = tiers.window // DAY
    start = _money(tiers.starts[standing.level], rules)
    name = tiers.names[standing.level]
    sentence = f"net spend of {_money(spend, rules)} in {days} days; {name} starts from {start}"
    reasons = [Reason(clause=name, sentence=sentence, positions=tuple(facts.order_positions[first:]))]
    if standing.review_at is not None:
        day = to_datetime(standing.review_at).astimezone(rules.zone).date().isoformat()
        word = f"in grace until {day}" if standing.in_grace else f"kept until it is reviewed on {day}"
        reasons.append(Reason(clause="grace" if standing.in_grace else "hold", sentence=word))
    return tuple(reasons)


def _money(minor: int, rules: Rules) -> str:
    if not rules.exponent:
        return str(minor)
    whole, rest = divmod(minor, 10**rules.exponent)
    return f"{whole}.{rest:0{rules.exponent}d}"


LOYALTY_TIER = Projector(
    name="loyalty_tier",
    question="Which tier has this customer earned by what they spent?",
    version=VERSION,
    handles=frozenset({CustomerRegistered, PurchaseRecorded, ReturnRecorded}),
    standing=Standing,
    judge=judge,
    explain=explain,
)
