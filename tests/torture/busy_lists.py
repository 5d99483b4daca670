"""Lists are asked while an import and others keep the store busy: each answers in time, and knows of own writes."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from random import Random
from time import monotonic

from regulars import RecordPurchase
from torture.crowds import Readers
from torture.journal import Journal
from torture.killed_imports import MAPPING
from torture.killing import PATIENCE, started
from torture.shop import fresh_store, open_shop, opened, require_sound
from torture.tally import Tally

ASKERS = 2
ROWS = 1_500


def bring_in(url: str, path: str) -> None:
    """Import a file; how quickly is up to the machine."""
    with opened(url, actor="import") as crm:
        crm.import_file(path, Path(path).with_name("map.toml"))


def write_on(url: str, path: str, stop: str) -> None:
    """Record one purchase after the other, and note how many."""
    journal, number, name = Journal(Path(path)), 0, "-".join(Path(path).parts[-2:])
    with opened(url, actor="writer") as crm:
        while not Path(stop).exists():
            number += 1
            crm.do(RecordPurchase(customer="shop:1", order_id=f"{name}-{number}", amount="1.00"))
            journal.note(number)


def ask(url: str, path: str, stop: str) -> None:
    """Record something of one's own and ask for a list, which must know of it; note after how many milliseconds."""
    journal, number, name = Journal(Path(path)), 0, "-".join(Path(path).parts[-2:])
    with opened(url, actor="asker") as crm:
        while not Path(stop).exists():
            number += 1
            crm.do(RecordPurchase(customer="shop:2", order_id=f"{name}-{number}", amount="1.00"))
            began = monotonic()
            page = crm.customers(limit=1_000)
            journal.note(round((monotonic() - began) * 1_000))
            assert next(each for each in page if each.ref == "shop:2").orders >= number


def busy_lists(kind: str, server: str | None, rounds: int, dice: Random) -> Tally:
    """In each round an import and a writer run side by side, and two ask. The slowest answer is told in the tally."""
    slowest = answers = 0
    with tempfile.TemporaryDirectory() as name, fresh_store(kind, server, Path(name)) as url:
        folder, orders = Path(name), 0
        (folder / "map.toml").write_text(MAPPING)
        open_shop(url)
        for turn in range(rounds):
            path = folder / f"orders-{turn}.csv"
            rows = (f"{dice.randrange(ROWS // 3)},Nobody,{turn}-{row},{row % 90 + 1},no" for row in range(ROWS))
            path.write_text("customer,name,order,amount,member\n" + "\n".join(rows) + "\n")
            reading = folder / str(turn)
            reading.mkdir()
            with Readers(url, reading, [write_on, *[ask] * ASKERS]) as readers, ExitStack() as stack:
                importing = stack.enter_context(started(bring_in, url, str(path)))
                importing.join(PATIENCE)
                assert importing.exitcode == 0
                written, *asked = readers.ended(0)
            orders += len(written) + sum(map(len, asked)) + ROWS
            slowest = max([slowest, *(each for one in asked for each in one)])
            answers += sum(map(len, asked))
        with opened(url) as crm:
            require_sound(crm)
            assert sum(each.orders for each in crm.customers(fresh=True, limit=1_000)) == orders
    return Tally(rounds=rounds, faults=answers, acknowledged=orders, slowest=slowest)
