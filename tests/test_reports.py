"""Reports can be handed on: they have what the views and the library say, and neither a key nor, unasked, a name."""

from __future__ import annotations

import io
import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

import regulars
from outside import run
from raw import found_in
from regulars import (
    AddNote,
    ChangeContactDetails,
    ErasePersonalData,
    OpenTicket,
    RecordPurchase,
    RecordReturn,
    RegisterCustomer,
    Regulars,
    StoreUnusable,
)
from regulars.adapters.moving import report_files, reports
from regulars.projections.registry import PROJECTORS
from saying import Say
from shops import BEGIN, EXAMPLES, Clock, Step, empty_file, fresh_store, opened, play, register, trade
from shown import BOTH_SAY, Row, alike, expected, rows_of, standing

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAMES = ("Ada Lovelace", "ada@example.com", "+4930123456", "shop:secret")
SECRETS = (*NAMES, "1815-12-10", "hates parcels", "she called", "a broken cup", "Bob Forgotten")
LOG = ("consent_history", "customers", "order_lines", "orders", "returns", "survey_answers", "tickets")
TIMELINES = tuple(each.name for each in PROJECTORS if each.shows == "timeline")
TABLES = {*LOG, *(each.name for each in PROJECTORS), "standing_now"}


@pytest.fixture
def crm(database_url: str) -> Iterator[Regulars]:
    with opened(database_url, Clock()) as crm:
        ada, name, email, phone = "shop:secret", *NAMES[:3]
        birthday = date(1815, 12, 10)
        crm.do(
            [
                RegisterCustomer(ref=ada, name=name, phone=phone, birthday=birthday, source="fair"),
                ChangeContactDetails(customer=ada, email=email, reason="she called"),
                AddNote(customer=ada, text="hates parcels"),
                RecordPurchase(customer=ada, order_id="A-1", amount="59.90", lines=[{"sku": "tea", "quantity": 2}]),
                RecordReturn(order_id="A-1", amount="9.90", reason="she called"),
                OpenTicket(customer=ada, ticket_id="T-1", subject="a broken cup"),
                RegisterCustomer(ref="bob", name="Bob Forgotten"),
                RecordPurchase(customer="bob", order_id="A-2", amount="5.00"),
            ]
        )
        crm.do(ErasePersonalData(customer="bob", confirm=True))
        yield crm


def in_parquet(folder: Path) -> dict[str, list[Row]]:
    return {each.stem: alike(pq.ParquetFile(each).read().to_pylist()) for each in folder.glob("*.parquet")}


