"""What was sealed and is not as it was is found, and told position by position; and nothing else is."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

import regulars
from databases import fresh_sqlite
from forging import unguarded
from regulars import (
    AddNote,
    EnrollMember,
    ErasePersonalData,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    SealCheck,
    StoreBusy,
    StoreUnusable,
    TagCustomer,
    UntagCustomer,
)
from regulars.adapters.schema.tables import Schema
from regulars.adapters.sealing import checking, sealing, seals
from regulars.adapters.sealing.seals import COLUMNS, make_seal, read_entries, seal_row
from regulars.adapters.store.store import Store
from regulars.session import session
from shops import Clock, fresh_store, opened, room_for_a_store

sys.path.insert(0, str(Path(__file__).parents[1] / "independent"))
import seals as independent

BLOCK = 8
SEALED = (1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 16, 17, 18, 19, 20, 21, 22)
UNUSED = (-5, 0, 8, 9, 15)
AFTER = (23, 24, 25)
COVERED = {1: (1, 10), 2: (11, 19), 3: (20, 22)}

Row = dict[str, Any]
Tamper = Callable[[Connection, Schema], object]


# ------------------------------------------------------------------------------------------------------- a small log


def say_something(crm: Regulars, first: int, count: int) -> None:
    """So many events, some with personal data, some with all that an envelope can have."""
    for number in range(first, first + count):
        if number % 2:
            crm.do(AddNote(customer="shop:1", text=f"note {number} Ü 日本", reason="because"))
        else:
            with crm.acting(actor="eve", correlation_id=f"c-{number}"):
                crm.do(TagCustomer(customer="shop:1", label=f"t-{number}", command_id=f"tag-{number}"))


def leave_unused(store: Store, count: int) -> None:
    """Let positions go unused, as an append that was rolled back does on PostgreSQL."""
    with store.database.writing() as connection:
        if store.database.is_sqlite:
            connection.exec_driver_sql(
                "UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'regulars_events_positions'", (count,)
            )
        else:
            connection.exec_driver_sql(
                "SELECT nextval('regulars_events_positions') FROM generate_series(1, %s)", (count,)
            )


def make_log(crm: Regulars) -> None:
    """Events in three sealed blocks, with unused positions within and between them, and some after the last seal."""
    crm.do([RegisterCustomer(ref="shop:1", name="Ada"), EnrollMember(customer="shop:1")])
    crm.do(RecordPurchase(customer="shop:1", order_id="A-1", amount="120.00"))  # with points that it caused
    say_something(crm, 5, 3)
    leave_unused(crm._store, 2)
    say_something(crm, 10, 5)
    leave_unused(crm._store, 1)
    say_something(crm, 16, 7)
    crm.seal()
    say_something(crm, 23, 3)


@pytest.fixture(scope="module", autouse=True)
def small_blocks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealing, "BLOCK", BLOCK)
        patch.setattr(seals, "BLOCK", 3)  # events are read in pages of six, so a block takes two
        yield


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def log(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[Regulars]:
    """A log that every example damages, and leaves as it was."""
    with fresh_store(request.param, postgres_url) as url, opened(url, Clock()) as crm:
        make_log(crm)
        yield crm


@pytest.fixture
def crm(database_url: str) -> Iterator[Regulars]:
    """A log of a test's own."""
    with opened(database_url, Clock()) as crm:
        make_log(crm)
        yield crm


def rows(crm: Regulars, table: sa.Table) -> list[Row]:
    """All rows in order of their keys, as the database has them."""
    [key] = table.primary_key
    with crm._store.reading() as tx:
        found = tx.connection.exec_driver_sql(f"SELECT * FROM {table.name} ORDER BY {key.name}").mappings()
        return [{name: value for name, value in row.items() if name != "xid"} for row in found]


def events_of(crm: Regulars) -> list[Row]:
    return rows(crm, crm._store.schema.events)


def seals_of(crm: Regulars) -> list[Row]:
    return rows(crm, crm._store.schema.seals)


