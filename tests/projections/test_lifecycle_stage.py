"""The default ladder, rung by rung: what holds one microsecond before a boundary, at it, and after it.

Unless a test says otherwise, an expected gap is max(7, (days from first to last order + 2 * 30) / (repeat orders + 2)).
"""

from __future__ import annotations

import pytest

from histories import START, rules
from regulars.crm_domain.customer import AccountClosed, AccountReopened, CustomerRegistered, LeadQualified
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import DAY
from regulars.crm_domain.interaction import InteractionRecorded, SurveyAnswered
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnRecorded
from regulars.projections.engine.fold import Folded, Happened, explain, fold, verdict_at
from regulars.projections.registry import PROJECTORS
from regulars.projections.verdict import Reason

REGISTERED = CustomerRegistered(source="web")
HEARD = InteractionRecorded(channel="phone", direction="inbound")
CALLED = InteractionRecorded(channel="phone", direction="outbound")


def day(number: int, microseconds: int = 0) -> int:
    return START + number * DAY + microseconds


def story(*events: tuple[int, Event]) -> list[Happened]:
    return [Happened(at, position, event) for position, (at, event) in enumerate(events, start=1)]


def orders(*days: int, amount: int = 2_000) -> list[tuple[int, Event]]:
    return [
        (day(number), PurchaseRecorded(order_id=f"A-{index}", amount=amount, currency="EUR"))
        for index, number in enumerate(days)
    ]


def stages(*events: tuple[int, Event]) -> list[tuple[int, str]]:
    """Every stage with the instant from which it holds."""
    intervals = fold(Folded(), story(*events), rules(), PROJECTORS)["lifecycle_stage"]
    return [(interval.valid_from, interval.verdict.value) for interval in intervals]


def around(boundary: int, *events: tuple[int, Event]) -> tuple[str, str, str]:
    """The stage one microsecond before an instant, at it, and one microsecond after."""
    intervals = fold(Folded(), story(*events), rules(), PROJECTORS)["lifecycle_stage"]
    held = [verdict_at(intervals, boundary + off) for off in (-1, 0, 1)]
    before, at, after = (interval.verdict.value if interval else "nothing" for interval in held)
    return before, at, after


def reasons(at: int, *events: tuple[int, Event]) -> tuple[Reason, ...]:
    _, explained = explain(story(*events), rules(), at, PROJECTORS)
    return next(each.reasons for each in explained if each.projection == "lifecycle_stage")


# ----------------------------------------------------------------------------------------------- before the first order


def test_a_lead_turns_cold_180_days_after_the_registration() -> None:
    registered = (day(0), REGISTERED)
    assert stages(registered) == [(day(0), "lead"), (day(180), "cold_lead")]
    assert around(day(180), registered) == ("lead", "cold_lead", "cold_lead")


def test_a_qualified_lead_is_a_prospect_and_turns_cold_180_days_after_the_registration() -> None:
    # To be qualified is our doing, so the 180 days still count from day 0.
    events = ((day(0), REGISTERED), (day(10), LeadQualified()))
    assert stages(*events) == [(day(0), "lead"), (day(10), "prospect"), (day(180), "cold_lead")]
    assert around(day(180), *events) == ("prospect", "cold_lead", "cold_lead")


@pytest.mark.parametrize("engagement", [HEARD, SurveyAnswered(survey="nps", score=0)])
def test_engagement_moves_the_day_on_which_a_lead_turns_cold(engagement: Event) -> None:
    # 100 + 180 = 280
    assert stages((day(0), REGISTERED), (day(100), engagement)) == [(day(0), "lead"), (day(280), "cold_lead")]


def test_engagement_warms_up_a_cold_lead() -> None:
    # 200 + 180 = 380
    assert stages((day(0), REGISTERED), (day(200), HEARD)) == [
        (day(0), "lead"),
        (day(180), "cold_lead"),
        (day(200), "lead"),
        (day(380), "cold_lead"),
    ]


def test_engagement_at_the_instant_of_turning_cold_keeps_the_lead_warm() -> None:
    # 180 + 180 = 360
    assert stages((day(0), REGISTERED), (day(180), HEARD)) == [(day(0), "lead"), (day(360), "cold_lead")]


def test_what_we_send_is_no_engagement() -> None:
    assert stages((day(0), REGISTERED), (day(100), CALLED)) == [(day(0), "lead"), (day(180), "cold_lead")]


def test_someone_who_was_never_heard_from_is_a_cold_lead_at_once() -> None:
    # days_since_engagement is undefined, and an undefined fact makes a condition false
    assert stages((day(0), CALLED)) == [(day(0), "cold_lead")]
    assert stages((day(0), LeadQualified())) == [(day(0), "cold_lead")]


