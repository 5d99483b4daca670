"""The suites that ship with the `eventsourcing` library, on SQLite and on PostgreSQL.

Left out are its suites for dynamic consistency boundaries (TaggedDecisionCountersProjectionTestCase among them): those
run on recorders of another kind, which are no part of the contract that Regulars implements.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any, TypeVar
from unittest import TestCase

import pytest
import sqlalchemy as sa
from eventsourcing.persistence import Tracking
from eventsourcing.tests import application, persistence, projection
from eventsourcing.utils import Environment, get_topic
from sqlalchemy.engine import Connection

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


class OnSqlite:
    """Puts a suite on SQLite. A suite that isn't put on a database isn't collected."""

    __test__ = True

    @pytest.fixture(autouse=True)
    def _database(self, bare_sqlite_url: str) -> None:
        self.url = bare_sqlite_url


class OnPostgres:
    """Puts a suite on PostgreSQL."""

    __test__ = True

    @pytest.fixture(autouse=True)
    def _database(self, bare_postgres_url: str) -> None:
        self.url = bare_postgres_url


class Suite(TestCase):
    __test__ = False
    url: str

    def environment(self) -> dict[str, str]:
        return {"PERSISTENCE_MODULE": "regulars.adapters.eventsourcing_library.recorders", "REGULARS_URL": self.url}

    def opened(self, recorder_class: type[R]) -> R:
        database = Database(self.url)
        self.addCleanup(database.close)
        recorder = recorder_class(database)
        recorder.create_table()
        return recorder


class AggregateRecorderSuite(Suite, persistence.AggregateRecorderTestCase):
    def create_recorder(self) -> SqlAggregateRecorder:
        return self.opened(SqlAggregateRecorder)


class TestAggregateRecorderOnSqlite(OnSqlite, AggregateRecorderSuite):
    pass


class TestAggregateRecorderOnPostgres(OnPostgres, AggregateRecorderSuite):
    pass


class ApplicationRecorderSuite(Suite, persistence.ApplicationRecorderTestCase[SqlApplicationRecorder]):
    def create_recorder(self) -> SqlApplicationRecorder:
        return self.opened(SqlApplicationRecorder)

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestApplicationRecorderOnSqlite(OnSqlite, ApplicationRecorderSuite):
    pass


class TestApplicationRecorderOnPostgres(OnPostgres, ApplicationRecorderSuite):
    pass


class TrackingRecorderSuite(Suite, persistence.TrackingRecorderTestCase):
    def create_recorder(self) -> SqlTrackingRecorder:
        return self.opened(SqlTrackingRecorder)


class TestTrackingRecorderOnSqlite(OnSqlite, TrackingRecorderSuite):
    pass


class TestTrackingRecorderOnPostgres(OnPostgres, TrackingRecorderSuite):
    pass


class ProcessRecorderSuite(Suite, persistence.ProcessRecorderTestCase):
    def create_recorder(self) -> SqlProcessRecorder:
        return self.opened(SqlProcessRecorder)


class TestProcessRecorderOnSqlite(OnSqlite, ProcessRecorderSuite):
    pass


class TestProcessRecorderOnPostgres(OnPostgres, ProcessRecorderSuite):
    pass


class NonInterleavingSuite(Suite, persistence.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> SqlApplicationRecorder:
        return self.opened(SqlApplicationRecorder)


class TestNonInterleavingOnSqlite(OnSqlite, NonInterleavingSuite):
    pass


class TestNonInterleavingOnPostgres(OnPostgres, NonInterleavingSuite):
    pass


class FactorySuite(Suite, persistence.InfrastructureFactoryTestCase[RegularsFactory]):
    def setUp(self) -> None:
        self.env = Environment("TestCase", self.environment())
        super().setUp()

    def expected_factory_class(self) -> type[RegularsFactory]:
        return RegularsFactory

    def expected_aggregate_recorder_class(self) -> type[SqlAggregateRecorder]:
        return SqlAggregateRecorder

    def expected_application_recorder_class(self) -> type[SqlApplicationRecorder]:
        return SqlApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[SqlTrackingRecorder]:
        return SqlTrackingRecorder

    def tracking_recorder_subclass(self) -> type[SqlTrackingRecorder]:
        return EventCounters

    def expected_process_recorder_class(self) -> type[SqlProcessRecorder]:
        return SqlProcessRecorder


class TestFactoryOnSqlite(OnSqlite, FactorySuite):
    pass


class TestFactoryOnPostgres(OnPostgres, FactorySuite):
    pass


class ExampleApplicationSuite(Suite, application.ExampleApplicationTestCase):
    expected_factory_topic = "regulars.adapters.eventsourcing_library.recorders:RegularsFactory"

    @pytest.fixture(autouse=True)
    def _environment(self, _database: None, monkeypatch: pytest.MonkeyPatch) -> None:
        for key, value in self.environment().items():
            monkeypatch.setenv(key, value)


class TestExampleApplicationOnSqlite(OnSqlite, ExampleApplicationSuite):
    pass


class TestExampleApplicationOnPostgres(OnPostgres, ExampleApplicationSuite):
    pass


class EventCounters(SqlTrackingRecorder, projection.EventCountersView):
    """A view with a table of its own, updated in the transaction that tracks the event."""

    def __init__(self, database: Database, **options: Any) -> None:
        super().__init__(database, **options)
        self.counters = sa.Table(
            f"{self.prefix}counters",
            self.metadata,
            sa.Column("name", sa.Text, primary_key=True),
            sa.Column("count", sa.Integer, nullable=False),
        )

    def get_created_event_counter(self) -> int:
        return self._count("created")

    def get_subsequent_event_counter(self) -> int:
        return self._count("subsequent")

    def incr_created_event_counter(self, tracking: Tracking) -> None:
        self._increment("created", tracking)

    def incr_subsequent_event_counter(self, tracking: Tracking) -> None:
        self._increment("subsequent", tracking)

    def _count(self, name: str) -> int:
        with self.reading() as connection:
            return connection.scalar(sa.select(self.counters.c.count).where(self.counters.c.name == name)) or 0

    def _increment(self, name: str, tracking: Tracking) -> None:
        with self.writing() as connection:
            self._add_one(connection, name)
            self.track(connection, tracking)

    def _add_one(self, connection: Connection, name: str) -> None:
        counters = self.counters
        added = sa.update(counters).where(counters.c.name == name).values(count=counters.c.count + 1)
        if connection.execute(added).rowcount == 0:
            connection.execute(sa.insert(counters).values(name=name, count=1))


class EventCountersViewSuite(Suite, projection.EventCountersViewTestCase):
    def construct_event_counters_view(self) -> EventCounters:
        return self.opened(EventCounters)


class TestEventCountersViewOnSqlite(OnSqlite, EventCountersViewSuite):
    pass


class TestEventCountersViewOnPostgres(OnPostgres, EventCountersViewSuite):
    pass


@pytest.mark.filterwarnings("ignore::ResourceWarning")
class RunnerSuite(Suite):
    """A suite whose runner leaves a view's connections to the garbage collector; they are collected here."""

    @pytest.fixture(autouse=True)
    def _environment(self, _database: None) -> Iterator[None]:
        self.env = self.environment()
        yield
        gc.collect()


class AggregateProjectionSuite(RunnerSuite, projection.AggregateEventCountersProjectionTestCase):
    view_class = EventCounters


class TestAggregateProjectionOnSqlite(OnSqlite, AggregateProjectionSuite):
    pass


class TestAggregateProjectionOnPostgres(OnPostgres, AggregateProjectionSuite):
    pass


class EventSourcedProjectionSuite(RunnerSuite, projection.EventSourcedProjectionTestCase):
    pass


class TestEventSourcedProjectionOnSqlite(OnSqlite, EventSourcedProjectionSuite):
    pass


class TestEventSourcedProjectionOnPostgres(OnPostgres, EventSourcedProjectionSuite):
    pass


def test_the_topic_of_the_factory_names_this_module() -> None:
    assert get_topic(RegularsFactory) == ExampleApplicationSuite.expected_factory_topic
