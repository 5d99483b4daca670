"""Examples of series of coupons."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from regulars.crm_domain.aggregate import Examples
from regulars.crm_domain.coupon.decider import (
    CouponCreated,
    CouponEnded,
    CouponRedeemed,
    CouponReleased,
    CreateCoupon,
    EndCoupon,
)
from regulars.crm_domain.instant import to_instant

_SOMEBODY = "5b0c1f9e7d1a4c3e8f60a2b4c6d8e0f1"


def examples() -> Examples:
    """Examples of series of coupons."""
    of_an_order = {"coupon_id": "SUMMER10", "order_id": "A-1", "customer_id": _SOMEBODY, "currency": "EUR"}
    return Examples(
        events=(
            CouponCreated(
                coupon_id="SUMMER10",
                percent=10,
                up_to=2000,
                minimum=4000,
                currency="EUR",
                valid_from=date(2026, 6, 1),
                valid_until=date(2026, 8, 31),
                per_person=2,
                in_all=500,
            ),
            CouponCreated(coupon_id="WELCOMEBACK", is_personal=True, amount=500, currency="EUR", per_person=1),
            CouponEnded(coupon_id="SUMMER10", at=to_instant(datetime(2026, 8, 1, 9, tzinfo=UTC))),
            CouponRedeemed(**of_an_order, number=1, discount=599),
            CouponReleased(**of_an_order, number=1, discount=599),
        ),
        commands=(
            CreateCoupon(
                coupon_id="SUMMER10",
                percent=10,
                up_to=Decimal("20.00"),
                minimum=Decimal("40.00"),
                currency="EUR",
                valid_from=date(2026, 6, 1),
                valid_until=date(2026, 8, 31),
                per_person=2,
                in_all=500,
            ),
            CreateCoupon(coupon_id="WELCOMEBACK", personal=True, amount=Decimal("5.00")),
            EndCoupon(coupon_id="SUMMER10"),
        ),
    )
