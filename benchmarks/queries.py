"""Questions: about one customer beside a bare read of the same rows, and pages of a hundred thousand."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from itertools import cycle
from random import Random
from statistics import median
from time import perf_counter, process_time

from benchmarks.bench import Bench
from benchmarks.history import ACTORS, opened
from benchmarks.rows import Figure
from benchmarks.timing import seconds, take_turns
from benchmarks.workload_commands import purchase
from regulars import CustomerId, RecordInteraction, RegisterCustomer, Regulars

_OF_CUSTOMER = "SELECT * FROM regulars_events WHERE customer_id = ?"
_OF_ACTOR = "SELECT * FROM regulars_events WHERE actor = ? ORDER BY position DESC LIMIT 50"


def measure(bench: Bench) -> Iterator[Figure]:
    """Part 6."""
    path, now = bench.folded_crowd, bench.crowd.now
    with opened(path, now) as crm, closing(sqlite3.connect(path)) as bare:
        some = "SELECT customer_id FROM regulars_customer_card ORDER BY 1 LIMIT 500"
        customers = [row[0] for row in bare.execute(some)]
        repeats = bench.few(200, 5)
        explain = cycle([crm.customer(CustomerId(each)) for each in customers[:50]])
        asked = partial(_beside, bare, repeats)
        yield asked("query.customer", _OF_CUSTOMER, customers, lambda each: crm.customer(CustomerId(each)))
        yield asked("query.explain", _OF_CUSTOMER, customers, lambda _: next(explain).explain())
        yield asked("query.audit", _OF_ACTOR, list(ACTORS), lambda each: crm.audit(actor=each))
        yield from _pages(crm, now, bench.few(25), bench.crowd.customers)
        yield _trend(crm, now, bench.few(9), bench.crowd.customers)
        yield _today(crm, bench.few(9), bench.crowd.customers)
        yield _large(crm, now, bench)


def _beside(
    bare: sqlite3.Connection, repeats: int, row: str, sql: str, asked: list[str], ask: Callable[[str], object]
) -> Figure:
    ours, floor = cycle(asked), cycle(asked)
    taken = take_turns(
        repeats,
        ours=lambda: seconds(lambda: ask(next(ours))),
        bare=lambda: seconds(lambda: bare.execute(sql, (next(floor),)).fetchall()),
    )
    our, their = (median(taken[name]) * 1e3 for name in ("ours", "bare"))
    return Figure(
        row=row,
        value=our / their,
        absolute=f"{our:.2f} ms, bare {their:.3f} ms",
        note=f"median of {repeats}, in turns",
        numbers={"ms": our, "bare_ms": their},
    )


def _pages(crm: Regulars, now: datetime, repeats: int, customers: int) -> Iterator[Figure]:
    past = now - timedelta(days=365)
    pages = {
        "now": lambda: crm.customers(stage="at_risk", limit=50),
        "past": lambda: crm.customers(stage="at_risk", as_of=past, limit=50),
        "becoming": lambda: crm.customers(becoming={"stage": "at_risk"}, within=timedelta(days=14), limit=50),
    }
    taken = take_turns(repeats, **{name: partial(seconds, page) for name, page in pages.items()})
    for name, times in taken.items():
        ms = median(times) * 1e3
        yield Figure(
            row=f"query.page.{name}",
            value=ms,
            absolute=f"{len(pages[name]().customers)} of {customers:,} customers, names decrypted",
            note=f"median of {repeats}, in turns",
            numbers={"ms": ms, "worst_ms": max(times) * 1e3},
        )


def _trend(crm: Regulars, now: datetime, repeats: int, customers: int) -> Figure:
    """Five years by month, which end with this one."""
    until = now.date()
    since = (until.replace(year=until.year - 5, day=28) + timedelta(days=4)).replace(day=1)  # the month after
    months = len(crm.trend("stage", since=since, until=until).points)
    times = [seconds(lambda: crm.trend("stage", since=since, until=until)) for _ in range(repeats)]
    ms = median(times) * 1e3
    return Figure(
        row="query.trend",
        value=ms,
        absolute=f"{months} month ends of {customers:,} customers",
        note=f"median of {repeats}",
        numbers={"ms": ms, "worst_ms": max(times) * 1e3},
    )


def _today(crm: Regulars, repeats: int, customers: int) -> Figure:
    """The time of the process, so that others on the machine don't count."""
    found = crm.today()  # what was recorded long ago is sealed once
    times = []
    for _ in range(repeats):
        started = process_time()
        crm.today()
        times.append(process_time() - started)
    ms = median(times) * 1e3
    return Figure(
        row="query.today",
        value=ms,
        absolute=f"{len(found.lines)} of {sum(each.count for each in found.kinds):,} lines, {customers:,} customers",
        note=f"median of {repeats}, processor time",
        numbers={"ms": ms, "worst_ms": max(times) * 1e3},
    )


def _large(crm: Regulars, now: datetime, bench: Bench) -> Figure:
    """Each purchase with its being folded in."""
    random, sizes, count = Random(11), {"large": 10_000 if not bench.settings.quick else 1_000, "small": 10}, 0  # noqa: S311
    for name, size in sizes.items():
        _fill(crm, f"bench:{name}", size, now, random)
    crm.catch_up()
    recorded: dict[str, list[float]] = {name: [] for name in sizes}

    def buy(name: str) -> float:
        nonlocal count
        count += 1
        started = perf_counter()
        crm.do(purchase(f"bench:{name}", f"more-{name}-{count}", None, random))
        recorded[name].append(perf_counter() - started)
        crm.catch_up()
        return perf_counter() - started

    repeats = bench.few(25, 3)
    taken = take_turns(repeats, **{name: partial(buy, name) for name in sizes})
    large, small = (median(taken[name]) * 1e3 for name in ("large", "small"))
    do_large, do_small = (median(recorded[name]) * 1e3 for name in ("large", "small"))
    return Figure(
        row="query.large",
        value=large / small,
        absolute=f"{large:.1f} ms and {small:.1f} ms; recording alone {do_large:.2f} and {do_small:.2f} ms",
        note=f"recorded and folded in; median of {repeats}, in turns; {sizes['large']:,} events against 10",
        numbers={"ms": large, "small_ms": small, "recording_ms": do_large, "recording_small_ms": do_small},
    )


def _fill(crm: Regulars, who: str, size: int, now: datetime, random: Random) -> None:
    """A customer with so many events over three years: half orders, half calls."""
    begin, step = now - timedelta(days=1_000), timedelta(days=1_000) / size
    crm.do(RegisterCustomer(ref=who, occurred_at=begin))
    crm.do(
        [
            purchase(who, f"{who}-{number}", begin + number * step, random)
            if number % 2
            else RecordInteraction(
                customer=who, channel="phone", direction="inbound", occurred_at=begin + number * step
            )
            for number in range(1, size)
        ]
    )
