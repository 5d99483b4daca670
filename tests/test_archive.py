"""An archive has the log as it is stored, grows by what is new, and is refused where it isn't what was written."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

import regulars
from databases import prepared_sqlite
from processes import forked
from regulars import (
    CustomerId,
    ErasePersonalData,
    MergeCustomers,
    NotFound,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    StoreBusy,
    StoreUnusable,
)
from regulars.adapters.archive import writing
from regulars.adapters.archive.manifest import partition_of
from regulars.adapters.archive.reading import read_archive, read_runs
from regulars.adapters.cluster.folding import WANTED, Worker
from regulars.adapters.cluster.rebuilding import task_of
from regulars.adapters.read_models.generations import read_generation
from regulars.adapters.read_models.verifying import projection_of
from saying import Say
from shops import DAY, EXAMPLES, Clock, Step, empty_file, opened, play, read_models_of, register, trade

ENVELOPE = (
    *("position", "stream_id", "version", "category", "customer_id", "type", "occurred_at", "recorded_at", "actor"),
    *("correlation_id", "causation_id", "command_id", "payload", "secret"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def buy(crm: Regulars, *orders: str, who: str = "shop:1") -> None:
    crm.do([RecordPurchase(customer=who, order_id=each, amount="20.00", command_id=f"c-{each}") for each in orders])


def shop(url: str, clock: Clock | None = None) -> Regulars:
    """Four customers, who bought something."""
    moved = clock or Clock()
    crm = opened(url, moved)
    register(crm, moved)
    for number in range(8):
        buy(crm, f"A-{number}", who=f"shop:{number % 4 + 1}")
    return crm


def log_of(crm: Regulars) -> list[tuple[Any, ...]]:
    with crm._store.reading() as tx:
        columns = ", ".join(ENVELOPE)
        return list(
            map(tuple, tx.connection.exec_driver_sql(f"SELECT {columns} FROM regulars_events ORDER BY position"))
        )


def files_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("run-*/*.parquet"))


def rows_in(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.ParquetFile(path).read().to_pylist()
    return rows


def archived(folder: Path) -> list[tuple[Any, ...]]:
    rows = [row for path in files_of(folder) for row in rows_in(path)]
    return sorted(tuple(row[name] for name in ENVELOPE) for row in rows)


# -------------------------------------------------------------------------------------------------------- what is in it


def test_an_archive_has_every_event_as_it_is_stored(database_url: str, folder: Path) -> None:
    with shop(database_url) as crm:
        done = crm.archive(folder)
        assert archived(folder) == log_of(crm)
        assert (done.added, done.until, done.partitions, done.runs) == (len(log_of(crm)), log_of(crm)[-1][0], 16, 1)


def test_each_file_has_the_customers_of_its_partition_in_order(database_url: str, folder: Path) -> None:
    with shop(database_url) as crm:
        crm.archive(folder, partitions=3)
    for path in files_of(folder):
        rows = rows_in(path)
        assert {zlib.crc32(row["customer_id"].encode()) % 3 for row in rows} == {int(path.stem.removeprefix("part-"))}
        order = [(row["customer_id"], row["occurred_at"], row["position"]) for row in rows]
        assert order == sorted(order)


def test_the_manifest_says_what_there_is(database_url: str, folder: Path) -> None:
    with shop(database_url) as crm:
        crm.do(MergeCustomers(customer="shop:3", into="shop:1"))
        crm.archive(folder, partitions=3)
        merge = log_of(crm)[-1]
        found = json.loads((folder / "run-000001" / "_manifest.json").read_text())
        assert found["after"] == 0
        assert found["until"] == merge[0]
        assert found["events"] == len(log_of(crm))
        assert found["currency"] == "EUR"
        link = {"customer_id": merge[4], "into_id": str(crm.find("shop:1")), "merged_at": merge[0], "undone_at": None}
        assert found["links"] == [link]
    assert {each["name"] for each in found["files"]} == {path.name for path in files_of(folder)}
    for each in found["files"]:
        path = folder / "run-000001" / each["name"]
        assert each["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert each["events"] == len(rows_in(path))


def test_no_key_is_in_an_archive_and_nothing_personal_in_the_clear(database_url: str, folder: Path) -> None:
    with shop(database_url) as crm:
        crm.do(RegisterCustomer(ref="shop:9", name="Grace Hopper", email="grace@example.com"))
        crm.archive(folder)
        with crm._store.reading() as tx:
            keys = tx.connection.exec_driver_sql("SELECT key FROM regulars_keys").scalars().all()
    stored = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    values = {value for row in archived(folder) for value in row if isinstance(value, bytes)}
    assert len(keys) == 5
    for secret in (b"Grace", b"grace@", *map(bytes, keys)):
        assert secret not in stored
        assert not any(secret in value for value in values)


def test_an_archive_is_its_owners_alone(sqlite_database_url: str, folder: Path) -> None:
    with shop(sqlite_database_url) as crm:
        crm.archive(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


# ---------------------------------------------------------------------------------------------------------- run by run


def test_the_next_run_adds_what_is_new(database_url: str, folder: Path) -> None:
    with shop(database_url) as crm:
        first = crm.archive(folder, partitions=2)
        before = {path: path.read_bytes() for path in files_of(folder)}
        buy(crm, "B-1", "B-2", who="shop:2")
        second = crm.archive(folder)
        assert (second.added, second.runs, second.partitions) == (2, 2, 2)
        assert {path: path.read_bytes() for path in before} == before
        assert archived(folder) == log_of(crm)
        manifests = read_archive(folder).runs
        assert [(each.after, each.until) for each in manifests] == [(0, first.until), (first.until, second.until)]


def test_where_nothing_is_new_nothing_is_written(database_url: str, folder: Path) -> None:
    with shop(database_url) as crm:
        crm.archive(folder)
        before = sorted(folder.rglob("*"))
        again = crm.archive(folder)
    assert (again.added, again.runs) == (0, 1)
    assert sorted(folder.rglob("*")) == before


def test_an_empty_store_makes_no_archive(sqlite_database_url: str, folder: Path) -> None:
    with opened(sqlite_database_url, Clock()) as crm:
        assert crm.archive(folder).runs == 0
    assert not folder.exists()


def test_forgetting_somebody_leaves_the_archive_as_it_is(sqlite_database_url: str, folder: Path) -> None:
    with shop(sqlite_database_url) as crm:
        crm.archive(folder)
        before = {path: path.read_bytes() for path in files_of(folder)}
        crm.do(ErasePersonalData(customer="shop:2", confirm=True))
        crm.archive(folder)
    assert {path: path.read_bytes() for path in before} == before


def test_only_what_is_settled_is_archived(postgres_database_url: str, folder: Path) -> None:
    with shop(postgres_database_url) as crm:
        last = log_of(crm)[-1][0]
        other = sa.create_engine(postgres_database_url)
        with other.connect() as connection:
            connection.exec_driver_sql("CREATE TABLE somebody (number int)")  # a transaction that stays open
            with opened(postgres_database_url, Clock()) as writer:
                writer.do(RegisterCustomer(ref="shop:9"))
            with opened(postgres_database_url, Clock()) as reader:
                assert reader.archive(folder).until == last
        other.dispose()
        assert crm.archive(folder).added == 1


def test_two_that_archive_at_once_both_leave_one_run(
    sqlite_database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop(sqlite_database_url) as crm, opened(sqlite_database_url, Clock()) as other:
        counted = writing._Run._links

        def slower(run: writing._Run) -> Any:
            monkeypatch.undo()
            other.archive(folder)
            return counted(run)

        monkeypatch.setattr(writing._Run, "_links", slower)
        with pytest.raises(StoreBusy, match="another process added"):
            crm.archive(folder)
        assert archived(folder) == log_of(crm)
        assert [path.name for path in folder.iterdir()] == ["run-000001"]


def killed_while_archiving(url: str, folder: str) -> None:
    """Archive, and be killed when all files are written and the manifest isn't."""

    def die(_: object) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    writing._Run._links = die  # type: ignore[assignment,method-assign]
    with opened(url, Clock()) as crm:
        crm.archive(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no locks by which what was left is told")
def test_what_a_killed_run_left_is_no_part_of_the_archive_and_is_deleted(
    sqlite_database_url: str, folder: Path
) -> None:
    with shop(sqlite_database_url) as crm:
        crm.archive(folder)
        buy(crm, "B-1", "B-2")
        process = forked().Process(target=killed_while_archiving, args=(sqlite_database_url, str(folder)))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        (left,) = (path for path in folder.iterdir() if not path.name.startswith("run-000001"))
        assert list(left.rglob("*.parquet"))
        assert len(read_archive(folder).runs) == 1
        assert crm.archive(folder).added == 2
        assert sorted(path.name for path in folder.iterdir()) == ["run-000001", "run-000002"]
        assert archived(folder) == log_of(crm)


# ---------------------------------------------------------------------------------------------------------- is refused


def truncate(folder: Path) -> None:
    path = files_of(folder)[0]
    path.write_bytes(path.read_bytes()[:-9])


def remove_a_partition(folder: Path) -> None:
    files_of(folder)[-1].unlink()


def change_a_byte(folder: Path) -> None:
    path = files_of(folder)[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def remove_a_run(folder: Path) -> None:
    shutil.rmtree(folder / "run-000001")


def remove_a_manifest(folder: Path) -> None:
    (folder / "run-000002" / "_manifest.json").unlink()


def empty_a_manifest(folder: Path) -> None:
    (folder / "run-000001" / "_manifest.json").write_text("{}")


def exchange_a_run(folder: Path) -> None:
    shutil.rmtree(folder / "run-000002")
    shutil.copytree(folder / "run-000001", folder / "run-000002")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (truncate, r"part-\d+.parquet isn't the file that was archived: .* it was cut off or changed"),
        (remove_a_partition, r"run-000002/part-\d+.parquet is missing: partition \d+, with 1 events"),
        (change_a_byte, r"part-\d+.parquet isn't the file that was archived"),
        (remove_a_run, r"run-000001 is missing: the archive has events up to #0, and the next run it has"),
        (remove_a_manifest, r"run-000002/_manifest.json is missing"),
        (empty_a_manifest, r"run-000001/_manifest.json is no manifest of an archive: .*missing required field"),
        (exchange_a_run, r"run-000002 doesn't follow the run before it: that one ends at event #12"),
    ],
)
def test_an_archive_that_is_not_as_it_was_written_is_refused(
    damage: Any, sentence: str, sqlite_database_url: str, folder: Path, tmp_path: Path
) -> None:
    with shop(sqlite_database_url) as crm:
        crm.backup(tmp_path / "backup.db")
        crm.archive(folder, partitions=4)
        buy(crm, "B-1")
        crm.archive(folder)
    damage(folder)
    with pytest.raises(StoreUnusable, match=sentence):
        read_archive(folder)
    with pytest.raises(StoreUnusable, match=sentence):
        regulars.restore(tmp_path / "backup.db", tmp_path / "restored.db", archive=folder)
    assert not (tmp_path / "restored.db").exists()