def test_an_order_ends_the_time_as_a_lead_and_a_cold_lead_comes_back_as_new() -> None:
    assert around(day(10), (day(0), REGISTERED), *orders(10)) == ("lead", "new", "new")
    assert around(day(200), (day(0), REGISTERED), *orders(200)) == ("cold_lead", "new", "new")


# ----------------------------------------------------------------------------------------------- the way down


def test_one_order_is_new_and_falls_silent_step_by_step() -> None:
    # expected gap (0 + 60) / (0 + 2) = 30 days: at risk at 2 * 30, dormant at 3 * 30, silent at 5 * 30
    assert stages(*orders(0)) == [
        (day(0), "new"),
        (day(60), "at_risk"),
        (day(90), "dormant"),
        (day(150), "churned"),
    ]


@pytest.mark.parametrize(
    ("boundary", "before", "after"), [(60, "new", "at_risk"), (90, "at_risk", "dormant"), (150, "dormant", "churned")]
)
def test_from_holds_from_its_microsecond_on(boundary: int, before: str, after: str) -> None:
    assert around(day(boundary), *orders(0)) == (before, after, after)


def test_a_regular_customer_walks_the_whole_ladder_at_exact_microseconds() -> None:
    # Tenure reaches 180 days on day 180, with 5 orders in the window, 20 days after the last one.
    # Last order on day 200: expected gap (200 + 60) / (5 + 2) = 260/7 days, and a day is 86,400,000,000 microseconds.
    # below 1.5:  390/7 days = 33,696,000,000,000 / 7 =  4,813,714,285,714 2/7, so from ...715 on it is over
    # from 2:     520/7 days = 44,928,000,000,000 / 7 =  6,418,285,714,285 5/7, so from ...286 on
    # from 3:     780/7 days = 67,392,000,000,000 / 7 =  9,627,428,571,428 4/7, so from ...429 on
    # from 5:   1,300/7 days = 112,320,000,000,000 / 7 = 16,045,714,285,714 2/7, so from ...715 on
    assert stages(*orders(0, 40, 80, 120, 160, 200)) == [
        (day(0), "new"),
        (day(40), "active"),
        (day(180), "loyal"),
        (day(200) + 4_813_714_285_715, "active"),
        (day(200) + 6_418_285_714_286, "at_risk"),
        (day(200) + 9_627_428_571_429, "dormant"),
        (day(200) + 16_045_714_285_715, "churned"),
    ]


@pytest.mark.parametrize(
    ("offset", "before", "after"),
    [
        (4_813_714_285_715, "loyal", "active"),
        (6_418_285_714_286, "active", "at_risk"),
        (9_627_428_571_429, "at_risk", "dormant"),
        (16_045_714_285_715, "dormant", "churned"),
    ],
)
def test_a_fractional_gap_flips_at_the_next_whole_microsecond(offset: int, before: str, after: str) -> None:
    walked = orders(0, 40, 80, 120, 160, 200)
    assert around(day(200) + offset, *walked) == (before, after, after)


def test_a_quick_buyer_is_given_30_60_and_90_days_all_the_same() -> None:
    # expected gap max(7, (20 + 60) / (20 + 2)) = 7 days: 2 * 7 < 30, 3 * 7 < 60, 5 * 7 < 90, so the days decide
    assert stages(*orders(*range(21))) == [
        (day(0), "new"),
        (day(1), "active"),
        (day(20 + 30), "at_risk"),
        (day(20 + 60), "dormant"),
        (day(20 + 90), "churned"),
    ]


def test_the_gap_and_the_days_must_both_have_passed() -> None:
    # 6 orders in 9 days: expected gap (9 + 60) / (5 + 2) = 69/7 days
    # at risk:  max(138/7 = 19.7, 30) = 30; dormant: max(207/7 = 29.6, 60) = 60; silent: max(345/7 = 49.3, 90) = 90
    # 3 orders in 60 days: expected gap (60 + 60) / (2 + 2) = 30 days: at risk 60, dormant 90, silent 150
    assert stages(*orders(0, 2, 4, 6, 8, 9))[2:] == [(day(39), "at_risk"), (day(69), "dormant"), (day(99), "churned")]
    assert stages(*orders(0, 30, 60))[2:] == [(day(120), "at_risk"), (day(150), "dormant"), (day(210), "churned")]


# ----------------------------------------------------------------------------------------------- loyal


def test_loyal_begins_where_the_tenure_reaches_180_days() -> None:
    walked = orders(0, 40, 80, 120, 160)
    assert around(day(180), *walked) == ("active", "loyal", "loyal")


