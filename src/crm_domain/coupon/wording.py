"""How what happened to a series of coupons is told."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.crm_domain.coupon.decider import (
    Coupon,
    CouponCreated,
    CouponEnded,
    CouponEvent,
    CouponRedeemed,
    CouponReleased,
)
from regulars.crm_domain.money import from_minor_units
from regulars.crm_domain.wording import Field, Wording


def _money(amount: int, currency: str | None) -> str:
    assert currency is not None
    return f"{from_minor_units(amount, currency)} {currency}"


def _takes_off(created: CouponCreated) -> str:
    if created.percent is None:
        return _money(created.amount or 0, created.currency)
    up_to = "" if created.up_to is None else f", up to {_money(created.up_to, created.currency)}"
    return f"{created.percent} %{up_to}"


def what(event: CouponEvent) -> str:
    """What happened to a series of coupons, in a few words."""
    coupon = f"coupon {event.coupon_id}"
    match event:
        case CouponCreated():
            return f"{coupon} of {_takes_off(event)} created"
        case CouponEnded():
            return f"{coupon} ended"
        case CouponRedeemed(order_id=order_id, discount=discount, currency=currency):
            return f"{coupon} redeemed with order {order_id}: {_money(discount, currency)} off"
        case CouponReleased(order_id=order_id):
            return f"{coupon} released from order {order_id}"


def deed(event: CouponEvent, who: str, other: str) -> str:
    """What happened to a series of coupons, as somebody did it."""
    coupon = f"coupon {event.coupon_id}"
    match event:
        case CouponCreated():
            return f"created {coupon} of {_takes_off(event)}"
        case CouponEnded():
            return f"ended {coupon}"
        case CouponRedeemed(order_id=order_id, discount=discount, currency=currency):
            return f"redeemed {coupon} with order {order_id} for {other}: {_money(discount, currency)} off"
        case CouponReleased(order_id=order_id):
            return f"released {coupon} from order {order_id} of {other}"


def other_id(event: CouponEvent) -> str | None:
    """Whose order an event is about."""
    return event.customer_id if isinstance(event, CouponRedeemed | CouponReleased) else None


def fields(state: Coupon) -> Iterator[Field]:
    """What the audit compares of a series of coupons."""
    created = state.created
    if created is not None:
        yield "coupon", created.coupon_id
        yield "takes off", _takes_off(created)
        yield "minimum", None if created.minimum is None else _money(created.minimum, created.currency)
        yield "valid from", None if created.valid_from is None else created.valid_from.isoformat()
        yield "valid until", None if created.valid_until is None else created.valid_until.isoformat()
        yield "per person", None if created.per_person is None else str(created.per_person)
        yield "in all", None if created.in_all is None else str(created.in_all)
        yield "ended", None if state.ended_at is None else "yes"
        yield "redeemed", str(state.uses)


WORDING = Wording(what=what, deed=deed, fields=fields, other_id=other_id)
