"""Amounts as people and programs write them; what may mean two things is refused."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.adapters.importing.amounts import ROUNDINGS, NotAnAmount, product, read_amount, read_minor, rounded
from regulars.crm_domain.money import EXPONENTS

AMOUNTS = st.decimals(0, 10**9, places=2)
CODES = st.sampled_from(sorted(EXPONENTS))


def in_groups(amount: Decimal, mark: str, decimal: str) -> str:
    return f"{amount:,.2f}".translate({ord(","): mark, ord("."): decimal})


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        *(("59.90", "59.90"), ("+59.90", "59.90"), ("-59.90", "-59.90"), ("\u221259.90", "-59.90")),
        *(("(59.90)", "-59.90"), ("59.90-", "-59.90"), ("59.90 -", "-59.90"), ("- 59.90", "-59.90")),
        *(("€59.90", "59.90"), ("-€59.90", "-59.90"), ("€-59.90", "-59.90"), ("59.90 €", "59.90")),
        *(("59.90 EUR", "59.90"), ("eur 59.90", "59.90"), ("€59.90 EUR", "59.90"), ("(€ 59.90)", "-59.90")),
        *(("€ (59.90)", "-59.90"), ("59.90- EUR", "-59.90"), ("Rs.90", "90"), ("Rs. 1,059.90", "1059.90")),
        *((".90", "0.90"), ("€.90", "0.90"), ("59.", "59"), ("0", "0"), ("0.00", "0.00"), ("-0", "0")),
        *(("1,059.90", "1059.90"), ("1'059.90", "1059.90"), ("1\u2019059.90", "1059.90"), ("1 059.90", "1059.90")),
        *(("1\u00a0059.90", "1059.90"), ("1\u202f059.90", "1059.90"), ("1,234,567", "1234567")),
        *(("12,34,567.00", "1234567.00"), ("1,23,45,678", "12345678"), ("\uff15\uff19\uff0e\uff19\uff10", "59.90")),
        *(("59.899999999999999", "59.899999999999999"), ("59.9000", "59.9000"), ("0.123", "0.123")),
        *(("1059", "1059"), ("1'059", "1059"), ("00012.50", "12.50")),
    ],
)
def test_signs_currencies_and_groups_are_read(text: str, amount: str) -> None:
    assert read_amount(text).amount == Decimal(amount)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-", "()", "€", "EUR", ".", ",", "abc", "1e5", "1.23E+02", "NaN", "Infinity", "0x10", "1_000"),
        *("--1", "-(1)", "(1", "1)", "+-1", "1-1", "59'", "59,-", "1.2.3", "1 234'567", "0,123,456", "12 34"),
        *("59.90 USD EUR", "59.90 XYZ", "€$5", "5 5 EUR", "9" * 25, "٣", "5%", "'5"),
    ],
)
@pytest.mark.parametrize("decimal_comma", [None, True, False])
def test_what_is_no_amount_is_refused(text: str, decimal_comma: bool | None) -> None:
    with pytest.raises(NotAnAmount):
        read_amount(text, decimal_comma=decimal_comma)


@pytest.mark.parametrize(
    ("text", "point", "comma"),
    [
        *(("1,059", "1059", "1.059"), ("1.059", "1.059", "1059"), ("-1,059", "-1059", "-1.059")),
        *(("€1.059", "1.059", "1059"), ("(123.456)", "-123.456", "-123456")),
    ],
)
def test_what_means_two_things_needs_the_decimal_sign(text: str, point: str, comma: str) -> None:
    with pytest.raises(NotAnAmount, match=r"with decimal_comma = false and .* with decimal_comma = true"):
        read_amount(text)
    assert read_amount(text, decimal_comma=False).amount == Decimal(point)
    assert read_amount(text, decimal_comma=True).amount == Decimal(comma)


@pytest.mark.parametrize("text", ["59,90", "1.059,90", "1.234.567", "0,5", "1 059,90"])
def test_what_only_the_comma_explains_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(NotAnAmount, match="if the comma is the decimal sign, say decimal_comma = true"):
        read_amount(text)
    read_amount(text, decimal_comma=True)


def test_three_digits_after_a_point_are_decimals_where_amounts_are_that_fine() -> None:
    assert read_amount("59.900", is_fine=True).amount == Decimal("59.900")
    with pytest.raises(NotAnAmount):
        read_amount("59,900", is_fine=True)


@pytest.mark.parametrize(
    ("text", "currencies"),
    [("€1", {"EUR"}), ("1 usd", {"USD"}), ("US$ 1", {"USD"}), ("R$1", {"BRL"}), ("¥1", {"JPY", "CNY"}), ("1", set())],
)
def test_a_sign_says_which_currencies_it_may_stand_for(text: str, currencies: set[str]) -> None:
    assert read_amount(text).currencies == currencies


def test_a_dollar_is_of_many_currencies_but_no_euro() -> None:
    found = read_amount("$1,059.90").currencies
    assert {"USD", "CAD", "AUD"} < found
    assert "EUR" not in found


@pytest.mark.parametrize(
    ("text", "exponent", "amount"),
    [
        ("5990", 2, "59.90"),
        ("-5990", 2, "-59.90"),
        ("(5990)", 0, "-5990"),
        ("5990.0", 2, "59.90"),
        ("5990", 3, "5.990"),
    ],
)
def test_minor_units_are_whole(text: str, exponent: int, amount: str) -> None:
    assert str(read_minor(text, exponent).amount) == amount


@pytest.mark.parametrize("text", ["59.90", "5,990", "5990.00", "", "x", "9" * 25])
def test_minor_units_with_decimals_or_groups_are_refused(text: str) -> None:
    with pytest.raises(NotAnAmount, match="in minor units, such as 5990"):
        read_minor(text, 2)


@pytest.mark.parametrize(
    ("rule", "up", "down", "negative"),
    [
        ("half_up", "0.13", "0.12", "-0.13"),
        ("half_even", "0.12", "0.12", "-0.12"),
        ("down", "0.12", "0.12", "-0.12"),
        ("up", "0.13", "0.13", "-0.13"),
    ],
)
def test_rounding_follows_the_rule(rule: str, up: str, down: str, negative: str) -> None:
    assert [rounded(Decimal(each), 2, rule) for each in ("0.125", "0.1201", "-0.125")] == [  # type: ignore[arg-type]
        Decimal(up),
        Decimal(down),
        Decimal(negative),
    ]


# ---------------------------------------------------------------------------------------------------------------- laws


@given(AMOUNTS, st.sampled_from("' \u00a0\u2019,"), st.sampled_from(["{}", "-{}", "({})", "{}-", "€ {}", "{} EUR"]))
def test_what_is_written_with_a_point_is_read_back(amount: Decimal, mark: str, shape: str) -> None:
    told = read_amount(shape.format(in_groups(amount, mark, ".")), decimal_comma=False).amount
    assert abs(told) == amount
    assert told <= 0 or shape in ("{}", "€ {}", "{} EUR")


@given(AMOUNTS, st.sampled_from("' \u00a0."))
def test_what_is_written_with_a_comma_is_read_back(amount: Decimal, mark: str) -> None:
    assert read_amount(in_groups(amount, mark, ","), decimal_comma=True).amount == amount


@given(AMOUNTS, CODES, st.booleans(), st.booleans())
def test_a_code_stands_before_or_after_in_capitals_or_not(
    amount: Decimal, code: str, is_before: bool, is_lower: bool
) -> None:
    word = code.lower() if is_lower else code
    told = read_amount(f"{word} {amount}" if is_before else f"{amount} {word}", decimal_comma=False)
    assert (told.amount, told.currencies) == (amount, {code})


@given(st.text("0123456789.,'-+() €$EUR", max_size=12))
def test_what_is_read_without_the_decimal_sign_is_what_the_point_says_and_the_comma_doesnt_deny(text: str) -> None:
    try:
        told = read_amount(text)
    except NotAnAmount:
        return
    assert told == read_amount(text, decimal_comma=False)
    with suppress(NotAnAmount):
        assert told == read_amount(text, decimal_comma=True)


@given(st.text(max_size=80), st.sampled_from([None, True, False]), st.booleans())
def test_whatever_the_text_it_is_an_amount_or_refused(text: str, decimal_comma: bool | None, is_fine: bool) -> None:
    with suppress(NotAnAmount):
        assert read_amount(text, decimal_comma=decimal_comma, is_fine=is_fine).amount.is_finite()


@given(AMOUNTS, st.integers(0, 10**6))
def test_a_price_times_a_quantity_is_exact(price: Decimal, quantity: int) -> None:
    assert product(price, Decimal(quantity)) * 100 == int(price * 100) * quantity


@given(st.decimals(-(10**9), 10**9, places=6), st.sampled_from(ROUNDINGS), st.integers(0, 4))
def test_rounding_moves_by_less_than_the_smallest_coin(amount: Decimal, rule: str, exponent: int) -> None:
    assert abs(rounded(amount, exponent, rule) - amount) < Decimal(1).scaleb(-exponent)  # type: ignore[arg-type]