def tamper_with(crm: Regulars, tamper: Tamper) -> None:
    with crm._store.database.writing() as connection, unguarded(connection):
        tamper(connection, crm._store.schema)


def found_after(crm: Regulars, tamper: Tamper, against: str | None = None) -> SealCheck:
    """What is found once somebody has been at the tables; they are put back."""
    schema = crm._store.schema
    kept = {table: rows(crm, table) for table in (schema.events, schema.seals)}
    tamper_with(crm, tamper)
    try:
        return crm.check_seals(against=against)
    finally:
        with crm._store.database.writing() as connection:
            for table, before in kept.items():
                connection.execute(table.delete())
                connection.execute(table.insert(), before)


def change(table: sa.Table, key: int, **values: object) -> Tamper:
    [primary] = table.primary_key
    return lambda connection, schema: connection.execute(table.update().where(primary == key).values(values))


def remove(table: sa.Table, *keys: int) -> Tamper:
    [primary] = table.primary_key
    return lambda connection, schema: connection.execute(table.delete().where(primary.in_(keys)))


def swap(connection: Connection, schema: Schema, one: int, other: int) -> None:
    for old, new in ((one, 10**6), (other, one), (10**6, other)):
        change(schema.events, old, position=new)(connection, schema)


def told(found: SealCheck) -> dict[int, tuple[str, int | None]]:
    """What is said of each position. The block must be the one that covers it."""
    for damage in found.event_damages:
        number = next(number for number, (_, last) in COVERED.items() if damage.position <= last)
        assert (damage.seal, damage.first, damage.last) == (number, *COVERED[number])
    assert found.damaged_events == len(found.event_damages)
    assert not found.holds or found.damaged_events == 0
    return {damage.position: (damage.what, damage.moved_to) for damage in found.event_damages}


def told_of_seals(found: SealCheck) -> list[tuple[int, str, int | None, int | None, bool]]:
    assert found.damaged_seals == len(found.seal_damages)
    assert not (found.holds and found.damaged_seals)
    return [(each.number, each.what, each.first, each.last, each.compared) for each in found.seal_damages]


# ------------------------------------------------------------------------------------------------------- as it should


def test_the_log_is_as_the_tests_take_it_to_be(log: Regulars) -> None:
    assert tuple(row["position"] for row in events_of(log)) == SEALED + AFTER
    assert {row["number"]: (row["first"], row["last"]) for row in seals_of(log)} == COVERED
    assert all(any(row[column] is not None for row in events_of(log)[: len(SEALED)]) for column in COLUMNS)


def test_what_nobody_touched_holds(log: Regulars) -> None:
    progress: list[tuple[int, int]] = []
    found = log.check_seals(on_progress=lambda done, total: progress.append((done, total)))
    assert found.holds
    assert (found.seals, found.events, found.unsealed) == (3, len(SEALED), len(AFTER))
    assert progress == [(8, 22), (16, 22), (19, 22)]


def test_a_seal_covers_every_column_but_the_databases_own() -> None:
    # Whoever adds a column adds it at the end of COLUMNS: where it is NULL, what was sealed before still holds.
    names = {column.name for column in Schema(is_sqlite=False).events.c}
    assert names - {"xid"} == {"position", *COLUMNS}
    assert independent.COLUMNS == COLUMNS


def test_the_hashes_are_what_an_independent_script_works_out(log: Regulars) -> None:
    with log._store.reading() as tx:
        founding = log._store.read_settings(tx.connection)["founding_rules"]
    roots = independent.roots(founding, seals_of(log), events_of(log))
    assert [row["chain"] for row in seals_of(log)] == roots
    assert log.check_seals().root == roots[-1].hex()
    for row in seals_of(log):
        block = [each for each in events_of(log) if row["first"] <= each["position"] <= row["last"]]
        assert row["entries"] == b"".join(map(independent.entry, block))
        assert row["root"] == independent.tree_hash(list(map(independent.entry, block)))


def test_the_independent_script_reads_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with opened(str(tmp_path / "shop.db"), Clock()) as crm:
        make_log(crm)
        independent.main(tmp_path / "shop.db")
        assert capsys.readouterr().out.splitlines()[-1] == f"3 22 {crm.check_seals().root}"


