"""Quotes as of any day: a list of them, and one in full, with the lines and the tax of a revision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial, reduce
from typing import cast, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from regulars.adapters.read_models.keyed_pages import HeldKey
from regulars.adapters.store.horizon import OpenTransaction
from regulars.adapters.store.transaction import Transaction
from regulars.asking.audit import AuditEntry, entries_of
from regulars.asking.customers import folded_in
from regulars.asking.held import HeldQuery, find_held
from regulars.asking.one_customer import read_contacts
from regulars.asking.paging import MAX_PAGE, Following, Paged
from regulars.crm_domain import quote
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.errors import NotFound
from regulars.crm_domain.event import Recorded
from regulars.crm_domain.instant import FOREVER, MICROSECOND, to_datetime
from regulars.crm_domain.money import exact_price, from_minor_units
from regulars.crm_domain.quote import Offer, Prices, Quote, QuotedLine, QuoteEvent, number_of, totals_of
from regulars.projections.engine.fold import Happened, by_key, fold_some, verdict_at
from regulars.projections.quotes import QUOTES, QuoteStatus, QuoteVerdict
from regulars.session.freshness import Freshness
from regulars.session.instants import instant_asked
from regulars.session.session import Session
from regulars.session.traced import traced
from regulars.session.viewpoint import Viewpoint


@dataclass(frozen=True, slots=True)
class QuoteView:
    """A quote as of an instant: "sent", "accepted", "declined" or "expired", and what its revision comes to.

    The revision is the one in force, or the accepted one, which was sent at `sent_at`. `since` is when the quote came
    to be so, `until` when that changes by itself. It is valid up to the end of the day `valid_until`, in the business's
    zone.
    """

    quote_id: str
    customer_id: CustomerId
    ref: str | None
    status: QuoteStatus
    revision: int
    net: Decimal
    tax: Decimal
    gross: Decimal
    currency: str
    sent_at: datetime
    valid_until: date | None
    since: datetime
    until: datetime | None
    opportunity_id: str | None
    firm_id: CustomerId | None


@dataclass(frozen=True, slots=True)
class QuotePage(Paged[QuoteView]):
    """Some quotes, and where to go on: pass `after` to ask for the next page, None where this was the last.

    Iterating a page that `goes_on`, because no `limit` was given, goes through all that follow as well; `len` and
    indexes are about this page alone. `behind` and `held_back_by` are those of a page of customers.
    """

    quotes: tuple[QuoteView, ...]
    after: str | None
    as_of: datetime
    behind: int = 0
    held_back_by: OpenTransaction | None = None
    goes_on: bool = field(init=False)
    following: InitVar[Following | None] = field(kw_only=True)

    def _items(self) -> tuple[QuoteView, ...]:
        return self.quotes


@dataclass(frozen=True, slots=True)
class QuoteLineView:
    """A line of a quote: an exact quantity and unit price, the tax rate in percent, and what it comes to.

    `description` is None where there is none, or once the customer is forgotten.
    """

    description: str | None
    sku: str | None
    quantity: Decimal
    unit_price: Decimal
    tax_rate: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class QuoteTax:
    """What the lines of one tax rate, in percent, come to."""

    rate: Decimal
    net: Decimal
    tax: Decimal
    gross: Decimal


@dataclass(frozen=True, slots=True)
class QuoteRevision:
    """A revision of a quote, when it was sent, and what it comes to."""

    revision: int
    sent_at: datetime
    gross: Decimal
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class WholeQuote:
    """One quote as of an instant, and one of its revisions in full: with its lines and its tax by rate.

    `shown` is the revision shown, by default that of `quote`. `prices` says whether unit prices and lines are net or
    gross. `name` and `email` are the customer's, `firm` is the name of the firm that it is for; all of these, `note`,
    `exemption` and `detail` are None once they are forgotten. `cause` is why it was declined. `events` are all that had
    happened to it by then, oldest first.
    """

    quote: QuoteView
    as_of: datetime
    shown: QuoteRevision
    prices: Prices
    lines: tuple[QuoteLineView, ...]
    taxes: tuple[QuoteTax, ...]
    net: Decimal
    tax: Decimal
    gross: Decimal
    exemption: str | None
    note: str | None
    name: str | None
    email: str | None
    firm: str | None
    accepted_at: datetime | None
    order_id: str | None
    contract_id: str | None
    cause: str | None
    detail: str | None
    revisions: tuple[QuoteRevision, ...]
    events: tuple[AuditEntry, ...]
    zone: str


class QuoteQuery(Struct, frozen=True, kw_only=True):
    """What is asked of a list of quotes. See Regulars.quotes. `at` is the instant of the pages before."""

    customer: str | CustomerId | None
    firm: str | CustomerId | None
    status: str | None
    opportunity_id: str | None
    expiring_within: timedelta | None
    as_of: datetime | date | None
    known_at: datetime | date | None
    limit: int
    after: str | None
    freshness: Freshness
    goes_on: bool
    at: int | None = None


@traced("quotes")
def find_quotes(session: Session, query: QuoteQuery) -> QuotePage:
    """A page of quotes. Raises NotFound for an unknown customer, ValueError for a status that there isn't."""
    status = _status_asked(query)
    with folded_in(session, query.freshness, query.known_at, None, None) as (tx, viewpoint):
        at, zone = query.at, viewpoint.rules.zone
        if at is None:
            at = instant_asked(session.now(), zone, query.as_of, query.known_at)
        within = query.expiring_within
        page = find_held(
            session,
            tx,
            viewpoint,
            HeldQuery(
                projector=QUOTES,
                at=at,
                customer=query.customer,
                firm=query.firm,
                value=status,
                limit=query.limit,
                after=query.after,
                freshness=query.freshness,
                equal={} if query.opportunity_id is None else {"opportunity_id": query.opportunity_id},
                at_most={} if within is None else {"valid_until": min(at + within // MICROSECOND, FOREVER)},
            ),
        )
        contacts = read_contacts(tx, {each.customer_id for each in page.found})
        currency = session.store.currency(tx.connection) or ""
        return QuotePage(
            quotes=tuple(view_quote(each, contacts[each.customer_id].ref, currency, zone) for each in page.found),
            after=page.after,
            as_of=to_datetime(at),
            behind=page.behind,
            held_back_by=page.held_back_by,
            following=partial(_following, session, replace(query, at=at)) if query.goes_on else None,
        )


def _following(session: Session, query: QuoteQuery, after: str) -> QuotePage:
    return find_quotes(session, replace(query, after=after, limit=MAX_PAGE))


def _status_asked(query: QuoteQuery) -> str | None:
    if query.status not in (None, *get_args(QuoteStatus)):
        raise ValueError(f'status is one of {", ".join(get_args(QuoteStatus))}, not "{query.status}"')
    if query.expiring_within is None:
        return query.status
    if query.expiring_within < timedelta(0):
        raise ValueError(f"expiring_within is a time from then on, not {query.expiring_within}")
    if query.status not in (None, "sent"):
        raise ValueError(f'only what is "sent" runs out, so expiring_within can\'t be asked of "{query.status}"')
    return "sent"


def view_quote(held: HeldKey, ref: str | None, currency: str, zone: ZoneInfo) -> QuoteView:
    """A quote as people read it."""
    interval, verdict = held.interval, cast("QuoteVerdict", held.interval.verdict)
    return QuoteView(
        quote_id=interval.key,
        customer_id=CustomerId(held.customer_id),
        ref=ref,
        status=verdict.value,
        revision=verdict.revision,
        net=from_minor_units(verdict.net, currency),
        tax=from_minor_units(verdict.tax, currency),
        gross=from_minor_units(verdict.gross, currency),
        currency=currency,
        sent_at=to_datetime(verdict.sent_at),
        valid_until=last_day(verdict.valid_until, zone),
        since=to_datetime(interval.valid_from),
        until=None if interval.valid_to == FOREVER else to_datetime(interval.valid_to),
        opportunity_id=verdict.opportunity_id,
        firm_id=None if verdict.firm_id is None else CustomerId(verdict.firm_id),
    )


def last_day(over: int | None, zone: ZoneInfo) -> date | None:
    """The day that is over at an instant; None where there is no such instant, or it lies beyond all calendars."""
    if over is None or over == FOREVER:
        return None
    return to_datetime(over - 1).astimezone(zone).date()


@traced("quote")
def find_quote(
    session: Session,
    quote_id: str,
    revision: int | None,
    as_of: datetime | date | None,
    known_at: datetime | date | None,
) -> WholeQuote:
    """One quote. Raises NotFound where there is none of that id or revision, or it wasn't sent by then."""
    with session.store.reading() as tx:
        viewpoint = session.viewpoint(tx, known_at)
        events = [each for each in _events_of(session, tx, quote_id) if viewpoint.knows(each.position)]
        if not events:
            raise NotFound(f'there is no quote "{quote_id}"{viewpoint.known_then}')
        latest = max(session.now(), events[-1].occurred_at)
        at = instant_asked(latest, viewpoint.rules.zone, as_of, known_at)
        return _find(session, tx, viewpoint, quote_id, revision, events, at)


def _find(
    session: Session,
    tx: Transaction,
    viewpoint: Viewpoint,
    quote_id: str,
    revision: int | None,
    events: list[Recorded[QuoteEvent]],
    at: int,
) -> WholeQuote:
    rules = viewpoint.rules
    happened = [each for each in events if each.occurred_at <= at]
    state = _state_of(happened)
    told = [Happened(each.occurred_at, each.position, each.event) for each in happened]
    held = verdict_at(by_key(fold_some(told, rules, (QUOTES,))[1][QUOTES.name]).get(quote_id, []), at)
    if held is None:
        raise NotFound(f'quote "{quote_id}" had not been sent by {to_datetime(at).isoformat()}')
    owner = session.members(tx, CustomerId(events[0].customer_id), viewpoint.until)[0]
    number = held.verdict.revision if revision is None else revision
    offer = state.revisions.get(number)
    if offer is None:
        raise NotFound(f'quote "{quote_id}" has no revision {number}; it has {_numbers(state)}')
    currency, zone, sent_at = offer.currency, rules.zone, _sent_at(happened)
    money = partial(from_minor_units, currency=currency)
    firm_id = held.verdict.firm_id
    contacts = read_contacts(tx, [owner, *([] if firm_id is None else [firm_id])])
    accepted, declined, found = state.accepted, state.declined, totals_of(offer)
    return WholeQuote(
        quote=view_quote(HeldKey(customer=0, customer_id=owner, interval=held), contacts[owner].ref, currency, zone),
        as_of=to_datetime(at),
        shown=_revision(offer, sent_at, money),
        prices=offer.prices,
        lines=tuple(
            _line(line, description, currency)
            for line, description in zip(offer.lines, offer.descriptions or [None] * len(offer.lines), strict=True)
        ),
        taxes=tuple(
            QuoteTax(Decimal(each.rate), money(each.net), money(each.tax), money(each.gross)) for each in found.rates
        ),
        net=money(found.net),
        tax=money(found.tax),
        gross=money(found.gross),
        exemption=offer.exemption,
        note=offer.note,
        name=contacts[owner].name,
        email=contacts[owner].email,
        firm=None if firm_id is None else contacts[firm_id].name,
        accepted_at=None if accepted is None else to_datetime(accepted.at),
        order_id=None if accepted is None else accepted.order_id,
        contract_id=None if accepted is None else accepted.contract_id,
        cause=None if declined is None else declined.cause,
        detail=None if declined is None else declined.detail,
        revisions=tuple(_revision(state.revisions[each], sent_at, money) for each in sorted(state.revisions)),
        events=entries_of(tx, session.store.registry.catalogue, happened),
        zone=zone.key,
    )


def _events_of(session: Session, tx: Transaction, quote_id: str) -> list[Recorded[QuoteEvent]]:
    """What happened to a quote, in order of time."""
    stream_id = session.store.stream_of(quote.CATEGORY, quote_id)
    recorded = (each for each in tx.log.streams([stream_id]) if isinstance(each.event, QuoteEvent))
    return quote.CHRONOLOGY.in_order(cast("Recorded[QuoteEvent]", each) for each in recorded)


def _state_of(events: list[Recorded[QuoteEvent]]) -> Quote:
    return reduce(quote.QUOTE.evolve, (each.event for each in events), Quote())


def _sent_at(events: list[Recorded[QuoteEvent]]) -> dict[int, int]:
    """When each revision was sent."""
    return {number_of(each.event): each.occurred_at for each in events if isinstance(each.event, Offer)}


def _numbers(state: Quote) -> str:
    return ", ".join(str(each) for each in sorted(state.revisions))


def _revision(offer: Offer, sent_at: dict[int, int], money: Callable[[int], Decimal]) -> QuoteRevision:
    number = number_of(offer)
    return QuoteRevision(
        revision=number,
        sent_at=to_datetime(sent_at[number]),
        gross=money(totals_of(offer).gross),
        valid_until=offer.valid_until,
    )


def _line(line: QuotedLine, description: str | None, currency: str) -> QuoteLineView:
    return QuoteLineView(
        description=description,
        sku=line.sku,
        quantity=Decimal(line.quantity),
        unit_price=exact_price(line.unit_price, currency),
        tax_rate=Decimal(line.tax_rate),
        amount=from_minor_units(line.amount, currency),
    )
