"""The tier from the day it is reached: hold, review, grace, one step down. Amounts are in cents.

By default silver starts from 150.00, gold from 500.00, platinum from 1000.00 of net spend in 365 days; a tier is held
for 365 days, then there are 30 days of grace.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "independent"))
import cdnow

from histories import START, rules
from regulars.crm_domain.customer import CustomerRegistered
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import DAY
from regulars.crm_domain.interaction import InteractionRecorded
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnRecorded
from regulars.projections.engine.fold import Folded, Happened, explain, fold
from regulars.projections.registry import PROJECTORS
from regulars.projections.rules.compiled import Rules, compile_rules
from regulars.projections.rules.grammar import parse_rules
from regulars.projections.verdict import Reason

DEFAULT = (Path(__file__).parents[2] / "src" / "regulars" / "rules.toml").read_text(encoding="utf-8")


def changed(old: str, new: str) -> Rules:
    """The default rules with one line changed."""
    assert DEFAULT.count(old) == 1
    return compile_rules(parse_rules(DEFAULT.replace(old, new)), "EUR")


KEEPING = changed("returns_take_back = true", "returns_take_back = false")


def day(number: int, microseconds: int = 0) -> int:
    return START + number * DAY + microseconds


def story(*events: tuple[int, Event]) -> list[Happened]:
    in_order = sorted(events, key=lambda event: event[0])
    return [Happened(at, position, event) for position, (at, event) in enumerate(in_order, start=1)]


def order(at: int, cents: int, order_id: str = "") -> tuple[int, Event]:
    return at, PurchaseRecorded(order_id=order_id or f"at {at} for {cents}", amount=cents, currency="EUR")


def back(at: int, cents: int, order_id: str) -> tuple[int, Event]:
    return at, ReturnRecorded(order_id=order_id, return_id=str(at), amount=cents, currency="EUR")


def tiers(*events: tuple[int, Event], by: Rules | None = None) -> list[tuple[int, str]]:
    """Every tier with the instant from which it holds."""
    intervals = fold(Folded(), story(*events), by or rules(), PROJECTORS)["loyalty_tier"]
    return [(interval.valid_from, interval.verdict.value) for interval in intervals]


def reasons(at: int, *events: tuple[int, Event]) -> tuple[Reason, ...]:
    _, explained = explain(story(*events), rules(), at, PROJECTORS)
    return next(each.reasons for each in explained if each.projection == "loyalty_tier")


# ----------------------------------------------------------------------------------------------- reached


def test_whoever_is_registered_is_a_member() -> None:
    assert tiers((day(0), CustomerRegistered(source="web"))) == [(day(0), "member")]


@pytest.mark.parametrize(
    ("cents", "tier"),
    [
        (0, "member"),
        (14_999, "member"),
        (15_000, "silver"),
        (49_999, "silver"),
        (50_000, "gold"),
        (99_999, "gold"),
        (100_000, "platinum"),
    ],
)
def test_a_level_is_reached_with_its_last_cent(cents: int, tier: str) -> None:
    assert tiers(order(day(0), cents))[0] == (day(0), tier)


def test_an_upgrade_is_immediate() -> None:
    # 149.99 + 0.01 = 150.00 on day 1; reviewed on 1 + 365 = 366, when day 1 is just out; grace until 366 + 30 = 396
    assert tiers(order(day(0), 14_999), order(day(1), 1)) == [
        (day(0), "member"),
        (day(1), "silver"),
        (day(396), "member"),
    ]


def test_an_upgrade_may_pass_over_levels_and_starts_a_hold_of_its_own() -> None:
    # 150.00 on day 0; 150.00 + 850.00 = 1000.00 on day 100, held until 465, grace until 495
    assert tiers(order(day(0), 15_000), order(day(100), 85_000))[:3] == [
        (day(0), "silver"),
        (day(100), "platinum"),
        (day(495), "gold"),
    ]


def test_two_orders_at_one_instant_are_counted_together() -> None:
    # 100.00 + 50.00 = 150.00; 0 + 365 + 30 = 395
    assert tiers(order(day(0), 10_000), order(day(0), 5_000)) == [(day(0), "silver"), (day(395), "member")]


def test_a_return_at_the_instant_of_its_purchase_counts_with_it() -> None:
    # 150.00 - 0.01 = 149.99
    assert tiers(order(day(0), 15_000, "A"), back(day(0), 1, "A")) == [(day(0), "member")]


def test_a_return_one_microsecond_later_takes_back_what_was_reached() -> None:
    told = order(day(0), 15_000, "A"), back(day(0, 1), 1, "A")
    assert tiers(*told) == [(day(0), "silver"), (day(0, 1), "member")]
    assert tiers(*told, by=KEEPING) == [(day(0), "silver"), (day(395), "member")]


def test_a_return_before_its_purchase_counts_from_the_purchase_on() -> None:
    # 150.00 - 0.01 = 149.99
    assert tiers(back(day(1), 1, "A"), order(day(2), 15_000, "A")) == [(day(1), "member")]


# ----------------------------------------------------------------------------------------------- window


def test_an_order_leaves_the_window_exactly_at_its_365_days() -> None:
    # on day 365 only the 50.00 count; one microsecond before, 100.00 + 50.00 = 150.00 do
    assert tiers(order(day(0), 10_000), order(day(365), 5_000)) == [(day(0), "member")]
    assert tiers(order(day(0), 10_000), order(day(365, -1), 5_000))[:2] == [
        (day(0), "member"),
        (day(365, -1), "silver"),
    ]


def test_a_return_ages_with_its_order() -> None:
    # On day 370 the order of day 0 and what came back of it on day 360 are both out: 150.00 count.
    events = (order(day(0), 14_000, "A"), back(day(360), 14_000, "A"), order(day(370), 15_000))
    assert tiers(*events)[:2] == [(day(0), "member"), (day(370), "silver")]


def test_a_return_takes_off_from_its_own_order_only() -> None:
    # day 100: 140.00 - 140.00 + 100.00 = 100.00; day 370: only 100.00 + 50.00 = 150.00 of the window count
    events = (order(day(0), 14_000, "A"), back(day(50), 14_000, "A"), order(day(100), 10_000), order(day(370), 5_000))
    assert tiers(*events)[:2] == [(day(0), "member"), (day(370), "silver")]


# -------------------------------------------------------------------------------------------------- hold, review, grace


def test_a_tier_is_held_then_graced_then_lost_one_step_at_a_time() -> None:
    # platinum: 0 + 365 + 30 = 395; gold: 395 + 365 + 30 = 790; silver: 790 + 365 + 30 = 1185
    assert tiers(order(day(0), 100_000)) == [
        (day(0), "platinum"),
        (day(395), "gold"),
        (day(790), "silver"),
        (day(1185), "member"),
    ]


def test_without_grace_a_step_down_comes_with_the_review() -> None:
    # 365, 2 * 365 = 730, 3 * 365 = 1095
    assert tiers(order(day(0), 100_000), by=changed("grace_days = 30", "grace_days = 0")) == [
        (day(0), "platinum"),
        (day(365), "gold"),
        (day(730), "silver"),
        (day(1095), "member"),
    ]


def test_the_spend_of_the_window_renews_at_the_review() -> None:
    # review on 365: the 150.00 of day 100 qualify, held until 730; then nothing does: 730 + 30 = 760
    assert tiers(order(day(0), 15_000), order(day(100), 15_000)) == [(day(0), "silver"), (day(760), "member")]


def test_an_order_during_the_hold_moves_no_review() -> None:
    # 150.00 on day 0 and 150.00 on day 1: reviewed on 365, when day 1 still counts; renewed until 730, grace until 760
    assert tiers(order(day(0), 15_000), order(day(1), 15_000)) == [(day(0), "silver"), (day(760), "member")]


def test_what_qualifies_for_less_at_the_review_renews_nothing() -> None:
    # gold on day 0; on 365 only the 150.00 of day 200 count: grace until 395, then silver, held until 760
    # review on 760: nothing in the window, grace until 790
    assert tiers(order(day(0), 50_000), order(day(200), 15_000)) == [
        (day(0), "gold"),
        (day(395), "silver"),
        (day(790), "member"),
    ]


def test_the_new_hold_after_a_step_down_ends_in_a_review_like_any_other() -> None:
    # gold on day 0, silver on 395; the 150.00 of day 500 renew silver at the review on 760, until 1125; grace 1155
    assert tiers(order(day(0), 50_000), order(day(500), 15_000)) == [
        (day(0), "gold"),
        (day(395), "silver"),
        (day(1155), "member"),
    ]


@pytest.mark.parametrize("off", [-1, 0])
def test_an_order_up_to_the_instant_of_the_review_renews_at_the_review(off: int) -> None:
    # renewed on 365 until 730; by then the order is 365 days old, or one microsecond more: out. Grace until 760
    assert tiers(order(day(0), 15_000), order(day(365, off), 15_000)) == [(day(0), "silver"), (day(760), "member")]


def test_an_order_one_microsecond_after_the_review_renews_from_its_own_instant() -> None:
    # in grace from 365; renewed at 365 days and 1 microsecond, 365 + 30 days later it ends
    assert tiers(order(day(0), 15_000), order(day(365, 1), 15_000)) == [(day(0), "silver"), (day(760, 1), "member")]


def test_qualifying_during_grace_renews() -> None:
    # renewed on 380: 380 + 365 + 30 = 775
    assert tiers(order(day(0), 15_000), order(day(380), 15_000)) == [(day(0), "silver"), (day(775), "member")]


def test_an_order_at_the_instant_at_which_the_grace_ends_renews() -> None:
    # 395 + 365 + 30 = 790
    assert tiers(order(day(0), 15_000), order(day(395), 15_000)) == [(day(0), "silver"), (day(790), "member")]


def test_an_order_one_microsecond_after_the_grace_reaches_the_tier_anew() -> None:
    # lost on 395; reached a microsecond later: 395 + 365 + 30 = 790
    assert tiers(order(day(0), 15_000), order(day(395, 1), 15_000)) == [
        (day(0), "silver"),
        (day(395), "member"),
        (day(395, 1), "silver"),
        (day(790, 1), "member"),
    ]


def test_too_little_during_grace_renews_nothing() -> None:
    assert tiers(order(day(0), 15_000), order(day(380), 14_999)) == [(day(0), "silver"), (day(395), "member")]


def test_an_upgrade_during_grace_is_immediate_too() -> None:
    # gold on 380, held until 745, grace until 775; silver held until 1140, grace until 1170
    assert tiers(order(day(0), 15_000), order(day(380), 50_000)) == [
        (day(0), "silver"),
        (day(380), "gold"),
        (day(775), "silver"),
        (day(1170), "member"),
    ]


def test_what_is_no_purchase_and_no_return_ends_no_grace() -> None:
    heard = (day(380), InteractionRecorded(channel="phone", direction="inbound"))
    assert tiers(order(day(0), 15_000), heard) == tiers(order(day(0), 15_000))


# ----------------------------------------------------------------------------------------------- returns


def test_where_returns_take_nothing_back_the_tier_is_held() -> None:
    told = order(day(0), 15_000, "A"), back(day(10), 15_000, "A")
    assert tiers(*told, by=KEEPING) == [(day(0), "silver"), (day(395), "member")]


def test_what_came_back_no_longer_counts_at_the_review() -> None:
    # review on 365: the 150.00 of day 100 less 0.01 do not qualify
    events = (order(day(0), 15_000), order(day(100), 15_000, "B"), back(day(200), 1, "B"))
    assert tiers(*events) == [(day(0), "silver"), (day(395), "member")]


def test_what_came_back_no_longer_counts_toward_an_upgrade() -> None:
    # day 0: 149.00; day 5: 0.00; day 10: 149.99; day 20: 149.99 + 0.01 = 150.00; 20 + 365 + 30 = 415
    events = (order(day(0), 14_900, "A"), back(day(5), 14_900, "A"), order(day(10), 14_999), order(day(20), 1))
    assert tiers(*events) == [(day(0), "member"), (day(20), "silver"), (day(415), "member")]


# ----------------------------------------------------------------------------------------------- reasons


def test_the_reasons_name_the_spend_the_level_and_the_review() -> None:
    # 2024-01-01 + 365 days is 2024-12-31, for 2024 is a leap year
    spend, hold = reasons(day(1), order(day(0), 15_050))
    # gold starts from 500.00, and 500.00 - 150.50 = 349.50
    assert spend.clause == "silver"
    assert spend.sentence == "net spend of 150.50 in 365 days qualifies for silver; 349.50 more would reach gold"
    assert spend.positions == (1,)
    assert (hold.clause, hold.sentence) == ("hold", "silver is kept until it is reviewed on 2024-12-31")


def test_in_grace_the_reasons_say_until_when() -> None:
    # 2024-12-31 + 30 days is 2025-01-30
    grace, spend = reasons(day(370), order(day(0), 15_000))
    assert (grace.clause, grace.sentence) == ("grace", "silver is in grace until 2025-01-30")
    assert spend.sentence == "net spend of 0.00 in 365 days qualifies for member; 150.00 more would reach silver"


def test_a_spend_that_a_return_reduced_points_at_the_return_too() -> None:
    # 200.00 - 30.00 = 170.00: it takes both events to see why
    spend, _ = reasons(day(2), order(day(0), 20_000, "A"), back(day(1), 3_000, "A"))
    assert spend.sentence.startswith("net spend of 170.00 ")
    assert spend.positions == (1, 2)


# ----------------------------------------------------------------------------------------------- returns take back


def test_a_tier_that_only_a_returned_order_had_reached_falls_at_the_return() -> None:
    # 600.00 reach gold; without them nothing was ever bought
    told = order(day(0), 60_000, "A"), back(day(10), 60_000, "A")
    assert tiers(*told) == [(day(0), "gold"), (day(10), "member")]
    # kept: reviewed on 0 + 365, grace until 395, then one step down for 365 days and another grace each
    assert tiers(*told, by=KEEPING) == [(day(0), "gold"), (day(395), "silver"), (day(790), "member")]


def test_it_falls_to_what_the_rest_had_reached_and_when() -> None:
    # 200.00 on day 0 are silver, held until 365; 400.00 more on day 100 are gold until they come back on day 110
    told = order(day(0), 20_000), order(day(100), 40_000, "A"), back(day(110), 40_000, "A")
    assert tiers(*told) == [(day(0), "silver"), (day(100), "gold"), (day(110), "silver"), (day(395), "member")]


def test_a_part_that_leaves_enough_takes_nothing_back() -> None:
    # 600.00 - 100.00 = 500.00, which is gold all the same
    assert tiers(order(day(0), 60_000, "A"), back(day(10), 10_000, "A"))[:2] == [(day(0), "gold"), (day(395), "silver")]


def test_a_tier_that_was_renewed_by_other_orders_stays() -> None:
    # gold by A on day 0; 500.00 by B on day 300 would have reached gold by themselves, so A's return takes nothing
    told = order(day(0), 50_000, "A"), order(day(300), 50_000, "B"), back(day(310), 50_000, "A")
    assert tiers(*told)[0] == (day(0), "gold")
    assert (day(310), "member") not in tiers(*told)
    assert tiers(*told, by=KEEPING)[0] == (day(0), "gold")


AN_ORDER = st.tuples(st.integers(0, 900), st.sampled_from([5_000, 15_000, 40_000, 60_000]))


@given(
    orders=st.lists(AN_ORDER, min_size=1, max_size=6),
    which=st.integers(0, 5),
    after=st.integers(1, 500),
    part=st.sampled_from([1, 2, 4]),
)
def test_what_falls_is_as_if_it_had_never_been_bought(
    orders: list[tuple[int, int]], which: int, after: int, part: int
) -> None:
    ruleset = tomllib.loads(DEFAULT)
    bought = [cdnow.Order(day(number), cents) for number, cents in orders]
    returned = bought[which % len(bought)]
    kept = [cdnow.Order(each.at, each.cents - each.cents // part) if each is returned else each for each in bought]
    at = max(each.at for each in bought) + after * DAY
    events = [order(each.at, each.cents, f"order {place}") for place, each in enumerate(bought)]
    events.append(back(at, returned.cents // part, f"order {which % len(bought)}"))
    before, without = (cdnow.tier_of(each, at, ruleset) for each in (bought, kept))
    names = [each["name"] for each in ruleset["tier"]["levels"]]
    held = tiers(*events)
    if names.index(without) < names.index(before):
        for number in (0, 1, 30, 31, 200, 365, 395, 396, 800):
            moment = at + number * DAY
            assert held_at(held, moment) == cdnow.tier_of(kept, moment, ruleset)
    else:
        assert held_at(held, at) == before


def held_at(found: list[tuple[int, str]], at: int) -> str:
    return [tier for since, tier in found if since <= at][-1]
