"""Issued coupon codes as a value."""

from __future__ import annotations

from regulars.crm_domain.aggregate import Aggregate, InTheClear, addressed
from regulars.crm_domain.issued_coupon.decider import ISSUED_COUPONS, CouponIssued, IssueCoupon
from regulars.crm_domain.issued_coupon.examples import examples
from regulars.crm_domain.issued_coupon.wording import WORDING

AGGREGATE = Aggregate(
    decider=ISSUED_COUPONS,
    events=(CouponIssued,),
    commands=addressed(IssueCoupon, customer="customer", own=True),
    wording=WORDING,
    examples=examples,
    in_the_clear=(
        InTheClear(
            fields=("coupon_id",),
            events=(CouponIssued,),
            why="the id of a series, which many have; the code is another",
        ),
    ),
)
