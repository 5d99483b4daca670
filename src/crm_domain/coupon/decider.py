"""A series of coupons: what it takes off, until when and how often; and every order that it was redeemed with.

1. A series has one id, in the normal form of codes. Where it isn't personal the id is the code that everybody may
   give, such as SUMMER10; where it is personal each customer is issued a code of their own, and the id is none.
2. Every redemption is decided here, in the series' own stream, whoever writes: so its limits are never exceeded, in all
   or for one person (customers who were merged are one). A personal code is good for one order unless said otherwise.
3. An order redeems a coupon once, with the record that stands: recorded anew it keeps it. Voided or wholly
   returned it releases it, and takes it up again where it counts again and there is still room.
4. The amount of an order is what was paid, so the discount is worked out from that: an amount is what it is; p percent
   of the price before is paid * p / (100 - p), rounded half up in minor units, and at most `up_to`. An order isn't
   below the minimum where so much was paid as is left of the minimum: however a till rounds, it is redeemed from there.
5. Days are those of the business's zone, and whole. An order is judged by when it was placed.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace
from pydantic import Field, model_validator

from regulars.crm_domain.command import Amount, BusinessDay, Command, Context, Currency, Decider, Whole, occurred_at
from regulars.crm_domain.command import currency_of as currency_in
from regulars.crm_domain.coupon_code import Code
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import after_day, to_datetime
from regulars.crm_domain.money import from_minor_units, to_minor_units
from regulars.crm_domain.persistent_map import PersistentMap

CATEGORY = "coupon"

# ---------------------------------------------------------------------------------------------------------- events


class CouponCreated(Event, frozen=True, kw_only=True, tag="CouponCreated"):
    """There is a series of coupons: of `percent` of the price before, or of `amount` in minor units.

    A percentage takes off `up_to` so much, where that is given; the price before is `minimum` at least. It is valid
    from the beginning of `valid_from` to the end of `valid_until`, for `per_person` orders of a customer and `in_all`.
    """

    coupon_id: str
    is_personal: bool = False
    percent: int | None = None
    amount: int | None = None
    up_to: int | None = None
    minimum: int | None = None
    currency: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    per_person: int | None = None
    in_all: int | None = None


class CouponEnded(Event, frozen=True, kw_only=True, tag="CouponEnded"):
    """Orders that are placed from this instant on don't redeem it any more; `at` is that of the envelope."""

    coupon_id: str
    at: int


class CouponRedeemed(Event, frozen=True, kw_only=True, tag="CouponRedeemed"):
    """A record of an order, a customer's, redeemed it; `discount` is what it took off, in minor units."""

    coupon_id: str
    order_id: str
    number: int
    customer_id: str
    discount: int
    currency: str


class CouponReleased(Event, frozen=True, kw_only=True, tag="CouponReleased"):
    """A redemption doesn't count any more, as the record was voided or came back wholly."""

    coupon_id: str
    order_id: str
    number: int
    customer_id: str
    discount: int
    currency: str


CouponEvent = CouponCreated | CouponEnded | CouponRedeemed | CouponReleased

# ----------------------------------------------------------------------------------------------------------- state


class Redemption(Struct, frozen=True, kw_only=True):
    """What stands of an order: its record, whose it is, and the discount in minor units."""

    number: int
    customer_id: str
    discount: int


class Coupon(Struct, frozen=True, kw_only=True):
    """What the next decision on a series needs to know.

    `redemptions` are those that stand, by order; `uses` is how many there are.
    """

    created: CouponCreated | None = None
    ended_at: int | None = None
    redemptions: PersistentMap[str, Redemption] = PersistentMap()
    uses: int = 0


def evolve(state: Coupon, event: CouponEvent) -> Coupon:
    """The state after an event. Total: history is never argued with."""
    standing = state.redemptions
    match event:
        case CouponCreated():
            return replace(state, created=event)
        case CouponEnded(at=at):
            return replace(state, ended_at=at)
        case CouponRedeemed(order_id=order_id):
            redemption = Redemption(number=event.number, customer_id=event.customer_id, discount=event.discount)
            uses = state.uses + (order_id not in standing)
            return replace(state, redemptions=standing.put(order_id, redemption), uses=uses)
        case CouponReleased(order_id=order_id):
            return replace(state, redemptions=standing.drop(order_id), uses=state.uses - (order_id in standing))


# -------------------------------------------------------------------------------------------------------- commands

Limit = Annotated[Whole, Field(ge=1, lt=2**31)]


