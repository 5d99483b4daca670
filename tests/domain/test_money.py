"""Money is exact: digits as ISO 4217 gives them, and refused rather than rounded."""

from __future__ import annotations

from decimal import Decimal, localcontext

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import ValidationError

from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.money import EXPONENTS, MAX_MINOR_UNITS, exponent_of, from_minor_units, to_minor_units
from regulars.crm_domain.purchase import RecordPurchase

currencies = st.sampled_from(sorted(EXPONENTS))
minor_units = st.integers(0, MAX_MINOR_UNITS)


def refusal(amount: Decimal, currency: str = "EUR") -> str:
    with pytest.raises(Rejected) as refused:
        to_minor_units(amount, currency)
    return refused.value.code


# The column "minor unit" of ISO 4217, list one.
@pytest.mark.parametrize(
    ("currency", "digits"),
    [
        *[("EUR", 2), ("USD", 2), ("CHF", 2), ("MGA", 2)],
        *[("JPY", 0), ("ISK", 0), ("KRW", 0)],
        *[("KWD", 3), ("TND", 3), ("CLF", 4), ("UYW", 4)],
    ],
)
def test_a_currency_has_the_digits_of_iso_4217(currency: str, digits: int) -> None:
    assert exponent_of(currency) == digits


@pytest.mark.parametrize("code", ["", "eur", "EURO", "XXX", "XAU", "€"])
def test_what_is_no_currency_is_refused(code: str) -> None:
    with pytest.raises(Rejected) as refused:
        exponent_of(code)
    assert refused.value.code == "unknown_currency"


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("59.90", "EUR", 5990),
        ("59.9", "EUR", 5990),
        ("0.01", "EUR", 1),
        ("0", "EUR", 0),
        ("1200", "JPY", 1200),
        ("1.2E+3", "JPY", 1200),
        ("1.234", "KWD", 1234),
        ("0.0001", "CLF", 1),
        ("1.5000", "EUR", 150),
        ("10000000000.00", "EUR", 1_000_000_000_000),
    ],
)
def test_an_amount_becomes_minor_units(amount: str, currency: str, minor: int) -> None:
    assert to_minor_units(Decimal(amount), currency) == minor


@pytest.mark.parametrize(
    ("minor", "currency", "amount"),
    [(5990, "EUR", "59.90"), (5, "EUR", "0.05"), (1200, "JPY", "1200"), (1234, "KWD", "1.234"), (1, "CLF", "0.0001")],
)
def test_minor_units_are_shown_with_all_the_digits_of_the_currency(minor: int, currency: str, amount: str) -> None:
    assert str(from_minor_units(minor, currency)) == amount


@hypothesis.given(minor_units, currencies)
def test_there_and_back_is_the_same(minor: int, currency: str) -> None:
    assert to_minor_units(from_minor_units(minor, currency), currency) == minor


@hypothesis.given(minor_units, st.integers(1, 40))
def test_zeros_behind_the_last_digit_say_nothing(minor: int, zeros: int) -> None:
    amount = Decimal(f"{minor // 100}.{minor % 100:02}" + "0" * zeros)
    assert to_minor_units(amount, "EUR") == minor


@pytest.mark.parametrize("amount", ["-0.01", "-1", "-1E+30", "NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_from_zero_upwards_is_refused(amount: str) -> None:
    assert refusal(Decimal(amount)) == "invalid_amount"


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("0.001", "EUR"), ("59.905", "EUR"), ("0.1", "JPY"), ("0.0001", "KWD"), ("0.00001", "CLF"), ("1E-28", "EUR")],
)
def test_finer_than_the_smallest_coin_is_refused(amount: str, currency: str) -> None:
    assert refusal(Decimal(amount), currency) == "invalid_amount"


@hypothesis.given(minor_units, st.integers(0, 60))
def test_finer_is_refused_however_little_it_is(minor: int, zeros: int) -> None:
    amount = Decimal(f"{minor // 100}.{minor % 100:02}" + "0" * zeros + "1")
    assert refusal(amount) == "invalid_amount"


def test_next_to_nothing_is_not_nothing() -> None:
    assert refusal(Decimal("1E-1000030")) == "invalid_amount"


@pytest.mark.parametrize("amount", ["10000000000.01", "1E+12", "1E+999", "1E+999999", "9" * 60])
def test_more_than_the_largest_amount_is_refused(amount: str) -> None:
    assert refusal(Decimal(amount)) == "invalid_amount"


@pytest.mark.parametrize("amount", ["1E+999990", "1E-999990"])
def test_an_absurd_amount_is_refused(amount: str) -> None:
    assert refusal(Decimal(amount)) == "invalid_amount"


def test_money_does_not_depend_on_how_the_program_around_it_sets_up_decimals() -> None:
    with localcontext(prec=6):
        minor, amount = to_minor_units(Decimal("12345.67"), "EUR"), from_minor_units(1_234_567, "EUR")
    assert minor == 1_234_567
    assert str(amount) == "12345.67"


@pytest.mark.parametrize("amount", [59.9, 0.0, True, False, float("nan")])
def test_a_float_is_no_money(amount: object) -> None:
    with pytest.raises(ValidationError, match="never a float"):
        RecordPurchase.model_validate({"customer": "shop:1", "order_id": "A-1", "amount": amount})
    with pytest.raises(ValidationError, match="never a float"):
        RecordPurchase.model_validate(
            {"customer": "shop:1", "order_id": "A-1", "amount": "1", "lines": [{"sku": "tea", "amount": amount}]}
        )


def test_a_number_with_a_point_in_json_is_a_float() -> None:
    with pytest.raises(ValidationError, match="never a float"):
        RecordPurchase.model_validate_json('{"customer": "shop:1", "order_id": "A-1", "amount": 59.90}')


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "", "ten", "1,50"])
def test_text_that_is_no_finite_number_is_refused_at_the_door(amount: str) -> None:
    with pytest.raises(ValidationError):
        RecordPurchase(customer="shop:1", order_id="A-1", amount=amount)


@pytest.mark.parametrize("amount", ["59.90", Decimal("59.90")])
def test_text_and_decimal_are_money(amount: str | Decimal) -> None:
    command = RecordPurchase.model_validate({"customer": "shop:1", "order_id": "A-1", "amount": amount})
    assert command.amount == Decimal("59.90")


def test_a_whole_number_is_money() -> None:
    command = RecordPurchase.model_validate({"customer": "shop:1", "order_id": "A-1", "amount": 60})
    assert command.amount == Decimal(60)
