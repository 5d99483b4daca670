"""Projections that read others, and those that fold facts of their own: the laws of the fold hold for them as well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from histories import START, cuts, histories, others, purchases, rules, since_when
from regulars.crm_domain.catalogue import CATALOGUE
from regulars.crm_domain.customer import CustomerTagged
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import DAY, FOREVER
from regulars.crm_domain.purchase import PurchaseRecorded
from regulars.projections.churn_risk.projector import CHURN_RISK
from regulars.projections.engine.corrections import CORRECTIONS
from regulars.projections.engine.fold import (
    Folded,
    FoldPlan,
    Happened,
    by_key,
    explain,
    fold,
    fold_some,
    joined,
    must_refold,
    verdict_at,
)
from regulars.projections.engine.projector import Judgement, Key, Projector
from regulars.projections.engine.stored import (
    dump,
    dump_facts,
    dump_own,
    dump_tracks,
    load,
    load_facts,
    loading_own,
    loading_tracks,
)
from regulars.projections.facts.fact_set import FactSet
from regulars.projections.facts.shared import HANDLES, Facts
from regulars.projections.loyalty_tier.projector import LOYALTY_TIER
from regulars.projections.registry import PROJECTORS, REGISTRY, Registry
from regulars.projections.rules.compiled import Rules
from regulars.projections.segments.projector import SEGMENTS
from regulars.projections.ticket_queue.projector import TICKET_QUEUE
from regulars.projections.verdict import Interval, Reason, Told, Verdict

INSTANTS = st.builds(lambda day, off: START + day * DAY + off, st.integers(0, 2_500), st.integers(-1, 1))


class Nothing(Struct, frozen=True):
    """Nothing is carried."""


def held_at(told: Told, name: str, at: int) -> list[str]:
    """What each timeline of a projection holds at an instant, in words."""
    held = (each for each in told[name] if each.valid_from <= at < each.valid_to and each.verdict is not None)
    return [f"{name}/{each.key}: {each.verdict}" for each in held]


def repeat(standing: Nothing, facts: Any, rules: Rules, at: int, until: int, told: Told) -> Iterator[Judgement]:
    """What the others hold, in words."""
    turns = {turn for intervals in told.values() for each in intervals for turn in (each.valid_from, each.valid_to)}
    for instant in sorted({at, *(turn for turn in turns if at < turn < until)}):
        words = [said for name in sorted(told) for said in held_at(told, name, instant)]
        yield instant, standing, Verdict("; ".join(words))


def reader(name: str, *sources: Projector, **parts: Any) -> Projector:
    """One that says what others hold."""
    return Projector(
        **{
            "name": name,
            "question": "What do they hold?",
            "version": 1,
            "handles": frozenset({PurchaseRecorded}),
            "standing": Nothing,
            "judges_by": (),
            "judge": repeat,
            "explain": lambda standing, facts, rules, at, told: (
                Reason(clause="told", sentence=" ".join(held_at(told, sources[0].name, at))),
            ),
            "may_read": sources,
            "reads": lambda rules: frozenset(each.name for each in sources),
        }
        | parts
    )


FIRST = reader("first", CHURN_RISK, LOYALTY_TIER, TICKET_QUEUE)
SECOND = reader("second", FIRST, TICKET_QUEUE, handles=frozenset({CustomerTagged}))
#: One with a timeline for each label that was ever put on.
BY_LABEL = reader(
    "by_label",
    CHURN_RISK,
    LOYALTY_TIER,
    handles=frozenset({CustomerTagged}),
    key=Key(name="label", of=lambda event: event.label, facts=lambda facts, label: facts),
    explain=None,
)
#: One that reads timelines which the rules name.
OF_SEGMENTS = reader("of_segments", SEGMENTS)
READERS = (FIRST, SECOND, BY_LABEL, OF_SEGMENTS)
ALL = (*PROJECTORS, *READERS)


def said(intervals: Sequence[Interval], name: str, at: int) -> list[str]:
    return held_at({name: intervals}, name, at)


@given(histories() | histories(min_size=8, mostly=purchases() | others()), INSTANTS)
def test_a_reader_holds_at_any_instant_what_its_sources_hold_then(history: list[Happened], at: int) -> None:
    _, timelines = fold_some(history, rules(), ALL)
    begins = [each.valid_from for name in ("first", "second", "by_label") for each in timelines[name]]
    for instant in {at, *begins, *(begin - 1 for begin in begins)}:
        for projector in READERS:
            sources = sorted(each.name for each in projector.may_read)
            expected = "; ".join(word for name in sources for word in said(timelines[name], name, instant))
            for held in timelines[projector.name]:
                if held.valid_from <= instant < held.valid_to:
                    assert held.verdict.value == expected


@given(histories())
def test_a_reader_begins_with_what_it_handles_and_its_sources_where_they_did(history: list[Happened]) -> None:
    _, timelines = fold_some(history, rules(), ALL)
    _, without = fold_some(history, rules(), PROJECTORS)
    assert {name: timelines[name] for name in without} == without
    bought = [each.at for each in history if isinstance(each.event, PurchaseRecorded)]
    assert [each.valid_from for each in timelines["first"]][:1] == bought[:1]


@given(histories(), st.sampled_from(READERS))
def test_a_reader_that_is_judged_alone_folds_its_sources_without_returning_them(
    history: list[Happened], projector: Projector
) -> None:
    _, alone = fold_some(history, rules(), [projector])
    assert alone == {projector.name: fold_some(history, rules(), ALL)[1][projector.name]}


@given(histories(), st.data())
def test_a_reader_split_anywhere_is_the_whole(history: list[Happened], data: st.DataObject) -> None:
    cut, folded = data.draw(cuts(history)), Folded()
    before = fold(folded, history[:cut], rules(), ALL)
    folded = load(dump(folded), ALL)
    after = fold(folded, history[cut:], rules(), ALL)
    whole = fold_some(history, rules(), ALL)[1]
    assert {name: joined(before[name], after[name]) for name in whole} == whole


@given(histories(), st.data())
def test_what_further_events_need_of_a_fold_is_enough_to_go_on_and_of_the_rest_nothing_changes(
    history: list[Happened], data: st.DataObject
) -> None:
    cut, plan, folded = data.draw(cuts(history)), FoldPlan(rules(), ALL), Folded()
    plan.fold(folded, history[:cut])
    before, part = load(dump(folded), ALL), load(dump(folded), ALL)
    minding = plan.minding(type(each.event) for each in history[cut:])
    needed = plan.needed_by(minding)
    part.tracks = {name: tracks for name, tracks in part.tracks.items() if name in needed}
    part.own = {name: facts for name, facts in part.own.items() if name in needed}
    told = plan.fold(folded, history[cut:])
    assert plan.fold(part, history[cut:]) == told
    for name, tracks in folded.tracks.items():
        assert tracks == (part.tracks if name in minding else before.tracks).get(name, {})
    for name, facts in folded.own.items():
        assert facts == (part.own if name in minding else before.own)[name]
    assert {name for name, intervals in told.items() if intervals} <= minding


@given(histories(distinct=True), st.randoms(use_true_random=False))
def test_readers_say_the_same_in_any_order_of_arrival(history: list[Happened], random: Any) -> None:
    arrival = list(history)
    random.shuffle(arrival)
    arrived, folded = list[Happened](), Folded()
    stored: dict[str, list[Interval]] = {projector.name: [] for projector in ALL}
    for position, happened in enumerate(arrival, start=1):
        arrived.append(Happened(happened.at, position, happened.event))
        if must_refold(folded, [arrived[-1]]):
            everything = sorted(arrived, key=lambda each: (each.at, each.position))
            folded, stored = fold_some(everything, rules(), ALL)
        else:
            newer = fold(folded, [arrived[-1]], rules(), ALL)
            stored = {name: joined(stored[name], newer[name]) for name in newer}
    assert stored == fold_some(history, rules(), ALL)[1]


@given(histories())
def test_the_intervals_of_readers_have_no_gap_and_no_overlap(history: list[Happened]) -> None:
    _, timelines = fold_some(history, rules(), READERS)
    for intervals in timelines.values():
        for earlier, later in pairwise(intervals):
            if earlier.key == later.key:
                assert earlier.valid_from < earlier.valid_to == later.valid_from
                assert earlier.verdict != later.verdict
        assert not intervals or intervals[-1].valid_to == FOREVER


@given(histories(), INSTANTS)
def test_a_reader_explains_what_it_was_told_at_that_instant(history: list[Happened], at: int) -> None:
    _, explained = explain(history, rules(), at, ALL)
    timelines = fold_some(history, rules(), ALL)[1]
    for each in explained:
        told = by_key(timelines[each.projection])[each.key]
        held = verdict_at(told, at)
        assert held is not None
        assert (each.verdict, each.since) == (held.verdict, since_when(told, held))
        if each.projection == "first":
            assert each.reasons[0].sentence == " ".join(said(timelines["churn_risk"], "churn_risk", at))


@given(histories())
def test_rules_that_ask_nothing_of_others_tell_nothing_and_cost_nothing(history: list[Happened]) -> None:
    judged: list[str] = []

    def watched(*asked: Any) -> Any:
        judged.append("churn_risk")
        return CHURN_RISK.judge(*asked)

    source = replace(CHURN_RISK, judge=watched)
    silent = replace(LOYALTY_TIER, may_read=(source,))
    assert fold_some(history, rules(), [silent])[1] == fold_some(history, rules(), [LOYALTY_TIER])[1]
    assert not judged


def test_who_reads_what_it_did_not_say_it_may_is_refused() -> None:
    sly = reader("sly", LOYALTY_TIER, reads=lambda rules: frozenset({"points"}))
    with pytest.raises(ValueError, match='the projection "sly" reads "points", which isn\'t among those it may read'):
        fold_some([], rules(), [sly])


# ------------------------------------------------------------------------------------------------------- the registry


def registry(*projectors: Projector) -> Registry:
    return Registry(catalogue=CATALOGUE, projectors=projectors)


def test_a_registry_has_each_projection_after_those_that_it_may_read() -> None:
    registry(CHURN_RISK, LOYALTY_TIER, TICKET_QUEUE, FIRST, SECOND)
    with pytest.raises(ValueError, match='"first" may read "churn_risk", which must come before it'):
        registry(LOYALTY_TIER, TICKET_QUEUE, FIRST, CHURN_RISK)
    with pytest.raises(ValueError, match='"second" may read "first", which isn\'t there'):
        registry(TICKET_QUEUE, SECOND)
    with pytest.raises(ValueError, match='"first" may read "churn_risk", but another one of that name is there'):
        registry(replace(CHURN_RISK, version=9), LOYALTY_TIER, TICKET_QUEUE, FIRST)
    itself = reader("itself")
    with pytest.raises(ValueError, match='"itself" may read "itself", which must come before it'):
        registry(replace(itself, may_read=(itself,)))


def test_a_registry_has_each_name_once() -> None:
    with pytest.raises(ValueError, match='two projections are called "loyalty_tier"'):
        registry(LOYALTY_TIER, replace(LOYALTY_TIER, version=2))
    with pytest.raises(ValueError, match='two sets of facts are called "facts"'):
        registry(replace(COUNTING, facts=replace(LABELS, name="facts")))


# --------------------------------------------------------------------------------------------------- facts of their own


class Labels(Struct):
    """How often each label was put on, and by which of the merged customers."""

    counts: dict[str, int] = {}
    identities: list[int] = []
    last_at: int = 0


def count_label(known: Labels, event: Event, at: int, position: int, identity: int) -> None:
    assert isinstance(event, CustomerTagged)
    known.counts[event.label] = known.counts.get(event.label, 0) + 1
    known.identities.append(identity)
    known.last_at = at


LABELS = FactSet(name="labels", version=1, beginning=Labels, handles=frozenset({CustomerTagged}), evolve=count_label)


def judge_labels(standing: Nothing, known: Labels, rules: Rules, at: int, until: int) -> Iterator[Judgement]:
    """How many labels there are, and ten days later that they are old."""
    yield at, standing, Verdict("new" if at < known.last_at + 10 * DAY else "old", sum(known.counts.values()))
    if at < known.last_at + 10 * DAY < until:
        yield known.last_at + 10 * DAY, standing, Verdict("old", sum(known.counts.values()))


COUNTING = Projector(
    name="label_count",
    question="How many labels were put on?",
    version=1,
    handles=frozenset({CustomerTagged}),
    standing=Nothing,
    judges_by=(),
    judge=judge_labels,
    facts=LABELS,
)


@given(histories(), INSTANTS)
def test_facts_of_their_own_are_folded_beside_the_shared_ones(history: list[Happened], at: int) -> None:
    folded, timelines = fold_some(history, rules(), [*PROJECTORS, COUNTING])
    alone, shared = fold_some(history, rules(), PROJECTORS)
    assert folded.facts == alone.facts
    assert {name: timelines[name] for name in shared} == shared
    tagged = [each.at for each in history if isinstance(each.event, CustomerTagged) and each.at <= at]
    held = verdict_at(timelines["label_count"], at)
    assert (held and held.verdict.score) == (len(tagged) or None)
    assert held is None or held.verdict.value == ("new" if at < tagged[-1] + 10 * DAY else "old")


@given(histories(), st.data())
def test_facts_of_their_own_are_stored_apart_and_gone_on_with(history: list[Happened], data: st.DataObject) -> None:
    both, cut = (LOYALTY_TIER, COUNTING), data.draw(cuts(history))
    folded = Folded()
    before = fold(folded, history[:cut], rules(), both)
    again = load_facts(dump_facts(folded))
    again.own = {"labels": loading_own(LABELS)(dump_own(folded, LABELS))}
    begun = (each for each in both if each.name in folded.tracks)
    again.tracks = {each.name: loading_tracks(each)(dump_tracks(folded.tracks[each.name])) for each in begun}
    assert again == folded == load(dump(folded), both)
    after = fold(again, history[cut:], rules(), both)
    whole = fold_some(history, rules(), both)[1]
    assert {name: joined(before[name], after[name]) for name in whole} == whole


def test_an_event_bears_on_something_if_any_facts_take_it_in() -> None:
    class Booked(Struct, frozen=True):
        """Something of others."""

    booked = replace(LABELS, handles=frozenset({Booked}))
    of_their_own = frozenset().union(*(each.handles for each in REGISTRY.fact_sets))
    assert REGISTRY.handles == of_their_own | CORRECTIONS > HANDLES | CORRECTIONS
    assert registry(LOYALTY_TIER, replace(COUNTING, facts=booked)).handles == HANDLES | CORRECTIONS | {Booked}
    assert [each.beginning for each in registry(LOYALTY_TIER, COUNTING).fact_sets] == [Facts, Labels]
