"""Waterfalls, forecasts, stays and calibration of a few opportunities, worked out by hand and by simulation."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.adapters.read_models.opportunities import State
from regulars.crm_domain.instant import DAY, FOREVER
from regulars.selling.calibration import Forecast, brier, first_in_bands, reliability
from regulars.selling.forecast import Won, expected, won_by_stage
from regulars.selling.stages import stays_by_stage
from regulars.selling.states import LOST, PICKED_BY, WON, held_by
from regulars.selling.waterfall import PARTS, TAKES, Falls, falls_between
from regulars.statistics.proportions import wilson

PROBABILITIES = {"lead": 1_000, "offer": 5_000, WON: 10_000, LOST: 0}

#: A day, the stage from then on, the amount, and the owner.
Turn = tuple[int, str, int, str | None]


def path(*turns: Turn, name: str = "O-1") -> list[State]:
    """The states of an opportunity that turned on some days."""
    ends = [day * DAY for day, *_ in turns[1:]] + [FOREVER]
    found: list[State] = []
    entered = 0
    for (day, value, amount, owner), end in zip(turns, ends, strict=True):
        if not found or found[-1].value != value:
            entered = day * DAY
        found.append(
            State(
                opportunity=name,
                customer=1,
                since=day * DAY,
                until=end,
                value=value,
                pipeline="sales",
                amount=amount,
                probability=PROBABILITIES[value],
                owner=owner,
                source=None,
                is_stale=0,
                entered_at=entered,
                opened_at=turns[0][0] * DAY,
                expected_close=None,
                firm_id=None,
            )
        )
    return found


# -------------------------------------------------------------------------------------------------------- waterfalls


def falls(paths: Sequence[Sequence[State]], first: int, second: int, **where: str) -> Falls:
    return falls_between(paths, first * DAY, second * DAY, held_by(where))


def parts_of(found: Falls) -> dict[str, tuple[int, int]]:
    return {part: (each.opportunities, each.amount) for part, each in found.parts.items() if each.opportunities}


def test_a_waterfall_of_one_of_each_kind_worked_out_by_hand() -> None:
    # Between days 10 and 20. Open at first: 100 + 200 + 300 + 400 = 1000.
    paths = [
        path((1, "lead", 100, "li")),  # stays
        path((1, "lead", 200, "li"), (15, "offer", 250, "li")),  # grows by 50
        path((1, "lead", 300, "li"), (12, "lead", 280, "li"), (15, WON, 270, "li")),  # shrinks by 30, won for 270
        path((1, "lead", 400, "li"), (15, LOST, 400, "li")),  # lost
        path((11, "lead", 70, "li")),  # new
        path((11, "lead", 80, "li"), (12, WON, 90, "li")),  # new and won with 90
        path((1, "lead", 60, "li"), (5, LOST, 60, "li"), (14, "offer", 65, "li")),  # reopened with 65
        path((1, "lead", 10, "li"), (5, LOST, 10, "li"), (14, "offer", 10, "li"), (16, LOST, 12, "li")),  # again lost
        path((1, "lead", 999, "li"), (5, WON, 999, "li")),  # closed all along
        path((25, "lead", 999, "li")),  # opened later
    ]
    found = falls(paths, 10, 20)
    assert (found.first.opportunities, found.first.amount) == (4, 1_000)
    assert parts_of(found) == {
        "new": (2, 70 + 90),
        "reopened": (2, 65 + 12),
        "grown": (1, 50),
        "shrunk": (1, 30),
        "won": (2, 270 + 90),
        "lost": (2, 400 + 12),
    }
    assert (found.second.opportunities, found.second.amount) == (4, 100 + 250 + 70 + 65)
    assert found.second.amount == 1_000 + 160 + 77 + 50 - 30 - 360 - 412
    moves = {each: sums.opportunities for each, sums in found.moves.items()}
    assert moves == {
        ("sales", "lead", "lead", None): 1,
        ("sales", "lead", "offer", None): 1,
        ("sales", "lead", WON, None): 1,
        ("sales", "lead", LOST, None): 1,
        ("sales", None, "lead", "new"): 1,
        ("sales", None, WON, "new"): 1,
        ("sales", LOST, "offer", None): 1,
        ("sales", LOST, LOST, None): 1,
    }


def test_what_was_closed_and_reopened_in_between_is_as_if_it_had_stayed_open() -> None:
    found = falls([path((1, "lead", 100, "li"), (12, LOST, 100, "li"), (15, "lead", 120, "li"))], 10, 20)
    assert parts_of(found) == {"grown": (1, 20)}


def test_with_a_filter_opportunities_move_in_and_out_of_it() -> None:
    paths = [
        path((1, "lead", 100, "li"), (15, "lead", 150, "mo")),  # from li to mo, who closes none of it
        path((1, "lead", 40, "mo"), (12, "lead", 40, "li"), (15, WON, 50, "li")),  # comes to li, who wins 50
        path((1, "lead", 7, "mo"), (12, WON, 7, "mo")),
    ]
    li = falls(paths, 10, 20, owner="li")
    assert (li.first.amount, parts_of(li), li.second.amount) == (
        100,
        {"moved_out": (1, 100), "moved_in": (1, 50), "won": (1, 50)},
        0,
    )
    mo = falls(paths, 10, 20, owner="mo")
    assert (mo.first.amount, parts_of(mo), mo.second.amount) == (
        47,
        {"moved_in": (1, 150), "moved_out": (1, 40), "won": (1, 7)},
        150,
    )


def test_a_filter_by_stage_counts_what_was_closed_for_the_stage_from_which_it_was() -> None:
    paths = [path((1, "lead", 100, None), (12, "offer", 100, None), (15, WON, 100, None))]
    assert parts_of(falls(paths, 10, 20, stage="lead")) == {"moved_out": (1, 100)}
    assert parts_of(falls(paths, 10, 20, stage="offer")) == {"moved_in": (1, 100), "won": (1, 100)}


def test_a_filter_takes_no_other_name() -> None:
    with pytest.raises(ValueError, match=r'picked by owner, source, stage, pipeline, not by "tier"$'):
        held_by({"tier": "gold"})


@st.composite
def paths(draw: st.DrawFn) -> list[State]:
    """The states of an opportunity, also such as no rule of the domain would let be."""
    days = sorted(draw(st.sets(st.integers(0, 40), min_size=1, max_size=6)))
    values = st.sampled_from(sorted(PROBABILITIES))
    amounts, owners = st.sampled_from([0, 5, 7, 100]), st.sampled_from(["li", "mo", None])
    return path(*((day, draw(values), draw(amounts), draw(owners)) for day in days))


@given(st.lists(paths(), max_size=6), st.integers(0, 45), st.integers(0, 45), st.sampled_from([None, *PICKED_BY]))
def test_a_waterfall_adds_up_for_any_two_days_and_any_filter(
    drawn: list[list[State]], one: int, other: int, name: str | None
) -> None:
    first, second = min(one, other), max(one, other)
    where = {} if name is None else {name: {"owner": "li", "source": "web", "stage": "lead", "pipeline": "sales"}[name]}
    found = falls(drawn, first, second, **where)
    for day, end in ((first, found.first), (second, found.second)):
        assert (end.opportunities, end.amount) == open_on(drawn, day, where)
    of = {part: found.parts[part] for part in PARTS}
    assert found.second.amount == found.first.amount + sum(
        -each.amount if part in TAKES else each.amount for part, each in of.items()
    )
    changing = {part: each.opportunities for part, each in of.items() if part not in ("grown", "shrunk")}
    assert found.second.opportunities == found.first.opportunities + sum(
        -count if part in TAKES else count for part, count in changing.items()
    )
    came = sum(each.opportunities for (_, before, _, _), each in found.moves.items() if before not in (None, WON, LOST))
    assert came == found.first.opportunities
    left = sum(each.opportunities for (_, _, after, _), each in found.moves.items() if after not in (None, WON, LOST))
    assert left == found.second.opportunities


def open_on(paths: list[list[State]], day: int, where: dict[str, str]) -> tuple[int, int]:
    """How many are open and in the filter on a day, with how much: by looking at each."""
    names = {"stage": "value"}
    found = [
        state.amount
        for each in paths
        for state in each
        if state.since <= day * DAY < state.until
        and state.value not in (WON, LOST)
        and all(getattr(state, names.get(name, name)) == value for name, value in where.items())
    ]
    return len(found), sum(found)


@given(st.lists(paths(), max_size=6), st.integers(0, 45), st.integers(0, 45))
def test_only_the_states_that_reach_into_the_span_matter(drawn: list[list[State]], one: int, other: int) -> None:
    first, second = min(one, other), max(one, other)
    within = [[each for each in states if each.since <= second * DAY and each.until > first * DAY] for states in drawn]
    assert falls([each for each in within if each], first, second) == falls(drawn, first, second)


# --------------------------------------------------------------------------------------------------------- forecasts


def test_what_is_expected_is_exact_and_says_what_own_history_can_not() -> None:
    states = [*path((1, "lead", 333, None)), *path((1, "offer", 101, None)), *path((1, "offer", 0, None))]
    found = expected(states, {("sales", "offer"): Won(10, 30), ("sales", "lead"): Won(10, 29)})
    assert found.by_rules == Fraction(333, 10) + Fraction(101, 2)
    assert (found.opportunities, found.amount, found.unpriced) == (3, 434, 1)
    assert (found.by_history, found.untold) == (None, 1)  # of 29 leads
    assert expected(states[1:], {("sales", "offer"): Won(10, 30)}).by_history == Fraction(101, 3)
    assert expected([], {}).by_history == 0


def test_won_is_who_is_won_180_days_after_first_entering_a_stage() -> None:
    at = 400
    paths = [
        path((0, "lead", 1, None), (180, WON, 1, None)),  # at the very end of its days
        path((0, "lead", 1, None), (181, WON, 1, None)),  # a day too late
        path((0, "lead", 1, None), (50, WON, 1, None), (60, "lead", 1, None)),  # won, and reopened
        path((0, "lead", 1, None)),  # open still
        path((220, "lead", 1, None), (230, WON, 1, None)),  # its days end just now
        path((221, "lead", 1, None), (230, WON, 1, None)),  # too new to count
        path((0, "lead", 1, None), (10, "offer", 1, None), (20, "lead", 1, None), (185, WON, 1, None)),
    ]
    found = won_by_stage(paths, at * DAY)
    assert found["sales", "lead"] == Won(2, 6)
    assert found["sales", "offer"] == Won(1, 1)  # 175 days later


def test_closed_opportunities_alone_say_more_than_is_true() -> None:
    # 30 % are won, evenly over their first 180 days; the others are lost, evenly over their first 432 days. They are
    # opened evenly over two years of 365 days. Of the won ones, all but 90 / 730 are closed at the end, on average,
    # of the lost ones all but 216 / 730. So of the closed ones 0.3 * 640 / (0.3 * 640 + 0.7 * 514) are won.
    said = 0.3 * 640 / (0.3 * 640 + 0.7 * 514)
    assert round(said, 3) == 0.348
    random, end = Random(18), 730
    paths = []
    for _ in range(20_000):
        opened = random.uniform(0, end)
        is_won = random.random() < 0.3
        closed = opened + random.uniform(0, 180 if is_won else 432)
        turns = [(opened, "lead", 1, None), (closed, WON if is_won else LOST, 1, None)]
        paths.append(at_moments(turns, end))
    closed_ones = [each[-1].value for each in paths if len(each) == 2]
    naive = closed_ones.count(WON) / len(closed_ones)
    assert naive == pytest.approx(said, abs=3 * sqrt(said * (1 - said) / len(closed_ones)))
    (found,) = won_by_stage(paths, end * DAY).values()
    assert found.share is not None
    assert found.interval is not None
    assert float(found.share) == pytest.approx(0.3, abs=3 * sqrt(0.3 * 0.7 / found.n))
    assert found.interval.low < 0.3 < found.interval.high < naive


def at_moments(turns: list[tuple[float, str, int, None]], end: float) -> list[State]:
    """As `path` has it, of moments that aren't whole days, as far as an end."""
    whole = path(*((number, value, amount, None) for number, (_, value, amount, _) in enumerate(turns)))
    instants = [round(day * DAY) for day, *_ in turns]
    found = [
        State(*(getattr(each, name) for name in ("opportunity", "customer")), since, until, *tail(each, since))
        for each, (since, until) in zip(whole, pairwise([*instants, FOREVER]), strict=True)
    ]
    return [each for each in found if each.since <= end * DAY]