class CreateCoupon(Command):
    """Make a series of coupons: coupon_id=SUMMER10 percent=10 valid_until=2026-08-31 in_all=500

    It takes off `percent` of the price, at most `up_to`, or an `amount`; of orders whose price before that is `minimum`
    at least. Its id is the code that everybody may give; `personal` ones are issued to customers by IssueCoupon.
    """

    coupon_id: Code
    personal: bool = False
    percent: Annotated[Whole, Field(ge=1, le=99)] | None = None
    amount: Amount | None = None
    up_to: Amount | None = None
    minimum: Amount | None = None
    currency: Currency | None = None
    valid_from: BusinessDay | None = None
    valid_until: BusinessDay | None = None
    per_person: Limit | None = None
    in_all: Limit | None = None

    @model_validator(mode="after")
    def _takes_something_off(self) -> CreateCoupon:
        if (self.percent is None) == (self.amount is None):
            raise ValueError("a coupon takes off a percentage or an amount: give one of percent and amount")
        if self.up_to is not None and self.percent is None:
            raise ValueError("up_to limits what a percentage takes off; an amount is what it is")
        if None not in (self.valid_from, self.valid_until) and self.valid_until < self.valid_from:  # type: ignore[operator]
            raise ValueError(f"valid_until lies before valid_from, {self.valid_from}")
        return self


class EndCoupon(Command):
    """End a series of coupons: coupon_id=SUMMER10; orders placed from now on don't redeem it any more."""

    coupon_id: Code


# ------------------------------------------------------------------------------------------------------- decisions


def create(command: CreateCoupon, state: Coupon, context: Context) -> tuple[Event, ...]:
    """Invariant 1: the same again changes nothing."""
    money = {name: getattr(command, name) for name in ("amount", "up_to", "minimum")}
    has_money = any(each is not None for each in money.values())
    currency = currency_in(command.currency, context) if has_money else None
    event = CouponCreated(
        coupon_id=command.coupon_id,
        is_personal=command.personal,
        percent=command.percent,
        currency=currency,
        valid_from=command.valid_from,
        valid_until=command.valid_until,
        per_person=command.per_person or (1 if command.personal else None),
        in_all=command.in_all,
        **{name: _minor(name, amount, currency) for name, amount in money.items()},
    )
    if state.created is not None and state.created != event:
        sentence = f'there is a coupon "{command.coupon_id}" already, with other content, and its id stays taken'
        raise Rejected("coupon_id_taken", sentence)
    return () if state.created is not None else (event,)


def _minor(name: str, amount: Amount | None, currency: str | None) -> int | None:
    if amount is None or currency is None:
        return None
    minor = to_minor_units(amount, currency)
    if minor == 0:
        raise Rejected("invalid_amount", f"{name} is more than zero; leave it out where there is none")
    return minor


def end(command: EndCoupon, state: Coupon, context: Context) -> tuple[Event, ...]:
    """It ends once."""
    require_created(state, command.coupon_id)
    at = occurred_at(command, context.now)
    return () if state.ended_at is not None else (CouponEnded(coupon_id=command.coupon_id, at=at),)


def require_issuable(state: Coupon, coupon_id: str, at: int, zone: str) -> None:
    """Raise Rejected where no code of a series can be issued at an instant."""
    created = require_created(state, coupon_id)
    if not created.is_personal:
        sentence = f'coupon "{coupon_id}" has no personal codes; everybody may give its id'
        raise Rejected("coupon_not_personal", sentence)
    _require_not_over(state, created, at, zone, "a code can't be issued any more")


def require_offerable(state: Coupon, coupon_id: str, at: int, zone: str) -> None:
    """Raise Rejected `unknown_coupon` or `coupon_no_longer_valid` for a series that no order from an instant on can
    redeem.
    """
    _require_not_over(state, require_created(state, coupon_id), at, zone, "it can't be offered any more")


class Order(Struct, frozen=True, kw_only=True):
    """A record of an order that is to redeem a coupon: when it was placed, and what was paid, in minor units.

    `family` are the customers who are one with its `customer_id`, that one included.
    """

    order_id: str
    number: int
    customer_id: str
    family: Collection[str]
    at: int
    paid: int
    currency: str


