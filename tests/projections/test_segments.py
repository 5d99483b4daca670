"""Segments: who is in, by plain counting over lists of events for any rules of the grammar, and exact to the
microsecond.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from heapq import heappop, heappush
from itertools import pairwise
from math import floor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ladders
from histories import START, cuts, histories
from ladders import ASKED, conditions, default, lives, ready, timeline_of
from regulars.crm_domain.customer import CustomerRegistered, CustomerTagged
from regulars.crm_domain.errors import InvalidRules
from regulars.crm_domain.instant import DAY, FOREVER
from regulars.crm_domain.purchase import PurchaseRecorded
from regulars.projections.conditions.rules import ConditionRule
from regulars.projections.engine.fold import (
    Folded,
    Happened,
    explain,
    fold,
    fold_some,
    joined,
    must_refold,
    verdict_at,
)
from regulars.projections.engine.fold import by_key as apart
from regulars.projections.lifecycle_stage.projector import LIFECYCLE_STAGE
from regulars.projections.registry import PROJECTORS
from regulars.projections.rules.compiled import Rules
from regulars.projections.rules.grammar import Ruleset, validate_rules
from regulars.projections.segments.projector import SEGMENTS
from regulars.projections.segments.rules import MAX_SEGMENTS, SegmentRule
from regulars.projections.verdict import Interval
from shops import EXAMPLES

# Where a multiple of a gap is reached is worked out by the laws of the ladder.
FACTS = [fact for fact in ASKED if fact != "gap"]
STAGES = ("lead", "new", "active", "loyal", "at_risk", "dormant", "churned", "reactivated")
SPANS = st.sampled_from([0, 0, 1, 7, 30, 90])


def with_segments(*segments: dict[str, Any]) -> Ruleset:
    """The default rules with some segments."""
    return validate_rules(default().model_dump(by_alias=True, exclude_none=True) | {"segment": list(segments)})


@st.composite
def rulesets(draw: st.DrawFn, asking: str | None = None) -> Ruleset:
    """Up to four segments over conditions of the whole grammar."""
    facts = [*([asking] if asking else []), *draw(st.lists(st.sampled_from(FACTS), min_size=not asking, max_size=2))]
    segments: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 4))):
        kinds = [*(conditions(fact) for fact in facts), stage_conditions()]
        if segments:
            kinds.append(segment_conditions([each["id"] for each in segments]))
        some = st.lists(st.sampled_from(kinds).flatmap(lambda kind: kind), min_size=1, max_size=2)
        segments.append(
            {"id": f"s{number}", "enter": draw(some), "stay_days": draw(SPANS), "pause_days": draw(SPANS)}
            | ({"leave": draw(some)} if draw(st.booleans()) else {})
        )
    return with_segments(*segments)


def stage_conditions() -> st.SearchStrategy[dict[str, Any]]:
    some = st.lists(st.sampled_from(STAGES), min_size=1, max_size=2, unique=True)
    return st.builds(lambda key, words: {"fact": "stage", key: words}, st.sampled_from(["in", "not_in"]), some)


def segment_conditions(earlier: Sequence[str]) -> st.SearchStrategy[dict[str, Any]]:
    some = st.lists(st.sampled_from(earlier), min_size=1, max_size=2, unique=True)
    return st.builds(lambda key, words: {"fact": "segment", key: words}, st.sampled_from(["has", "any", "lacks"]), some)


def members(history: Iterable[Happened], rules: Rules) -> dict[str, list[tuple[int, int]]]:
    """By segment, the spans in which somebody is in."""
    return spans_of(fold_some(history, rules, [SEGMENTS])[1]["segments"], rules)


def spans_of(intervals: Iterable[Interval], rules: Rules) -> dict[str, list[tuple[int, int]]]:
    told = apart(each for each in intervals if each.verdict is not None)
    return {name: [(each.valid_from, each.valid_to) for each in told.get(name, [])] for name in rules.segments.names}


# --------------------------------------------------------------------------------------------------- by plain counting


def counted_out(ruleset: Ruleset, history: list[Happened]) -> dict[str, list[tuple[int, int]]]:
    """The same, by asking each condition at each instant at which anything may change, one after the other."""
    found: dict[str, list[tuple[int, int]]] = {each.id: [] for each in ruleset.segment}
    begun = [each.at for each in history if type(each.event) in LIFECYCLE_STAGE.handles]
    if not begun:
        return found
    queue = sorted({at for at in breakpoints(ruleset, history) if at > begun[0]} | {begun[0]})
    inside: dict[str, int | None] = dict.fromkeys(found)
    went_out: dict[str, int] = {}
    while queue:
        at = heappop(queue)
        for segment in ruleset.segment:
            since = inside[segment.id]
            if since is not None:
                over = since + segment.stay_days * DAY
                if at >= over and leaves(segment, history, at, inside):
                    found[segment.id][-1] = (since, at)
                    inside[segment.id], went_out[segment.id] = None, at
                    heappush(queue, at + segment.pause_days * DAY)
            elif at >= went_out.get(segment.id, -FOREVER) + segment.pause_days * DAY and (
                hold(segment.enter, history, at, inside)
                and not (segment.leave and hold(segment.leave, history, at, inside))
            ):
                found[segment.id].append((at, FOREVER))
                inside[segment.id] = at
                heappush(queue, at + segment.stay_days * DAY)
    return found


def leaves(segment: SegmentRule, history: list[Happened], at: int, inside: dict[str, int | None]) -> bool:
    if segment.leave is None:
        return not hold(segment.enter, history, at, inside)
    return hold(segment.leave, history, at, inside)


def hold(rules: Iterable[ConditionRule], history: list[Happened], at: int, inside: dict[str, int | None]) -> bool:
    return all(holds(rule, history, at, inside) for rule in rules)


def holds(rule: ConditionRule, history: list[Happened], at: int, inside: dict[str, int | None]) -> bool:
    if rule.fact == "segment":
        within = {name for name, since in inside.items() if since is not None}
        return (
            (rule.has is None or set(rule.has) <= within)
            and (rule.any_ is None or bool(set(rule.any_) & within))
            and (rule.lacks is None or not set(rule.lacks) & within)
        )
    if rule.fact == "stage":
        held = verdict_at(timeline_of(LIFECYCLE_STAGE, tuple(history)), at)
        return held is not None and (
            held.verdict.value in rule.in_ if rule.in_ else held.verdict.value not in (rule.not_in or ())
        )
    return ladders.holds(rule, history, at, None)


def breakpoints(ruleset: Ruleset, history: list[Happened]) -> set[int]:
    """All instants at which a condition may turn: events, so many days after one, turns of other verdicts."""
    found = {each.at for each in history}
    for condition in (condition for segment in ruleset.segment for condition in segment.conditions):
        if condition.fact in ladders.READ or condition.fact == "stage":
            projector = LIFECYCLE_STAGE if condition.fact == "stage" else ladders.READ[condition.fact]
            told = timeline_of(projector, tuple(history))
            found |= {each.valid_from for each in told}
            if condition.fact == "days_to_contract_end":
                bounds = {floor(Fraction(each) * DAY) for _, each in condition.bounds if isinstance(each, Decimal)}
                ending = {each.verdict.ends_at for each in told if each.verdict.ends_at is not None}
                found |= {end - bound + off for end in ending for bound in bounds for off in (-1, 0, 1)}
        ends = {Fraction(end) * DAY for end in (condition.from_, condition.above, condition.below) if end is not None}
        if condition.fact not in ladders.BOUNDS or "days" not in condition.fact:
            ends = set()
        window = {condition.within_days * DAY} if condition.within_days else set()
        for span in {*ends, *window}:
            later = floor(span) if span == floor(span) else floor(span) + 1
            found |= {each.at + later + off for each in history for off in (0, 1)}
    return found


@pytest.mark.parametrize("fact", FACTS)
@settings(max_examples=max(EXAMPLES // 3, 10))
@given(data=st.data())
def test_who_is_in_a_segment_is_what_plain_counting_gives(fact: str, data: st.DataObject) -> None:
    ruleset, history = data.draw(rulesets(fact)), data.draw(lives(fact))
    assert members(history, ready(ruleset)) == counted_out(ruleset, history)


# ------------------------------------------------------------------------------------------------ laws of all segments


@given(rulesets(), histories(), st.data())
def test_a_fold_split_anywhere_equals_the_whole(ruleset: Ruleset, history: list[Happened], data: st.DataObject) -> None:
    rules, cut, folded = ready(ruleset), data.draw(cuts(history)), Folded()
    before = fold(folded, history[:cut], rules, PROJECTORS)["segments"]
    after = fold(folded, history[cut:], rules, PROJECTORS)["segments"]
    whole = fold_some(history, rules, [SEGMENTS])[1]["segments"]
    assert joined(before, after) == whole
    # What is stored of that are the rows for membership alone.
    stored = [each for each in before if each.verdict is not None]
    assert spans_of(joined(stored, after), rules) == spans_of(whole, rules)


@given(rulesets(), histories(distinct=True), st.randoms(use_true_random=False))
def test_events_that_arrive_in_any_order_give_what_a_rebuild_gives(
    ruleset: Ruleset, history: list[Happened], random: Any
) -> None:
    rules, arrival = ready(ruleset), list(history)
    random.shuffle(arrival)
    arrived: list[Happened] = []
    folded, stored = Folded(), list[Interval]()
    for position, happened in enumerate(arrival, start=1):
        arrived.append(Happened(happened.at, position, happened.event))
        if must_refold(folded, [arrived[-1]]):
            folded, stored = Folded(), []
        everything = sorted(arrived, key=lambda each: (each.at, each.position))
        newer = fold(folded, [each for each in everything if each.position > folded.last_position], rules, [SEGMENTS])
        stored = joined(stored, newer["segments"])
    assert spans_of(stored, rules) == members(history, rules)


@given(rulesets(), histories())
def test_the_timelines_of_segments_have_no_gap_and_no_overlap(ruleset: Ruleset, history: list[Happened]) -> None:
    rules = ready(ruleset)
    told = apart(fold_some(history, rules, [SEGMENTS])[1]["segments"])
    for intervals in told.values():
        for earlier, later in pairwise(intervals):
            assert earlier.valid_from < earlier.valid_to == later.valid_from
            assert (earlier.verdict is None) != (later.verdict is None)
        assert intervals[-1].valid_to == FOREVER
    assert list(told) == (sorted(rules.segments.names) if told else [])


@given(rulesets(), histories(), st.integers(-1, 2_500), st.integers(-1, 1))
def test_asked_at_any_instant_a_segment_is_that_of_the_intervals_and_told_clause_by_clause(
    ruleset: Ruleset, history: list[Happened], day: int, off: int
) -> None:
    rules, at = ready(ruleset), START + day * DAY + off
    _, explained = explain(history, rules, at, PROJECTORS)
    asked = {each.key: each for each in explained if each.projection == "segments"}
    known = {each.position for each in history if each.at <= at}
    for name, intervals in apart(fold_some(history, rules, [SEGMENTS])[1]["segments"]).items():
        held = verdict_at(intervals, at)
        if held is None:
            assert name not in asked
            continue
        assert (asked[name].verdict, asked[name].since) == (held.verdict, held.valid_from)
        rule = next(each for each in ruleset.segment if each.id == name)
        reasons = [each for each in asked[name].reasons if each.clause in ("enter", "leave")]
        assert len(reasons) == sum(len(condition.bounds) for condition in rule.conditions)
        assert all(set(each.positions) <= known and "None" not in each.sentence for each in reasons)
        within = {key: 0 if each.verdict else None for key, each in asked.items()}
        for clause, conditions_of in (("enter", rule.enter), ("leave", rule.leave or ())):
            said = all(each.holds for each in reasons if each.clause == clause)
            assert said == hold(conditions_of, [each for each in history if each.at <= at], at, within)


# ------------------------------------------------------------------------------------------------- to the microsecond


def orders(*days: int) -> list[Happened]:
    return [
        Happened(START, 1, CustomerRegistered()),
        *(
            Happened(START + day * DAY, position, PurchaseRecorded(order_id=f"A-{day}", amount=1_000, currency="EUR"))
            for position, day in enumerate(days, start=2)
        ),
    ]


LAPSED = {"id": "lapsed", "enter": [{"fact": "days_since_order", "above": 60}]}


def test_who_bought_more_than_so_many_days_ago_and_not_since_is_exact() -> None:
    """60 days after an order somebody isn't in yet, one microsecond later they are, until the very next order."""
    spans = members(orders(10, 100), ready(with_segments(LAPSED)))["lapsed"]
    assert spans == [(START + 70 * DAY + 1, START + 100 * DAY), (START + 160 * DAY + 1, FOREVER)]
    at_least = with_segments({"id": "lapsed", "enter": [{"fact": "days_since_order", "from": 60}]})
    assert members(orders(10), ready(at_least))["lapsed"] == [(START + 70 * DAY, FOREVER)]