def test_loyal_begins_with_the_fourth_order_of_an_old_customer() -> None:
    # tenure 190; before it, 3 orders: gap since day 130 is 60 days of an expected (130 + 60) / 4 = 47.5, so active
    assert around(day(190), *orders(0, 65, 130, 190)) == ("active", "loyal", "loyal")


def test_loyal_is_lost_at_the_microsecond_in_which_the_fourth_order_leaves_the_window() -> None:
    # expected gap (300 + 60) / (3 + 2) = 72 days; 1.5 of them end on day 408, after the 365 days of the first order
    walked = orders(0, 100, 200, 300)
    assert around(day(365), *walked) == ("loyal", "active", "active")


def test_a_fifth_order_at_the_instant_at_which_the_first_leaves_keeps_the_customer_loyal() -> None:
    assert around(day(365), *orders(0, 100, 200, 300, 365)) == ("loyal", "loyal", "loyal")


# ----------------------------------------------------------------------------------------------- the way back


def test_an_order_that_ends_a_dormant_spell_reactivates_for_90_days() -> None:
    # day 100 lies in the dormant days 90 to 150. Then the expected gap is (100 + 60) / (1 + 2) = 160/3 days:
    # at risk 320/3 days after day 100 (106.7), dormant 160 days after, silent 800/3 days after
    assert stages(*orders(0, 100)) == [
        (day(0), "new"),
        (day(60), "at_risk"),
        (day(90), "dormant"),
        (day(100), "reactivated"),
        (day(190), "active"),
        (day(100) + 320 * DAY // 3, "at_risk"),
        (day(260), "dormant"),
        (day(100) + 800 * DAY // 3, "churned"),
    ]
    assert around(day(190), *orders(0, 100)) == ("reactivated", "active", "active")


def test_an_order_that_ends_a_silent_spell_reactivates() -> None:
    assert around(day(200), *orders(0, 200)) == ("churned", "reactivated", "reactivated")


def test_an_order_at_the_very_instant_of_becoming_dormant_ends_no_spell() -> None:
    # Just before it the customer was at risk, which is no spell.
    assert around(day(90), *orders(0, 90)) == ("at_risk", "active", "active")


def test_an_order_one_microsecond_into_the_spell_ends_it() -> None:
    late = (day(90, 1), PurchaseRecorded(order_id="B", amount=1, currency="EUR"))
    assert around(day(90, 1), *orders(0), late) == ("dormant", "reactivated", "reactivated")


def test_an_order_at_the_very_instant_of_falling_silent_ends_the_dormant_spell() -> None:
    assert around(day(150), *orders(0, 150)) == ("dormant", "reactivated", "reactivated")
    assert "since an order brought them back from dormant" in reasons(day(150), *orders(0, 150))[0].sentence


def test_at_risk_outranks_reactivated_and_the_rest_of_the_90_days_comes_back_with_the_next_order() -> None:
    # 11 orders in 100 days: expected gap (100 + 60) / 12 = 40/3 days, so the days decide: dormant from 160 to 190
    # order on 170: expected gap (170 + 60) / 13 = 230/13 days, at risk 460/13 = 35.4 days later
    #   460 * 86,400,000,000 / 13 = 39,744,000,000,000 / 13 = 3,057,230,769,230 10/13, so from ...231 on
    # order on 210 out of at_risk ends no spell; 90 days after 170 last until 260
    # expected gap (210 + 60) / 14 = 135/7 days, at risk 270/7 = 38.6 days later
    #   270 * 86,400,000,000 / 7 = 23,328,000,000,000 / 7 = 3,332,571,428,571 3/7, so from ...572 on
    walked = orders(*range(0, 101, 10), 170, 210)
    assert stages(*walked)[2:8] == [
        (day(130), "at_risk"),
        (day(160), "dormant"),
        (day(170), "reactivated"),
        (day(170) + 3_057_230_769_231, "at_risk"),
        (day(210), "reactivated"),
        (day(210) + 3_332_571_428_572, "at_risk"),
    ]


def test_a_later_spell_starts_90_days_of_its_own() -> None:
    # after day 100: dormant from 260 (160 days later), so the order on 300 ends a second spell; 300 + 90 = 390
    # expected gap then (300 + 60) / (2 + 2) = 90 days, at risk on 300 + 180
    assert stages(*orders(0, 100, 300))[5:9] == [
        (day(100) + 320 * DAY // 3, "at_risk"),
        (day(260), "dormant"),
        (day(300), "reactivated"),
        (day(390), "active"),
    ]


def test_a_second_order_within_the_90_days_does_not_lengthen_them() -> None:
    # on 150: expected gap (150 + 60) / 4 = 52.5 days, at risk on 255
    assert stages(*orders(0, 100, 150))[3:6] == [(day(100), "reactivated"), (day(190), "active"), (day(255), "at_risk")]


# ----------------------------------------------------------------------------------------------- closed, reopened


def test_a_closed_account_is_churned_whatever_else_holds() -> None:
    assert stages(*orders(0), (day(10), AccountClosed())) == [(day(0), "new"), (day(10), "churned")]
    assert stages((day(0), REGISTERED), (day(1), LeadQualified()), (day(2), AccountClosed()))[-1] == (day(2), "churned")


def test_a_reopened_account_stands_where_its_silence_has_taken_it() -> None:
    # closed from 10 to 70; one order on day 0: at risk from 60, dormant from 90, silent from 150
    events = (*orders(0), (day(10), AccountClosed()), (day(70), AccountReopened()))
    assert stages(*events) == [
        (day(0), "new"),
        (day(10), "churned"),
        (day(70), "at_risk"),
        (day(90), "dormant"),
        (day(150), "churned"),
    ]


def test_reopening_an_account_reactivates_nobody() -> None:
    events = (*orders(0), (day(10), AccountClosed()), (day(20), AccountReopened()), *orders(0, 30)[1:])
    assert stages(*events)[:4] == [(day(0), "new"), (day(10), "churned"), (day(20), "new"), (day(30), "active")]


def test_an_order_on_a_closed_account_ends_no_spell_for_it_is_churned_still() -> None:
    # churned from 10 to 30 throughout; it is the reopening that ends it
    events = (*orders(0), (day(10), AccountClosed()), *orders(0, 20)[1:], (day(30), AccountReopened()))
    assert stages(*events)[1:3] == [(day(10), "churned"), (day(30), "active")]


def test_closing_and_reopening_at_one_instant_leaves_no_trace() -> None:
    events = (*orders(0), (day(10), AccountClosed()), (day(10), AccountReopened()))
    assert stages(*events) == stages(*orders(0))


# -------------------------------------------------------------------------------------------------- orders of all kinds


def test_orders_of_zero_count_as_orders() -> None:
    assert stages(*orders(0, 10, amount=0))[:2] == [(day(0), "new"), (day(10), "active")]


def test_several_orders_at_one_instant_are_judged_together() -> None:
    # three orders at once are one buying day: expected gap (0 + 60) / (0 + 2) = 30 days
    # at risk max(60, 30) = 60, dormant max(90, 60) = 90, silent max(150, 90) = 150
    assert stages(*orders(0, 0, 0)) == [
        (day(0), "active"),
        (day(60), "at_risk"),
        (day(90), "dormant"),
        (day(150), "churned"),
    ]


def test_several_orders_at_the_instant_that_ends_a_spell_reactivate_once() -> None:
    # expected gap (100 + 60) / (1 + 2) = 53.3 days: at risk 106.7 days after day 100, when the 90 days are over
    assert stages(*orders(0, 100, 100))[3:5] == [(day(100), "reactivated"), (day(190), "active")]


def test_a_return_before_its_purchase_changes_no_stage() -> None:
    back = (day(5), ReturnRecorded(order_id="A-0", return_id="1", amount=2_000, currency="EUR"))
    assert stages(back, *orders(10)) == stages(*orders(10))


def test_an_order_that_came_back_whole_is_an_order_still() -> None:
    back = (day(12), ReturnRecorded(order_id="A-1", return_id="1", amount=2_000, currency="EUR"))
    assert stages(*orders(0, 10), back) == stages(*orders(0, 10))


# ----------------------------------------------------------------------------------------------- the reasons


def test_each_condition_of_the_rung_says_what_it_found_and_where() -> None:
    gap, since = reasons(day(61), *orders(0))
    # 61 / 30 = 2.0333...
    assert (gap.clause, gap.sentence) == ("at-risk", "2.03 times their usual gap of 30.0 days (at least 2)")
    assert (since.clause, since.sentence) == ("at-risk", "61 days since the last order (at least 30)")
    assert gap.positions == since.positions == (1,)


def test_a_loyal_customer_is_shown_the_orders_that_count() -> None:
    # on day 370 the order of day 0 has left the window of 365 days
    counted, tenure, _ = reasons(day(370), *orders(0, 90, 180, 270, 360))
    assert counted.positions == (2, 3, 4, 5)
    assert tenure.positions == (1,)


def test_the_reactivated_are_shown_the_order_that_brought_them_back() -> None:
    (back,) = reasons(day(160), *orders(0, 100, 150))
    # 160 - 100 = 60
    assert back.clause == "back"
    assert back.sentence == "60 days since an order brought them back from dormant (below 90)"
    assert back.positions == (2,)
