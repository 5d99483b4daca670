"""The event-sourcing library's projections and followers run on what customers did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, ClassVar
from uuid import uuid4

import msgspec
import pytest
import sqlalchemy as sa
from eventsourcing.application import ProcessingEvent
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import (
    InfrastructureFactoryError,
    IntegrityError,
    MapperDeserialisationError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Tracking,
)
from eventsourcing.popo import POPOTrackingRecorder
from eventsourcing.projection import EventSourcedProjection, EventSourcedProjectionRunner, Projection, ProjectionRunner
from eventsourcing.system import Follower
from eventsourcing.tests import persistence
from msgspec.structs import replace
from sqlalchemy.engine import make_url

from regulars import (
    AddNote,
    RecordPurchase,
    RecordReturn,
    RecordSurveyAnswer,
    RegisterCustomer,
    Regulars,
    TagCustomer,
)
from regulars.adapters.eventsourcing_library.log_recorder import LogApplication, LogFactory, LogRecorder
from regulars.adapters.eventsourcing_library.notifications import PAGE
from regulars.adapters.log.codec import codecs
from regulars.adapters.store.store import Collision, Store
from regulars.adapters.vault.keyring import new_master_key
from regulars.crm_domain.catalogue import EVENTS
from regulars.crm_domain.customer import CustomerRegistered
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.interaction import SurveyAnswered
from regulars.crm_domain.purchase import PurchaseRecorded
from regulars.crm_domain.upcasts import Upcast
from shops import Clock, opened
from test_eventsourcing_suites import EventCounters, OnPostgres, OnSqlite, Suite


@pytest.fixture
def crm(database_url: str) -> Iterator[Regulars]:
    with opened(database_url, Clock()) as crm:
        crm.do(
            [
                RegisterCustomer(ref="shop:1", name="Ada"),
                RecordPurchase(customer="shop:1", order_id="A-1", amount="59.90"),
                RecordReturn(order_id="A-1", amount="9.90"),
            ]
        )
        yield crm


def buy(crm: Regulars, order_id: str) -> int:
    position = crm.do(RecordPurchase(customer="shop:1", order_id=order_id, amount="1")).position
    assert position is not None
    return position


def run(url: str, statement: str, **values: object) -> None:
    with connected(url) as connection, connection.begin():
        connection.execute(sa.text(statement), values)


@contextmanager
def connected(url: str) -> Iterator[sa.Connection]:
    on_server = "://" in url
    engine = sa.create_engine(
        make_url(url).set(drivername="postgresql+psycopg") if on_server else f"sqlite:///{url}", poolclass=sa.NullPool
    )
    with engine.connect() as connection:
        yield connection


# ------------------------------------------------------------------------------------------- the library's own suite


class Appended(LogRecorder):
    """The log as the library's suite needs it, which inserts what no command would."""

    def __init__(self, store: Store) -> None:
        self.last = 0
        super().__init__(store, lambda: self.last)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:  # type: ignore[override]
        rows = [columns(each) for each in stored_events]
        try:
            with self._store.writing() as tx:
                first, _ = self._store.statements.appending.append(tx.connection, rows, 0)
        except Collision as error:
            raise IntegrityError(str(error)) from error
        self.last = first + len(rows) - 1
        return list(range(first, first + len(rows)))


def columns(event: StoredEvent) -> dict[str, Any]:
    empty = dict.fromkeys(("correlation_id", "caused_by", "command_id", "secret"))
    mine = {"stream_id": event.originator_id, "version": event.originator_version, "type": event.topic}
    rest = {"category": "purchase", "customer_id": "", "occurred_at": 0, "actor": "li", "payload": event.state}
    return {**empty, **mine, **rest}


class LogSuite(Suite, persistence.ApplicationRecorderTestCase[Appended]):
    test_performance = test_concurrent_no_conflicts = test_concurrent_throughput = None  # they are about inserting

    def new_originator_id(self) -> str:
        return uuid4().hex

    def create_recorder(self) -> Appended:
        store = Store(self.url)
        self.addCleanup(store.close)
        return Appended(store)

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestLogOnSqlite(OnSqlite, LogSuite):
    pass


class TestLogOnPostgres(OnPostgres, LogSuite):
    pass


# --------------------------------------------------------------------------------------------------- the recorder alone


