"""A copy of a store in one file, consistent as of one moment, while others go on writing."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from adapters.driver_errors import name_of
from adapters.soundness import require_sound
from adapters.store import Store
from crm_domain.errors import StoreUnusable


def backup(store: Store, target: Path) -> None:
    """Copy a SQLite store to a new file, which appears under its name only once it is whole.

    Raises StoreUnusable for a store on PostgreSQL, which has tools of its own for that, for a file that exists, and
    where the copy is damaged, as the store itself is then.
    """
    if not store.database.is_sqlite:
        raise StoreUnusable("a store on PostgreSQL is backed up with pg_dump, which is made for that")
    require_new(target)
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        _copy(store, unfinished)
        flush(unfinished)
        os.replace(unfinished, target)
        flush(target.absolute().parent)
    except OSError as error:
        raise StoreUnusable(f"{target} can't be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)  # half a backup is none, and takes room


def _copy(store: Store, target: Path) -> None:
    with store.database.reading() as connection, closing(sqlite3.connect(target)) as copy:
        source = connection.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        source.backup(copy)  # in one step, so in one snapshot: a writer meanwhile doesn't start it over
        require_sound(copy, f"{name_of(store.database.url)} is damaged, and no copy was kept")


def require_new(target: Path) -> None:
    """Raise StoreUnusable for a file that exists, or that can't be made."""
    if target.exists():
        raise StoreUnusable(f"{target} exists already; name a new file")
    if not target.absolute().parent.is_dir():
        raise StoreUnusable(f"the folder {target.absolute().parent} doesn't exist")
    if not os.access(target.absolute().parent, os.W_OK):
        raise StoreUnusable(f"{target} can't be made: the folder is read-only")


def flush(path: Path) -> None:
    """Have what was written to a file, or which files a folder has, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