def test_a_folder_without_an_archive_is_said_to_have_none(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no archive in .*; `regulars archive` makes one"):
        read_archive(tmp_path)


def test_another_store_adds_nothing_to_an_archive(tmp_path: Path, folder: Path) -> None:
    with shop(prepared_sqlite(tmp_path / "one.db")) as crm:
        crm.archive(folder)
    with shop(prepared_sqlite(tmp_path / "other.db")) as crm, pytest.raises(StoreUnusable, match="of another store"):
        crm.archive(folder)


def test_a_copy_that_went_another_way_adds_nothing_to_an_archive(tmp_path: Path, folder: Path) -> None:
    with shop(prepared_sqlite(tmp_path / "one.db")) as crm:
        crm.backup(tmp_path / "other.db")
        buy(crm, "B-1")
        crm.archive(folder)
    with opened(str(tmp_path / "other.db"), Clock()) as other:
        buy(other, "B-2", "B-3")
        with pytest.raises(StoreUnusable, match=r"gone different ways: their event #13 isn't the same"):
            other.archive(folder)


def test_an_archive_keeps_its_number_of_partitions(sqlite_database_url: str, folder: Path) -> None:
    with shop(sqlite_database_url) as crm:
        crm.archive(folder, partitions=4)
        with pytest.raises(StoreUnusable, match="has 4 partitions, and keeps them; not 5"):
            crm.archive(folder, partitions=5)
        with pytest.raises(ValueError, match="from 1 to 256 partitions, not 0"):
            crm.archive(folder, partitions=0)


def test_a_value_that_is_never_written_is_not_archived(sqlite_database_url: str, folder: Path) -> None:
    with shop(sqlite_database_url) as crm:
        with crm._store.writing() as tx:
            tx.connection.exec_driver_sql("UPDATE regulars_events SET actor = x'00ff' WHERE position = 5")
        with pytest.raises(StoreUnusable, match="event #5 can't be read: its actor is not what was recorded"):
            crm.archive(folder)
    assert read_runs(folder).runs == ()


def test_without_the_extra_a_sentence_says_how_to_install_it(
    sqlite_database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with opened(sqlite_database_url, Clock()) as crm, pytest.raises(StoreUnusable, match=r"regulars\[archive\]"):
        crm.archive(folder)


def test_nobody_who_archives_nothing_waits_for_the_libraries_of_archives() -> None:
    late = {"pandas", "pyarrow", "pyspark"}
    program = f"import sys, regulars.cli.rebuilding, regulars.cli.archiving; print(sorted({late} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"


# ------------------------------------------------------------------------------------------------------------ restoring


def kept(crm: Regulars) -> dict[str, list[tuple[Any, ...]]]:
    """What a restore has to bring back, as the database has it."""
    with crm._store.reading() as tx:
        names = ("commands", "consents", "events", "forgotten", "keys", "links", "lookups")
        return {
            name: sorted(map(tuple, tx.connection.exec_driver_sql(f"SELECT * FROM regulars_{name}")), key=repr)
            for name in names
        }


@settings(max_examples=max(10, EXAMPLES // 5))
@given(before=trade(max_size=10), between=trade(max_size=10), after=trade(max_size=6))
def test_a_backup_with_an_archive_is_the_store_of_the_archive(
    before: list[Step], between: list[Step], after: list[Step]
) -> None:
    clock = Clock()
    with empty_file() as url:
        here = Path(url).parent
        with opened(url, clock) as crm:
            register(crm, clock)
            play(crm, clock, before)
            crm.archive(here / "archive", partitions=3)
            play(crm, clock, between, 100)
            crm.backup(here / "backup.db")
            play(crm, clock, after, 200)
            crm.archive(here / "archive")
            expected, prints = kept(crm), crm.projections.verify()
        done = regulars.restore(here / "backup.db", here / "restored.db", archive=here / "archive", clock=clock)
        assert done.records.holds
        with opened(str(here / "restored.db"), clock) as restored:
            assert kept(restored) == expected
            found = restored.projections.verify()
            assert found.holds
            assert found.folded == prints.folded


def test_who_was_forgotten_after_the_backup_stays_forgotten(tmp_path: Path, folder: Path) -> None:
    with shop(prepared_sqlite(tmp_path / "shop.db")) as crm:
        crm.backup(tmp_path / "backup.db")
        crm.do(ErasePersonalData(customer="shop:2", confirm=True))
        gone = log_of(crm)[-1][4]
        crm.archive(folder)
    done = regulars.restore(tmp_path / "backup.db", tmp_path / "restored.db", archive=folder)
    assert (done.added, done.without_key) == (1, 0)
    assert done.records.holds
    with opened(str(tmp_path / "restored.db"), Clock()) as restored:
        assert restored.customer(CustomerId(gone)).name is None
        assert [each.customer_id for each in restored.forgotten()] == [gone]
        with pytest.raises(NotFound):
            restored.find("shop:2")


def test_who_was_registered_after_the_backup_is_counted_and_not_readable(tmp_path: Path, folder: Path) -> None:
    clock = Clock()
    with shop(prepared_sqlite(tmp_path / "shop.db"), clock) as crm:
        crm.backup(tmp_path / "backup.db")
        crm.do(RegisterCustomer(ref="shop:9", name="Grace Hopper"))
        grace = crm.find("shop:9")
        buy(crm, "B-1", who="shop:9")
        crm.archive(folder)
    done = regulars.restore(tmp_path / "backup.db", tmp_path / "restored.db", archive=folder)
    assert (done.added, done.without_key) == (2, 1)
    with opened(str(tmp_path / "restored.db"), clock) as restored:
        found = restored.customer(grace)
        assert (found.name, found.orders) == (None, 1)


def test_a_command_that_is_tried_again_after_a_restore_gets_its_first_answer(tmp_path: Path, folder: Path) -> None:
    clock = Clock()
    again = RecordPurchase(customer="shop:1", order_id="B-1", amount="5.00", command_id="once")
    with shop(prepared_sqlite(tmp_path / "shop.db"), clock) as crm:
        crm.backup(tmp_path / "backup.db")
        first = crm.do(again)
        crm.archive(folder)
    regulars.restore(tmp_path / "backup.db", tmp_path / "restored.db", archive=folder)
    with opened(str(tmp_path / "restored.db"), clock) as restored:
        count = restored.event_count
        assert [each.position for each in restored.do(again).events] == [each.position for each in first.events]
        assert restored.event_count == count


def test_what_is_recorded_after_a_restore_goes_on_behind_the_archive(tmp_path: Path, folder: Path) -> None:
    clock = Clock()
    with shop(prepared_sqlite(tmp_path / "shop.db"), clock) as crm:
        crm.backup(tmp_path / "backup.db")
        buy(crm, "B-1")
        until = crm.archive(folder).until
    regulars.restore(tmp_path / "backup.db", tmp_path / "restored.db", archive=folder)
    clock.now += DAY
    with opened(str(tmp_path / "restored.db"), clock) as restored:
        buy(restored, "C-1")
        assert log_of(restored)[-1][0] == until + 1
        assert restored.archive(folder).added == 1
        assert archived(folder) == log_of(restored)


def test_a_backup_that_is_newer_than_the_archive_is_restored_as_it_is(tmp_path: Path, folder: Path) -> None:
    with shop(prepared_sqlite(tmp_path / "shop.db")) as crm:
        crm.archive(folder)
        buy(crm, "B-1")
        crm.backup(tmp_path / "backup.db")
        expected = log_of(crm)
    assert regulars.restore(tmp_path / "backup.db", tmp_path / "restored.db", archive=folder).added == 0
    with opened(str(tmp_path / "restored.db"), Clock()) as restored:
        assert log_of(restored) == expected


def test_a_backup_takes_nothing_from_the_archive_of_another_store(tmp_path: Path, folder: Path) -> None:
    with shop(prepared_sqlite(tmp_path / "one.db")) as crm:
        crm.archive(folder)
    with shop(prepared_sqlite(tmp_path / "other.db")) as crm:
        crm.backup(tmp_path / "backup.db")
    with pytest.raises(StoreUnusable, match="is of another store than the backup"):
        regulars.restore(tmp_path / "backup.db", tmp_path / "restored.db", archive=folder)
    assert not (tmp_path / "restored.db").exists()


def test_a_backup_takes_nothing_from_an_archive_that_went_another_way(tmp_path: Path, folder: Path) -> None:
    with shop(prepared_sqlite(tmp_path / "shop.db")) as crm:
        crm.backup(tmp_path / "copy.db")
        buy(crm, "B-1", "B-2")
        crm.archive(folder)
    with opened(str(tmp_path / "copy.db"), Clock()) as copy:
        buy(copy, "B-3")
        copy.backup(tmp_path / "backup.db")
    with pytest.raises(StoreUnusable, match=r"gone different ways: their event #13 isn't the same"):
        regulars.restore(tmp_path / "backup.db", tmp_path / "restored.db", archive=folder)


# ------------------------------------------------------------------------------------------------ what a cluster folds


def folded_by_workers(crm: Regulars, number: int, folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The rows that workers give for an archive; each gets the customers of a partition, and one all families."""
    archive = read_archive(folder)
    with crm._store.reading() as tx:
        models = read_generation(crm._store, tx.connection, number).read_models(crm._store)
        rules = crm._session.rules(tx)
    task = task_of(crm._store, archive, models, rules, archive.until)
    worker = Worker(task)
    shares: dict[object, list[dict[str, Any]]] = {}
    for path in files_of(folder):
        for row in rows_in(path):
            root = worker.families.root(row["customer_id"])
            in_family = root in worker.families.others
            shares.setdefault("families" if in_family else path.name, []).append(row | {"root": root})
    found: dict[str, list[tuple[Any, ...]]] = {}
    names = {table.name: projection_of(table) for table in worker.models.tables.tables}
    for rows in shares.values():
        rows.sort(key=lambda row: (row["root"], row["occurred_at"], row["position"]))
        batches = pa.Table.from_pylist([{name: row[name] for name in WANTED} for row in rows]).to_batches(
            max_chunksize=3
        )
        for _, _, history in Worker(task).histories(batches):
            for name, theirs in worker.rows(history).items():
                found.setdefault(names[name], []).extend(theirs)
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


@settings(max_examples=max(10, EXAMPLES // 5))
@given(steps=trade(), later=trade(max_size=8), partitions=st.sampled_from([1, 2, 5]))
def test_what_workers_fold_of_an_archive_is_what_one_machine_folds(
    steps: list[Step], later: list[Step], partitions: int
) -> None:
    clock = Clock()
    with empty_file() as url, opened(url, clock) as crm:
        folder = Path(url).parent / "archive"
        register(crm, clock)
        play(crm, clock, steps)
        crm.archive(folder, partitions=partitions)
        play(crm, clock, later, 100)
        crm.archive(folder)
        number = crm.projections.rebuild()
        expected = {name: rows for name, rows in read_models_of(crm, number).items() if rows}
        assert folded_by_workers(crm, number, folder) == expected


def test_partitions_follow_from_ids_alone() -> None:
    assert [partition_of(each, 16) for each in ("", "0123456789abcdef0123456789abcdef")] == [
        0,
        zlib.crc32(b"0123456789abcdef0123456789abcdef") % 16,
    ]


# -------------------------------------------------------------------------------------------------- at the command line


def test_the_command_line_says_what_was_archived(say: Say) -> None:
    say("do", "RegisterCustomer", "ref=shop:1", "name=Ada")
    assert say("archive", "far").out == "Archived 1 event to far: run 1, up to event #1.\n"
    assert say("archive", "far").out == "Nothing is new: far has everything up to event #1.\n"
    say("do", "RegisterCustomer", "ref=shop:2")
    found = say("archive", "far", "--json").json
    assert found == {"archive": "far", "added": 1, "until": 2, "partitions": 16, "runs": 2}


def test_the_command_line_restores_from_an_archive(say: Say) -> None:
    say("do", "RegisterCustomer", "ref=shop:1", "name=Ada", "--currency", "EUR")
    say("backup", "monday.db")
    say("do", "RecordPurchase", "customer=shop:1", "order_id=A-1", "amount=5.00")
    say("archive", "far")
    Path("regulars.db").unlink()  # or it would say who was forgotten since
    done = say("restore", "monday.db", "restored.db", "--from-archive", "far")
    assert done.status == 0
    assert done.out.startswith("Restored to restored.db: 2 events, 1 of them from the archive.\n")
    assert "forgotten after the archive's last event" in " ".join(done.out.split())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("archive", "far", "--partitions", "999"), "--partitions"),
        (("rebuild", "--archive", "far"), "it is folded on a cluster, which --spark names"),
        (("verify", "--archive", "far"), "it is folded on a cluster, which --spark names"),
        (("rebuild", "--spark", "local[2]", "--workers", "2"), "it goes with no --workers"),
        (("rebuild", "--spark", "local[2]", "--customer", "shop:1"), "it goes with no --customer"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(say: Say, words: tuple[str, ...], sentence: str) -> None:
    say("do", "RegisterCustomer", "ref=shop:1")
    said = say(*words)
    assert said.status == 2
    assert sentence in " ".join(said.err.split())
