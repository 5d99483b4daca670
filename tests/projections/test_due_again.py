"""When an item is due again, by arithmetic in the open. The item "coffee" has a gap of 30 days that weighs two gaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from histories import START, histories
from regulars.crm_domain.errors import InvalidRules
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import DAY, FOREVER
from regulars.crm_domain.purchase import Line, PurchaseRecorded, ReturnedTotalRecorded, ReturnRecorded
from regulars.projections.due_again.items import ITEMS, Items
from regulars.projections.due_again.projector import DUE_AGAIN
from regulars.projections.engine.fold import Folded, FoldPlan, Happened, by_key, fold, fold_some, fold_until, verdict_at
from regulars.projections.engine.projector import Key
from regulars.projections.engine.rules_digest import facts_digest, rules_digest
from regulars.projections.facts.fact_set import FactSet
from regulars.projections.facts.shared import SHARED
from regulars.projections.registry import PROJECTORS
from regulars.projections.rules.compiled import Rules, compile_rules
from regulars.projections.rules.grammar import parse_rules
from regulars.projections.verdict import Interval, Reason
from shops import default_text

HOUR = DAY // 24


def ruled(table: str = "") -> Rules:
    """The default rules with a table [due_again]."""
    return compile_rules(parse_rules(f"{default_text()}\n{table}"), "EUR")


COFFEE = ruled("[due_again]\nprior_weight = 2\ngaps = { coffee = 30, filters = 60 }")


def buy(day: Fraction | float, *items: str, order_id: str = "", cents: int = 2_000) -> tuple[int, Event]:
    at = START + int(day * DAY)
    lines = tuple(Line(sku=item) for item in items)
    return at, PurchaseRecorded(order_id=order_id or f"at {day}", amount=cents, currency="EUR", lines=lines)


def back(day: float, order_id: str, cents: int) -> tuple[int, Event]:
    return START + int(day * DAY), ReturnRecorded(order_id=order_id, amount=cents, currency="EUR")


def in_all(day: float, order_id: str, cents: int) -> tuple[int, Event]:
    return START + int(day * DAY), ReturnedTotalRecorded(order_id=order_id, returned_so_far=cents, currency="EUR")


def story(*events: tuple[int, Event]) -> list[Happened]:
    in_order = sorted(events, key=lambda event: event[0])
    return [Happened(at, position, event) for position, (at, event) in enumerate(in_order, start=1)]


def timelines(*events: tuple[int, Event], rules: Rules = COFFEE) -> dict[str, list[Interval]]:
    return by_key(fold(Folded(), story(*events), rules, [DUE_AGAIN])[DUE_AGAIN.name])


def turns(*events: tuple[int, Event], item: str = "coffee", rules: Rules = COFFEE) -> list[tuple[float, str]]:
    """When an item becomes what, in days since the beginning."""
    found = timelines(*events, rules=rules).get(item, [])
    return [((each.valid_from - START) / DAY, each.verdict.value) for each in found]


# ------------------------------------------------------------------------------------------------------------ the gap


def test_what_was_bought_once_is_due_after_the_items_gap_and_lapses_after_two() -> None:
    assert turns(buy(0, "coffee")) == [(0, "not_yet"), (30, "due"), (60, "lapsed")]


def test_ones_own_gaps_count_beside_the_items() -> None:
    # Gaps of 20 and 22 days, and the item's 30 twice: (42 + 60) / 4 = 25.5 days after day 42.
    found = turns(buy(0, "coffee"), buy(20, "coffee"), buy(42, "coffee"))
    assert found[-2:] == [(67.5, "due"), (93, "lapsed")]


def test_a_gap_is_one_whole_microsecond_rounded_up() -> None:
    # (7 days + 60) / 3 is 22 days and 8 hours; with 1 microsecond more it is no whole one.
    later = START + 7 * DAY + 1
    rules = COFFEE
    first, second = buy(0, "coffee"), (later, buy(7, "coffee", order_id="second")[1])
    due = next(each for each in timelines(first, second, rules=rules)["coffee"] if each.verdict.value == "due")
    assert due.valid_from == later + 22 * DAY + 8 * HOUR + 1
    assert due.verdict.gap == 22 * DAY + 8 * HOUR


def test_two_orders_of_one_day_are_one() -> None:
    # 2024-01-01 at 8 and at 20 in Berlin; the last one is what is waited from.
    assert turns(buy(7 / 24, "coffee"), buy(19 / 24, "coffee", order_id="b"))[-2:] == [
        (19 / 24 + 30, "due"),
        (19 / 24 + 60, "lapsed"),
    ]


def test_a_gap_is_never_less_than_the_least_one() -> None:
    rules = ruled("[due_again]\nprior_weight = 0.001\nmin_gap_days = 5\ngaps = { coffee = 30 }")
    found = turns(buy(0, "coffee"), buy(1, "coffee"), buy(2, "coffee"), rules=rules)
    assert found[-2:] == [(7, "due"), (12, "lapsed")]


def test_what_is_due_and_lapsed_is_a_matter_of_rules() -> None:
    rules = ruled("[due_again]\ndue_from_gaps = 0.8\nlapsed_from_gaps = 1.5\ngaps = { coffee = 30 }")
    assert turns(buy(0, "coffee"), rules=rules) == [(0, "not_yet"), (24, "due"), (45, "lapsed")]


def test_a_purchase_ends_what_was_due() -> None:
    found = turns(buy(0, "coffee"), buy(40, "coffee"))
    assert found[:3] == [(0, "not_yet"), (30, "due"), (40, "not_yet")]


def test_each_item_has_a_time_of_its_own() -> None:
    orders = buy(0, "coffee", "filters"), buy(10, "coffee")
    assert turns(*orders, item="filters") == [(0, "not_yet"), (60, "due"), (120, "lapsed")]
    # (10 + 60) / 3 = 23 1/3 days after day 10.
    assert turns(*orders)[-2][0] == pytest.approx(10 + 70 / 3)


# ---------------------------------------------------------------------------------------------- what doesn't count


def test_what_came_back_whole_was_never_bought() -> None:
    assert turns(buy(0, "coffee", order_id="a"), back(5, "a", 2_000)) == [(0, "not_yet")]
    assert timelines(buy(0, "coffee", order_id="a"), back(5, "a", 2_000))["coffee"][-1].valid_to == START + 5 * DAY
    kept = buy(0, "coffee"), buy(9, "coffee", order_id="b"), back(12, "b", 1_500), back(13, "b", 500)
    assert turns(*kept)[-2:] == [(30, "due"), (60, "lapsed")]


def test_an_order_of_which_a_part_came_back_counts() -> None:
    assert turns(buy(0, "coffee", order_id="a"), back(5, "a", 1_999))[-1] == (60, "lapsed")


def test_a_lower_reading_of_what_came_back_corrects_a_higher_one() -> None:
    order = buy(0, "coffee", order_id="a")
    assert turns(order, in_all(5, "a", 2_000), in_all(6, "a", 500)) == [
        (0, "not_yet"),
        (6, "not_yet"),
        (30, "due"),
        (60, "lapsed"),
    ]


def test_a_return_of_one_microsecond_before_its_order_counts() -> None:
    assert turns((START - 1, back(0, "a", 2_000)[1]), buy(0, "coffee", order_id="a")) == []


def test_an_order_of_no_worth_is_an_order() -> None:
    assert turns(buy(0, "coffee", order_id="a", cents=0), in_all(1, "a", 0))[-1] == (60, "lapsed")


def test_items_that_no_rule_names_are_not_kept() -> None:
    events = story(buy(0, "mug", "coffee"), buy(1, "mug"), back(2, "at 1", 2_000))
    folded, told = fold_some(events, COFFEE, [DUE_AGAIN])
    assert {each.key for each in told[DUE_AGAIN.name]} == set(folded.facts_of(ITEMS).bought) == {"coffee"}
    nothing, none = fold_some(events, ruled(), [DUE_AGAIN])
    assert nothing.facts_of(ITEMS) == Items()
    assert none == {DUE_AGAIN.name: []}
    assert not nothing.tracks.get(DUE_AGAIN.name)


# ------------------------------------------------------------------------------------------------------------ the rules


def test_rules_without_the_table_keep_their_digest() -> None:
    without, empty = ruled(), ruled("[due_again]\ngaps = {}")
    assert without.digest == empty.digest
    assert "due_again" not in without.ruleset.canonical()
    others = [each for each in PROJECTORS if each is not DUE_AGAIN]
    assert [rules_digest(each, without) for each in others] == [rules_digest(each, COFFEE) for each in others]
    assert rules_digest(DUE_AGAIN, without) != rules_digest(DUE_AGAIN, COFFEE)


def test_facts_are_folded_by_their_tables_and_by_the_zone_in_which_days_are_counted() -> None:
    assert facts_digest(SHARED, ruled()) == facts_digest(SHARED, COFFEE) == ""
    elsewhere = compile_rules(
        parse_rules(f"{default_text()}\n[due_again]\ngaps = {{ coffee = 30 }}".replace("Europe/Berlin", "Asia/Tokyo")),
        "EUR",
    )
    here = ruled("[due_again]\ngaps = { coffee = 30 }")
    digests = [facts_digest(ITEMS, each) for each in (ruled(), COFFEE, here, elsewhere)]
    assert len(set(digests)) == 4


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("due_from_gaps = 2", "due_again: due_from_gaps must lie below lapsed_from_gaps"),
        ('gaps = { coffee = "often" }', r'due_again\.gaps\.coffee: found "often"'),
        ("gaps = { coffee = 0 }", r"due_again\.gaps\.coffee: found 0; expected a number greater than 0"),
        ("gap = { coffee = 30 }", r'due_again\.gap: unknown key; did you mean "gaps"\?; allowed: gaps, prior_weight'),
        ("gaps = [30]", r"due_again\.gaps: found \[30\]; expected a table"),
    ],
)
def test_what_the_table_can_not_say_is_refused_in_a_sentence(table: str, sentence: str) -> None:
    with pytest.raises(InvalidRules, match=sentence):
        ruled(f"[due_again]\n{table}")


def test_a_key_is_found_of_an_event_or_among_several() -> None:
    with pytest.raises(ValueError, match='the key "item" is found either `of` an event or `among` several'):
        Key(name="item", facts=lambda facts, key: facts)


def test_facts_are_folded_by_themselves_or_under_tables() -> None:
    sentence = "are folded either by `evolve`, or by `evolve_under` some tables"
    for given_ in ({}, {"evolve": print, "evolve_under": print}, {"evolve": print, "folded_by": ("tier",)}):
        with pytest.raises(ValueError, match=sentence):
            FactSet(name="odd", version=1, beginning=Items, handles=frozenset(), **given_)


def test_where_the_rules_name_no_item_no_event_bears_on_it() -> None:
    assert FoldPlan(ruled(), [DUE_AGAIN]).minded == frozenset()
    assert FoldPlan(COFFEE, [DUE_AGAIN]).minded == DUE_AGAIN.handles


# ----------------------------------------------------------------------------------------------------------- explained


def explained(*events: tuple[int, Event], day: float, item: str = "coffee") -> tuple[Reason, ...]:
    at = START + int(day * DAY)
    folded, _ = fold_until(story(*events), COFFEE, at, [DUE_AGAIN])
    assert DUE_AGAIN.explain is not None
    assert DUE_AGAIN.key is not None
    return DUE_AGAIN.explain(None, DUE_AGAIN.key.facts(folded.facts_of(ITEMS), item), COFFEE, at)


def test_reasons_name_the_purchases_and_the_arithmetic() -> None:
    bought, gap, due = explained(buy(0, "coffee"), buy(20, "coffee"), buy(42, "coffee"), day=50)
    assert (bought.sentence, bought.positions) == ("bought on 3 days, last on 2024-02-12", (1, 2, 3))
    assert gap.sentence == ("expected after 25.5 days: 2 own gaps of 21.0, the item's of 30.0 weighs 2")
    assert due.sentence == "due from 2024-03-08, lapsed from 2024-04-03"


def test_what_was_bought_once_is_explained_by_the_items_gap() -> None:
    _, gap, _ = explained(buy(0, "coffee"), day=1)
    assert gap.sentence == "expected after 30.0 days: the item's gap, as there is none of their own"


def test_what_came_back_is_explained_as_nothing() -> None:
    (only,) = explained(buy(0, "coffee", order_id="a"), back(1, "a", 2_000), day=2)
    assert only.sentence == "nothing of it was bought, or all of it came back"


# ---------------------------------------------------------------------------------------------------------------- laws


@given(
    histories(
        mostly=st.builds(
            PurchaseRecorded,
            order_id=st.integers(1, 40).map(str),
            amount=st.sampled_from([0, 100]),
            currency=st.just("EUR"),
            lines=st.lists(st.sampled_from(["coffee", "filters", "mug"]), max_size=3).map(
                lambda items: tuple(Line(sku=each) for each in items)
            ),
        )
    ),
    st.integers(0, 1_500),
    st.integers(-1, 1),
)
def test_asked_at_any_instant_it_is_what_plain_counting_says(history: list[Happened], day: int, off: int) -> None:
    at = START + day * DAY + off
    told = by_key(fold(Folded(), [each for each in history if each.at <= at], COFFEE, [DUE_AGAIN])[DUE_AGAIN.name])
    for item, gap in (("coffee", 30), ("filters", 60)):
        held = verdict_at(told.get(item, []), at)
        assert (None if held is None else held.verdict.value) == counted(history, item, gap, at)


def counted(history: list[Happened], item: str, gap: int, at: int) -> str | None:
    """The verdict by lists of events and fractions. Berlin is an hour or two ahead, so a day ends at 23 or 22 UTC."""
    known = [each for each in history if each.at <= at]
    back: dict[str, int] = {}
    for each in known:
        if isinstance(each.event, ReturnRecorded):
            back[each.event.order_id] = back.get(each.event.order_id, 0) + each.event.amount
    bought = [
        each.at
        for each in known
        if isinstance(each.event, PurchaseRecorded)
        and any(line.sku == item for line in each.event.lines)
        and not (each.event.order_id in back and back[each.event.order_id] >= each.event.amount > 0)
    ]
    if not bought:
        return None
    moments = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=each) for each in bought]
    days = {moment.astimezone(ZoneInfo("Europe/Berlin")).date() for moment in moments}
    own = sum((Fraction(later - earlier) for earlier, later in pairwise(bought)), Fraction(0)) if len(days) > 1 else 0
    expected = max(Fraction(DAY), (own + 2 * gap * DAY) / (len(days) - 1 + 2))
    waited = at - bought[-1]
    return "lapsed" if waited >= 2 * expected else "due" if waited >= expected else "not_yet"


@given(histories())
def test_a_return_settles_all_items_and_begins_none(history: list[Happened]) -> None:
    told = by_key(fold(Folded(), history, COFFEE, [DUE_AGAIN])[DUE_AGAIN.name])
    for item, intervals in told.items():
        first = next(
            each.at
            for each in history
            if isinstance(each.event, PurchaseRecorded) and any(line.sku == item for line in each.event.lines)
        )
        assert intervals[0].valid_from >= first
        assert all(each.valid_to <= FOREVER for each in intervals)
