"""The same verdicts the library's own way: a ProjectionRunner, a view in SQLite, a transaction an event.

What its SQLite recorder lacks is added, no more: it can't be subscribed to. Its settings are its own (WAL, and SQLite's
default of synchronous=FULL); events are decoded by msgspec, as ours are, which is quicker than its own transcoder.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
from eventsourcing.application import Application
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    JSONTranscoder,
    ListenNotifySubscription,
    Mapper,
    StoredEvent,
    Tracking,
)
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteCursor, SQLiteTrackingRecorder
from msgspec import Struct

from benchmarks.bench import Bench
from benchmarks.rebuild import rebuild_once
from benchmarks.rows import Figure
from benchmarks.timing import in_own_process
from regulars import default_rules
from regulars.adapters.log.codec import CODECS, codec_of
from regulars.projections.engine.fold import Folded, Happened, fold
from regulars.projections.engine.stored import dump, load
from regulars.projections.facts.shared import HANDLES
from regulars.projections.registry import PROJECTORS
from regulars.projections.rules.compiled import compile_rules
from regulars.projections.verdict import Verdict

Parameters = Sequence[Any]

_TOPICS = tuple(tag for tag, codec in CODECS.items() if codec.reads in HANDLES)
_VERDICTS = tuple(projector.name for projector in PROJECTORS if projector.key is None and projector.verdict is Verdict)
_TIMEOUT = 3_600.0


class Told(Struct, frozen=True):
    """An event as the application hands it out."""

    originator_id: str
    originator_version: int
    happened: Happened


class Subscribable(SQLiteApplicationRecorder):
    """The library's SQLite recorder with the library's own kind of subscription."""

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> ListenNotifySubscription[SQLiteApplicationRecorder]:
        """It reads what is there, which is all that a rebuild needs."""
        return ListenNotifySubscription(self, gt, topics)


class _ToldMapper(Mapper[str]):
    """Reads what `_fill` wrote."""

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[str]:
        """All that a projection uses of an event."""
        at, position, payload = msgspec.msgpack.decode(stored_event.state)
        event = codec_of(stored_event.topic, CODECS).decode(payload)
        return Told(str(stored_event.originator_id), stored_event.originator_version, Happened(at, position, event))


class Shop(Application[str]):
    """The application whose events are followed."""

    def construct_mapper(self) -> Mapper[str]:
        """As `_fill` writes."""
        return _ToldMapper(JSONTranscoder())


class View(SQLiteTrackingRecorder):
    """Each customer's fold and intervals."""

    def construct_create_table_statements(self) -> list[str]:
        """The library's table for tracking, and those of the view."""
        cards = "CREATE TABLE IF NOT EXISTS card (customer_id TEXT PRIMARY KEY, folded BLOB) WITHOUT ROWID"
        intervals = [
            f"CREATE TABLE IF NOT EXISTS {name} (customer_id TEXT, valid_from INTEGER, valid_to INTEGER, value TEXT, "
            "score INTEGER, PRIMARY KEY (customer_id, valid_from)) WITHOUT ROWID"
            for name in _VERDICTS
        ]
        return [*super().construct_create_table_statements(), cards, *intervals]

    def folded(self, customer_id: str) -> Folded:
        """What is stored of a customer."""
        with self.datastore.transaction(commit=False) as cursor:
            cursor.execute("SELECT folded FROM card WHERE customer_id = ?", (customer_id,))
            row = cursor.fetchone()
        return Folded() if row is None else load(row[0], PROJECTORS)

    def save(
        self, customer_id: str, folded: Folded, intervals: dict[str, list[Parameters]], tracking: Tracking
    ) -> None:
        """Store a fold and the intervals from the last settled one on, and that the event was followed."""
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute("INSERT OR REPLACE INTO card VALUES (?, ?)", (customer_id, dump(folded)))
            for name, rows in intervals.items():
                _replace(cursor, name, customer_id, rows)
            self._insert_tracking(cursor, tracking)


def _replace(cursor: SQLiteCursor, name: str, customer_id: str, rows: list[Parameters]) -> None:
    if rows:
        outdated = f"DELETE FROM {name} WHERE customer_id = ? AND valid_from >= ?"  # noqa: S608 - one of four names
        cursor.execute(outdated, (customer_id, rows[0][1]))
        cursor.executemany(f"INSERT INTO {name} VALUES (?, ?, ?, ?, ?)", rows)  # noqa: S608 - as above


