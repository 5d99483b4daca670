"""One rebuild of all projections, end to end."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from time import perf_counter

from msgspec import Struct

from benchmarks.history import opened
from benchmarks.machine import peak_memory


class Rebuilt(Struct, frozen=True):
    """What a rebuild took."""

    seconds: float
    peak_mib: float


def rebuild_once(path: Path, now: datetime, workers: int = 1) -> Rebuilt:
    """Read, decode, fold, judge with history, write, compare a sample, go live; into a new generation."""
    with opened(path, now) as crm:
        started = perf_counter()
        crm.projections.rebuild(workers=workers)
        seconds = perf_counter() - started
        peak = peak_memory()
        crm.projections.prune()
    return Rebuilt(seconds, peak)
