"""Where an interval is drawn: in order, within its line, with 0 on it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from regulars.web.console.interval import WIDTH, placed

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(NUMBERS, min_size=3, max_size=3).map(sorted))
def test_ends_and_estimate_keep_their_order_around_0(ends: list[float]) -> None:
    low, value, high = ends
    at = placed(value, low, high)
    assert 0 < at.low <= at.value <= at.high < WIDTH
    assert 0 < at.zero < WIDTH
    if low <= 0 <= high:
        assert at.low <= at.zero <= at.high


@given(NUMBERS, NUMBERS)
def test_an_end_that_is_not_ruled_out_runs_to_the_edge(value: float, end: float) -> None:
    assert placed(value, None, max(value, end)).low == 0
    assert placed(value, min(value, end), None).high == WIDTH


def test_nothing_but_0_is_drawn_too() -> None:
    at = placed(0.0, 0.0, 0.0)
    assert at.low == at.value == at.high == at.zero
