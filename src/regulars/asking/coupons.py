"""Coupons as of any day: what was redeemed, what is outstanding, and what that may cost at most.

Read from the log: a series is one stream, which says itself what of it stands.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import reduce
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from regulars.adapters.log.event_log import Search
from regulars.adapters.store.transaction import Transaction
from regulars.asking.one_customer import read_contacts
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.coupon import (
    COUPON,
    Coupon,
    CouponCreated,
    CouponEvent,
    CouponRedeemed,
    CouponReleased,
    evolve,
    uses_by,
)
from regulars.crm_domain.coupon_code import normal_form, shown
from regulars.crm_domain.errors import NotFound
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import after_day, to_datetime
from regulars.crm_domain.issued_coupon import ISSUED_COUPONS, CouponIssued
from regulars.crm_domain.money import from_minor_units
from regulars.crm_domain.rulebook import NOBODY
from regulars.session.instants import instant_asked
from regulars.session.session import Session
from regulars.session.traced import traced

CouponStatus = Literal["upcoming", "valid", "over"]


@dataclass(frozen=True, slots=True)
class CouponView:
    """A series of coupons as of an instant: "upcoming", "valid", or "over".

    It takes off `percent`, `up_to` so much, or an `amount`. `issued` counts the personal codes that were, those of the
    forgotten included; it is None where everybody may give the id as code. `redeemed` counts redemptions, of which
    `released` don't count any more; `discount` is what the others took off in all. For `outstanding` orders it may be
    redeemed yet, which may cost `may_cost`; None where there is no limit to it. One that is over may be for none.
    """

    coupon_id: str
    status: CouponStatus
    is_personal: bool
    percent: int | None
    amount: Decimal | None
    up_to: Decimal | None
    minimum: Decimal | None
    currency: str | None
    valid_from: date | None
    valid_until: date | None
    per_person: int | None
    in_all: int | None
    issued: int | None
    redeemed: int
    released: int
    discount: Decimal
    outstanding: int | None
    may_cost: Decimal | None


@dataclass(frozen=True, slots=True)
class CouponUse:
    """An order that a coupon was redeemed with, and that stands: whose, what was taken off, and when it was redeemed.

    That is when the order was placed; where it was recorded anew, when that was.
    """

    order_id: str
    customer_id: CustomerId
    ref: str | None
    at: datetime
    discount: Decimal


@dataclass(frozen=True, slots=True)
class WholeCoupon:
    """A series of coupons as of an instant, with the orders that redeemed it and stand, the latest first."""

    coupon: CouponView
    uses: tuple[CouponUse, ...]


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A personal code of a customer, as it is now: for `uses_left` orders it is still good."""

    coupon_id: str
    code: str
    issued_at: datetime
    status: CouponStatus
    valid_until: date | None
    uses_left: int


class _Asked(Struct, frozen=True):
    """The instant in question, the last position to be known, and the zone of the business's days."""

    at: int
    until: int | None
    zone: ZoneInfo


#: What happened to a series, each with its instant, in order of recording.
_Told = Sequence[tuple[int, CouponEvent]]


@traced("coupons")
def find_coupons(
    session: Session, status: str | None, as_of: datetime | date | None, known_at: datetime | date | None
) -> tuple[CouponView, ...]:
    """All series of coupons, by their ids. Raises ValueError for a status that there isn't."""
    if status not in (None, *get_args(CouponStatus)):
        raise ValueError(f'status is one of {", ".join(get_args(CouponStatus))}, not "{status}"')
    with session.store.reading() as tx:
        asked = _asked(session, tx, as_of, known_at)
        told: dict[str, list[tuple[int, CouponEvent]]] = {}
        search = Search(customer_ids=(NOBODY,), types=_OF_COUPONS, known_until=asked.until, until=asked.at)
        for each in tx.log.every(replace(search, oldest_first=True)):
            if isinstance(each.event, CouponEvent):
                told.setdefault(each.event.coupon_id, []).append((each.occurred_at, each.event))
        issued = _issued(tx, asked)
        views = [_view(tx, its, issued.get(coupon_id, ()), asked) for coupon_id, its in sorted(told.items())]
    return tuple(each for each in views if each is not None and status in (None, each.status))


@traced("coupon")
def find_coupon(
    session: Session, coupon_id: str, as_of: datetime | date | None, known_at: datetime | date | None
) -> WholeCoupon:
    """One series of coupons. Raises NotFound for an id that there isn't, or wasn't by then."""
    key = normal_form(coupon_id)
    with session.store.reading() as tx:
        asked = _asked(session, tx, as_of, known_at)
        told = [
            (each.occurred_at, each.event)
            for each in tx.log.streams([session.store.stream_of(COUPON.category, key)])
            if isinstance(each.event, CouponEvent)
            and each.occurred_at <= asked.at
            and (asked.until is None or each.position <= asked.until)
        ]
        view = _view(tx, told, _issued(tx, asked).get(key, ()), asked)
        if view is None:
            then = "" if as_of is None and known_at is None else " by then"
            raise NotFound(f'there is no coupon "{coupon_id}"{then}')
        uses = _uses(tx, told)
    return WholeCoupon(coupon=view, uses=uses)


@traced("coupon codes")
def find_codes(session: Session, who: str | CustomerId) -> tuple[IssuedCode, ...]:
    """The personal codes of a customer, merges included, the latest first. Raises NotFound for an unknown one."""
    with session.store.reading() as tx:
        members = session.members(tx, who)
        asked = _asked(session, tx, None, None)
        streams = [session.store.stream_of(ISSUED_COUPONS.category, each) for each in members]
        issued = [
            (each.occurred_at, each.event)
            for each in tx.log.streams(streams)
            if isinstance(each.event, CouponIssued) and each.event.code is not None
        ]
        found = [_code(tx, session, event, at, members, asked) for at, event in issued]
    return tuple(sorted(found, key=lambda each: (each.issued_at, each.coupon_id), reverse=True))


