"""The churn score by hand: points of each component times its weight, divided by the weights there is evidence for.

The default weights are recency 25, cadence 20, frequency 25, feedback 10, engagement 5; service (15) has no evidence
yet. Whoever has only orders is judged by 25 + 20 + 25 = 70; a survey answered adds feedback and engagement: 85.
One order has an expected gap of (0 + 2 * 30) / (0 + 2) = 30 days, so recency and cadence then see the same number.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from histories import START
from regulars.crm_domain.customer import (
    AccountClosed,
    AccountReopened,
    CancellationRequested,
    CancellationWithdrawn,
    CustomerRegistered,
    LeadQualified,
)
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import DAY
from regulars.crm_domain.interaction import InteractionRecorded, SurveyAnswered
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnRecorded
from regulars.projections.churn_risk.judge import next_departure
from regulars.projections.engine.fold import Folded, Happened, explain, fold, verdict_at
from regulars.projections.facts.shared import Facts
from regulars.projections.registry import PROJECTORS
from regulars.projections.rules.compiled import Rules, compile_rules
from regulars.projections.rules.grammar import parse_rules
from regulars.projections.verdict import Reason
from shops import default_text

#: The default rules, by which each order counts: these tests add them up by hand.
DEFAULT = default_text().replace("buying_days = true", "buying_days = false")
HEARD = InteractionRecorded(channel="phone", direction="inbound")
CALLED = InteractionRecorded(channel="phone", direction="outbound")


def changed(*changes: tuple[str, str]) -> Rules:
    """The default rules with some texts replaced."""
    text = DEFAULT
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return compile_rules(parse_rules(text), "EUR")


def weighing(**weights: str) -> Rules:
    """The default rules with other weights; a component that isn't named weighs nothing."""
    names = ("recency", "cadence", "frequency", "service", "feedback", "engagement")
    text = DEFAULT
    for name in names:
        before, heading, after = text.partition(f"[churn_risk.{name}]")
        start, _, rest = after.partition("\nweight = ")
        text = f"{before}{heading}{start}\nweight = {weights.get(name, '0')}\n{rest.partition(chr(10))[2]}"
    return compile_rules(parse_rules(text), "EUR")


def day(number: int, microseconds: int = 0) -> int:
    return START + number * DAY + microseconds


def story(*events: tuple[int, Event]) -> list[Happened]:
    in_order = sorted(events, key=lambda event: event[0])
    return [Happened(at, position, event) for position, (at, event) in enumerate(in_order, start=1)]


def orders(*days: int) -> list[tuple[int, Event]]:
    return [
        (day(number), PurchaseRecorded(order_id=f"A-{index}", amount=1_000, currency="EUR"))
        for index, number in enumerate(days)
    ]


def back(number: int, order_id: str, cents: int = 1_000) -> tuple[int, Event]:
    return day(number), ReturnRecorded(order_id=order_id, return_id=str(cents), amount=cents, currency="EUR")


def answer(number: int, survey: str, score: int) -> tuple[int, Event]:
    return day(number), SurveyAnswered(survey=survey, score=score)


def scores(*events: tuple[int, Event], by: Rules | None = None) -> list[tuple[int, str, int | None]]:
    """Every band and score with the instant from which they hold."""
    intervals = fold(Folded(), story(*events), by or changed(), PROJECTORS)["churn_risk"]
    return [(each.valid_from, each.verdict.value, each.verdict.score) for each in intervals]


def score(at: int, *events: tuple[int, Event], by: Rules | None = None) -> int | None:
    held = verdict_at(fold(Folded(), story(*events), by or changed(), PROJECTORS)["churn_risk"], at)
    return held.verdict.score if held else None


def around(boundary: int, *events: tuple[int, Event], by: Rules | None = None) -> list[int | None]:
    """The score one microsecond before an instant, at it, and one microsecond after."""
    return [score(boundary + off, *events, by=by) for off in (-1, 0, 1)]