@settings(max_examples=20)
@given(steps=st.lists(st.integers(1, 7), max_size=8))
def test_in_whatever_steps_a_log_is_sealed_the_entries_are_the_same(log: Regulars, steps: list[int]) -> None:
    def sealed() -> bytes:
        return b"".join(row["entries"] for row in seals_of(log))

    before = seals_of(log)
    try:
        tamper_with(log, lambda connection, schema: connection.execute(schema.seals.delete()))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sealing, "_BLOCKS_AT_ONCE", 1)
            for size in steps:
                patch.setattr(sealing, "BLOCK", size)
                sealing.seal(log._store, 0, at_most=1)
        log.seal()
        in_steps = sealed()
        assert log.check_seals().holds
        tamper_with(log, lambda connection, schema: connection.execute(schema.seals.delete()))
        log.seal()
        assert in_steps == sealed() == b"".join(map(independent.entry, events_of(log)))
    finally:
        schema = log._store.schema
        tamper_with(log, lambda connection, _: connection.execute(schema.seals.delete()))
        tamper_with(log, lambda connection, _: connection.execute(schema.seals.insert(), before))


def test_what_is_sealed_is_told_with_the_root_to_note(database_url: str) -> None:
    with opened(database_url, Clock()) as crm:
        nothing = crm.seal()
        assert (nothing.blocks, nothing.events, nothing.seals, nothing.last, nothing.root) == (0, 0, 0, 0, None)
        assert crm.check_seals().holds
        crm.do(RegisterCustomer(ref="shop:1"))
        say_something(crm, 2, 19)
        progress: list[tuple[int, int]] = []
        done = crm.seal(lambda done, total: progress.append((done, total)))
        assert (done.blocks, done.events, done.seals, done.last) == (3, 20, 3, 20)
        assert progress == [(20, 20)]
        again = crm.seal()
        assert (again.blocks, again.events, again.seals, again.root) == (0, 0, 3, done.root)
        assert crm.check_seals().root == done.root


def test_a_store_in_memory_is_sealed_too() -> None:
    with opened(":memory:", Clock()) as crm:
        crm.do(RegisterCustomer(ref="shop:1"))
        assert crm.seal().events == 1
        assert crm.check_seals().holds


def test_a_store_that_may_not_be_written_is_checked(crm: Regulars, database_url: str) -> None:
    with regulars.open(database_url, read_only=True) as reader:
        assert reader.check_seals().holds
        with pytest.raises(StoreUnusable, match="read-only"):
            reader.seal()


# -------------------------------------------------------------------------------------------------- damage to events


words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
numbers = st.integers(-(2**63), 2**63 - 1)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("stream_id", "category", "customer_id", "type", "actor"), words),
    **dict.fromkeys(("correlation_id", "command_id"), words | st.none()),
    **dict.fromkeys(("occurred_at", "recorded_at"), numbers),
    "version": st.integers(1_000, 2**31 - 1),
    "causation_id": numbers | st.none(),
    "payload": st.binary(max_size=5),
    "secret": st.binary(max_size=5) | st.none(),
}


@settings(max_examples=6)
@given(position=st.sampled_from(SEALED), data=st.data())
def test_any_column_of_any_event(log: Regulars, position: int, data: st.DataObject) -> None:
    [before] = [row for row in events_of(log) if row["position"] == position]
    for column in COLUMNS:
        value = data.draw(VALUES[column], column)
        if value == before[column]:
            continue
        found = found_after(log, change(log._store.schema.events, position, **{column: value}))
        assert told(found) == {position: ("changed", None)}, column
        assert found.damaged_seals == 0