def test_a_notification_is_an_event_as_it_is_stored_without_what_is_personal(crm: Regulars) -> None:
    ada = crm.find("shop:1")
    first, *rest = crm.as_application_recorder().select_notifications(1, 10)
    assert (first.id, first.originator_id, first.originator_version, first.topic) == (1, ada, 1, "CustomerRegistered")
    assert msgspec.json.decode(first.state) == {"type": "CustomerRegistered"}
    assert [each.topic for each in rest] == ["PurchaseRecorded", "ReturnRecorded"]
    assert b"Ada" not in repr(first).encode()
    assert vars(first)["columns"]["secret"] is None


def test_a_stream_is_selected_by_version(crm: Regulars) -> None:
    crm.do([TagCustomer(customer="shop:1", label=label) for label in ("a", "b", "c")])
    recorder, ada = crm.as_application_recorder(), crm.find("shop:1")

    def versions(**wanted: Any) -> list[int]:
        return [each.originator_version for each in recorder.select_events(ada, **wanted)]

    assert versions() == [1, 2, 3, 4]
    assert versions(gt=1, lte=3) == [2, 3]
    assert versions(desc=True, limit=2) == [4, 3]
    assert recorder.select_events("nobody") == []


def test_topics_are_names_of_events_and_those_of_others_find_nothing(crm: Regulars) -> None:
    recorder = crm.as_application_recorder()
    for topics, found in (
        (["PurchaseRecorded"], [2]),
        (["ReturnRecorded", "PurchaseRecorded"], [2, 3]),
        (["somebody.elses:Event"], []),
        (["somebody.elses:Event", "CustomerRegistered"], [1]),
    ):
        assert [each.id for each in recorder.select_notifications(None, 10, topics=topics)] == found


def test_nothing_is_inserted_through_this_door(crm: Regulars) -> None:
    with pytest.raises(ProgrammingError, match="read-only here; commands write it"):
        crm.as_application_recorder().insert_events([StoredEvent("a", 1, "PurchaseRecorded", b"{}")])
    assert crm.event_count == 3


def test_ones_own_last_event_is_told_at_once(crm: Regulars) -> None:
    recorder = crm.as_application_recorder()
    for number in range(20):
        assert buy(crm, f"B-{number}") == recorder.max_notification_id()


def test_a_subscription_follows_what_everybody_does(database_url: str, crm: Regulars) -> None:
    with crm.as_application_recorder().subscribe(gt=1, topics=["PurchaseRecorded"]) as subscription:
        assert next(subscription).id == 2
        mine = buy(crm, "mine")
        assert next(subscription).id == mine
        with opened(database_url, Clock()) as other:
            theirs = buy(other, "theirs")
        assert next(subscription).id == theirs


def test_a_subscription_of_a_store_in_memory_follows_too() -> None:
    with opened(":memory:", Clock()) as crm, crm.as_application_recorder().subscribe() as subscription:
        crm.do(RegisterCustomer(ref="shop:1"))
        assert next(subscription).topic == "CustomerRegistered"


def test_many_pages_are_one_subscription(crm: Regulars) -> None:
    many = 2 * PAGE + 10
    crm.do([RecordPurchase(customer="shop:1", order_id=f"B-{each}", amount="1") for each in range(many)])
    with crm.as_application_recorder().subscribe() as subscription:
        assert [next(subscription).id for _ in range(many + 3)] == list(range(1, many + 4))


def test_after_the_store_is_closed_it_says_so(database_url: str) -> None:
    with opened(database_url, Clock()) as crm:
        recorder = crm.as_application_recorder()
    with pytest.raises(OperationalError, match="this store was closed"):
        recorder.max_notification_id()


class NpsAnswered(Event, frozen=True, kw_only=True, tag="NpsAnswered"):
    """Made up: surveys once had a type each."""

    score: int


def test_what_was_stored_as_a_retired_type_is_followed_as_its_successor(
    database_url: str, crm: Regulars, monkeypatch: pytest.MonkeyPatch
) -> None:
    nps = Upcast(
        retired=NpsAnswered, successor=SurveyAnswered, read=lambda old: SurveyAnswered(survey="nps", score=old.score)
    )
    known = codecs(EVENTS.values(), (nps,))
    monkeypatch.setattr(crm._store, "extended", replace(crm._store.extended, codecs=known))
    crm.do(RecordSurveyAnswer(customer="shop:1", survey="nps", score=9))
    old = b'{"type":"NpsAnswered","score":9}'
    run(
        database_url,
        "UPDATE regulars_events SET type = 'NpsAnswered', payload = :payload WHERE position = 4",
        payload=old,
    )
    (found,) = crm.as_application_recorder().select_notifications(None, 10, topics=["SurveyAnswered"])
    assert (found.id, found.topic, found.state) == (4, "SurveyAnswered", old)
    with LogApplication({"REGULARS_URL": database_url}) as application:
        recorded: Any = application.mapper.to_domain_event(found)
        assert recorded.event == SurveyAnswered(survey="nps", score=9)