class Verdicts(Projection[View]):
    """Folds each event in as it comes; none comes late (see _SLICE)."""

    name = "verdicts"
    topics = _TOPICS

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._rules = compile_rules(default_rules(), "EUR")
        self.followed_at = 0.0

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """One event, one transaction."""
        told: Told = domain_event
        customer_id, folded = told.originator_id, self.view.folded(told.originator_id)
        timelines = fold(folded, [told.happened], self._rules, PROJECTORS)
        intervals: dict[str, list[Parameters]] = {
            name: [
                (customer_id, each.valid_from, each.valid_to, each.verdict.value, each.verdict.score)
                for each in timelines[name]
            ]
            for name in _VERDICTS
        }
        self.view.save(customer_id, folded, intervals, tracking)
        self.followed_at = perf_counter()


def run(source: Path, folder: Path, events: int) -> tuple[int, float]:
    """How many events a slice has, and how many seconds the library takes for it."""
    filled = _fill(source, folder / "library.db", events)
    shared = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "ORIGINATOR_ID_TYPE": "text"}
    env = shared | {
        "SHOP_SQLITE_DBNAME": str(folder / "library.db"),
        "SHOP_APPLICATION_RECORDER_TOPIC": f"{Subscribable.__module__}:Subscribable",
        "VERDICTS_SQLITE_DBNAME": str(folder / "library-view.db"),
    }
    with closing(sqlite3.connect(folder / "library.db")) as connection:
        marks = ", ".join("?" * len(_TOPICS))
        last = f"SELECT max(rowid) FROM stored_events WHERE topic IN ({marks})"  # noqa: S608 - question marks
        followed = connection.execute(last, _TOPICS).fetchone()[0]
    started = perf_counter()
    with ProjectionRunner(application_class=Shop, projection_class=Verdicts, view_class=View, env=env) as runner:
        runner.wait(followed, timeout=_TIMEOUT)  # it looks every now and then only, so the projection says when
        assert isinstance(runner.projection, Verdicts)
        return filled, runner.projection.followed_at - started


def _fill(source: Path, target: Path, events: int) -> int:
    """Whole histories of some customers, in the library's own table; without those whose events came late."""
    with closing(sqlite3.connect(source)) as connection:
        rows = connection.execute(_SLICE, (events,)).fetchall()
    with closing(sqlite3.connect(target)) as connection:
        connection.execute(
            "CREATE TABLE stored_events (originator_id TEXT, originator_version INTEGER, topic TEXT, state BLOB, "
            "PRIMARY KEY (originator_id, originator_version))"
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executemany(
            "INSERT INTO stored_events VALUES (?, ?, ?, ?)",
            [
                (customer_id, index, tag, msgspec.msgpack.encode((at, position, payload)))
                for index, (customer_id, tag, at, position, payload) in enumerate(rows, 1)
            ],
        )
        connection.commit()
    return len(rows)


# Ids are random, so the first ones are a fair sample. Late events would fold a customer afresh, which this doesn't do;
# so would a second event of one instant that comes by itself: it lies a microsecond later here.
_SLICE = """
    WITH numbered AS (
        SELECT customer_id, count(*) AS events, sum(late) AS late FROM (
            SELECT customer_id,
                   occurred_at < lag(occurred_at) OVER (PARTITION BY customer_id ORDER BY position) AS late
            FROM regulars_events WHERE customer_id <> ''
        ) GROUP BY customer_id
    ), chosen AS (
        SELECT customer_id, sum(events) OVER (ORDER BY customer_id) AS running FROM numbered WHERE coalesce(late, 0) = 0
    )
    SELECT customer_id, type,
           occurred_at + row_number() OVER (PARTITION BY customer_id, occurred_at ORDER BY position) - 1,
           position, payload
    FROM regulars_events
    WHERE customer_id IN (SELECT customer_id FROM chosen WHERE running <= ?) ORDER BY position
"""


def measure(bench: Bench) -> Iterator[Figure]:
    """Part 3."""
    made = bench.main
    path, now = bench.copy(made, "library-ours")
    rebuilds = {"library": 1, "library.workers": 2}
    before = {row: in_own_process(rebuild_once, path, now, workers).seconds for row, workers in rebuilds.items()}
    events, theirs = in_own_process(run, made.path, bench.folder, 500 if bench.settings.quick else 50_000)
    for row, workers in rebuilds.items():
        ours = min(before[row], in_own_process(rebuild_once, path, now, workers).seconds)
        rate, their_rate = made.events / ours, events / theirs
        yield Figure(
            row=row,
            value=rate / their_rate,
            absolute=f"{rate:,.0f} events/s of {made.events:,}, {their_rate:,.0f} events/s of {events:,}",
            note="the best of 2 rebuilds, before and after",
            numbers={"events_a_second": rate, "library_events_a_second": their_rate},
        )
    path.unlink()
