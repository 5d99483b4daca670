"""A contract: what was signed with a customer, from a first day to a last one, or until somebody ends it. One stream a
contract.

1. A contract id names one contract in a store: signed again with the same content changes nothing, with other content
   it is refused.
2. Days are those of the business's zone, and whole: a contract is in force from the beginning of its first day to the
   end of its last one. It never ends before it begins, and nothing happens when a day comes.
3. A contract that renews by itself has a first term, and goes on by so many months each time, unless notice is given
   so many days before. It has no end until somebody ends it, or fixes one.
4. What was signed stays as it was; an amendment, a renewal and an ending are words of their own, of which the last one
   in time counts for each of the terms that it names. They are words of what happened, in whatever order they are told.
5. What was ended is neither amended nor renewed.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from msgspec import Struct
from msgspec.structs import replace
from pydantic import Field, model_validator

from regulars.crm_domain.chronology import Chronology
from regulars.crm_domain.command import (
    Amount,
    BusinessDay,
    Command,
    Context,
    Currency,
    Decider,
    Label,
    Text,
    Who,
    Whole,
    currency_of,
    occurred_at,
)
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event, Personal
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.money import to_minor_units

CATEGORY = "contract"

Months = Annotated[Whole, Field(ge=1, le=1_200)]
NoticeDays = Annotated[Whole, Field(ge=0, le=3_660)]

# ---------------------------------------------------------------------------------------------------------- events
#
# `at` is the instant of the envelope, repeated because evolve sees no envelope; `contract_id` is the outside's own.


class ContractSigned(Event, frozen=True, kw_only=True, tag="ContractSigned"):
    """A contract was signed. `start` and `end` are its first and last day; `amount` is what a term of it is worth, in
    minor units.

    With `renewal_months`, `end` is that of the first term, and notice is given `notice_days` before a term ends.
    """

    contract_id: str
    at: int
    start: date
    amount: int
    currency: str
    end: date | None = None
    renewal_months: int | None = None
    notice_days: int | None = None
    quote_id: str | None = None
    opportunity_id: str | None = None
    firm_id: str | None = None
    subject: Personal[str] = None


class ContractAmended(Event, frozen=True, kw_only=True, tag="ContractAmended"):
    """Some terms are others from now on: those that are given. 0 `renewal_months` are none: it ends with its term."""

    contract_id: str
    at: int
    end: date | None = None
    renewal_months: int | None = None
    notice_days: int | None = None
    amount: int | None = None
    currency: str | None = None
    note: Personal[str] = None


class ContractRenewed(Event, frozen=True, kw_only=True, tag="ContractRenewed"):
    """It goes on until another last day."""

    contract_id: str
    at: int
    until: date


class ContractEnded(Event, frozen=True, kw_only=True, tag="ContractEnded"):
    """It ends, or ended, with a day: why, as a word to group by, and in somebody's own words."""

    contract_id: str
    at: int
    on: date
    cause: str | None = None
    detail: Personal[str] = None


ContractEvent = ContractSigned | ContractAmended | ContractRenewed | ContractEnded

# ----------------------------------------------------------------------------------------------------------- state


class Terms(Struct, frozen=True, kw_only=True):
    """What holds of a contract: its first day, its last one, or that of its first term where it renews by itself, and
    what a term is worth in minor units.
    """

    start: date
    end: date | None
    renewal_months: int | None
    notice_days: int | None
    amount: int


class Contract(Struct, frozen=True, kw_only=True):
    """What the next decision on a contract needs to know."""

    signed: ContractSigned | None = None
    terms: Terms | None = None
    ended: ContractEnded | None = None


def evolve(state: Contract, event: ContractEvent) -> Contract:
    """The state after an event. Total: history is never argued with."""
    terms = terms_after(state.terms, event)
    match event:
        case ContractSigned():
            return replace(state, signed=event, terms=terms)
        case ContractEnded():
            return replace(state, ended=event, terms=terms)
        case ContractAmended() | ContractRenewed():
            return replace(state, terms=terms)