# ---------------------------------------------------------------------------------------------------------- projections


class Purchases(POPOTrackingRecorder):
    """The library's own tracking recorder, with a count and what was seen."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Recorded[PurchaseRecorded]] = []

    def count(self, recorded: Recorded[PurchaseRecorded], tracking: Tracking) -> None:
        with self._database_lock:
            self._assert_tracking_uniqueness(tracking)
            self._insert_tracking(tracking)
            self.seen.append(recorded)


class CountPurchases(Projection[Purchases]):
    topics = ("PurchaseRecorded",)

    def process_event(self, domain_event: Recorded[PurchaseRecorded], tracking: Tracking) -> None:
        self.view.count(domain_event, tracking)


def counting(url: str) -> ProjectionRunner[LogApplication, Purchases]:
    env = {"PERSISTENCE_MODULE": "eventsourcing.popo", "REGULARS_URL": url}
    return ProjectionRunner(
        application_class=LogApplication, projection_class=CountPurchases, view_class=Purchases, env=env
    )


def test_a_projection_of_the_library_catches_up_and_follows_what_others_write(database_url: str, crm: Regulars) -> None:
    def write(number: int) -> None:
        with opened(database_url, Clock()) as other:
            for each in range(15):
                buy(other, f"{number}-{each}")

    before = buy(crm, "before")
    with counting(database_url) as runner:
        runner.wait(before, timeout=30)
        assert [recorded.position for recorded in runner.view.seen] == [2, before]
        with ThreadPoolExecutor(3) as threads:
            for writer in [threads.submit(write, number) for number in range(3)]:
                writer.result()
        runner.wait(buy(crm, "last"), timeout=30)
        assert runner.view.seen == list(crm.events(types=PurchaseRecorded))
        assert len(runner.view.seen) == 1 + 1 + 45 + 1


def test_an_older_transaction_holds_a_projection_back_and_nothing_is_skipped(postgres_database_url: str) -> None:
    with opened(postgres_database_url, Clock()) as crm:
        crm.do(RegisterCustomer(ref="shop:1"))
        first = buy(crm, "first")
        with counting(postgres_database_url) as runner:
            runner.wait(first, timeout=30)
            with connected(postgres_database_url) as older:
                older.exec_driver_sql("SELECT pg_current_xact_id()")
                late = buy(crm, "late")
                with pytest.raises(TimeoutError):
                    runner.wait(late, timeout=0.5)
            runner.wait(late, timeout=30)
            assert [recorded.position for recorded in runner.view.seen] == [first, late]


class CountEvents(Projection[EventCounters]):
    """The projection of the library's own suite, on our events."""

    name = "eventcounters"

    def process_event(self, domain_event: Recorded[Event], tracking: Tracking) -> None:
        match domain_event.event:
            case CustomerRegistered():
                self.view.incr_created_event_counter(tracking)
            case PurchaseRecorded(order_id="thrown"):
                raise ZeroDivisionError
            case _:
                self.view.incr_subsequent_event_counter(tracking)


def counting_events(url: str) -> ProjectionRunner[LogApplication, EventCounters]:
    env = {"PERSISTENCE_MODULE": "regulars.adapters.eventsourcing_library.recorders", "REGULARS_URL": url}
    return ProjectionRunner(
        application_class=LogApplication, projection_class=CountEvents, view_class=EventCounters, env=env
    )


def test_a_view_in_the_same_database_goes_on_where_it_was(database_url: str, crm: Regulars) -> None:
    for number, expected in enumerate(((1, 2), (1, 3), (1, 4))):
        with counting_events(database_url) as runner:
            runner.wait(crm.as_application_recorder().max_notification_id(), timeout=30)
            counted = (runner.view.get_created_event_counter(), runner.view.get_subsequent_event_counter())
            assert counted == expected
            runner.view.database.close()
        buy(crm, f"B-{number}")
    assert crm.projections.verify().holds


