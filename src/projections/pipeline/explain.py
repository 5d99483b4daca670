"""The events and the rules behind where an opportunity stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from regulars.crm_domain.opportunity import OpportunityStatus
from regulars.projections.facts.opportunities import OpportunityFacts
from regulars.projections.pipeline.judge import stage_of, stale_from
from regulars.projections.verdict import Reason, day_text, days, money_text

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules


def explain(standing: None, facts: OpportunityFacts, rules: Rules, at: int) -> tuple[Reason, ...]:
    """When it was opened, where it stands since when, how that counts, and from when on it is stale."""
    if facts.opened is None:
        return (Reason(clause="none", sentence="it wasn't opened yet"),)
    return tuple(_reasons(facts, rules, at))


def _reasons(facts: OpportunityFacts, rules: Rules, at: int) -> Iterator[Reason]:
    assert facts.opened is not None
    assert facts.entered is not None
    assert facts.touched is not None
    opened, entered = (day_text(moment.at, rules.zone) for moment in (facts.opened, facts.entered))
    yield Reason(clause="opened", sentence=f"opened on {opened}", positions=(facts.opened.position,))
    where, positions = f"{days(at - facts.entered.at)}, since {entered}", (facts.entered.position,)
    if facts.status is not OpportunityStatus.OPEN:
        why = f": {facts.reason}" if facts.reason else ""
        yield Reason(clause=str(facts.status), sentence=f"{facts.status} for {where}{why}", positions=positions)
        return
    yield Reason(clause="stage", sentence=f"in {facts.stage} of {facts.pipeline} for {where}", positions=positions)
    yield Reason(clause="probability", sentence=_counts(facts, rules))
    stale_at = stale_from(facts, rules)
    if stale_at is not None:
        is_stale, allowed = stale_at <= at, days(stale_at - facts.touched.at)
        turns = f"stale {'since' if is_stale else 'from'} {day_text(stale_at, rules.zone)}"
        sentence = f"{turns}, after {allowed} without an event"
        yield Reason(clause="stale", sentence=sentence, positions=(facts.touched.position,), holds=is_stale)


def _counts(facts: OpportunityFacts, rules: Rules) -> str:
    if facts.stage not in rules.pipelines.get(facts.pipeline, {}):
        return f'the rules have no stage "{facts.stage}" in a pipeline "{facts.pipeline}", so it counts with 0 %'
    share = money_text(stage_of(facts, rules).probability, 2).removesuffix(".00")
    worth = money_text(facts.amount or 0, rules.exponent)
    return f"{worth} counts with {share} %"
