"""Commands one by one and many at once, beside bare inserts of the same rows and beside the library's recorder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from uuid import uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore

from benchmarks.bench import Bench
from benchmarks.history import opened
from benchmarks.insert import BareStore, Rows, recorded_rows
from benchmarks.rows import Figure
from benchmarks.timing import seconds
from benchmarks.workload_commands import purchase
from regulars import Command, RegisterCustomer, Regulars
from regulars.adapters.eventsourcing_library.recorders import SqlApplicationRecorder
from regulars.adapters.sql.database import Database

_STATE = b'{"order_id":"A-1","amount":5990,"currency":"EUR","lines":[{"sku":"sku-1","quantity":1}],"channel":"web"}'


def measure(bench: Bench) -> Iterator[Figure]:
    """Part 4, on SQLite."""
    path, now = bench.copy(bench.main, "append")
    bare = BareStore(bench.copy(bench.main, "append-bare")[0])
    library = _library(bench.main.path, bench.folder / "append-library.db")
    recorder = _recorder(bench.main.path, bench.folder / "append-recorder.db")
    with opened(path, now) as crm:
        appending = _Appending(crm, path, bare, library, recorder)
        for size, repeats in ((1, 400), (10, 100), (1_000, 15)):
            yield from appending.compare(size, bench.few(repeats, 3))
            yield appending.compare_recorders(size, bench.few(repeats, 3))
        appending.close()
    library.datastore.close()
    recorder.database.close()
    bare.close()


def _library(source: Path, target: Path) -> SQLiteApplicationRecorder:
    """The library's recorder with as many events in it as ours has."""
    recorder = SQLiteApplicationRecorder(SQLiteDatastore(str(target), originator_id_type="text"))
    recorder.create_table()
    with closing(sqlite3.connect(target)) as connection:
        connection.execute("ATTACH ? AS source", (str(source),))
        recorded = "SELECT stream_id, version, type, payload FROM source.regulars_events ORDER BY position"
        connection.execute(f"INSERT INTO stored_events {recorded}")
        connection.commit()
    return recorder


def _recorder(source: Path, target: Path) -> SqlApplicationRecorder:
    """Our recorder for the library's applications, with as many events in it."""
    recorder = SqlApplicationRecorder(Database(target), text_ids=True)
    recorder.create_table()
    with closing(sqlite3.connect(target)) as connection:
        connection.execute("ATTACH ? AS source", (str(source),))
        connection.execute(
            "INSERT INTO stored_events (position, originator_id, originator_version, topic, state) "
            "SELECT position, stream_id, version, type, payload FROM source.regulars_events ORDER BY position"
        )
        connection.commit()
    return recorder


class _Appending:
    """The three of them, in turns."""

    def __init__(
        self,
        crm: Regulars,
        path: Path,
        bare: BareStore,
        library: SQLiteApplicationRecorder,
        recorder: SqlApplicationRecorder,
    ) -> None:
        self._crm = crm
        self._reader = sqlite3.connect(path)  # one that stays: opening a file again and again disturbs who writes it
        self._bare = bare
        self._library = library
        self._recorder = recorder
        self._who = [f"bench:{number}" for number in range(1_000)]
        self._orders = 0
        self._random = Random(7)  # noqa: S311 - as in lives
        crm.do([RegisterCustomer(ref=each) for each in self._who])
        self._last = crm.do(self._purchases(1))[0].position or 0

    def close(self) -> None:
        """Give back what it reads with."""
        self._reader.close()

    def compare(self, size: int, repeats: int) -> Iterator[Figure]:
        """Transactions of one size."""
        ours: list[float] = []
        bare: list[float] = []
        theirs: list[float] = []
        for _ in range(repeats):
            commands = self._purchases(size)
            started = perf_counter()
            outcomes = self._crm.do(commands)
            ours.append(perf_counter() - started)
            rows = recorded_rows(self._reader, self._last)
            assert len(rows) == size
            self._last = outcomes[-1].position or 0
            bare.append(seconds(partial(self._bare.insert, rows)))
            theirs.append(seconds(partial(self._library.insert_events, _stored(rows))))
        our, floor, their = median(ours), median(bare), median(theirs)
        note = f"median of {repeats}, in turns; into a store of the full size"
        numbers = {"ms": our * 1e3, "bare_ms": floor * 1e3, "library_ms": their * 1e3}
        yield Figure(
            row=f"append.{size}",
            value=our / floor,
            absolute=f"{our * 1e3:.2f} ms, bare {floor * 1e3:.2f} ms",
            note=note,
            numbers=numbers,
        )
        yield Figure(
            row=f"append.library.{size}",
            value=their / our,
            absolute=f"{our * 1e3:.2f} ms, the library {their * 1e3:.2f} ms",
            note=note,
            numbers=numbers,
        )

    def compare_recorders(self, size: int, repeats: int) -> Figure:
        """Ours and the library's own, with the same events."""
        taken: dict[str, list[float]] = {"ours": [], "library": []}
        for _ in range(repeats):
            stored = [StoredEvent(uuid4().hex, 1, "PurchaseRecorded", _STATE) for _ in range(size)]
            taken["ours"].append(seconds(partial(self._recorder.insert_events, stored)))
            taken["library"].append(seconds(partial(self._library.insert_events, stored)))
        our, their = (median(times) * 1e3 for times in taken.values())
        return Figure(
            row=f"append.recorder.{size}",
            value=their / our,
            absolute=f"{our:.2f} ms, the library {their:.2f} ms",
            note=f"median of {repeats}, in turns; as above",
            numbers={"ms": our, "library_ms": their},
        )

    def _purchases(self, size: int) -> list[Command]:
        """Made beforehand: a program that embeds the store has them, or makes them while it waits for something."""
        self._orders += size
        numbers = range(self._orders - size, self._orders)
        return [
            purchase(self._who[number % len(self._who)], f"bench-{number}", None, self._random) for number in numbers
        ]


def _stored(rows: Rows) -> list[StoredEvent]:
    return [StoredEvent(row[1], row[2], row[5], row[12]) for row in rows]
