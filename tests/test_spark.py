"""A cluster folds what one machine folds, row for row, whatever dies meanwhile; what it can't fold it says."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from shutil import copy
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import booking_shop
import dying
import regulars
from databases import prepared_sqlite
from outside import run
from regulars import (
    EnrollMember,
    ErasePersonalData,
    MergeCustomers,
    OpenTicket,
    ParkedCustomer,
    RecordPurchase,
    RecordReturn,
    RegisterCustomer,
    Regulars,
    StoreUnusable,
    UndoMerge,
)
from regulars.adapters.archive.manifest import partition_of
from regulars.adapters.cluster import rebuilding
from regulars.adapters.cluster.session import spark_session
from regulars.adapters.read_models import catch_up, staging
from saying import Say
from shops import HOUR, Clock, opened, read_models_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: It tries a task that failed again, which `local[2]` doesn't.
LOCAL, CLUSTER = "local[2,4]", "local-cluster[2,1,1024]"
PEOPLE = tuple(f"shop:{number}" for number in range(1, 41))
MEMBERS = PEOPLE[::3]

on_local = pytest.mark.parametrize("spark", [LOCAL], indirect=True)
on_one_try = pytest.mark.parametrize("spark", ["local[2]"], indirect=True)
on_cluster = pytest.mark.parametrize("spark", [CLUSTER], indirect=True)


# ---------------------------------------------------------------------------------------------- what is missing is said


def test_without_the_extra_a_sentence_says_how_to_install_it(
    sqlite_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with opened(sqlite_database_url, Clock()) as crm, pytest.raises(StoreUnusable, match=r"regulars\[cluster\]"):
        crm.projections.rebuild(spark="local[2]")


def test_without_java_a_sentence_says_so(
    sqlite_database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with opened(sqlite_database_url, Clock()) as crm:
        with pytest.raises(StoreUnusable, match=f"Java 17 or later, and there is none in JAVA_HOME, {tmp_path}"):
            crm.projections.rebuild(spark="local[2]")
        monkeypatch.delenv("JAVA_HOME")
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(StoreUnusable, match="there is none on this machine's PATH"):
            crm.projections.verify(spark="local[2]")


@pytest.mark.parametrize(
    ("master", "sentence"),
    [
        ("spark://127.0.0.1:1", "the master spark://127.0.0.1:1 can't be reached: 127.0.0.1:1: Connection refused"),
        ("nonsense", "no session of Spark could be begun on nonsense: "),
    ],
)
def test_a_master_that_is_none_is_told_in_a_sentence(say: Say, master: str, sentence: str) -> None:
    say("do", "RegisterCustomer", "ref=shop:1")
    say("archive", "far")
    said = say("rebuild", "--spark", master, "--archive", "far")
    assert said.status == 1
    assert sentence in unwrapped(said.err)
    assert len(said.err.splitlines()) < 4


def test_other_machines_need_an_archive_that_they_can_read(say: Say) -> None:
    say("do", "RegisterCustomer", "ref=shop:1")
    said = say("verify", "--spark", "spark://127.0.0.1:1")
    assert said.status == 1
    assert "folds an archive in a folder that all its machines have: name it (--archive)" in unwrapped(said.err)


def unwrapped(text: str) -> str:
    return " ".join(text.split())


# -------------------------------------------------------------------------------------------------------------- a shop


@pytest.fixture(scope="module")
def spark(request: pytest.FixtureRequest) -> Iterator[SparkSession]:
    """A session on a master, which all tests on it share."""
    interrupted = signal.getsignal(signal.SIGINT)
    with spark_session(request.param) as session:
        yield session
    assert signal.getsignal(signal.SIGINT) is interrupted


def make_shop(url: str) -> None:
    """Forty customers, one of whom has half of all events; families whose members are in other partitions."""
    clock = Clock()
    with opened(url, clock) as crm:
        crm.do([RegisterCustomer(ref=who, name=who, occurred_at=clock.now) for who in PEOPLE])
        crm.do([EnrollMember(customer=who, occurred_at=clock.now) for who in MEMBERS])
        for number in range(240):
            clock.now += 7 * HOUR
            who = "shop:1" if number % 2 else PEOPLE[number // 2 % 40]
            crm.do(RecordPurchase(customer=who, order_id=f"A-{number}", amount="45.00", command_id=f"c-{number}"))
            if number % 20 == 0:
                crm.do(OpenTicket(customer=who, ticket_id=f"T-{number}", subject="a leg"))
            if number % 30 == 7:
                crm.do(RecordReturn(order_id=f"A-{number}", amount="5.00"))
        strangers = [each for each in PEOPLE[2:] if each not in MEMBERS]
        apart = [each for each in strangers if all(is_apart(crm, each, "shop:2", count) for count in (4, 7))]
        crm.do([MergeCustomers(customer=each, into="shop:2") for each in apart[:2]])
        crm.do([MergeCustomers(customer=apart[2], into="shop:1"), UndoMerge(customer=apart[2])])
        crm.do(ErasePersonalData(customer=apart[3], confirm=True))


def is_apart(crm: Regulars, one: str, other: str, partitions: int) -> bool:
    return partition_of(str(crm.find(one)), partitions) != partition_of(str(crm.find(other)), partitions)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop in a file that nobody has open, for others to copy."""
    path = tmp_path_factory.mktemp("made") / "shop.db"
    make_shop(prepared_sqlite(path))
    return path


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> str:
    return str(copy(made, tmp_path / "shop.db"))


