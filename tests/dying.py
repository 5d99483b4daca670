"""An extension that adds nothing, and lets a worker of a cluster, or its executor, die once while it folds.

A worker that imports it is told by its environment: what to kill, and the file that says it was done.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from regulars import Extension
from regulars.adapters.cluster import folding

EXTENSION = Extension("dying")
KILLS, MARK = "REGULARS_TEST_KILLS", "REGULARS_TEST_MARK"
FAMILIES = 3  # folded by the worker before


def executor() -> int:
    """The process that has started the one that has forked this one."""
    status = Path(f"/proc/{os.getppid()}/status").read_text()
    return int(status.partition("\nPPid:")[2].split()[0])


def kill_once(process: int) -> None:
    """Kill a process, unless one was killed before; the file says which."""
    try:
        descriptor = os.open(os.environ[MARK], os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return
    os.write(descriptor, f"{process} ".encode() + Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" "))
    os.fsync(descriptor)
    os.kill(process, signal.SIGKILL)


def dying(what: str) -> None:
    """Let the fold in this process kill a worker or an executor when it comes to its fourth family."""
    checked, families = folding.require_all, 0

    def require_all(rows: Sequence[Sequence[Any]]) -> None:
        nonlocal families
        families += 1
        if families > FAMILIES:
            kill_once(os.getpid() if what == "worker" else executor())
        checked(rows)

    folding.require_all = require_all


if KILLS in os.environ:
    dying(os.environ[KILLS])
