"""A quote: what a customer is offered, revision by revision, until they accept or decline it. One stream a quote.

1. A quote id names one quote in a store: sent again with the same content changes nothing, with other content it is
   refused; a number of a revision names one revision of it in the same way.
2. A quote has at least one line, and amounts are never below zero. What it comes to is worked out as `tax` says.
3. The revision in force is the one with the highest number so far, in whatever order they are told. A revision that is
   told with its time is told with its number, as its place among the others may not be known yet.
4. It is valid up to the end of its last day in the business's zone. Nothing happens then: it has expired by itself.
5. Only the revision in force is accepted, while it is valid and wasn't declined, and once. What was accepted is never
   changed: a revision or a refusal after that is refused.
6. Acceptance is an act: it is decided on what is known then, and no revision that is told later takes it back.
7. A revision takes up again what was declined or has expired.

That an opportunity has one accepted quote at most is held by the opportunity, which the accepted one wins. That it is
there, and is theirs, is looked up as the event is kept.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from regulars.crm_domain.chronology import Chronology
from regulars.crm_domain.command import (
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
from regulars.crm_domain.contract.decider import Months, NoticeDays
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event, Personal
from regulars.crm_domain.instant import after_day, to_datetime
from regulars.crm_domain.money import (
    MAX_MINOR_UNITS,
    exponent_of,
    from_minor_units,
    is_plain_number,
    plain_decimal,
    plain_number,
)
from regulars.crm_domain.persistent_map import PersistentMap
from regulars.crm_domain.quote.tax import Prices, Totals, line_amount, totals

CATEGORY = "quote"
MAX_LINES = 1_000

# ---------------------------------------------------------------------------------------------------------- events
#
# `at` is the instant of the envelope, repeated because evolve sees no envelope; `quote_id` is the outside's own.


class QuotedLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line: an exact quantity, unit price and tax rate (in percent) as plain decimal text, and what the line comes
    to in minor units. Its description is free text, and stands apart.
    """

    quantity: str
    unit_price: str
    tax_rate: str
    amount: int
    sku: str | None = None


class QuoteSent(Event, frozen=True, kw_only=True, tag="QuoteSent"):
    """A customer was offered something: revision 1. `descriptions` are those of the lines, one each.

    `prices` says whether unit prices are net or gross, `exemption` why lines are free of tax. It is valid up to the end
    of the day `valid_until`.
    """

    quote_id: str
    at: int
    currency: str
    lines: tuple[QuotedLine, ...]
    prices: Prices = "net"
    valid_until: date | None = None
    opportunity_id: str | None = None
    firm_id: str | None = None
    descriptions: Personal[tuple[str | None, ...]] = None
    exemption: Personal[str] = None
    note: Personal[str] = None


class QuoteRevised(Event, frozen=True, kw_only=True, tag="QuoteRevised"):
    """They were offered something else in its place, with all its lines."""

    quote_id: str
    at: int
    revision: int
    currency: str
    lines: tuple[QuotedLine, ...]
    prices: Prices = "net"
    valid_until: date | None = None
    descriptions: Personal[tuple[str | None, ...]] = None
    exemption: Personal[str] = None
    note: Personal[str] = None


class QuoteAccepted(Event, frozen=True, kw_only=True, tag="QuoteAccepted"):
    """They accepted a revision, which came to this in minor units. `order_id` and `contract_id` are of what was
    recorded with it.
    """

    quote_id: str
    at: int
    revision: int
    currency: str
    net: int
    tax: int
    gross: int
    order_id: str | None = None
    contract_id: str | None = None


class QuoteDeclined(Event, frozen=True, kw_only=True, tag="QuoteDeclined"):
    """They declined the revision in force: why, as a word to group by, and in their own words."""

    quote_id: str
    at: int
    cause: str | None = None
    detail: Personal[str] = None


Offer = QuoteSent | QuoteRevised
QuoteEvent = QuoteSent | QuoteRevised | QuoteAccepted | QuoteDeclined

# ----------------------------------------------------------------------------------------------------------- state


class Quote(Struct, frozen=True, kw_only=True):
    """What the next decision on a quote needs to know. `revisions` are those so far, by their numbers; `known` are all
    that are recorded, and `accepted` is there whenever it happened.
    """

    sent: QuoteSent | None = None
    revisions: PersistentMap[int, Offer] = PersistentMap()
    known: PersistentMap[int, Offer] = PersistentMap()
    declined: QuoteDeclined | None = None
    accepted: QuoteAccepted | None = None

    @property
    def revision(self) -> int:
        """The number of the revision in force; 0 before any."""
        return max(self.revisions, default=0)


