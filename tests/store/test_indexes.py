"""Links, words of consent and look-ups are what the log says: `verify` tells where not, and a rebuild puts it right."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st

import regulars
from cutting import CutOffError, cuts_of, is_cut_off
from filled_once import Originals
from processes import forked
from regulars import (
    ChangeContactDetails,
    Command,
    CustomerId,
    GiveConsent,
    MakeReferral,
    MergeCustomers,
    NotFound,
    OpenTicket,
    RecordEmployment,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    Rejected,
    UndoMerge,
    WithdrawConsent,
)
from regulars.adapters.checking.records import check_records
from regulars.adapters.indexes.ours import INDEXES
from regulars.adapters.read_models import building
from regulars.adapters.read_models.building import build_beside
from regulars.adapters.read_models.generations import everything
from regulars.adapters.store.store import Store
from saying import Say
from shops import (
    DAY,
    EXAMPLES,
    HOUR,
    PEOPLE,
    Clock,
    CommandTo,
    Rows,
    Step,
    at_once,
    empty_file,
    fresh_store,
    in_each_database,
    opened,
    play,
    to,
    to_somebody,
    trade,
    with_edits,
)

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
TABLES = tuple(index.table for index in INDEXES)
MASTER_KEY = bytes(range(32))
ADA, BOB, CY, DI = PEOPLE
NEWS = {"channel": "email", "purpose": "newsletter"}


@pytest.fixture(params=["sqlite", "postgres"])
def crm(request: pytest.FixtureRequest, originals: Originals) -> Iterator[Regulars]:
    with originals.copy(request.param, make_shop) as (url, now), opened(url, Clock(now)) as crm:
        yield crm


def make_shop(url: str) -> datetime:
    """A shop, by a clock that says in the end what is given back."""
    clock = Clock()
    with opened(url, clock) as crm:
        shop(crm, clock)
    return clock.now


def shop(crm: Regulars, clock: Clock) -> None:
    """Everybody has a name, an e-mail and consents; one was merged, one was told apart again, one was forgotten.

    Two of them name a firm, and two brought others.
    """
    for number, who in enumerate(PEOPLE):
        crm.do(RegisterCustomer(ref=who, name=who.title(), email=f"{number}@example.com", phone=f"+49 30 {number}"))
        clock.now += HOUR
        crm.do([GiveConsent(customer=who, **NEWS), RecordPurchase(customer=who, order_id=f"of-{who}", amount="90")])
    firm = crm.do(RegisterCustomer(kind="firm")).customer_id
    crm.do([RecordEmployment(customer=BOB, firm=firm), OpenTicket(customer=ADA, ticket_id="T", firm=firm)])
    crm.do(ChangeContactDetails(customer=ADA, email="ada@example.com", phone=None))
    crm.do([MakeReferral(customer=ADA, referred=BOB), MakeReferral(customer=BOB, referred=CY)])
    crm.do(WithdrawConsent(customer=BOB, **NEWS))
    crm.do(MergeCustomers(customer=BOB, into=ADA))
    clock.now += DAY
    crm.do(UndoMerge(customer=BOB))
    crm.do(MergeCustomers(customer=CY, into=ADA))
    crm.forget(DI, reason="on request")


def stored(crm: Regulars) -> Rows:
    with crm._store.reading() as tx:
        return {
            name: sorted(map(tuple, tx.connection.exec_driver_sql(f"SELECT * FROM {name}")), key=repr)
            for name in TABLES
        }


def change(crm: Regulars, statement: str, **values: object) -> None:
    with crm._store.database.writing() as connection:
        connection.execute(sa.text(statement), values)


def faults(crm: Regulars) -> list[tuple[str, str, str]]:
    found = crm.check_records()
    assert found.holds is not bool(found.faults)
    return [(each.kind, each.of, each.what) for each in found.faults]


def answers(crm: Regulars) -> tuple[object, ...]:
    """What the library says of everybody, asked for in every way that an index answers."""
    by_reference = [found(crm, who) for who in PEOPLE]
    listed = [(each.id, each.name, each.stage, each.tier, each.net_spend) for each in crm.customers()]
    contactable = [each.id for each in crm.contactable(**NEWS)]
    asked = [(each, crm.customer(each).net_spend, crm.consents(each).consents) for each in by_reference if each]
    return by_reference, listed, contactable, asked, crm.duplicates(), crm.projections.verify().stored


def found(crm: Regulars, who: str) -> CustomerId | None:
    try:
        return crm.find(who)
    except NotFound:
        return None


def cut_off(*_: object) -> None:
    raise CutOffError


# -------------------------------------------------------------------------------------------------- what was damaged


def test_who_was_lost_from_the_lists_is_told_and_brought_back(crm: Regulars) -> None:
    before, rows = answers(crm), stored(crm)
    change(crm, "DELETE FROM regulars_consents")
    change(crm, "DELETE FROM regulars_lookups")
    assert len(crm.contactable(**NEWS)) == 0
    assert [found(crm, who) for who in PEOPLE] == [None] * 4
    told = faults(crm)
    assert {kind for kind, _, _ in told} == {"consent", "look-up"}
    assert {of for _, of, _ in told} == {f"id:{row[0]}" for row in rows["regulars_links"]} | {
        f"id:{row[2]}" for row in rows["regulars_consents"]
    }
    put_right: dict[str, int] = {}
    crm.projections.rebuild(on_put_right=put_right.__setitem__)
    assert put_right == {"consent": 5, "look-up": 11}
    assert (faults(crm), stored(crm), answers(crm)) == ([], rows, before)


def test_a_merge_that_was_lost_is_told_and_no_rebuild_makes_that_permanent(crm: Regulars) -> None:
    before, rows = answers(crm), stored(crm)
    change(crm, "DELETE FROM regulars_links")
    assert crm.customer(CY).id != crm.customer(ADA).id
    away = {row[0] for row in rows["regulars_links"]}
    assert [kind for kind, _, _ in faults(crm)] == ["link", "link"]
    assert {of for _, of, _ in faults(crm)} == {f"id:{each}" for each in away}
    put_right: dict[str, int] = {}
    crm.projections.rebuild(on_put_right=put_right.__setitem__)
    assert put_right == {"link": 2}
    assert (faults(crm), stored(crm), answers(crm)) == ([], rows, before)
    assert crm.customer(CY).id == crm.customer(ADA).id


def test_what_was_folded_while_links_were_wrong_is_not_gone_on_with(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, other = Clock(), with_edits([("hold_days = 365", "hold_days = 60")])
    with opened(database_url, clock) as crm:
        shop(crm, clock)
        before, by_other_rules = answers(crm), [each.id for each in crm.customers(rules=other)]
        crm.projections.prune()
        change(crm, "DELETE FROM regulars_links")
        crm.customers(rules=other)
        monkeypatch.setattr(building, "mark_checked", cut_off)
        with pytest.raises(CutOffError):
            build_beside(crm._store, crm.ruleset, 0, afresh=everything(crm._store))
        monkeypatch.undo()
        crm.projections.rebuild()
        assert answers(crm) == before
        assert [each.id for each in crm.customers(rules=other)] == by_other_rules


@pytest.mark.parametrize(
    ("statement", "kind", "what"),
    [
        (
            "UPDATE regulars_links SET undone_at = NULL",
            "link",
            "has another link than event #{} made, or its undoing left",
        ),
        (
            "UPDATE regulars_links SET merged_at = 1 WHERE undone_at IS NULL",
            "link",
            "has a link from #1, and was merged by no",
        ),
        ("UPDATE regulars_consents SET given = 1 - given", "consent", "has a consent that differs from event #"),
        ("UPDATE regulars_consents SET channel = 'sms'", "consent", "has a consent that differs from event #"),
        ("UPDATE regulars_consents SET position = -position", "consent", "has a consent of #-"),
        ("DELETE FROM regulars_consents WHERE given = 0", "consent", "lacks the consent of event #"),
        ("DELETE FROM regulars_firms WHERE category = 'ticket'", "firm", "lacks event #"),
        ("UPDATE regulars_firms SET position = -position", "firm", "has #-"),
        ("UPDATE regulars_firms SET firm_id = customer_id", "firm", "has event #"),
        ("DELETE FROM regulars_referrals", "referral", "lacks event #"),
        ("UPDATE regulars_referrals SET position = -position", "referral", "has #-"),
        ("UPDATE regulars_referrals SET referred_id = customer_id", "referral", "has event #"),
    ],
)
def test_each_difference_is_told_by_event_and_put_right(crm: Regulars, statement: str, kind: str, what: str) -> None:
    rows = stored(crm)
    change(crm, statement)
    told = faults(crm)
    assert {each for each, _, _ in told} == {kind}
    assert any(sentence.startswith(what.partition("{")[0]) for _, _, sentence in told)
    crm.projections.rebuild()
    assert (faults(crm), stored(crm)) == ([], rows)


def test_references_that_were_exchanged_among_many_are_put_right(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref=f"much:{number}", email=f"{number}@example.com") for number in range(1_200)])
        rows = stored(crm)
        shuffled = [row for row in rows["regulars_lookups"] if row[0] == "ref"]
        owners = [row[2] for row in shuffled]
        random.Random(3).shuffle(owners)
        change(crm, "DELETE FROM regulars_lookups WHERE kind = 'ref'")
        with crm._store.database.writing() as connection:
            values = [
                {"kind": "ref", "digest": row[1], "customer_id": owner, "since": row[3]}
                for row, owner in zip(shuffled, owners, strict=True)
            ]
            connection.execute(crm._store.schema.lookups.insert(), values)
        wrong = {each.kind: each.wrong for each in crm.check_records().compared}
        assert wrong["look-up"] == sum(row[2] != owner for row, owner in zip(shuffled, owners, strict=True))
        crm.projections.rebuild()
        assert (faults(crm), stored(crm)) == ([], rows)


def test_what_no_key_opens_is_left_as_it_is_and_named(crm: Regulars) -> None:
    rows, ada = stored(crm), crm.find(ADA)
    change(crm, "DELETE FROM regulars_keys WHERE customer_id = :id", id=ada)
    change(crm, "DELETE FROM regulars_lookups WHERE customer_id <> :id", id=ada)
    assert "look-ups of 1" in {each.what for each in crm.check_records().not_covered}
    crm.projections.rebuild()
    assert stored(crm) == rows
    assert {kind for kind, _, _ in faults(crm)} == {"key"}


def test_without_the_master_key_look_ups_are_named_as_not_covered(bare_url: str) -> None:
    clock = Clock()
    with opened(bare_url, clock, master_key=MASTER_KEY) as crm:
        shop(crm, clock)
    with closing(Store(bare_url)) as store:
        found = check_records(store)
    assert "look-ups" in {each.what for each in found.not_covered}
    counts = {each.kind: (each.count, each.wrong) for each in found.compared}
    assert (counts["link"], counts["consent"]) == ((2, 0), (5, 0))


def test_an_event_that_cannot_be_read_is_told_and_what_is_kept_of_it_stays(crm: Regulars) -> None:
    rows = stored(crm)
    victim = crm.find(ADA)
    change(
        crm,
        "UPDATE regulars_events SET payload = :nothing WHERE type = 'ConsentGiven' AND customer_id = :id",
        nothing=b"{",
        id=victim,
    )
    change(crm, "DELETE FROM regulars_consents WHERE customer_id <> :id", id=victim)
    assert ("consent", f"id:{victim}") in {(kind, of) for kind, of, _ in faults(crm)}
    crm.projections.rebuild()
    assert stored(crm) == rows
    assert [(kind, of) for kind, of, _ in faults(crm)] == [("consent", f"id:{victim}")]


# ------------------------------------------------------------------------------------------------- whatever happens


def words() -> st.SearchStrategy[Step]:
    """What is said of consents and of who is called what, now or told late."""
    late = st.sampled_from([0, 0, 30]).map(timedelta)
    said = to_somebody(st.sampled_from([to(GiveConsent, **NEWS), to(WithdrawConsent, **NEWS)]), late)
    called = to_somebody(st.sampled_from([None, "a@example.com", "b@example.com"]).map(call), at_once)
    return st.tuples(st.just(HOUR), st.one_of(said, called))


def call(email: str | None) -> CommandTo:
    return lambda who, number, at: ChangeContactDetails(customer=who, email=email, phone=f"+49 {number}")


def happenings() -> st.SearchStrategy[list[Step]]:
    """A shop's trade with consents, contact details and merges strewn in."""
    return (
        st.tuples(trade(), st.lists(words(), max_size=8))
        .map(lambda both: [*both[0], *both[1]])
        .flatmap(lambda steps: st.permutations(steps))
    )


