"""An opportunity: something that a customer may buy, from the first word about it until it is won or lost. One stream
an opportunity.

1. An opportunity id names one opportunity in a store: opened again with the same content changes nothing, with other
   content it is refused.
2. Only what was opened can be spoken of, and nothing happens to it before that. What happened is held against what had
   happened by then, in whatever order it is told.
3. An opportunity moves as MOVES says: while it is open from stage to stage, until it is won or lost. What was won or
   lost can be reopened, and keeps its history.
4. A pipeline and a stage are those of the rules in force when they are told. What was recorded stays as it is, whatever
   later rules say.
5. Amounts are in the store's currency and never negative, and nobody expects one to close before it was opened. Both
   are changed while it is open; who looks after it, where it came from, its title and its firm, at any time.
6. It has one accepted quote: the first that it was won by, in order of recording. With another one it can't be won,
   also after it was reopened.
7. What was lost was lost for a reason.
8. What is told with its time is written down, also where it seems to change nothing: what came between may be told
   later. Told without a time, what is so already changes nothing.

That the quote is there, is theirs and was accepted, and that the firm is one, is not held here: each is a stream of its
own, and is looked up as the event is kept.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from regulars.crm_domain.chronology import Chronology
from regulars.crm_domain.command import Amount, Command, Context, Day, Decider, Label, Text, Who, occurred_at
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event, Personal
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.money import to_minor_units

CATEGORY = "opportunity"

#: What can be changed of an opportunity, as the event names it.
OpportunityField = Literal["title", "amount", "owner", "source", "expected_close", "firm_id"]

_GIVEN_AS = {"title", "amount", "owner", "source", "expected_close", "firm"}
_WHILE_OPEN: tuple[OpportunityField, ...] = ("amount", "expected_close")

# ---------------------------------------------------------------------------------------------------------- events
#
# `opportunity_id` is the outside's own. Amounts are in minor units of `currency`, which is the store's and stands
# beside each of them.


class OpportunityOpened(Event, frozen=True, kw_only=True, tag="OpportunityOpened"):
    """A customer may buy something. `at` is the instant of the envelope, repeated because evolve sees no envelope.

    `pipeline` and `stage` are those of the rules that were in force. It is expected to close by the end of a day.
    `firm_id` is the customer id of the firm for which this person buys, `source` a word for where it came from.
    """

    opportunity_id: str
    at: int
    pipeline: str
    stage: str
    amount: int | None = None
    currency: str | None = None
    title: Personal[str] = None
    owner: str | None = None
    source: str | None = None
    expected_close: date | None = None
    firm_id: str | None = None


class OpportunityStageChanged(Event, frozen=True, kw_only=True, tag="OpportunityStageChanged"):
    """It came into another stage of its pipeline."""

    opportunity_id: str
    stage: str


class OpportunityChanged(Event, frozen=True, kw_only=True, tag="OpportunityChanged"):
    """`changed` lists the fields that changed; one that is listed and None was cleared."""

    opportunity_id: str
    changed: tuple[OpportunityField, ...]
    amount: int | None = None
    currency: str | None = None
    title: Personal[str] = None
    owner: str | None = None
    source: str | None = None
    expected_close: date | None = None
    firm_id: str | None = None


class OpportunityWon(Event, frozen=True, kw_only=True, tag="OpportunityWon"):
    """The customer buys. Without an `amount` it is won for what it was worth; `quote_id` is the quote they accepted."""

    opportunity_id: str
    amount: int | None = None
    currency: str | None = None
    quote_id: str | None = None


class OpportunityLost(Event, frozen=True, kw_only=True, tag="OpportunityLost"):
    """The customer doesn't buy: a word to group by, and their own words."""

    opportunity_id: str
    reason: str
    detail: Personal[str] = None


class OpportunityReopened(Event, frozen=True, kw_only=True, tag="OpportunityReopened"):
    """It is open again after all: in a `stage`, or without one in that in which it was won or lost."""

    opportunity_id: str
    stage: str | None = None


OpportunityEvent = (
    OpportunityOpened
    | OpportunityStageChanged
    | OpportunityChanged
    | OpportunityWon
    | OpportunityLost
    | OpportunityReopened
)

# ----------------------------------------------------------------------------------------------------------- state


class OpportunityStatus(StrEnum):
    """The status of an opportunity."""

    UNKNOWN = "unknown"
    OPEN = "open"
    WON = "won"
    LOST = "lost"


_EVERY = (OpportunityStatus.OPEN, OpportunityStatus.WON, OpportunityStatus.LOST)

