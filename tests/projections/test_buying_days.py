"""Cadence and frequency count the days on which somebody bought, so that a basket that was split counts once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import DAY, to_datetime
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnedTotalRecorded
from regulars.projections.churn_risk.projector import CHURN_RISK
from regulars.projections.engine.fold import Folded, Happened, fold, fold_some
from regulars.projections.engine.stored import dump_facts, load_facts
from regulars.projections.facts.buying_days import buying_days
from regulars.projections.facts.shared import Facts, evolve
from regulars.projections.lifecycle_stage.projector import LIFECYCLE_STAGE
from regulars.projections.rules.compiled import Rules, compile_rules
from regulars.projections.rules.grammar import parse_rules
from shops import default_text

HOUR = DAY // 24
NOON = int(datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()) * 1_000_000
ZONES = st.sampled_from(["Europe/Berlin", "America/New_York", "Pacific/Apia", "UTC"])
ORDERS = st.lists(st.integers(0, 60 * 24).map(lambda hours: NOON + hours * HOUR), min_size=1, max_size=12).map(sorted)


def rules(zone: str = "Europe/Berlin", *, buying_days: bool = True) -> Rules:
    text = default_text().replace("Europe/Berlin", zone)
    return compile_rules(parse_rules(text if buying_days else text.replace("buying_days = true", "")), "EUR")


def happened(instants: list[int]) -> list[Happened]:
    orders = (PurchaseRecorded(order_id=f"{at}-{n}", amount=1000, currency="EUR") for n, at in enumerate(instants))
    return [Happened(at, position, event) for position, (at, event) in enumerate(zip(instants, orders, strict=True), 1)]


def days_of(instants: list[int], zone: str) -> list[Any]:
    return sorted({to_datetime(each).astimezone(ZoneInfo(zone)).date() for each in instants})


@given(ORDERS, ZONES, st.integers(0, 60 * 24))
def test_what_counts_is_each_day_of_the_business_once(instants: list[int], zone: str, since: int) -> None:
    cadence, facts = rules(zone).cadence, Facts(order_instants=instants)
    days = days_of(instants, zone)
    gap = cadence.expected(facts)
    span = instants[-1] - instants[0]
    assert Fraction(*gap) == max(7 * DAY, Fraction(span + 2 * 30 * DAY, len(days) - 1 + 2))
    counted = cadence.counted(facts)
    assert counted == [max(each for each in instants if days_of([each], zone) == [day]) for day in days]
    within = [each for each in instants if each > NOON + since * HOUR]
    assert sum(each > NOON + since * HOUR for each in counted) == len(days_of(within, zone))


@pytest.mark.parametrize(("buying_days", "day"), [(True, 60), (False, 30)])
def test_three_orders_within_minutes_are_one_or_three(*, buying_days: bool, day: int) -> None:
    # Two gaps of 30 days that are expected of everybody: shared by nobody else, or by two repeat orders at once.
    instants = [NOON, NOON + HOUR // 60, NOON + HOUR // 30]
    stages = fold_some(happened(instants), rules(buying_days=buying_days), (LIFECYCLE_STAGE,))[1]["lifecycle_stage"]
    [since] = [each.valid_from for each in stages if each.verdict.value == "at_risk"]
    assert timedelta(microseconds=since - NOON).days == day


@given(ORDERS, ZONES, st.integers(0, 12))
def test_what_is_worked_out_is_not_stored_and_is_worked_out_again(instants: list[int], zone: str, first: int) -> None:
    ours, everything = rules(zone), happened(sorted(set(instants)))
    folded, until = Folded(), min(first, len(everything) - 1)
    fold(folded, everything[:until], ours, (CHURN_RISK,))
    assert load_facts(dump_facts(folded)).facts.buying_days is None
    again = load_facts(dump_facts(folded))
    again.tracks = folded.tracks
    joined = fold(again, everything[until:], ours, (CHURN_RISK,))["churn_risk"]
    at_once = fold_some(everything, ours, (CHURN_RISK,))[1]["churn_risk"]
    assert joined[-1:] == at_once[-1:]


#: An order by its number; what had come back of it in all by then, of 2; and how many hours later than the word before.
WORDS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from([None, 1, 2]), st.sampled_from([1, 30])), min_size=6)


@example([(0, None, 1), (0, 2, 1), (1, None, 1)], 1)  # a day that was given back, on which more is bought
@given(WORDS, st.integers(1, 3))
def test_a_day_is_given_back_while_everything_of_it_is_whoever_asked_meanwhile(
    words: list[tuple[int, int | None, int]], each: int
) -> None:
    zone, facts, at = ZoneInfo("Europe/Berlin"), Facts(), NOON
    bought, back = dict[int, int](), dict[int, int]()
    for position, (order, returned, hours) in enumerate(words):
        at += hours * HOUR
        event: Event
        if returned is None:
            if order in bought:
                continue
            bought[order] = at
            event = PurchaseRecorded(order_id=f"{order}", amount=2, currency="EUR")
        else:
            back[order] = returned
            event = ReturnedTotalRecorded(order_id=f"{order}", returned_so_far=returned, currency="EUR")
        evolve(facts, event, at, position)
        if position % each == 0:
            buying_days(facts, zone)
    days = days_of(list(bought.values()), zone.key)
    kept = days_of([since for order, since in bought.items() if back.get(order) != 2], zone.key)
    found = buying_days(facts, zone)
    assert [days[number] for number in found.given_back] == [day for day in days if day not in kept]
    assert [day.toordinal() for day in days] == found.ordinals
    assert found.bounds[-1] == len(bought)