#: An index, what is done to it, and to which of its rows.
Harm = tuple[str, str, int]
harms = st.lists(
    st.tuples(
        st.sampled_from(TABLES), st.sampled_from(["delete", "add", "change", "swap", "empty"]), st.integers(0, 40)
    ),
    min_size=1,
    max_size=4,
)


def tamper(crm: Regulars, harm: Harm, stranger: str) -> None:
    """Take away, add, change or exchange rows behind the library's back."""
    name, deed, number = harm
    table = crm._store.schema.metadata.tables[name]
    with crm._store.database.writing() as connection:
        rows = [dict(row._mapping) for row in connection.execute(sa.select(table))]
        rows.sort(key=repr)
        if not rows:
            return
        one, two = rows[number % len(rows)], rows[(number + 1) % len(rows)]
        if deed == "empty":
            connection.execute(table.delete())
        elif deed == "delete":
            connection.execute(table.delete().where(same(table, one)))
        elif deed == "add":
            put(
                connection,
                table,
                {**one, "customer_id": stranger, **({"digest": f"{stranger}{number}"} if "digest" in one else {})},
            )
        elif deed == "change":
            column, value = {
                "regulars_links": ("into_id", stranger),
                "regulars_consents": ("purpose", stranger),
                "regulars_forgotten": ("position", -one.get("position", 0)),
                "regulars_firms": ("firm_id", stranger),
                "regulars_referrals": ("referred_id", stranger),
                "regulars_lookups": ("digest", stranger),
            }[name]
            connection.execute(table.delete().where(same(table, one)))
            put(connection, table, {**one, column: value})
        else:
            for row in (one, two):
                connection.execute(table.delete().where(same(table, row)))
            put(connection, table, {**one, "customer_id": two["customer_id"]})
            put(connection, table, {**two, "customer_id": one["customer_id"]})