def test_a_stay_keeps_somebody_in_and_a_pause_keeps_them_out() -> None:
    """In from day 70; the order of day 75 would end it, but the stay is 14 days. Then out for 100 days, though they
    are quiet again from day 135 on.
    """
    ruleset = with_segments(LAPSED | {"stay_days": 14, "pause_days": 100})
    entered = START + 70 * DAY + 1
    went_out = entered + 14 * DAY
    assert members(orders(10, 75), ready(ruleset))["lapsed"] == [(entered, went_out), (went_out + 100 * DAY, FOREVER)]


def test_where_both_hold_leave_wins() -> None:
    ruleset = with_segments(
        {
            "id": "buyers",
            "enter": [{"fact": "orders", "from": 1}],
            "leave": [{"fact": "tagged", "has": ["no-mail"]}],
        }
    )
    tagged = Happened(START + 10 * DAY, 9, CustomerTagged(label="no-mail"))
    assert members([*orders(10)[:1], tagged, *orders(20)[1:]], ready(ruleset))["buyers"] == []
    assert members([*orders(5), tagged], ready(ruleset))["buyers"] == [(START + 5 * DAY, START + 10 * DAY)]


def test_a_leave_of_its_own_keeps_somebody_in_where_enter_holds_no_more() -> None:
    """Quiet once is in until they are loyal, here two orders within 30 days."""
    ruleset = with_segments(LAPSED | {"leave": [{"fact": "orders", "within_days": 30, "from": 2}]})
    assert members(orders(10, 100, 140), ready(ruleset))["lapsed"] == [(START + 70 * DAY + 1, FOREVER)]
    assert members(orders(10, 100, 110), ready(ruleset))["lapsed"] == [
        (START + 70 * DAY + 1, START + 110 * DAY),
        (START + 170 * DAY + 1, FOREVER),
    ]


