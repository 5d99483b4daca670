"""Who would move under other rules, beside the rebuild that publishing them would be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from time import perf_counter

from benchmarks.bench import Bench
from benchmarks.history import opened
from benchmarks.rebuild import rebuild_once
from benchmarks.rows import Figure
from benchmarks.timing import in_own_process
from regulars import as_toml, default_rules, parse_rules

_CHANGES = (("prior_gap_days = 30", "prior_gap_days = 45"), ("grace_days = 30", "grace_days = 14"))


def preview_once(path: Path, now: datetime) -> tuple[float, int]:
    """How many seconds it takes, and how many moves it finds."""
    text = as_toml(default_rules())
    for old, new in _CHANGES:
        assert old in text, f"the default rules no longer say {old}"
        text = text.replace(old, new)
    with opened(path, now) as crm:
        crm.catch_up()
        started = perf_counter()
        moves = len(crm.rules.diff(parse_rules(text)))
        return perf_counter() - started, moves


def measure(bench: Bench) -> Iterator[Figure]:
    """Part 8."""
    (path, first), now = bench.folded_slice, bench.slice.now
    rebuilds, previews, moves = [first.seconds], [], 0
    for _ in range(bench.few(2, 1)):
        taken, moves = in_own_process(preview_once, path, now)
        previews.append(taken)
        rebuilds.append(in_own_process(rebuild_once, path, now).seconds)
    ours, rebuild = min(previews), min(rebuilds)
    yield Figure(
        row="preview",
        value=ours / rebuild,
        absolute=f"{ours:.1f} s for {moves:,} moves of {bench.slice.customers:,} customers, a rebuild {rebuild:.1f} s",
        note=f"best of {len(previews)}, in turns",
        numbers={"seconds": ours, "rebuild_seconds": rebuild, "moves": moves},
    )
