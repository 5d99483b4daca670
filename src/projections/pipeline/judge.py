"""Where does this opportunity stand, what is it worth, and how likely is it to be won?

It is in a stage until it is won or lost. A stage has the probability that the rules in question give it; one that they
don't know counts with 0. An opportunity is stale once nothing happened to it for as long as its stage allows: that
comes by time alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from regulars.crm_domain.instant import after_day
from regulars.crm_domain.opportunity import OpportunityStatus
from regulars.projections.engine.projector import Judgement
from regulars.projections.facts.opportunities import OpportunityFacts
from regulars.projections.pipeline.compiled import BASIS_POINTS, UNKNOWN, Stage

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules


class PipelineVerdict(Struct, frozen=True, gc=False):
    """Where an opportunity stands. `value` is its stage, or `won` or `lost`; `amount` is in minor units, 0 where none
    is said; `probability` in basis points, `is_stale` 1 or 0. `entered_at` is when it came into its stage, or was won
    or lost; `expected_close` the end of that day, exclusive. Instants are in microseconds.
    """

    value: str
    pipeline: str
    amount: int
    probability: int
    owner: str | None
    source: str | None
    is_stale: Annotated[int, Meta(ge=0, lt=2)]
    entered_at: int
    opened_at: int
    expected_close: int | None
    firm_id: str | None


def judge(standing: None, facts: OpportunityFacts, rules: Rules, at: int, until: int) -> Iterator[Judgement]:
    """What holds of an opportunity from an instant on; nothing before it was opened."""
    if facts.opened is None:
        return
    stale_at = stale_from(facts, rules)
    yield at, None, _verdict(facts, rules, is_stale=stale_at is not None and stale_at <= at)
    if stale_at is not None and at < stale_at < until:
        yield stale_at, None, _verdict(facts, rules, is_stale=True)


def stale_from(facts: OpportunityFacts, rules: Rules) -> int | None:
    """From when on an opportunity is stale if nothing more happens; None where it won't be."""
    stale = stage_of(facts, rules).stale
    if facts.status is not OpportunityStatus.OPEN or facts.touched is None or stale is None:
        return None
    return facts.touched.at + stale


def stage_of(facts: OpportunityFacts, rules: Rules) -> Stage:
    """The stage in which an opportunity is, or was before it was won or lost, as the rules have it."""
    return rules.pipelines.get(facts.pipeline, {}).get(facts.stage, UNKNOWN)


def _verdict(facts: OpportunityFacts, rules: Rules, *, is_stale: bool) -> PipelineVerdict:
    assert facts.opened is not None
    assert facts.entered is not None
    value, probability = _place(facts, rules)
    return PipelineVerdict(
        value=value,
        pipeline=facts.pipeline,
        amount=facts.amount or 0,
        probability=probability,
        owner=facts.owner,
        source=facts.source,
        is_stale=int(is_stale),
        entered_at=facts.entered.at,
        opened_at=facts.opened.at,
        expected_close=None if facts.expected_close is None else after_day(facts.expected_close, rules.zone),
        firm_id=facts.firm_id,
    )


def _place(facts: OpportunityFacts, rules: Rules) -> tuple[str, int]:
    """The stage, or how an opportunity was closed; and the probability in basis points that goes with it."""
    match facts.status:
        case OpportunityStatus.WON:
            return "won", BASIS_POINTS
        case OpportunityStatus.LOST:
            return "lost", 0
        case _:
            return facts.stage, stage_of(facts, rules).probability