def test_verdicts_of_others_are_judged_first_at_the_same_instant() -> None:
    """The turn into a stage and into the segment of it are one instant, as are those into a segment and a later one."""
    ruleset = with_segments(
        {"id": "worried", "enter": [{"fact": "stage", "in": ["at_risk", "dormant", "churned"]}]},
        {"id": "calm", "enter": [{"fact": "segment", "lacks": ["worried"]}]},
        {"id": "anyone", "enter": [{"fact": "segment", "any": ["worried", "calm"]}]},
    )
    rules = ready(ruleset)
    stages = fold_some(orders(10, 400), rules, [LIFECYCLE_STAGE])[1]["lifecycle_stage"]
    worried = [each for each in stages if each.verdict.value in ("at_risk", "dormant", "churned")]
    found = members(orders(10, 400), rules)
    assert [since for since, _ in found["worried"]] == [
        each.valid_from
        for before, each in pairwise([None, *worried])
        if not (before and before.valid_to == each.valid_from)
    ]
    turns = [START, *(at for span in found["worried"] for at in span if at < FOREVER)]
    assert sorted(at for name in ("worried", "calm") for at, _ in found[name]) == turns
    assert found["anyone"] == [(START, FOREVER)]


def test_fifty_segments_may_each_turn_as_often_as_any_verdict() -> None:
    """All of them turn with time alone, at instants of their own."""
    segments = [
        {"id": f"s{day}", "enter": [{"fact": "days_since_order", "from": day, "below": day + 1}], "stay_days": 100}
        for day in range(1, MAX_SEGMENTS + 1)
    ]
    found = members(orders(0), ready(with_segments(*segments)))
    assert found == {f"s{day}": [(START + day * DAY, START + (day + 100) * DAY)] for day in range(1, MAX_SEGMENTS + 1)}


