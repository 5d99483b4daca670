"""The laws of the fold, for any history of a customer."""

from __future__ import annotations

from itertools import groupby, pairwise
from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from histories import START, cuts, histories, rules, since_when
from regulars.crm_domain.instant import DAY, FOREVER
from regulars.projections.engine import fold as folding
from regulars.projections.engine.fold import (
    Folded,
    FoldPlan,
    Happened,
    Timelines,
    by_key,
    explain,
    fold,
    fold_some,
    must_refold,
    verdict_at,
    verdicts_of_facts,
)
from regulars.projections.engine.projector import Key, Projector
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
from regulars.projections.facts.shared import HANDLES
from regulars.projections.loyalty_tier.projector import LOYALTY_TIER
from regulars.projections.registry import PROJECTORS, REGISTRY
from regulars.projections.ticket_queue.projector import TICKET_QUEUE
from regulars.projections.verdict import Interval

INSTANTS = st.builds(lambda day, off: START + day * DAY + off, st.integers(0, 2_500), st.integers(-1, 1))


def whole(history: list[Happened]) -> Timelines:
    return fold(Folded(), history, rules(), PROJECTORS)


def joined(stored: Timelines, newer: Timelines) -> Timelines:
    """What a store holds after writing newer intervals over older ones."""
    return {name: folding.joined(stored[name], newer[name]) for name in stored}


def stored_and_loaded(folded: Folded) -> Folded:
    """A fold that was stored in parts, its sets of facts and each projector's tracks, and read again."""
    again = load_facts(dump_facts(folded))
    again.own = {each.name: loading_own(each)(dump_own(folded, each)) for each in FACT_SETS if each.name in folded.own}
    by_name = {projector.name: projector for projector in PROJECTORS}
    again.tracks = {name: loading_tracks(by_name[name])(dump_tracks(held)) for name, held in folded.tracks.items()}
    assert dump(again) == dump(folded) == dump(load(dump(folded), PROJECTORS))
    return again


#: What is folded beside the facts that are shared.
FACT_SETS = REGISTRY.fact_sets[1:]
#: Which projectors have a timeline for each of what events name.
KEYED = {projector.name: isinstance(projector.key, Key) for projector in PROJECTORS}
UNEXPLAINED = {projector.name for projector in PROJECTORS if projector.explain is None}  # nobody asks for reasons


@given(histories(), st.data())
def test_a_fold_split_anywhere_equals_the_whole(history: list[Happened], data: st.DataObject) -> None:
    cut = data.draw(cuts(history))
    folded = Folded()
    before = fold(folded, history[:cut], rules(), PROJECTORS)
    resumed = stored_and_loaded(folded)
    after = fold(resumed, history[cut:], rules(), PROJECTORS)

    assert joined(before, after) == whole(history)
    straight = Folded()
    fold(straight, history, rules(), PROJECTORS)
    assert dump(resumed) == dump(straight)


@given(histories())
def test_folding_one_instant_at_a_time_equals_the_whole(history: list[Happened]) -> None:
    folded = Folded()
    stored: Timelines = {projector.name: [] for projector in PROJECTORS}
    for _, happened in groupby(history, key=attrgetter("at")):
        stored = joined(stored, fold(folded, list(happened), rules(), PROJECTORS))
        folded = stored_and_loaded(folded)
    assert stored == whole(history)


@given(histories(distinct=True), st.randoms(use_true_random=False))
def test_events_that_arrive_in_any_order_give_the_same_answers(history: list[Happened], random: object) -> None:
    arrival = list(history)
    random.shuffle(arrival)  # type: ignore[attr-defined]
    arrived: list[Happened] = []
    folded, stored = Folded(), {projector.name: list[Interval]() for projector in PROJECTORS}
    for position, happened in enumerate(arrival, start=1):
        arrived.append(Happened(happened.at, position, happened.event))
        everything = sorted(arrived, key=lambda each: (each.at, each.position))
        if must_refold(folded, [arrived[-1]]):
            folded = Folded()
            stored = fold(folded, everything, rules(), PROJECTORS)
        else:
            stored = joined(stored, fold(folded, [arrived[-1]], rules(), PROJECTORS))
    assert stored == whole(history)


@given(histories(), st.data())
def test_an_event_that_is_delivered_twice_changes_nothing(history: list[Happened], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(history), max_size=5)) if history else []
    folded = Folded()
    once = fold(folded, history, rules(), PROJECTORS)
    before = dump(folded)
    newer = fold(folded, sorted(again, key=lambda each: each.position), rules(), PROJECTORS)
    assert joined(once, newer) == once
    assert dump(folded) == before


@given(histories())
def test_intervals_have_no_gap_and_no_overlap_and_no_end(history: list[Happened]) -> None:
    for intervals in (each for told in whole(history).values() for each in by_key(told).values()):
        for earlier, later in pairwise(intervals):
            assert earlier.valid_from < earlier.valid_to == later.valid_from
            assert earlier.verdict != later.verdict
        if intervals:
            assert intervals[-1].valid_to == FOREVER


@given(histories(), INSTANTS)
def test_a_verdict_asked_at_any_instant_equals_the_intervals(history: list[Happened], at: int) -> None:
    timelines = whole(history)
    _, explained = explain(history, rules(), at, PROJECTORS)
    asked = {(each.projection, each.key): each for each in explained}
    for name, told in timelines.items():
        for key, intervals in by_key(told).items():
            held = verdict_at(intervals, at)
            if held is None or KEYED[name] or name in UNEXPLAINED:
                assert (name, key) not in asked
            else:
                assert (asked[name, key].verdict, asked[name, key].since) == (held.verdict, since_when(intervals, held))