def require_redeemable(state: Coupon, coupon_id: str, order: Order, zone: str) -> None:
    """Raise Rejected where an order can't redeem a coupon.

    `unknown_coupon`, `coupon_not_yet_valid`, `coupon_no_longer_valid`, `below_minimum`, `coupon_used_up` where the
    limit in all is reached, `coupon_used_before` where the limit of one person is.
    """
    created = require_created(state, coupon_id)
    if created.valid_from is not None and _day(order.at, zone) < created.valid_from:
        on = _day(order.at, zone)
        sentence = f'coupon "{coupon_id}" is valid from {created.valid_from} on, and this order is of {on}'
        raise Rejected("coupon_not_yet_valid", sentence)
    _require_not_over(state, created, order.at, zone, f"this order is of {_day(order.at, zone)}")
    if created.minimum is not None and order.paid < created.minimum - taken_off(created, created.minimum):
        before = order.paid + discount_of(created, order.paid)
        least, was = (
            f"{from_minor_units(each, order.currency)} {order.currency}" for each in (created.minimum, before)
        )
        sentence = f'coupon "{coupon_id}" takes an order of {least} at least, and this one was of {was} before it'
        raise Rejected("below_minimum", sentence)
    if _is_used_up(state, created):
        raise Rejected("coupon_used_up", f'coupon "{coupon_id}" is used up: it was good for {_orders(created.in_all)}')
    if _is_used_by(state, created, order.family):
        sentence = f'this customer used coupon "{coupon_id}" before: it is good for {_orders(created.per_person)} each'
        raise Rejected("coupon_used_before", sentence)


def has_room(state: Coupon, family: Collection[str]) -> bool:
    """Whether neither limit of a series is reached, for customers who are one."""
    created = state.created
    return created is not None and not _is_used_up(state, created) and not _is_used_by(state, created, family)


def redeemed(state: Coupon, coupon_id: str, order: Order) -> CouponRedeemed:
    """That an order redeemed a coupon."""
    return CouponRedeemed(
        coupon_id=coupon_id,
        order_id=order.order_id,
        number=order.number,
        customer_id=order.customer_id,
        discount=discount_of(require_created(state, coupon_id), order.paid),
        currency=order.currency,
    )


def released(coupon_id: str, order_id: str, standing: Redemption, currency: str) -> CouponReleased:
    """That a redemption doesn't count any more."""
    return CouponReleased(
        coupon_id=coupon_id,
        order_id=order_id,
        number=standing.number,
        customer_id=standing.customer_id,
        discount=standing.discount,
        currency=currency,
    )


def discount_of(created: CouponCreated, paid: int) -> int:
    """What a coupon took off, in minor units, of an order for which so much was paid. Invariant 4."""
    if created.percent is None:
        return created.amount or 0
    return _percentage(created, created.percent, paid, 100 - created.percent)


def taken_off(created: CouponCreated, price: int) -> int:
    """What a coupon takes off a price, in minor units: a percentage rounded half up, and at most the price."""
    if created.percent is None:
        return min(created.amount or 0, price)
    return _percentage(created, created.percent, price, 100)


def _percentage(created: CouponCreated, percent: int, amount: int, whole: int) -> int:
    """`percent` of a price of which an amount is `whole` percent, rounded half up, and at most the cap."""
    discount = (2 * amount * percent + whole) // (2 * whole)
    return discount if created.up_to is None else min(discount, created.up_to)


def require_created(state: Coupon, coupon_id: str) -> CouponCreated:
    """What a series is. Raises Rejected `unknown_coupon` for one that isn't there."""
    if state.created is None:
        raise Rejected("unknown_coupon", f'there is no coupon "{coupon_id}"; CreateCoupon makes one')
    return state.created


def _require_not_over(state: Coupon, created: CouponCreated, at: int, zone: str, what: str) -> None:
    last = created.valid_until
    if last is not None and at >= after_day(last, ZoneInfo(zone)):
        raise Rejected("coupon_no_longer_valid", f'coupon "{created.coupon_id}" was valid until {last}, and {what}')
    if state.ended_at is not None and at >= state.ended_at:
        on = _day(state.ended_at, zone)
        raise Rejected("coupon_no_longer_valid", f'coupon "{created.coupon_id}" was ended on {on}, and {what}')


def _is_used_up(state: Coupon, created: CouponCreated) -> bool:
    return created.in_all is not None and state.uses >= created.in_all


def _is_used_by(state: Coupon, created: CouponCreated, family: Collection[str]) -> bool:
    return created.per_person is not None and uses_by(state, family) >= created.per_person


def uses_by(state: Coupon, family: Collection[str]) -> int:
    """How many redemptions of a series stand of customers who are one."""
    return sum(each.customer_id in family for each in state.redemptions.values())


def _orders(limit: int | None) -> str:
    return "one order" if limit == 1 else f"{limit:,} orders"


def _day(at: int, zone: str) -> date:
    return to_datetime(at).astimezone(ZoneInfo(zone)).date()


def decide(command: Command, state: Coupon, context: Context) -> tuple[Event, ...]:
    """Hand a command to its decision. Raises Rejected where an invariant would break."""
    match command:
        case CreateCoupon():
            return create(command, state, context)
        case EndCoupon():
            return end(command, state, context)
        case _:
            raise TypeError(f"{type(command).__name__} is not a command to a coupon")


COUPON = Decider(category=CATEGORY, initial=Coupon(), evolve=evolve, decide=decide)