def reasons(at: int, *events: tuple[int, Event], by: Rules | None = None) -> tuple[Reason, ...]:
    _, explained = explain(story(*events), by or changed(), at, PROJECTORS)
    return next(each.reasons for each in explained if each.projection == "churn_risk")


def shares(at: int, *events: tuple[int, Event], by: Rules | None = None) -> list[tuple[str, int | None]]:
    return [(reason.clause, reason.contribution) for reason in reasons(at, *events, by=by)]


def sentence(clause: str, at: int, *events: tuple[int, Event]) -> str:
    return next(reason.sentence for reason in reasons(at, *events) if reason.clause == clause)


# ----------------------------------------------------------------------------------------------- whole histories


def test_one_order_and_then_silence() -> None:
    # weights 70; x = days / 30; frequency has 80 points until day 365, then 100: 25 * 80 = 2000, 25 * 100 = 2500
    assert scores(*orders(0)) == [
        (day(0), "medium", 29),  #                 2000          / 70 = 28.57
        (day(30), "medium", 32),  # x 1:     25*5 + 20*5 + 2000  = 2225 / 70 = 31.79
        (day(37) + DAY // 2, "medium", 34),  # x 1.25: 125 + 20*12 + 2000 = 2365 / 70 = 33.79
        (day(45), "medium", 39),  # x 1.5:  250 + 500 + 2000     = 2750 / 70 = 39.29
        (day(60), "medium", 49),  # x 2:    500 + 900 + 2000     = 3400 / 70 = 48.57
        (day(75), "high", 52),  # x 2.5:    500 + 1160 + 2000    = 3660 / 70 = 52.29
        (day(90), "high", 60),  # x 3:      800 + 1400 + 2000    = 4200 / 70 = 60
        (day(120), "high", 69),  # x 4:     1125 + 1700 + 2000   = 4825 / 70 = 68.93
        (day(150), "high", 73),  # x 5:     1125 + 2000 + 2000   = 5125 / 70 = 73.21
        (day(180), "critical", 79),  # x 6:  1500 + 2000 + 2000  = 5500 / 70 = 78.57
        (day(240), "critical", 84),  # x 8:  1875 + 2000 + 2000  = 5875 / 70 = 83.93
        (day(360), "critical", 89),  # x 12: 2200 + 2000 + 2000  = 6200 / 70 = 88.57
        (day(365), "critical", 96),  #       2200 + 2000 + 2500  = 6700 / 70 = 95.71
        (day(480), "critical", 100),  # x 16: 2500 + 2000 + 2500 = 7000 / 70 = 100
    ]


def test_a_registration_and_then_silence() -> None:
    # engagement alone: 5 * points / 5
    assert scores((day(0), CustomerRegistered(source="web"))) == [
        (day(0), "low", 0),
        (day(30), "medium", 25),
        (day(90), "high", 50),
        (day(180), "critical", 100),
    ]


def test_the_order_of_a_registered_customer_is_weighed_with_the_engagement() -> None:
    # weights 75; day 30 after both: 25*5 + 20*5 + 25*80 + 5*25 = 2350 / 75 = 31.33
    assert score(day(30), (day(0), CustomerRegistered(source="web")), *orders(0)) == 31


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, 29),  # 25 * 80 = 2000 / 70 = 28.57
        (2, 21),  # 25 * 60 = 1500 / 70 = 21.43
        (3, 14),  # 25 * 40 = 1000 / 70 = 14.29
        (4, 9),  #  25 * 25 =  625 / 70 =  8.93
        (5, 9),
        (6, 4),  #  25 * 10 =  250 / 70 =  3.57
        (7, 4),
        (8, 0),
        (9, 0),
    ],
)
def test_frequency_counts_every_order_of_one_instant(count: int, expected: int) -> None:
    assert score(day(0), *orders(*[0] * count)) == expected


# ----------------------------------------------------------------------------------------- boundaries, to a microsecond


