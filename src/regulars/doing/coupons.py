"""Coupons of orders: whose code was given, and what each command to an order changes of what it redeemed.

An order holds the series of its coupon, and the series holds which orders redeemed it. After each command to an order
the two are made to agree once, whatever it voided, recorded anew or took back.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.adapters.indexes.look_ups import COUPON_CODE
from regulars.adapters.log.event_log import Search
from regulars.crm_domain.command import Command, currency_of, occurred_at
from regulars.crm_domain.coupon import (
    COUPON,
    Coupon,
    CouponCreated,
    Order,
    Redemption,
    has_room,
    redeemed,
    released,
    require_issuable,
    require_redeemable,
    taken_off,
)
from regulars.crm_domain.coupon_code import ALPHABET, SIGNS
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.issued_coupon import ISSUED_COUPONS, CouponIssued
from regulars.crm_domain.money import from_minor_units, to_minor_units
from regulars.crm_domain.purchase import (
    PURCHASE,
    CorrectPurchase,
    Purchase,
    PurchaseRecorded,
    RecordPurchase,
    ReturnedTotalRecorded,
)
from regulars.crm_domain.rulebook import NOBODY
from regulars.doing.corrections import stream_of_last_record
from regulars.doing.identities import family_of, resolve
from regulars.doing.orders import placed_at
from regulars.doing.unit_of_work import Target, UnitOfWork


def new_code() -> str:
    """A personal code in its normal form: 60 bits that nobody can guess."""
    return "".join(secrets.choice(ALPHABET) for _ in range(SIGNS))


class _Given(Struct, frozen=True):
    """The series that a code is of, and the customer it was issued to; None for one that everybody may give."""

    coupon_id: str
    issued_to: str | None = None


def streams_of_coupons(work: UnitOfWork, commands: Iterable[Command]) -> set[str]:
    """The streams of the series whose ids some commands give as codes, to be loaded in one query."""
    return {work.stream_of(COUPON, code) for each in commands if (code := _code_in(each)) is not None}


def with_series(work: UnitOfWork, command: Command) -> Command:
    """The command with the series of its code in place of the code. Raises Rejected `unknown_coupon`."""
    code = _code_in(command)
    return command if code is None else command.model_copy(update={"coupon": _given(work, code).coupon_id})


def require_series(work: UnitOfWork, event: Event, at: int) -> None:
    """Raise Rejected where a code is issued of a series that there isn't, isn't personal, or is over."""
    if isinstance(event, CouponIssued):
        require_issuable(_state(work, event.coupon_id), event.coupon_id, at, work.pending.context.zone)


def follow_order(work: UnitOfWork, command: Command, order_id: str, before: Purchase, first: int) -> None:
    """Redeem and release coupons as an order asks for after a command, whose events are the drafts from `first` on.

    `before` is the state of its record that the command was decided on. Raises Rejected as `require_redeemable` does,
    and `coupon_of_another` for the code of somebody else, where the order redeems a coupon that it had not before.
    """
    if first == len(work.pending.drafts):
        return
    target = _last_record(work, order_id)
    after: Purchase = work.state(target)
    was = None if before.recorded is None else before.recorded.coupon
    for coupon_id in dict.fromkeys(each for each in (was, after.coupon) if each is not None):
        standing = _state(work, coupon_id).redemptions.get(order_id)
        order = _order(work, target) if coupon_id == after.coupon else None
        if order is None:
            _release(work, command, coupon_id, order_id, standing, first)
        elif standing is not None:
            _keep(work, command, coupon_id, order, standing, first)
        elif coupon_id != was:
            _require_theirs(work, command, order)
            require_redeemable(_state(work, coupon_id), coupon_id, order, work.pending.context.zone)
            _redeem(work, command, coupon_id, order, first)
        elif before.coupon is None and has_room(_state(work, coupon_id), order.family):
            _redeem(work, command, coupon_id, order, first)


# --------------------------------------------------------------------------------------------------- an order to come


class Priced(Struct, frozen=True, kw_only=True):
    """What a coupon would take off a price, in minor units; `refused` is why it wouldn't, None where it would."""

    coupon_id: str
    is_personal: bool
    discount: int
    refused: Rejected | None


def priced(work: UnitOfWork, command: RecordPurchase) -> tuple[Priced, ...]:
    """By their ids, the coupons that an order could redeem whose price before is its amount, or could if it came to
    more: those that everybody may give, and those of which the customer has a code.
    """
    at, zone = occurred_at(command, work.pending.context.now), work.pending.context.zone
    customer_id = resolve(work, command.customer)
    price, currency = _price(work, command)
    family, found = family_of(work, customer_id), list[Priced]()
    for coupon_id in sorted({*_codes_of(work, family), *_everybodys(work, at)}):
        state = _state(work, coupon_id)
        created, refused = state.created, None
        assert created is not None  # else no code was issued
        discount = taken_off(created, price)
        order = Order(
            order_id=command.order_id,
            number=1,
            customer_id=customer_id,
            family=family,
            at=at,
            paid=price - discount,
            currency=currency,
        )
        try:
            require_redeemable(state, coupon_id, order, zone)
        except Rejected as why:
            if why.code != "below_minimum":
                continue
            refused = why
        its = Priced(coupon_id=coupon_id, is_personal=created.is_personal, discount=discount, refused=refused)
        found.append(its)
    return tuple(found)


