"""Folding in what was recorded just now: one purchase, and a thousand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from statistics import median
from time import perf_counter

import regulars
from benchmarks.bench import Bench
from benchmarks.history import StandingClock
from benchmarks.rows import Figure
from benchmarks.timing import seconds
from benchmarks.workload import is_forgotten
from benchmarks.workload_commands import purchase, reference


def measure(bench: Bench) -> Iterator[Figure]:
    """Part 7."""
    path, rebuilt = bench.folded_slice
    random, customers, count = Random(13), bench.slice.customers, 0  # noqa: S311 - as in lives
    known = [number for number in range(customers) if not is_forgotten(number)]
    one, recording, thousand = [], [], []
    clock = StandingClock(bench.slice.now)
    with regulars.open(path, clock=clock, actor="bench") as crm:
        crm.catch_up()
        crm.seal()  # of what was recorded long ago each catch-up would seal a part
        for size, repeats in ((1, bench.few(50, 3)), (1_000, bench.few(5, 1))):
            for _ in range(repeats):
                who = random.sample(known, min(size, len(known)))
                commands = [purchase(reference(each), f"new-{count + n}", None, random) for n, each in enumerate(who)]
                count += size
                clock.now += timedelta(seconds=1)  # or who buys again would do so at one instant, and be folded afresh
                started = perf_counter()
                outcomes = crm.do(commands)
                taken = perf_counter() - started
                caught_up = seconds(crm.catch_up)
                if size == 1:
                    recording.append(taken)
                    one.append(caught_up)
                else:
                    thousand.append(caught_up / sum(len(each.events) for each in outcomes))
    ours, command, each = median(one) * 1e3, median(recording) * 1e3, median(thousand) * 1e3
    per_event = rebuilt.seconds / bench.slice.events * 1e3
    yield Figure(
        row="catch_up.1",
        value=ours / command,
        absolute=f"{ours:.2f} ms, the purchase {command:.2f} ms",
        note=f"median of {len(one)}, in turns",
        numbers={"ms": ours, "command_ms": command},
    )
    yield Figure(
        row="catch_up.1000",
        value=each / per_event,
        absolute=f"{each:.3f} ms an event, a rebuild {per_event:.3f} ms",
        note=f"median of {len(thousand)}, of as many customers",
        numbers={"event_ms": each, "rebuild_event_ms": per_event},
    )