@pytest.mark.parametrize(
    ("boundary", "before", "after"), [(30, 29, 32), (45, 34, 39), (180, 73, 79), (365, 89, 96), (480, 96, 100)]
)
def test_a_step_holds_from_its_microsecond_on(boundary: int, before: int, after: int) -> None:
    assert around(day(boundary), *orders(0)) == [before, after, after]


@pytest.mark.parametrize(("boundary", "before", "after"), [(30, 0, 25), (90, 25, 50), (180, 50, 100)])
def test_engagement_flips_at_its_microsecond(boundary: int, before: int, after: int) -> None:
    assert around(day(boundary), (day(0), HEARD)) == [before, after, after]


def test_what_we_send_is_no_engagement() -> None:
    assert scores((day(0), HEARD), (day(20), CALLED)) == scores((day(0), HEARD))


def test_a_fractional_expected_gap_flips_the_cadence_at_the_next_whole_microsecond() -> None:
    # expected gap (100 + 60) / (5 + 2) = 160/7 days = 13,824,000,000,000 / 7 = 1,974,857,142,857 1/7: from ...858 on
    # recency is 0 until day 130; frequency 6 orders: 25*10 = 250 / 70 = 3.57; with cadence 20*5: 350 / 70 = 5
    boundary = day(100) + 1_974_857_142_858
    assert around(boundary, *orders(0, 20, 40, 60, 80, 100)) == [4, 5, 5]


def test_a_fractional_prior_flips_the_recency_at_the_next_whole_microsecond() -> None:
    # a prior of 10.00000000001 days is 864,000,000,000.864 microseconds
    # one order: 25*80 = 2000 / 70 = 28.57; with recency 25*5 and cadence 20*5: 2225 / 70 = 31.79
    by = changed(("prior_gap_days = 30", "prior_gap_days = 10.00000000001"))
    assert around(START + 864_000_000_001, *orders(0), by=by) == [29, 32, 32]


def test_frequency_loses_an_order_at_the_microsecond_of_its_365_days() -> None:
    # last order on 300, 65 days ago: x = 2.17, recency 20; expected gap (300 + 60) / 3 = 120, cadence 65/120 < 1: 0
    # two orders: 25*20 + 25*60 = 2000 / 70 = 28.57; one: 25*20 + 25*80 = 2500 / 70 = 35.71
    assert around(day(365), *orders(0, 300)) == [29, 36, 36]


def test_a_band_begins_with_its_first_point() -> None:
    # engagement alone gives 0, 25, 50, 100: each the first of its band but 100
    by = changed(("medium = 25", "medium = 26"), ("high = 50", "high = 51"))
    registered = (day(0), CustomerRegistered(source="web"))
    assert [band for _, band, _ in scores(registered)] == ["low", "medium", "high", "critical"]
    assert [band for _, band, _ in scores(registered, by=by)] == ["low", "low", "medium", "critical"]


# ------------------------------------------------------------------------------------------------- rounding, and shares


def test_an_exact_half_is_rounded_up() -> None:
    # weights 1 and 1, day 30: (recency 5 + frequency 80) / 2 = 42.5
    by = weighing(recency="1", frequency="1")
    assert around(day(30), *orders(0), by=by) == [40, 43, 43]


def test_the_half_that_was_rounded_up_goes_to_the_largest_remainder() -> None:
    # recency 2.5, frequency 40.0: 2 + 40 = 42, and the 1 that is left goes to recency; cadence weighs nothing
    by = weighing(recency="1", frequency="1")
    assert shares(day(30), *orders(0), by=by) == [("frequency", 40), ("recency", 3), ("cadence", 0)]


def test_of_equal_remainders_the_component_declared_first_gets_the_rest() -> None:
    # four orders at once: expected gap 60/5 = 12 days. Day 30: recency 5, frequency 25: 2.5 + 12.5 = 15 = 2 + 12 + 1
    by = weighing(recency="1", frequency="1")
    assert shares(day(30), *orders(0, 0, 0, 0), by=by) == [("frequency", 12), ("recency", 3), ("cadence", 0)]


