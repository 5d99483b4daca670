"""Imports are killed: what was taken is whole transactions from the file's beginning, and the next run goes on."""

from __future__ import annotations

import json
import tempfile
from decimal import Decimal
from pathlib import Path
from random import Random

import sqlalchemy as sa

from regulars import Regulars
from regulars.doing import importing
from torture.journal import Journal, read_journal, wait_until_noted, wait_until_ready
from torture.killing import end, light, started, wait_until_alone
from torture.shop import fresh_store, opened, require_sound
from torture.tally import Tally

ROWS_AT_ONCE = 25
ROWS = 600

MAPPING = """
format = "csv"
currency = "EUR"
[customer]
ref = "shop:{customer}"
name = "{name}"
[[command]]
do = "RecordPurchase"
[command.fields]
order_id = "{order}"
amount = { column = "amount", money = "major" }
[[command]]
do = "EnrollMember"
when = [{ column = "member", is = "yes" }]
"""


def write_file(path: Path, dice: Random, name: str) -> Decimal:
    """Orders of some customers, every tenth row unusable; what the others are worth."""
    worth = Decimal(0)
    lines = ["customer,name,order,amount,member"]
    for row in range(ROWS):
        customer = dice.randrange(ROWS // 4)
        amount = Decimal(dice.randint(1, 10_000)) / 100
        usable = row % 10 != 9
        worth += amount if usable else 0
        member = "yes" if row % 3 == 0 else "no"
        lines.append(f"{customer},Nobody {customer},{name}-{row},{amount if usable else 'much'},{member}")
    path.write_text("\n".join(lines) + "\n")
    return worth


def bring_in(url: str, path: str, journal_path: str, fuse: int | None) -> None:
    """Import a file in small transactions, writing down how many rows were taken for good."""
    importing.ROWS_PER_TRANSACTION = ROWS_AT_ONCE
    journal = Journal(Path(journal_path))
    with opened(url) as crm:
        journal.ready()
        light(fuse)
        crm.import_file(path, Path(path).with_name("map.toml"), on_progress=lambda done, all_, rows: journal.note(rows))


def orders_of(crm: Regulars) -> set[str]:
    """The ids of the orders there are."""
    events = crm._store.schema.events
    with crm._store.reading() as tx:
        purchases = sa.select(events.c.payload).where(events.c.type == "PurchaseRecorded")
        found = [json.loads(payload)["order_id"] for payload in tx.connection.execute(purchases).scalars()]
    assert len(set(found)) == len(found)
    return set(found)


def killed_imports(kind: str, server: str | None, rounds: int, dice: Random) -> Tally:
    """In each round a new file is imported and the import killed, now and then twice; then it runs to its end."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as name, fresh_store(kind, server, Path(name)) as url:
        folder, worth, orders = Path(name), Decimal(0), 0
        (folder / "map.toml").write_text(MAPPING)
        for number in range(rounds):
            path = folder / f"orders-{number}.csv"
            worth += write_file(path, dice, str(number))
            for attempt in range(dice.randint(1, 2)):
                journal = folder / f"journal-{number}-{attempt}"
                fuse = dice.choice([None, dice.randint(1, 400_000)])
                with started(bring_in, url, str(path), str(journal), fuse) as process:
                    wait_until_ready(journal)
                    if fuse is None:
                        wait_until_noted(journal, dice.randrange(ROWS // ROWS_AT_ONCE))
                    killed = end(process, (fuse, 0.0))
                wait_until_alone(url)
                with opened(url) as crm:
                    checked = _require_a_beginning(crm, str(number), max([0, *read_journal(journal).notes]))
                    require_sound(crm)
                tally += Tally(faults=killed, acknowledged=checked)
            with opened(url) as crm:
                report = crm.import_file(path, folder / "map.toml")
                assert (report.rows, report.rejected) == (ROWS, ROWS // 10)
                orders += ROWS - ROWS // 10
                assert len(orders_of(crm)) == orders
                assert len(crm.rejects()) == (number + 1) * ROWS // 10
                assert sum(each.net_spend for each in crm.customers(limit=1_000)) == worth
                require_sound(crm)
                again = crm.import_file(path, folder / "map.toml")
                assert (again.events, again.rejected) == (0, ROWS // 10)
            tally += Tally(rounds=1)
    return tally


def _require_a_beginning(crm: Regulars, name: str, acknowledged: int) -> int:
    """Of a file, what is there are its first rows: at least those that were acknowledged, and whole transactions."""
    there = {order for order in orders_of(crm) if order.partition("-")[0] == name}
    taken = [f"{name}-{row}" in there or row % 10 == 9 for row in range(ROWS)]
    first_left_out = next((row for row in range(ROWS) if not taken[row]), ROWS)
    assert not any(taken[row] for row in range(first_left_out, ROWS) if row % 10 != 9)
    assert first_left_out >= acknowledged
    assert first_left_out % ROWS_AT_ONCE == 0 or first_left_out == ROWS
    return acknowledged
