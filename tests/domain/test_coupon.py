"""Coupons: what a series takes off, whom it is for and how often, and codes that read the same."""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any

import pytest
from hypothesis import given as over
from hypothesis import strategies as st
from pydantic import ValidationError

from given import fold, given
from regulars.crm_domain.coupon import (
    COUPON,
    CouponCreated,
    CouponEnded,
    CouponRedeemed,
    CouponReleased,
    CreateCoupon,
    EndCoupon,
    Order,
    discount_of,
    has_room,
    redeemed,
    require_issuable,
    require_redeemable,
    taken_off,
    uses_by,
)
from regulars.crm_domain.coupon_code import ALPHABET, SIGNS, normal_form, shown
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.instant import to_instant
from regulars.crm_domain.issued_coupon import CouponIssued, IssueCoupon
from regulars.crm_domain.purchase import RecordPurchase

ADA, ADA_TOO, BOB = "a" * 32, "b" * 32, "c" * 32
SUMMER = CouponCreated(coupon_id="SUMMER10", percent=10)


def at(text: str) -> int:
    return to_instant(datetime.fromisoformat(text))


def order(number: int = 1, *, of: str = ADA, family: tuple[str, ...] = (), when: str = "", paid: int = 9_000) -> Order:
    return Order(
        order_id=f"A-{number}",
        number=1,
        customer_id=of,
        family=family or (of,),
        at=at(when or "2026-07-01T12:00:00+02:00"),
        paid=paid,
        currency="EUR",
    )


def redemption(number: int, of: str = ADA) -> CouponRedeemed:
    return CouponRedeemed(
        coupon_id="SUMMER10", order_id=f"A-{number}", number=1, customer_id=of, discount=1_000, currency="EUR"
    )


def release(number: int, of: str = ADA) -> CouponReleased:
    return CouponReleased(
        coupon_id="SUMMER10", order_id=f"A-{number}", number=1, customer_id=of, discount=1_000, currency="EUR"
    )


def refusal(created: CouponCreated, asked: Order, *happened: Any) -> tuple[str, str] | None:
    """How an order is refused a coupon, after what happened; None where it isn't."""
    try:
        require_redeemable(fold(COUPON, created, *happened), created.coupon_id, asked, "Europe/Berlin")
    except Rejected as error:
        return error.code, str(error)
    return None


# --------------------------------------------------------------------------------------------------------------- codes


@pytest.mark.parametrize(
    "text", ["SUMMER10", "summer10", " Summer-10", "sum mer\u201110", "ＳＵＭＭＥＲ１０", "Summer\u200b10"]
)
def test_codes_that_read_the_same_are_the_same(text: str) -> None:
    assert CreateCoupon(coupon_id=text, percent=10).coupon_id == "SUMMER10"
    assert RecordPurchase(customer="a", order_id="A", amount="1", coupon=text).coupon == "SUMMER10"


@pytest.mark.parametrize("text", ["", "--", "10 %", "a" * 61, "id:x", "rm -rf ;"])
def test_what_is_no_code_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        EndCoupon(coupon_id=text)


@over(st.text(max_size=20))
def test_a_normal_form_has_itself_as_normal_form(text: str) -> None:
    assert normal_form(normal_form(text)) == normal_form(text)


@over(st.text(ALPHABET, min_size=SIGNS, max_size=SIGNS))
def test_a_personal_code_is_found_as_it_is_shown(code: str) -> None:
    assert normal_form(shown(code)) == normal_form(shown(code).lower()) == code


def test_a_personal_code_has_60_bits_and_no_sign_that_is_taken_for_another() -> None:
    assert len(set(ALPHABET)) ** SIGNS == 2**60
    assert not set("01OI") & set(ALPHABET)


# ------------------------------------------------------------------------------------------------------------ discounts


@over(st.integers(0, 10**9), st.integers(1, 99), st.none() | st.integers(1, 10**6))
def test_what_a_percentage_took_off_is_worked_out_exactly_from_what_was_paid(
    paid: int, percent: int, up_to: int | None
) -> None:
    exact = Fraction(paid * percent, 100 - percent)
    rounded = int((exact + Fraction(1, 2)).__floor__())
    created = CouponCreated(coupon_id="X", percent=percent, up_to=up_to)
    assert discount_of(created, paid) == (rounded if up_to is None else min(rounded, up_to))


@over(st.integers(0, 10**7), st.integers(1, 99), st.none() | st.integers(1, 10**5))
def test_a_price_less_its_percentage_gives_back_the_percentage_but_for_rounding(
    price: int, percent: int, up_to: int | None
) -> None:
    off = int((Decimal(price) * percent / 100).quantize(Decimal(1), ROUND_HALF_UP))
    off = off if up_to is None else min(off, up_to)
    found = discount_of(CouponCreated(coupon_id="X", percent=percent, up_to=up_to), price - off)
    # Half a minor unit less or more was paid by rounding, which is p / (100 - p) times as much of the discount.
    assert abs(found - off) <= Fraction(percent, 2 * (100 - percent)) + 1


