"""The floor: read every event in order of position and decode it, nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import perf_counter

import msgspec

from benchmarks.bench import Bench
from benchmarks.rows import Figure
from benchmarks.timing import in_own_process
from regulars.crm_domain.catalogue import EVENTS


def read_all(path: Path) -> float:
    """How many seconds it takes."""
    decode = {tag: msgspec.json.Decoder(event_type).decode for tag, event_type in EVENTS.items()}
    with closing(sqlite3.connect(path)) as connection:
        started = perf_counter()
        for tag, payload in connection.execute("SELECT type, payload FROM regulars_events ORDER BY position"):
            decode[tag](payload)
        return perf_counter() - started


def measure(bench: Bench) -> Iterator[Figure]:
    """Part 1."""
    made = bench.main
    taken = min(in_own_process(read_all, made.path) for _ in range(bench.few(3)))
    rate = made.events / taken
    yield Figure(
        row="floor",
        value=rate,
        absolute=f"{made.events:,} events in {taken:.2f} s",
        note="best of 3, each in a fresh process",
        numbers={"seconds": taken, "events": made.events},
    )
