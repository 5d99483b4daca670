"""Where an opportunity stands, what it is worth and how likely it is to be won: by arithmetic in the open."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import groupby, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from histories import START, histories, opportunities
from regulars.crm_domain.errors import InvalidRules
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import DAY, FOREVER, to_instant
from regulars.crm_domain.opportunity import (
    OpportunityChanged,
    OpportunityEvent,
    OpportunityLost,
    OpportunityOpened,
    OpportunityReopened,
    OpportunityStageChanged,
    OpportunityWon,
)
from regulars.projections.engine.fold import Happened, by_key, fold_some, fold_until, verdict_at
from regulars.projections.open_opportunities import combine
from regulars.projections.pipeline.explain import explain
from regulars.projections.pipeline.judge import PipelineVerdict
from regulars.projections.pipeline.projector import PIPELINE
from regulars.projections.rules.compiled import Rules, compile_rules
from regulars.projections.rules.grammar import parse_rules
from regulars.projections.verdict import Interval
from shops import default_text, with_edits

ID = "O-1"
RULES = compile_rules(with_edits([]), "EUR")
BERLIN = "Europe/Berlin"


def opened(amount: int | None = 500_00, stage: str = "contacted", **fields: Any) -> OpportunityOpened:
    known = {"pipeline": "sales", "currency": "EUR", **fields}
    return OpportunityOpened(opportunity_id=ID, at=START, stage=stage, amount=amount, **known)


def told(*events: tuple[float, Event], rules: Rules = RULES) -> list[Interval]:
    """What is held of an opportunity, from what happened so many days after the start."""
    return fold_some(happened(*events), rules, [PIPELINE])[1]["pipeline"]


def happened(*events: tuple[float, Event]) -> list[Happened]:
    return [Happened(START + int(days * DAY), place, event) for place, (days, event) in enumerate(events, 1)]


def steps(intervals: list[Interval], *names: str) -> list[tuple[float, Any]]:
    """From how many days after the start on which values hold."""
    rows = (((each.valid_from - START) / DAY, *(getattr(each.verdict, name) for name in names)) for each in intervals)
    return [next(rows_alike) for _, rows_alike in groupby(rows, key=lambda row: row[1:])]


# ------------------------------------------------------------------------------------------------------- by hand


def test_it_stands_in_its_stages_with_their_probabilities_until_it_is_won() -> None:
    moved = OpportunityStageChanged(opportunity_id=ID, stage="proposal")
    won = OpportunityWon(opportunity_id=ID, amount=450_00, currency="EUR")
    found = told((0, opened()), (3, moved), (10, won))
    assert steps(found, "value", "probability", "amount") == [
        (0, "contacted", 1_000, 500_00),
        (3, "proposal", 5_000, 500_00),
        (10, "won", 10_000, 450_00),
    ]
    assert found[-1].valid_to == FOREVER
    assert [each.verdict.entered_at for each in found] == [START, START + 3 * DAY, START + 10 * DAY]
    assert {each.verdict.opened_at for each in found} == {START}


def test_it_is_stale_by_time_alone_once_nothing_happened_for_so_long() -> None:
    # 14 days in `contacted`; a change of the owner on the tenth begins them anew; 30 in `proposal`.
    changed = OpportunityChanged(opportunity_id=ID, changed=("owner",), owner="mo")
    moved = OpportunityStageChanged(opportunity_id=ID, stage="proposal")
    found = told((0, opened()), (10, changed), (30, moved))
    assert steps(found, "is_stale") == [(0, 0), (24, 1), (30, 0), (60, 1)]
    assert found[-1].verdict.entered_at == START + 30 * DAY


def test_what_is_lost_counts_nothing_and_is_never_stale_and_reopened_it_is_where_it_was() -> None:
    lost, back = OpportunityLost(opportunity_id=ID, reason="price"), OpportunityReopened(opportunity_id=ID)
    found = told((0, opened(stage="negotiation")), (5, lost), (100, back))
    assert steps(found, "value", "probability", "is_stale") == [
        (0, "negotiation", 8_000, 0),
        (5, "lost", 0, 0),
        (100, "negotiation", 8_000, 0),
        (130, "negotiation", 8_000, 1),
    ]
    assert found[2].verdict.entered_at == START + 100 * DAY


def test_the_day_of_closing_ends_in_the_zone_of_the_business() -> None:
    # Clocks go forward in Berlin on 2024-03-31: that day ends at 22:00 UTC, the one before at 23:00.
    for day, ends in ((date(2024, 3, 30), (3, 30, 23)), (date(2024, 3, 31), (3, 31, 22))):
        (held,) = {each.verdict.expected_close for each in told((0, opened(expected_close=day)))}
        assert held == to_instant(datetime(2024, *ends, tzinfo=UTC))
    assert told((0, opened()))[0].verdict.expected_close is None


def test_a_stage_that_later_rules_do_not_know_counts_nothing_and_says_so() -> None:
    others = compile_rules(with_edits([('{ id = "contacted",   probability', '{ id = "met",   probability')]), "EUR")
    found = told((0, opened()), rules=others)
    assert steps(found, "value", "probability", "is_stale") == [(0, "contacted", 0, 0)]
    folded, _ = fold_until(happened((0, opened())), others, START, (PIPELINE,))
    sentences = [each.sentence for each in explain(None, folded.facts.opportunities[ID], others, START)]
    assert 'the rules have no stage "contacted" in a pipeline "sales", so it counts with 0 %' in sentences


def test_the_reasons_name_the_events_behind() -> None:
    events = ((0, opened()), (3, OpportunityStageChanged(opportunity_id=ID, stage="proposal")))
    at = START + 40 * DAY
    folded, _ = fold_until(happened(*events), RULES, at, (PIPELINE,))
    found = explain(None, folded.facts.opportunities[ID], RULES, at)
    assert [(each.clause, each.sentence, each.positions) for each in found] == [
        ("opened", "opened on 2024-01-01", (1,)),
        ("stage", "in proposal of sales for 37 days, since 2024-01-04", (2,)),
        ("probability", "500.00 counts with 50 %", ()),
        ("stale", "stale since 2024-02-03, after 30 days without an event", (2,)),
    ]


def test_what_comes_before_the_opening_is_passed_over() -> None:
    early = OpportunityStageChanged(opportunity_id=ID, stage="proposal")
    assert steps(told((-5, early), (0, opened())), "value", "is_stale") == [(0, "contacted", 0), (14, "contacted", 1)]


# -------------------------------------------------------------------------------------------------- any history


def counted_out(history: list[Happened], key: str, at: int) -> tuple[str, int | None, int] | None:
    """Where an opportunity stands at an instant, what it is worth, and when anything last happened, by plain words."""
    stage, state, amount, touched = "", "none", None, 0
    for each in history:
        event = each.event
        if each.at > at or not isinstance(event, OpportunityEvent) or event.opportunity_id != key:
            continue
        if state == "none" and not isinstance(event, OpportunityOpened):
            continue
        match event:
            case OpportunityOpened() if state == "none":
                stage, state, amount, touched = event.stage, "open", event.amount, each.at
                continue
            case OpportunityOpened():
                continue
            case OpportunityStageChanged() if state == "open":
                stage = event.stage
            case OpportunityChanged() if "amount" in event.changed:
                amount = event.amount
            case OpportunityWon() if state != "lost":
                state, amount = "won", amount if event.amount is None else event.amount
            case OpportunityLost() if state != "won":
                state = "lost"
            case OpportunityReopened() if state != "open":
                state, stage = "open", event.stage or stage
            case _:
                pass
        touched = each.at
    return None if state == "none" else (stage if state == "open" else state, amount, touched)


@given(histories(mostly=opportunities()), st.integers(0, 2_000))
def test_at_any_instant_it_stands_where_plain_counting_says(history: list[Happened], days: int) -> None:
    at = START + days * DAY
    allowed = {"contacted": 14 * DAY, "proposal": 30 * DAY}
    timelines = by_key(fold_some(history, RULES, [PIPELINE])[1]["pipeline"])
    pipelines: dict[str, str] = {}
    for each in history:
        if isinstance(each.event, OpportunityOpened):
            pipelines.setdefault(each.event.opportunity_id, each.event.pipeline)
    for key in pipelines:
        held, expected = verdict_at(timelines.get(key, []), at), counted_out(history, key, at)
        if expected is None:
            assert held is None
            continue
        value, amount, touched = expected
        stale = allowed.get(value) if pipelines[key] == "sales" else None
        assert held is not None
        verdict: PipelineVerdict = held.verdict
        assert (verdict.value, verdict.amount) == (value, amount or 0)
        assert verdict.is_stale == (stale is not None and at - touched >= stale)


@given(histories(mostly=opportunities()))
def test_together_they_are_a_stage_or_a_number_or_nothing(history: list[Happened]) -> None:
    timelines = by_key(fold_some(history, RULES, [PIPELINE])[1]["pipeline"]).values()
    found = combine(timelines)
    for earlier, later in pairwise(found):
        assert earlier.valid_to <= later.valid_from
        assert earlier.valid_to < later.valid_from or earlier.value != later.value
    instants = {instant for each in timelines for one in each for instant in (one.valid_from, one.valid_from - 1)}
    for at in instants:
        held = [verdict_at(each, at) for each in timelines]
        stages = [each.verdict.value for each in held if each and each.verdict.value not in ("won", "lost")]
        shown = [each.value for each in found if each.valid_from <= at < each.valid_to]
        assert shown == ([] if not stages else stages if len(stages) == 1 else [f"{len(stages)} open"])


# ----------------------------------------------------------------------------------------------------- the rules


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            '{ id = "qualified",   p',
            '{ id = "contacted",   p',
            'pipeline[0]: the stage "contacted" is used twice in the pipeline "sales"',
        ),
        ('{ id = "qualified",   p', '{ id = "won",   p', 'can\'t be called "won": that is no stage'),
        ("probability = 0.8", "probability = 1.1", "probability"),
        ("probability = 0.8", "probability = -0.1", "probability"),
        ("probability = 0.8", "probability = 0.12345", "probability"),
        ("probability = 0.5, stale_days = 30", "probability = 0.5, stale_days = 0", "stale_days"),
        ("probability = 0.5, stale_days = 30", "stale_days = 30", "probability"),
    ],
)
def test_a_pipeline_that_makes_no_sense_is_refused_in_a_sentence(old: str, new: str, sentence: str) -> None:
    text = default_text()
    assert text.count(old) == 1
    with pytest.raises(InvalidRules) as refused:
        parse_rules(text.replace(old, new))
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("stages", "sentence"),
    [
        ("[]", "pipeline[0].stages: found []; expected a list of at least 1 item"),
        ('[{ id = "a" }]', "pipeline[0].stages[0].probability: is missing"),
        ("[1]", "pipeline[0].stages[0]: found 1; expected a table"),
    ],
)
def test_stages_that_cannot_be_are_refused_in_one_sentence(stages: str, sentence: str) -> None:
    text = default_text()
    with pytest.raises(InvalidRules) as refused:
        parse_rules(f'{text[: text.index("[[pipeline]]")]}[[pipeline]]\nid = "w"\nstages = {stages}\n')
    assert [line.strip(" -") for line in str(refused.value).splitlines() if "pipeline[0]" in line] == [sentence]


def test_two_pipelines_of_one_id_are_refused() -> None:
    again = '[[pipeline]]\nid = "sales"\nstages = [{ id = "a", probability = 0.5 }]\n'
    with pytest.raises(InvalidRules, match='the id of a pipeline "sales" is used twice'):
        parse_rules(default_text() + again)


def test_rules_without_a_pipeline_mean_what_they_did() -> None:
    text = default_text()
    without = parse_rules(text[: text.index("[[pipeline]]")])
    assert "pipeline" not in without.canonical()
    assert without.pipeline == ()
