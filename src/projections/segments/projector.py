"""The projection: which segments a customer is in. Its timelines are those that the rules name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from regulars.projections.churn_risk.projector import CHURN_RISK
from regulars.projections.contracts import CONTRACTS
from regulars.projections.customer_value.projector import CUSTOMER_VALUE
from regulars.projections.engine.projector import Projector, RuledKey
from regulars.projections.lifecycle_stage.projector import LIFECYCLE_STAGE
from regulars.projections.loyalty_tier.projector import LOYALTY_TIER
from regulars.projections.satisfaction.projector import SATISFACTION
from regulars.projections.segments.explain import explain
from regulars.projections.segments.judge import IN, NAME, SegmentVerdict, Standing, State, judge
from regulars.projections.verdict import Interval

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules

VERSION = 2


def _apart(whole: Sequence[Interval], rules: Rules) -> list[Interval]:
    """The states of all segments over time, told apart. Each state knows itself since when it holds."""
    found: list[Interval] = []
    for place in rules.segments.places if whole else ():
        name = rules.segments.each[place].id
        state: State = whole[0].verdict.states[place]
        for interval in whole:
            following = interval.verdict.states[place]
            if following != state:
                found.append(_interval(state, following.since, name))
                state = following
        found.append(_interval(state, whole[-1].valid_to, name))
    return found


def _interval(state: State, until: int, name: str) -> Interval:
    return Interval(state.since, until, IN if state.inside else None, name)


SEGMENTS = Projector(
    name=NAME,
    question="Which segments is this customer in?",
    version=VERSION,
    handles=LIFECYCLE_STAGE.handles,  # whoever has a stage is in a segment or isn't
    standing=Standing,
    judges_by=("segment", "cadence"),
    heeds=lambda rules: rules.segments.events,
    judge=judge,
    explain=explain,
    verdict=SegmentVerdict,
    key=RuledKey(name="segment", names=lambda rules: rules.segments.names, apart=_apart),
    lists_by=("key",),
    may_read=(CONTRACTS, SATISFACTION, CUSTOMER_VALUE, CHURN_RISK, LOYALTY_TIER, LIFECYCLE_STAGE),
    reads=lambda rules: rules.segments.reads,
)
