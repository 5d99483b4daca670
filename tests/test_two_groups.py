"""The difference of two shares: against published tables, another's arithmetic, and every outcome that there is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from independent import effects as independent
from regulars.statistics.power import least_difference, least_difference_of_means, people_needed
from regulars.statistics.two_groups import mantel_haenszel, newcombe

# R. G. Newcombe, Statistics in Medicine 17 (1998), 873-890, table II: method 10.
PUBLISHED = [
    ((56, 70, 48, 80), (0.0524, 0.3339)),
    ((9, 10, 3, 10), (0.1705, 0.8090)),
    ((6, 7, 2, 7), (0.0582, 0.8062)),
    ((5, 56, 0, 29), (-0.0381, 0.1926)),
    ((0, 10, 0, 20), (-0.1611, 0.2775)),
    ((0, 10, 0, 10), (-0.2775, 0.2775)),
    ((10, 10, 0, 20), (0.6791, 1.0)),
    ((10, 10, 0, 10), (0.6075, 1.0)),
]
SIZES = [(80, 20), (240, 60), (1000, 1000)]
RATES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5]

counts = st.tuples(st.integers(1, 400), st.integers(1, 400)).flatmap(
    lambda size: st.tuples(st.integers(0, size[0]), st.just(size[0]), st.integers(0, size[1]), st.just(size[1]))
)


def swapped(stratum: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    x1, n1, x0, n0 = stratum
    return x0, n0, x1, n1


# ------------------------------------------------------------------------------------------------------- two shares


@pytest.mark.parametrize(("found", "published"), PUBLISHED)
def test_newcombes_interval_is_that_of_the_published_table(
    found: tuple[int, int, int, int], published: tuple[float, float]
) -> None:
    interval = newcombe(*found)
    assert (round(interval.low, 4), round(interval.high, 4)) == published


@given(counts)
def test_it_is_another_arithmetics_holds_what_was_found_and_is_mirrored_where_the_groups_are_swapped(
    found: tuple[int, int, int, int],
) -> None:
    interval, mirror = newcombe(*found), newcombe(*swapped(found))
    x1, n1, x0, n0 = found
    assert (interval.low, interval.high) == pytest.approx(independent.newcombe(*found), abs=1e-9)
    assert -1 <= interval.low <= x1 / n1 - x0 / n0 <= interval.high <= 1
    assert (interval.low, interval.high) == (-mirror.high, -mirror.low)


@pytest.mark.parametrize("impossible", [(3, 2, 0, 5), (-1, 2, 0, 5), (0, 5, 6, 5), (0, 0, 1, 5), (1, 5, 0, 0)])
def test_counts_that_can_not_be_are_refused(impossible: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        newcombe(*impossible)
    with pytest.raises(ValueError, match="expected"):
        mantel_haenszel([impossible])


# ------------------------------------------------------------------------------------------- campaigns of one kind


def test_pooled_campaigns_weigh_by_both_their_groups() -> None:
    # 20 of 100 and 10 of 100 weigh 50 and differ by 0.1; 30 of 80 and 5 of 20 weigh 16 and differ by 0.125.
    estimate, _ = mantel_haenszel([(20, 100, 10, 100), (30, 80, 5, 20)])
    assert estimate == pytest.approx((50 * 0.1 + 16 * 0.125) / 66)


def test_in_one_large_campaign_the_interval_is_about_the_plain_one() -> None:
    # 2,000 of 10,000 and 1,000 of 10,000: the variance is (0.2 * 0.8 + 0.1 * 0.9) / 10,000, so its root is 0.005.
    _, interval = mantel_haenszel([(2000, 10_000, 1000, 10_000)])
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((0.1 - 1.96 * 0.005, 0.1 + 1.96 * 0.005), abs=1e-4)


@given(st.lists(counts, min_size=1, max_size=6))
def test_the_pooled_interval_is_another_arithmetics_and_mirrored_where_the_groups_are_swapped(
    strata: list[tuple[int, int, int, int]],
) -> None:
    estimate, interval = mantel_haenszel(strata)
    against, mirror = mantel_haenszel([swapped(each) for each in strata])
    assert estimate == pytest.approx(-against)
    if interval is None or mirror is None:
        assert interval is mirror is None
        return
    wanted, low, high = independent.mantel_haenszel(strata)
    assert estimate == pytest.approx(wanted)
    assert (interval.low, interval.high) == pytest.approx((max(-1, low), min(1, high)), abs=1e-6)
    assert interval.low - 1e-9 <= estimate <= interval.high + 1e-9
    assert (interval.low, interval.high) == pytest.approx((-mirror.high, -mirror.low))


def test_campaigns_in_which_all_did_the_same_have_no_interval_and_one_without_a_group_changes_nothing() -> None:
    assert mantel_haenszel([(0, 80, 0, 20), (50, 50, 50, 50)]) == (0, None)
    assert mantel_haenszel([(9, 80, 1, 20), (3, 7, 0, 0), (0, 0, 0, 0)]) == mantel_haenszel([(9, 80, 1, 20)])


@pytest.mark.parametrize(
    "strata",
    [
        [(80, 20, 0.05)] * 3,
        [(80, 20, 0.1)] * 5,
        [(40, 40, 0.02), (40, 40, 0.05), (40, 40, 0.1), (40, 40, 0.3)],
        [(80, 20, 0.03)] * 10,
    ],
)
def test_campaigns_that_did_nothing_show_something_together_in_about_5_percent(
    strata: list[tuple[int, int, float]],
) -> None:
    random, repeated = np.random.default_rng(11), 4000
    treated, held_out = (
        [random.binomial(stratum[group], stratum[2], repeated).tolist() for stratum in strata] for group in (0, 1)
    )
    shown = 0
    for bought in zip(zip(*treated, strict=True), zip(*held_out, strict=True), strict=True):
        _, interval = mantel_haenszel([(x1, n1, x0, n0) for x1, x0, (n1, n0, _) in zip(*bought, strata, strict=True)])
        shown += interval is not None and not interval.low <= 0 <= interval.high
    assert shown / repeated <= 0.06 + noise(0.06, repeated)


# ------------------------------------------------------------------------------------------------ what it is worth
#
# How often 0 lies outside, worked out by going through every outcome there is.


def noise(chance: float, repeated: int) -> float:
    """Three standard errors of a share that was simulated."""
    return float(3 * np.sqrt(chance * (1 - chance) / repeated))


def of_each(sizes: list[tuple[int, int]], rates: list[float]) -> list[tuple[tuple[int, int], float]]:
    return [(size, rate) for size in sizes for rate in rates]


@pytest.mark.parametrize(("size", "rate"), of_each([*SIZES, (20, 20), (150, 150)], RATES))
def test_where_there_is_no_difference_one_is_shown_in_at_most_6_percent(size: tuple[int, int], rate: float) -> None:
    assert independent.chance_of_showing(*size, rate, rate) <= 0.06


@pytest.mark.parametrize(("size", "rate"), of_each(SIZES, [0.02, 0.1, 0.3]))
def test_that_many_are_shown_by_our_intervals_in_a_simulation(size: tuple[int, int], rate: float) -> None:
    repeated, random = 20_000, np.random.default_rng(57)
    (n1, n0), exactly = size, independent.chance_of_showing(*size, rate, rate)
    bought = zip(
        random.binomial(n1, rate, repeated).tolist(), random.binomial(n0, rate, repeated).tolist(), strict=True
    )
    intervals = (newcombe(x1, n1, x0, n0) for x1, x0 in bought)
    shown = sum(not each.low <= 0 <= each.high for each in intervals) / repeated
    assert shown == pytest.approx(exactly, abs=noise(exactly, repeated))


@pytest.mark.parametrize(("size", "rate"), of_each([*SIZES, (150, 150), (800, 200)], RATES[1:]))
def test_the_least_difference_is_shown_in_about_80_percent(size: tuple[int, int], rate: float) -> None:
    least = least_difference(*size, rate)
    assert least is not None
    if rate + least < 1:
        assert 0.79 <= independent.chance_of_showing(*size, rate + least, rate) <= 0.85


def test_300_people_of_whom_one_in_ten_buys_and_60_are_held_out_show_16_points() -> None:
    least = least_difference(240, 60, 0.1)
    assert least is not None
    assert round(100 * least) == 16


@given(st.integers(1, 5000), st.integers(1, 5000), st.floats(0, 1))
def test_more_people_show_less(n1: int, n0: int, rate: float) -> None:
    least, more = least_difference(n1, n0, rate), least_difference(2 * n1, 2 * n0, rate)
    if least is None:
        return
    assert more is not None
    assert 0 < more <= least <= 1 - rate


def test_where_everybody_buying_would_not_be_enough_there_is_no_least_difference() -> None:
    assert least_difference(80, 20, 0.95) is None
    assert least_difference(1000, 1000, 1) is None


@given(st.floats(0, 0.8), st.floats(0.02, 0.2), st.floats(0.1, 0.9))
def test_as_many_people_as_are_needed_show_that_difference_and_a_tenth_less_do_not(
    rate: float, difference: float, share: float
) -> None:
    people = people_needed(rate, difference, share)
    held_out = int(share * people + 0.5)
    least = least_difference(people - held_out, held_out, rate)
    assert least is not None
    assert least <= difference + 1e-6
    fewer = people * 9 // 10 - 2
    less = int(share * fewer + 0.5)
    if 0 < less < fewer:
        too_much = least_difference(fewer - less, less, rate)
        assert too_much is None or too_much > difference


@pytest.mark.parametrize(
    ("n1", "n0", "mean", "deviation"), [(240, 60, 500, 1700), (1000, 1000, 40, 95), (80, 20, 9, 0)]
)
def test_a_least_difference_of_means_is_2_8_of_the_errors_that_it_makes(
    n1: int, n0: int, mean: float, deviation: float
) -> None:
    least = least_difference_of_means(n1, n0, mean, deviation)
    assert least is not None
    # Where more buy, the mean and the mean of squares grow alike.
    squares = (deviation**2 + mean**2) * (1 + least / mean)
    error = np.sqrt((squares - (mean + least) ** 2) / n1 + deviation**2 / n0)
    assert least == pytest.approx(2.8016 * error, rel=1e-4, abs=1e-9)


def test_where_nothing_is_spent_there_is_no_least_difference_of_means() -> None:
    assert least_difference_of_means(240, 60, 0, 0) is None
    assert least_difference_of_means(240, 60, -5, 20) is None


def test_what_can_not_be_asked_is_refused() -> None:
    for bad in ((0, 5, 0.1), (5, 0, 0.1), (5, 5, -0.1), (5, 5, 1.1), (5, 5, float("nan"))):
        with pytest.raises(ValueError, match="expected"):
            least_difference(*bad)
    for wrong in ((0.1, 0, 0.2), (0.5, 0.6, 0.2), (0.1, 0.1, 0), (0.1, 0.1, 1), (1, 0.1, 0.5)):
        with pytest.raises(ValueError, match="expected"):
            people_needed(*wrong)
    for odd in ((0, 10, 5, 5), (10, 0, 5, 5), (10, 10, 5, -1)):
        with pytest.raises(ValueError, match="expected"):
            least_difference_of_means(*odd)