def test_an_amount_is_what_it_is() -> None:
    created = CouponCreated(coupon_id="X", amount=500, currency="EUR")
    assert [discount_of(created, paid) for paid in (0, 1, 10_000)] == [500, 500, 500]


# ------------------------------------------------------------------------------------------------------------- a series


def test_a_series_is_made_once_and_the_same_again_changes_nothing() -> None:
    command = CreateCoupon(coupon_id="summer 10", percent=10, minimum="40.00", valid_until=date(2026, 8, 31))
    made = CouponCreated(coupon_id="SUMMER10", percent=10, minimum=4_000, currency="EUR", valid_until=date(2026, 8, 31))
    given().when(command).then(made)
    given(made).when(command).then()
    given(made).when(command.model_copy(update={"percent": 20})).then_rejected("coupon_id_taken")


def test_personal_codes_are_good_for_one_order_unless_said_otherwise() -> None:
    made = CouponCreated(coupon_id="HELLO", is_personal=True, percent=5, per_person=1)
    given().when(CreateCoupon(coupon_id="hello", personal=True, percent=5)).then(made)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "give one of percent and amount"),
        ({"percent": 10, "amount": "5"}, "give one of percent and amount"),
        ({"amount": "5", "up_to": "3"}, "up_to limits what a percentage takes off"),
        (
            {"percent": 10, "valid_from": "2026-02-01", "valid_until": "2026-01-31"},
            "valid_until lies before valid_from",
        ),
        ({"percent": 100}, "less than or equal to 99"),
        ({"percent": 10, "in_all": 0}, "greater than or equal to 1"),
    ],
)
def test_a_series_that_makes_no_sense_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        CreateCoupon(coupon_id="X", **fields)


def test_a_series_takes_off_more_than_nothing() -> None:
    given().when(CreateCoupon(coupon_id="X", amount="0")).then_rejected("invalid_amount")
    given().when(CreateCoupon(coupon_id="X", percent=5, minimum="0.00")).then_rejected("invalid_amount")


def test_a_series_ends_once() -> None:
    ended = CouponEnded(coupon_id="SUMMER10", at=at("2026-03-01T12:00:00+00:00"))
    given(SUMMER).when(EndCoupon(coupon_id="SUMMER10")).then(ended)
    given(SUMMER, ended).when(EndCoupon(coupon_id="SUMMER10")).then()
    given().when(EndCoupon(coupon_id="SUMMER10")).then_rejected("unknown_coupon")


# ---------------------------------------------------------------------------------------------------------- redemptions


def test_an_order_is_judged_by_the_day_on_which_it_was_placed() -> None:
    created = CouponCreated(
        coupon_id="SUMMER10", percent=10, valid_from=date(2026, 6, 1), valid_until=date(2026, 8, 31)
    )
    assert refusal(created, order(when="2026-05-31T23:59:59+02:00")) == (
        "coupon_not_yet_valid",
        'coupon "SUMMER10" is valid from 2026-06-01 on, and this order is of 2026-05-31',
    )
    assert refusal(created, order(when="2026-06-01T00:00:00+02:00")) is None
    assert refusal(created, order(when="2026-08-31T23:59:59+02:00")) is None
    assert refusal(created, order(when="2026-09-01T00:00:00+02:00")) == (
        "coupon_no_longer_valid",
        'coupon "SUMMER10" was valid until 2026-08-31, and this order is of 2026-09-01',
    )
    ended = CouponEnded(coupon_id="SUMMER10", at=at("2026-07-01T12:00:00+02:00"))
    assert refusal(created, order(when="2026-07-01T11:59:59+02:00"), ended) is None
    assert refusal(created, order(when="2026-07-01T12:00:00+02:00"), ended) == (
        "coupon_no_longer_valid",
        'coupon "SUMMER10" was ended on 2026-07-01, and this order is of 2026-07-01',
    )


def test_the_minimum_is_asked_of_the_price_before() -> None:
    created = CouponCreated(coupon_id="SUMMER10", percent=10, minimum=5_000, currency="EUR")
    assert refusal(created, order(paid=4_500)) is None
    assert refusal(created, order(paid=4_499)) == (
        "below_minimum",
        'coupon "SUMMER10" takes an order of 50.00 EUR at least, and this one was of 49.99 EUR before it',
    )


