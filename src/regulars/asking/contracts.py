"""Contracts as of any day: which are in force, until when, and by when notice is given where one renews by itself."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import cast, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from regulars.adapters.read_models.keyed_pages import HeldKey
from regulars.adapters.store.horizon import OpenTransaction
from regulars.adapters.store.transaction import Transaction
from regulars.asking.customers import folded_in
from regulars.asking.held import HeldPage, HeldQuery, cursor_of, find_held
from regulars.asking.one_customer import read_contacts
from regulars.asking.paging import MAX_PAGE, Following, Paged
from regulars.asking.quotes import last_day
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.contract.renewal import notice_by, term_end
from regulars.crm_domain.instant import FOREVER, MICROSECOND, after_day, to_datetime
from regulars.crm_domain.money import from_minor_units
from regulars.projections.contracts import CONTRACTS, ContractStatus, ContractVerdict
from regulars.session.freshness import Freshness
from regulars.session.instants import instant_asked
from regulars.session.session import Session
from regulars.session.traced import traced
from regulars.session.viewpoint import Viewpoint


@dataclass(frozen=True, slots=True)
class ContractView:
    """A contract as of an instant: "upcoming", "active" or "ended". Days are those of the business's zone.

    It is in force from `start` to the end of `end`, which is None where it has no end; a term is worth `amount`.
    One that renews by itself has `renewal_months`; the term that runs then, or comes first, ends with `term_end`, and
    notice that ends it is given by the end of `notice_by`.
    """

    contract_id: str
    customer_id: CustomerId
    ref: str | None
    status: ContractStatus
    start: date
    end: date | None
    amount: Decimal
    currency: str
    since: datetime
    until: datetime | None
    renewal_months: int | None
    notice_days: int | None
    term_end: date | None
    notice_by: date | None
    quote_id: str | None
    opportunity_id: str | None
    firm_id: CustomerId | None

    @property
    def due(self) -> date | None:
        """The day by which something is to be done: notice by then, or it renews; else the day with which it ends."""
        return self.notice_by if self.renewal_months is not None else self.end


@dataclass(frozen=True, slots=True)
class ContractPage(Paged[ContractView]):
    """Some contracts, and where to go on: pass `after` to ask for the next page, None where this was the last.

    Iterating a page that `goes_on`, because no `limit` was given, goes through all that follow as well; `len` and
    indexes are about this page alone. `behind` and `held_back_by` are those of a page of customers.
    """

    contracts: tuple[ContractView, ...]
    after: str | None
    as_of: datetime
    behind: int = 0
    held_back_by: OpenTransaction | None = None
    goes_on: bool = field(init=False)
    following: InitVar[Following | None] = field(kw_only=True)

    def _items(self) -> tuple[ContractView, ...]:
        return self.contracts


class ContractQuery(Struct, frozen=True, kw_only=True):
    """What is asked of a list of contracts. See Regulars.contracts. `at` is the instant of the pages before."""

    customer: str | CustomerId | None
    firm: str | CustomerId | None
    status: str | None
    ending_within: timedelta | None
    as_of: datetime | date | None
    known_at: datetime | date | None
    limit: int
    after: str | None
    freshness: Freshness
    goes_on: bool
    at: int | None = None


@traced("contracts")
def find_contracts(session: Session, query: ContractQuery) -> ContractPage:
    """A page of contracts. Raises NotFound for an unknown customer, ValueError for a status that there isn't."""
    status = _status_asked(query)
    with folded_in(session, query.freshness, query.known_at, None, None) as (tx, viewpoint):
        at, zone = query.at, viewpoint.rules.zone
        if at is None:
            at = instant_asked(session.now(), zone, query.as_of, query.known_at)
        asked = HeldQuery(
            projector=CONTRACTS,
            at=at,
            customer=query.customer,
            firm=query.firm,
            value=status,
            limit=query.limit,
            after=query.after,
            freshness=query.freshness,
        )
        page = _page(session, tx, viewpoint, asked, query.ending_within)
        contacts = read_contacts(tx, {each.customer_id for each in page.found})
        currency = session.store.currency(tx.connection) or ""
        return ContractPage(
            contracts=tuple(
                view_contract(each, contacts[each.customer_id].ref, currency, zone, at) for each in page.found
            ),
            after=page.after,
            as_of=to_datetime(at),
            behind=page.behind,
            held_back_by=page.held_back_by,
            following=partial(_following, session, replace(query, at=at)) if query.goes_on else None,
        )