# --------------------------------------------------------------------------------------------------------- explaining


def test_a_member_and_somebody_who_is_not_are_told_which_conditions_hold_with_the_events() -> None:
    ruleset = with_segments(
        {
            "id": "lapsed",
            "enter": [{"fact": "days_since_order", "above": 60}, {"fact": "tier", "in": ["gold"]}],
            "stay_days": 5,
        }
    )
    _, explained = explain(orders(10), ready(ruleset), START + 80 * DAY, PROJECTORS)
    (one,) = (each for each in explained if each.projection == "segments")
    assert (one.key, one.verdict) == ("lapsed", None)
    assert [(each.clause, each.holds, each.sentence, each.positions) for each in one.reasons] == [
        ("enter", True, "70 days since the last order (more than 60)", (2,)),
        ("enter", False, "tier member (one of gold)", ()),
    ]
    _, explained = explain(orders(), ready(ruleset), START + 80 * DAY, PROJECTORS)
    reason = next(each for each in explained if each.projection == "segments").reasons[0]
    assert (reason.holds, reason.sentence) == (
        False,
        "days_since_order is undefined before the first order (more than 60)",
    )


# ------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("segments", "sentence"),
    [
        ([LAPSED, LAPSED], 'the id of a segment "lapsed" is used twice'),
        (
            [{"id": "a", "enter": [{"fact": "segment", "has": ["b"]}]}, {"id": "b", "enter": LAPSED["enter"]}],
            'segment: "a" asks for the segment "b", and may ask for those that come before it: none',
        ),
        (
            [LAPSED, {"id": "a", "enter": [{"fact": "segment", "lacks": ["lapse"]}]}],
            'may ask for those that come before it: lapsed; did you mean "lapsed"?',
        ),
        ([{"id": "a", "enter": [{"fact": "segment", "any": ["a"]}]}], '"a" asks for the segment "a"'),
        ([{"id": "a", "enter": []}], "segment[0].enter: found []; expected a list of at least 1 item"),
        (
            [{"id": "a", "enter": [{"fact": "days_since_spell_ended", "from": 1}]}],
            '"a" asks for days_since_spell_ended, which only a rung with a `spell` can ask',
        ),
        (
            [{"id": "a", "enter": [{"fact": "stage", "in": ["at-risk"]}]}],
            'segment: "a" asks for the stage "at-risk", which there isn\'t; did you mean "at_risk"?',
        ),
        (
            [{"id": "a", "enter": [{"fact": "orders", "above": 1}]}],
            "segment[0].enter[0]: orders is a number and takes `from`, `below`, or both",
        ),
        (
            [{"id": "a", "enter": [{"fact": "tenure_days", "above": 9, "below": 9}]}],
            "tenure_days can't be above 9 and below 9 at once",
        ),
        (
            [{"id": "a", "enter": [{"fact": "tenure_days", "above": 9, "from": 9}]}],
            "tenure_days takes `from` or `above`, not both",
        ),
        ([{"id": "a", "enter": LAPSED["enter"], "stay": 3}], "segment[0].stay: unknown key"),
        ([LAPSED | {"id": f"s{n}"} for n in range(51)], "at most 50 items"),
    ],
)
def test_a_segment_that_makes_no_sense_is_refused_in_a_sentence(segments: list[dict[str, Any]], sentence: str) -> None:
    with pytest.raises(InvalidRules) as refused:
        with_segments(*segments)
    assert sentence in str(refused.value)


def test_rules_without_segments_are_what_they_were() -> None:
    assert with_segments().digest() == default().digest()
    assert "segment" not in default().canonical()


@given(histories())
def test_without_segments_nothing_is_judged(history: list[Happened]) -> None:
    folded, told = fold_some(history, ready(default()), [SEGMENTS])
    assert told == {"segments": []}
    assert not folded.tracks.get("segments")