@given(data=st.data())
def test_whatever_was_done_to_events_is_told_and_nothing_else(log: Regulars, data: st.DataObject) -> None:
    events = log._store.schema.events
    order = data.draw(st.permutations(SEALED))
    changed, removed, swapped = order[:3], order[3:8], order[8:14]
    changed = changed[: data.draw(st.integers(0, 3), "changed")]
    removed = removed[: data.draw(st.integers(0, 5), "removed")]
    swapped = swapped[: 2 * data.draw(st.integers(0, 3), "swapped")]
    inserted = data.draw(st.sets(st.sampled_from(UNUSED)), "inserted")
    assume(changed or removed or swapped or inserted)
    pairs = list(zip(swapped[::2], swapped[1::2], strict=True))
    model = events_of(log)[4]

    def tamper(connection: Connection, schema: Schema) -> None:
        for position in changed:
            change(events, position, actor=f"somebody {position}")(connection, schema)
        remove(events, *removed)(connection, schema)
        for one, other in pairs:
            swap(connection, schema, one, other)
        for position in inserted:
            connection.execute(events.insert(), model | {"position": position, "stream_id": f"new {position}"})

    found = found_after(log, tamper)
    assert told(found) == {
        **dict.fromkeys(changed, ("changed", None)),
        **dict.fromkeys(removed, ("removed", None)),
        **dict.fromkeys(inserted, ("inserted", None)),
        **{one: ("moved", other) for one, other in pairs},
        **{other: ("moved", one) for one, other in pairs},
    }
    assert found.is_founded_so
    assert (found.damaged_seals, found.unsealed) == (0, len(AFTER))


@given(position=st.sampled_from(SEALED), to=st.sampled_from((*UNUSED, *range(26, 30), -(2**63), 2**63 - 1)))
def test_an_event_given_another_position_is_told_with_both(log: Regulars, position: int, to: int) -> None:
    found = found_after(log, change(log._store.schema.events, position, position=to))
    assert told(found) == {position: ("moved", to)}


@given(position=st.sampled_from(SEALED), other=st.sampled_from(AFTER))
def test_an_event_that_changed_places_with_one_that_was_never_sealed(log: Regulars, position: int, other: int) -> None:
    found = found_after(log, lambda connection, schema: swap(connection, schema, position, other))
    assert [(each.position, each.what, each.moved_to) for each in found.event_damages] == [
        (position, "moved", other),
        (position, "inserted", None),
    ]


@given(position=st.sampled_from(SEALED[:-1]))
def test_an_event_cut_out_of_a_log_that_closes_up_behind_it(log: Regulars, position: int) -> None:
    everything = SEALED + AFTER
    steps = list(pairwise(everything[everything.index(position) :]))

    def close_up(connection: Connection, schema: Schema) -> None:
        remove(schema.events, position)(connection, schema)
        for place, each in steps:
            change(schema.events, each, position=place)(connection, schema)

    found = found_after(log, close_up)
    assert [(each.position, each.what, each.moved_to) for each in found.event_damages] == [
        (position, "removed", None),
        *((each, "moved", place) for place, each in steps if each in SEALED),
        (SEALED[-1], "inserted", None),  # the first that was never sealed stands there now
    ]


@pytest.mark.parametrize("log", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "damage",
    [
        "actor = CAST(actor AS BLOB)",
        "payload = CAST(payload AS TEXT)",
        "actor = CAST(x'ff00fe' AS TEXT)",
        "version = 1.5",
        "occurred_at = 'soon'",
        "version = x'01'",
    ],
)
def test_sqlite_stores_anything_anywhere_and_it_is_told(log: Regulars, damage: str) -> None:
    statement = f"UPDATE regulars_events SET {damage} WHERE position = 5"
    found = found_after(log, lambda connection, schema: connection.exec_driver_sql(statement))
    assert told(found) == {5: ("changed", None)}


def test_all_damage_is_counted_and_the_first_is_named(log: Regulars, monkeypatch: pytest.MonkeyPatch) -> None:
    events = log._store.schema.events
    monkeypatch.setattr(checking, "MAX_NAMED", 5)
    for kept in (10_000, 7):  # beyond this many, what became of an event isn't worked out any more
        monkeypatch.setattr(checking, "MAX_KEPT", kept)
        found = found_after(log, lambda connection, schema: connection.execute(events.update().values(actor="eve 2")))
        assert found.damaged_events == len(SEALED)
        assert [each.position for each in found.event_damages] == list(SEALED[:5])


