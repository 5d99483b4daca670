"""As known on any day: what a store answers that stopped there, whatever was recorded or published later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars import (
    Customer,
    CustomerId,
    MergeCustomers,
    NotFound,
    OpenTicket,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    Ruleset,
    Span,
    StoreBusy,
    StoreUnusable,
    UndoMerge,
    default_rules,
)
from regulars.adapters.read_models import catch_up, counting
from shops import (
    BEGIN,
    DAY,
    EXAMPLES,
    GOLD,
    HOUR,
    PEOPLE,
    Clock,
    Step,
    carry_out,
    empty_file,
    everything_of,
    fresh_store,
    in_each_database,
    number_of,
    opened,
    other_rules,
    register,
    tell,
    trade,
    with_edits,
)

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
LOWER = with_edits([(GOLD, GOLD.replace("500.00", "155.00"))])
HIGHER = with_edits([(GOLD, GOLD.replace("500.00", "600.00"))])


# ---------------------------------------------------------------------------------------- what a store has to say


def seen(each: Customer) -> dict[str, Any]:
    """A customer without what another store would call otherwise, and without contact details, which are today's."""
    explanation, timeline = each.explain(), each.timeline()
    verdicts = [
        (
            *(said.lane, said.value, said.score, said.since, said.until, said.next),
            *((why.id, why.sentence, why.contribution, [line.what for line in why.events]) for why in said.reasons),
        )
        for said in explanation.verdicts
    ]
    return {
        "as_of": (each.as_of, explanation.as_of),
        "verdicts": (each.stage, each.stage_since, each.tier, each.risk, each.risk_band),
        "sums": (each.orders, each.net_spend, each.first_order_at, each.last_order_at, each.last_heard_at),
        "told": (each.owner, each.source, each.tags, sorted(each.merged)),
        "why": verdicts,
        "timeline": (timeline.spans, timeline.orders),
    }


def one(crm: Regulars, who: str, **asked: Any) -> dict[str, Any] | None:
    try:
        return seen(crm.customer(who, **asked))
    except NotFound:
        return None


def listed(crm: Regulars, **asked: Any) -> dict[str | None, dict[str, Any]]:
    return {each.ref: seen(each) for each in crm.customers(limit=1000, **asked)}


# ------------------------------------------------------------------------------------------------------- the law


@in_each_database(
    EXAMPLES // 8, trade(max_size=12), st.integers(0, 12), st.integers(-400, 400), other_rules(), st.integers(0, 12)
)
def test_known_at_is_a_store_that_stopped_there(
    kind: str, postgres_url: str, steps: list[Step], stop: int, days: int, rules: Ruleset, publish_at: int
) -> None:
    clock, clock_of_the_other = Clock(), Clock()
    with (
        fresh_store(kind, postgres_url) as url,
        opened(url, clock) as crm,
        empty_file() as file,
        opened(file, clock_of_the_other) as stopped,
    ):
        register(crm, clock)
        register(stopped, clock_of_the_other)
        for number, step in enumerate(steps):
            clock.now += HOUR
            if number == publish_at:
                crm.rules.publish(rules, reason="so far so good")
            carry_out(crm, clock, step, number)
            if number < stop:
                clock_of_the_other.now += HOUR
                if number == publish_at:
                    stopped.rules.publish(rules, reason="so far so good")
                carry_out(stopped, clock_of_the_other, step, number)
        known_at = clock_of_the_other.now
        clock.now += HOUR
        tell(crm, MergeCustomers(customer=PEOPLE[0], into=PEOPLE[1]))
        crm.rules.publish(LOWER, reason="later")
        crm.do(RecordPurchase(customer=PEOPLE[2], order_id="late", amount="700.00", occurred_at=BEGIN + 4 * DAY))
        crm.do(OpenTicket(customer=PEOPLE[3], ticket_id="late", occurred_at=BEGIN + 4 * DAY))
        asked = {"as_of": known_at + days * DAY}
        assert listed(crm, known_at=known_at, **asked) == listed(stopped, **asked)
        for who in PEOPLE:
            assert one(crm, who, known_at=known_at, **asked) == one(stopped, who, **asked)
        assert listed(crm, known_at=known_at, rules=LOWER, **asked) == listed(stopped, rules=LOWER, **asked)
        assert crm.projections.verify().holds


