"""The measure of what is due counts right: histories that are plain enough to count by hand. No figure is asserted."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from benchmarks.due_again import (
    at_any_time,
    by_days,
    constant_hazard,
    dates,
    item_gaps,
    judged,
    own_mean,
    rankings,
    read,
    rhythm,
    share,
    shop,
    shrunk,
    with_own_gaps,
)

#: Thirty people buy tea every 30 days, each on days of their own, and a mug once on the first.
EVEN = [{"tea": list(range(first, 1_000, 30)), "mug": [first]} for first in range(30)]


def test_where_all_is_even_every_date_is_right() -> None:
    history = judged(EVEN)
    assert history.gaps == {"tea": 30}
    assert (history.begin, history.end) == (666, 1_000)
    # 34 Mondays from 666 on, with 90 days left to watch: on each, whoever is due in the seven days from it on.
    mondays = range(666, 1_000 - 97, 7)
    due = sum(day <= bought < day + 7 for day in mondays for who in EVEN for bought in who["tea"])
    assert dates(history, shrunk) == dates(history, own_mean) == (due, due)
    assert dates(history, with_own_gaps(shrunk, 1, 2)) == (0, 0)


def test_a_date_is_wrong_where_it_was_bought_more_than_half_a_gap_later() -> None:
    late = [*EVEN, {"tea": [600, 700, 746]}]  # called for day 730 and watched until day 745
    called, hit = dates(judged(late), lambda who, item, day: 730 if who.bought[item][0] == 600 else None)
    assert (called, hit) == (1, 0)
    soon = [*EVEN, {"tea": [600, 700, 745]}]
    assert dates(judged(soon), lambda who, item, day: 730 if who.bought[item][0] == 600 else None) == (1, 1)


def test_a_list_is_right_where_an_item_of_it_is_in_the_order() -> None:
    one = {"a": [0, 1, 2, 800], "b": [3, 4, 999], "c": [5, 900], "d": [6, 7, 8, 9], "e": [850]}
    orders, hits = rankings(judged([one]), by_days)
    # From day 666 on: a after d; c after d, a and b; b after a, d and c, which was bought later. e is new.
    assert orders == 3
    assert hits == {10: 3, 3: 1}


def test_a_constant_hazard_calls_nothing_that_has_lapsed() -> None:
    call = at_any_time(Random(1))
    (who, *_) = judged(EVEN).customers
    assert call(who, "tea", 990 + 60) is None
    assert call(who, "mug", 990) is None  # it has no gap


def test_generated_histories_have_the_gaps_that_they_are_said_to_have() -> None:
    """The mean of 20,000 draws of a gap of 60 lies within 4 standard errors: those are 0.15 and 0.42 days."""
    for runs_out, error in ((rhythm, 0.15), (constant_hazard, 0.42)):
        random = Random(7)
        mean = sum(runs_out(random, 60) for _ in range(20_000)) / 20_000
        assert abs(mean - 60) < 4 * error


def test_a_history_is_the_same_each_time() -> None:
    assert shop(rhythm) == shop(rhythm)
    assert set(item_gaps()) >= {item for who in shop(constant_hazard) for item in who}


def test_a_file_is_read_by_customer_item_and_day(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("customer,item,date\na,tea,2024-01-02\nb,tea,2024-01-01\na,tea,2024-01-31\na,tea,2024-01-02\n")
    assert read(path) == [{"tea": [1, 30]}, {"tea": [0]}]


@pytest.mark.parametrize(
    ("of", "part", "shown"),
    [
        (100, 50, " 50.0 %  (40.4 to 59.6), n = 100"),
        (20, 10, " 50.0 %  (29.9 to 70.1), n = 20"),
        (10, 0, "  0.0 %  (0.0 to 27.8), n = 10"),
    ],
)
def test_the_interval_of_a_share_is_that_of_published_tables(of: int, part: int, shown: str) -> None:
    assert share(of, part) == shown
