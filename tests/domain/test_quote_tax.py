"""What a quote comes to: tax once per rate, half up; by worked examples, and by laws."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.crm_domain.quote import Prices, RateTotal, totals
from regulars.crm_domain.quote.tax import half_up, line_amount

RATES = st.sampled_from(["0", "2.6", "5.5", "7", "8.1", "19", "20", "25", "33.333333", "100"])
LINES = st.lists(st.tuples(RATES, st.integers(0, 10**9)), max_size=12)
PRICES: st.SearchStrategy[Prices] = st.sampled_from(["net", "gross"])


def test_tax_is_rounded_once_per_rate_and_not_line_by_line() -> None:
    # Three lines of 0.33 at 19 %: 0.0627 each, so 0.06 three times is 0.18; on the sum of 0.99 it is 0.1881, so 0.19.
    found = totals([("19", 33)] * 3, "net")
    assert found.rates == (RateTotal("19", 99, 19),)
    assert (found.net, found.tax, found.gross) == (99, 19, 118)


def test_each_rate_has_its_own_total() -> None:
    # 25 % of 1,460.50 is 365.125, which is 365.13; 15 % of 1.00 is 0.15; 0 % of 25.00 is nothing.
    found = totals([("25", 140_000), ("15", 100), ("0", 2_500), ("25", 6_050)], "net")
    assert found.rates == (RateTotal("25", 146_050, 36_513), RateTotal("15", 100, 15), RateTotal("0", 2_500, 0))
    assert (found.net, found.tax, found.gross) == (148_650, 36_528, 185_178)


def test_half_a_coin_is_rounded_up() -> None:
    # 10 % of 0.05 is half a cent.
    assert totals([("10", 5)], "net").rates == (RateTotal("10", 5, 1),)
    assert [half_up(Fraction(number, 2)) for number in range(5)] == [0, 1, 1, 2, 2]


def test_gross_prices_hold_and_the_net_is_worked_out_of_them() -> None:
    # 119.00 at 19 % is 100.00; 10.00 at 7 % is 9.3457..., so 9.35, and the rest is tax; 0.01 at 19 % is 0.0084...
    assert totals([("19", 11_900)], "gross").rates == (RateTotal("19", 10_000, 1_900),)
    assert totals([("7", 1_000)], "gross").rates == (RateTotal("7", 935, 65),)
    assert totals([("19", 1)], "gross").rates == (RateTotal("19", 1, 0),)
    # 99.99 three times at 20 % is 299.97: 249.975 without tax, so 249.98.
    assert totals([("20", 9_999)] * 3, "gross").rates == (RateTotal("20", 24_998, 4_999),)


@pytest.mark.parametrize(
    ("quantity", "unit_price", "exponent", "amount"),
    [
        ("3", "9.5", 2, 2_850),
        ("1.5", "80", 2, 12_000),
        ("12", "1234.565", 2, 1_481_478),
        ("1000", "0.015", 2, 1_500),
        ("3", "0.015", 2, 5),  # 4.5 cents
        ("0.333333", "3", 2, 100),
        ("2", "1200", 0, 2_400),  # yen have no smaller coin
        ("0.5", "3", 0, 2),
        ("3", "1.2345", 3, 3_704),  # dinars have thousandths
    ],
)
def test_a_line_comes_to_its_quantity_times_its_price(
    quantity: str, unit_price: str, exponent: int, amount: int
) -> None:
    assert line_amount(quantity, unit_price, exponent) == amount


def test_yen_are_taxed_in_whole_yen() -> None:
    # 10 % of 1,005 is 100.5; of 1,005 with tax 913.63... are without.
    assert totals([("10", 1_005)], "net").rates == (RateTotal("10", 1_005, 101),)
    assert totals([("10", 1_005)], "gross").rates == (RateTotal("10", 914, 91),)


def test_nothing_comes_to_nothing() -> None:
    found = totals([], "net")
    assert (found.rates, found.net, found.tax, found.gross) == ((), 0, 0, 0)


@given(LINES, PRICES)
def test_net_and_tax_are_gross_of_each_rate_and_in_all_and_what_was_stated_holds(
    lines: list[tuple[str, int]], prices: Prices
) -> None:
    found = totals(lines, prices)
    assert found.net + found.tax == found.gross == sum(each.gross for each in found.rates)
    assert sum(amount for _, amount in lines) == (found.net if prices == "net" else found.gross)
    for each in found.rates:
        assert each.net + each.tax == each.gross
        assert min(each.net, each.tax) >= 0


@given(LINES, PRICES)
def test_it_is_what_decimal_arithmetic_gives(lines: list[tuple[str, int]], prices: Prices) -> None:
    with localcontext() as context:
        context.prec = 60
        for each in totals(lines, prices).rates:
            stated, rate = Decimal(sum(amount for name, amount in lines if name == each.rate)), Decimal(each.rate)
            if prices == "net":
                assert each.tax == (stated * rate / 100).quantize(Decimal(1), ROUND_HALF_UP)
            else:
                assert each.net == (stated * 100 / (100 + rate)).quantize(Decimal(1), ROUND_HALF_UP)


@given(LINES, PRICES, st.randoms(use_true_random=False))
def test_the_order_of_lines_decides_nothing(lines: list[tuple[str, int]], prices: Prices, random: object) -> None:
    shuffled = list(lines)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert totals(shuffled, prices) == totals(lines, prices)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30), RATES)
def test_one_rate_is_off_by_half_a_coin_at_most_however_many_lines(amounts: list[int], rate: str) -> None:
    found = totals([(rate, amount) for amount in amounts], "net")
    assert abs(found.tax - Fraction(rate) * sum(amounts) / 100) <= Fraction(1, 2)
