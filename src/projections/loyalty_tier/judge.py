"""Which tier has this customer earned by what they spent?

A tier is reached at once and kept for a hold. When the hold ends it is renewed if the spend of the window still
qualifies; if not, a grace begins, in which qualifying renews it. At the end of the grace the customer goes one step
down, into a new hold. Where rules say so, a return takes back a tier that would never have been reached without what
came back.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from regulars.crm_domain.instant import FOREVER
from regulars.crm_domain.membership import TierOverrideGranted
from regulars.projections.engine.projector import Judgement
from regulars.projections.facts.shared import Facts, spend_by, spend_within
from regulars.projections.facts.table import NO_TIER
from regulars.projections.loyalty_tier.compiled import Tiers
from regulars.projections.verdict import Verdict

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules


class Standing(Struct, frozen=True, array_like=True, gc=False):
    """The level held, when it comes up for review (None for the lowest), and whether that review ends a grace."""

    level: int = 0
    review_at: int | None = None
    in_grace: bool = False


def judge(standing: Standing, facts: Facts, rules: Rules, at: int, until: int) -> Iterator[Judgement]:
    """The tier from an instant on. The natural track keeps running below an override and without a membership."""
    tiers, due = rules.tiers, at
    if standing.level and tiers.returns_take_back and facts.returns and facts.returns[-1].at == at:
        kept = _without_what_came_back(facts, tiers, at)
        standing = kept if kept.level < standing.level else standing
    while due < until:
        at = due
        standing = _review(standing, qualified_level(facts, tiers, at), tiers, at)
        verdict, due = _shown(standing, facts, tiers, at)
        yield at, standing, verdict


def _without_what_came_back(facts: Facts, tiers: Tiers, at: int) -> Standing:
    """The natural track before an instant, as if nobody had ever bought what has come back by then."""
    standing, instants = Standing(), facts.order_instants
    before = 0
    for count, instant in enumerate(instants, 1):
        if count < len(instants) and instants[count] == instant:
            continue  # what was bought at one instant counts together
        if standing.review_at is not None:
            standing = _reviewed_until(instant, standing, facts, tiers, before)
        standing = _review(standing, _level_of(spend_by(facts, tiers.window, instant, count), tiers), tiers, instant)
        before = count
    return _reviewed_until(at, standing, facts, tiers, before)


def _reviewed_until(at: int, standing: Standing, facts: Facts, tiers: Tiers, count: int) -> Standing:
    while standing.review_at is not None and standing.review_at < at:
        due = standing.review_at
        standing = _review(standing, _level_of(spend_by(facts, tiers.window, due, count), tiers), tiers, due)
    return standing


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
    latest: TierOverrideGranted | None = None
    for each in facts.memberships.values():
        override = each.override
        if override is None or override.tier not in tiers.names or not (override.until is None or at < override.until):
            continue
        if latest is None or override.at > latest.at:
            latest = override
    return latest


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


def qualified_level(facts: Facts, tiers: Tiers, at: int) -> int:
    """The level that the spend of the window reaches at an instant."""
    return _level_of(spend_within(facts, tiers.window, at), tiers)


def _level_of(spend: int, tiers: Tiers) -> int:
    return bisect_right(tiers.starts, spend, 1) - 1  # the lowest level takes nothing