def test_weights_that_are_no_whole_numbers_keep_their_proportions() -> None:
    # (0.1 * 5 + 0.3 * 80) / 0.4 = 24.5 / 0.4 = 61.25
    assert score(day(30), *orders(0), by=weighing(recency="0.1", frequency="0.3")) == 61


def test_contributions_are_whole_shares_by_the_largest_remainder() -> None:
    # day 60: 500/70 = 7 + 10/70, 900/70 = 12 + 60/70, 2000/70 = 28 + 40/70; 7 + 12 + 28 = 47, the score is 49
    assert shares(day(60), *orders(0)) == [("frequency", 29), ("cadence", 13), ("recency", 7)]


def test_a_tie_of_remainders_under_the_default_rules_goes_in_declared_order() -> None:
    # day 45: 250/70 = 3 + 40/70, 500/70 = 7 + 10/70, 2000/70 = 28 + 40/70; 3 + 7 + 28 = 38, the score is 39
    assert shares(day(45), *orders(0)) == [("frequency", 28), ("cadence", 7), ("recency", 4)]


def test_where_nothing_weighs_anything_the_score_is_zero() -> None:
    assert scores(*orders(0), by=weighing()) == [(day(0), "low", 0)]
    assert shares(day(60), *orders(0), by=weighing()) == [("recency", 0), ("cadence", 0), ("frequency", 0)]


# ----------------------------------------------------------------------------------------------- no evidence


def test_what_gives_no_evidence_gives_no_score() -> None:
    assert scores((day(0), CALLED)) == [(day(0), "low", 0)]
    (reason,) = reasons(day(1), (day(0), CALLED))
    assert (reason.clause, reason.contribution, reason.positions) == ("no_evidence", 0, ())


def test_a_lead_that_was_qualified_and_nothing_else_has_no_risk_at_all() -> None:
    assert scores((day(0), LeadQualified())) == []


def test_a_floor_needs_no_evidence_beside_it() -> None:
    assert shares(day(0), (day(0), AccountClosed())) == [("account_closed", 100)]


# ----------------------------------------------------------------------------------------------- floors


def test_a_closed_account_lifts_the_score_to_100_until_it_is_reopened() -> None:
    events = (*orders(0), (day(1), AccountClosed()), (day(2), AccountReopened()))
    assert scores(*events)[:3] == [(day(0), "medium", 29), (day(1), "critical", 100), (day(2), "medium", 29)]
    # 29 + 71 = 100
    assert shares(day(1), *events) == [("frequency", 29), ("recency", 0), ("cadence", 0), ("account_closed", 71)]


def test_a_requested_cancellation_lifts_the_score_to_95_until_it_is_withdrawn() -> None:
    events = (*orders(0), (day(1), CancellationRequested()), (day(2), CancellationWithdrawn()))
    assert scores(*events)[:3] == [(day(0), "medium", 29), (day(1), "critical", 95), (day(2), "medium", 29)]
    # 29 + 66 = 95
    assert shares(day(1), *events)[-1] == ("cancellation_requested", 66)


def test_a_floor_ends_where_the_score_itself_rises_above_it() -> None:
    # one order on day 0: 96 from day 365 on, 100 from day 480 on
    assert scores(*orders(0), (day(1), CancellationRequested()))[1:] == [
        (day(1), "critical", 95),
        (day(365), "critical", 96),
        (day(480), "critical", 100),
    ]


def test_reopening_an_account_settles_the_cancellation_too() -> None:
    events = (*orders(0), (day(1), CancellationRequested()), (day(2), AccountClosed()), (day(3), AccountReopened()))
    assert score(day(3), *events) == 29


def test_of_two_floors_the_higher_lifts_and_the_lower_adds_nothing() -> None:
    events = (*orders(0), (day(1), CancellationRequested()), (day(1), AccountClosed()))
    assert shares(day(1), *events)[-2:] == [("account_closed", 71), ("cancellation_requested", 0)]


