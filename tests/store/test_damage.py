"""What is stored and was damaged is worked around, or is one sentence that names a cure; and the cure works."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa

import regulars
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
from saying import Say
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


# ------------------------------------------------------------------------------------------------------------ folds


def cards(crm: Regulars) -> sa.Table:
    return GenerationTables(crm.status().generation).cards


def cut(fold: bytes) -> bytes:
    return fold[: len(fold) // 2]


def flipped(fold: bytes) -> bytes:
    """As most bits of MessagePack may be flipped, and it stays MessagePack."""
    middle = len(fold) // 2
    return fold[:middle] + bytes([fold[middle] ^ 1]) + fold[middle + 1 :]


FOLDS = pytest.mark.parametrize(
    "harm", [cut, flipped, lambda _: b"", lambda _: b"\0", lambda fold: fold + b"\0", lambda _: b"\x80" * 50]
)


def damage_fold(crm: Regulars, harm: Callable[[bytes], bytes], who: str = PEOPLE[0]) -> None:
    table = cards(crm)
    theirs = table.c.customer_id == crm.find(who)
    with crm._store.reading() as tx:
        fold = tx.connection.execute(sa.select(table.c.folded).where(theirs)).scalar_one()
    assert harm(fold) != fold
    write(crm, table, {"folded": harm(fold)}, theirs)


@FOLDS
def test_a_fold_that_cannot_be_read_counts_as_none(crm: Regulars, clock: Clock, harm: Callable[[bytes], bytes]) -> None:
    asked = [(each, each.explain(), each.timeline()) for each in crm.customers()]
    before = crm.projections.verify()
    damage_fold(crm, harm)
    assert [(each, each.explain(), each.timeline()) for each in crm.customers()] == asked
    found = crm.customer(PEOPLE[0])
    assert (found.explain(), found.timeline()) in [(explained, timeline) for _, explained, timeline in asked]
    verified = crm.projections.verify()
    assert not verified.holds
    assert [(each.projection, each.key) for each in verified.differences] == [("customer_card", str(found.id))]
    clock.now += DAY
    crm.do(RecordPurchase(customer=PEOPLE[0], order_id="next", amount="700.00"))
    [listed] = (each for each in crm.customers() if each.ref == PEOPLE[0])
    assert (listed.orders, listed.tier) == (crm.customer(PEOPLE[0]).orders, "gold") == (2, "gold")
    assert crm.projections.verify().holds
    assert before.holds


@FOLDS
def test_a_repair_of_the_customer_puts_it_right_also_after_they_bought_again(
    crm: Regulars, clock: Clock, harm: Callable[[bytes], bytes]
) -> None:
    whole = read_models_of(crm, 1)
    damage_fold(crm, harm)
    assert crm.projections.repair(customer=PEOPLE[0]) == 1
    assert read_models_of(crm, 1) == whole
    damage_fold(crm, harm)
    clock.now += DAY
    crm.do(RecordPurchase(customer=PEOPLE[0], order_id="next", amount="700.00"))
    crm.projections.repair(customer=PEOPLE[0])
    assert crm.projections.verify().holds


def test_at_the_command_line_the_cures_that_are_named_work(say: Say) -> None:
    say("do", "RegisterCustomer", "ref=a:1", "name=Ada", "--currency", "EUR")
    listed, shown = say("customers"), say("show", "a:1")
    harm_first_fold("regulars.db")
    assert (say("customers"), say("show", "a:1")) == (listed, shown)
    verified = say("verify")
    assert verified.status == 1
    assert "`regulars rebuild --customer WHO` puts one customer right" in verified.out
    assert say("do", "TagCustomer", "customer=a:1", "label=x").status == 0
    repaired = say("rebuild", "--customer", "a:1")
    assert (repaired.status, repaired.err) == (0, "")
    assert say("verify").status == 0
    harm_first_fold("regulars.db")
    assert say("rebuild", "--json").json == {"generation": 2, "begun_afresh": []}
    assert say("verify").status == 0
    refused = say("rebuild", "--projection", "happiness")
    assert (refused.status, "no projection is called" in refused.err) == (2, True)


def harm_first_fold(path: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE customer_card_1 SET folded = x'00'")
        connection.commit()


def test_the_command_line_says_why_it_begins_afresh(say: Say) -> None:
    say("do", "RegisterCustomer", "ref=a:1", "name=Ada", "--currency", "EUR")
    for _ in range(2):
        with regulars.open("regulars.db") as crm:
            begun = prepare_generation(crm._store, crm.ruleset, 0, unfinished_only=True)
            generation(crm, begun.number, checkpoint=7)
        rebuilt = say("rebuild", "--json")
        assert rebuilt.json["generation"] == begun.number + 1
        [sentence] = rebuilt.json["begun_afresh"]
        assert f"begun afresh: {sentence}" in rebuilt.err
        assert sentence == (
            f"generation {begun.number} was not made live, and was dropped: it says that it has folded in event #7, "
            "and the last one is #1"
        )
