"""How issued coupon codes are told; the codes themselves never are."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.crm_domain.issued_coupon.decider import CouponIssued, IssuedCoupons
from regulars.crm_domain.wording import Field, Wording


def what(event: CouponIssued) -> str:
    """What was issued, in a few words."""
    return f"a code of coupon {event.coupon_id} issued"


def deed(event: CouponIssued, who: str, other: str) -> str:
    """What was issued, as somebody did it."""
    return f"issued {who} a code of coupon {event.coupon_id}"


def fields(state: IssuedCoupons) -> Iterator[Field]:
    """What the audit compares of issued coupon codes."""
    yield "coupons", ", ".join(sorted(state.codes)) or None


WORDING = Wording(what=what, deed=deed, fields=fields)
