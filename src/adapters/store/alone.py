"""A lock of the store for long work that one process at a time may do; others go on reading and writing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from regulars.adapters.store.store import Store
from regulars.adapters.whole_files import make_private
from regulars.crm_domain.errors import StoreBusy, StoreUnusable


@contextmanager
def alone(store: Store, suffix: str, number: int, busy: str) -> Iterator[None]:
    """Hold a lock: a file beside SQLite's with a suffix, an advisory lock of PostgreSQL's with a number.

    It ends with its process, however that ends. Raises StoreBusy, with what to say of it, where somebody else holds it,
    StoreUnusable for a read-only store.
    """
    store.database.require_writable()
    if store.database.is_memory:
        yield
    elif store.database.is_sqlite:
        file = store.database.files()[0]
        with _file_lock(file.with_name(file.name + suffix), file.stat().st_mode & 0o666, busy):
            yield
    else:
        with store.database.session_lock(number) as is_ours:
            if not is_ours:
                raise StoreBusy(busy)
            yield


@contextmanager
def _file_lock(path: Path, mode: int, busy: str) -> Iterator[None]:
    """Lock an empty SQLite database beside the store: SQLite locks files alike on every system.

    Any user who may write the store may take the lock.
    """
    with suppress(OSError):  # it is there; or none can be made, of which SQLite tells
        make_private(path, mode)
    try:
        lock = sqlite3.connect(path, timeout=0, isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise StoreBusy(busy) from None
        raise StoreUnusable(f"{path} can't be made, which keeps others from the same work: {error}") from None
    with closing(lock):
        yield  # the file stays: a process that had it open while it was deleted would hold a lock no other sees