def test_half_of_the_orders_returned_whole_lift_the_score_to_60() -> None:
    # two orders on day 0: 1500 / 70 = 21.43; one of two is half: 21 + 39 = 60
    events = (*orders(0, 0), back(1, "A-0"))
    assert scores(*events)[:2] == [(day(0), "low", 21), (day(1), "high", 60)]
    assert shares(day(1), *events)[-1] == ("returned_half_of_orders_365d", 39)


def test_less_than_half_lifts_nothing() -> None:
    # three orders: 1000 / 70 = 14.29
    assert score(day(1), *orders(0, 0, 0), back(1, "A-0")) == 14


def test_an_order_that_came_back_but_for_a_cent_is_not_returned() -> None:
    assert score(day(1), *orders(0, 0), back(1, "A-0", 999)) == 21
    assert score(day(2), *orders(0, 0), back(1, "A-0", 999), back(2, "A-0", 1)) == 60


def test_a_floor_below_the_score_adds_nothing() -> None:
    # one order, returned whole; day 180: 79
    events = (*orders(0), back(1, "A-0"))
    assert score(day(180), *events) == 79
    assert shares(day(180), *events)[-1] == ("returned_half_of_orders_365d", 0)


def test_orders_leave_the_window_of_the_returned_half_at_the_microsecond_of_their_365_days() -> None:
    # Until day 365 one of three came back: 25*40 = 1000 / 70 = 14.29. From then on one of two, which is half: 60.
    # (last order 5 days ago: recency 0; expected gap (360 + 60) / 4 = 105, cadence 0)
    assert around(day(365), *orders(0, 350, 360), back(361, "A-2")) == [14, 60, 60]


def test_a_return_before_its_purchase_counts_from_the_purchase_on() -> None:
    # until its order is known a return is no evidence; then 29 + 31 = 60
    assert score(day(1), back(1, "A-0"), *orders(2)) == 0
    assert score(day(2), back(1, "A-0"), *orders(2)) == 60


def test_a_busy_customer_who_once_sent_an_order_back_is_judged_like_anyone() -> None:
    # 80 orders on 80 days, one of which came back whole: far from half, no component has any points on day 80
    assert score(day(80), *orders(*range(80)), back(80, "A-3")) == 0


# ----------------------------------------------------------------------------------------------- feedback


@pytest.mark.parametrize(
    ("survey", "answered", "expected"),
    [
        # one order: 25*80 = 2000; weights 85
        ("nps", 0, 29),  # detractor 50: 2500 / 85 = 29.41
        ("nps", 6, 29),
        ("nps", 7, 25),  # passive 15:   2150 / 85 = 25.29
        ("nps", 8, 25),
        ("nps", 9, 24),  # promoter -30 is clamped at 0: 2000 / 85 = 23.53 (and not 1700 / 85 = 20)
        ("nps", 10, 24),
        ("csat", 1, 29),  # low 50
        ("csat", 2, 29),
        ("csat", 3, 24),  # 0
        ("csat", 5, 24),
    ],
)
def test_an_answer_gives_points_by_its_score(survey: str, answered: int, expected: int) -> None:
    assert score(day(0), *orders(0), answer(0, survey, answered)) == expected


def test_a_detractor_who_was_served_badly_has_all_points_of_feedback() -> None:
    # 50 + 50 = 100: (2000 + 10*100) / 85 = 35.29
    assert score(day(0), *orders(0), answer(0, "nps", 0), answer(0, "csat", 1)) == 35


def test_feedback_is_clamped_at_100() -> None:
    # 50 + 80 = 130, clamped at 100: 35.29 as above (and not 3300 / 85 = 38.82)
    by = changed(("csat_low = 50", "csat_low = 80"))
    assert score(day(0), *orders(0), answer(0, "nps", 0), answer(0, "csat", 1), by=by) == 35


def test_a_promoter_makes_up_for_part_of_a_low_csat() -> None:
    # 50 - 30 = 20: (2000 + 10*20) / 85 = 25.88
    assert score(day(0), *orders(0), answer(0, "nps", 10), answer(0, "csat", 1)) == 26


