"""Importing a file of real orders, beside a bare bulk insert of the rows that came of it."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from time import perf_counter

import regulars
from benchmarks.bench import Bench
from benchmarks.insert import BareStore, recorded_rows
from benchmarks.rows import Figure
from benchmarks.timing import seconds

MAPPING = Path(__file__).parents[1] / "examples" / "cdnow-master.toml"
_QUICK_LINES = 2_000


def measure(bench: Bench) -> Iterator[Figure]:
    """Part 5."""
    file = bench.settings.cdnow
    if file is None or not file.exists():
        yield Figure(row="import", note="skipped: give the file with --cdnow or REGULARS_CDNOW")
        return
    if bench.settings.quick:
        file = _beginning(file, bench.folder / "beginning.txt")
    taken, bare, caught_up, orders, events = [], [], [], 0, 0
    for turn in range(bench.few(2, 1)):
        path = bench.folder / f"import-{turn}.db"
        orders, importing, total = _import(path, file)
        with closing(sqlite3.connect(path)) as connection:
            rows = recorded_rows(connection, 0)
        store = BareStore.like(bench.folder / f"import-bare-{turn}.db", path)
        bare.append(seconds(lambda: store.insert(rows)))  # noqa: B023 - called at once
        store.close()
        taken.append(importing)
        caught_up.append(total - importing)
        events = len(rows)
    ours, floor = min(taken), min(bare)
    yield Figure(
        row="import",
        value=ours / floor,
        absolute=f"{orders / ours:,.0f} rows/s: {orders:,} rows, {events:,} events in {ours:.1f} s, bare {floor:.2f} s",
        note=f"best of {len(taken)}, in turns; the catch-up after it, {min(caught_up):.1f} s, doesn't count",
        numbers={"seconds": ours, "bare_seconds": floor, "catch_up_seconds": min(caught_up), "rows": orders},
    )


def _import(path: Path, file: Path) -> tuple[int, float, float]:
    """Rows taken, and the seconds until they were recorded, and until they were folded in too."""
    recorded = started = perf_counter()

    def note(done: int, total: int | None, rows: int) -> None:
        nonlocal recorded
        recorded = perf_counter()

    with regulars.open(path, currency="USD", actor="import") as crm:
        started = perf_counter()
        report = crm.import_file(file, MAPPING, on_progress=note)
        return report.rows, recorded - started, perf_counter() - started


def _beginning(file: Path, target: Path) -> Path:
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as source:
        target.write_text("".join(islice(source, _QUICK_LINES)))
    return target
