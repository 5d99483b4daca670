"""What a store costs as it grows: `python -m benchmarks.scaling --times 1 4 16 --folder FOLDER`.

The larger stores are the smallest one several times over, with other customers each time, as writing sixteen million
events through the front door takes an hour. Nobody's merges, forgettings and names are repeated: what is encrypted is
bound to its stream.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter

from msgspec import Struct
from msgspec.structs import asdict

import regulars
from benchmarks.history import SEED, StandingClock, history, opened
from benchmarks.rebuild import rebuild_once
from benchmarks.timing import in_own_process, seconds
from regulars import RecordPurchase, RegisterCustomer, Regulars
from regulars.adapters.schema.positions import continue_positions, last_settled
from regulars.adapters.sql.table_names import ours
from regulars.adapters.store.store import Store

#: A customer of a copy is another one: the first of 32 hexadecimal digits is moved on.
_DIGITS = "0123456789abcdef"
_ALONE = ("CustomerMerged", "MergeUndone", "PersonalDataErased")


class Cost(Struct, frozen=True, kw_only=True):
    """What a store of so many events takes. Sizes are in MB, peaks in MiB."""

    events: int
    log_mb: float
    store_mb: float
    rebuild_1_s: float
    rebuild_2_s: float
    peak_mib: float
    customer_ms: float
    page_ms: float
    purchase_ms: float
    fold_one_ms: float
    fold_1000_ms: float
    backup_s: float
    archive_s: float
    archive_mb: float


class Hot(Struct, frozen=True, kw_only=True):
    """What one customer with so many orders takes: a purchase, folding it in, and asking of them, in ms."""

    orders: int
    purchase_ms: float
    fold_ms: float
    customer_ms: float


def enlarge(path: Path, times: int) -> None:
    """Make a history so many times as large."""
    events, keys = ours("events"), ours("keys")
    alone = ", ".join(f"'{each}'" for each in _ALONE)
    with closing(Store(str(path))) as store:
        with store.reading() as tx:
            last = last_settled(tx.connection, store.schema.events) or 0
        for number in range(1, times):
            with store.writing(alone=True) as tx:
                tx.connection.exec_driver_sql(
                    f"INSERT INTO {events} SELECT position + {last * number}, {_other('stream_id', number)}, version, "  # noqa: S608 - ours
                    f"category, {_other('customer_id', number)}, type, occurred_at, recorded_at, actor, "
                    f"correlation_id, causation_id + {last * number}, NULL, payload, NULL FROM {events} "
                    f"WHERE position <= {last} AND customer_id <> '' AND type NOT IN ({alone}) ORDER BY position"
                )
                tx.connection.exec_driver_sql(
                    f"INSERT INTO {keys} SELECT {_other('customer_id', number)}, key FROM {keys} WHERE customer_id IN "  # noqa: S608 - ours
                    f"(SELECT customer_id FROM {events} WHERE position <= {last})"
                )
                continue_positions(tx.connection, store.schema.events, last * (number + 1), 0)


def _other(column: str, number: int) -> str:
    digit = f"(instr('{_DIGITS}', substr({column}, 1, 1)) - 1 + {number}) % 16 + 1"
    return f"substr('{_DIGITS}', {digit}, 1) || substr({column}, 2)"


def cost(path: Path, folder: Path, now: datetime) -> Cost:
    """Measure a store of which nothing is folded in yet. It is changed."""
    log = path.stat().st_size
    alone, shared = in_own_process(rebuild_once, path, now), in_own_process(rebuild_once, path, now, 2)
    with opened(path, now) as crm:
        count = crm.status().events
    asked = in_own_process(_ask, path, now)
    copied, archived = folder / "backup.db", folder / "archive"
    with opened(path, now) as crm:
        backup = seconds(lambda: crm.backup(copied))
        copied.unlink()
        archive = seconds(lambda: crm.archive(archived))
    archive_bytes = sum(each.stat().st_size for each in archived.rglob("*.parquet"))
    shutil.rmtree(archived)
    return Cost(
        events=count,
        log_mb=log / 1e6,
        store_mb=path.stat().st_size / 1e6,
        rebuild_1_s=alone.seconds,
        rebuild_2_s=shared.seconds,
        peak_mib=max(alone.peak_mib, shared.peak_mib),
        **asked,
        backup_s=backup,
        archive_s=archive,
        archive_mb=archive_bytes / 1e6,
    )


def _ask(path: Path, now: datetime) -> dict[str, float]:
    clock = StandingClock(now)
    with regulars.open(path, clock=clock, actor="bench") as crm:
        crm.catch_up()
        crm.seal()  # else each question seals some of what lies there
        page = crm.customers(limit=1_000)
        ids = [each.id for each in page]
        asked = {
            "customer_ms": _ms(lambda each: crm.customer(ids[each]), min(200, len(ids))),
            "page_ms": _ms(lambda each: crm.customers(limit=50, as_of=now - timedelta(days=30 * each)), 12),
        }
        places = iter(range(10**9))

        def buy(each: int) -> None:
            clock.now += timedelta(seconds=30)
            crm.do(RecordPurchase(customer=ids[each], order_id=f"scaling-{next(places)}", amount="9.90"))

        asked["purchase_ms"] = _ms(buy, 100)
        crm.catch_up()
        asked["fold_one_ms"] = median(_folding(crm, buy, 50)) * 1e3
        some = [RecordPurchase(customer=each, order_id=f"many-{each}", amount="9.90") for each in ids]
        clock.now += timedelta(seconds=30)
        crm.do(some)
        asked["fold_1000_ms"] = seconds(crm.catch_up) * 1e3
        return asked


def _folding(crm: Regulars, buy: Callable[[int], None], count: int) -> Iterator[float]:
    for each in range(count):
        buy(each)
        yield seconds(crm.catch_up)


def _ms(work: Callable[[int], object], count: int) -> float:
    taken = []
    for each in range(count):
        started = perf_counter()
        work(each)
        taken.append(perf_counter() - started)
    return median(taken) * 1e3


def hot(path: Path, orders: int, now: datetime) -> Hot:
    """Measure a customer with so many orders, alone in a store."""
    clock = StandingClock(now)
    with regulars.open(path, clock=clock, currency="EUR", actor="bench") as crm:
        crm.do(RegisterCustomer(ref="hot", occurred_at=now - timedelta(days=3_000)))
        for first in range(0, orders, 5_000):
            some = range(first, min(first + 5_000, orders))
            before = (timedelta(minutes=40 * (orders - each)) for each in some)
            crm.do(
                [
                    RecordPurchase(customer="hot", order_id=str(each), amount="9.90", occurred_at=now - ago)
                    for each, ago in zip(some, before, strict=True)
                ]
            )
        crm.catch_up()
        taken: dict[str, list[float]] = {"purchase": [], "fold": [], "customer": []}
        for each in range(7):
            clock.now += timedelta(seconds=30)
            order = RecordPurchase(customer="hot", order_id=f"one more {each}", amount="9.90")
            taken["purchase"].append(seconds(lambda order=order: crm.do(order)))  # type: ignore[misc]
            taken["fold"].append(seconds(crm.catch_up))
            taken["customer"].append(seconds(lambda: crm.customer("hot")))
    milliseconds = {f"{name}_ms": median(each) * 1e3 for name, each in taken.items()}
    return Hot(orders=orders, **milliseconds)


class Day(Struct, frozen=True, kw_only=True):
    """How long it takes on a day until an event is recorded and folded in, in ms; the worst in seconds.

    `busy` is the share of the day in which the one writer works.
    """

    events: int
    median_ms: float
    p99_ms: float
    worst_s: float
    busy: float


def simulate(events: int, hot_hour: float, cost_ms: float, hot_cost_ms: float, hot_share: float) -> Day:
    """A day of so many events on one writer, one of whose hours has so many times the events of the others.

    A share of the events is of one customer, whose events cost more. Events arrive at random, by a fixed seed.
    """
    random = Random(SEED)  # noqa: S311 - a simulation
    rate = events / 24
    until = worked = 0.0
    waits: list[float] = []
    for hour in range(24):
        at = float(hour * 3_600)
        while (at := at + random.expovariate(rate * (hot_hour if hour == 12 else 1) / 3_600)) < (hour + 1) * 3_600:
            cost = (hot_cost_ms if random.random() < hot_share else cost_ms) / 1e3
            until = max(until, at) + cost
            worked += cost
            waits.append(until - at)
    waits.sort()
    return Day(
        events=len(waits),
        median_ms=waits[len(waits) // 2] * 1e3,
        p99_ms=waits[len(waits) * 99 // 100] * 1e3,
        worst_s=waits[-1],
        busy=worked / 86_400,
    )


def main() -> None:
    """Measure each size, and print each as it is there."""
    parser = argparse.ArgumentParser(prog="benchmarks.scaling", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="of the smallest store (1,000,000)")
    parser.add_argument("--times", type=int, nargs="+", default=[1, 4, 16], help="how many times as large (1 4 16)")
    parser.add_argument("--orders", type=int, nargs="*", default=[1_000, 10_000, 100_000], help="of one customer")
    parser.add_argument("--folder", type=Path, help="where stores are written (the system's folder for such)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="regulars-scaling-", dir=asked.folder) as name:
        folder = Path(name)
        made = history(asked.events, asked.events // 20)
        for orders in asked.orders:
            one = in_own_process(hot, folder / f"hot-{orders}.db", orders, made.now)
            _show(one)
            _show(simulate(55_000, 50, 2.5, one.purchase_ms + one.fold_ms, 0.01))
        for times in asked.times:
            path = made.copy(folder, f"times-{times}")
            enlarge(path, times)
            _show(cost(path, folder, made.now))
            path.unlink()


def _show(found: Struct) -> None:
    figures = (
        f"{name} {value:,.1f}" if isinstance(value, float) else f"{name} {value:,}"
        for name, value in asdict(found).items()
    )
    print(", ".join(figures), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
