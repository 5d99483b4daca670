"""Which tier has this customer earned by what they spent?

A tier is reached at once and kept for a hold. When the hold ends it is renewed if the spend of the window still
qualifies; if not, a grace begins, in which qualifying renews it. At the end of the grace the customer goes one step
down, into a new hold.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from msgspec import Struct

from regulars.crm_domain.customer import CustomerRegistered
from regulars.crm_domain.instant import FOREVER, to_datetime
from regulars.crm_domain.membership import (
    MembershipCancelled,
    MembershipEnrolled,
    MembershipResumed,
    MembershipSuspended,
    TierOverrideGranted,
    TierOverrideLifted,
)
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnRecorded
from regulars.projections.engine.projector import Judgement, Projector
from regulars.projections.facts.shared import Facts, orders_since, spend_within
from regulars.projections.facts.table import NO_TIER
from regulars.projections.rules.compiled import Rules, Tiers
from regulars.projections.verdict import Reason, Verdict, days, money_text

VERSION = 1


class Standing(Struct, frozen=True, array_like=True, gc=False):
    """The level held, when it comes up for review (None for the lowest), and whether that review ends a grace."""

    level: int = 0
    review_at: int | None = None
    in_grace: bool = False


def judge(standing: Standing, facts: Facts, rules: Rules, at: int, until: int) -> Iterator[Judgement]:
    """The tier from an instant on. The natural track keeps running below an override and without a membership."""
    tiers, due = rules.tiers, at
    while due < until:
        at = due
        standing = _review(standing, _qualified_level(facts, tiers, at), tiers, at)
        verdict, due = _shown(standing, facts, tiers, at)
        yield at, standing, verdict


def _shown(standing: Standing, facts: Facts, tiers: Tiers, at: int) -> tuple[Verdict, int]:
    """The verdict of a natural track at an instant, and when either may change next."""
    review_at = FOREVER if standing.review_at is None else standing.review_at
    if tiers.members_only and not is_member(facts, at):
        return Verdict(NO_TIER), review_at
    override = override_at(facts, tiers, at)
    if override is None:
        return tiers.verdicts[standing.level], review_at
    return Verdict(override.tier), review_at if override.until is None else min(review_at, override.until)


def is_member(facts: Facts, at: int) -> bool:
    """Whether a membership is in force at an instant from the last event on."""
    return any(start <= at < end for each in facts.memberships.values() for start, end in each.in_force)


def override_at(facts: Facts, tiers: Tiers, at: int) -> TierOverrideGranted | None:
    """The latest override that masks the natural track; one for a tier that the rules don't know masks nothing."""
    granted = (each.override for each in facts.memberships.values())
    in_force = (
        override
        for override in granted
        if override is not None and override.tier in tiers.names and (override.until is None or at < override.until)
    )
    return max(in_force, key=lambda override: override.at, default=None)


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


def explain(standing: Standing, facts: Facts, rules: Rules, at: int) -> tuple[Reason, ...]:
    """The spend behind the tier, and what keeps it; the latter first where the spend alone would not."""
    return (*_masks(facts, rules, at), *_natural(standing, facts, rules, at))


def _masks(facts: Facts, rules: Rules, at: int) -> tuple[Reason, ...]:
    if rules.tiers.members_only and not is_member(facts, at):
        return (
            Reason(clause="members_only", sentence="only members have a tier, and there is no membership in force"),
        )
    override = override_at(facts, rules.tiers, at)
    if override is None:
        return ()
    until = "until it is lifted" if override.until is None else f"until {_day(override.until, rules)}"
    return (Reason(clause="override", sentence=f"{override.tier} was granted by hand {until}"),)


def _natural(standing: Standing, facts: Facts, rules: Rules, at: int) -> tuple[Reason, ...]:
    qualified = _qualified_level(facts, rules.tiers, at)
    spend = _spend_reason(qualified, facts, rules, at)
    if standing.review_at is None:
        return (spend,)
    day = _day(standing.review_at, rules)
    name = rules.tiers.names[standing.level]
    if standing.in_grace:
        kept = Reason(clause="grace", sentence=f"{name} is in grace until {day}")
    else:
        kept = Reason(clause="hold", sentence=f"{name} is kept until it is reviewed on {day}")
    return (kept, spend) if qualified < standing.level else (spend, kept)


def _spend_reason(qualified: int, facts: Facts, rules: Rules, at: int) -> Reason:
    tiers = rules.tiers
    spend, first = spend_within(facts, tiers.window, at), orders_since(facts, at - tiers.window)
    spent = money_text(spend, rules.exponent)
    sentence = f"net spend of {spent} in {days(tiers.window)} qualifies for {tiers.names[qualified]}"
    if qualified + 1 < len(tiers.names):
        missing = money_text(tiers.starts[qualified + 1] - spend, rules.exponent)
        sentence += f"; {missing} more would reach {tiers.names[qualified + 1]}"
    returns = (back.position for back in facts.returns if back.order >= first)
    positions = tuple(sorted([*facts.order_positions[first:], *returns]))
    return Reason(clause=tiers.names[qualified], sentence=sentence, positions=positions)


def _day(instant: int, rules: Rules) -> str:
    return to_datetime(instant).astimezone(rules.zone).date().isoformat()


_MEMBERSHIP = (
    MembershipEnrolled,
    MembershipSuspended,
    MembershipResumed,
    MembershipCancelled,
    TierOverrideGranted,
    TierOverrideLifted,
)

LOYALTY_TIER = Projector(
    name="loyalty_tier",
    question="Which tier has this customer earned by what they spent?",
    version=VERSION,
    handles=frozenset({CustomerRegistered, PurchaseRecorded, ReturnRecorded, *_MEMBERSHIP}),
    standing=Standing,
    judges_by=("tier",),
    judge=judge,
    explain=explain,
    lists_by=("value", "due"),
)