@settings(max_examples=EXAMPLES // 8)
@given(trade(max_size=12), other_rules(), st.integers(-400, 400))
def test_by_other_rules_is_a_store_that_judges_by_them(steps: list[Step], rules: Ruleset, days: int) -> None:
    clock, same = Clock(), Clock()
    # What is decided by the rules in force, such as which reminders there are to settle (of segments and holidays, too)
    # or at which stage an opportunity begins, these rules have in common.
    shared = {name: getattr(rules, name) for name in ("care", "segment", "business", "pipeline")}
    usual = default_rules().model_copy(update=shared)
    with opened(":memory:", clock, rules=usual) as crm, opened(":memory:", same, rules=rules) as other:
        register(crm, clock)
        register(other, same)
        for number, step in enumerate(steps):
            carry_out(crm, clock, step, number)
            carry_out(other, same, step, number)
        asked = {"as_of": clock.now + days * DAY}
        assert listed(crm, rules=rules, **asked) == listed(other, **asked)
        for who in PEOPLE:
            assert one(crm, who, rules=rules) == one(other, who)


# ---------------------------------------------------------------------------------------------------- one by one


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    with opened(database_url, clock) as crm:
        register(crm, clock)
        for number, (who, amount) in enumerate(zip(PEOPLE, ("600.00", "520.00", "160.00", "10.00"), strict=True)):
            crm.do(RecordPurchase(customer=who, order_id=f"A-{number}", amount=amount))
        clock.now += HOUR
        yield crm


def tiers(crm: Regulars, **asked: Any) -> dict[str | None, str]:
    return {each.ref: each.tier for each in crm.customers(**asked)}


AT_FIRST = {"shop:1": "gold", "shop:2": "gold", "shop:3": "silver", "shop:4": "member"}


def test_rules_are_those_in_force_then_unless_others_are_named(crm: Regulars, clock: Clock) -> None:
    then = clock.now
    clock.now += DAY
    crm.rules.publish(LOWER, reason="lower")
    at_second = {**AT_FIRST, "shop:3": "gold"}
    clock.now += DAY
    assert tiers(crm) == tiers(crm, rules=2) == tiers(crm, rules=LOWER) == at_second
    assert tiers(crm, known_at=then) == tiers(crm, rules=1) == tiers(crm, known_at=then, rules=1) == AT_FIRST
    assert tiers(crm, known_at=then, rules=2) == tiers(crm, known_at=then, rules=LOWER) == at_second
    assert tiers(crm, known_at=then + DAY) == at_second
    assert tiers(crm, known_at=clock.now + DAY) == at_second
    assert crm.customer("shop:3", known_at=then).tier == crm.customer("shop:3", rules=1).tier == "silver"
    assert crm.customer("shop:3", known_at=then).verdict("tier").value == "silver"
    assert crm.customer("shop:3", known_at=then, rules=2).tier == "gold"
    assert [each.ref for each in crm.customers(tier="gold", known_at=then)] == as_registered(crm, "shop:1", "shop:2")
    for number in (0, 3, -1):
        with pytest.raises(NotFound, match="no version"):
            crm.customer("shop:3", rules=number)


def as_registered(crm: Regulars, *refs: str) -> list[str]:
    return sorted(refs, key=lambda ref: number_of(crm, ref))


def test_of_whom_nothing_was_known_nothing_is_said(crm: Regulars, clock: Clock) -> None:
    clock.now += DAY
    crm.do(RegisterCustomer(ref="shop:5", occurred_at=BEGIN))
    clock.now += DAY
    with pytest.raises(NotFound, match='nothing that was known then had happened with "shop:5"'):
        crm.customer("shop:5", known_at=clock.now - 2 * DAY)
    assert crm.customer("shop:5", known_at=clock.now - DAY).stage == "lead"
    before_everything = BEGIN - DAY
    assert list(crm.customers(known_at=before_everything)) == []
    with pytest.raises(NotFound):
        crm.customer("shop:1", known_at=before_everything)


def test_a_merge_is_known_from_when_it_was_recorded_until_it_was_undone(crm: Regulars, clock: Clock) -> None:
    apart = clock.now
    clock.now += DAY
    crm.do(MergeCustomers(customer="shop:4", into="shop:3"))
    together = clock.now
    clock.now += DAY
    crm.do(UndoMerge(customer="shop:4"))
    clock.now += DAY
    for known_at, orders in ((apart, 1), (together, 2), (None, 1)):
        assert [crm.customer(who, known_at=known_at).orders for who in ("shop:3", "shop:4")] == [orders] * 2
        assert len(crm.customers(known_at=known_at)) == 4 - (orders - 1)
    survivor = crm.customer("shop:4", known_at=together)
    assert (survivor.ref, survivor.merged, len(survivor.timeline().orders)) == ("shop:3", ("shop:4",), 2)
    [listed_one] = (each for each in crm.customers(known_at=together) if each.merged)
    assert listed_one.timeline() == survivor.timeline()
    assert listed_one.explain() == crm.customer("shop:3", known_at=together, as_of=listed_one.as_of).explain()


def test_who_is_listed_as_known_then_is_asked_further_as_known_then(crm: Regulars, clock: Clock) -> None:
    then = clock.now
    clock.now += DAY
    crm.do(OpenTicket(customer="shop:1", ticket_id="T-1"))
    crm.do(RecordPurchase(customer="shop:1", order_id="late", amount="900.00", occurred_at=BEGIN + 4 * DAY))
    [found] = crm.customers(known_at=then, tier="gold", limit=1, as_of=then, after=before(crm, "shop:1"))
    assert (found.ref, found.tier, found.orders) == ("shop:1", "gold", 1)
    timeline = found.timeline()
    assert (len(timeline.orders), timeline.tickets) == (1, ())
    assert timeline.lanes["tier"][0].value == "member"
    assert "platinum" not in {span.value for span in timeline.lanes["tier"]}
    assert found.verdict("tier").value == "gold"
    assert crm.customer("shop:1", as_of=then).tier == "platinum"


def before(crm: Regulars, who: str) -> str:
    """The `after` of a page that ended just before somebody."""
    return f"0:{number_of(crm, who) - 1}"


def test_a_day_is_known_to_its_end_in_the_business_zone(crm: Regulars, clock: Clock) -> None:
    midnight_in_berlin = datetime(2024, 2, 1, 23, tzinfo=UTC)
    for minute, order in ((-1, "before"), (0, "after")):
        clock.now = midnight_in_berlin + minute * HOUR / 60
        crm.do(RecordPurchase(customer="shop:4", order_id=order, amount="10.00", occurred_at=BEGIN + 6 * DAY))
    clock.now += DAY
    assert crm.customer("shop:4", known_at=date(2024, 2, 1)).orders == 2
    assert crm.customer("shop:4", known_at=date(2024, 2, 2)).orders == 3
    with pytest.raises(ValueError, match="zone"):
        crm.customer("shop:4", known_at=datetime(2024, 2, 1))  # noqa: DTZ001 - that is the point


# ---------------------------------------------------------------------------------- read models for a question


def numbers(crm: Regulars) -> list[int]:
    return [each.number for each in crm.projections.generations()]


def test_what_was_built_for_a_question_is_kept_for_the_next_one(crm: Regulars, clock: Clock, database_url: str) -> None:
    then = clock.now
    clock.now += DAY
    crm.do(RecordPurchase(customer="shop:4", order_id="late", amount="700.00"))
    told: list[tuple[int, int]] = []
    crm.customers(known_at=then, on_progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (8, 8)
    assert numbers(crm) == [1, 2]
    # Another instant at which the same was known, and another open handle.
    with opened(database_url, clock) as other:
        assert tiers(other, known_at=then + HOUR) == tiers(crm, known_at=then) == AT_FIRST
    assert numbers(crm) == [1, 2]
    assert tiers(crm, rules=LOWER) == {**AT_FIRST, "shop:3": "gold", "shop:4": "gold"}
    assert numbers(crm) == [1, 2, 3]
    crm.do(RecordPurchase(customer="shop:4", order_id="later", amount="700.00"))
    assert tiers(crm, rules=LOWER)["shop:4"] == "platinum"
    assert tiers(crm, known_at=then) == AT_FIRST
    assert numbers(crm) == [1, 2, 3]
    assert [(each.known_until, each.is_live) for each in crm.projections.generations()][1:] == [
        (8, False),
        (None, False),
    ]
    # What was built for a question is what is published.
    assert crm.rules.publish(LOWER, reason="lower").generation == 3
    crm.rules.rollback(reason="no")
    assert crm.projections.prune() == (2,)
    assert tiers(crm, known_at=then) == AT_FIRST
    assert numbers(crm) == [1, 3, 4]


def test_a_list_by_other_rules_folds_in_what_is_new_once_and_tells_of_all_of_it(
    crm: Regulars, clock: Clock, database_url: str
) -> None:
    crm.catch_up()
    tiers(crm, rules=LOWER)
    with opened(database_url, clock) as other:
        other.do([RecordPurchase(customer="shop:4", order_id=f"new:{n}", amount="7.00") for n in range(3)])
    told: list[tuple[int, int]] = []
    crm.customers(rules=LOWER, fresh=True, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(3, 3)]
    assert crm.behind == 3  # what answers by the rules in force is folded in for those who ask it
    assert crm.customers(fresh=True).behind == crm.behind == 0


@pytest.mark.parametrize("fresh", [False, timedelta(), True])
def test_a_list_by_other_rules_knows_of_a_position_that_is_asked_for(
    database_url: str, crm: Regulars, clock: Clock, fresh: timedelta | bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "HORIZON_TIMEOUT", 0.2)
    tiers(crm, rules=LOWER)
    with opened(database_url, clock, lock_timeout=0.2) as other:
        position = crm.do(RecordPurchase(customer="shop:4", order_id="new", amount="700.00")).position
        assert position is not None
        assert tiers(other, rules=LOWER, fresh=fresh, at_least=position)["shop:4"] == "gold"
        for rules in (LOWER, HIGHER):  # read models that are kept, and those that are built for it
            with pytest.raises(StoreBusy, match=f"nothing is recorded at the position {position + 1} yet"):
                other.customers(rules=rules, fresh=fresh, at_least=position + 1)


def test_questions_change_nothing_that_was_recorded(crm: Regulars, clock: Clock) -> None:
    clock.now += DAY
    before, stored = list(crm.customers()), everything_of(crm)
    crm.customers(known_at=BEGIN + 2 * DAY)
    crm.customers(rules=LOWER)
    after = everything_of(crm)
    apart = {
        "regulars_generations",
        "regulars_builds",
        "regulars_generation_builds",
        *(name for name in after if name not in stored),
    }
    assert {name: rows for name, rows in after.items() if name not in apart} == {
        name: rows for name, rows in stored.items() if name not in apart
    }
    assert list(crm.customers()) == before
    assert crm.status().generation == 1


def test_who_reads_only_is_told_of_one_customer_and_why_not_of_all(
    crm: Regulars, clock: Clock, database_url: str
) -> None:
    then = clock.now
    clock.now += DAY
    crm.do(RecordPurchase(customer="shop:4", order_id="late", amount="700.00", occurred_at=BEGIN + 4 * DAY))
    with opened(database_url, clock, read_only=True) as reader:
        assert reader.customer("shop:4", known_at=then).tier == "member"
        assert reader.customer("shop:4", known_at=then).explain().verdicts[1].value == "member"
        assert reader.customer("shop:3", rules=LOWER).tier == "gold"
        asked: dict[str, Any]
        for asked in ({"known_at": then}, {"rules": LOWER}):
            with pytest.raises(StoreUnusable, match="read-only; questions about one customer are"):
                reader.customers(**asked)
        assert reader.customers(rules=1).behind == 9
    assert numbers(crm) == [1]


def test_an_id_is_asked_as_well_as_a_reference(crm: Regulars, clock: Clock) -> None:
    then = clock.now
    clock.now += DAY
    crm.do(MergeCustomers(customer="shop:4", into="shop:3"))
    clock.now += DAY
    away = CustomerId(str(crm.customer("shop:4", known_at=then).id))
    assert crm.customer(away, known_at=then).id == away
    assert crm.customer(away).id == crm.customer("shop:3").id != away


# ------------------------------------------------------------------------------------------------------ how many when


@in_each_database(EXAMPLES // 7, st.data())
def test_how_many_have_a_verdict_on_a_day_is_of_how_many_their_timelines_say_so(
    postgres_url: str, kind: str, data: st.DataObject
) -> None:
    steps = data.draw(trade())
    days = sorted(data.draw(st.sets(st.integers(-30, 900), min_size=1, max_size=5)))
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm, pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "SPANS_AT_ONCE", 2)
        register(crm, clock)
        for number, step in enumerate(steps):
            carry_out(crm, clock, step, number)
        instants = [BEGIN + day * DAY for day in days]
        timelines = [each.timeline() for each in crm.customers()]
        for lane in ("stage", "tier", "risk"):
            spans = [span for each in timelines for span in each.lanes[lane]]
            said = [Counter(each.value for each in spans if holds(each, instant)) for instant in instants]
            assert [Counter(each) for each in crm.totals(lane, instants)] == said


def holds(span: Span, instant: datetime) -> bool:
    return span.since <= instant and (span.until is None or instant < span.until)
