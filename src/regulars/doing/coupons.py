"""Coupons of orders: whose code was given, and what each command to an order changes of what it redeemed.

An order holds the series of its coupon, and the series holds which orders redeemed it. After each command to an order
the two are made to agree once, whatever it voided, recorded anew or took back.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from regulars.adapters.indexes.look_ups import COUPON_CODE
from regulars.crm_domain.command import Command
from regulars.crm_domain.coupon import (
    COUPON,
    Coupon,
    Order,
    Redemption,
    has_room,
    redeemed,
    released,
    require_issuable,
    require_redeemable,
)
from regulars.crm_domain.coupon_code import ALPHABET, SIGNS
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.issued_coupon import ISSUED_COUPONS, CouponIssued
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
from regulars.doing.identities import family_of
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
