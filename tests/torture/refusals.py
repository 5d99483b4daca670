"""The database refuses for a while: another holds its lock, or permission to write it is taken away and given back."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from random import Random

import sqlalchemy as sa

from foreign import NOBODY
from regulars import Regulars, RegularsError, StoreBusy, TagCustomer
from torture.journal import Journal, read_journal
from torture.killed_folding import small_steps, trade
from torture.killed_imports import MAPPING, write_file
from torture.killing import started
from torture.shop import fresh_store, open_shop, opened, require_sound
from torture.tally import Tally

Work = Callable[[], object]
FOLDER_MODES = (0o555, 0o755)
FILE_MODES = (0o444, 0o644)


@contextmanager
def held(url: str) -> Iterator[None]:
    """Somebody else keeps the lock of a database to themselves within the block."""
    if "://" not in url:
        with closing(sqlite3.connect(url, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
        return
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "LOCK TABLE regulars_events, regulars_settings, regulars_generations IN ACCESS EXCLUSIVE MODE"
        )
        yield


def works_of(crm: Regulars, url: str, folder: Path) -> dict[str, Work]:
    """What writes, by name; each may be asked for again."""
    numbers = count()
    (folder / "map.toml").write_text(MAPPING)
    write_file(folder / "orders.csv", Random(1), "file")

    def tag() -> object:
        return crm.do(TagCustomer(customer="shop:1", label=f"tag-{next(numbers)}"))

    def open_and_tag() -> object:
        with opened(url, lock_timeout=0.1) as another:
            return another.do(TagCustomer(customer="shop:2", label=f"tag-{next(numbers)}"))

    return {
        "tag": tag,
        "open and tag": open_and_tag,
        "import": lambda: crm.import_file(folder / "orders.csv", folder / "map.toml"),
        "rebuild": crm.projections.rebuild,
        "repair": crm.projections.repair,
        "prune": crm.projections.prune,
    }


def require_one_line(error: RegularsError) -> None:
    """A sentence, and nothing of how the driver came by it."""
    assert str(error)
    assert "\n" not in str(error), error
    assert "psycopg." not in str(error), error


def locked_databases(kind: str, server: str | None, rounds: int, dice: Random) -> Tally:
    """In each round somebody holds the lock for longer than one waits; when it is free the same work is done."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as name, fresh_store(kind, server, Path(name)) as url, small_steps():
        open_shop(url)
        trade(url, "much")
        with opened(url, lock_timeout=0.1) as crm:
            works = works_of(crm, url, Path(name))
            for _ in range(rounds):
                work = works[dice.choice(list(works))]
                with held(url):
                    for _ in range(2):
                        try:
                            work()
                        except StoreBusy as error:
                            require_one_line(error)
                        else:
                            raise AssertionError("it was done although it was locked")
                work()
                require_sound(crm)
                tally += Tally(rounds=1, faults=2)
    return tally


def lose_permission(path: str, journal_path: str, rounds: int, seed: int) -> None:
    """As a user whose permissions count: lose them again and again during work, and get them back."""
    journal, dice, folder = Journal(Path(journal_path)), Random(seed), Path(path)
    url, faults = str(folder / "shop.db"), 0
    with opened(str(folder.parent / "warm.db")) as crm:  # loads what is loaded only when needed
        for work in works_of(crm, str(folder.parent / "warm.db"), folder).values():
            try:
                work()
            except RegularsError:
                continue
        require_sound(crm)
    if os.geteuid() == 0:
        for each in (folder, *folder.iterdir()):
            os.chown(each, NOBODY, NOBODY)
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    open_shop(url)
    with opened(url, lock_timeout=0.5) as crm:
        works = works_of(crm, url, folder)
        for _ in range(rounds):
            locked = dice.choice([[folder], list(folder.glob("shop.db*")), [folder, *folder.glob("shop.db*")]])
            set_modes(locked, 0)
            for name in dice.sample(list(works), 3):
                try:
                    works[name]()
                except RegularsError as error:
                    require_one_line(error)
                faults += 1
            assert crm.customer("shop:1").name == "Customer 1"
            set_modes(locked, 1)
            for name in dice.sample(list(works), 2):
                works[name]()
            require_sound(crm)
    journal.note(faults)


def set_modes(paths: list[Path], which: int) -> None:
    """Take everybody's permission to write, or give the owner's back."""
    for path in sorted(paths, key=lambda path: len(path.parts), reverse=not which):
        path.chmod((FOLDER_MODES if path.is_dir() else FILE_MODES)[which])


def lost_permissions(rounds: int, dice: Random) -> Tally:
    """In each round a file, its folder or both become read-only under an open store, and writable again."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        folder, journal = Path(name) / "shop", Path(name) / "journal"
        folder.mkdir()
        with started(lose_permission, str(folder), str(journal), rounds, dice.randrange(2**32)) as process:
            process.join(60 + 30 * rounds)
            assert process.exitcode == 0, "it ended with an error of its own"
        return Tally(rounds=rounds, faults=read_journal(journal).notes[-1])
