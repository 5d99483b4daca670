"""What is stored and was damaged is worked around, or is one sentence that names a cure; and the cure works."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from adapters import catch_up, replay
from adapters.generations import prepare_generation
from adapters.schema import GenerationTables
from regulars import (
    CancelMembership,
    EnrollMember,
    MergeCustomers,
    OpenTicket,
    RecordPurchase,
    Regulars,
    StoreUnusable,
)
from shops import DAY, PEOPLE, Clock, opened, read_models_of, register, with_edits


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    with opened(database_url, clock) as crm:
        fill(crm, clock)
        yield crm


def fill(crm: Regulars, clock: Clock) -> None:
    """Customers of whom each table has something to say, two of them merged."""
    register(crm, clock)
    crm.do([EnrollMember(customer=who) for who in PEOPLE])
    for number, who in enumerate(PEOPLE):
        clock.now += DAY
        crm.do(RecordPurchase(customer=who, order_id=f"first-{number}", amount="200.00"))
        crm.do(OpenTicket(customer=who, ticket_id=f"first-{number}"))
    crm.do([CancelMembership(customer=PEOPLE[3]), MergeCustomers(customer=PEOPLE[3], into=PEOPLE[2])])
    crm.catch_up()


def write(crm: Regulars, table: sa.Table, values: dict[str, Any], *conditions: sa.ColumnElement[bool]) -> None:
    """Change what is stored behind the library's back, past what a column's type says."""
    raw = {name: sa.literal(value, sa.types.NullType()) for name, value in values.items()}
    with crm._store.database.writing() as connection:
        assert connection.execute(table.update().where(*conditions).values(raw)).rowcount


def generation(crm: Regulars, number: int, **values: Any) -> None:
    generations = crm._store.schema.generations
    write(crm, generations, values, generations.c.number == number)


# ------------------------------------------------------------------------------------- generations that were begun


def begin(crm: Regulars, monkeypatch: pytest.MonkeyPatch, work: Callable[..., object], portions: int) -> None:
    """Let some work on a generation be cut off after so many customers."""
    left = [portions]

    def cut_off(done: int, total: int) -> None:
        left[0] -= 1
        if left[0] <= 0:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(catch_up, "REPLAY_FROM", 1)
        patch.setattr(replay, "CUSTOMERS_AT_ONCE", 1)
        with pytest.raises(KeyboardInterrupt):
            work(on_progress=cut_off)


def damaged_card(crm: Regulars) -> None:
    write(crm, GenerationTables(2).cards, {"orders": 77})


def damaged_interval(crm: Regulars) -> None:
    write(crm, GenerationTables(2).intervals["lifecycle_stage"], {"value": "nowhere"})


def ranges_that_are_none(crm: Regulars) -> None:
    generation(crm, 2, folded_through="?")


def ranges_that_are_gone(crm: Regulars) -> None:
    generation(crm, 2, folded_through=None)


def ranges_that_were_done(crm: Regulars) -> None:
    generation(crm, 2, folded_through="-")


def ranges_that_leave_somebody_out(crm: Regulars) -> None:
    generation(crm, 2, folded_through=f"{'f' * 32}-")


def an_end_beyond_the_log(crm: Regulars) -> None:
    generation(crm, 2, folding_until=10**9)


HARM = pytest.mark.parametrize(
    "harm",
    [
        damaged_card,
        damaged_interval,
        ranges_that_are_none,
        ranges_that_are_gone,
        ranges_that_were_done,
        ranges_that_leave_somebody_out,
        an_end_beyond_the_log,
    ],
)
Harm = Callable[[Regulars], None]


@HARM
def test_a_rebuild_begins_afresh_where_what_was_begun_fails_and_says_why(
    crm: Regulars, monkeypatch: pytest.MonkeyPatch, harm: Harm
) -> None:
    expected = read_models_of(crm, 1)
    begin(crm, monkeypatch, crm.projections.rebuild, 2)
    harm(crm)
    why: list[str] = []
    assert crm.projections.rebuild(on_afresh=why.append) == 3
    [sentence] = why
    assert sentence.startswith("generation 2 was not made live, and was dropped: ")
    assert read_models_of(crm, 3) == expected
    assert crm.projections.verify().holds
    assert [each.number for each in crm.projections.generations()] == [1, 3]
    assert (crm.projections.rebuild(on_afresh=why.append), len(why)) == (4, 1)


@HARM
def test_so_does_a_publication(crm: Regulars, monkeypatch: pytest.MonkeyPatch, harm: Harm) -> None:
    other = with_edits([("hold_days = 365", "hold_days = 30")])
    begin(crm, monkeypatch, lambda **more: crm.rules.publish(other, reason="?", **more), 2)
    harm(crm)
    why: list[str] = []
    assert crm.rules.publish(other, reason="shorter", on_afresh=why.append).generation == 3
    assert len(why) == 1
    assert crm.projections.verify().holds
    assert crm.rules.rollback(reason="!", on_afresh=why.append).generation == 1
    assert len(why) == 1


@HARM
def test_so_does_what_is_built_for_a_question(crm: Regulars, monkeypatch: pytest.MonkeyPatch, harm: Harm) -> None:
    other = with_edits([("hold_days = 365", "hold_days = 30")])
    expected = list(PEOPLE[:3])
    begin(crm, monkeypatch, lambda on_progress: crm._ground.scratch(standpoint(crm, other), on_progress, fresh=True), 2)
    harm(crm)
    found = crm.customers(rules=other)
    assert sorted(str(each.ref) for each in found) == expected
    assert [each.number for each in crm.projections.generations()] == [1, 3]


def standpoint(crm: Regulars, rules: Any) -> Any:
    with crm._store.reading() as tx:
        return crm._ground.standpoint(tx, None, rules)


def test_what_was_only_cut_off_is_gone_on_with(crm: Regulars, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(crm, monkeypatch, crm.projections.rebuild, 2)
    why: list[str] = []
    assert (crm.projections.rebuild(on_afresh=why.append), why) == (2, [])
    assert crm.projections.verify().holds


def test_one_that_other_code_began_is_left_alone(crm: Regulars, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(crm, monkeypatch, crm.projections.rebuild, 2)
    generation(crm, 2, code_digest="other code")
    assert crm.projections.rebuild() == 3
    assert crm.projections.verify().holds
    assert crm.projections.prune() == (2,)


def test_one_that_was_begun_here_and_fails_is_dropped(crm: Regulars, monkeypatch: pytest.MonkeyPatch) -> None:
    advance = catch_up._CatchingUp.advance

    def harming(catching_up: Any) -> Any:
        done = advance(catching_up)
        if crm.projections.generations()[-1].number == 2:
            damaged_card(crm)
        return done

    with monkeypatch.context() as patch:
        patch.setattr(catch_up._CatchingUp, "advance", harming)
        with pytest.raises(StoreUnusable, match="generation 2 was not made live, and was dropped: what it holds as"):
            crm.projections.rebuild()
    assert [each.number for each in crm.projections.generations()] == [1]
    assert crm.projections.rebuild() == 3
    assert crm.projections.verify().holds


def test_the_one_before_is_dropped_too_where_it_fails_as_rules_come_back(crm: Regulars) -> None:
    crm.rules.publish(with_edits([("hold_days = 365", "hold_days = 30")]), reason="shorter")
    generation(crm, 1, folding_until=5, folded_through="?")
    why: list[str] = []
    assert crm.rules.rollback(reason="!", on_afresh=why.append).generation == 3
    assert [each.partition(":")[0] for each in why] == ["generation 1 was not made live, and was dropped"]
    assert crm.projections.verify().holds


def test_a_generation_that_is_left_from_before_is_taken_up_once(crm: Regulars) -> None:
    """Older versions kept what had failed its check, whole but for that."""
    begun = prepare_generation(crm._store, crm.ruleset, 0, unfinished_only=True)
    generation(crm, begun.number, checkpoint=crm.audit(limit=1).entries[0].position)
    why: list[str] = []
    assert crm.projections.rebuild(on_afresh=why.append) == begun.number + 1
    assert len(why) == 1
