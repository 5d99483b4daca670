"""Lists that are asked while an import keeps the store busy: how long the slowest answer takes."""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import median
from time import monotonic, sleep

import regulars
from benchmarks.bench import Bench
from benchmarks.rows import Figure
from benchmarks.timing import SPAWN, seconds
from regulars import Regulars

ROWS_A_SECOND = 1_000
_MAPPING = """
format = "csv"
currency = "EUR"
[customer]
ref = "shop:{customer}"
[[command]]
do = "RecordPurchase"
[command.fields]
order_id = "{order}"
amount = { column = "amount", money = "major" }
"""


def measure(bench: Bench) -> Iterator[Figure]:
    """Part 6."""
    count = 20_000 if not bench.settings.quick else 1_500
    folder = bench.folder / "busy"
    folder.mkdir()
    (folder / "map.toml").write_text(_MAPPING, encoding="utf-8")
    rows = (f"{row % (count // 2)},{row},5" for row in range(count))
    (folder / "orders.csv").write_text("customer,order,amount\n" + "\n".join(rows) + "\n", encoding="utf-8")
    answers, behind = _asked(folder)
    slowest = max(answers) * 1e3
    yield Figure(
        row="query.busy",
        value=slowest,
        absolute=f"{len(answers)} answers, half of them in {median(answers) * 1e3:.0f} ms, {behind:,} events behind",
        note=f"pages of 50 while {count:,} rows are imported, {ROWS_A_SECOND:,} a second",
        numbers={"ms": slowest, "median_ms": median(answers) * 1e3, "behind": behind},
    )


def _asked(folder: Path) -> tuple[list[float], int]:
    """How long each answer took, in seconds, and how many events one missed at most."""
    with regulars.open(folder / "busy.db", currency="EUR") as crm:
        crm.customers()
        begun, over = SPAWN.Event(), SPAWN.Event()
        importing = SPAWN.Process(target=_bring_in, args=(str(folder), begun, over), daemon=True)
        importing.start()
        begun.wait()
        answers, behind = [seconds(lambda: crm.customers(limit=50))], 0
        while not over.is_set():
            answers.append(seconds(lambda: crm.customers(limit=50)))
            behind = max(behind, _behind(crm))
        importing.join()
    return answers, behind


def _behind(crm: Regulars) -> int:
    return crm.customers(limit=1, fresh=False).behind


def _bring_in(folder: str, begun: Event, over: Event) -> None:
    """Import the file, no quicker than so many rows a second."""
    started = monotonic()

    def keep_pace(done: int, total: int | None, rows: int) -> None:
        begun.set()
        sleep(max(0.0, started + rows / ROWS_A_SECOND - monotonic()))

    with regulars.open(Path(folder, "busy.db"), actor="import") as crm:
        started = monotonic()
        crm.import_file(Path(folder, "orders.csv"), Path(folder, "map.toml"), on_progress=keep_pace)
    over.set()