def number_of(offer: Offer) -> int:
    """The number of a revision."""
    return 1 if isinstance(offer, QuoteSent) else offer.revision


def content_of(offer: Offer) -> tuple[object, ...]:
    """What a revision says, whatever its number and its time."""
    said = (offer.lines, offer.descriptions, offer.exemption, offer.note)
    return offer.currency, offer.prices, offer.valid_until, *said


def totals_of(offer: Offer) -> Totals:
    """What a revision comes to."""
    return totals(((line.tax_rate, line.amount) for line in offer.lines), offer.prices)


def stated(offer: Offer) -> int:
    """What a revision comes to as its prices are stated, net or gross, in minor units."""
    found = totals_of(offer)
    return found.net if offer.prices == "net" else found.gross


def evolve(state: Quote, event: QuoteEvent) -> Quote:
    """The state after an event. Total: history is never argued with."""
    match event:
        case QuoteSent() | QuoteRevised():
            number = number_of(event)
            declined = None if number > state.revision else state.declined
            return replace(
                state,
                sent=event if isinstance(event, QuoteSent) else state.sent,
                revisions=state.revisions.put(number, event),
                known=state.known.put(number, event),
                declined=declined,
            )
        case QuoteAccepted():
            return replace(state, accepted=state.accepted or event)
        case QuoteDeclined():
            return replace(state, declined=event)


# -------------------------------------------------------------------------------------------------------- commands


def _exact(value: object) -> Decimal:
    if isinstance(value, bool | float) or not isinstance(value, Decimal | str | int):
        raise ValueError('expected a number as a Decimal or text such as "19", never a float')
    if isinstance(value, str):
        if len(value) > 40 or not is_plain_number(value.strip()):
            raise ValueError('expected a decimal number such as "19" or "0.015"')
        return plain_decimal(value)
    return Decimal(value)


Quantity = Annotated[Decimal, BeforeValidator(_exact), Field(gt=0, le=10**9, max_digits=18, decimal_places=6)]
UnitPrice = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, le=10**10, max_digits=18, decimal_places=6)]
Percent = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, le=100, max_digits=9, decimal_places=6)]


