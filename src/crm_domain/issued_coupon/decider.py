"""The personal coupon codes that a customer was issued: one stream a customer.

1. A customer has one code of a series at most: to issue it again changes nothing.
2. A code is drawn at random where it is issued; it is kept under the customer's key, so that it can be shown again, and
   is gone with it. It is found by a keyed hash.
"""

from __future__ import annotations

from msgspec import Struct

from regulars.crm_domain.command import Command, Context, Decider, Who
from regulars.crm_domain.coupon_code import Code
from regulars.crm_domain.event import Event, Personal
from regulars.crm_domain.persistent_map import PersistentMap

CATEGORY = "issued_coupon"

# ---------------------------------------------------------------------------------------------------------- events


class CouponIssued(Event, frozen=True, kw_only=True, tag="CouponIssued"):
    """A customer was issued a code of a series of coupons, in its normal form."""

    coupon_id: str
    code: Personal[str] = None


# ----------------------------------------------------------------------------------------------------------- state


class IssuedCoupons(Struct, frozen=True, kw_only=True):
    """The codes of a customer, by series; None once they are forgotten."""

    codes: PersistentMap[str, str | None] = PersistentMap()


def evolve(state: IssuedCoupons, event: CouponIssued) -> IssuedCoupons:
    """The state after an event. Total: history is never argued with."""
    return IssuedCoupons(codes=state.codes.put(event.coupon_id, event.code))


# -------------------------------------------------------------------------------------------------------- commands


class IssueCoupon(Command):
    """Issue a customer a personal code of a series of coupons: customer=shop:42 coupon_id=WELCOMEBACK"""

    customer: Who
    coupon_id: Code


# ------------------------------------------------------------------------------------------------------- decisions


def issue(command: IssueCoupon, state: IssuedCoupons, context: Context) -> tuple[Event, ...]:
    """Invariant 1."""
    if command.coupon_id in state.codes:
        return ()
    return (CouponIssued(coupon_id=command.coupon_id, code=context.drawn_code),)


def decide(command: Command, state: IssuedCoupons, context: Context) -> tuple[Event, ...]:
    """Hand a command to its decision."""
    match command:
        case IssueCoupon():
            return issue(command, state, context)
        case _:
            raise TypeError(f"{type(command).__name__} is not a command to issued coupons")


ISSUED_COUPONS = Decider(category=CATEGORY, initial=IssuedCoupons(), evolve=evolve, decide=decide)
