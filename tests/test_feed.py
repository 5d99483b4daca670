"""The feed: whoever reads what was recorded in order, and goes on from where they were, misses nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy.engine import make_url

from regulars import (
    CustomerId,
    MergeCustomers,
    NotFound,
    RecordPurchase,
    RecordReturn,
    RecordSurveyAnswer,
    RegisterCustomer,
    Regulars,
    StoreBusy,
    StoreUnusable,
    TagCustomer,
    as_toml,
    parse_rules,
)
from regulars.adapters.log.codec import codecs
from regulars.adapters.log.event_log import EVENTS_AT_ONCE
from regulars.adapters.store import horizon
from regulars.crm_domain.catalogue import EVENTS
from regulars.crm_domain.customer import CustomerMerged, CustomerRegistered, CustomerTagged
from regulars.crm_domain.event import Event, Personal, Recorded
from regulars.crm_domain.interaction import SurveyAnswered
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnRecorded
from regulars.crm_domain.rulebook import RulesPublished
from regulars.crm_domain.upcasts import Upcast
from shops import Clock, opened


@pytest.fixture
def crm(database_url: str) -> Iterator[Regulars]:
    with opened(database_url, Clock()) as crm:
        crm.do(
            [
                RegisterCustomer(ref="shop:1", name="Ada"),
                RegisterCustomer(ref="shop:2", name="Bob"),
                RecordPurchase(customer="shop:1", order_id="A-1", amount="59.90"),
                RecordPurchase(customer="shop:2", order_id="B-1", amount="20.00"),
                RecordReturn(order_id="A-1", amount="9.90"),
                TagCustomer(customer="shop:2", label="vip", reason="a good year"),
            ]
        )
        yield crm


def positions(feed: Iterator[Recorded[Any]]) -> list[int]:
    return [recorded.position for recorded in feed]


@contextmanager
def connected(url: str) -> Iterator[sa.Connection]:
    on_server = "://" in url
    engine = sa.create_engine(
        make_url(url).set(drivername="postgresql+psycopg") if on_server else f"sqlite:///{url}", poolclass=sa.NullPool
    )
    with engine.connect() as connection:
        yield connection


def run(url: str, statement: str, values: Mapping[str, object]) -> None:
    with connected(url) as connection, connection.begin():
        connection.execute(sa.text(statement), values)


# ------------------------------------------------------------------------------------------------------- what is told


def test_everything_that_was_recorded_is_told_in_order_of_position(crm: Regulars) -> None:
    told = list(crm.events())
    assert [type(recorded.event).__name__ for recorded in told] == [
        "CustomerRegistered",
        "CustomerRegistered",
        "PurchaseRecorded",
        "PurchaseRecorded",
        "ReturnRecorded",
        "CustomerTagged",
    ]
    assert positions(iter(told)) == [1, 2, 3, 4, 5, 6]
    assert [recorded.actor for recorded in told] == ["li"] * 6


def test_what_is_told_is_what_the_command_answered(crm: Regulars) -> None:
    outcome = crm.do(RecordPurchase(customer="shop:1", order_id="A-2", amount="5.00", reason="by phone"))
    assert tuple(crm.events(after=6)) == outcome.events


def test_what_is_personal_is_told_until_its_customer_is_forgotten(crm: Regulars) -> None:
    names = [recorded.event.name for recorded in crm.events(types=CustomerRegistered)]
    reasons = [recorded.reason for recorded in crm.events(types=CustomerTagged)]
    assert (names, reasons) == (["Ada", "Bob"], ["a good year"])
    crm.forget("shop:2", reason="on request")
    assert [recorded.event.name for recorded in crm.events(types=CustomerRegistered)] == ["Ada", None]
    assert [recorded.reason for recorded in crm.events(types=CustomerTagged)] == [None]


def test_the_types_are_classes_unions_and_tuples_of_them(crm: Regulars) -> None:
    assert positions(crm.events(types=PurchaseRecorded)) == [3, 4]
    assert sum(recorded.event.amount for recorded in crm.events(types=PurchaseRecorded)) == 7990
    for both in (
        (PurchaseRecorded, ReturnRecorded),
        PurchaseRecorded | ReturnRecorded,
        (PurchaseRecorded, (ReturnRecorded,)),
        (PurchaseRecorded | ReturnRecorded, ReturnRecorded),
    ):
        told: list[Recorded[Event]] = list(crm.events(types=both))  # type: ignore[call-overload]
        assert positions(iter(told)) == [3, 4, 5]
    assert positions(crm.events(types=Event)) == [1, 2, 3, 4, 5, 6]


def test_every_type_of_event_can_be_asked_for_alone(crm: Regulars) -> None:
    for event_type in EVENTS.values():
        assert {type(recorded.event) for recorded in crm.events(types=event_type)} <= {event_type}


@pytest.mark.parametrize(
    "types", [int, (), (PurchaseRecorded, str), PurchaseRecorded | None, "PurchaseRecorded", Recorded, CustomerId, [1]]
)
def test_what_is_no_type_of_event_is_refused_when_it_is_asked_for(crm: Regulars, types: Any) -> None:
    with pytest.raises(ValueError, match="types are classes of events, such as PurchaseRecorded"):
        crm.events(types=types)


@pytest.mark.parametrize("after", [-1, 2**63, "3", 3.0, True, None])
def test_what_is_no_position_is_refused_when_it_is_asked_for(crm: Regulars, after: Any) -> None:
    with pytest.raises(ValueError, match="after is the position of the last event that was seen, or 0, not"):
        crm.events(after=after)


def test_a_customer_is_everyone_who_is_one_with_them(crm: Regulars) -> None:
    assert positions(crm.events(customer="shop:1")) == [1, 3, 5]
    assert positions(crm.events(customer=crm.find("shop:2"), after=2)) == [4, 6]
    crm.do(MergeCustomers(customer="shop:2", into="shop:1"))
    assert positions(crm.events(customer="shop:1", types=(PurchaseRecorded, CustomerMerged))) == [3, 4, 7]
    assert positions(crm.events(customer="shop:1")) == positions(crm.events(customer="shop:2")) == [1, 2, 3, 4, 5, 6, 7]
    with pytest.raises(NotFound, match="shop:9"):
        crm.events(customer="shop:9")


def test_what_is_nobodys_is_told_too(crm: Regulars) -> None:
    wish = parse_rules(as_toml(crm.rules.in_force).replace('from = "150"', 'from = "100"'))
    crm.rules.publish(wish, reason="silver from 100")
    assert [recorded.customer_id for recorded in crm.events(types=RulesPublished)] == [""]


# --------------------------------------------------------------------------------------------------------- going on


def test_whoever_goes_on_after_the_last_event_gets_each_once(crm: Regulars) -> None:
    seen: list[int] = []
    for number in range(4):
        seen += positions(crm.events(after=seen[-1] if seen else 0))
        crm.do([RecordPurchase(customer="shop:1", order_id=f"C-{number}-{each}", amount="1") for each in range(3)])
    assert seen == list(range(1, 16))
    assert positions(crm.events(after=10_000)) == []


def test_many_pages_are_one_feed(crm: Regulars) -> None:
    many = 2 * EVENTS_AT_ONCE + 7
    crm.do([RecordPurchase(customer="shop:1", order_id=f"C-{each}", amount="1") for each in range(many)])
    assert positions(crm.events()) == list(range(1, many + 7))
    both = crm.events(types=(PurchaseRecorded, ReturnRecorded), customer="shop:1")
    assert positions(both) == [3, 5, *range(7, many + 7)]


def test_it_ends_where_it_was_asked_for_though_its_reader_writes(crm: Regulars) -> None:
    for recorded in crm.events(types=PurchaseRecorded):
        crm.do(RecordPurchase(customer="shop:1", order_id=f"again-{recorded.position}", amount="1"))
    assert positions(crm.events(after=6)) == [7, 8]


def test_nobody_is_held_back_while_a_page_is_dealt_with(database_url: str, crm: Regulars) -> None:
    feed = crm.events()
    next(feed)
    if "://" in database_url:
        with connected(database_url) as connection:
            idle = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
            assert connection.execute(sa.text(idle)).scalar_one() == 0
    crm.forget("shop:2", reason="on request")
    assert not crm.status().erasing
    assert positions(feed) == [2, 3, 4, 5, 6]


def test_a_follower_misses_nothing_while_others_write(database_url: str, crm: Regulars) -> None:
    def write(number: int) -> None:
        with opened(database_url, Clock()) as other:
            for each in range(20):
                other.do(RecordPurchase(customer="shop:1", order_id=f"{number}-{each}", amount="1"))

    def follow() -> list[int]:
        seen, deadline = [0], monotonic() + 60
        while len(seen) < 67 and monotonic() < deadline:
            seen += positions(crm.events(after=seen[-1]))
        return seen[1:]

    with ThreadPoolExecutor(4) as threads:
        following = threads.submit(follow)
        for writer in [threads.submit(write, number) for number in range(3)]:
            writer.result()
        seen = following.result()
    assert seen == positions(crm.events()) == list(range(1, 67))


def test_what_an_older_transaction_may_still_come_before_is_told_later(
    postgres_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(horizon, "HORIZON_TIMEOUT", 0.2)
    with opened(postgres_database_url, Clock()) as crm:
        crm.do(RegisterCustomer(ref="shop:1"))
        with connected(postgres_database_url) as older:
            older.exec_driver_sql("SELECT pg_current_xact_id()")
            with opened(postgres_database_url, Clock()) as other:
                other.do(RegisterCustomer(ref="shop:2"))
                assert positions(crm.events()) == [1]
                with pytest.raises(StoreBusy, match="the transaction of process"):
                    other.events()  # their own event was to be in it
        assert positions(crm.events(after=1)) == [2]


# ------------------------------------------------------------------------------------------------ what can't be read


@pytest.mark.parametrize(
    ("column", "value"), [("payload", b"{"), ("type", "Unheard"), ("secret", b"x" * 40), ("payload", b'{"type":1}')]
)
def test_an_event_that_cannot_be_read_is_named_once_all_before_it_were_told(
    database_url: str, crm: Regulars, column: str, value: object
) -> None:
    run(database_url, f"UPDATE regulars_events SET {column} = :value WHERE position = 6", {"value": value})
    crm.do([RecordPurchase(customer="shop:1", order_id=f"C-{each}", amount="1") for each in range(3)])
    feed = crm.events()
    assert [next(feed).position for _ in range(5)] == [1, 2, 3, 4, 5]
    with pytest.raises(StoreUnusable, match="event #6"):
        next(feed)
    assert positions(crm.events(after=6)) == [7, 8, 9]


class NpsAnswered(Event, frozen=True, kw_only=True, tag="NpsAnswered"):
    """Made up: surveys once had a type each."""

    comment: Personal[str] = None
    score: int


def test_what_was_stored_as_a_retired_type_is_told_as_its_successor(
    database_url: str, crm: Regulars, monkeypatch: pytest.MonkeyPatch
) -> None:
    nps = Upcast(
        retired=NpsAnswered,
        successor=SurveyAnswered,
        read=lambda old: SurveyAnswered(survey="nps", score=old.score, comment=old.comment),
    )
    known = codecs(EVENTS.values(), (nps,))
    monkeypatch.setattr(crm._store, "extended", replace(crm._store.extended, codecs=known))
    crm.do(RecordSurveyAnswer(customer="shop:1", survey="csat", score=4, comment="nice"))
    crm.do(RecordSurveyAnswer(customer="shop:1", survey="nps", score=9, comment="lovely"))
    stored = {"payload": b'{"type":"NpsAnswered","score":9}'}
    run(database_url, "UPDATE regulars_events SET type = 'NpsAnswered', payload = :payload WHERE position = 8", stored)
    assert [(recorded.position, recorded.event) for recorded in crm.events(types=SurveyAnswered)] == [
        (7, SurveyAnswered(survey="csat", score=4, comment="nice")),
        (8, SurveyAnswered(survey="nps", score=9, comment="lovely")),
    ]


def test_a_role_that_may_not_read_keys_is_told_no_names(postgres_database_url: str) -> None:
    with opened(postgres_database_url, Clock()) as crm:
        crm.do(RegisterCustomer(ref="shop:1", name="Ada"))
    run(postgres_database_url, "CREATE ROLE plain_reader LOGIN", {})
    run(postgres_database_url, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO plain_reader", {})
    run(postgres_database_url, "REVOKE SELECT ON regulars_keys FROM plain_reader", {})
    try:
        url = make_url(postgres_database_url).set(username="plain_reader").render_as_string(hide_password=False)
        with opened(url, Clock()) as reader:
            assert [recorded.event.name for recorded in reader.events(types=CustomerRegistered)] == [None]
    finally:
        run(postgres_database_url, "DROP OWNED BY plain_reader", {})
        run(postgres_database_url, "DROP ROLE plain_reader", {})
