"""The facts that rules may ask: the laws of the ladder for any rules of the whole grammar, and a fact is one entry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from histories import START, cuts, histories
from ladders import (
    ASKED,
    BOUNDS,
    CHOICES,
    FLAGS,
    READ,
    SETS,
    WINDOWED,
    ladders,
    lives,
    ready,
    rung_of,
    terms_at,
    timeline_of,
    with_ladder,
)
from reference import reference
from regulars.crm_domain.customer import CustomerRegistered
from regulars.crm_domain.errors import InvalidRules
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import DAY, FOREVER
from regulars.crm_domain.interaction import InteractionRecorded
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnRecorded
from regulars.projections.engine.fold import (
    MAX_FUTURE_CHANGES,
    Folded,
    Happened,
    concerned,
    explain,
    fold,
    fold_some,
    must_refold,
    verdict_at,
)
from regulars.projections.facts import table as fact_table
from regulars.projections.facts.fact import Condition, Fact, Never, Often, Subject, table
from regulars.projections.facts.kinds import counted, steady
from regulars.projections.facts.shared import HANDLES
from regulars.projections.facts.table import FACTS, ORDERS
from regulars.projections.lifecycle_stage.projector import LIFECYCLE_STAGE
from regulars.projections.registry import PROJECTORS
from regulars.projections.rules.compiled import Rules
from regulars.projections.rules.grammar import Ruleset
from regulars.projections.segments.projector import SEGMENTS
from regulars.projections.verdict import Interval, Reason
from shops import EXAMPLES

OFFSETS = st.integers(-1, 2_500).flatmap(lambda day: st.integers(-1, 1).map(lambda off: day * DAY + off))


def stages(history: Iterable[Happened], rules: Rules) -> list[Interval]:
    return fold_some(history, rules, [LIFECYCLE_STAGE])[1]["lifecycle_stage"]


def instants(ruleset: Ruleset, history: list[Happened], intervals: list[Interval], drawn: list[int]) -> list[int]:
    """From the beginning on: every boundary, where something leaves a window, the microsecond before, and some more."""
    if not intervals:
        return []
    asked = [condition for rung in ruleset.lifecycle.stage for condition in rung.when]
    windows = {0} | {condition.within_days * DAY for condition in asked if condition.within_days}
    leaving = {happened.at + window for happened in history for window in windows}
    boundaries = {each.valid_from for each in intervals}
    for projector in {READ[condition.fact] for condition in asked if condition.fact in READ}:
        boundaries |= {each.valid_from for each in timeline_of(projector, tuple(history))}
    for condition in asked:
        if condition.fact == "days_to_contract_end":  # flips so long before one ends
            bounds = {int(bound * DAY) for _, bound in condition.bounds if isinstance(bound, Decimal)}
            ends = {
                end for known in range(len(history)) for _, end in terms_at(history[: known + 1]) if end is not None
            }
            boundaries |= {end - bound for end in ends for bound in bounds} | {
                end - bound + 1 for end in ends for bound in bounds
            }
    wanted = {at + off for at in boundaries | leaving for off in (-1, 0)} | {START + off for off in drawn}
    return sorted(at for at in wanted if at >= intervals[0].valid_from)


def spell(ruleset: Ruleset, history: list[Happened], begin: int, at: int) -> tuple[str, int] | None:
    """The last stage that an order ended by an instant, and when: stage by stage, as plain counting has them."""
    named = {stage for rung in ruleset.lifecycle.stage for stage in rung.spell}
    ended: tuple[str, int] | None = None
    for order in sorted({each.at for each in history if isinstance(each.event, PurchaseRecorded)}):
        if not begin < order <= at:
            continue
        before = ruleset.lifecycle.stage[rung_of(ruleset.lifecycle, history, order - 1, ended)].stage
        if before in named:
            after = ruleset.lifecycle.stage[rung_of(ruleset.lifecycle, history, order, (before, order))].stage
            ended = ended if after in named else (before, order)
    return ended


# ---------------------------------------------------------------------------------------------------- laws of all rules


def test_the_ladders_of_these_laws_ask_every_fact() -> None:
    assert {*BOUNDS, *FLAGS, *CHOICES, *SETS, "stage", "segment"} == set(FACTS)  # two of which a ladder can't ask
    assert set(WINDOWED) == {fact.name for fact in FACTS.values() if fact.windowed}


@pytest.mark.parametrize("fact", ASKED)
@settings(max_examples=EXAMPLES * 6 // 5)
@given(data=st.data(), drawn=st.lists(OFFSETS, max_size=5))
def test_the_stage_at_any_instant_is_what_plain_counting_gives(
    fact: str, data: st.DataObject, drawn: list[int]
) -> None:
    ruleset, history = data.draw(ladders(fact)), data.draw(lives(fact))
    intervals = stages(history, ready(ruleset))
    for at in instants(ruleset, history, intervals, drawn):
        ended = spell(ruleset, history, intervals[0].valid_from, at)
        counted_out = ruleset.lifecycle.stage[rung_of(ruleset.lifecycle, history, at, ended)].stage
        held = verdict_at(intervals, at)
        assert held is not None
        assert held.verdict.value == counted_out


@given(ladders(), histories(), OFFSETS)
def test_asked_at_any_instant_the_stage_is_that_of_the_intervals(
    ruleset: Ruleset, history: list[Happened], off: int
) -> None:
    rules, at = ready(ruleset), START + off
    _, explained = explain(history, rules, at, PROJECTORS)
    asked = [(each.verdict, each.since) for each in explained if each.projection == "lifecycle_stage"]
    held = verdict_at(stages(history, rules), at)
    assert asked == ([] if held is None else [(held.verdict, held.valid_from)])


@given(ladders(), histories(), st.data())
def test_a_fold_split_anywhere_equals_the_whole(ruleset: Ruleset, history: list[Happened], data: st.DataObject) -> None:
    rules, cut = ready(ruleset), data.draw(cuts(history))
    folded = Folded()
    before = fold(folded, history[:cut], rules, PROJECTORS)["lifecycle_stage"]
    after = fold(folded, history[cut:], rules, PROJECTORS)["lifecycle_stage"]
    joined = [each for each in before if not after or each.valid_from < after[0].valid_from] + after
    assert joined == stages(history, rules)


@given(ladders(), histories(distinct=True), st.randoms(use_true_random=False))
def test_events_that_arrive_in_any_order_give_what_a_rebuild_gives(
    ruleset: Ruleset, history: list[Happened], random: Any
) -> None:
    rules, arrival = ready(ruleset), list(history)
    random.shuffle(arrival)
    arrived: list[Happened] = []
    folded, stored = Folded(), list[Interval]()
    for position, happened in enumerate(arrival, start=1):
        arrived.append(Happened(happened.at, position, happened.event))
        everything = sorted(arrived, key=lambda each: (each.at, each.position))
        if must_refold(folded, [arrived[-1]]):
            folded, stored = Folded(), []
        newer = fold(folded, [each for each in everything if each.position > folded.last_position], rules, PROJECTORS)
        newer_stages = newer["lifecycle_stage"]
        stored = [
            each for each in stored if not newer_stages or each.valid_from < newer_stages[0].valid_from
        ] + newer_stages
    assert stored == stages(history, rules)


@given(ladders(), histories())
def test_every_event_that_can_change_a_stage_is_heeded(ruleset: Ruleset, history: list[Happened]) -> None:
    rules = ready(ruleset)
    heeds_all = replace(LIFECYCLE_STAGE, heeds=lambda rules: HANDLES)
    assert fold_some(history, rules, [heeds_all])[1]["lifecycle_stage"] == stages(history, rules)


@given(ladders(), histories(), st.lists(OFFSETS, max_size=3))
def test_a_stage_is_explained_by_each_of_its_conditions_with_events_that_had_happened(
    ruleset: Ruleset, history: list[Happened], drawn: list[int]
) -> None:
    rules = ready(ruleset)
    intervals = stages(history, rules)
    for at in instants(ruleset, history, intervals, drawn)[-8:]:
        ended = spell(ruleset, history, intervals[0].valid_from, at)
        rung = ruleset.lifecycle.stage[rung_of(ruleset.lifecycle, history, at, ended)]
        _, explained = explain(history, rules, at, PROJECTORS)
        reasons = next(each.reasons for each in explained if each.projection == "lifecycle_stage")
        bounds = sum(len(condition.bounds) for condition in rung.when)
        assert [reason.clause for reason in reasons] == [rung.id] * max(1, bounds)
        known = {happened.position for happened in history if happened.at <= at}
        for reason in reasons:
            assert set(reason.positions) <= known
            assert reason.sentence
            assert "None" not in reason.sentence


# ------------------------------------------------------------------------------------- changes with no event in between


def orders(*days: int, amount: int = 1_000) -> list[Happened]:
    return [
        Happened(START + day * DAY, position, PurchaseRecorded(order_id=f"A-{day}", amount=amount, currency="EUR"))
        for position, day in enumerate(days, start=1)
    ]


@pytest.mark.parametrize("fact", ["orders", "spend"])
def test_a_stage_falls_rung_by_rung_as_orders_leave_their_windows(fact: str) -> None:
    """As many rungs as there may be, each over a window, flip once each and stay within what may change by itself."""
    ladder = [
        {
            "id": f"r{count}",
            "stage": f"s{count}",
            "when": [{"fact": fact, "within_days": 365, "from": count if fact == "orders" else f"{10 * count}"}],
        }
        for count in range(31, 0, -1)
    ]
    rules = ready(with_ladder([*ladder, {"id": "none", "stage": "none", "when": []}]))
    history = orders(*range(200))
    leaving = [interval for interval in stages(history, rules) if interval.valid_from > history[-1].at]
    # order 200 - n leaves, and n are left
    assert [(each.valid_from, each.verdict.value) for each in leaving] == [
        *((START + (199 - count + 365) * DAY, f"s{count}") for count in range(30, 0, -1)),
        (START + (199 + 365) * DAY, "none"),
    ]
    facts = fold_some(history, rules, [])[0].facts
    judged = LIFECYCLE_STAGE.judge(LIFECYCLE_STAGE.standing(), facts, rules, history[-1].at, FOREVER)
    assert len(list(judged)) <= MAX_FUTURE_CHANGES


# --------------------------------------------------------------------------------------------------- what is explained


def reasons(at: int, history: list[Happened], *when: dict[str, Any]) -> tuple[Reason, ...]:
    """The reasons for a stage that these conditions give."""
    ruleset = with_ladder(
        [{"id": "asked", "stage": "asked", "when": list(when)}, {"id": "rest", "stage": "rest", "when": []}]
    )
    _, explained = explain(history, ready(ruleset), at, PROJECTORS)
    return next(each.reasons for each in explained if each.projection == "lifecycle_stage")


def test_spend_is_net_of_what_had_come_back_by_then() -> None:
    back = ReturnRecorded(order_id="A-0", return_id="1", amount=400, currency="EUR")
    history = [*orders(0, 300), Happened(START + 310 * DAY, 3, back)]
    asked = {"fact": "spend", "from": "5", "within_days": 365}
    (before,) = reasons(START + 309 * DAY, history, asked)
    assert before.sentence == "net spend of 20.00 within 365 days (at least 5.00)"
    (after,) = reasons(START + 310 * DAY, history, asked)
    assert (after.sentence, after.positions) == ("net spend of 16.00 within 365 days (at least 5.00)", (1, 2, 3))
    (later,) = reasons(START + 365 * DAY, history, asked)
    assert (later.sentence, later.positions) == ("net spend of 10.00 within 365 days (at least 5.00)", (2,))


def test_what_is_undefined_makes_even_none_of_false() -> None:
    (reason,) = reasons(START, orders(0), {"fact": "owner", "not_in": ["li"]})
    assert reason.clause == "rest"


def ladder_asking(*when: dict[str, Any]) -> Ruleset:
    return with_ladder([{"id": "asked", "stage": "asked", "when": list(when)}, REST])


REST = {"id": "rest", "stage": "rest", "when": []}


def test_a_ladder_may_ask_what_other_projections_hold_and_says_what_it_found() -> None:
    history = [Happened(START, 1, CustomerRegistered()), *orders(1, amount=60_000)]
    asked = [{"fact": "tier", "in": ["gold", "silver"]}, {"fact": "risk", "below": 60}]
    found = [reason.sentence for reason in reasons(START + 2 * DAY, history, *asked)]
    assert re.fullmatch(r"tier (gold|silver) \(one of gold, silver\)", found[0])
    assert re.fullmatch(r"risk \d+ \(below 60\)", found[1])


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        ("tier", ["none", "member", "silver", "gold", "platinum"]),
        ("risk_band", ["low", "medium", "high", "critical"]),
        ("value", ["low", "mid", "high"]),
    ],
)
@given(history=histories() | lives("tier"))
def test_a_ladder_with_a_rung_for_each_word_of_another_projection_tells_its_timeline(
    fact: str, words: list[str], history: list[Happened]
) -> None:
    rungs = [{"id": word, "stage": word, "when": [{"fact": fact, "in": [word]}]} for word in words]
    told = stages(history, ready(with_ladder([*rungs, REST])))
    begin = told[0].valid_from if told else FOREVER
    source = [each for each in timeline_of(READ[fact], tuple(history)) if each.valid_to > begin]
    spans: list[tuple[int, int, str]] = [(begin, source[0].valid_from, "rest")] if source else []
    for each in source:  # neighbours of one band differ by their scores
        since, word = max(begin, each.valid_from), each.verdict.value
        if spans and spans[-1][2] == word:
            since = spans.pop()[0]
        spans.append((since, each.valid_to, word))
    if source:
        expected = [span for span in spans if span[0] < span[1]]
        assert [(each.valid_from, each.valid_to, each.verdict.value) for each in told] == expected
    else:
        assert {each.verdict.value for each in told} <= {"rest"}


def test_a_ladder_cannot_ask_for_the_stage_that_it_gives() -> None:
    with pytest.raises(InvalidRules, match='"asked" asks for the stage, which is what the ladder gives'):
        ladder_asking({"fact": "stage", "in": ["rest"]})
    with pytest.raises(InvalidRules, match='"asked" asks for segments, which are judged after the ladder'):
        ladder_asking({"fact": "segment", "has": ["vips"]})


@pytest.mark.parametrize(
    ("fact", "word", "meant"),
    [
        ("tier", "glod", "gold"),
        ("risk_band", "hihg", "high"),
        ("tier", "high", None),
        ("value", "hihg", "high"),
        ("nps_category", "passiv", "passive"),
        ("csat_category", "promoter", None),
    ],
)
@pytest.mark.parametrize("key", ["in", "not_in"])
def test_a_ladder_cannot_ask_for_a_tier_or_a_band_that_there_is_not(
    fact: str, word: str, meant: str | None, key: str
) -> None:
    suggestion = f'; did you mean "{meant}"' if meant else "$"
    with pytest.raises(InvalidRules, match=f'"asked" asks for the {fact} "{word}", which there isn\'t{suggestion}'):
        ladder_asking({"fact": fact, key: [word]})


def test_a_ladder_reads_only_those_that_its_rules_ask() -> None:
    for asked, read in (
        ({"fact": "orders", "from": 1}, set()),
        ({"fact": "tier", "in": ["gold"]}, {"loyalty_tier"}),
        ({"fact": "risk_band", "not_in": ["low"]}, {"churn_risk"}),
        ({"fact": "value", "in": ["high"]}, {"customer_value"}),
        ({"fact": "nps_category", "in": ["detractor"]}, {"satisfaction"}),
    ):
        assert LIFECYCLE_STAGE.reads(ready(ladder_asking(asked))) == read
        assert {each.name for each in LIFECYCLE_STAGE.sources(ready(ladder_asking(asked)))} == read


def test_each_verdict_in_the_table_is_one_that_is_told_and_the_ladder_may_read_all_but_its_own() -> None:
    read = {fact.reads for fact in FACTS.values() if fact.reads}
    told = {"satisfaction", "customer_value", "churn_risk", "loyalty_tier", "lifecycle_stage", "segments"}
    assert read == {*told, "contracts"}
    assert {each.name for each in LIFECYCLE_STAGE.may_read} == read - {"lifecycle_stage", "segments"}
    assert {each.name for each in SEGMENTS.may_read} == read - {"segments"}


# ------------------------------------------------------------------------------------------------ a fact is one entry


def parts() -> dict[str, Any]:
    """All that a fact consists of."""
    return {part: getattr(ORDERS, part) for part in Fact.__struct_fields__}


#: The parts that every fact has to say.
PARTS = [part for part in Fact.__struct_fields__ if part != "reads"]


@pytest.mark.parametrize("part", PARTS)
def test_a_fact_that_lacks_a_part_cannot_be_made(part: str) -> None:
    with pytest.raises(TypeError, match=f"'{part}'"):
        Fact(**{name: value for name, value in parts().items() if name != part})


@pytest.mark.parametrize("part", [part for part in PARTS if part != "windowed"])
@pytest.mark.parametrize("nothing", [None, ""])
def test_a_fact_of_which_a_part_is_empty_cannot_be_made(part: str, nothing: object) -> None:
    with pytest.raises(ValueError, match=f"doesn't say its {part}"):
        Fact(**parts() | {part: nothing})


@pytest.mark.parametrize(
    "changes", [{"flips": Never()}, {"flips": Never(), "windowed": False, "kind": "elapsed"}, {"flips": "at noon"}]
)
def test_a_fact_that_time_changes_must_say_when_it_flips(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="'orders' doesn't say at which instants it flips"):
        Fact(**parts() | changes)


def test_a_fact_is_of_a_known_kind_and_has_a_name_of_its_own() -> None:
    with pytest.raises(ValueError, match="of no kind: found 'mood', allowed: flag, count"):
        Fact(**parts() | {"kind": "mood"})
    with pytest.raises(ValueError, match="can't be called 'Orders!'"):
        Fact(**parts() | {"name": "Orders!"})
    with pytest.raises(ValueError, match="two facts are called 'orders'"):
        table(ORDERS, Fact(**parts() | {"meaning": "Something else."}))


#: What any count fact is: one entry.
HEARINGS = counted(
    "hearings",
    noun="hearing",
    of=lambda facts: facts.engagements,
    instant=lambda instant: instant,
    positions=lambda facts, first: range(first + 1, len(facts.engagements) + 1),
    meaning="How often they were heard from.",
    events=frozenset({InteractionRecorded, CustomerRegistered}),
)


def _quarters(subject: Subject, condition: Condition, at: int, until: int) -> Iterable[int]:
    first = START + ((at - START) // (90 * DAY) + 1) * 90 * DAY
    return range(first, min(until, START + 900 * DAY + 1), 90 * DAY)


#: One that time alone changes again and again.
ODD_QUARTER = replace(
    steady(
        "odd_quarter",
        kind="flag",
        found=lambda subject, window, at: True,
        words=lambda found: "an odd quarter" if found else "an even quarter",
        positions=lambda facts: [],
        meaning="Whether the quarter is odd.",
        events=frozenset[type[Event]]({CustomerRegistered}),
    ),
    found=lambda subject, window, at: at < START + 900 * DAY and (at - START) // (90 * DAY) % 2 == 1,
    flips=Often(_quarters),
)


@pytest.fixture
def with_facts(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    return lambda *facts: monkeypatch.setattr(fact_table, "FACTS", table(*FACTS.values(), *facts))


HEARD = [
    Happened(START + day * DAY, position, InteractionRecorded(channel="phone", direction="inbound"))
    for position, day in enumerate((0, 10, 50), start=1)
]


def test_a_fact_that_is_in_no_table_cannot_be_asked() -> None:
    with pytest.raises(InvalidRules, match='found "hearings", allowed: account_closed, '):
        reasons(START, HEARD, {"fact": "hearings", "from": 2})


def test_a_count_is_one_entry_and_then_it_is_asked_judged_explained_and_told_of(
    with_facts: Callable[..., None],
) -> None:
    with_facts(HEARINGS)
    asked = {"fact": "hearings", "within_days": 90, "from": 2}
    rules = ready(
        with_ladder([{"id": "h", "stage": "heard", "when": [asked]}, {"id": "q", "stage": "quiet", "when": []}])
    )
    assert [(each.valid_from, each.verdict.value) for each in stages(HEARD, rules)] == [
        (START, "quiet"),
        (START + 10 * DAY, "heard"),
        (START + 100 * DAY, "quiet"),
    ]
    (reason,) = reasons(START + 95 * DAY, HEARD, asked)
    assert (reason.sentence, reason.positions) == ("2 hearings within 90 days (at least 2)", (2, 3))
    told = "| `hearings` | count | `from`, `below`, `within_days` | never | How often they were heard from. |"
    assert told in reference().splitlines()
    with pytest.raises(InvalidRules, match="hearings is counted in whole numbers"):
        reasons(START, HEARD, asked | {"from": "1.5"})


@pytest.mark.parametrize("beside", [{"fact": "orders", "below": 1}, {"fact": "days_since_engagement", "below": 200}])
def test_a_fact_that_flips_again_and_again_is_stepped_through(with_facts: Callable[..., None], beside: Any) -> None:
    with_facts(ODD_QUARTER)
    when = [{"fact": "odd_quarter", "is": True}, beside]
    rules = ready(with_ladder([{"id": "o", "stage": "odd", "when": when}, {"id": "e", "stage": "even", "when": []}]))
    # the quarters begin on the days 90, 180, ... of which 250 is 200 days after the last time
    ends = 900 if beside["fact"] == "orders" else 250
    turns = [number * 90 for number in range(11) if number * 90 <= ends]
    expected = [(START + day * DAY, "odd" if day // 90 % 2 else "even") for day in turns]
    found = [(each.valid_from, each.verdict.value) for each in stages(HEARD, rules)]
    assert found == expected
    for at in range(START, START + 1_000 * DAY, 45 * DAY):
        held = verdict_at(stages(HEARD, rules), at)
        assert held is not None
        _, explained = explain(HEARD, rules, at, PROJECTORS)
        assert [each.verdict for each in explained if each.projection == "lifecycle_stage"] == [held.verdict]


def test_rules_that_ask_the_same_concern_nobody() -> None:
    asked = {"fact": "spend", "from": "5", "within_days": 9}
    ladders = ([{"id": "a", "stage": "a", "when": [asked]}, {"id": "b", "stage": "b", "when": []}] for _ in range(2))
    assert concerned(*(ready(with_ladder(ladder)) for ladder in ladders), PROJECTORS) == ()


def test_facts_are_values_that_nobody_can_change() -> None:
    with pytest.raises(TypeError):
        FACTS["orders"] = ORDERS  # type: ignore[index]
    with pytest.raises(AttributeError):
        ORDERS.name = "sales"  # type: ignore[misc]
