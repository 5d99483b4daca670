"""The disk is full: one clear error, reading goes on, and so does writing in the same open store once there is room.

There are two ways to run out of room without being root. A small file system in memory, in a name space of its own,
is really full. Where a machine allows none of those, the kernel refuses to let files grow beyond a limit. Either way it
is done in a process of its own, whose last line says what came of it.

    python -m torture.full_disks {small-disk|limit} ROUNDS SEED
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from functools import cache
from pathlib import Path
from random import Random
from typing import Protocol

import regulars
from regulars import Regulars, RegularsError
from regulars.adapters.whole_files import SUFFIX
from shops import with_edits
from torture.command_line import require_refused, say
from torture.journal import Told, positions_of
from torture.killed_folding import small_steps, trade
from torture.killed_imports import MAPPING, write_file
from torture.shop import open_shop, opened, require_kept, require_sound, some_trade
from torture.tally import Tally

MEGABYTES = 64
UNSHARE = ("unshare", "--user", "--map-root-user", "--mount")
TESTS = Path(__file__).parent.parent


class Disk(Protocol):
    """Where there is room, or none."""

    folder: Path

    def fill(self, left: int) -> None:
        """Leave so many bytes."""

    def free(self) -> None:
        """Make room again."""


class SmallDisk:
    """A file system in memory that another file fills up."""

    def __init__(self, folder: Path) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", folder], check=True)
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self, left: int) -> None:
        """Leave so many bytes, to the page."""
        found = os.statvfs(self.folder)
        with self._filler.open("wb") as filler:
            os.posix_fallocate(filler.fileno(), 0, found.f_bavail * found.f_frsize - left)

    def free(self) -> None:
        """Make room again."""
        self._filler.unlink()


class Limit:
    """A limit for every file that this process writes, those that are larger already included."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, left: int) -> None:
        """Let nothing be written to any file beyond so many bytes from its beginning."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (left, resource.RLIM_INFINITY))

    def free(self) -> None:
        """Let them grow."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextmanager
def full(disk: Disk, left: int) -> Iterator[None]:
    """No room within the block."""
    disk.fill(left)
    try:
        yield
    finally:
        disk.free()


def run_out_of_room(disk: Disk, files: Path, rounds: int, dice: Random) -> Tally:
    """In each round the disk is full during some piece of work, which is asked for again once there is room."""
    url, everything, tally = str(disk.folder / "shop.db"), list[Told](), Tally()
    open_shop(url)
    trade(url, "much")
    with opened(url) as crm, small_steps():
        works = long_works(crm, disk.folder, files)
        for number in range(rounds):
            told = Told()
            work = works[dice.choice(list(works))](str(number))
            empty_the_log(url)
            with full(disk, dice.choice([0, dice.randint(0, 200_000), dice.randint(0, 2_000_000)])):
                write_until_refused(crm, told, f"r{number}", dice)
                refused = is_refused(work)
                said = say(url, "do", "TagCustomer", "customer=shop:1", f"label=full-{number}")
                if said.status:  # there may be room for as little as that
                    require_refused(said)
                assert crm.customer("shop:1").name == "Customer 1"
                with opened(url) as another:
                    assert another.customer("shop:1").name == "Customer 1"
            require_nothing_left(disk.folder)
            work()
            checked = require_kept(crm, [told])
            require_sound(crm)
            crm.projections.prune()
            everything.append(told)
            tally += Tally(rounds=1, faults=len(told.unanswered) + refused, acknowledged=checked)
    with opened(url) as crm:
        require_sound(crm)
        orders = sum(each.orders for each in crm.customers(limit=1_000))
        assert orders > 0
    return tally


