"""What Regulars promises of its recorders beyond the library's own suites."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from time import monotonic, sleep
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from eventsourcing import persistence
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import IntegrityError, Notification, OperationalError, StoredEvent, Tracking
from eventsourcing.utils import Environment
from sqlalchemy.engine import Connection

from processes import forked
from regulars.adapters.eventsourcing_library.notifications import PAGE, POLL_INTERVAL
from regulars.adapters.eventsourcing_library.recorders import (
    RegularsFactory,
    SqlAggregateRecorder,
    SqlApplicationRecorder,
    SqlProcessRecorder,
    SqlRecorder,
    SqlTrackingRecorder,
)
from regulars.adapters.sql.database import Database

R = TypeVar("R", bound=SqlRecorder)

FORKED = forked()


@pytest.fixture
def database(bare_url: str) -> Iterator[Database]:
    opened = Database(bare_url)
    yield opened
    opened.close()


@pytest.fixture
def recorder(database: Database) -> SqlApplicationRecorder:
    return created(SqlApplicationRecorder(database))


def created(recorder: R) -> R:
    recorder.create_table()
    return recorder


@contextmanager
def memory(recorder_class: type[R]) -> Iterator[R]:
    database = Database(":memory:")
    try:
        yield created(recorder_class(database))
    finally:
        database.close()


@contextmanager
def rolled_back(database: Database) -> Iterator[Connection]:
    with suppress(ZeroDivisionError), database.writing() as connection:
        yield connection
        raise ZeroDivisionError


def event(originator_id: UUID | str | None = None, version: int = 1, topic: str = "happened") -> StoredEvent:
    return StoredEvent(originator_id or uuid4(), version, topic, b"{}")


def events(how_many: int, topic: str = "happened") -> list[StoredEvent]:
    return [event(topic=topic) for _ in range(how_many)]


def ids(notifications: Sequence[Notification]) -> list[int]:
    return [notification.id for notification in notifications]


def taken(subscription: Iterator[Notification], how_many: int) -> list[int]:
    return [next(subscription).id for _ in range(how_many)]


# Subscriptions


def insert_from_another_process(url: str, batches: int, size: int) -> None:
    database = Database(url)
    recorder = SqlApplicationRecorder(database)
    for _ in range(batches):
        recorder.insert_events(events(size))
    database.close()


def test_a_subscription_misses_nothing_that_other_processes_and_threads_insert(
    bare_url: str, recorder: SqlApplicationRecorder
) -> None:
    processes = [FORKED.Process(target=insert_from_another_process, args=(bare_url, 20, 5)) for _ in range(2)]
    expected = 2 * 20 * 5 + 2 * 50 * 3
    with ThreadPoolExecutor(3) as threads, recorder.subscribe() as subscription:
        seen = threads.submit(taken, subscription, expected)
        for process in processes:
            process.start()
        writers = [threads.submit(insert_often, recorder, 50, 3) for _ in range(2)]
        for writer in writers:
            writer.result()
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0, 0]
        received = seen.result(timeout=30)
    assert received == sorted(set(received))
    assert received == ids(recorder.select_notifications(None, 2 * expected))


def insert_often(recorder: SqlApplicationRecorder, batches: int, size: int) -> None:
    for _ in range(batches):
        recorder.insert_events(events(size))
        sleep(0.001)


def test_a_subscription_begins_after_a_position_and_reads_many_pages(recorder: SqlApplicationRecorder) -> None:
    recorder.insert_events(events(2 * PAGE + 10))
    with recorder.subscribe(gt=5) as subscription:
        assert taken(subscription, 2 * PAGE + 5) == list(range(6, 2 * PAGE + 11))


def test_a_subscription_to_topics_skips_the_others(recorder: SqlApplicationRecorder) -> None:
    with recorder.subscribe(topics=["rare"]) as subscription:
        for _ in range(2):
            recorder.insert_events(events(3))
            (rare,) = recorder.insert_events(events(1, topic="rare"))
            assert next(subscription).id == rare
            recorder.insert_events(events(3))


def test_following_topics_moves_past_what_is_of_no_interest(recorder: SqlApplicationRecorder) -> None:
    assert recorder.follow(None, ["rare"]) == ([], None)
    assert recorder.follow(7, ["rare"]) == ([], 7)
    recorder.insert_events(events(3))
    assert recorder.max_notification_id() == 3
    assert recorder.follow(None, ["rare"]) == ([], 3)
    assert recorder.follow(7, ["rare"]) == ([], 7)


def test_an_insert_wakes_a_subscription_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regulars.adapters.eventsourcing_library.notifications.POLL_INTERVAL", 60)
    with (
        memory(SqlApplicationRecorder) as recorder,
        ThreadPoolExecutor(1) as threads,
        recorder.subscribe() as following,
    ):
        seen = threads.submit(next, following)
        sleep(0.1)
        recorder.insert_events(events(1))
        assert seen.result(timeout=5).id == 1


def test_stopping_ends_a_subscription_at_once(
    recorder: SqlApplicationRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regulars.adapters.eventsourcing_library.notifications.POLL_INTERVAL", 60)
    subscription = recorder.subscribe()
    with ThreadPoolExecutor(1) as threads:
        seen = threads.submit(list, subscription)
        sleep(0.1)
        subscription.stop()
        assert seen.result(timeout=5) == []


def test_a_subscription_polls_often_enough_to_seem_immediate() -> None:
    assert 0.02 <= POLL_INTERVAL <= 0.05


# Positions


def test_positions_are_not_reused_after_the_last_event_is_deleted(recorder: SqlApplicationRecorder) -> None:
    assert recorder.insert_events(events(3)) == [1, 2, 3]
    with recorder.writing() as connection:
        connection.execute(sa.delete(recorder.events).where(recorder.events.c.position >= 2))
    assert recorder.insert_events(events(1)) == [4]
    assert ids(recorder.select_notifications(None, 10)) == [1, 4]


def test_reads_do_not_wait_for_an_own_event_that_was_deleted(recorder: SqlApplicationRecorder) -> None:
    recorder.insert_events(events(1))
    with recorder.writing() as connection:
        connection.execute(sa.delete(recorder.events))
    assert recorder.max_notification_id() is None


def test_a_position_has_no_default(recorder: SqlApplicationRecorder) -> None:
    statement = str(sa.schema.CreateTable(recorder.events).compile(dialect=recorder.database.dialect))
    assert "SERIAL" not in statement


def test_no_reader_skips_a_position_while_many_write(recorder: SqlApplicationRecorder) -> None:
    done = threading.Event()
    with ThreadPoolExecutor(5) as threads:
        writers = [threads.submit(insert_often, recorder, 40, 2) for _ in range(4)]
        reader = threads.submit(read_in_order, recorder, done)
        for writer in writers:
            writer.result()
        recorder.max_notification_id()  # waits until all of it can be read
        done.set()
        assert reader.result() == ids(recorder.select_notifications(None, 1000))


def read_in_order(recorder: SqlApplicationRecorder, done: threading.Event) -> list[int]:
    seen: list[int] = []
    gt: int | None = None
    while True:
        finishing = done.is_set()
        found, gt = recorder.follow(gt)
        seen.extend(ids(found))
        if finishing and not found:
            return seen
        sleep(0.001)


# Transactions


def test_a_rolled_back_insert_leaves_nothing_visible(recorder: SqlApplicationRecorder) -> None:
    first = event()
    recorder.insert_events([first])
    with pytest.raises(IntegrityError):
        recorder.insert_events([event(), first])
    assert ids(recorder.select_notifications(None, 10)) == [1]
    assert recorder.max_notification_id() == 1


def test_an_insert_joins_the_transaction_it_is_given(recorder: SqlApplicationRecorder) -> None:
    mine = event()
    with recorder.database.writing() as connection:
        positions = recorder.insert_events([mine], transaction=connection)
    recorder.announce(positions)
    assert ids(recorder.select_notifications(None, 10)) == positions == [1]
    assert recorder.select_events(mine.originator_id) == [mine]


def test_an_insert_goes_when_the_transaction_it_joined_is_rolled_back(recorder: SqlApplicationRecorder) -> None:
    mine = event()
    with rolled_back(recorder.database) as connection:
        recorder.insert_events([mine], transaction=connection)
    assert recorder.select_events(mine.originator_id) == []
    assert recorder.max_notification_id() is None


def test_a_conflict_in_a_joined_transaction_is_the_librarys(recorder: SqlApplicationRecorder) -> None:
    mine = event()
    recorder.insert_events([mine])
    with pytest.raises(IntegrityError), recorder.database.writing() as connection:
        recorder.insert_events([mine], transaction=connection)


def test_an_aggregate_recorder_joins_a_transaction_too(database: Database) -> None:
    recorder = created(SqlAggregateRecorder(database))
    mine = event()
    with rolled_back(database) as connection:
        recorder.insert_events([mine], transaction=connection)
    assert recorder.select_events(mine.originator_id) == []


def test_events_and_tracking_are_written_together_or_not_at_all(database: Database) -> None:
    recorder = created(SqlProcessRecorder(database))
    recorder.insert_events([event()], tracking=Tracking("upstream", 7))
    with pytest.raises(IntegrityError):
        recorder.insert_events([event()], tracking=Tracking("upstream", 7))
    assert recorder.max_notification_id() == 1
    assert recorder.max_tracking_id("upstream") == 7


def test_a_row_with_more_columns_needs_one_override(database: Database) -> None:
    recorder = created(WithInstant(database))
    recorder.insert_events([event()], now=1_000)
    recorder.insert_events([event()], now=900)
    with recorder.reading() as connection:
        recorded = connection.scalars(sa.select(recorder.events.c.recorded_at).order_by("position")).all()
    assert recorded == [1_000, 1_000]
    assert ids(recorder.select_notifications(None, 10)) == [1, 2]


class WithInstant(SqlApplicationRecorder):
    def define_events(self) -> sa.Table:
        table = super().define_events()
        table.append_column(sa.Column("recorded_at", sa.BigInteger, nullable=False))
        return table


# The horizon, on PostgreSQL


@contextmanager
def older_transaction(url: str) -> Iterator[None]:
    """A transaction that got its id before ours, and goes on."""
    other = Database(url)
    with other.writing() as connection:
        connection.exec_driver_sql("SELECT pg_current_xact_id()")
        yield
    other.close()


def test_a_read_waits_for_its_own_write_to_settle_and_gives_up(bare_postgres_url: str) -> None:
    database = Database(bare_postgres_url)
    recorder = created(SqlApplicationRecorder(database, horizon_timeout=0.2))
    with older_transaction(bare_postgres_url):
        recorder.insert_events(events(1))
        with pytest.raises(OperationalError, match=r"unsettled for 0\.2 s"):
            recorder.select_notifications(None, 10)
        with pytest.raises(OperationalError, match=r"unsettled for 0\.2 s"):
            recorder.max_notification_id()
    with recorder.subscribe() as subscription:
        assert next(subscription).id == 1
    database.close()


def test_a_read_returns_as_soon_as_its_own_write_has_settled(bare_postgres_url: str) -> None:
    database = Database(bare_postgres_url)
    recorder = created(SqlApplicationRecorder(database))
    with ThreadPoolExecutor(1) as threads:
        with older_transaction(bare_postgres_url):
            recorder.insert_events(events(1))
            reading = threads.submit(recorder.max_notification_id)
            sleep(0.1)
            assert not reading.done()
        assert reading.result(timeout=5) == 1
    database.close()


def test_a_reader_that_wrote_nothing_does_not_wait(bare_postgres_url: str) -> None:
    database = Database(bare_postgres_url)
    writer, reader = created(SqlApplicationRecorder(database)), SqlApplicationRecorder(database)
    with older_transaction(bare_postgres_url):
        writer.insert_events(events(1))
        began = monotonic()
        assert reader.select_notifications(None, 10) == []
        assert monotonic() - began < 1
    database.close()


def test_a_subscription_outlives_an_older_transaction(bare_postgres_url: str) -> None:
    database = Database(bare_postgres_url)
    recorder = created(SqlApplicationRecorder(database, horizon_timeout=0.1))
    with ThreadPoolExecutor(1) as threads, recorder.subscribe() as subscription:
        with older_transaction(bare_postgres_url):
            recorder.insert_events(events(2))
            seen = threads.submit(taken, subscription, 2)
            sleep(0.3)
            assert not seen.done()
        assert seen.result(timeout=5) == [1, 2]
    database.close()


def test_an_append_that_readers_could_skip_others_for_is_refused(bare_postgres_url: str) -> None:
    database = Database(bare_postgres_url)
    recorder = created(SqlApplicationRecorder(database))
    with rolled_back(database) as connection:
        recorder.insert_events(events(1), transaction=connection)
        with pytest.raises(persistence.DatabaseError, match="once in a transaction, and by its first write"):
            recorder.insert_events(events(1), transaction=connection)
    database.close()


# Ids


def test_originator_ids_can_be_text(database: Database) -> None:
    recorder = created(SqlApplicationRecorder(database, text_ids=True))
    mine = event("customer-1")
    recorder.insert_events([mine])
    assert recorder.select_events("customer-1") == [mine]
    assert recorder.select_notifications(None, 1)[0].originator_id == "customer-1"


def test_uuids_can_be_kept_as_text(database: Database) -> None:
    recorder = created(SqlAggregateRecorder(database, text_ids=True))
    mine = uuid4()
    recorder.insert_events([event(mine)])
    assert [found.originator_id for found in recorder.select_events(mine)] == [str(mine)]


def test_an_application_finds_its_aggregates_by_uuids_kept_as_text(bare_url: str) -> None:
    environment = {**library_environment(bare_url), "ORIGINATOR_ID_TYPE": "text"}
    with Application[UUID](environment) as application:
        aggregate = Aggregate()
        application.save(aggregate)
        assert application.repository.get(aggregate.id) == aggregate


def test_text_is_no_uuid(recorder: SqlApplicationRecorder) -> None:
    with pytest.raises(persistence.DataError):
        recorder.insert_events([event("customer-1")])
    assert recorder.max_notification_id() is None


# Errors


def test_a_missing_table_is_the_librarys_error(database: Database) -> None:
    with pytest.raises(persistence.DatabaseError):
        SqlApplicationRecorder(database).max_notification_id()
    with pytest.raises(persistence.DatabaseError):
        SqlApplicationRecorder(database).insert_events(events(1))


def test_a_locked_database_is_an_operational_error(bare_sqlite_url: str) -> None:
    holder, other = Database(bare_sqlite_url), Database(bare_sqlite_url, lock_timeout=0.05)
    recorder = created(SqlApplicationRecorder(other))
    with holder.writing(), pytest.raises(OperationalError):
        recorder.insert_events(events(1))
    holder.close()
    other.close()


def test_an_error_does_not_show_what_is_in_an_event(recorder: SqlApplicationRecorder) -> None:
    secret = StoredEvent(uuid4(), 1, "happened", b"pssst")
    recorder.insert_events([secret])
    with pytest.raises(IntegrityError) as caught:
        recorder.insert_events([secret])
    assert "pssst" not in str(caught.value)


# Opening


def create_from_another_process(url: str) -> None:
    database = Database(url)
    created(SqlProcessRecorder(database)).insert_events(events(1))
    database.close()


def test_many_processes_may_create_the_same_tables_at_once(bare_url: str, database: Database) -> None:
    processes = [FORKED.Process(target=create_from_another_process, args=(bare_url,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    with SqlProcessRecorder(database).subscribe() as subscription:
        assert taken(subscription, 4) == [1, 2, 3, 4]


def test_many_threads_may_create_the_same_tables_at_once(bare_url: str) -> None:
    together = threading.Barrier(8)

    def create() -> None:
        database = Database(bare_url)
        together.wait()
        created(SqlProcessRecorder(database)).insert_events(events(1))
        database.close()

    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(create) for _ in range(8)]:
            done.result()


def test_threads_share_a_database_in_memory() -> None:
    with memory(SqlApplicationRecorder) as recorder:
        with ThreadPoolExecutor(4) as threads, recorder.subscribe() as subscription:
            seen = threads.submit(taken, subscription, 90)
            for writer in [threads.submit(insert_often, recorder, 10, 3) for _ in range(3)]:
                writer.result()
            assert seen.result(timeout=10) == list(range(1, 91))
        assert recorder.max_notification_id() == 90


def library_environment(url: str) -> dict[str, str]:
    return {"PERSISTENCE_MODULE": "regulars.adapters.eventsourcing_library.recorders", "REGULARS_URL": url}


def test_applications_share_a_database_in_tables_named_after_them(bare_url: str, database: Database) -> None:
    environment = library_environment(bare_url)
    with Orders(environment) as orders, Parcels(environment) as parcels:
        orders.save(Aggregate())
        parcels.save(Aggregate(), Aggregate())
        assert orders.recorder.max_notification_id() == 1
        assert parcels.recorder.max_notification_id() == 2
    with database.reading() as connection:
        assert set(sa.inspect(connection).get_table_names()) >= {"orders_stored_events", "parcels_stored_events"}


class Orders(Application[UUID]):
    pass


class Parcels(Application[UUID]):
    pass


def test_a_prefix_names_the_tables(bare_url: str, database: Database) -> None:
    environment = {**library_environment(bare_url), "ORDERS_REGULARS_TABLE_PREFIX": "shop_"}
    factory = RegularsFactory(Environment("Orders", environment))
    factory.process_recorder()
    factory.aggregate_recorder("snapshots")
    factory.close()
    with database.reading() as connection:
        names = {name for name in sa.inspect(connection).get_table_names() if name.startswith("shop_")}
    assert names == {"shop_stored_events", "shop_stored_snapshots", "shop_tracking"}


def test_the_environment_chooses_a_recorder_of_ones_own() -> None:
    topic = f"{WithInstant.__module__}:{WithInstant.__name__}"
    factory = RegularsFactory({"REGULARS_URL": ":memory:", "APPLICATION_RECORDER_TOPIC": topic})
    assert type(factory.application_recorder()) is WithInstant
    wrong = RegularsFactory({"REGULARS_URL": ":memory:", "PROCESS_RECORDER_TOPIC": topic})
    with pytest.raises(persistence.InfrastructureFactoryError, match="no SqlProcessRecorder"):
        wrong.process_recorder()
    factory.close()
    wrong.close()


@pytest.mark.parametrize(
    ("name", "environment", "sentence"),
    [
        ("Orders", {}, "set one of ORDERS_REGULARS_URL, REGULARS_URL"),
        ("", {"REGULARS_URL": ":memory:", "REGULARS_TABLE_PREFIX": 'x"; --'}, "REGULARS_TABLE_PREFIX is"),
        ("9 lives", {"REGULARS_URL": ":memory:"}, "REGULARS_TABLE_PREFIX is"),
        ("", {"REGULARS_URL": ":memory:", "ORIGINATOR_ID_TYPE": "int"}, "must be uuid or text"),
    ],
)
def test_an_environment_that_makes_no_sense_is_refused(name: str, environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(OSError, match=sentence):
        RegularsFactory(Environment(name, environment))


def test_an_unusable_database_is_an_operational_error() -> None:
    with pytest.raises(OperationalError, match="not in mysql"):
        RegularsFactory({"REGULARS_URL": "mysql://localhost/shop"})


def test_a_view_moves_on_only(database: Database) -> None:
    recorder = created(SqlTrackingRecorder(database))
    recorder.insert_tracking(Tracking("upstream", 5))
    with pytest.raises(IntegrityError, match="upstream has been followed to 3 or beyond already"):
        recorder.insert_tracking(Tracking("upstream", 3))
    assert recorder.max_tracking_id("upstream") == 5