# --------------------------------------------------------------------------------------------------- damage to seals


def flipped(value: Any) -> Any:
    return value + 1 if isinstance(value, int) else bytes([value[0] ^ 1]) + value[1:]


@pytest.mark.parametrize("number", COVERED)
@pytest.mark.parametrize("column", ["previous", "first", "last", "events", "root", "sealed_at", "chain", "entries"])
def test_a_seal_that_was_changed_is_told_and_its_events_are_compared_if_they_can_be(
    log: Regulars, number: int, column: str
) -> None:
    [row] = [row for row in seals_of(log) if row["number"] == number]
    damage = change(log._store.schema.seals, number, **{column: flipped(row[column])})
    found = found_after(log, damage)
    first, last = (value + (column == name) for name, value in zip(("first", "last"), COVERED[number], strict=True))
    assert told_of_seals(found) == [(number, "changed", first, last, column != "root")]
    assert told(found) == {}
    assert found.is_founded_so

    def more_damage(connection: Connection, schema: Schema) -> None:
        damage(connection, schema)
        change(schema.events, COVERED[number][1], actor="eve 2")(connection, schema)

    found = found_after(log, more_damage)
    if column in ("root", "entries"):  # without its entries it can't say which of its events
        assert told_of_seals(found) == [(number, "changed", first, last, False)]
    else:
        assert told(found) == {COVERED[number][1]: ("changed", None)}


@pytest.mark.parametrize("log", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "damage", ["chain = 'text'", "first = 'soon'", "root = x'00'", "sealed_at = 1.5", "previous = CAST(root AS TEXT)"]
)
def test_what_is_no_seal_any_more_is_told(log: Regulars, damage: str) -> None:
    statement = f"UPDATE regulars_seals SET {damage} WHERE number = 2"
    found = found_after(log, lambda connection, schema: connection.exec_driver_sql(statement))
    assert told_of_seals(found) == [(2, "changed", None, None, False)]
    assert told(found) == {}


@pytest.mark.parametrize("log", ["sqlite"], indirect=True)
@pytest.mark.parametrize("entries", ["'text'", "x''", "x'00'", "zeroblob(80)"])
def test_what_are_no_entries_any_more_is_told_and_the_events_are_compared_by_the_root(
    log: Regulars, entries: str
) -> None:
    statement = f"UPDATE regulars_seals SET entries = {entries} WHERE number = 2"
    found = found_after(log, lambda connection, schema: connection.exec_driver_sql(statement))
    assert told_of_seals(found) == [(2, "changed", *COVERED[2], True)]
    assert told(found) == {}


def test_a_missing_seal_is_told_and_the_others_still_hold(log: Regulars) -> None:
    table = log._store.schema.seals
    assert told_of_seals(found_after(log, remove(table, 1))) == [(1, "missing", 1, 10, False)]
    assert told_of_seals(found_after(log, remove(table, 2))) == [(2, "missing", 11, 19, False)]
    both = found_after(log, remove(table, 1, 2))
    assert told_of_seals(both) == [(1, "missing", 1, 19, False), (2, "missing", 1, 19, False)]
    assert told(both) == {}
    assert (both.events, both.unsealed) == (3, len(AFTER))


def test_a_seal_with_another_number_is_told_and_so_are_those_that_are_missing_then(log: Regulars) -> None:
    table = log._store.schema.seals
    found = found_after(log, change(table, 3, number=100))
    assert found.damaged_seals == 97 + 1
    assert [each.number for each in found.seal_damages] == list(range(3, 23))
    assert told(found) == {}
    found = found_after(log, change(table, 1, number=0))
    assert told_of_seals(found) == [(0, "unlinked", 1, 10, False), (1, "missing", 1, 10, False)]


