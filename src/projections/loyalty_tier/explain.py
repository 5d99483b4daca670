"""The spend behind a tier, and what keeps or masks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.projections.facts.shared import Facts, orders_since, spend_within
from regulars.projections.loyalty_tier.judge import Standing, is_member, override_at, qualified_level
from regulars.projections.verdict import Reason, day_text, days, money_text

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules


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
    until = "until it is lifted" if override.until is None else f"until {day_text(override.until, rules.zone)}"
    return (Reason(clause="override", sentence=f"{override.tier} was granted by hand {until}"),)


def _natural(standing: Standing, facts: Facts, rules: Rules, at: int) -> tuple[Reason, ...]:
    qualified = qualified_level(facts, rules.tiers, at)
    spend = _spend_reason(qualified, facts, rules, at)
    if standing.review_at is None:
        return (spend,)
    day = day_text(standing.review_at, rules.zone)
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
