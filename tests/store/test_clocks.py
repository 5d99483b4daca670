"""Clocks that jump between commands: what was known by an instant, and what `status` says of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import strategies as st
from test_any_day import listed, one

from forging import make_version_5
from outside import run
from regulars import Command, RecordPurchase, RegisterCustomer, Regulars, TagCustomer
from regulars.adapters.log.misplaced import RecordedAhead
from regulars.adapters.store.store import Store
from regulars.crm_domain.instant import to_datetime, to_instant
from saying import NOW, Say
from shops import (
    BEGIN,
    DAY,
    EXAMPLES,
    HOUR,
    PEOPLE,
    Clock,
    CommandAt,
    carry_out,
    empty_file,
    fresh_store,
    in_each_database,
    opened,
    tell,
    trade,
)

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
MINUTE, MICROSECOND = timedelta(minutes=1), timedelta(microseconds=1)
TOLERANCE = 5 * MINUTE
YEAR = 365 * DAY

_sizes = (timedelta(), MICROSECOND, MINUTE, TOLERANCE, TOLERANCE + MICROSECOND, 10 * MINUTE, DAY, YEAR, 9 * YEAR)
jumps = st.sampled_from(sorted({*_sizes, *(-size for size in _sizes)}))


def registration(ref: str) -> CommandAt:
    def register(number: int, now: datetime) -> Command:
        return RegisterCustomer(ref=ref, name=ref.title(), occurred_at=now)

    return register


@st.composite
def told(draw: st.DrawFn) -> list[tuple[timedelta, CommandAt]]:
    """Everybody is registered and things happen to them, while the clock jumps in between."""
    commands = [*map(registration, PEOPLE), *(command_at for _, command_at in draw(trade(max_size=10)))]
    return [(draw(jumps), command_at) for command_at in commands]


def recorded(instants: Iterable[datetime]) -> list[datetime]:
    """When each of some commands is recorded that a clock says these instants of: the rule, from a plain list."""
    found: list[datetime] = []
    for now in instants:
        last = found[-1] if found else now
        found.append(last if now < last <= now + TOLERANCE else now)
    return found


@in_each_database(EXAMPLES // 8, told(), st.data())
def test_known_at_is_a_store_that_stopped_after_the_last_event_recorded_by_then(
    kind: str, postgres_url: str, steps: list[tuple[timedelta, CommandAt]], data: st.DataObject
) -> None:
    clock, clock_of_the_other = Clock(), Clock()
    with (
        fresh_store(kind, postgres_url) as url,
        opened(url, clock) as crm,
        empty_file() as file,
        opened(file, clock_of_the_other) as stopped,
    ):
        said_by_the_clock, ends = list[datetime](), list[int]()
        for number, step in enumerate(steps):
            before = crm.status().events
            carry_out(crm, clock, step, number)
            if crm.status().events > before:
                said_by_the_clock.append(clock.now)
                ends.append(number + 1)
        instants = recorded(said_by_the_clock)
        known_at = data.draw(st.sampled_from(instants)) + data.draw(st.sampled_from([-MICROSECOND, timedelta(), HOUR]))
        end = max((end for instant, end in zip(instants, ends, strict=True) if instant <= known_at), default=0)
        for number, step in enumerate(steps[:end]):
            carry_out(stopped, clock_of_the_other, step, number)
        clock.now = BEGIN + 100 * YEAR
        asked = {"as_of": BEGIN + data.draw(st.integers(-400, 4000)) * DAY}
        for who in PEOPLE:
            assert one(crm, who, known_at=known_at, **asked) == one(stopped, who, **asked)
        assert listed(crm, known_at=known_at, **asked) == listed(stopped, **asked)
        assert trail(crm, known_at=known_at) == trail(stopped)
        assert crm.projections.verify().holds


def trail(crm: Regulars, **asked: datetime) -> list[tuple[int, str]]:
    return [(each.position, each.type) for each in crm.audit(limit=1000, **asked)]


@in_each_database(EXAMPLES // 8, told())
def test_what_is_known_now_is_everything(
    kind: str, postgres_url: str, steps: list[tuple[timedelta, CommandAt]]
) -> None:
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        for number, step in enumerate(steps):
            carry_out(crm, clock, step, number)
            assert trail(crm, known_at=clock.now) == trail(crm)
            for who in PEOPLE:
                assert one(crm, who, known_at=clock.now) == one(crm, who)
        assert listed(crm, known_at=clock.now) == listed(crm)


@in_each_database(EXAMPLES // 6, st.lists(jumps, min_size=1, max_size=12), jumps)
def test_status_names_what_a_clock_recorded_that_ran_ahead(
    kind: str, postgres_url: str, gaps: list[timedelta], later: timedelta
) -> None:
    clock, said_by_the_clock = Clock(), list[datetime]()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        for number, gap in enumerate(gaps):
            clock.now += gap
            crm.do(RegisterCustomer(ref=f"shop:{number}", occurred_at=clock.now))
            said_by_the_clock.append(clock.now)
        clock.now += later
        instants = recorded(said_by_the_clock)
        ahead = [(position, instant) for position, instant in enumerate(instants, 1) if instant > clock.now + TOLERANCE]
        found = crm.status().recorded_ahead
        assert found == (RecordedAhead(*ahead[0], len(ahead)) if ahead else None)


@pytest.mark.parametrize("position", [1, 2])
@pytest.mark.parametrize("instant", [-(2**62), 2**62, "'never'", "x'00'"])
def test_an_instant_that_was_forged_stops_nothing(sqlite_database_url: str, position: int, instant: int | str) -> None:
    with opened(sqlite_database_url, Clock()) as crm:
        crm.do([RegisterCustomer(ref="shop:1"), TagCustomer(customer="shop:1", label="vip")])
        run(sqlite_database_url, f"UPDATE regulars_events SET recorded_at = {instant} WHERE position = {position}")
        assert crm.status().recorded_ahead is not None or instant == -(2**62)
        assert crm.customers(known_at=BEGIN - DAY) is not None
        assert to_datetime(crm.do(RegisterCustomer(ref="shop:2")).events[0].recorded_at) == BEGIN


def test_a_command_by_a_clock_years_ahead_hides_none_that_follow(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        crm.do(RegisterCustomer(ref="shop:1", name="Ada"))
        clock.now += 9 * YEAR
        crm.do(TagCustomer(customer="shop:1", label="early"))
        clock.now = BEGIN + DAY
        crm.do(RecordPurchase(customer="shop:1", order_id="A-1", amount="20.00"))
        after_the_order = clock.now
        clock.now += DAY
        assert crm.customer("shop:1", known_at=after_the_order).orders == 1
        assert crm.customer("shop:1", known_at=BEGIN).orders == 0
        assert crm.status().recorded_ahead == RecordedAhead(2, BEGIN + 9 * YEAR, 1)


def test_a_store_of_version_5_follows_its_clock_again(database_url: str) -> None:
    """It gave every later event the instant of the one that a clock ahead recorded; that stays, and ends."""
    clock = Clock()
    with opened(database_url, clock) as crm:
        crm.do(RegisterCustomer(ref="shop:1", name="Ada"))
        clock.now += 9 * YEAR
        crm.do(TagCustomer(customer="shop:1", label="early"))
        crm.do(TagCustomer(customer="shop:1", label="late"))
        make_version_5(crm._store)
    clock.now = BEGIN + DAY
    with opened(database_url, clock) as crm:
        event = crm.do(TagCustomer(customer="shop:1", label="right")).events[0]
        assert event.recorded_at == to_instant(clock.now)
        assert crm.status().recorded_ahead == RecordedAhead(2, BEGIN + 9 * YEAR, 2)
        clock.now += DAY
        assert crm.customer("shop:1", known_at=BEGIN + DAY).tags == ("early", "late", "right")


@pytest.mark.parametrize(
    ("day", "last_plan"),
    [(10, "COVERING INDEX regulars_events_recorded (recorded_at<?)"), (39, "INTEGER PRIMARY KEY (rowid>?")],
)
def test_what_was_known_is_found_by_an_index_and_few_rows(sqlite_database_url: str, day: int, last_plan: str) -> None:
    clock = Clock()
    with opened(sqlite_database_url, clock) as crm:
        for number in range(40):
            tell(crm, RegisterCustomer(ref=f"shop:{number}"))
            clock.now += DAY
        asked: list[tuple[str, object]] = []
        with crm._store.reading() as tx:
            sa.event.listen(tx.connection.engine, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
            assert crm._store.position_at(tx.connection, to_instant(BEGIN + (day - 1) * DAY)) == day
            plans = [
                str(tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all())
                for statement, parameters in tuple(asked)
                if "recorded_at" in statement
            ]
    latest, others = plans
    assert "COVERING INDEX regulars_events_recorded (recorded_at<?)" in latest
    assert last_plan in others
    assert "TEMP B-TREE" not in str(plans)


def test_status_says_it_in_words(say: Say) -> None:
    say("--db", "shop.db", "do", "RegisterCustomer", "ref=shop:1", "--actor", "li")
    store = Store("shop.db")
    with store.database.writing() as connection:
        connection.exec_driver_sql(f"UPDATE regulars_events SET recorded_at = {to_instant(NOW + YEAR)}")
    store.close()
    said = say("--db", "shop.db", "status")
    assert "1 event was recorded by a clock that ran ahead: #1 at 2025-06-01T12:00:00+00:00" in " ".join(
        said.out.split()
    )
    assert said.widest <= 80
    assert say("--db", "shop.db", "status", "--json").json["recorded_ahead"] == {
        "position": 1,
        "recorded_at": "2025-06-01T12:00:00+00:00",
        "count": 1,
    }