class QuoteLine(BaseModel):
    """One line of a quote as it is told to us."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    description: Text | None = None
    sku: Label | None = None
    quantity: Quantity = Decimal(1)
    unit_price: UnitPrice
    tax_rate: Percent

    @model_validator(mode="after")
    def _says_what(self) -> QuoteLine:
        if self.description is None and self.sku is None:
            raise ValueError("a line says what it is: by a description, an sku, or both")
        return self


Lines = Annotated[tuple[QuoteLine, ...], Field(max_length=MAX_LINES)]


class SendQuote(Command):
    """Write down what a customer is offered, e.g. lines='[{"sku": "tea", "unit_price": "9.50", "tax_rate": "7"}]'

    Prices are net unless `prices` says gross. It is valid up to the end of the day `valid_until`.
    """

    customer: Who
    quote_id: Label
    lines: Lines
    prices: Prices = "net"
    currency: Currency | None = None
    valid_until: BusinessDay | None = None
    exemption: Text | None = None
    note: Text | None = None
    opportunity_id: Label | None = None
    firm: Who | None = None


class QuoteCommand(Command):
    """A command to a quote, which knows its customer."""

    quote_id: Label


class ReviseQuote(QuoteCommand):
    """Write down what is offered in place of an earlier revision, with all its lines.

    `revision` is its number, by default the next one; told with its time, it is told with its number.
    """

    lines: Lines
    revision: Annotated[Whole, Field(ge=2, le=10_000)] | None = None
    prices: Prices = "net"
    currency: Currency | None = None
    valid_until: BusinessDay | None = None
    exemption: Text | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _is_numbered(self) -> ReviseQuote:
        if self.occurred_at is not None and self.revision is None:
            raise ValueError("a revision that is told with its time is told with its number, such as revision=2")
        return self


class AcceptQuote(QuoteCommand):
    """Write down that the revision in force was accepted, e.g. quote_id=Q-1; it wins the opportunity that it is for.

    `order_id` records the order with it, `contract_id` signs the contract, which begins on the day `start`.
    """

    revision: Annotated[Whole, Field(ge=1, le=10_000)] | None = None
    order_id: Label | None = None
    contract_id: Label | None = None
    start: BusinessDay | None = None
    end: BusinessDay | None = None
    renewal_months: Months | None = None
    notice_days: NoticeDays | None = None

    @model_validator(mode="after")
    def _has_its_terms(self) -> AcceptQuote:
        given = [name for name in ("start", "end", "renewal_months", "notice_days") if getattr(self, name) is not None]
        if self.contract_id is None and given:
            say, them = ("says", "it") if len(given) == 1 else ("say", "them")
            raise ValueError(f"{' and '.join(given)} {say} what a contract is, so a contract_id goes with {them}")
        if self.contract_id is not None and self.start is None:
            raise ValueError("a contract begins on a day: give its start beside contract_id")
        return self


class DeclineQuote(QuoteCommand):
    """Write down that a quote was declined, e.g. quote_id=Q-1 cause=price"""

    cause: Label | None = None
    detail: Text | None = None


# ------------------------------------------------------------------------------------------------------- decisions


def send(command: SendQuote, state: Quote, context: Context) -> tuple[Event, ...]:
    """Invariants 1, 2 and 4: when it was sent is no part of its content, as a retry may come later."""
    currency = currency_of(command.currency, context)
    event = QuoteSent(
        quote_id=command.quote_id,
        at=occurred_at(command, context.now),
        currency=currency,
        lines=_lines(command, currency),
        prices=command.prices,
        valid_until=command.valid_until,
        opportunity_id=command.opportunity_id,
        firm_id=None if command.firm is None else str(command.firm),
        descriptions=_descriptions(command),
        exemption=command.exemption,
        note=command.note,
    )
    if state.sent is not None and event == replace(state.sent, at=event.at):
        return ()
    if state.sent is not None:
        raise Rejected("quote_id_taken", f'quote "{command.quote_id}" is known already with other content; revise it')
    _require_sound(event, context)
    return (event,)


def revise(command: ReviseQuote, state: Quote, context: Context) -> tuple[Event, ...]:
    """Invariants 1 to 5."""
    at, currency = occurred_at(command, context.now), currency_of(command.currency, context)
    _require_sent(command, state, at)
    number = command.revision or max(state.known, default=1) + 1
    event = QuoteRevised(
        quote_id=command.quote_id,
        at=at,
        revision=number,
        currency=currency,
        lines=_lines(command, currency),
        prices=command.prices,
        valid_until=command.valid_until,
        descriptions=_descriptions(command),
        exemption=command.exemption,
        note=command.note,
    )
    known = state.known.get(number)
    if known is not None and content_of(event) == content_of(known):
        return ()
    if known is not None:
        sentence = f'revision {number} of quote "{command.quote_id}" is known already with other content'
        raise Rejected("revision_taken", f"{sentence}; give the new one another number")
    if command.revision is None and content_of(event) == content_of(state.revisions[state.revision]):
        return ()
    _require_open(command, state, at)
    _require_sound(event, context)
    return (event,)


def accept(command: AcceptQuote, state: Quote, context: Context) -> tuple[Event, ...]:
    """Invariants 4 to 6."""
    at = occurred_at(command, context.now)
    _require_sent(command, state, at)
    number = state.revision if command.revision is None else command.revision
    if state.accepted is not None:
        if command.occurred_at is None and number == state.accepted.revision:
            return ()
        raise Rejected("quote_accepted_already", _accepted(state.accepted))
    offer = state.revisions.get(number)
    if offer is None:
        raise Rejected("unknown_revision", f'quote "{command.quote_id}" has no revision {number}')
    if number < state.revision:
        sentence = f'revision {number} of quote "{command.quote_id}" was superseded by revision {state.revision}'
        raise Rejected("revision_superseded", f"{sentence}; only that one can be accepted")
    if state.declined is not None:
        raise Rejected("quote_declined", f'quote "{command.quote_id}" was declined; revise it first')
    if is_expired(offer, context, at):
        sentence = f'quote "{command.quote_id}" was valid until {offer.valid_until}; revise it first'
        raise Rejected("quote_expired", sentence)
    found = totals_of(offer)
    return (
        QuoteAccepted(
            quote_id=command.quote_id,
            at=at,
            revision=number,
            currency=offer.currency,
            net=found.net,
            tax=found.tax,
            gross=found.gross,
            order_id=command.order_id,
            contract_id=command.contract_id,
        ),
    )


def decline(command: DeclineQuote, state: Quote, context: Context) -> tuple[Event, ...]:
    """Invariant 5. Told with its time it is written down, also where it was declined before."""
    at = occurred_at(command, context.now)
    _require_sent(command, state, at)
    event = QuoteDeclined(quote_id=command.quote_id, at=at, cause=command.cause, detail=command.detail)
    if command.occurred_at is None and state.declined is not None and event == replace(state.declined, at=at):
        return ()
    _require_open(command, state, at)
    return (event,)


def is_expired(offer: Offer, context: Context, at: int) -> bool:
    """Whether a revision has run out by an instant: invariant 4."""
    return offer.valid_until is not None and at >= after_day(offer.valid_until, ZoneInfo(context.zone))


def _require_sent(command: QuoteCommand, state: Quote, at: int) -> None:
    if state.sent is None:
        raise Rejected("unknown_quote", f'there is no quote "{command.quote_id}"')
    if at < state.sent.at:
        said, sent = to_datetime(at).isoformat(), to_datetime(state.sent.at).isoformat()
        raise Rejected("out_of_order", f'{said} lies before quote "{command.quote_id}" was sent, which was at {sent}')


def _require_open(command: QuoteCommand, state: Quote, at: int) -> None:
    if state.accepted is not None and state.accepted.at <= at:
        raise Rejected("quote_accepted", _accepted(state.accepted))


def _accepted(accepted: QuoteAccepted) -> str:
    when = to_datetime(accepted.at).isoformat()
    what = f'revision {accepted.revision} of quote "{accepted.quote_id}" was accepted at {when}'
    return f"{what}, and what was accepted is never changed"


def _require_sound(event: Offer, context: Context) -> None:
    """Invariants 2 and 4."""
    if not event.lines:
        raise Rejected("no_lines", f'quote "{event.quote_id}" has no lines; expected one at least')
    gross = totals_of(event).gross
    if gross > MAX_MINOR_UNITS:
        limit = from_minor_units(MAX_MINOR_UNITS, event.currency)
        raise Rejected("invalid_amount", f'quote "{event.quote_id}" comes to more than the largest amount, {limit}')
    if event.exemption is not None and all(Fraction(line.tax_rate) for line in event.lines):
        sentence = f'quote "{event.quote_id}" says why it is free of tax, and each of its lines has a tax rate above 0'
        raise Rejected("nothing_exempt", sentence)
    if is_expired(event, context, event.at):
        sent = to_datetime(event.at).isoformat()
        raise Rejected("valid_too_short", f"valid until {event.valid_until} is over before it is sent, at {sent}")


def _lines(command: SendQuote | ReviseQuote, currency: str) -> tuple[QuotedLine, ...]:
    exponent = exponent_of(currency)
    return tuple(_line(each, exponent) for each in command.lines)


def _line(told: QuoteLine, exponent: int) -> QuotedLine:
    quantity, unit_price, rate = (plain_number(each) for each in (told.quantity, told.unit_price, told.tax_rate))
    amount = line_amount(quantity, unit_price, exponent)
    return QuotedLine(quantity=quantity, unit_price=unit_price, tax_rate=rate, amount=amount, sku=told.sku)


def _descriptions(command: SendQuote | ReviseQuote) -> tuple[str | None, ...] | None:
    found = tuple(each.description for each in command.lines)
    return found if any(found) else None


def decide(command: Command, state: Quote, context: Context) -> tuple[Event, ...]:
    """Hand a command to its decision. Raises Rejected where an invariant would break."""
    match command:
        case SendQuote():
            return send(command, state, context)
        case ReviseQuote():
            return revise(command, state, context)
        case AcceptQuote():
            return accept(command, state, context)
        case DeclineQuote():
            return decline(command, state, context)
        case _:
            raise TypeError(f"{type(command).__name__} is not a command to a quote")


# At one instant they answer what was offered until then.
CHRONOLOGY = Chronology(
    first=(QuoteSent,),
    whole=("known", "accepted"),
    words=((ReviseQuote, QuoteRevised), (DeclineQuote, QuoteDeclined), (AcceptQuote, QuoteAccepted)),
)

QUOTE = Decider(category=CATEGORY, initial=Quote(), evolve=evolve, decide=decide, chronology=CHRONOLOGY)