#: For each event, in which statuses it may happen and what the opportunity is afterwards. All else is refused.
MOVES: dict[type[Event], dict[OpportunityStatus, OpportunityStatus]] = {
    OpportunityOpened: {OpportunityStatus.UNKNOWN: OpportunityStatus.OPEN},
    OpportunityStageChanged: {OpportunityStatus.OPEN: OpportunityStatus.OPEN},
    OpportunityChanged: {status: status for status in _EVERY},
    OpportunityWon: dict.fromkeys((OpportunityStatus.OPEN, OpportunityStatus.WON), OpportunityStatus.WON),
    OpportunityLost: dict.fromkeys((OpportunityStatus.OPEN, OpportunityStatus.LOST), OpportunityStatus.LOST),
    OpportunityReopened: dict.fromkeys(_EVERY, OpportunityStatus.OPEN),
}


class Opportunity(Struct, frozen=True, kw_only=True):
    """What the next decision on an opportunity needs to know. `amount` is in minor units of `currency`."""

    status: OpportunityStatus = OpportunityStatus.UNKNOWN
    opened: OpportunityOpened | None = None
    stage: str | None = None
    title: str | None = None
    amount: int | None = None
    currency: str | None = None
    owner: str | None = None
    source: str | None = None
    expected_close: date | None = None
    firm_id: str | None = None
    lost: OpportunityLost | None = None
    accepted_quote: str | None = None


def evolve(state: Opportunity, event: OpportunityEvent) -> Opportunity:
    """The state after an event. Total: history is never argued with, and what MOVES doesn't know moves nothing."""
    status = MOVES[type(event)].get(state.status, state.status)
    match event:
        case OpportunityOpened():
            fields = {field: getattr(event, field) for field in get_args(OpportunityField)}
            return replace(state, status=status, opened=event, stage=event.stage, currency=event.currency, **fields)
        case OpportunityStageChanged(stage=stage):
            return replace(state, stage=stage) if state.status is OpportunityStatus.OPEN else state
        case OpportunityChanged(changed=changed):
            fields = {field: getattr(event, field) for field in changed}
            return replace(state, currency=event.currency or state.currency, **fields)
        case OpportunityWon(amount=amount, quote_id=quote_id):
            known = replace(state, status=status, accepted_quote=state.accepted_quote or quote_id)
            if amount is None or status is not OpportunityStatus.WON:
                return known
            return replace(known, amount=amount, currency=event.currency)
        case OpportunityLost():
            return replace(state, status=status, lost=event) if status is OpportunityStatus.LOST else state
        case OpportunityReopened(stage=stage):
            if state.status not in (OpportunityStatus.WON, OpportunityStatus.LOST):
                return state
            return replace(state, status=status, stage=stage or state.stage, lost=None)


# -------------------------------------------------------------------------------------------------------- commands


class OpenOpportunity(Command):
    """Write down what a customer may buy, e.g. customer=shop:42 opportunity_id=O-1 amount=1200.00 owner=li

    Without a pipeline it is in the first one of the rules, without a stage in the first one of its pipeline.
    """

    customer: Who
    opportunity_id: Label
    pipeline: Label | None = None
    stage: Label | None = None
    amount: Amount | None = None
    title: Label | None = None
    owner: Label | None = None
    source: Label | None = None
    expected_close: Day | None = None
    firm: Who | None = None


class OpportunityCommand(Command):
    """A command to an opportunity, which knows its customer."""

    opportunity_id: Label


class MoveOpportunity(OpportunityCommand):
    """Say that an opportunity came into another stage of its pipeline."""

    stage: Label