def with_coupon(work: UnitOfWork, command: RecordPurchase, coupon_id: str) -> RecordPurchase:
    """The order whose price before was its amount, with a coupon that takes some off: of a personal one, by the code
    that the customer has. Raises Rejected where there is none, and NotFound.
    """
    created = _state(work, coupon_id).created
    code = _codes_of(work, family_of(work, resolve(work, command.customer))).get(coupon_id)
    if created is None or (created.is_personal and code is None):
        whose = "" if created is None else " of which this customer has a code"
        raise Rejected("unknown_coupon", f'there is no coupon "{coupon_id}"{whose}')
    price, currency = _price(work, command)
    paid = from_minor_units(price - taken_off(created, price), currency)
    return command.model_copy(update={"amount": paid, "coupon": code or coupon_id})


def _price(work: UnitOfWork, command: RecordPurchase) -> tuple[int, str]:
    """An order's amount in minor units, and its currency."""
    currency = currency_of(command.currency, work.pending.context)
    return to_minor_units(command.amount, currency), currency


def _codes_of(work: UnitOfWork, family: Iterable[str]) -> dict[str, str]:
    """A code of each series of which anybody of a family has one."""
    streams = [work.stream(work.stream_of(ISSUED_COUPONS, each), ISSUED_COUPONS) for each in family]
    codes = (issued for stream in streams for issued in stream.state.codes.items())
    return {coupon_id: code for coupon_id, code in codes if code is not None}


def _everybodys(work: UnitOfWork, at: int) -> set[str]:
    """The series whose ids are codes that everybody may give, but those whose last day is over."""
    today = to_datetime(at).astimezone(ZoneInfo(work.pending.context.zone)).date()
    search = Search(types=frozenset[type[Event]]({CouponCreated}), oldest_first=True)
    made = (each.event for each in work.tx.log.every(search) if isinstance(each.event, CouponCreated))
    still = (each for each in made if each.valid_until is None or each.valid_until >= today)
    return {each.coupon_id for each in still if not each.is_personal}


# -------------------------------------------------------------------------------------------------------------- parts


def coupon_notices(work: UnitOfWork, recorded: Sequence[Recorded[Event]]) -> Iterator[tuple[int, str]]:
    """What is to be said of orders that count again and whose coupon was used up meanwhile, by position."""
    for each in recorded:
        if isinstance(each.event, PurchaseRecorded | ReturnedTotalRecorded) and each.category == PURCHASE.category:
            order_id = each.event.order_id
            state: Purchase = work.stream(each.stream_id, PURCHASE).state
            if state.coupon is not None and order_id not in _state(work, state.coupon).redemptions:
                sentence = f'coupon "{state.coupon}" was used up meanwhile'
                yield each.position, f'order "{order_id}" counts again, and redeems no coupon: {sentence}'


def _code_in(command: Command) -> str | None:
    return command.coupon if isinstance(command, RecordPurchase | CorrectPurchase) else None


def _given(work: UnitOfWork, code: str) -> _Given:
    series = _state(work, code).created
    if series is not None and not series.is_personal:
        return _Given(code)
    for customer_id in work.tx.find(COUPON_CODE, [code]).get(code, ()):
        issued = work.stream(work.stream_of(ISSUED_COUPONS, customer_id), ISSUED_COUPONS).state
        for coupon_id, its in issued.codes.items():
            if its == code:
                return _Given(coupon_id, customer_id)
    raise Rejected("unknown_coupon", "there is no coupon with the code that was given")


def _require_theirs(work: UnitOfWork, command: Command, order: Order) -> None:
    code = _code_in(command)
    issued_to = None if code is None else _given(work, code).issued_to
    if issued_to is not None and issued_to not in order.family:
        raise Rejected("coupon_of_another", "the coupon code that was given was issued to another customer")


def _series(work: UnitOfWork, coupon_id: str) -> Target:
    return Target(stream_id=work.stream_of(COUPON, coupon_id), decider=COUPON, customer_id=NOBODY)


def _state(work: UnitOfWork, coupon_id: str) -> Coupon:
    state: Coupon = work.state(_series(work, coupon_id))
    return state


def _last_record(work: UnitOfWork, order_id: str) -> Target:
    stream_id = stream_of_last_record(work, order_id)
    owner = work.stream(stream_id, PURCHASE).customer_id
    assert owner is not None
    return Target(stream_id=stream_id, decider=PURCHASE, customer_id=owner)


def _order(work: UnitOfWork, target: Target) -> Order:
    stream = work.stream(target.stream_id, PURCHASE)
    recorded, at = stream.state.recorded, placed_at(stream)
    assert at is not None
    return Order(
        order_id=recorded.order_id,
        number=recorded.number,
        customer_id=target.customer_id,
        family=family_of(work, target.customer_id),
        at=at,
        paid=recorded.amount,
        currency=recorded.currency,
    )


def _redeem(work: UnitOfWork, command: Command, coupon_id: str, order: Order, cause: int) -> None:
    _record(work, command, coupon_id, redeemed(_state(work, coupon_id), coupon_id, order), cause)


def _release(
    work: UnitOfWork, command: Command, coupon_id: str, order_id: str, standing: Redemption | None, cause: int
) -> None:
    if standing is not None:
        _record(work, command, coupon_id, released(coupon_id, order_id, standing, _currency(work)), cause)


def _keep(work: UnitOfWork, command: Command, coupon_id: str, order: Order, standing: Redemption, cause: int) -> None:
    """An order keeps its coupon; where it was recorded anew, what is redeemed is what it is now."""
    if standing.number != order.number:
        _release(work, command, coupon_id, order.order_id, standing, cause)
        _redeem(work, command, coupon_id, order, cause)


def _record(work: UnitOfWork, command: Command, coupon_id: str, event: Event, cause: int) -> None:
    """It happens with its cause, the draft with that index."""
    work.keep(event, command, _series(work, coupon_id), work.pending.drafts[cause].occurred_at, caused_by=cause)


def _currency(work: UnitOfWork) -> str:
    currency = work.pending.context.currency
    assert currency is not None  # an order was recorded
    return currency