def forge(connection: Connection, schema: Schema, number: int, previous: bytes, first: int | None = None) -> bytes:
    """Write a seal anew over the events as they are, as whoever knows how can; its chain hash."""
    first, last = first or COVERED[number][0], COVERED[number][1]
    place = schema.events.c.position
    entries = list(read_entries(connection, schema.events, place >= first, place <= last))
    seal, stored = make_seal(number, previous, entries, 0)
    connection.execute(schema.seals.update().where(schema.seals.c.number == number).values(seal_row(seal, stored)))
    return seal.chain


def test_a_seal_that_was_written_anew_is_not_the_one_the_next_follows(log: Regulars) -> None:
    [one, two, _] = seals_of(log)

    def hide(connection: Connection, schema: Schema) -> None:
        change(schema.events, 12, actor="eve 2")(connection, schema)
        forge(connection, schema, 2, one["chain"])

    found = found_after(log, hide)
    assert told_of_seals(found) == [(3, "unlinked", *COVERED[3], True)]
    assert not found.holds
    assert found_after(log, hide, against=two["chain"].hex()).noted is None


def test_a_seal_over_what_another_covers_already_is_told(log: Regulars) -> None:
    two = seals_of(log)[1]
    found = found_after(log, lambda connection, schema: forge(connection, schema, 3, two["chain"], first=18))
    assert told_of_seals(found) == [(3, "unlinked", 18, 22, True)]
    assert found.damaged_events == 0


def test_only_a_noted_root_shows_that_everything_was_written_anew(log: Regulars) -> None:
    before = seals_of(log)

    def hide(connection: Connection, schema: Schema) -> None:
        change(schema.events, 12, actor="eve 2")(connection, schema)
        forge(connection, schema, 3, forge(connection, schema, 2, before[0]["chain"]))

    assert found_after(log, hide).holds
    roots = [row["chain"].hex() for row in before]
    assert [found_after(log, hide, against=root).holds for root in roots] == [True, False, False]


def test_only_a_noted_root_shows_that_the_end_was_cut_off(log: Regulars) -> None:
    roots = [row["chain"].hex() for row in seals_of(log)]

    def cut_off(connection: Connection, schema: Schema) -> None:
        connection.execute(schema.events.delete().where(schema.events.c.position > 10))
        connection.execute(schema.seals.delete().where(schema.seals.c.number > 1))

    assert found_after(log, cut_off).holds
    assert [found_after(log, cut_off, against=root).holds for root in roots] == [True, False, False]


def test_every_root_that_was_ever_noted_is_found(log: Regulars) -> None:
    for row in seals_of(log):
        noted = log.check_seals(against=f" {row['chain'].hex().upper()}\n").noted
        assert noted is not None
        assert (noted.number, noted.last) == (row["number"], row["last"])
    unknown = log.check_seals(against="0" * 64)
    assert unknown.is_intact
    assert not unknown.holds
    for text in ("", "abc", "x" * 64, "0" * 63):
        with pytest.raises(ValueError, match="a root is 64 hexadecimal digits"):
            log.check_seals(against=text)


def test_a_root_written_into_a_seal_is_not_found_there(log: Regulars) -> None:
    noted = "ab" * 32
    found = found_after(log, change(log._store.schema.seals, 3, chain=bytes.fromhex(noted)), against=noted)
    assert found.noted is None


def test_the_founding_rules_are_sealed_too(crm: Regulars) -> None:
    settings = crm._store.schema.settings
    founding = settings.update().where(settings.c.name == "founding_rules")
    for value in (b"{}", crm.ruleset.canonical().replace('"EUR"', '"USD"').encode() + b" "):
        tamper_with(crm, lambda connection, schema, value=value: connection.execute(founding.values(value=value)))
        found = crm.check_seals()
        assert not found.is_founded_so
        assert not found.holds
        assert (found.damaged_events, found.damaged_seals) == (0, 0)


def test_nothing_is_sealed_after_a_damaged_seal_and_questions_are_answered_all_the_same(
    crm: Regulars, monkeypatch: pytest.MonkeyPatch
) -> None:
    tamper_with(crm, change(crm._store.schema.seals, 3, sealed_at=1))
    with pytest.raises(StoreUnusable, match="seal 3 is not as it was made"):
        crm.seal()
    monkeypatch.setattr(sealing, "SEAL_AFTER", 2)
    crm._session._sealing_due = sealing.Due()
    assert len(crm.customers()) == 1
    assert len(seals_of(crm)) == 3


