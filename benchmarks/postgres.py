"""Writers on PostgreSQL: commands beside bare unlocked inserts with the same indexes, and the library's recorder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from statistics import median
from time import monotonic, sleep, time
from typing import Any
from uuid import uuid4

import psycopg
from eventsourcing.persistence import StoredEvent
from sqlalchemy.engine import make_url

import regulars
from benchmarks.bench import Bench
from benchmarks.insert import COLUMNS
from benchmarks.rows import Figure
from benchmarks.server import fresh_database
from benchmarks.timing import FORKED
from regulars import RecordPurchase, RegisterCustomer
from regulars.adapters.eventsourcing_library.recorders import SqlApplicationRecorder
from regulars.adapters.sql.database import Database

CUSTOMERS = 1_000
_ORDER = {"amount": "59.90", "lines": ({"sku": "sku-1"},), "channel": "web"}

#: (url, which writer) -> something that commits one event each time it is called
Writer = Callable[[str, int], Callable[[int], object]]


def commands(url: str, writer: int) -> Callable[[int], object]:
    """Purchases through the front door."""
    crm = regulars.open(url, actor=f"writer-{writer}")

    def write(number: int) -> object:
        customer = f"shop:{(number * 8 + writer) % CUSTOMERS}"
        return crm.do(RecordPurchase(customer=customer, order_id=f"{writer}-{uuid4().hex}", **_ORDER))  # type: ignore[arg-type]

    return write


def bare_inserts(url: str, writer: int) -> Callable[[int], object]:
    """The same rows into a table of the same columns and indexes; a sequence numbers them, and nothing waits."""
    connection = psycopg.connect(_libpq(url), autocommit=True)
    newest = f"SELECT {', '.join(COLUMNS)} FROM regulars_events ORDER BY position DESC LIMIT 1"  # noqa: S608
    row = connection.execute(newest).fetchone()
    assert row is not None
    values: list[Any] = list(row)[1:]
    marks = ", ".join(["nextval('bare_positions')", *["%s"] * len(values)])
    insert = f"INSERT INTO bare ({', '.join(COLUMNS)}) VALUES ({marks})"  # noqa: S608 - our own names
    customers = [key for (key,) in connection.execute("SELECT customer_id FROM regulars_keys ORDER BY customer_id")]

    def write(number: int) -> object:
        values[0], values[3] = uuid4().hex, customers[(number * 8 + writer) % len(customers)]
        return connection.execute(insert, values, prepare=True)

    return write


def recorder(url: str, writer: int) -> Callable[[int], object]:
    """Our recorder for the library's applications: positions are drawn, nothing is decided or encrypted."""
    recorder = SqlApplicationRecorder(Database(url), prefix="bench_", text_ids=True)
    if writer == _FIRST:
        recorder.create_table()

    def write(number: int) -> object:
        return recorder.insert_events([_event()])

    return write


def library(url: str, writer: int) -> Callable[[int], object]:
    """The library's recorder, which locks its table for each transaction."""
    from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

    parts = make_url(url)
    host = str(parts.host or parts.query.get("host", ""))
    datastore = PostgresDatastore(
        parts.database or "", host, parts.port or 5432, parts.username or "", parts.password or "",
        originator_id_type="text", pool_size=1,
    )  # fmt: skip
    recorder = PostgresApplicationRecorder(datastore, events_table_name="library_events")
    if writer == _FIRST:
        recorder.create_table()

    def write(number: int) -> object:
        return recorder.insert_events([_event()])

    return write


def _event() -> StoredEvent:
    state = b'{"order_id":"A-1","amount":5990,"currency":"EUR","lines":[{"sku":"sku-1","quantity":1}],"channel":"web"}'
    return StoredEvent(uuid4().hex, 1, "PurchaseRecorded", state)


WRITERS: dict[str, Writer] = {"ours": commands, "bare": bare_inserts, "recorder": recorder, "library": library}
_FIRST = -1


def write_for(kind: str, url: str, writer: int, begin: float, duration: float) -> int:
    """How many commits one writer makes in a time that begins for all at the same moment."""
    write = WRITERS[kind](url, writer)
    write(0)
    sleep(max(0.0, begin - time()))
    count, end = 0, monotonic() + duration
    while monotonic() < end:
        count += 1
        write(count)
    return count


def measure(bench: Bench) -> Iterator[Figure]:
    """Part 4, on PostgreSQL."""
    with fresh_database() as url:
        _prepare(url)
        duration = 0.1 if bench.settings.quick else 3.0
        for writers in (1, 8):
            lead = 0.0 if bench.settings.quick else 1.0 + 0.4 * writers  # until all of them are there
            rates = _rates(url, writers, lead, duration, bench.few(3, 1))
            note = f"median of {bench.few(3, 1)} turns of {duration:g} s"
            ours, bare, recorded, theirs = (median(rates[kind]) for kind in WRITERS)
            numbers = {f"{kind}_commits": median(rates[kind]) for kind in WRITERS}
            yield Figure(
                row=f"postgres.{writers}",
                value=ours / bare,
                absolute=f"{ours:,.0f} commits/s, bare {bare:,.0f}",
                note=note,
                numbers=numbers,
            )
            yield Figure(
                row=f"postgres.library.{writers}",
                value=ours / theirs,
                absolute=f"{ours:,.0f} commits/s, the library {theirs:,.0f}",
                note=note,
                numbers=numbers,
            )
            yield Figure(
                row=f"postgres.recorder.{writers}",
                value=recorded / theirs,
                absolute=f"{recorded:,.0f} commits/s, the library {theirs:,.0f}, bare {bare:,.0f}",
                note=note,
                numbers=numbers,
            )


def _prepare(url: str) -> None:
    with regulars.open(url, currency="EUR", actor="bench") as crm:
        crm.do([RegisterCustomer(ref=f"shop:{number}") for number in range(CUSTOMERS)])
        crm.do(RecordPurchase(customer="shop:0", order_id="first", **_ORDER))  # type: ignore[arg-type]
    with psycopg.connect(_libpq(url), autocommit=True) as connection:
        connection.execute("CREATE TABLE bare (LIKE regulars_events INCLUDING ALL)")
        connection.execute("CREATE SEQUENCE bare_positions")
    library(url, _FIRST)
    recorder(url, _FIRST)


def _rates(url: str, writers: int, lead: float, duration: float, turns: int) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {kind: [] for kind in WRITERS}
    FORKED.set_forkserver_preload([__name__])  # which the writers would import each for itself
    with ProcessPoolExecutor(writers, mp_context=FORKED) as pool:
        for _ in range(turns):
            for kind in WRITERS:
                begin = time() + lead
                counts = [pool.submit(write_for, kind, url, writer, begin, duration) for writer in range(writers)]
                rates[kind].append(sum(count.result() for count in counts) / duration)
    return rates


def _libpq(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