_OF_COUPONS: frozenset[type[Event]] = frozenset(get_args(CouponEvent))


def _asked(
    session: Session, tx: Transaction, as_of: datetime | date | None, known_at: datetime | date | None
) -> _Asked:
    zone = session.ruleset(tx).zone
    at = instant_asked(session.now(), zone, as_of, known_at)
    return _Asked(at, session.known_until(tx, known_at), zone)


def _issued(tx: Transaction, asked: _Asked) -> Mapping[str, Collection[str]]:
    """Who was issued a code, by series."""
    issued: dict[str, set[str]] = {}
    search = Search(types=frozenset({CouponIssued}), known_until=asked.until, until=asked.at, oldest_first=True)
    for each in tx.log.every(search):
        if isinstance(each.event, CouponIssued):
            issued.setdefault(each.event.coupon_id, set()).add(each.customer_id)
    return issued


def _folded(told: _Told) -> Coupon:
    return reduce(evolve, (event for _, event in told), COUPON.initial)


def _view(tx: Transaction, told: _Told, issued_to: Collection[str], asked: _Asked) -> CouponView | None:
    """A series as of an instant, None where it wasn't made by then."""
    state = _folded(told)
    created = state.created
    if created is None:
        return None
    taken_off = sum(each.discount for each in state.redemptions.values())
    currency, status = created.currency or tx.currency, _status(state, created, asked)
    outstanding = _outstanding(tx, state, created, issued_to, asked) if status != "over" else 0
    each_at_most = created.amount if created.percent is None else created.up_to
    at_most = None if outstanding is None or each_at_most is None else outstanding * each_at_most
    return CouponView(
        coupon_id=created.coupon_id,
        status=status,
        is_personal=created.is_personal,
        percent=created.percent,
        amount=_money(created.amount, currency),
        up_to=_money(created.up_to, currency),
        minimum=_money(created.minimum, currency),
        currency=currency,
        valid_from=created.valid_from,
        valid_until=created.valid_until,
        per_person=created.per_person,
        in_all=created.in_all,
        issued=len(issued_to) if created.is_personal else None,
        redeemed=sum(isinstance(event, CouponRedeemed) for _, event in told),
        released=sum(isinstance(event, CouponReleased) for _, event in told),
        discount=Decimal(0) if currency is None else from_minor_units(taken_off, currency),
        outstanding=outstanding,
        may_cost=_money(0 if outstanding == 0 else at_most, currency),
    )


def _money(amount: int | None, currency: str | None) -> Decimal | None:
    return None if amount is None or currency is None else from_minor_units(amount, currency)


def _status(state: Coupon, created: CouponCreated, asked: _Asked) -> CouponStatus:
    last = created.valid_until
    if (state.ended_at is not None and asked.at >= state.ended_at) or (
        last is not None and asked.at >= after_day(last, asked.zone)
    ):
        return "over"
    today = to_datetime(asked.at).astimezone(asked.zone).date()
    return "upcoming" if created.valid_from is not None and today < created.valid_from else "valid"


def _outstanding(
    tx: Transaction, state: Coupon, created: CouponCreated, issued_to: Collection[str], asked: _Asked
) -> int | None:
    """For how many orders it may be redeemed yet: of a personal one, by those who have a code and aren't forgotten."""
    left = None if created.in_all is None else created.in_all - state.uses
    if not created.is_personal:
        return left
    holders = set(issued_to) - tx.forgotten(issued_to)
    families = tx.families(holders, asked.until)
    theirs = sum(
        _uses_left(state, created, families.members(root)) for root in {families.root(each) for each in holders}
    )
    return theirs if left is None else min(theirs, left)


def _uses_left(state: Coupon, created: CouponCreated, members: Collection[str]) -> int:
    return max(0, (created.per_person or 0) - uses_by(state, members))


def _uses(tx: Transaction, told: _Told) -> tuple[CouponUse, ...]:
    standing = _folded(told).redemptions
    latest = {event.order_id: (at, event) for at, event in told if isinstance(event, CouponRedeemed)}
    found = sorted((latest[order_id] for order_id in standing), key=lambda each: (each[0], each[1].order_id))
    contacts = read_contacts(tx, {event.customer_id for _, event in found})
    return tuple(
        CouponUse(
            order_id=event.order_id,
            customer_id=CustomerId(event.customer_id),
            ref=contacts[event.customer_id].ref,
            at=to_datetime(at),
            discount=from_minor_units(event.discount, event.currency),
        )
        for at, event in reversed(found)
    )


def _code(
    tx: Transaction, session: Session, event: CouponIssued, at: int, members: Collection[str], asked: _Asked
) -> IssuedCode:
    assert event.code is not None
    told = (
        (each.occurred_at, each.event)
        for each in tx.log.streams([session.store.stream_of(COUPON.category, event.coupon_id)])
    )
    state = _folded([(at, each) for at, each in told if isinstance(each, CouponEvent)])
    created = state.created
    assert created is not None  # else no code was issued
    status = _status(state, created, asked)
    left = _uses_left(state, created, members)
    if created.in_all is not None:
        left = min(left, created.in_all - state.uses)
    return IssuedCode(
        coupon_id=event.coupon_id,
        code=shown(event.code),
        issued_at=to_datetime(at),
        status=status,
        valid_until=created.valid_until,
        uses_left=0 if status == "over" else left,
    )
