"""Another user's process, for whom the permissions of files hold as they don't for root."""

from __future__ import annotations

import os
import select
import shutil
import stat
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = 65_534
SIDES = ("-wal", "-shm")
#: How many seconds one process waits for another, so that a test fails instead of waiting for ever.
PATIENCE = 60


@contextmanager
def folder_for_all() -> Iterator[Path]:
    """A folder that others can look into, as pytest's own ones can't be."""
    folder = Path(tempfile.mkdtemp(prefix="regulars-foreign-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        for each in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            each.chmod(0o755)
        shutil.rmtree(folder)


def lock(path: Path) -> None:
    """Take everybody's permission to write a file or a folder, and let everybody read it, with what lies beside it."""
    for each in (path, *(found for suffix in SIDES if (found := Path(f"{path}{suffix}")).exists())):
        each.chmod(stat.S_IMODE(each.stat().st_mode) & ~0o222 | 0o444)


def as_somebody_else(work: Callable[[], str]) -> str:
    """What a function says in a process without root's rights; what it raises fails the test.

    Modules that are loaded only when needed must be loaded by now: that user may not be able to read them.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run(work, writing)
    os.close(writing)
    with open(reading, encoding="utf-8") as stream:
        said = stream.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == 2:
        pytest.skip(said)
    assert status == 0, said
    return said


@contextmanager
def beside(work: Callable[[], None]) -> Iterator[None]:
    """Another process of this user that works during the block, and must end without an error."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            os.write(2, traceback.format_exc().encode())
            os._exit(1)
        os._exit(0)
    try:
        yield
    finally:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status == 0, "the process beside this one failed; its stderr says why"


def wait_for(pipe: int, what: str) -> None:
    """Wait for a byte from another process, which says that something happened. Raises AssertionError if none comes."""
    readable, _, _ = select.select([pipe], [], [], PATIENCE)
    assert readable, f"waited {PATIENCE} seconds in vain until {what}"
    os.read(pipe, 1)


def _run(work: Callable[[], str], writing: int) -> None:
    status, said = 1, ""
    try:
        if os.geteuid() == 0:
            try:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            except OSError as error:
                status, said = 2, f"root can't become somebody else here: {error}"
                return
        status, said = 0, work()
    except BaseException:
        said = traceback.format_exc()
    finally:
        os.write(writing, said.encode()[:60_000])
        os._exit(status)