def later() -> Clock:
    return Clock(Clock().now + timedelta(days=200))


def both(crm: Regulars, **cluster: Any) -> tuple[Any, Any]:
    """The rows of a rebuild on one machine, and of one on a cluster."""
    alone, together = crm.projections.rebuild(), crm.projections.rebuild(**cluster)
    assert together > alone
    return read_models_of(crm, alone), read_models_of(crm, together)


# --------------------------------------------------------------------------------------------------------- it is equal


@on_local
def test_a_rebuild_on_a_cluster_is_that_of_one_machine(spark: SparkSession, shop: str, tmp_path: Path) -> None:
    with opened(shop, later()) as crm:
        alone = read_models_of(crm, crm.projections.rebuild())
        for partitions in (1, 7):
            folder = tmp_path / str(partitions)
            crm.archive(folder, partitions=partitions)
            assert read_models_of(crm, crm.projections.rebuild(spark=LOCAL, archive=folder)) == alone
            assert [path.name for path in folder.iterdir()] == ["run-000001"]
        assert crm.projections.verify().holds
        half = len(list(crm.events(customer="shop:1")))
        assert half > 0.4 * crm.event_count


@on_local
def test_what_came_after_the_archive_is_folded_here(spark: SparkSession, shop: str, tmp_path: Path) -> None:
    with opened(shop, later()) as crm:
        crm.archive(tmp_path / "archive", partitions=2)
        crm.do(RecordPurchase(customer="shop:1", order_id="B-1", amount="9.00"))
        crm.archive(tmp_path / "archive")
        crm.do(RecordPurchase(customer="shop:1", order_id="B-2", amount="9.00"))
        crm.do(MergeCustomers(customer="shop:1", into="shop:2"))
        alone, together = both(crm, spark=LOCAL, archive=tmp_path / "archive")
        assert together == alone
        assert crm.projections.verify().holds


@on_local
def test_a_store_on_postgresql_is_rebuilt_and_verified(
    spark: SparkSession, postgres_database_url: str, tmp_path: Path
) -> None:
    make_shop(postgres_database_url)
    with opened(postgres_database_url, later()) as crm:
        crm.archive(tmp_path, partitions=2)
        alone, together = both(crm, spark=LOCAL, archive=tmp_path)
        assert together == alone
        found, expected = crm.projections.verify(spark=LOCAL, archive=tmp_path), crm.projections.verify()
        assert found.holds
        assert (found.stored, found.folded) == (expected.stored, expected.folded)
        assert (found.customers, found.checkpoint) == (expected.customers, expected.checkpoint)


@on_local
def test_one_projection_is_rebuilt_beside_the_others(spark: SparkSession, shop: str, tmp_path: Path) -> None:
    with opened(shop, later()) as crm:
        crm.archive(tmp_path, partitions=2)
        expected = read_models_of(crm, crm.projections.rebuild())
        crm.do(RecordPurchase(customer="shop:1", order_id="B-1", amount="9.00"))
        before = {each.name: each.number for each in crm.projections.generations()[-1].builds}
        number = crm.projections.rebuild(projection="loyalty_tier", spark=LOCAL, archive=tmp_path)
        after = {each.name: each.number for each in crm.projections.generations()[-1].builds}
        assert {name for name in after if after[name] != before[name]} == {"loyalty_tier"}
        assert read_models_of(crm, number) != expected
        assert crm.projections.verify().holds


@on_local
def test_an_empty_store_is_rebuilt_and_verified(spark: SparkSession, sqlite_database_url: str) -> None:
    with opened(sqlite_database_url, later()) as crm:
        crm.projections.rebuild(spark=LOCAL)
        assert crm.projections.verify(spark=LOCAL).holds


