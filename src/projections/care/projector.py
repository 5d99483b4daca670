"""The projection: whether somebody is to be reminded of a customer. Its timelines are those that the rules name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from regulars.projections.care.judge import NAME, CareVerdict, Standing, State, judge
from regulars.projections.churn_risk.projector import CHURN_RISK
from regulars.projections.contracts import CONTRACTS
from regulars.projections.customer_value.projector import CUSTOMER_VALUE
from regulars.projections.engine.projector import Projector, RuledKey
from regulars.projections.lifecycle_stage.projector import LIFECYCLE_STAGE
from regulars.projections.loyalty_tier.projector import LOYALTY_TIER
from regulars.projections.satisfaction.projector import SATISFACTION
from regulars.projections.segments.projector import SEGMENTS
from regulars.projections.verdict import Interval

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules

VERSION = 1


def _apart(whole: Sequence[Interval], rules: Rules) -> list[Interval]:
    """The states of all care rules over time, told apart by what they hold."""
    found: list[Interval] = []
    for place in rules.care.places if whole else ():
        name = rules.care.each[place].id
        state: State = whole[0].verdict.states[place]
        for interval in whole:
            following: State = interval.verdict.states[place]
            if following.since != state.since:
                found.append(Interval(state.since, following.since, state.held, name))
            state = following
        found.append(Interval(state.since, whole[-1].valid_to, state.held, name))
    return found


CARE = Projector(
    name=NAME,
    question="Is somebody to be reminded of this customer, and of what?",
    version=VERSION,
    handles=LIFECYCLE_STAGE.handles,  # whoever has a stage may be meant
    standing=Standing,
    judges_by=("care", "cadence"),
    heeds=lambda rules: rules.care.events,
    judge=judge,
    verdict=CareVerdict,
    key=RuledKey(name="care", names=lambda rules: rules.care.names, apart=_apart),
    lists_by=("value", "due"),
    may_read=(CONTRACTS, SATISFACTION, CUSTOMER_VALUE, CHURN_RISK, LOYALTY_TIER, LIFECYCLE_STAGE, SEGMENTS),
    reads=lambda rules: rules.care.reads,
)
