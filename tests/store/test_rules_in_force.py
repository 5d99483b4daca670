"""Rules are published: what a preview says is what happens, and what happened is taken back at once."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

import regulars
from histories import CARE, SEGMENTS
from regulars import (
    Customer,
    CustomerId,
    EnrollMember,
    InvalidRules,
    NotFound,
    RecordPurchase,
    RecordSurveyAnswer,
    RegisterCustomer,
    Regulars,
    Rejected,
    Ruleset,
    StoreBusy,
    StoreUnusable,
    default_rules,
    parse_rules,
)
from regulars.adapters.read_models import catch_up
from shops import (
    BEGIN,
    DAY,
    END,
    EXAMPLES,
    GOLD,
    HOUR,
    PEOPLE,
    SILVER,
    Clock,
    Step,
    default_text,
    everything_of,
    in_each_database,
    opened,
    other_rules,
    play,
    register,
    room_for_a_store,
    trade,
    with_edits,
)

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])

SHORTER = with_edits([("hold_days = 365", "hold_days = 30")])
GENEROUS = with_edits([('per_unit = "1"', 'per_unit = "3"')])


def verdicts(each: Customer) -> dict[str, str]:
    """The three that everybody has, and what else is judged of who bought anything."""
    worth = {verdict.lane: verdict.value for verdict in each.explain().verdicts if verdict.lane == "value"}
    return {"stage": each.stage, "tier": each.tier, "risk": each.risk_band, **worth}


def everyone(crm: Regulars) -> dict[CustomerId, dict[str, str]]:
    """What everybody is now, asked one by one: it is folded for the question, not looked up in a list."""
    return {each.id: verdicts(crm.customer(each.id)) for each in crm.customers(limit=1000)}


def segments(crm: Regulars) -> set[tuple[CustomerId, str]]:
    """Who is in which segment now, asked in the same way."""
    everybody = (crm.customer(each.id) for each in crm.customers(limit=1000))
    return {(each.id, segment.id) for each in everybody for segment in each.explain().segments if segment.inside}


def queue(crm: Regulars) -> dict[tuple[str, str], str]:
    """What every ticket shows now."""
    return {
        (each.ticket_id, shown): getattr(each, shown)
        for each in crm.tickets(limit=1000)
        for shown in ("status", "first_response", "resolution")
    }


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


# -------------------------------------------------------------------------------------- what is said is what happens


@in_each_database(EXAMPLES // 8, trade(), other_rules(), other_rules())
def test_who_moves_in_the_preview_is_who_moves_and_a_rollback_takes_it_back(
    kind: str, postgres_url: str, steps: list[Step], founding: Ruleset, new: Ruleset
) -> None:
    clock = Clock()
    with room_for_a_store(kind, postgres_url) as url, opened(url, clock, rules=founding) as crm:
        register(crm, clock)
        play(crm, clock, steps)
        crm.catch_up()
        before, tickets, stored, inside = everyone(crm), queue(crm), everything_of(crm), segments(crm)
        preview = crm.rules.diff(new)
        explained = preview.explain(preview)
        assert everything_of(crm) == stored
        assert everyone(crm) == before
        published = crm.rules.publish(new, reason="a try")
        after, inside_then = everyone(crm), segments(crm)
        moved = {
            (who, lane, before[who][lane], after[who][lane])
            for who in before
            for lane in before[who]
            if before[who][lane] != after[who][lane]
        }
        moved |= {(who, f"segment {name}", "in", "out") for who, name in inside - inside_then}
        moved |= {(who, f"segment {name}", "out", "in") for who, name in inside_then - inside}
        assert {(each.customer_id, each.lane, each.old, each.new) for each in preview} == moved
        assert (len(preview), preview.customers) == (len(moved), len(before))
        assert [each.move for each in explained] == list(preview)
        turned = {(*key, tickets[key], shown) for key, shown in queue(crm).items() if tickets[key] != shown}
        assert {(each.ticket_id, each.shown, each.old, each.new) for each in preview.tickets} == turned
        assert published.changed is (new != founding)
        assert crm.projections.verify().holds
        if published.changed:
            back = crm.rules.rollback(reason="no good")
            assert (back.generation, back.digest) == (1, founding.digest())
        assert (everyone(crm), queue(crm), segments(crm)) == (before, tickets, inside)
        assert crm.projections.verify().holds


def test_a_preview_adds_up(crm: Regulars) -> None:
    # Gold from 500.00 was had by two, who spent 600.00 and 520.00.
    preview = crm.rules.diff(with_edits([(GOLD, GOLD.replace("500.00", "550.00"))]))
    assert [(each.lane, each.old, each.new, each.worth) for each in preview] == [
        ("tier", "gold", "silver", Decimal("520.00"))
    ]
    assert preview.moved == {"stage": {}, "tier": {("gold", "silver"): 1}, "risk": {}}
    assert preview.worth == {"stage": 0, "tier": Decimal("520.00"), "risk": 0}
    assert (preview.customers, preview.currency, preview.old_digest) == (4, "EUR", regulars.default_rules().digest())
    [explained] = preview.explain(preview)
    assert (explained.ref, explained.name) == ("shop:2", "Shop:2")
    assert (explained.old_clause, explained.new_clause) == ("gold", "silver")
    assert explained.new_reason.endswith("30.00 more would reach gold")


ASKING_WORDS = """
[[segment]]
id = "unhappy"
enter = [{ fact = "nps_category", in = ["detractor"] }]
[[segment]]
id = "prized"
enter = [{ fact = "value", in = ["mid", "high"] }]
"""


def test_a_preview_shows_who_moves_by_other_thresholds_of_answers_and_bands_of_value(crm: Regulars) -> None:
    # They spent 600.00, 520.00, 160.00 and 10.00, each on one day: the first three are of middling value.
    for who, score in zip(PEOPLE, (6, 4, 9, 2), strict=True):
        crm.do(RecordSurveyAnswer(customer=who, survey="nps", score=score))
    crm.rules.publish(parse_rules(default_text() + ASKING_WORDS), reason="segments")
    assert [len(crm.segment(name).members) for name in ("unhappy", "prized")] == [3, 3]
    stricter = parse_rules(
        default_text().replace("nps_detractor_to = 6", "nps_detractor_to = 4").replace('"75.00"', '"170.00"')
        + ASKING_WORDS
    )
    preview = crm.rules.diff(stricter)
    refs = preview.refs()
    assert {(refs[each.customer_id], each.lane, each.old, each.new) for each in preview if each.lane != "risk"} == {
        (PEOPLE[0], "segment unhappy", "in", "out"),
        (PEOPLE[2], "segment prized", "in", "out"),
        (PEOPLE[2], "value", "mid", "low"),
    }
    said = {each.move.lane: (each.old_reason, each.new_reason) for each in preview.explain(preview)}
    assert said["segment unhappy"] == (
        "NPS category detractor (one of detractor)",
        "NPS category passive (one of detractor)",
    )
    crm.rules.publish(stricter, reason="stricter")
    assert [len(crm.segment(name).members) for name in ("unhappy", "prized")] == [2, 2]
    assert crm.projections.verify().holds


def test_the_most_valuable_come_first(crm: Regulars) -> None:
    nobody_is_silver = with_edits(
        [
            (SILVER, SILVER.replace("150.00", "5000.00")),
            (GOLD, GOLD.replace("500.00", "6000.00")),
            ('"1000.00"', '"7000"'),
        ]
    )
    preview = crm.rules.diff(nobody_is_silver)
    assert [each.worth for each in preview] == [Decimal("600.00"), Decimal("520.00"), Decimal("160.00")]
    assert {each.new for each in preview} == {"member"}


def test_a_preview_is_asked_of_another_day_too(crm: Regulars, clock: Clock) -> None:
    later = clock.now + 300 * DAY
    preview = crm.rules.diff(SHORTER, as_of=later)
    # After 30 days and a grace of 30 the level stays with who spent enough in 365 days: nobody moves before that.
    assert list(preview) == []
    much_later = crm.rules.diff(SHORTER, as_of=clock.now + 380 * DAY)
    assert much_later.as_of == clock.now + 380 * DAY
    with opened(":memory:", lambda: clock.now + 380 * DAY, rules=SHORTER) as judged_so:
        begin = BEGIN
        for number, (who, amount) in enumerate(zip(PEOPLE, ("600.00", "520.00", "160.00", "10.00"), strict=True)):
            judged_so.do(RegisterCustomer(ref=who, occurred_at=begin + number * DAY))
            at = begin + len(PEOPLE) * DAY
            judged_so.do(RecordPurchase(customer=who, order_id=f"A-{number}", amount=amount, occurred_at=at))
        moves = {crm.customer(each.customer_id).ref: each.new for each in much_later if each.lane == "tier"}
        now = {str(each.ref): each.tier for each in judged_so.customers()}
        before = {str(each.ref): each.tier for each in crm.customers(as_of=clock.now + 380 * DAY)}
        assert moves == {who: tier for who, tier in now.items() if tier != before[who]}


# ----------------------------------------------------------------------------------------------------- who said so


def test_who_published_and_why_is_on_record(crm: Regulars, clock: Clock) -> None:
    with crm.acting(actor="ada", correlation_id="spring"):
        first = crm.rules.publish(SHORTER, reason="tiers were kept too long")
    clock.now += HOUR
    back = crm.rules.rollback(reason="they weren't")
    history = crm.rules.history()
    assert [(each.number, each.actor, each.reason, each.rolled_back, each.in_force) for each in history] == [
        (1, None, None, False, False),
        (2, "ada", "tiers were kept too long", False, False),
        (3, "li", "they weren't", True, True),
    ]
    assert [each.published_at for each in history] == [None, clock.now - HOUR, clock.now]
    assert (first.number, back.number) == (2, 3)
    rolled_back, published = crm.audit(limit=2)
    assert (published.type, published.actor, published.reason) == ("RulesPublished", "ada", "tiers were kept too long")
    assert (rolled_back.type, rolled_back.actor, rolled_back.reason) == ("RulesRolledBack", "li", "they weren't")
    assert published.correlation_id == "spring"
    assert [crm.rules.version(number) for number in (1, 2, 3)] == [crm.ruleset, SHORTER, crm.ruleset]
    with pytest.raises(NotFound, match="no version 4"):
        crm.rules.version(4)


def test_what_is_in_force_is_not_published_again(crm: Regulars) -> None:
    crm.catch_up()
    before = everything_of(crm)
    again = crm.rules.publish(crm.ruleset, reason="again")
    assert (again.changed, again.number, again.generation) == (False, 1, 1)
    assert everything_of(crm) == before


def test_there_is_nothing_to_roll_back_before_anything_was_published(crm: Regulars) -> None:
    with pytest.raises(Rejected, match="nothing to roll back"):
        crm.rules.rollback(reason="?")
    crm.rules.publish(SHORTER, reason="a")
    crm.rules.rollback(reason="b")
    with pytest.raises(Rejected, match="nothing to roll back"):
        crm.rules.rollback(reason="c")


def test_rollbacks_go_back_one_by_one_to_generations_that_were_kept(crm: Regulars) -> None:
    editions = [crm.ruleset, SHORTER, GENEROUS]
    numbers = [1, *(crm.rules.publish(each, reason="next").generation for each in editions[1:])]
    for number, rules in list(zip(numbers, editions, strict=True))[-2::-1]:
        assert crm.rules.rollback(reason="back").generation == number
        assert crm.ruleset == rules
    assert crm.rules.publish(GENEROUS, reason="again").generation == numbers[2]
    assert len(crm.projections.generations()) == 3


def test_a_dropped_generation_is_built_anew_for_a_rollback(crm: Regulars) -> None:
    before = everyone(crm)
    crm.rules.publish(SHORTER, reason="a")
    crm.rules.publish(GENEROUS, reason="b")
    crm.projections.prune()
    crm.rules.rollback(reason="c")
    assert crm.rules.rollback(reason="d").generation > 3
    assert everyone(crm) == before


# ------------------------------------------------------------------------------------------------- other open handles


def test_commands_are_decided_by_the_rules_in_force(crm: Regulars, clock: Clock, database_url: str) -> None:
    with opened(database_url, clock) as other:
        other.do([EnrollMember(customer=who) for who in PEOPLE])
        other.do(RecordPurchase(customer="shop:1", order_id="before", amount="10.00"))
        assert other.points("shop:1").pending == 10
        crm.rules.publish(GENEROUS, reason="summer")
        other.do(RecordPurchase(customer="shop:1", order_id="after", amount="10.00"))
        assert other.points("shop:1").pending == 10 + 3 * 10
        crm.rules.rollback(reason="autumn")
        other.do(RecordPurchase(customer="shop:1", order_id="at last", amount="10.00"))
        assert other.points("shop:1").pending == crm.points("shop:1").pending == 10 + 3 * 10 + 10


def test_another_open_handle_sees_the_new_rules_at_once(crm: Regulars, clock: Clock, database_url: str) -> None:
    lower = with_edits([(GOLD, GOLD.replace("500.00", "155.00"))])
    with opened(database_url, clock) as other, opened(database_url, clock, read_only=True) as reader:
        for each in (other, reader):
            assert each.customer("shop:3").tier == "silver"
        one = other.customer("shop:3")
        crm.rules.publish(lower, reason="lower")
        for each in (crm, other, reader):
            assert each.customer("shop:3").tier == "gold"
            assert {str(found.ref) for found in each.customers(tier="gold")} == {"shop:1", "shop:2", "shop:3"}
            assert each.customer("shop:3").verdict("tier").value == "gold"
            assert each.status().counts["tier"] == {"gold": 3, "member": 1}
            assert (each.ruleset, each.rules.in_force) == (lower, lower)
        assert (one.tier, one.verdict("tier").value) == ("silver", "gold")
        crm.rules.rollback(reason="no")
        assert other.customer("shop:3").tier == reader.customer("shop:3").tier == "silver"


def test_what_others_record_while_rules_are_published_is_in_it(
    crm: Regulars, clock: Clock, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "BATCH", 2)
    with opened(database_url, clock) as other:
        told: list[int] = []

        def meanwhile(done: int, total: int) -> None:
            if len(told) < 5:
                told.append(done)
                order = f"meanwhile-{len(told)}"
                other.do(RecordPurchase(customer="shop:4", order_id=order, amount="100.00"))
                assert other.ruleset == regulars.default_rules()

        crm.rules.publish(SHORTER, reason="shorter", on_progress=meanwhile)
        assert len(told) == 5
        assert {str(each.ref) for each in other.customers(tier="gold")} == {"shop:1", "shop:2", "shop:4"}
        assert crm.projections.verify().holds


def test_of_two_who_publish_at_once_the_second_is_told_to_wait(crm: Regulars, clock: Clock, database_url: str) -> None:
    with opened(database_url, clock) as other:
        refused: list[str] = []

        def meanwhile(done: int, total: int) -> None:
            with pytest.raises(StoreBusy, match="another process is rebuilding") as busy:
                other.rules.publish(GENEROUS, reason="me too")
            refused.append(str(busy.value))

        crm.rules.publish(SHORTER, reason="me first", on_progress=meanwhile)
        assert len(refused) == 1
        assert other.ruleset == SHORTER
        other.rules.publish(GENEROUS, reason="me too")
        assert crm.ruleset == GENEROUS
        assert [each.reason for each in crm.rules.history()] == [None, "me first", "me too"]


def test_a_store_opened_read_only_previews_and_never_publishes(crm: Regulars, clock: Clock, database_url: str) -> None:
    crm.catch_up()
    with opened(database_url, clock, read_only=True) as reader:
        before = everything_of(crm)
        assert len(reader.rules.diff(with_edits([(GOLD, GOLD.replace("500.00", "550.00"))]))) == 1
        for work in (lambda: reader.rules.publish(SHORTER, reason="?"), reader.projections.rebuild):
            with pytest.raises(StoreUnusable, match="read-only"):
                work()
        assert everything_of(crm) == before


def test_rules_that_nothing_checked_are_refused_before_they_are_written(
    crm: Regulars, clock: Clock, database_url: str, tmp_path: Path
) -> None:
    """A copy of a ruleset with other parts isn't checked by pydantic: here a reminder of a segment that isn't there."""
    with_care = with_edits([(END, END + SEGMENTS + CARE)])
    unchecked = default_rules().model_copy(update={"care": with_care.care})
    with pytest.raises(InvalidRules, match='the segment "quiet", which there isn\'t'):
        crm.rules.publish(unchecked, reason="more care")
    with pytest.raises(InvalidRules, match="which there isn't"):
        crm.rules.diff(unchecked)
    assert len(crm.rules.history()) == 1
    new = f"sqlite:///{tmp_path / 'new.db'}"
    with pytest.raises(InvalidRules, match="which there isn't"):
        opened(new, clock, rules=unchecked)
    with opened(new, clock, rules=with_care) as other:
        assert other.rules.in_force == with_care