def same(table: sa.Table, row: dict[str, Any]) -> sa.ColumnElement[bool]:
    return sa.and_(*(column == row[column.name] for column in table.primary_key))


def put(connection: sa.Connection, table: sa.Table, row: dict[str, Any]) -> None:
    taken = same(table, row)
    if "digest" in row:
        taken = sa.and_(table.c.kind == row["kind"], table.c.digest == row["digest"])
    if connection.execute(sa.select(table).where(taken)).first() is None:
        connection.execute(table.insert(), row)


@in_each_database(EXAMPLES // 8, happenings(), harms, st.sampled_from([None, DI, CY]), st.data())
def test_whatever_is_done_to_an_index_is_told_and_put_right(
    kind: str, postgres_url: str, steps: list[Step], harm: list[Harm], forgotten: str | None, data: st.DataObject
) -> None:
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        for number, who in enumerate(PEOPLE):
            crm.do(RegisterCustomer(ref=who, name=who.title(), email=f"{number % 3}@example.com"))
        play(crm, clock, steps)
        if forgotten:
            tell_to_forget(crm, forgotten)
        rows, before = stored(crm), answers(crm)
        assert faults(crm) == []
        for each in harm:
            tamper(crm, each, data.draw(st.sampled_from(["f" * 32, "0" * 32])))
        after = stored(crm)
        hit = {index.name for index in INDEXES if rows[index.table] != after[index.table]}
        assert {each for each, _, _ in faults(crm)} == hit
        put_right: dict[str, int] = {}
        crm.projections.rebuild(on_put_right=put_right.__setitem__)
        assert put_right.keys() == hit
        assert (faults(crm), stored(crm)) == ([], rows)
        assert answers(crm) == before
        put_right.clear()
        crm.projections.rebuild(on_put_right=put_right.__setitem__)
        assert put_right == {}


def tell_to_forget(crm: Regulars, who: str) -> None:
    with suppress(NotFound, Rejected):
        crm.forget(who, reason="on request")


@settings(max_examples=EXAMPLES // 8)
@given(happenings(), harms)
@example([], [("regulars_lookups", "swap", 4)])  # two references: each stands where the other belongs
@example([], [("regulars_lookups", "swap", 5)])
def test_one_customer_is_put_right_with_everybody_who_is_one_with_them(steps: list[Step], harm: list[Harm]) -> None:
    clock = Clock()
    with empty_file() as file, opened(file, clock) as crm:
        for number, who in enumerate(PEOPLE):
            crm.do(RegisterCustomer(ref=who, name=who.title(), email=f"{number % 3}@example.com"))
        ids = [crm.find(who) for who in PEOPLE]
        play(crm, clock, steps)
        rows, before = stored(crm), answers(crm)
        for each in harm:
            tamper(crm, each, str(ids[0]))
        wrong = stored(crm) != rows
        repaired = [crm.projections.repair(customer=each) for each in ids]
        assert bool(sum(repaired)) is wrong
        assert (stored(crm), answers(crm)) == (rows, before)
        assert [crm.projections.repair(customer=each) for each in ids] == [0] * 4


# ------------------------------------------------------------------------------------------------------ being cut off


# What PostgreSQL leaves where a transaction was rolled back is in test_rebuilding.
@pytest.mark.parametrize(("kind", "after"), [("sqlite", False), ("sqlite", True), ("postgres", True)])
def test_a_rebuild_that_is_cut_off_anywhere_leaves_the_old_rows_or_the_right_ones(
    kind: str, postgres_url: str, after: bool
) -> None:
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        shop(crm, clock)
        right, before = stored(crm), answers(crm)

        def lose() -> None:
            for name in TABLES:
                change(crm, f"DELETE FROM {name}")

        lose()
        cuts = cuts_of(crm.projections.rebuild)
        for cut in cuts:
            lose()
            wrong = stored(crm)
            assert is_cut_off(crm.projections.rebuild, cut, after=after)
            left = stored(crm)
            assert all(left[name] in (wrong[name], right[name]) for name in TABLES)
            crm.projections.rebuild()
            assert (faults(crm), stored(crm), answers(crm)) == ([], right, before)
        assert len(cuts) >= 6


# ------------------------------------------------------------------------------------------------------- among many


def test_whose_look_up_is_the_latest_is_found_among_their_own(sqlite_database_url: str) -> None:
    """As many as there are customers make a question no slower."""
    clock, asked = Clock(), list[str]()
    with opened(sqlite_database_url, clock) as crm:
        shop(crm, clock)
        with crm._store.reading() as tx:
            pool = tx.connection.engine.pool
        for held in (*crm._store.database._held, *crm._store.database._held_readers):
            held.connection.driver_connection.set_trace_callback(asked.append)
        sa.event.listen(pool, "checkout", lambda connection, *_: connection.set_trace_callback(asked.append))
        crm.find(ADA)
        crm.do(ChangeContactDetails(customer=ADA, email="1@example.com"))
        assert len(list(crm.duplicates())) == 1
        crm.export_person(ADA)
    of_the_latest = {statement for statement in asked if "regulars_lookups AS later" in statement}
    with closing(sqlite3.connect(sqlite_database_url)) as connection:
        plans = [str(connection.execute(f"EXPLAIN QUERY PLAN {each}").fetchall()) for each in of_the_latest]
    assert len(plans) >= 4
    assert [plan for plan in plans if "later USING INDEX regulars_lookups_customer (customer_id=?)" not in plan] == []
    assert [plan for plan in plans if "SCAN" in plan] == []


# -------------------------------------------------------------------------------------------------- beside writers

WRITERS, ROUNDS = 4, 8


def write(url: str, writer: int) -> int:
    """Newcomers with consents and other e-mails, merged and told apart again; how many events were recorded."""
    recorded = 0
    with regulars.open(url, actor=f"writer-{writer}") as crm:
        for number in range(ROUNDS):
            one, two = (f"{writer}-{number}-{each}" for each in (1, 2))
            commands: list[list[Command]] = [
                [RegisterCustomer(ref=each, email=f"{each}@example.com") for each in (one, two)],
                [GiveConsent(customer=one, **NEWS), ChangeContactDetails(customer=two, email=f"{one}@example.com")],
                [MergeCustomers(customer=two, into=one)],
                [UndoMerge(customer=two)] if number % 2 else [],
            ]
            for each in commands:
                recorded += sum(len(outcome.events) for outcome in crm.do(each)) if each else 0
    return recorded


def test_nothing_that_is_appended_while_indexes_are_put_right_is_lost(database_url: str) -> None:
    with (
        regulars.open(database_url, currency="EUR", actor="li") as crm,
        ProcessPoolExecutor(WRITERS, mp_context=forked()) as pool,
    ):
        crm.do([RegisterCustomer(ref=f"old:{number}", email=f"{number}@example.com") for number in range(20)])
        crm.do([GiveConsent(customer=f"old:{number}", **NEWS) for number in range(20)])
        crm.do(MergeCustomers(customer="old:1", into="old:2"))
        writers = [pool.submit(write, database_url, writer) for writer in range(WRITERS)]
        while not all(each.done() for each in writers):
            change(crm, "DELETE FROM regulars_consents WHERE customer_id < '8'")
            change(crm, "DELETE FROM regulars_lookups WHERE kind = 'email'")
            crm.projections.rebuild()
        assert [each.result() for each in writers] == [ROUNDS * 5 + ROUNDS // 2] * WRITERS
        crm.projections.rebuild()
        assert faults(crm) == []
        assert all(crm.find(f"{writer}-{number}-1") for writer in range(WRITERS) for number in range(ROUNDS))
        assert crm.projections.verify().holds


# ------------------------------------------------------------------------------------------------ at the command line


def test_the_command_line_tells_what_is_wrong_and_what_was_put_right(sqlite_database_url: str, say: Say) -> None:
    clock = Clock()
    with opened(sqlite_database_url, clock) as crm:
        shop(crm, clock)
        crm.catch_up()
        change(crm, "DELETE FROM regulars_links")
        change(crm, "DELETE FROM regulars_consents WHERE given = 0")
        change(crm, "DELETE FROM regulars_lookups WHERE kind = 'email'")
    said = say("--db", sqlite_database_url, "verify")
    assert said.status == 1
    assert "`regulars rebuild` writes look-ups, links, consents, who was forgotten" in said.out
    assert "example.com" not in said.out
    assert said.widest <= 80
    rebuilt = say("--db", sqlite_database_url, "rebuild", "--json")
    assert rebuilt.json["put_right"] == {"link": 2, "consent": 1, "look-up": 4}
    assert say("--db", sqlite_database_url, "verify").status == 0
    with opened(sqlite_database_url, clock) as crm:
        change(crm, "DELETE FROM regulars_links")
    said = say("--db", sqlite_database_url, "rebuild")
    assert "Repaired: 2 links of merges." in said.out
