"""The series of coupons as a value."""

from __future__ import annotations

from typing import get_args

from regulars.crm_domain.aggregate import Aggregate, InTheClear, addressed
from regulars.crm_domain.coupon.decider import (
    COUPON,
    CouponCreated,
    CouponEvent,
    CouponRedeemed,
    CouponReleased,
    CreateCoupon,
    EndCoupon,
)
from regulars.crm_domain.coupon.examples import examples
from regulars.crm_domain.coupon.wording import WORDING

_OF_ORDERS = (CouponRedeemed, CouponReleased)

AGGREGATE = Aggregate(
    decider=COUPON,
    events=get_args(CouponEvent),
    commands=addressed(CreateCoupon, EndCoupon, key="coupon_id"),
    wording=WORDING,
    examples=examples,
    in_the_clear=(
        InTheClear(
            fields=("coupon_id",),
            events=get_args(CouponEvent),
            why="the id of a series, which everybody may know; a personal code is another",
        ),
        InTheClear(fields=("valid_from", "valid_until"), events=(CouponCreated,), why="days of the business"),
        InTheClear(fields=("currency",), events=(CouponCreated, *_OF_ORDERS), why="a code of ISO 4217"),
        InTheClear(
            fields=("order_id",), events=_OF_ORDERS, why="the number that the shop gave it, by which an order is found"
        ),
        InTheClear(fields=("customer_id",), events=_OF_ORDERS, why="a random number of this store, to count people by"),
    ),
    of_nobody=True,
)