def in_sqlite(path: Path) -> dict[str, list[Row]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = [name for name in names if name != "about"]
        rows_by_name = {name: [dict(row) for row in connection.execute(f'SELECT * FROM "{name}"')] for name in tables}
    return {
        name: alike({key: _time(key, value) for key, value in row.items()} for row in rows)
        for name, rows in rows_by_name.items()
    }


def _time(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if name in ("valid_from", "valid_to") and value is not None else value


def bytes_in(folder: Path) -> bytes:
    """All that is in the files of a report, compressed or not."""
    heap = [each.read_bytes() for each in sorted(folder.rglob("*")) if each.is_file()]
    for each in sorted(folder.rglob("*.parquet")):
        plain = io.BytesIO()
        pq.write_table(pq.ParquetFile(each).read(), plain, compression="none", use_dictionary=False)
        heap.append(plain.getvalue())
    return b"\n".join(heap)


# ------------------------------------------------------------------------------------------------------- what is in it


def test_both_kinds_have_every_view_with_equal_rows(crm: Regulars, tmp_path: Path) -> None:
    done = crm.export_reports(parquet=tmp_path / "report", sqlite=tmp_path / "report.db")
    parquet, database = in_parquet(tmp_path / "report"), in_sqlite(tmp_path / "report.db")
    assert parquet == database
    assert parquet.keys() == TABLES == done.tables.keys()
    assert {name: len(rows) for name, rows in parquet.items()} == done.tables
    assert done.up_to_position == crm.audit(limit=1)[0].position


def agrees(crm: Regulars, url: str, folder: Path) -> None:
    crm.export_reports(parquet=folder / "report", sqlite=folder / "report.db")
    found = in_parquet(folder / "report")
    assert found == in_sqlite(folder / "report.db")
    wanted = expected(crm)
    for name in LOG:
        assert found[name] == wanted[name] == rows_of(url, name), name
    now = [{name: row[name] for name in BOTH_SAY} for row in found["standing_now"]]
    assert alike(now) == standing(crm, datetime.now(UTC))
    for name in TIMELINES:
        times = [(row["valid_from"], row["valid_to"]) for row in found[name]]
        assert sorted(times, key=str) == sorted(((row["since"], row["until"]) for row in rows_of(url, name)), key=str)
    for customer in crm.customers():
        stages = [row for row in found["lifecycle_stage"] if row["customer_id"] == customer.id]
        spans = [(each.value, each.since, each.until) for each in customer.timeline().lanes["stage"]]
        assert sorted((row["value"], row["valid_from"], row["valid_to"]) for row in stages) == sorted(spans)


@settings(max_examples=max(EXAMPLES // 8, 1))
@given(steps=trade())
def test_a_report_says_what_views_and_library_say_whatever_happens(steps: list[Step]) -> None:
    clock = Clock()
    with empty_file() as url, opened(url, clock) as crm, tempfile.TemporaryDirectory() as folder:
        register(crm, clock)
        play(crm, clock, steps)
        agrees(crm, url, Path(folder))


@settings(max_examples=max(EXAMPLES // 25, 1))
@given(steps=trade())
def test_a_report_of_postgresql_says_so_too(steps: list[Step], postgres_url: str) -> None:
    clock = Clock()
    with (
        fresh_store("postgres", postgres_url) as url,
        opened(url, clock) as crm,
        tempfile.TemporaryDirectory() as folder,
    ):
        register(crm, clock)
        play(crm, clock, steps)
        agrees(crm, url, Path(folder))


def test_columns_have_the_types_that_tools_expect(crm: Regulars, tmp_path: Path) -> None:
    crm.export_reports(parquet=tmp_path / "report", sqlite=tmp_path / "report.db")
    found = {each.name: str(each.type) for each in pq.ParquetFile(tmp_path / "report" / "tickets.parquet").schema_arrow}
    assert (found["opened_at"], found["level"], found["is_complaint"]) == ("timestamp[us, tz=UTC]", "int64", "bool")
    orders = pandas.read_parquet(tmp_path / "report" / "orders.parquet")
    assert orders["net"].sum() == 5_500
    assert orders["ordered_at"].min() == BEGIN
    with closing(sqlite3.connect(tmp_path / "report.db")) as database:
        assert database.execute("SELECT amount_decimal, date(ordered_at) FROM orders ORDER BY 1").fetchall() == [
            ("5.00", "2024-01-01"),
            ("59.90", "2024-01-01"),
        ]
        assert dict(database.execute("SELECT * FROM about"))["currency"] == "EUR"


def test_an_interval_without_an_end_has_none(crm: Regulars, tmp_path: Path) -> None:
    crm.export_reports(parquet=tmp_path / "report")
    for name in ("lifecycle_stage", "churn_risk"):
        rows = in_parquet(tmp_path / "report")[name]
        assert [row["valid_to"] for row in rows].count(None) == 2
        assert {row["valid_from"].year for row in rows} <= {2024, 2025}


def test_the_same_store_gives_the_same_bytes(crm: Regulars, tmp_path: Path) -> None:
    for name in ("one", "two"):
        crm.export_reports(parquet=tmp_path / name, sqlite=tmp_path / f"{name}.db")
    same = [each.name for each in (tmp_path / "one").iterdir() if each.stem != "standing_now"]  # which shows the clock
    assert [
        name for name in same if (tmp_path / "one" / name).read_bytes() != (tmp_path / "two" / name).read_bytes()
    ] == []


def test_rows_are_handed_on_in_parts(crm: Regulars, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crm.export_reports(parquet=tmp_path / "whole", sqlite=tmp_path / "whole.db", personal=True)
    monkeypatch.setattr(reports, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(reports, "PEOPLE_AT_ONCE", 1)
    monkeypatch.setattr(report_files, "ROWS_A_GROUP", 3)
    moves: list[tuple[int, int]] = []
    crm.export_reports(
        parquet=tmp_path / "parts", sqlite=tmp_path / "parts.db", on_progress=lambda *move: moves.append(move)
    )
    whole, parts = in_parquet(tmp_path / "whole"), in_parquet(tmp_path / "parts")
    people = whole.pop("people")
    assert len(people) == 1
    for name in TABLES - {"standing_now"}:
        assert parts[name] == whole[name] == in_sqlite(tmp_path / "parts.db")[name]
    assert moves[-1][0] == moves[-1][1] == sum(map(len, parts.values()))
    assert {later[0] - earlier[0] for earlier, later in pairwise(moves)} == {1, 2}


# ------------------------------------------------------------------------------------------------------- what isn't


def kept_secret(crm: Regulars) -> set[bytes]:
    """The keys of the store, and all that is encrypted in it."""
    schema = crm._store.schema
    with crm._store.reading() as tx:
        secret = {
            bytes(each) for (each,) in tx.connection.execute(schema.keys.select().with_only_columns(schema.keys.c.key))
        }
        secret |= {
            bytes(each)
            for (each,) in tx.connection.execute(schema.events.select().with_only_columns(schema.events.c.secret))
            if each is not None
        }
        settings = tx.connection.execute(schema.settings.select()).all()
    return secret | {bytes(value) for name, value in settings if name.endswith("_key")}


@pytest.mark.parametrize("personal", [False, True])
def test_no_key_nothing_encrypted_and_no_name_unasked_is_in_any_file(
    crm: Regulars, tmp_path: Path, personal: bool
) -> None:
    crm.export_reports(parquet=tmp_path / "r", sqlite=tmp_path / "r.db", personal=personal)
    (tmp_path / "only").mkdir()
    (tmp_path / "r").rename(tmp_path / "only" / "r")
    (tmp_path / "r.db").rename(tmp_path / "only" / "r.db")
    heap, secret = bytes_in(tmp_path / "only"), kept_secret(crm)
    assert len(secret) >= 5
    assert found_in(heap, secret) == set()
    assert found_in(heap, SECRETS) == (set(NAMES) if personal else set())


def test_people_are_who_is_known_today(crm: Regulars, tmp_path: Path) -> None:
    crm.export_reports(sqlite=tmp_path / "r.db", personal=True)
    ada = {"customer_id": str(crm.find("shop:secret")), "ref": "shop:secret", "name": "Ada Lovelace"}
    assert in_sqlite(tmp_path / "r.db")["people"] == [ada | {"email": "ada@example.com", "phone": "+4930123456"}]


def test_whoever_is_forgotten_is_in_no_later_report(crm: Regulars, tmp_path: Path) -> None:
    crm.export_reports(parquet=tmp_path / "before", personal=True)
    crm.do(ErasePersonalData(customer="shop:secret", confirm=True))
    crm.export_reports(parquet=tmp_path / "after", personal=True)
    before, after = in_parquet(tmp_path / "before"), in_parquet(tmp_path / "after")
    assert (len(before["people"]), after["people"]) == (1, [])
    assert found_in(bytes_in(tmp_path / "after"), SECRETS) == set()
    assert before["orders"] == after["orders"]
    assert [row["is_forgotten"] for row in after["standing_now"]] == [True, True]


def test_merged_people_are_one(crm: Regulars, tmp_path: Path) -> None:
    crm.do([RegisterCustomer(ref="twin", name="Ada L."), regulars.MergeCustomers(customer="twin", into="shop:secret")])
    crm.export_reports(parquet=tmp_path / "r", personal=True)
    found = in_parquet(tmp_path / "r")
    assert [row["name"] for row in found["people"]] == ["Ada Lovelace"]
    assert sum(row["is_merged"] for row in found["customers"]) == 1
    assert len(found["standing_now"]) == 2


def test_who_may_not_read_keys_gets_no_people(postgres_database_url: str, tmp_path: Path) -> None:
    from store.test_sql_views import new_role

    with opened(postgres_database_url, Clock()) as owner:
        owner.do(RegisterCustomer(ref="ada", name="Ada"))
        owner.catch_up()
        with new_role(postgres_database_url) as (role, theirs):
            run(
                postgres_database_url,
                f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
                f"REVOKE ALL ON regulars_keys, regulars_lookups, regulars_quarantine FROM {role}",
            )
            with opened(theirs, Clock()) as crm:
                with pytest.raises(StoreUnusable, match="regulars_keys"):
                    crm.export_reports(parquet=tmp_path / "r", personal=True)
                crm.export_reports(parquet=tmp_path / "r")
    assert len(in_parquet(tmp_path / "r")["standing_now"]) == 1


# ------------------------------------------------------------------------------------------------------- where it goes


def test_an_earlier_report_is_replaced_only_where_that_is_said(crm: Regulars, tmp_path: Path) -> None:
    targets: dict[str, Any] = {"parquet": tmp_path / "r", "sqlite": tmp_path / "r.db"}
    crm.export_reports(**targets)
    for name, target in targets.items():
        with pytest.raises(StoreUnusable, match=r"exists already; name another, or replace that one"):
            crm.export_reports(**{name: target})
    crm.do(RecordPurchase(customer="shop:secret", order_id="A-9", amount="1.00"))
    crm.export_reports(**targets, replace=True)
    assert len(in_parquet(tmp_path / "r")["orders"]) == len(in_sqlite(tmp_path / "r.db")["orders"]) == 3
    assert sorted(each.name for each in tmp_path.iterdir() if "regulars" in each.name) == []


def test_nothing_but_a_report_is_ever_replaced(crm: Regulars, tmp_path: Path) -> None:
    with opened(str(tmp_path / "other.db"), Clock()) as other:
        other.do(RegisterCustomer(ref="eve"))
    (tmp_path / "text").write_text("dear")
    (tmp_path / "folder").mkdir()
    crm.export_reports(parquet=tmp_path / "mixed")
    (tmp_path / "mixed" / "thesis.txt").write_text("dear")
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    before = sorted((str(each), each.stat().st_size) for each in tmp_path.rglob("*"))
    for name in ("other.db", "text", "folder", "mixed", "link"):
        for kind in ("parquet", "sqlite"):
            with pytest.raises(StoreUnusable, match=name):
                crm.export_reports(**{kind: tmp_path / name}, replace=True)
    assert sorted((str(each), each.stat().st_size) for each in tmp_path.rglob("*")) == before


def test_a_report_is_no_file_of_the_open_store(sqlite_database_url: str) -> None:
    with opened(sqlite_database_url, Clock()) as crm:
        for name in (sqlite_database_url, f"{sqlite_database_url}-wal"):
            with pytest.raises(StoreUnusable):
                crm.export_reports(sqlite=name, replace=True)


def test_one_that_fails_leaves_nothing(crm: Regulars, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    crm.export_reports(sqlite=tmp_path / "was.db")
    was = (tmp_path / "was.db").read_bytes()
    for targets in ({"parquet": tmp_path / "r"}, {"sqlite": tmp_path / "r.db"}, {"sqlite": tmp_path / "was.db"}):
        with pytest.raises(KeyboardInterrupt):
            crm.export_reports(**targets, replace=True, on_progress=stop)
    assert (tmp_path / "was.db").read_bytes() == was
    assert not (tmp_path / "r").exists()
    assert not (tmp_path / "r.db").exists()


def test_a_report_is_for_its_maker_alone(crm: Regulars, tmp_path: Path) -> None:
    crm.export_reports(parquet=tmp_path / "r", sqlite=tmp_path / "r.db", personal=True)
    assert [(tmp_path / name).stat().st_mode & 0o077 for name in ("r", "r.db")] == [0, 0]


def test_neither_target_is_a_mistake(crm: Regulars) -> None:
    with pytest.raises(ValueError, match="a folder for Parquet files, a SQLite file, or both"):
        crm.export_reports()


# ------------------------------------------------------------------------------------------------------- from a shell


def test_the_command_line_writes_both(say: Say) -> None:
    assert say("do", "RegisterCustomer", "ref=ada", "name=Ada", "--currency", "EUR").status == 0
    done = say("export", "reports", "--parquet", "r", "--sqlite", "r.db")
    assert done.out.splitlines()[-1].strip().endswith("rows in r and r.db, up to event #1.")
    assert done.widest <= 80
    again = say("export", "reports", "--sqlite", "r.db")
    assert (again.status, again.out) == (1, "")
    assert again.err == "regulars: r.db exists already; name another, or replace that one (replace=True, --force)\n"
    forced = say("export", "reports", "--sqlite", "r.db", "--force", "--personal", "--json").json
    assert (forced["written"], forced["tables"]["people"], forced["up_to_position"]) == (["r.db"], 1, 1)
    assert json.loads(Path("r/report.json").read_text())["with_personal_data"] is False
    nowhere = say("export", "reports")
    assert nowhere.status == 2
    assert "name a folder, a file, or both" in nowhere.err
