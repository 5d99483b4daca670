"""The personal coupon codes that a customer was issued: one stream a customer."""

from regulars.crm_domain.issued_coupon.aggregate import AGGREGATE
from regulars.crm_domain.issued_coupon.decider import (
    CATEGORY,
    ISSUED_COUPONS,
    CouponIssued,
    IssueCoupon,
    IssuedCoupons,
)

__all__ = ["AGGREGATE", "CATEGORY", "ISSUED_COUPONS", "CouponIssued", "IssueCoupon", "IssuedCoupons"]
