"""Processes that are killed with SIGKILL, from outside after some time, or by themselves between any two calls."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Any

import sqlalchemy as sa

from processes import forked
from torture.journal import wait_until_ready

KILLED = -signal.SIGKILL
PATIENCE = 60.0

#: How a process ends: by its own hand at so many calls of functions (None: never), or after so many seconds.
Fate = tuple[int | None, float]


def any_fate(dice: Random, *, calls: int, seconds: float) -> Fate:
    """Half of them end between two calls, anywhere in the code; half after a time, anywhere in the system."""
    return (dice.randint(1, calls), 0.0) if dice.random() < 0.5 else (None, dice.uniform(0.0, seconds))


def light(fuse: int | None) -> None:
    """Let this process be killed at so many calls from now, of Python's functions or of those behind them."""
    if fuse is None:
        return
    left = fuse

    def burn(frame: object, event: str, argument: object) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(burn)


@contextmanager
def started(work: Callable[..., object], *arguments: Any) -> Iterator[ForkServerProcess]:
    """A process of its own; it is gone afterwards however the block ends."""
    process = forked().Process(target=work, args=arguments)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()
        process.close()


def end(process: ForkServerProcess, fate: Fate, journal: Path | None = None) -> bool:
    """Let a process meet its fate, once its journal says that it is ready; whether it was killed at work."""
    fuse, seconds = fate
    if fuse is not None:
        process.join(PATIENCE)
    else:
        if journal is not None:
            wait_until_ready(journal)
        process.join(seconds)
        process.kill()
        process.join(PATIENCE)
    assert process.exitcode in (KILLED, 0), f"it ended by itself with {process.exitcode}"
    return process.exitcode == KILLED


def end_all(processes: Sequence[ForkServerProcess], fates: Sequence[Fate], journals: Sequence[Path]) -> int:
    """Let processes that run side by side meet their fates; how many were killed at work."""
    for journal in journals:
        wait_until_ready(journal)
    began = monotonic()
    killed = 0
    for (_, seconds), process in sorted(zip(fates, processes, strict=True), key=lambda pair: pair[0][1]):
        if seconds:
            sleep(max(0.0, seconds - (monotonic() - began)))
            killed += end(process, (None, 0.0))
    for (fuse, _), process in zip(fates, processes, strict=True):
        if fuse is not None:
            killed += end(process, (fuse, 0.0))
    return killed


def children_of(pid: int) -> set[int]:
    """The processes that a process has started, and those that they have."""
    try:
        own = {int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    except OSError:
        return set()
    return own.union(*map(children_of, own))


def is_running(pid: int) -> bool:
    """Whether there is such a process that hasn't ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until_gone(pids: set[int]) -> None:
    """Nobody is left behind who would go on working for a process that is gone."""
    deadline = monotonic() + PATIENCE
    while any(map(is_running, pids)):
        assert monotonic() < deadline, "processes were left behind"
        sleep(0.01)


def wait_until_alone(url: str) -> None:
    """Wait until a PostgreSQL server has noticed who is gone: until then it may be ending their last statement."""
    if "://" not in url:
        return
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    deadline = monotonic() + PATIENCE
    with engine.connect() as connection:
        while connection.exec_driver_sql(others).scalar_one():
            assert monotonic() < deadline, "the server still serves those who were killed"
            connection.rollback()
            sleep(0.005)