def test_only_the_latest_answer_of_a_kind_counts() -> None:
    # 2000 / 85 = 23.53, then 2500 / 85 = 29.41
    assert score(day(1), *orders(0), answer(0, "nps", 0), answer(1, "nps", 9)) == 24
    assert score(day(1), *orders(0), answer(0, "nps", 9), answer(1, "nps", 0)) == 29


def test_an_answer_ages_out_at_the_microsecond_of_its_180_days() -> None:
    # Day 190: recency x = 6.33: 60, cadence 100, frequency 80, engagement 170 days after day 20: 50
    # with the answer:    25*60 + 20*100 + 25*80 + 10*50 + 5*50 = 6250 / 85 = 73.53
    # without the answer: 25*60 + 20*100 + 25*80 +         5*50 = 5750 / 75 = 76.67
    assert around(day(190), *orders(0), answer(10, "nps", 6), (day(20), HEARD)) == [74, 77, 77]


def test_each_answer_ages_out_by_itself() -> None:
    # Day 190, as above, and csat 1 of day 20 stays: from 10*100 to 10*50 of feedback
    # 1500 + 2000 + 2000 + 1000 + 250 = 6750 / 85 = 79.41; 6250 / 85 = 73.53
    assert around(day(190), *orders(0), answer(10, "nps", 6), answer(20, "csat", 1)) == [79, 74, 74]


def test_the_reason_of_feedback_names_the_answers_that_count_and_no_others() -> None:
    # Day 200: csat 1 of day 0 is older than 180 days, nps 9 of day 100 is not.
    events = (*orders(0), answer(0, "csat", 1), answer(100, "nps", 9))
    assert sentence("feedback", day(150), *events).startswith("latest answers: csat 1, nps 9 (20 of 100 points")
    assert sentence("feedback", day(200), *events).startswith("latest answers: nps 9 (0 of 100 points")


# ----------------------------------------------------------------------------------------------- reasons


def test_each_component_says_what_it_found_and_how_many_points_that_is() -> None:
    events = (*orders(0, 0), (day(0), HEARD))
    # expected gap 60 / 3 = 20 days: 45 / 20 = 2.25, from 2 on 45 points; x = 45 / 30 = 1.5: 10 points
    assert sentence("recency", day(45), *events) == "45 days since the last order (10 of 100 points)"
    assert sentence("cadence", day(45), *events) == "2.25 times their usual gap of 20.0 days (45 of 100 points)"
    assert sentence("frequency", day(45), *events) == "2 orders in the last 365 days (60 of 100 points)"
    assert sentence("engagement", day(45), *events).startswith("45 days since they were last heard ")


def test_a_single_day_is_a_day() -> None:
    assert sentence("recency", day(1), *orders(0)) == "1 day since the last order (0 of 100 points)"


def test_each_component_points_at_the_events_behind_it() -> None:
    events = (*orders(0, 100, 300), answer(310, "nps", 0))
    behind = {reason.clause: reason.positions for reason in reasons(day(366), *events)}
    assert behind == {"recency": (3,), "cadence": (1, 3), "frequency": (2, 3), "feedback": (4,), "engagement": (4,)}


# ------------------------------------------------------------------------------------------ half of the orders back


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.data())
def test_thenext_departure_is_the_first_that_changes_whether_half_came_back(
    came_back: list[bool], data: st.DataObject
) -> None:
    def half(first: int) -> bool:
        window = came_back[first:]
        return sum(window) >= 1 and 2 * sum(window) >= len(window)

    first = data.draw(st.integers(0, len(came_back) - 1))
    returned = [index for index, whole in enumerate(came_back) if whole and index >= first]
    facts = Facts(order_instants=list(range(len(came_back))))
    expected = next((index for index in range(first, len(came_back)) if half(index + 1) != half(first)), None)
    assert next_departure(returned, first, facts) == expected