# ---------------------------------------------------------------------------------------------------- what life brings


def test_who_is_forgotten_breaks_no_seal(crm: Regulars) -> None:
    before = crm.check_seals()
    crm.do(ErasePersonalData(customer="shop:1", confirm=True))
    found = crm.check_seals(against=before.root)
    assert found.holds
    assert found.events == before.events
    crm.seal()
    assert crm.check_seals(against=before.root).holds


@pytest.mark.parametrize("to", ["sqlite", "postgres"])
def test_a_copy_has_the_seals_and_goes_on_with_them(
    crm: Regulars, database_url: str, postgres_url: str, to: str
) -> None:
    with room_for_a_store(to, postgres_url) as target:
        regulars.copy(database_url, target)
        with opened(target, Clock()) as copy:
            assert copy.check_seals(against=crm.check_seals().root).holds
            assert seals_of(copy) == seals_of(crm)
            assert copy.seal().root == crm.seal().root
            say_something(copy, 26, 3)
            assert copy.seal().events == 3
            assert copy.check_seals(against=crm.check_seals().root).holds


def test_a_backup_has_the_seals(tmp_path: Path) -> None:
    with opened(str(tmp_path / "shop.db"), Clock()) as crm:
        make_log(crm)
        crm.backup(tmp_path / "copy.db")
        with opened(str(tmp_path / "copy.db"), Clock()) as copy:
            assert copy.check_seals(against=crm.check_seals().root).holds


def test_several_who_seal_at_once_make_one_chain_while_others_record(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "_BLOCKS_AT_ONCE", 2)
    sealers, recorders = 4, 2
    everybody = Barrier(sealers + recorders)

    def record(who: int) -> None:
        with opened(database_url, Clock()) as crm:
            everybody.wait()
            crm.do([AddNote(customer="shop:1", text=f"{who} {number}") for number in range(20)])
            for number in range(10):
                crm.do(AddNote(customer="shop:1", text=f"{who} {number} later"))

    def seal(_: int) -> int:
        with opened(database_url, Clock()) as crm:
            everybody.wait()
            return sum(crm.seal().blocks for _ in range(6))

    with opened(database_url, Clock()) as crm:
        crm.do(RegisterCustomer(ref="shop:1"))
        crm.do([AddNote(customer="shop:1", text=f"note {number}") for number in range(120)])
        with ThreadPoolExecutor(sealers + recorders) as pool:
            recorded = [pool.submit(record, who) for who in range(recorders)]
            sealed = [pool.submit(seal, who) for who in range(sealers)]
            blocks = sum(each.result() for each in sealed)
            for each in recorded:
                each.result()
        blocks += crm.seal().blocks
        found = crm.check_seals()
        assert found.holds
        assert (found.seals, found.events, found.unsealed) == (blocks, 121 + recorders * 30, 0)


def test_on_postgres_nothing_is_sealed_before_every_lower_position_is_settled(
    postgres_database_url: str,
) -> None:
    columns = ", ".join(column for column in COLUMNS if column != "stream_id")
    other = sa.create_engine(postgres_database_url, poolclass=sa.NullPool)
    with opened(postgres_database_url, Clock()) as crm:
        crm.do(RegisterCustomer(ref="shop:1"))
        with other.begin() as slow:
            names = "'regulars_events_positions', 'regulars_events_clock'"
            draw = f"SELECT first_position FROM regulars_draw_positions({names}, 1, 0)"
            assert slow.exec_driver_sql(draw).scalar_one() == 2
            say_something(crm, 3, 2)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(sealing, "HORIZON_TIMEOUT", 0.05)
                with pytest.raises(StoreBusy, match=r"the transaction of process .* everything up to 1 is sealed"):
                    crm.seal()
            assert [row["last"] for row in seals_of(crm)] == [1]
            slow.exec_driver_sql(
                f"INSERT INTO regulars_events (position, stream_id, {columns}) "
                f"SELECT 2, 'slow', {columns} FROM regulars_events LIMIT 1"
            )
        crm.seal()
        assert [(row["first"], row["last"], row["events"]) for row in seals_of(crm)] == [(1, 1, 1), (2, 4, 3)]
        assert crm.check_seals().holds