def tail(state: State, since: int) -> tuple[object, ...]:
    return (state.value, state.pipeline, state.amount, state.probability, None, None, 0, since, since, None, None)


# -------------------------------------------------------------------------------------------------------------- stays


def test_a_stay_ends_with_the_next_stage_and_one_that_lasts_counts_as_far_as_it_was_seen() -> None:
    paths = [
        path((0, "lead", 1, None), (3, "lead", 2, None), (4, "offer", 2, None), (10, WON, 2, None)),
        path((0, "lead", 1, None), (6, LOST, 1, None), (8, "lead", 1, None)),
        path((0, "lead", 1, None)),
    ]
    found = stays_by_stage(paths, 20 * DAY)
    # Leads: 4 days, 6 days, then 12 and 20 days that last. The curve is 3/4 from day 4, and 1/2 from day 6.
    lead = found["sales", "lead"]
    assert (lead.median.n, lead.median.over, lead.median.time) == (4, 2, 6 * DAY)
    assert lead.went_to == {"offer": 1, LOST: 1}
    assert found["sales", "offer"].median.time == 6 * DAY


# -------------------------------------------------------------------------------------------------------- calibration


def test_the_brier_score_and_the_bands_of_forecasts_worked_out_by_hand() -> None:
    # 40 at 20 %, of which 10 came true; 10 at 80 %, of which 8 did.
    forecasts = [Forecast(f"a{number}", 2_000, number < 10) for number in range(40)]
    forecasts += [Forecast(f"b{number}", 8_000, number < 8) for number in range(10)]
    found = brier(forecasts)
    errors = [0.8**2] * 10 + [0.2**2] * 30 + [0.2**2] * 8 + [0.8**2] * 2
    mean = sum(errors) / 50
    spread = sqrt(sum((each - mean) ** 2 for each in errors) / 49 / 50)
    assert found.score == pytest.approx(mean) == pytest.approx((10 * 0.64 + 30 * 0.04 + 8 * 0.04 + 2 * 0.64) / 50)
    assert found.interval is not None
    ends = (mean - 1.96 * spread, mean + 1.96 * spread)
    assert (found.interval.low, found.interval.high) == pytest.approx(ends, abs=1e-4)
    assert (found.n, found.constant) == (50, pytest.approx(18 / 50 * 32 / 50))
    low, high = reliability(forecasts)
    assert (low.low, low.high, low.n, low.won, low.probability, low.share) == (0.2, 0.3, 40, 10, 0.2, 0.25)
    assert low.interval == wilson(10, 40)
    assert low.fits
    assert (high.n, high.won, high.probability) == (10, 8, 0.8)


