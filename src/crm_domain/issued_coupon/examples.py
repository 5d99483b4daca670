"""An example of an issued coupon code."""

from __future__ import annotations

from regulars.crm_domain.aggregate import Examples
from regulars.crm_domain.issued_coupon.decider import CouponIssued, IssueCoupon


def examples() -> Examples:
    """An example of an issued coupon code."""
    return Examples(
        events=(CouponIssued(coupon_id="WELCOMEBACK", code="K7QF2MXH9RTA"),),
        commands=(IssueCoupon(customer="shop:1", coupon_id="WELCOMEBACK"),),
    )