@given(histories(), INSTANTS)
def test_judging_at_any_instant_agrees_with_the_interval_it_lies_in(history: list[Happened], at: int) -> None:
    """No change of a verdict is missed between the instants at which a projector asked to be judged again."""
    known = [happened for happened in history if happened.at <= at]
    folded = Folded()
    timelines = fold(folded, known, rules(), PROJECTORS)
    for projector in PROJECTORS:
        told = by_key(timelines[projector.name])
        for key, track in folded.tracks.get(projector.name, {}).items():
            held = verdict_at(told.get(key, []), at)
            if held is None:
                continue
            known = folded.facts_of(projector.facts)
            facts = projector.key.facts(known, key) if isinstance(projector.key, Key) else known
            assert track.judged_at is not None
            *_, (_, standing, _) = projector.judge(track.standing, facts, rules(), track.judged_at, at + 1)
            (_, _, verdict), *_ = projector.judge(standing, facts, rules(), at, FOREVER)
            assert verdict == held.verdict


@given(histories())
def test_a_projector_handles_every_event_that_can_change_its_verdict(history: list[Happened]) -> None:
    # A type that isn't handled opens no timeline; after the first that does, judging at it must change nothing.
    seen_by_all = [each if each.key else replace(each, handles=HANDLES) for each in PROJECTORS]
    _, eager = fold_some(history, rules(), seen_by_all)
    for name, intervals in whole(history).items():
        seen = by_key(eager[name])
        for key, told in by_key(intervals).items():
            assert _from(seen[key], told[0].valid_from) == told


def _from(intervals: list[Interval], begin: int) -> list[Interval]:
    return [replace(each, valid_from=max(begin, each.valid_from)) for each in intervals if each.valid_to > begin]


FREE = [each for each in PROJECTORS if not each.carries and not each.sources(rules())]


def test_the_score_and_the_tickets_carry_nothing_and_the_stage_and_the_tier_do() -> None:
    assert {"churn_risk", "ticket_queue", "tags"} <= {each.name for each in FREE}
    assert not {"lifecycle_stage", "loyalty_tier"} & {each.name for each in FREE}


@pytest.mark.parametrize("projector", FREE, ids=attrgetter("name"))
@given(history=histories(), later=st.integers(0, 900), off=st.integers(0, 1))
def test_what_carries_nothing_is_judged_by_all_facts_at_once(
    projector: Projector, history: list[Happened], later: int, off: int
) -> None:
    folded = Folded()
    intervals = fold(folded, history, rules(), PROJECTORS)[projector.name]
    at = (history[-1].at if history else START) + later * DAY + off
    asked = verdicts_of_facts(
        projector, (each.event for each in history), folded.facts_of(projector.facts), rules(), at
    )
    assert asked == {each.key: each.verdict for each in intervals if each.valid_from <= at < each.valid_to}


@pytest.mark.parametrize("projector", PROJECTORS, ids=attrgetter("name"))
@given(history=histories())
def test_what_a_projector_does_not_mind_need_not_be_read_for_it(projector: Projector, history: list[Happened]) -> None:
    plan = FoldPlan(rules(), [projector])
    minded = [each for each in history if type(each.event) in plan.minded]
    assert plan.fold(Folded(), minded) == plan.fold(Folded(), history)


@given(histories(), INSTANTS)
def test_contributions_add_up_to_the_score(history: list[Happened], at: int) -> None:
    _, explained = explain(history, rules(), at, PROJECTORS)
    for each in explained:
        score = getattr(each.verdict, "score", None)
        if score is not None:
            assert sum(reason.contribution or 0 for reason in each.reasons) == score


@given(histories(), INSTANTS)
def test_every_reason_points_at_events_that_had_happened(history: list[Happened], at: int) -> None:
    known = {happened.position for happened in history if happened.at <= at}
    _, explained = explain(history, rules(), at, PROJECTORS)
    for each in explained:
        assert each.reasons
        for reason in each.reasons:
            assert set(reason.positions) <= known


def read_by(projector: Projector) -> list[Projector]:
    """What a projector reads under these rules, and what that reads."""
    return [each for source in projector.sources(rules()) for each in (source, *read_by(source))]


@given(histories(), st.data())
def test_projectors_judge_apart_as_they_do_together(history: list[Happened], data: st.DataObject) -> None:
    some = data.draw(st.lists(st.sampled_from(PROJECTORS), unique=True))
    together = whole(history)
    folded, apart = fold_some(history, rules(), some)
    assert apart == {projector.name: together[projector.name] for projector in some}
    assert folded.tracks.keys() <= {each.name for some_of in some for each in (some_of, *read_by(some_of))}


@given(histories(), st.data())
def test_what_is_damaged_or_stored_of_another_is_no_fold(history: list[Happened], data: st.DataObject) -> None:
    folded = Folded()
    fold(folded, history, rules(), PROJECTORS)
    tier = folded.tracks.get("loyalty_tier", {})
    tracks = dump_tracks(tier)
    for whole_one, read in (
        (dump_facts(folded), load_facts),
        (tracks, loading_tracks(LOYALTY_TIER)),
        (dump(folded), lambda stored: load(stored, PROJECTORS)),
    ):
        place = data.draw(st.integers(0, len(whole_one) - 1))
        for harmed in (whole_one[:place], whole_one[:place] + bytes([whole_one[place] ^ 1]) + whole_one[place + 1 :]):
            with pytest.raises(ValueError, match="a stored fold"):
                read(harmed)
    if tier:
        with pytest.raises(ValueError, match="a stored fold can't be decoded"):
            loading_tracks(TICKET_QUEUE)(tracks)
