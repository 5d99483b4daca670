"""Intervals: against published tables and arithmetic in the open, and how often they hold the truth."""

from __future__ import annotations

from math import comb, exp, lgamma, log, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.statistics.estimate import net_promoter_score, rate, share
from regulars.statistics.proportions import Interval, net_promoter, poisson, wilson

# R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872, table I: the score method without continuity correction.
NEWCOMBE = [
    ((81, 263), (0.2553, 0.3662)),
    ((15, 148), (0.0624, 0.1605)),
    ((0, 20), (0.0, 0.1611)),
    ((1, 29), (0.0061, 0.1718)),
]


@pytest.mark.parametrize(("counts", "published"), NEWCOMBE)
def test_wilsons_interval_is_that_of_the_published_table(
    counts: tuple[int, int], published: tuple[float, float]
) -> None:
    found = wilson(*counts)
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == published


def test_the_interval_of_a_net_promoter_score_adds_three_halves_to_both_sides() -> None:
    # 6 promoters, 2 detractors of 10: shares (6 + 1.5) / 13 and (2 + 1.5) / 13, which differ by 4 / 13; the variance of
    # the difference is (11 / 13 - (4 / 13)²) / 13, so its root is 0.2404; and 1.96 of these are 0.4712.
    found = net_promoter(6, 2, 10)
    assert found is not None
    assert sqrt((11 / 13 - (4 / 13) ** 2) / 13) == pytest.approx(0.2404, abs=1e-4)
    assert (found.low, found.high) == pytest.approx((4 / 13 - 0.4712, 4 / 13 + 0.4712), abs=1e-4)


def test_the_interval_of_a_count_solves_the_score_equation() -> None:
    found = poisson(10)
    for end in (found.low, found.high):
        assert abs(10 - end) == pytest.approx(1.96 * sqrt(end), abs=1e-3)
    assert poisson(0) == Interval(low=0, high=pytest.approx(1.96**2, abs=1e-3))


def test_of_nobody_nothing_can_be_told() -> None:
    assert wilson(0, 0) is net_promoter(0, 0, 0) is None
    assert {(each.value, each.low, each.n) for each in (share(0, 0), net_promoter_score(0, 0, 0), rate(0, 0, 100))} == {
        (None, None, 0)
    }


@pytest.mark.parametrize("counts", [(-1, 5), (6, 5), (1, -1)])
def test_counts_that_can_not_be_are_refused(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="expected counts"):
        wilson(*counts)
    with pytest.raises(ValueError, match="expected counts"):
        net_promoter(3, 3, 5)
    with pytest.raises(ValueError, match="expected counts"):
        poisson(-1)


@given(st.integers(1, 10_000), st.data())
def test_an_interval_holds_what_was_found_and_nothing_that_can_not_be(n: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, n))
    found, other = wilson(part, n), wilson(n - part, n)
    assert found is not None
    assert other is not None
    assert 0 <= found.low <= part / n <= found.high <= 1
    assert (found.low, found.high) == pytest.approx((1 - other.high, 1 - other.low))
    less = data.draw(st.integers(0, n - part))
    between = net_promoter(part, less, n)
    assert between is not None
    assert -1 <= between.low < between.high <= 1


def test_numbers_are_told_in_the_units_that_people_use() -> None:
    assert share(3, 4).value == 0.75
    assert net_promoter_score(6, 2, 10).value == 40
    found = rate(2, 50, per=100)
    assert found.value == 4
    assert (found.low, found.high) == pytest.approx((poisson(2).low * 2, poisson(2).high * 2))


# ------------------------------------------------------------------------------------------------ what they are worth
#
# How often an interval holds the truth, worked out by going through every sample there is: no chance is in it.


def of_shares(true: float, n: int) -> float:
    """The coverage of Wilson's interval."""
    held = 0.0
    for part in range(n + 1):
        found = wilson(part, n)
        assert found is not None
        if found.low <= true <= found.high:
            held += comb(n, part) * true**part * (1 - true) ** (n - part)
    return held


def of_scores(promoters: float, detractors: float, n: int, *, plain: bool = False) -> float:
    """The coverage of the interval of a Net Promoter Score; or of the plain one, for comparison."""
    held, passives, true = 0.0, 1 - promoters - detractors, promoters - detractors
    for more in range(n + 1):
        for less in range(n - more + 1):
            found = wald(more, less, n) if plain else net_promoter(more, less, n)
            assert found is not None
            if found.low <= true <= found.high:
                rest = n - more - less
                held += exp(
                    lgamma(n + 1)
                    - lgamma(more + 1)
                    - lgamma(less + 1)
                    - lgamma(rest + 1)
                    + more * log(promoters)
                    + less * log(detractors)
                    + rest * log(passives)
                )
    return held


def wald(more: int, less: int, n: int) -> Interval:
    score = (more - less) / n
    half = 1.96 * sqrt(((more + less) / n - score * score) / n)
    return Interval(low=score - half, high=score + half)


def of_counts(true: float) -> float:
    """The coverage of the interval of a count."""
    held = 0.0
    for count in range(int(true + 20 * sqrt(true) + 20)):
        found = poisson(count)
        if found.low <= true <= found.high:
            held += exp(count * log(true) - true - lgamma(count + 1))
    return held


SHARES = [percent / 100 for percent in range(2, 99, 2)]
SCORES = [(p / 20, d / 20) for p in range(1, 19) for d in range(1, 20 - p)]
COUNTS = [tenth / 2 for tenth in range(2, 101)]


@pytest.mark.parametrize(
    ("n", "least", "mean"), [(5, 0.9, 0.95), (10, 0.92, 0.95), (30, 0.92, 0.95), (100, 0.93, 0.948)]
)
def test_wilsons_interval_holds_the_truth_about_as_often_as_it_says(n: int, least: float, mean: float) -> None:
    coverages = [of_shares(true, n) for true in SHARES]
    assert min(coverages) >= least
    assert sum(coverages) / len(coverages) >= mean


@pytest.mark.parametrize(("n", "least", "mean"), [(5, 0.94, 0.95), (10, 0.94, 0.95), (30, 0.94, 0.95)])
def test_the_interval_of_a_net_promoter_score_holds_the_truth_as_often_as_it_says(
    n: int, least: float, mean: float
) -> None:
    coverages = [of_scores(*true, n) for true in SCORES]
    assert min(coverages) >= least
    assert sum(coverages) / len(coverages) >= mean


def test_the_plain_interval_would_not() -> None:
    assert min(of_scores(*true, 5, plain=True) for true in SCORES) < 0.41


def test_the_interval_of_a_count_holds_the_truth_about_as_often_as_it_says() -> None:
    coverages = [of_counts(true) for true in COUNTS]
    assert min(coverages) >= 0.91
    assert sum(coverages) / len(coverages) >= 0.95