@on_local
def test_an_extension_is_folded_where_the_events_are(spark: SparkSession, tmp_path: Path) -> None:
    with regulars.open(tmp_path / "shop.db", extensions=(booking_shop.extension,), clock=later()) as crm:
        crm.do([RegisterCustomer(ref="shop:1"), RegisterCustomer(ref="shop:2")])
        crm.do(booking_shop.BookVisit(customer="shop:1", booking_id="B-1", service="haircut"))
        alone, together = both(crm, spark=LOCAL)
        assert together == alone
        assert together["reliability"]


# ------------------------------------------------------------------------------------------------------------ verifying


@on_local
def test_a_cluster_finds_what_was_changed(spark: SparkSession, shop: str, say: Say) -> None:
    say("--db", "shop.db", "archive", "far", "--partitions", "3")
    said = say("--db", "shop.db", "rebuild", "--spark", LOCAL, "--archive", "far", "--json")
    assert said.status == 0
    number = said.json["generation"]
    assert say("--db", "shop.db", "verify", "--spark", LOCAL, "--archive", "far").status == 0
    run("shop.db", f"DELETE FROM regulars_points_{number} WHERE customer = 1")
    run("shop.db", f"UPDATE regulars_churn_risk_{number}_steps SET valid_to = valid_to + 1 WHERE customer = 2")
    said = say("--db", "shop.db", "verify", "--spark", LOCAL, "--archive", "far", "--json")
    assert said.status == 1
    differences = said.json["differences"]
    assert [each["projection"] for each in differences] == ["churn_risk_steps", "points"]


@on_local
def test_an_archive_that_ends_too_early_verifies_nothing(spark: SparkSession, shop: str, tmp_path: Path) -> None:
    with opened(shop, later()) as crm:
        until = crm.archive(tmp_path / "archive", partitions=1).until
        crm.do(RecordPurchase(customer="shop:1", order_id="B-1", amount="9.00"))
        with pytest.raises(StoreUnusable, match=f"ends at event #{until}, and the read models have folded up to #"):
            crm.projections.verify(spark=LOCAL, archive=tmp_path / "archive")


# ------------------------------------------------------------------------------------------------------- what can't be


@on_local
def test_an_archive_of_another_store_is_not_folded(spark: SparkSession, tmp_path: Path) -> None:
    urls = [prepared_sqlite(tmp_path / name) for name in ("one.db", "other.db")]
    with opened(urls[0], later()) as one, opened(urls[1], later()) as other:
        for crm in (one, other):
            crm.do(RegisterCustomer(ref="shop:1"))
        one.archive(tmp_path / "archive")
        with pytest.raises(StoreUnusable, match="is of another store than"):
            other.projections.rebuild(spark=LOCAL, archive=tmp_path / "archive")


@on_local
def test_a_file_that_was_cut_off_is_not_folded(spark: SparkSession, shop: str, tmp_path: Path) -> None:
    with opened(shop, later()) as crm:
        crm.archive(tmp_path, partitions=4)
        path = next(tmp_path.glob("run-*/*.parquet"))
        path.write_bytes(path.read_bytes()[:-1])
        live = crm.status().generation
        with pytest.raises(StoreUnusable, match="isn't the file that was archived"):
            crm.projections.rebuild(spark=LOCAL, archive=tmp_path)
        assert crm.status().generation == live


@on_local
def test_events_in_the_wrong_partition_are_noticed(spark: SparkSession, shop: str, tmp_path: Path) -> None:
    with opened(shop, later()) as crm:
        crm.archive(tmp_path, partitions=2)
        misplace_a_row(tmp_path / "run-000001", str(crm.find("shop:4")))
        live = crm.status().generation
        with pytest.raises(StoreUnusable, match=r"version 1 of the stream \S+ came 0 times to the worker"):
            crm.projections.rebuild(spark=LOCAL, archive=tmp_path)
        assert crm.status().generation == live