def empty_the_log(url: str) -> None:
    """Let `-wal` be empty, so that every write needs room."""
    with closing(sqlite3.connect(url)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def write_until_refused(crm: Regulars, told: Told, name: str, dice: Random) -> None:
    """Write until there is no room, and then twice more; what is no RegularsError ends the test."""
    for number in range(3_000):
        commands = some_trade(dice, name, number)
        told.asked[number] = tuple(commands)
        try:
            outcomes = crm.do(commands)
        except RegularsError as error:
            require_sentence(error)
            if len(told.unanswered) >= 3:
                return
        else:
            told.acknowledged[number] = positions_of(outcomes)
    raise AssertionError("there was always room")


def is_refused(work: Callable[[], object]) -> bool:
    """Whether there was no room for a piece of work; there may be for a small one."""
    try:
        work()
    except RegularsError as error:
        require_sentence(error)
        return True
    return False


def require_sentence(error: RegularsError) -> None:
    """One line, that says what is wrong."""
    said = str(error)
    assert "\n" not in said, said
    assert "disk" in said or "full" in said or "room" in said or "too early" in said, said


def require_nothing_left(folder: Path) -> None:
    """What couldn't be written to its end is taken away again."""
    assert not [path.name for path in folder.iterdir() if path.name.endswith(SUFFIX)]


def long_works(crm: Regulars, folder: Path, files: Path) -> dict[str, Callable[[str], Callable[[], object]]]:
    """By name, for a number: work that needs room, and may be asked for twice."""
    (files / "map.toml").write_text(MAPPING)

    def import_a_file(number: str) -> Callable[[], object]:
        path = files / f"{number}.csv"
        if not path.exists():
            write_file(path, Random(number), number)
        return lambda: crm.import_file(path, files / "map.toml")

    def publish(number: str) -> Callable[[], object]:
        rules = with_edits([("hold_days = 365", f"hold_days = {40 + int(number) % 300}")])
        return lambda: crm.rules.publish(rules, reason="shorter")

    def back_up(number: str) -> Callable[[], object]:
        target = folder / f"backup-{number}.db"

        def make() -> None:
            crm.backup(target)
            target.unlink()

        return make

    def copy(number: str) -> Callable[[], object]:
        target = folder / f"copy-{number}.db"

        def make() -> None:
            regulars.copy(crm.files[0], target)
            for suffix in ("", "-wal", "-shm", "-building"):
                Path(f"{target}{suffix}").unlink(missing_ok=True)

        return make

    return {
        "rebuild": lambda number: crm.projections.rebuild,
        "rebuild by two": lambda number: lambda: crm.projections.rebuild(workers=2),
        "catch up": lambda number: crm.catch_up,
        "import": import_a_file,
        "publish": publish,
        "back up": back_up,
        "copy": copy,
    }


# ------------------------------------------------------------------------------------------------------ from outside


@cache
def small_disks_are_possible() -> bool:
    """Whether this machine lets its users have name spaces in which they may mount something."""
    if shutil.which("unshare") is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        mount = [*UNSHARE, "mount", "-t", "tmpfs", "tmpfs", folder]
        return subprocess.run(mount, capture_output=True, check=False).returncode == 0


def full_disks(way: str, rounds: int, dice: Random) -> Tally:
    """Run out of room in one of the two ways, in a process of its own."""
    words = [sys.executable, "-m", "torture.full_disks", way, str(rounds), str(dice.randrange(2**32))]
    command = [*UNSHARE, *words] if way == "small-disk" else words
    ran = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, timeout=60 + 60 * rounds, check=False)
    assert ran.returncode == 0, f"{' '.join(words)}\n{ran.stdout[-2_000:]}\n{ran.stderr[-6_000:]}"
    return Tally(**json.loads(ran.stdout.splitlines()[-1]))


def main(way: str, rounds: str, seed: str) -> None:
    """Run out of room, and say what came of it."""
    with tempfile.TemporaryDirectory(prefix="regulars-full-") as name:
        folder, files = Path(name, "disk"), Path(name, "files")
        folder.mkdir()
        files.mkdir()
        disk = SmallDisk(folder) if way == "small-disk" else Limit(folder)
        tally = run_out_of_room(disk, files, int(rounds), Random(int(seed)))
        if isinstance(disk, SmallDisk):
            subprocess.run(["umount", folder], check=True)
    sys.stdout.write(json.dumps(asdict(tally)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