def test_what_goes_wrong_in_a_projection_ends_it_before_it_is_tracked(database_url: str, crm: Regulars) -> None:
    thrown = buy(crm, "thrown")
    with counting_events(database_url) as runner:
        with pytest.raises(ZeroDivisionError):
            runner.run_forever(timeout=30)
        assert runner.view.max_tracking_id("regulars") == thrown - 1
        runner.view.database.close()


def test_an_event_that_cannot_be_read_ends_a_projection_and_is_named(database_url: str, crm: Regulars) -> None:
    run(database_url, "UPDATE regulars_events SET payload = :payload WHERE position = 2", payload=b"{")
    with counting(database_url) as runner:
        with pytest.raises(MapperDeserialisationError, match=r"event #2 \(PurchaseRecorded\) can't be read"):
            runner.run_forever(timeout=30)
        assert runner.view.seen == []


class PurchaseCount(Aggregate):
    """An aggregate of the library, with one event for each purchase of a customer."""

    def __init__(self) -> None:
        self.orders: list[str] = []

    class Bought(Aggregate.Event):
        order_id: str

        def apply(self, aggregate: Aggregate) -> None:
            aggregate.orders.append(self.order_id)  # type: ignore[attr-defined]


class Bookkeeper(Follower[Any]):
    topics: ClassVar[Sequence[str]] = ("PurchaseRecorded",)

    def policy(self, domain_event: Any, processing_event: ProcessingEvent[Any]) -> None:
        if isinstance(domain_event, Recorded):
            booked = PurchaseCount()
            booked.trigger_event(PurchaseCount.Bought, order_id=domain_event.event.order_id)
            processing_event.collect_events(booked)


def test_a_follower_of_a_system_books_what_customers_buy(database_url: str, crm: Regulars) -> None:
    buy(crm, "A-2")
    env = {
        "PERSISTENCE_MODULE": "regulars.adapters.eventsourcing_library.recorders",
        "REGULARS_URL": database_url,
        "MAPPER_TOPIC": "regulars:LogMapper",
    }
    with LogApplication(env) as leader, Bookkeeper(env) as follower:
        follower.follow(leader.name, leader.notification_log)
        for _ in range(2):
            follower.pull_and_process(leader.name)
        booked = [
            follower.mapper.to_domain_event(each)
            for each in follower.recorder.select_notifications(None, 10)
            if each.topic.endswith("Bought")
        ]
    assert [each.order_id for each in booked] == ["A-1", "A-2"]  # type: ignore[attr-defined]


class Copied(EventSourcedProjection[Any]):
    def policy(self, domain_event: Any, processing_event: ProcessingEvent[Any]) -> None:
        processing_event.collect_events(PurchaseCount())


def test_an_event_sourced_projection_follows_the_log(database_url: str, crm: Regulars) -> None:
    env = {"PERSISTENCE_MODULE": "regulars.adapters.eventsourcing_library.recorders", "REGULARS_URL": database_url}
    with EventSourcedProjectionRunner(application_class=LogApplication, projection_class=Copied, env=env) as runner:
        runner.wait(3, timeout=30)
        assert len(runner.projection.recorder.select_notifications(None, 10)) == 3


# --------------------------------------------------------------------------------------------------- what opens the log


def test_the_log_is_followed_without_the_master_key(bare_url: str) -> None:
    with opened(bare_url, Clock(), master_key=new_master_key()) as crm:
        crm.do([RegisterCustomer(ref="shop:1", name="Ada"), AddNote(customer="shop:1", text="likes tea")])
        position = buy(crm, "A-1")
        with counting(bare_url) as runner:
            runner.wait(position, timeout=30)
            (seen,) = runner.view.seen
            assert seen.customer_id == crm.find("shop:1")


def test_opening_the_log_makes_no_store_and_no_tables(tmp_path: Any) -> None:
    target = tmp_path / "none.db"
    with pytest.raises(OperationalError, match=r"none\.db"):
        LogApplication({"REGULARS_URL": str(target)})
    assert not target.exists()
    with pytest.raises(OSError, match="no database: set one of REGULARS_REGULARS_URL, REGULARS_URL"):
        LogApplication({})


def test_the_log_has_no_other_recorders(database_url: str, crm: Regulars) -> None:
    factory = LogFactory({"REGULARS_URL": database_url})
    for asked in (factory.aggregate_recorder, factory.tracking_recorder, factory.process_recorder):
        with pytest.raises(InfrastructureFactoryError, match="read-only here"):
            asked()
    factory.close()