def _following(session: Session, query: ContractQuery, after: str) -> ContractPage:
    return find_contracts(session, replace(query, after=after, limit=MAX_PAGE))


def _status_asked(query: ContractQuery) -> str | None:
    if query.status not in (None, *get_args(ContractStatus)):
        raise ValueError(f'status is one of {", ".join(get_args(ContractStatus))}, not "{query.status}"')
    if query.ending_within is None:
        return query.status
    if query.ending_within < timedelta(0):
        raise ValueError(f"ending_within is a time from then on, not {query.ending_within}")
    if query.status not in (None, "active"):
        raise ValueError(f'only what is "active" ends, so ending_within can\'t be asked of "{query.status}"')
    return "active"


def _page(
    session: Session, tx: Transaction, viewpoint: Viewpoint, asked: HeldQuery, within: timedelta | None
) -> HeldPage:
    """A page of contracts; `within` a time, of those that end by then, or renew unless notice is given by then.

    When one renews is worked out here, as its row has its first term alone: pages are read on until one is full.
    """
    if within is None:
        return find_held(session, tx, viewpoint, asked)
    zone, until, found = viewpoint.rules.zone, asked.at + within // MICROSECOND, list[HeldKey]()
    reading = replace(asked, limit=MAX_PAGE)
    while True:
        page = find_held(session, tx, viewpoint, reading)
        found += [each for each in page.found if _is_due(each, zone, asked.at, until)]
        if page.after is None or len(found) > asked.limit:
            break
        reading = replace(reading, after=page.after)
    cut = found[: asked.limit]
    return replace(page, found=cut, after=cursor_of(asked.place(cut[-1])) if len(found) > len(cut) else None)


def _is_due(held: HeldKey, zone: ZoneInfo, at: int, until: int) -> bool:
    verdict = cast("ContractVerdict", held.interval.verdict)
    if verdict.renewal_months is None:
        return verdict.ends_at is not None and verdict.ends_at <= until
    _, notice = _renewal(verdict, zone, at)
    return notice is not None and after_day(notice, zone) <= until


def _renewal(verdict: ContractVerdict, zone: ZoneInfo, at: int) -> tuple[date | None, date | None]:
    """Of a contract that renews by itself: the last day of the term that runs at an instant, or comes first, and the
    next last day for notice. None for others.
    """
    first = last_day(verdict.first_term_ends_at, zone)
    if first is None or verdict.renewal_months is None:
        return None, None
    day = to_datetime(at).astimezone(zone).date()
    notice = notice_by(first, verdict.renewal_months, verdict.notice_days or 0, day)
    return term_end(first, verdict.renewal_months, day), notice


def view_contract(held: HeldKey, ref: str | None, currency: str, zone: ZoneInfo, at: int) -> ContractView:
    """A contract as people read it."""
    interval, verdict = held.interval, cast("ContractVerdict", held.interval.verdict)
    term, notice = _renewal(verdict, zone, at)
    start = last_day(verdict.starts_at, zone)
    assert start is not None
    return ContractView(
        contract_id=interval.key,
        customer_id=CustomerId(held.customer_id),
        ref=ref,
        status=verdict.value,
        start=start + timedelta(days=1),
        end=last_day(verdict.ends_at, zone),
        amount=from_minor_units(verdict.amount, currency),
        currency=currency,
        since=to_datetime(interval.valid_from),
        until=None if interval.valid_to == FOREVER else to_datetime(interval.valid_to),
        renewal_months=verdict.renewal_months,
        notice_days=verdict.notice_days,
        term_end=term,
        notice_by=notice,
        quote_id=verdict.quote_id,
        opportunity_id=verdict.opportunity_id,
        firm_id=None if verdict.firm_id is None else CustomerId(verdict.firm_id),
    )