@over(
    percent=st.integers(1, 99),
    up_to=st.none() | st.integers(1, 500),
    minimum=st.integers(1, 20_000),
    more=st.integers(-300, 300),
)
def test_an_order_of_the_minimum_is_never_refused_for_how_the_till_rounded(
    percent: int, up_to: int | None, minimum: int, more: int
) -> None:
    created = CouponCreated(coupon_id="SUMMER10", percent=percent, up_to=up_to, minimum=minimum, currency="EUR")
    price = max(minimum + more, 0)
    exact = Fraction(price * percent, 100)
    off = [min(each, up_to or each) for each in (floor(exact), ceil(exact), floor(exact + Fraction(1, 2)))]
    assert taken_off(created, price) == off[2]
    is_refused = [refusal(created, order(paid=price - each)) is not None for each in (off[0], off[2])]
    if price >= minimum:
        assert not any(is_refused)
    elif price < minimum - Fraction(100, 100 - percent):  # by more than rounding can make of it
        assert all(is_refused)


def test_no_more_is_taken_off_than_an_order_comes_to() -> None:
    five = CouponCreated(coupon_id="FIVE", amount=500, currency="EUR")
    assert [taken_off(five, price) for price in (0, 499, 500, 501)] == [0, 499, 500, 500]


def test_limits_are_of_redemptions_that_stand_and_customers_who_are_one_count_as_one() -> None:
    created = CouponCreated(coupon_id="SUMMER10", percent=10, per_person=1, in_all=2)
    assert refusal(created, order(9), redemption(1)) == (
        "coupon_used_before",
        'this customer used coupon "SUMMER10" before: it is good for one order each',
    )
    assert refusal(created, order(9, of=ADA_TOO), redemption(1)) is None
    assert refusal(created, order(9, of=ADA_TOO, family=(ADA, ADA_TOO)), redemption(1)) is not None
    assert refusal(created, order(9, of=BOB), redemption(1), redemption(2, ADA_TOO)) == (
        "coupon_used_up",
        'coupon "SUMMER10" is used up: it was good for 2 orders',
    )
    assert refusal(created, order(9, of=BOB), redemption(1), redemption(2, ADA_TOO), release(1)) is None


def test_what_there_is_not_is_redeemed_by_nobody() -> None:
    with pytest.raises(Rejected) as caught:
        require_redeemable(COUPON.initial, "SUMMER10", order(), "UTC")
    assert caught.value.code == "unknown_coupon"
    assert not has_room(COUPON.initial, (ADA,))


def test_a_redemption_says_what_it_took_off() -> None:
    assert redeemed(fold(COUPON, SUMMER), "SUMMER10", order()) == redemption(1)


@over(st.lists(st.tuples(st.booleans(), st.integers(1, 4), st.sampled_from([ADA, BOB]))))
def test_uses_are_counted_whatever_is_released(told: list[tuple[bool, int, str]]) -> None:
    state = fold(COUPON, SUMMER, *((redemption if is_use else release)(number, of) for is_use, number, of in told))
    standing: dict[int, str] = {}
    for is_use, number, of in told:
        standing.pop(number, None)
        if is_use:
            standing[number] = of
    assert {int(each[2:]): its.customer_id for each, its in state.redemptions.items()} == standing
    assert state.uses == len(standing)
    for of in (ADA, BOB, ADA_TOO):
        assert uses_by(state, (of,)) == list(standing.values()).count(of)


# --------------------------------------------------------------------------------------------------------- issued codes


def test_a_customer_has_one_code_of_a_series() -> None:
    issue = IssueCoupon(customer="shop:1", coupon_id="hello")
    given().when(issue).then(CouponIssued(coupon_id="HELLO"))  # the code is drawn outside
    given(CouponIssued(coupon_id="HELLO", code="K7QF2MXH9RTA")).when(issue).then()
    given(CouponIssued(coupon_id="OTHER", code="K7QF2MXH9RTA")).when(issue).then(CouponIssued(coupon_id="HELLO"))


@pytest.mark.parametrize(
    ("happened", "code"),
    [
        ((), "unknown_coupon"),
        ((SUMMER,), "coupon_not_personal"),
        (
            (CouponCreated(coupon_id="X", is_personal=True, percent=5, valid_until=date(2026, 6, 30)),),
            "coupon_no_longer_valid",
        ),
        (
            (CouponCreated(coupon_id="X", is_personal=True, percent=5), CouponEnded(coupon_id="X", at=0)),
            "coupon_no_longer_valid",
        ),
        ((CouponCreated(coupon_id="X", is_personal=True, percent=5, valid_from=date(2026, 8, 1)),), None),
    ],
)
def test_codes_are_issued_of_personal_series_that_are_not_over(happened: tuple[Any, ...], code: str | None) -> None:
    found = None
    try:
        require_issuable(fold(COUPON, *happened), "X", at("2026-07-01T12:00:00+00:00"), "UTC")
    except Rejected as error:
        found = error.code
    assert found == code