# ---------------------------------------------------------------------------------------------------------- by itself


def test_what_catches_up_seals_once_enough_is_not_sealed(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sealing, session):
        monkeypatch.setattr(module, "SEAL_AFTER", 10)
    asked: list[str] = []
    with opened(database_url, Clock()) as crm:
        engine = crm._store.database._engine
        sa.event.listen(engine, "before_cursor_execute", lambda *arguments: asked.append(arguments[2]))
        crm.do(RegisterCustomer(ref="shop:1"))
        say_something(crm, 2, 7)
        crm.customers()  # what others left is looked for once
        asked.clear()
        say_something(crm, 9, 1)
        crm.customers()
        assert not [statement for statement in asked if "seals" in statement]  # it isn't even looked at

        say_something(crm, 10, 1)
        crm.customers()
        assert crm.check_seals().events == 10
        leave_unused(crm._store, 3)
        say_something(crm, 14, 9)
        crm.customers()
        assert crm.check_seals().events == 10
        asked.clear()
        crm.customers()
        assert not [statement for statement in asked if "seals" in statement]  # one event more is needed
        say_something(crm, 23, 1)
        crm.customers()
        assert crm.check_seals().events == 20

    with opened(database_url, Clock()) as crm:
        crm.customers()
        say_something(crm, 24, 10)
        crm.customers()
        found = crm.check_seals()
        assert found.holds
        assert (found.events, found.unsealed) == (30, 0)


def test_a_question_seals_so_much_at_most(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sealing, session):
        monkeypatch.setattr(module, "SEAL_AFTER", 10)
    monkeypatch.setattr(sealing, "_BLOCKS_AT_ONCE", 1)
    with opened(database_url, Clock()) as crm:
        crm.do(RegisterCustomer(ref="shop:1"))
        crm.do([AddNote(customer="shop:1", text=f"note {number}") for number in range(49)])
        sealed = []
        for _ in range(5):
            crm.customers()
            sealed.append(crm.check_seals().events)
    assert sealed == [16, 32, 48, 48, 48]


def test_a_small_shop_is_sealed_a_day_after_something_was_recorded(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        crm.do(RegisterCustomer(ref="shop:1"))
        crm.customers()
        clock.now += timedelta(hours=23, minutes=59)
        crm.customers()
        assert crm.check_seals().events == 0
    with opened(database_url, clock) as crm:
        assert crm.check_seals().events == 0  # nor is it sealed by closing so early
        clock.now += timedelta(minutes=2)
        crm.do(TagCustomer(customer="shop:1", label="vip"))
    with opened(database_url, clock) as crm:
        assert crm.check_seals().events == 2  # by closing
        crm.do(UntagCustomer(customer="shop:1", label="vip"))
        clock.now += timedelta(days=1)
        crm.customers()
        assert (crm.check_seals().events, crm.check_seals().holds) == (3, True)


def test_closing_waits_for_nobody_who_records(tmp_path: Path) -> None:
    path, clock = fresh_sqlite(tmp_path), Clock()
    crm = opened(path, clock)
    crm.do(RegisterCustomer(ref="shop:1"))
    clock.now += timedelta(days=2)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        crm.close()
        crm.close()
    with opened(path, clock) as crm:
        assert crm.check_seals().events == 0


def test_sealing_waits_for_nobody_who_records(tmp_path: Path) -> None:
    path = fresh_sqlite(tmp_path)
    with opened(path, Clock(), lock_timeout=0.05) as crm:
        make_log(crm)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreBusy):
                crm.seal()
            assert crm.check_seals().holds
            other.execute("ROLLBACK")
        assert crm.seal().events == len(AFTER)
