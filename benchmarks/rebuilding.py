"""Rebuilds beside the floor, with more workers, and of more events."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.floor import read_all
from benchmarks.history import History, history
from benchmarks.rebuild import Rebuilt, fold_once, rebuild_once
from benchmarks.rows import Figure
from benchmarks.timing import in_own_process


def measure(bench: Bench) -> Iterator[Figure]:
    """Part 2."""
    made = bench.main
    path, now = bench.copy(made, "rebuild")
    smaller, larger = _business(bench, 1), _business(bench, 4)
    small, _ = bench.copy(smaller, "rebuild-small")
    large = path if larger.path == made.path else bench.copy(larger, "rebuild-large")[0]
    floors: list[float] = []
    folds: dict[int, list[float]] = {1: [], 2: []}
    runs: dict[str, list[Rebuilt]] = {"alone": [], "shared": [], "small": [], "large": []}
    for _ in range(bench.few(2, 1)):
        floors.append(in_own_process(read_all, path))
        for workers, taken in folds.items():
            taken.append(fold_once(path, workers))
        runs["alone"].append(in_own_process(rebuild_once, path, now))
        runs["shared"].append(in_own_process(rebuild_once, path, now, 2))
        runs["small"].append(in_own_process(rebuild_once, small, smaller.now))
        if large != path:
            runs["large"].append(in_own_process(rebuild_once, large, larger.now))
    yield from _alone(made, min(floors), runs["alone"])
    yield _folding(min(folds[1]), min(folds[2]))
    yield _shared(runs["alone"], runs["shared"])
    yield from _scale(smaller, larger, runs["small"], runs["large"] or runs["alone"])
    for each in {path, small, large}:
        each.unlink()


def _business(bench: Bench, times: int) -> History:
    """The same business, as large as the smaller of two, or so many times that."""
    settings = bench.settings
    events = settings.scale_from * times
    return history(events, round(events * settings.customers / settings.events))


def _alone(made: History, floor: float, runs: list[Rebuilt]) -> Iterator[Figure]:
    best, peak = _best(runs), max(each.peak_mib for each in runs)
    yield Figure(
        row="rebuild.share",
        value=floor / best,
        absolute=f"{made.events / best:,.0f} events/s: {made.events:,} in {best:.1f} s, the floor {floor:.2f} s",
        note=f"best of {len(runs)}, in turns with the floor, each in a fresh process",
        numbers={"seconds": best, "floor_seconds": floor, "events": made.events},
    )
    yield Figure(
        row="rebuild.memory",
        value=peak,
        absolute=f"{made.events:,} events of {made.customers:,} customers",
        note="of a process that does nothing else",
        numbers={"mib": peak},
    )


def _folding(one: float, two: float) -> Figure:
    return Figure(
        row="rebuild.workers.fold",
        value=one / two,
        absolute=f"{two:.1f} s with 2 workers, {one:.1f} s with 1; nothing is written",
        note="starting the workers and handing over what they fold included",
        numbers={"seconds": two, "alone_seconds": one},
    )


def _shared(alone: list[Rebuilt], shared: list[Rebuilt]) -> Figure:
    one, two = _best(alone), _best(shared)
    return Figure(
        row="rebuild.workers",
        value=one / two,
        absolute=f"{two:.1f} s with 2 workers, {one:.1f} s with 1",
        note=f"best of {len(shared)}, in turns",
        numbers={"seconds": two, "alone_seconds": one},
    )


def _scale(smaller: History, larger: History, small: list[Rebuilt], large: list[Rebuilt]) -> Iterator[Figure]:
    once, four = _best(small), _best(large)
    yield Figure(
        row="rebuild.scale",
        value=four / once,
        absolute=f"{larger.events:,} events in {four:.1f} s, {smaller.events:,} in {once:.1f} s",
        note=f"best of {len(small)}, in turns",
        numbers={"seconds": once, "four_seconds": four, "events": smaller.events},
    )
    peaks = [max(each.peak_mib for each in runs) for runs in (small, large)]
    yield Figure(
        row="rebuild.scale.memory",
        value=peaks[1] / peaks[0],
        absolute=f"{peaks[1]:.0f} MiB and {peaks[0]:.0f} MiB",
        numbers={"mib": peaks[0], "four_mib": peaks[1]},
    )


def _best(runs: list[Rebuilt]) -> float:
    return min(each.seconds for each in runs)