def misplace_a_row(run_folder: Path, customer_id: str) -> None:
    """Put a member's enrolment, which others of its stream follow, into another partition; let the manifest agree.

    The member is of no family: a family's rows are brought together wherever they lie.
    """
    paths = sorted(run_folder.glob("*.parquet"))
    one, other = paths if customer_id in customers_of(paths[0]) else reversed(paths)
    whole = pq.ParquetFile(one).read()
    rows = zip(customers_of(one), whole.column("type").to_pylist(), strict=True)
    place = list(rows).index((customer_id, "MembershipEnrolled"))
    keeps = [at != place for at in range(len(whole))]
    pq.write_table(whole.filter(pa.array(keeps)), one)
    pq.write_table(pa.concat_tables([pq.ParquetFile(other).read(), whole.slice(place, 1)]), other)
    manifest = json.loads((run_folder / "_manifest.json").read_text())
    for each, path in zip(manifest["files"], paths, strict=True):
        each["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (run_folder / "_manifest.json").write_text(json.dumps(manifest))


def customers_of(path: Path) -> list[str]:
    return pq.ParquetFile(path).read().column("customer_id").to_pylist()


@on_local
def test_who_cannot_be_folded_is_parked_as_on_one_machine(spark: SparkSession, shop: str, tmp_path: Path) -> None:
    with opened(shop, later()) as crm:
        who = str(crm.find("shop:7"))
        run(shop, f"UPDATE regulars_events SET payload = X'7B' WHERE stream_id = '{who}' AND version = 1")
        crm.archive(tmp_path, partitions=2)
        with pytest.raises(ParkedCustomer, match=who):
            crm.projections.rebuild(spark=LOCAL, archive=tmp_path)
        alone = crm.projections.rebuild(park=True)
        parked = crm.status().parked
        together = crm.projections.rebuild(park=True, spark=LOCAL, archive=tmp_path)
        assert crm.status().parked == parked != ()
        assert read_models_of(crm, together) == read_models_of(crm, alone)


@on_local
def test_another_master_than_that_of_the_process_is_refused(spark: SparkSession, shop: str) -> None:
    with opened(shop, later()) as crm, pytest.raises(StoreUnusable, match=r"has a session on .* already"):
        crm.projections.rebuild(spark="local[1]")


# ------------------------------------------------------------------------------------------------------ what is cut off


@on_local
def test_what_a_cluster_began_one_machine_ends(
    spark: SparkSession, shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "CUSTOMERS_AT_ONCE", 3)
    chunks = 0

    def stopping(*given: Any) -> None:
        nonlocal chunks
        chunks += 1
        if chunks == 4:
            raise KeyboardInterrupt
        staging.stage(*given)

    with opened(shop, later()) as crm:
        crm.archive(tmp_path, partitions=2)
        expected = read_models_of(crm, crm.projections.rebuild())
        monkeypatch.setattr(catch_up, "stage", stopping)
        with pytest.raises(KeyboardInterrupt):
            crm.projections.rebuild(spark=LOCAL, archive=tmp_path)
        begun = crm.projections.generations()[-1]
        assert not begun.is_whole
        monkeypatch.setattr(catch_up, "stage", staging.stage)
        number = crm.projections.rebuild()
        assert number == begun.number
        assert read_models_of(crm, number) == expected


@on_local
def test_a_worker_that_is_killed_is_replaced(spark: SparkSession, shop: str, tmp_path: Path) -> None:
    assert "pyspark" in killed_once(spark, LOCAL, "worker", shop, tmp_path / "killed")


@on_one_try
def test_where_nothing_is_tried_again_a_killed_worker_ends_the_rebuild_in_a_sentence(
    spark: SparkSession, shop: str, tmp_path: Path
) -> None:
    with pytest.raises(StoreUnusable, match="couldn't fold the archive: Python worker exited unexpectedly"):
        killed_once(spark, "local[2]", "worker", shop, tmp_path / "killed")
    with opened(shop, later()) as crm:
        assert crm.projections.verify().holds


@on_cluster
def test_an_executor_that_is_killed_is_replaced(spark: SparkSession, shop: str, tmp_path: Path) -> None:
    assert "CoarseGrainedExecutorBackend" in killed_once(spark, CLUSTER, "executor", shop, tmp_path / "killed")


def killed_once(session: SparkSession, master: str, what: str, url: str, mark: Path) -> str:
    """Rebuild while a process is killed once, and compare; what that process was."""
    session.sparkContext.environment.update({dying.KILLS: what, dying.MARK: str(mark)})
    try:
        with regulars.open(url, clock=later(), extensions=(dying.EXTENSION,)) as crm:
            crm.archive(mark.parent / "archive", partitions=2)
            alone, together = both(crm, spark=master, archive=mark.parent / "archive")
            assert together == alone
    finally:
        for name in (dying.KILLS, dying.MARK):
            del session.sparkContext.environment[name]
    process, _, command = mark.read_text().partition(" ")
    with pytest.raises(ProcessLookupError):
        os.kill(int(process), 0)
    return command