def terms_after(terms: Terms | None, event: ContractEvent) -> Terms | None:
    """What holds of a contract after an event; nothing before it was signed."""
    if isinstance(event, ContractSigned):
        return Terms(
            start=event.start,
            end=event.end,
            renewal_months=event.renewal_months,
            notice_days=event.notice_days,
            amount=event.amount,
        )
    if terms is None:
        return None
    match event:
        case ContractAmended():
            renews = terms.renewal_months if event.renewal_months is None else event.renewal_months or None
            return replace(
                terms,
                end=event.end or terms.end,
                renewal_months=renews,
                notice_days=terms.notice_days if event.notice_days is None else event.notice_days,
                amount=terms.amount if event.amount is None else event.amount,
            )
        case ContractRenewed(until=until):
            return replace(terms, end=until)
        case ContractEnded(on=on):
            return replace(terms, end=on, renewal_months=None)


# -------------------------------------------------------------------------------------------------------- commands


class SignContract(Command):
    """Write down a contract: customer=shop:42 contract_id=C-1 start=2026-04-01 end=2027-03-31 amount=1200.00

    `start` and `end` are its first and last day. With `renewal_months` it goes on by itself after its first term,
    unless notice is given `notice_days` before. `amount` is what a term is worth.
    """

    customer: Who
    contract_id: Label
    start: BusinessDay
    amount: Amount
    currency: Currency | None = None
    end: BusinessDay | None = None
    renewal_months: Months | None = None
    notice_days: NoticeDays | None = None
    quote_id: Label | None = None
    opportunity_id: Label | None = None
    firm: Who | None = None
    subject: Text | None = None

    @model_validator(mode="after")
    def _has_a_first_term(self) -> SignContract:
        if self.renewal_months is not None and self.end is None:
            raise ValueError("a contract that renews by itself has a first term: give its end")
        return self


class ContractCommand(Command):
    """A command to a contract, which knows its customer."""

    contract_id: Label


class AmendContract(ContractCommand):
    """Change some terms of a contract from now on, e.g. contract_id=C-1 amount=1400.00

    What isn't given stays. `renewal_months=0` lets it end with its term.
    """

    end: BusinessDay | None = None
    renewal_months: Annotated[Whole, Field(ge=0, le=1_200)] | None = None
    notice_days: NoticeDays | None = None
    amount: Amount | None = None
    currency: Currency | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> AmendContract:
        if all(each is None for each in (self.end, self.renewal_months, self.notice_days, self.amount, self.note)):
            raise ValueError("an amendment gives at least one of end, renewal_months, notice_days, amount and note")
        return self


class RenewContract(ContractCommand):
    """Write down that a contract goes on until another last day, e.g. contract_id=C-1 until=2028-03-31"""

    until: BusinessDay


class EndContract(ContractCommand):
    """Write down with which day a contract ends or ended, e.g. contract_id=C-1 on=2026-12-31 cause=moved"""

    on: BusinessDay
    cause: Label | None = None
    detail: Text | None = None


# ------------------------------------------------------------------------------------------------------- decisions


def sign(command: SignContract, state: Contract, context: Context) -> tuple[Event, ...]:
    """Invariants 1 and 2: when it was written down is no part of its content, as a retry may come later."""
    currency = currency_of(command.currency, context)
    event = ContractSigned(
        contract_id=command.contract_id,
        at=occurred_at(command, context.now),
        start=command.start,
        amount=to_minor_units(command.amount, currency),
        currency=currency,
        end=command.end,
        renewal_months=command.renewal_months,
        notice_days=command.notice_days,
        quote_id=command.quote_id,
        opportunity_id=command.opportunity_id,
        firm_id=None if command.firm is None else str(command.firm),
        subject=command.subject,
    )
    if state.signed is not None and event == replace(state.signed, at=event.at):
        return ()
    if state.signed is not None:
        sentence = f'contract "{command.contract_id}" is known already with other content; AmendContract changes it'
        raise Rejected("contract_id_taken", sentence)
    _require_order(command.contract_id, command.start, command.end)
    return (event,)


