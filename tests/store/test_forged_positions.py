"""Rows at positions that were never drawn: no answer knows of them, nothing stops for them, and they are named."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError

import regulars
from forging import forge, make_version_5, unguarded
from outside import run
from regulars import AddNote, RecordPurchase, RegisterCustomer, Regulars, StoreUnusable, TagCustomer
from regulars.adapters.store.store import Store
from saying import Say
from shops import Clock, opened

LAST = 2**53
OUT_OF_RANGE = (-(2**63), -7, 0, LAST + 1, 2**63 - 1)
IN_RANGE = (1_000, LAST - 1, LAST)
FORGED = pytest.mark.parametrize(
    "forged", [*((each,) for each in (*OUT_OF_RANGE, *IN_RANGE)), (*OUT_OF_RANGE, *IN_RANGE)], ids=str
)


@pytest.fixture
def crm(database_url: str) -> Iterator[Regulars]:
    with opened(database_url, Clock()) as crm:
        crm.do(RegisterCustomer(ref="shop:1", name="Ada"))
        crm.do(RecordPurchase(customer="shop:1", order_id="A-1", amount="20.00"))
        yield crm


@FORGED
def test_a_forged_row_stops_nothing_and_is_named(crm: Regulars, forged: tuple[int, ...]) -> None:
    before = crm.customer("shop:1")
    forge(crm._store, *forged)
    assert list(crm.customers()) == [before]
    outcomes = crm.do([TagCustomer(customer="shop:1", label="vip"), RegisterCustomer(ref="shop:2", name="Bob")])
    assert [event.position for outcome in outcomes for event in outcome.events] == [3, 4]
    assert crm.do(AddNote(customer="shop:2", text="a single one")).position == 5
    found = crm.customers()
    assert (len(found), found.behind) == (2, 0)
    assert crm.customer("shop:1").tags == ("vip",)
    status = crm.status()
    assert (status.events, status.behind) == (5, 0)
    assert status.never_drawn is not None
    assert (status.never_drawn.count, status.never_drawn.positions) == (len(forged), tuple(sorted(forged)))
    verified = crm.projections.verify()
    assert (verified.holds, verified.checkpoint) == (True, 5)
    assert [each.position for each in crm.audit()] == [5, 4, 3, 2, 1]
    assert [each.position for each in crm.audit(oldest_first=True)] == [1, 2, 3, 4, 5]
    assert [each.position for each in crm.audit(known_at=crm.audit()[0].recorded_at)] == [5, 4, 3, 2, 1]
    assert exported(crm) == [1, 2, 3, 4, 5]
    crm.projections.rebuild()
    assert list(crm.customers()) == list(found)
    assert crm.projections.verify().checkpoint == 5
    crm.seal()
    sealed = crm.check_seals()
    assert (sealed.events, sealed.unsealed, sealed.is_intact) == (5, 0, False)
    assert sealed.never_drawn == status.never_drawn


def exported(crm: Regulars) -> list[int]:
    lines: list[bytes] = []
    crm.export_events(lines.append)
    return [json.loads(line)["position"] for line in b"".join(lines).splitlines()]


@FORGED
def test_a_row_forged_at_the_end_of_a_stream_does_not_lock_it(crm: Regulars, forged: tuple[int, ...]) -> None:
    forge(crm._store, *forged, stream=crm.find("shop:1"))
    assert crm.do(TagCustomer(customer="shop:1", label="vip")).position == 3
    assert len(crm.customers()) == 1
    assert crm.projections.verify().holds


@FORGED
def test_what_is_forged_stays_behind_in_a_copy(
    crm: Regulars, database_url: str, forged: tuple[int, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    forge(crm._store, *forged)
    target = tmp_path_factory.mktemp("copy") / "copy.db"
    assert regulars.copy(database_url, target) == 2
    with opened(str(target), Clock()) as copied:
        assert copied.status().never_drawn is None
        assert copied.do(TagCustomer(customer="shop:1", label="vip")).position == 3
        assert copied.customers().behind == 0


@pytest.mark.parametrize("count", [1, 3, 9])
def test_who_forges_the_next_position_has_it_passed_over(crm: Regulars, count: int) -> None:
    forge(crm._store, *range(3, 3 + count))
    crm.do([TagCustomer(customer="shop:1", label="a"), TagCustomer(customer="shop:1", label="b")])
    assert crm.do(TagCustomer(customer="shop:1", label="c")).position == crm.audit()[0].position
    assert crm.customer("shop:1").tags == ("a", "b", "c")
    assert (len(crm.customers()), crm.customers().behind) == (1, 0)


@pytest.mark.parametrize("position", OUT_OF_RANGE)
def test_no_row_gets_a_position_out_of_range(crm: Regulars, position: int) -> None:
    require_guarded(crm._store, position)


def require_guarded(store: Store, position: int) -> None:
    columns = store.schema.events.c.keys()
    copied = ", ".join(columns[2:])
    for change in (
        (
            f"INSERT INTO regulars_events ({', '.join(columns)}) "
            f"SELECT {position}, 'new', {copied} FROM regulars_events WHERE position = 1"
        ),
        f"UPDATE regulars_events SET position = {position} WHERE position = 1",
    ):
        with pytest.raises(IntegrityError, match="position_in_range"), store.database.writing() as connection:
            connection.exec_driver_sql(change)


def test_a_rehearsal_passes_over_what_is_forged_and_leaves_nothing(crm: Regulars) -> None:
    forge(crm._store, LAST, LAST - 1, -1)
    before = crm.status()
    for _ in range(2):
        with crm._store.rehearsing() as tx:
            execution = crm._transacting._execution(tx, None)
            for label in ("a", "b"):
                execution.carry_out(TagCustomer(customer="shop:1", label=label))
            execution.finish()
    assert crm.status() == before
    assert crm.do(TagCustomer(customer="shop:1", label="vip")).position == 3


def test_where_no_position_is_left_it_says_so(crm: Regulars, database_url: str) -> None:
    if not crm.files:
        pytest.skip("somebody would have to set a sequence")
    run(database_url, f"UPDATE sqlite_sequence SET seq = {LAST - 1} WHERE name = 'regulars_events_positions'")
    assert crm.do(TagCustomer(customer="shop:1", label="last")).position == LAST
    for drawn in (LAST, 2**63 - 1):
        run(database_url, f"UPDATE sqlite_sequence SET seq = {drawn} WHERE name = 'regulars_events_positions'")
        with pytest.raises(StoreUnusable, match="no position is left"):
            crm.do(TagCustomer(customer="shop:1", label="one more"))


def test_who_takes_away_what_is_kept_of_positions_loses_nothing(sqlite_database_url: str) -> None:
    with opened(sqlite_database_url, Clock()) as crm:
        crm.do(RegisterCustomer(ref="shop:1", name="Ada"))
        run(sqlite_database_url, "DELETE FROM sqlite_sequence")
        assert len(crm.customers()) == 1
        assert crm.do(TagCustomer(customer="shop:1", label="vip")).position == 2
        assert crm.customers().behind == 0


@pytest.mark.parametrize("forged", [(), (2**63 - 1,), (LAST,), (-7, 0, LAST + 1)], ids=str)
def test_a_store_of_version_5_is_guarded_whatever_stands_in_it(database_url: str, forged: tuple[int, ...]) -> None:
    with opened(database_url, Clock()) as crm:
        crm.do(RegisterCustomer(ref="shop:1", name="Ada"))
        forge(crm._store, *forged)
        make_version_5(crm._store)
    with opened(database_url, Clock()) as crm:
        assert crm.do(TagCustomer(customer="shop:1", label="vip")).position == 2
        assert crm.do([AddNote(customer="shop:1", text=f"note {n}") for n in range(20)])[-1].position == 22
        assert (len(crm.customers()), crm.customers().behind) == (1, 0)
        found = crm.status().never_drawn
        assert (found.positions if found else ()) == tuple(sorted(forged))
        for position in OUT_OF_RANGE:
            require_guarded(crm._store, position)
        with crm._store.reading() as tx:
            names = {str(each["name"]) for each in sa.inspect(tx.connection).get_indexes("regulars_events")}
        assert "regulars_events_recorded" in names
        assert crm.projections.verify().holds


def test_a_reader_without_a_right_to_the_sequence_is_answered(postgres_database_url: str) -> None:
    with opened(postgres_database_url, Clock()) as crm:
        crm.do(RegisterCustomer(ref="shop:1", name="Ada"))
        crm.customers()
        address = make_url(postgres_database_url)
        role = f"reader_{address.database}"
        grant = f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{role}"'
        run(postgres_database_url, f'CREATE ROLE "{role}" LOGIN', grant)
        url = address.set(username=role).render_as_string(hide_password=False)
        try:
            with opened(url, Clock(), read_only=True) as reader:
                assert len(reader.customers()) == 1
                assert reader.customer("shop:1").name == "Ada"
                assert reader.status().never_drawn is None
        finally:
            run(postgres_database_url, f'DROP OWNED BY "{role}"', f'DROP ROLE "{role}"')


def test_verify_and_status_name_what_is_forged(say: Say) -> None:
    say("--db", "shop.db", "do", "RegisterCustomer", "ref=shop:1", "name=Ada", "--actor", "li")
    store = Store("shop.db")
    forge(store, 0, 2**63 - 1)
    store.close()
    for words in (("verify",), ("status",)):
        said = say("--db", "shop.db", *words)
        assert said.status == (1 if words == ("verify",) else 0)
        assert "2 rows at positions that were never drawn" in " ".join(said.out.split())
        assert "#0, #9223372036854775807" in " ".join(said.out.split())
        assert max(map(len, said.out.splitlines())) <= 80
    named = {"count": 2, "positions": [0, 2**63 - 1]}
    assert json.loads(say("--db", "shop.db", "status", "--json").out)["never_drawn"] == named
    assert json.loads(say("--db", "shop.db", "verify", "--json").out)["seals"]["never_drawn"] == named


def test_what_stands_far_ahead_while_others_write_is_no_event_either(postgres_database_url: str) -> None:
    with opened(postgres_database_url, Clock()) as crm:
        crm.do(RegisterCustomer(ref="shop:1", name="Ada"))
        with crm._store.database.writing() as older:
            older.exec_driver_sql("SELECT pg_current_xact_id()")  # nothing later is settled meanwhile
            forge(crm._store, 2**63 - 1, 1_000)
            assert crm.status().never_drawn == regulars.NeverDrawn(2, (1_000, 2**63 - 1))
            assert len(crm.customers(fresh=False)) == 0
        assert len(crm.customers()) == 1


def test_the_guard_is_back_after_it_was_off(sqlite_database_url: str) -> None:
    """What the tests above rest on."""
    store = Store(sqlite_database_url)
    with store.database.writing() as connection, unguarded(connection):
        pass
    with store.database.writing() as connection:
        assert connection.exec_driver_sql("PRAGMA ignore_check_constraints").scalar() == 0
    store.close()
