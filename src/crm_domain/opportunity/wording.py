"""How what happened to an opportunity is told."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.crm_domain.money import from_minor_units
from regulars.crm_domain.opportunity.decider import (
    Opportunity,
    OpportunityChanged,
    OpportunityEvent,
    OpportunityLost,
    OpportunityOpened,
    OpportunityReopened,
    OpportunityStageChanged,
    OpportunityStatus,
    OpportunityWon,
)
from regulars.crm_domain.wording import Field, Wording, listed

_CALLED = {"expected_close": "day of closing", "firm_id": "firm"}


def _money(amount: int, currency: str | None) -> str:
    return str(amount) if currency is None else f"{from_minor_units(amount, currency)} {currency}"


def _worth(amount: int | None, currency: str | None) -> str:
    return "" if amount is None else f" of {_money(amount, currency)}"


def _won_for(event: OpportunityWon) -> str:
    amount = "" if event.amount is None else f" for {_money(event.amount, event.currency)}"
    return amount if event.quote_id is None else f"{amount} by quote {event.quote_id}"


def _fields_of(event: OpportunityChanged) -> list[str]:
    return [_CALLED.get(field, field) for field in event.changed]


def what(event: OpportunityEvent) -> str:
    """What happened to an opportunity, in a few words."""
    return f"opportunity {event.opportunity_id}{_what(event)}"


def _what(event: OpportunityEvent) -> str:
    match event:
        case OpportunityOpened(pipeline=pipeline, stage=stage, amount=amount, currency=currency):
            return f"{_worth(amount, currency)} opened in {pipeline}, {stage}"
        case OpportunityStageChanged(stage=stage):
            return f" now in {stage}"
        case OpportunityChanged(amount=amount, currency=currency):
            return f"{_worth(amount, currency)}: {', '.join(_fields_of(event))} changed"
        case OpportunityWon():
            return f" won{_won_for(event)}"
        case OpportunityLost(reason=reason):
            return f" lost: {reason}"
        case OpportunityReopened(stage=stage):
            return " reopened" if stage is None else f" reopened in {stage}"


def deed(event: OpportunityEvent, who: str, other: str) -> str:
    """What happened to an opportunity, as somebody did it."""
    opportunity = f"opportunity {event.opportunity_id}"
    match event:
        case OpportunityOpened(pipeline=pipeline, stage=stage, amount=amount, currency=currency):
            return f"opened {opportunity}{_worth(amount, currency)} for {who} in {pipeline}, {stage}"
        case OpportunityStageChanged(stage=stage):
            return f"moved {opportunity} of {who} to {stage}"
        case OpportunityChanged(amount=amount, currency=currency):
            worth = "" if amount is None else f", which is now{_worth(amount, currency)}"
            return f"changed the {listed(_fields_of(event))} of {opportunity} of {who}{worth}"
        case OpportunityWon():
            return f"won {opportunity} of {who}{_won_for(event)}"
        case OpportunityLost(reason=reason):
            return f"lost {opportunity} of {who}: {reason}"
        case OpportunityReopened(stage=stage):
            return f"reopened {opportunity} of {who}" + ("" if stage is None else f" in {stage}")


def fields(state: Opportunity) -> Iterator[Field]:
    """What the audit compares of an opportunity."""
    yield "opportunity", None if state.status is OpportunityStatus.UNKNOWN else str(state.status)
    if state.opened is not None:
        yield "pipeline", state.opened.pipeline
    yield "stage", state.stage
    yield "title", state.title
    yield "amount", None if state.amount is None else _money(state.amount, state.currency)
    yield "owner", state.owner
    yield "source", state.source
    yield "expected close", None if state.expected_close is None else state.expected_close.isoformat()
    yield "firm", state.firm_id
    yield "accepted quote", state.accepted_quote
    if state.lost is not None:
        yield "lost for", state.lost.reason
        yield "detail", state.lost.detail


def reason(event: OpportunityEvent) -> str | None:
    """Why one was lost, which is in the clear, as it is a word to group by."""
    return event.reason if isinstance(event, OpportunityLost) else None


WORDING = Wording(what=what, deed=deed, fields=fields, reason=reason)