class ChangeOpportunity(OpportunityCommand):
    """Change what is given of an opportunity; null clears it, what is left out stays as it is."""

    amount: Amount | None = None
    title: Label | None = None
    owner: Label | None = None
    source: Label | None = None
    expected_close: Day | None = None
    firm: Who | None = None

    @model_serializer(mode="wrap")
    def _write_what_was_given(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Left out and null are different wishes, so what was left out stays out.
        return {name: value for name, value in write(self).items() if name in self.model_fields_set}

    @model_validator(mode="after")
    def _names_a_field(self) -> ChangeOpportunity:
        if not self.model_fields_set & _GIVEN_AS:
            raise ValueError(f"expected at least one of {', '.join(sorted(_GIVEN_AS))}")
        return self


class WinOpportunity(OpportunityCommand):
    """Say that the customer buys: for an amount, where it isn't what was expected, and by accepting a quote, if so."""

    amount: Amount | None = None
    quote_id: Label | None = None


class LoseOpportunity(OpportunityCommand):
    """Say that the customer doesn't buy, and why: a word to group by, and their own words."""

    reason: Label = Field(description="a word to group by, kept in the clear")
    detail: Text | None = None


class ReopenOpportunity(OpportunityCommand):
    """Say that what was won or lost is open again: in a stage, or else in that in which it was won or lost."""

    stage: Label | None = None


# ------------------------------------------------------------------------------------------------------- decisions


def open_opportunity(command: OpenOpportunity, state: Opportunity, context: Context) -> tuple[Event, ...]:
    """Invariants 1, 4 and 5: when it was opened is not a part of its content, as a retry may come later."""
    known = state.opened
    if known is None:
        pipeline, stage = _place_by_rules(command, context)
    else:
        pipeline, stage = command.pipeline or known.pipeline, command.stage or known.stage
    amount, currency = _money(command.amount, context)
    event = OpportunityOpened(
        opportunity_id=command.opportunity_id,
        at=occurred_at(command, context.now),
        pipeline=pipeline,
        stage=stage,
        amount=amount,
        currency=currency,
        title=command.title,
        owner=command.owner,
        source=command.source,
        expected_close=command.expected_close,
        firm_id=None if command.firm is None else str(command.firm),
    )
    if known is not None and event == replace(known, at=event.at):
        return ()
    if known is not None:
        sentence = f'opportunity "{command.opportunity_id}" is known already with other content'
        raise Rejected("opportunity_id_taken", sentence)
    _require_to_close_later(event, event.expected_close, context)
    return (event,)


def move(command: MoveOpportunity, state: Opportunity, context: Context) -> tuple[Event, ...]:
    """Invariants 3 and 4."""
    if command.occurred_at is None and (state.status, state.stage) == (OpportunityStatus.OPEN, command.stage):
        return ()
    event = OpportunityStageChanged(opportunity_id=command.opportunity_id, stage=command.stage)
    taken = _taken(event, command, state, context)
    _require_stage(state, command.stage, context)
    return taken


def change(command: ChangeOpportunity, state: Opportunity, context: Context) -> tuple[Event, ...]:
    """Invariants 3 and 5. Told without a time, only what differs from what is known is a change."""
    amount, currency = _money(command.amount, context)
    values: dict[OpportunityField, Any] = {
        "title": command.title,
        "amount": amount,
        "owner": command.owner,
        "source": command.source,
        "expected_close": command.expected_close,
        "firm_id": None if command.firm is None else str(command.firm),
    }
    given = {_field_of(name) for name in command.model_fields_set & _GIVEN_AS}
    values = {field: value for field, value in values.items() if field in given}
    if command.occurred_at is None and state.opened is not None:
        values = {field: value for field, value in values.items() if value != getattr(state, field)}
    event = OpportunityChanged(
        opportunity_id=command.opportunity_id,
        changed=tuple(values),
        currency=currency if "amount" in values else None,
        **values,
    )
    taken = _taken(event, command, state, context)
    if state.status is not OpportunityStatus.OPEN and values.keys() & {*_WHILE_OPEN}:
        raise _closed(event, state, "its amount and its day of closing can't change")
    if state.opened is not None:
        _require_to_close_later(state.opened, values.get("expected_close"), context)
    return taken if values else ()


def win(command: WinOpportunity, state: Opportunity, context: Context) -> tuple[Event, ...]:
    """Invariants 3, 5 and 6."""
    accepted = state.accepted_quote
    if command.quote_id is not None and accepted not in (None, command.quote_id):
        sentence = f'opportunity "{command.opportunity_id}" was won by quote "{accepted}"; it has one accepted quote'
        raise Rejected("quote_accepted_already", sentence)
    amount, currency = _money(command.amount, context)
    says_nothing_new = amount in (None, state.amount) and command.quote_id in (None, accepted)
    if command.occurred_at is None and state.status is OpportunityStatus.WON and says_nothing_new:
        return ()
    event = OpportunityWon(
        opportunity_id=command.opportunity_id, amount=amount, currency=currency, quote_id=command.quote_id
    )
    return _taken(event, command, state, context)


def lose(command: LoseOpportunity, state: Opportunity, context: Context) -> tuple[Event, ...]:
    """Invariants 3 and 7."""
    event = OpportunityLost(opportunity_id=command.opportunity_id, reason=command.reason, detail=command.detail)
    if command.occurred_at is None and state.status is OpportunityStatus.LOST and event == state.lost:
        return ()
    return _taken(event, command, state, context)


def reopen(command: ReopenOpportunity, state: Opportunity, context: Context) -> tuple[Event, ...]:
    """Invariants 3 and 4."""
    if command.occurred_at is None and state.status is OpportunityStatus.OPEN:
        return ()
    event = OpportunityReopened(opportunity_id=command.opportunity_id, stage=command.stage)
    taken = _taken(event, command, state, context)
    if command.stage is not None:
        _require_stage(state, command.stage, context)
    return taken


def _field_of(name: str) -> str:
    """The field of the event for a field of the command: who was named has an id by now."""
    return "firm_id" if name == "firm" else name


def _money(amount: Any, context: Context) -> tuple[int | None, str | None]:
    """An amount in minor units, and the currency that they are of."""
    if amount is None:
        return None, None
    if context.currency is None:
        raise Rejected("no_currency", "this store has no currency yet; give one when opening it")
    return to_minor_units(amount, context.currency), context.currency


def _place_by_rules(command: OpenOpportunity, context: Context) -> tuple[str, str]:
    """The pipeline and the stage that are named, or the first ones of the rules."""
    pipelines = context.pipelines
    if not pipelines:
        sentence = "the rules have no pipeline; add a table [[pipeline]] with its stages to them, and publish them"
        raise Rejected("no_pipeline", sentence)
    pipeline = pipelines[0].id if command.pipeline is None else command.pipeline
    stages = _stages_of(pipeline, context)
    return pipeline, stages[0] if command.stage is None else _known_stage(pipeline, stages, command.stage)


def _stages_of(pipeline: str, context: Context) -> tuple[str, ...]:
    found = next((each.stages for each in context.pipelines if each.id == pipeline), None)
    if found is None:
        there = ", ".join(each.id for each in context.pipelines) or "none"
        raise Rejected("no_such_pipeline", f'the rules have no pipeline "{pipeline}"; those they have: {there}')
    return found


def _known_stage(pipeline: str, stages: tuple[str, ...], stage: str) -> str:
    if stage not in stages:
        sentence = f'the pipeline "{pipeline}" has no stage "{stage}"; those it has: {", ".join(stages)}'
        raise Rejected("no_such_stage", sentence)
    return stage


def _require_stage(state: Opportunity, stage: str, context: Context) -> None:
    assert state.opened is not None
    pipeline = state.opened.pipeline
    _known_stage(pipeline, _stages_of(pipeline, context), stage)


def _require_to_close_later(opened: OpportunityOpened, day: date | None, context: Context) -> None:
    on = to_datetime(opened.at).astimezone(ZoneInfo(context.zone)).date()
    if day is not None and day < on:
        what = f'opportunity "{opened.opportunity_id}" was opened on {on}'
        raise Rejected("closes_before_opening", f"{what} and can't be expected to close before that, on {day}")


def _taken(
    event: OpportunityEvent, command: OpportunityCommand, state: Opportunity, context: Context
) -> tuple[Event, ...]:
    """The event, where it is this opportunity's turn for it: invariants 2 and 3."""
    if state.opened is None:
        raise Rejected("unknown_opportunity", f'there is no opportunity "{event.opportunity_id}"')
    at = occurred_at(command, context.now)
    if at < state.opened.at:
        said, opened = to_datetime(at).isoformat(), to_datetime(state.opened.at).isoformat()
        what = f'opportunity "{event.opportunity_id}" was opened'
        raise Rejected("out_of_order", f"{said} lies before {what}, which was at {opened}")
    if state.status not in MOVES[type(event)]:
        raise _closed(event, state, "this can't happen")
    return (event,)


def _closed(event: OpportunityEvent, state: Opportunity, what: str) -> Rejected:
    sentence = f'opportunity "{event.opportunity_id}" is {state.status}, where {what}; reopen it first'
    return Rejected(f"opportunity_{state.status}", sentence)


def decide(command: Command, state: Opportunity, context: Context) -> tuple[Event, ...]:
    """Hand a command to its decision. Raises Rejected where an invariant would break."""
    match command:
        case OpenOpportunity():
            return open_opportunity(command, state, context)
        case MoveOpportunity():
            return move(command, state, context)
        case ChangeOpportunity():
            return change(command, state, context)
        case WinOpportunity():
            return win(command, state, context)
        case LoseOpportunity():
            return lose(command, state, context)
        case ReopenOpportunity():
            return reopen(command, state, context)
        case _:
            raise TypeError(f"{type(command).__name__} is not a command to an opportunity")


# At one instant what takes one up comes before what moves it, and that before what closes it.
CHRONOLOGY = Chronology(
    first=(OpportunityOpened,),
    whole=("accepted_quote",),
    words=(
        (ReopenOpportunity, OpportunityReopened),
        (ChangeOpportunity, OpportunityChanged),
        (MoveOpportunity, OpportunityStageChanged),
        (WinOpportunity, OpportunityWon),
        (LoseOpportunity, OpportunityLost),
    ),
)

OPPORTUNITY = Decider(category=CATEGORY, initial=Opportunity(), evolve=evolve, decide=decide, chronology=CHRONOLOGY)
