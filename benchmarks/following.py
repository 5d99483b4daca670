"""Reading every event with its envelope: by the feed, as an export, and as the notifications of the library."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import msgspec
from eventsourcing.domain import DomainEvent
from eventsourcing.persistence import DatetimeAsISO, JSONTranscoder, Mapper, StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore
from eventsourcing.utils import get_topic

from benchmarks.bench import Bench
from benchmarks.history import opened
from benchmarks.rows import Figure
from benchmarks.timing import take_turns

_AT_ONCE = 1_000
_ENVELOPE = (
    *("category", "customer_id", "type", "recorded_at", "actor"),
    *("correlation_id", "causation_id", "command_id"),
)


class Told(DomainEvent):
    """An event of the library's: what happened, and the envelope that ours has."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Of part 3, the CPU time: both only read."""
    path, now = bench.copy(bench.slice, "followed")
    library = _Library(path, bench.folder / "followed-library.db")
    with opened(path, now) as crm:
        taken = take_turns(
            bench.few(5, 1),
            library=lambda: _cpu(lambda: _read(library.notifications())),
            events=lambda: _cpu(lambda: _read(crm.events())),
            export=lambda: _cpu(lambda: crm.export_events(len)),
        )
    library.close()
    each = {name: median(some) / bench.slice.events * 1e6 for name, some in taken.items()}
    for name in ("events", "export"):
        yield Figure(
            row=f"follow.{name}",
            value=each[name] / each["library"],
            absolute=f"{each[name]:.1f} µs an event, the library {each['library']:.1f}",
            note=f"CPU, median of {len(taken[name])}, in turns; {bench.slice.events:,} events",
            numbers={"us": each[name], "library_us": each["library"]},
        )


def _cpu(work: Callable[[], object]) -> float:
    """The CPU time that something takes, in seconds."""
    started = process_time()
    work()
    return process_time() - started


def _read(found: Iterator[object]) -> None:
    for _ in found:
        pass


def _content(row: sqlite3.Row) -> dict[str, Any]:
    """What happened, and when, as the library's events have it."""
    happened: dict[str, Any] = msgspec.json.decode(row["payload"])
    return happened | {"timestamp": datetime.fromtimestamp(row["occurred_at"] / 1e6, UTC)}


class _Library:
    """The library's SQLite recorder with the events of a store, and its own mapper with its own transcoder."""

    def __init__(self, source: Path, target: Path) -> None:
        transcoder = JSONTranscoder()
        transcoder.register(DatetimeAsISO())
        self._mapper: Mapper[str] = Mapper(transcoder)
        self._recorder = SQLiteApplicationRecorder(SQLiteDatastore(str(target), originator_id_type="text"))
        self._recorder.create_table()
        with closing(sqlite3.connect(source)) as connection:
            connection.row_factory = sqlite3.Row
            found = connection.execute("SELECT * FROM regulars_events ORDER BY position")
            while rows := found.fetchmany(_AT_ONCE):
                told = ((row, {name: row[name] for name in _ENVELOPE} | _content(row)) for row in rows)
                self._recorder.insert_events(
                    [
                        StoredEvent(row["stream_id"], row["version"], get_topic(Told), transcoder.encode(state))
                        for row, state in told
                    ]
                )

    def notifications(self) -> Iterator[object]:
        """All events, as its `ProjectionRunner` reads them."""
        start = 1
        while page := self._recorder.select_notifications(start, _AT_ONCE):
            for each in page:
                yield self._mapper.to_domain_event(each)
            start = page[-1].id + 1

    def close(self) -> None:
        """Close the recorder's file."""
        self._recorder.datastore.close()