def amend(command: AmendContract, state: Contract, context: Context) -> tuple[Event, ...]:
    """Invariants 2, 4 and 5. Without a time, what is so already is no change."""
    at = occurred_at(command, context.now)
    terms = _require_running(command, state, at)
    currency = None if command.amount is None else currency_of(command.currency, context)
    event = ContractAmended(
        contract_id=command.contract_id,
        at=at,
        end=command.end,
        renewal_months=command.renewal_months,
        notice_days=command.notice_days,
        amount=None if currency is None or command.amount is None else to_minor_units(command.amount, currency),
        currency=currency,
        note=command.note,
    )
    after = terms_after(terms, event)
    assert after is not None
    if command.occurred_at is None and command.note is None and after == terms:
        return ()
    if after.renewal_months is not None and after.end is None:
        sentence = f'contract "{command.contract_id}" would renew by itself and has no first term; give its end'
        raise Rejected("no_first_term", sentence)
    _require_order(command.contract_id, after.start, after.end)
    return (event,)


def renew(command: RenewContract, state: Contract, context: Context) -> tuple[Event, ...]:
    """Invariants 2, 4 and 5."""
    at = occurred_at(command, context.now)
    terms = _require_running(command, state, at)
    if command.occurred_at is None and terms.end == command.until:
        return ()
    if terms.end is None:
        sentence = f'contract "{command.contract_id}" has no end, so there is nothing to renew'
        raise Rejected("contract_endless", sentence)
    if command.until < terms.end:
        sentence = f'contract "{command.contract_id}" goes until {terms.end} already, so not until {command.until}'
        raise Rejected("renewed_backwards", f"{sentence}; EndContract ends it earlier")
    return (ContractRenewed(contract_id=command.contract_id, at=at, until=command.until),)


def end(command: EndContract, state: Contract, context: Context) -> tuple[Event, ...]:
    """Invariant 2. Another day replaces the one that was said before."""
    at = occurred_at(command, context.now)
    terms = _require_signed(command, state, at)
    _require_order(command.contract_id, terms.start, command.on)
    event = ContractEnded(
        contract_id=command.contract_id, at=at, on=command.on, cause=command.cause, detail=command.detail
    )
    if command.occurred_at is None and state.ended is not None and event == replace(state.ended, at=at):
        return ()
    return (event,)


def _require_order(contract_id: str, start: date, end: date | None) -> None:
    if end is not None and end < start:
        raise Rejected(
            "ends_before_start", f'contract "{contract_id}" can\'t end on {end}, before it begins on {start}'
        )


def _require_signed(command: ContractCommand, state: Contract, at: int) -> Terms:
    if state.signed is None or state.terms is None:
        raise Rejected("unknown_contract", f'there is no contract "{command.contract_id}"')
    if at < state.signed.at:
        said, signed = to_datetime(at).isoformat(), to_datetime(state.signed.at).isoformat()
        sentence = f'{said} lies before contract "{command.contract_id}" was signed, which was at {signed}'
        raise Rejected("out_of_order", sentence)
    return state.terms


def _require_running(command: ContractCommand, state: Contract, at: int) -> Terms:
    terms = _require_signed(command, state, at)
    if state.ended is not None:
        sentence = f'contract "{command.contract_id}" was ended with {state.ended.on}; sign another one'
        raise Rejected("contract_ended", sentence)
    return terms


def decide(command: Command, state: Contract, context: Context) -> tuple[Event, ...]:
    """Hand a command to its decision. Raises Rejected where an invariant would break."""
    match command:
        case SignContract():
            return sign(command, state, context)
        case AmendContract():
            return amend(command, state, context)
        case RenewContract():
            return renew(command, state, context)
        case EndContract():
            return end(command, state, context)
        case _:
            raise TypeError(f"{type(command).__name__} is not a command to a contract")


# At one instant the terms change before the contract is renewed on them, and it ends at last.
CHRONOLOGY = Chronology(
    first=(ContractSigned,),
    words=((AmendContract, ContractAmended), (RenewContract, ContractRenewed), (EndContract, ContractEnded)),
)

CONTRACT = Decider(category=CATEGORY, initial=Contract(), evolve=evolve, decide=decide, chronology=CHRONOLOGY)
