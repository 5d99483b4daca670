"""What is known of an opportunity, by no rules: where it stands, since when, and what it is worth."""

from __future__ import annotations

from datetime import date

from msgspec import Struct

from regulars.crm_domain.opportunity import (
    MOVES,
    OpportunityChanged,
    OpportunityEvent,
    OpportunityLost,
    OpportunityOpened,
    OpportunityReopened,
    OpportunityStageChanged,
    OpportunityStatus,
    OpportunityWon,
)
from regulars.projections.facts.tickets import Moment


class OpportunityFacts(Struct):
    """What is known of one opportunity. `entered` is when it came into the stage that it is in, or was won or lost;
    `touched` when anything last happened to it. `amount` is in minor units, None where none was said.
    """

    opportunity_id: str = ""
    status: OpportunityStatus = OpportunityStatus.UNKNOWN
    opened: Moment | None = None
    entered: Moment | None = None
    touched: Moment | None = None
    pipeline: str = ""
    stage: str = ""
    amount: int | None = None
    owner: str | None = None
    source: str | None = None
    expected_close: date | None = None
    firm_id: str | None = None
    reason: str | None = None


def evolve(facts: OpportunityFacts, event: OpportunityEvent, at: int, position: int) -> None:
    """Take in one event of this opportunity; events come in the order in which they happened.

    What comes before the opening is passed over: no decision makes such a history.
    """
    moment = Moment(at, position)
    if isinstance(event, OpportunityOpened) and facts.opened is None:
        _open(facts, event, moment)
    if facts.opened is None or isinstance(event, OpportunityOpened):
        return
    before, stage = facts.status, facts.stage
    facts.status = MOVES[type(event)].get(before, before)
    facts.touched = moment
    match event:
        case OpportunityStageChanged():
            facts.stage = event.stage if before is OpportunityStatus.OPEN else stage
        case OpportunityChanged(changed=changed):
            for field in changed:
                if field != "title":  # which is personal, and no fact
                    setattr(facts, field, getattr(event, field))
        case OpportunityWon(amount=amount):
            if amount is not None and facts.status is OpportunityStatus.WON:
                facts.amount = amount
        case OpportunityLost(reason=reason):
            facts.reason = reason if facts.status is OpportunityStatus.LOST else facts.reason
        case OpportunityReopened():
            if before is not OpportunityStatus.OPEN:
                facts.stage, facts.reason = event.stage or stage, None
    if (facts.status, facts.stage) != (before, stage):
        facts.entered = moment


def _open(facts: OpportunityFacts, event: OpportunityOpened, moment: Moment) -> None:
    facts.opportunity_id, facts.status = event.opportunity_id, OpportunityStatus.OPEN
    facts.opened = facts.entered = facts.touched = moment
    facts.pipeline, facts.stage = event.pipeline, event.stage
    facts.amount, facts.expected_close = event.amount, event.expected_close
    facts.owner, facts.source, facts.firm_id = event.owner, event.source, event.firm_id
