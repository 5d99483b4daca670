"""How long things last: against a published table, and by counting where everything is over."""

from __future__ import annotations

from random import Random
from statistics import median as middle

import pytest

from regulars.statistics.survival import curve, median

# Weeks in remission of 21 patients, those with a plus still in it: E. J. Freireich and others, Blood 21 (1963),
# 699-716. The curve and its limits on the log-log scale: W. N. Venables and B. D. Ripley, Modern Applied Statistics
# with S (4th edition, 2002), chapter 13.
OVER = (6, 6, 6, 7, 10, 13, 16, 22, 23)
SEEN = (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)
PUBLISHED = [
    (6, 0.857, 0.620, 0.952),
    (7, 0.807, 0.563, 0.923),
    (10, 0.753, 0.503, 0.889),
    (13, 0.690, 0.432, 0.849),
    (16, 0.627, 0.368, 0.805),
    (22, 0.538, 0.268, 0.747),
    (23, 0.448, 0.188, 0.680),
]
REMISSION = [*((week, True) for week in OVER), *((week, False) for week in SEEN)]


def test_the_curve_is_that_of_the_published_table() -> None:
    found = [(each.time, each.share, each.low, each.high) for each in curve(REMISSION)]
    assert [each[0] for each in found] == [each[0] for each in PUBLISHED]
    for steps, published in zip(found, PUBLISHED, strict=True):
        assert steps[1:] == pytest.approx(published[1:], abs=5e-4)


def test_the_median_is_where_the_curve_falls_to_one_half_and_its_interval_where_its_limits_do() -> None:
    found = median(REMISSION)
    assert (found.time, found.low, found.high, found.n, found.over) == (23, 13, None, 21, 9)


def test_where_everything_is_over_it_is_the_plain_median() -> None:
    lasted = [3, 9, 1, 4, 7]
    assert median((each, True) for each in lasted).time == middle(lasted)


def test_a_half_that_is_not_over_has_no_median() -> None:
    found = median([(1, True), (2, False), (2, False)])
    assert (found.time, found.high, found.n, found.over) == (None, None, 3, 1)
    nothing = median(())
    assert (nothing.time, nothing.low, nothing.high, nothing.n) == (None, None, None, 0)


def test_the_interval_of_the_median_holds_the_truth_about_as_often_as_it_says() -> None:
    # Exponential times with a median of 693 of 1,000 units, each seen for up to 2,000 of them.
    random, held, truth = Random(7), 0, 693
    for _ in range(600):
        lasted = ((random.expovariate(1 / 1000), random.uniform(0, 2000)) for _ in range(60))
        found = median((round(min(time, seen)), time <= seen) for time, seen in lasted)
        held += (found.low or 0) <= truth <= (found.high or 10**6)
    assert held / 600 == pytest.approx(0.95, abs=0.03)
