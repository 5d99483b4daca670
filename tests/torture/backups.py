"""Backups while writers write: what was acknowledged before one begins is in it, and it answers like the original."""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from random import Random
from time import sleep

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from databases import fresh_postgres
from regulars import RecordPurchase, Regulars
from torture.journal import read_journal, wait_until_ready
from torture.killed_writers import WRITERS, write
from torture.killing import started
from torture.servers import Server
from torture.shop import fresh_store, open_shop, opened, positions_by_command, require_sound
from torture.tally import Tally


def acknowledged_in(journals: list[Path]) -> dict[str, tuple[int, ...]]:
    """The positions of every command that was acknowledged so far."""
    found: dict[str, tuple[int, ...]] = {}
    for path in journals:
        told = read_journal(path)
        for number, answers in told.acknowledged.items():
            for command, positions in zip(told.asked[number], answers, strict=True):
                found[str(command.command_id)] = positions
    return found


def rows_of(crm: Regulars, last: int) -> list[tuple[object, ...]]:
    """Every event up to a position, byte for byte."""
    events = crm._store.schema.events
    columns = [column for column in events.c if column.name != "xid"]
    with crm._store.reading() as tx:
        wanted = sa.select(*columns).where(events.c.position <= last).order_by(events.c.position)
        return [tuple(row) for row in tx.connection.execute(wanted)]


def require_backup(url: str, original: Regulars, before: dict[str, tuple[int, ...]]) -> int:
    """What was acknowledged is in it, it is what the original is, and it is sound; how much was looked for.

    It also takes new events, and folds them in.
    """
    with opened(url) as copy:
        stored = positions_by_command(copy)
        for command_id, positions in before.items():
            assert stored.get(command_id, ()) == positions, f"{command_id} was acknowledged and is missing"
        last = copy.audit(limit=1).entries[0].position
        ours, theirs = rows_of(copy, last), rows_of(original, last)
        # On PostgreSQL somebody may have had a position before it, and not have been done with it yet.
        assert ours == theirs if original.files else set(ours) <= set(theirs)
        require_sound(copy)
        as_it_came = copy.projections.verify().stored
        copy.projections.rebuild()
        assert copy.projections.verify().stored == as_it_came
        outcome = copy.do(RecordPurchase(customer="shop:1", order_id="after the backup", amount="1.00"))
        assert outcome.position is not None
        assert outcome.position > last
        require_sound(copy)
        assert copy.status().behind == 0
        assert [entry.position for entry in copy.audit(oldest_first=True, after=last)] == [
            event.position for event in outcome.events
        ]
    return len(before)


def backups_of_files(rounds: int, dice: Random) -> Tally:
    """In each round a file is backed up while three processes write to it."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as name, fresh_store("sqlite", None, Path(name)) as url, ExitStack() as stack:
        open_shop(url)
        journals = _writers(stack, url, Path(name), dice)
        with opened(url) as crm:
            for number in range(rounds):
                sleep(dice.uniform(0, 0.1))
                before = acknowledged_in(journals)
                target = Path(name) / f"backup-{number}.db"
                crm.backup(target)
                checked = require_backup(str(target), crm, before)
                tally += Tally(rounds=1, faults=1, acknowledged=checked)
    return tally


def dumps_of_servers(source: str, server: Server, rounds: int, dice: Random) -> Tally:
    """In each round a database is dumped while three processes write to it, and restored on another server.

    The numbers of the other server's transactions are behind: what one server wrote must count in the other.
    """
    tally = Tally()
    with tempfile.TemporaryDirectory() as name, fresh_postgres(source) as url, ExitStack() as stack:
        open_shop(url)
        _use_up_transactions(url)
        journals = _writers(stack, url, Path(name), dice)
        with opened(url) as crm:
            for number in range(rounds):
                sleep(dice.uniform(0, 0.1))
                before = acknowledged_in(journals)
                dump = Path(name) / f"backup-{number}.dump"
                _run(server, "pg_dump", "--format=custom", f"--file={dump}", f"--dbname={_plain(url)}")
                restored = stack.enter_context(fresh_postgres(server.url))
                flags = ("--single-transaction", "--no-owner", f"--dbname={_plain(restored)}")
                _run(server, "pg_restore", *flags, str(dump))
                checked = require_backup(restored, crm, before)
                tally += Tally(rounds=1, faults=1, acknowledged=checked)
    return tally


def _writers(stack: ExitStack, url: str, folder: Path, dice: Random) -> list[Path]:
    journals = [folder / f"writer-{index}" for index in range(WRITERS)]
    for path in journals:
        stack.enter_context(started(write, url, str(path), path.name, dice.randrange(2**32), None))
    for path in journals:
        wait_until_ready(path)
    return journals


def _run(server: Server, program: str, *words: str) -> None:
    ran = subprocess.run([server.programs / program, *words], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _use_up_transactions(url: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for _ in range(2_000):
            connection.exec_driver_sql("SELECT pg_current_xact_id()")