def test_of_fewer_than_thirty_forecasts_there_is_no_score() -> None:
    found = brier(Forecast(str(number), 5_000, True) for number in range(29))
    assert (found.n, found.score, found.interval, found.constant) == (29, None, None, None)


def test_an_opportunity_counts_once_for_a_band() -> None:
    forecasts = [Forecast("a", 1_000, True), Forecast("a", 1_900, True), Forecast("a", 2_000, True)]
    assert first_in_bands(forecasts) == (forecasts[0], forecasts[2])
    assert [each.low for each in reliability([Forecast("a", 10_000, True), Forecast("b", 0, False)])] == [0.0, 0.9]


def test_the_interval_of_a_brier_score_holds_the_truth_about_as_often_as_it_says() -> None:
    # Forecasts of 10, 30, 60 and 90 % that come true as often as that: the expected score is the mean of p (1 - p).
    random, probabilities, held = Random(46), (1_000, 3_000, 6_000, 9_000), 0
    truth = sum(each / 10_000 * (1 - each / 10_000) for each in probabilities) / 4
    for _ in range(1_000):
        said = random.choices(probabilities, k=60)
        found = brier(Forecast("a", each, random.random() * 10_000 < each) for each in said)
        assert found.interval is not None
        held += found.interval.low <= truth <= found.interval.high
    assert held / 1_000 == pytest.approx(0.95, abs=0.03)
