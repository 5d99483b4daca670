"""A copy of a store in one file, consistent as of one moment, while others go on writing."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from adapters.store import Store
from crm_domain.errors import StoreUnusable


def backup(store: Store, target: Path) -> None:
    """Copy a SQLite store to a new file, which appears under its name only once it is whole.

    Raises StoreUnusable for a store on PostgreSQL, which has tools of its own for that, and for a file that exists.
    """
    if not store.database.is_sqlite:
        raise StoreUnusable("a store on PostgreSQL is backed up with pg_dump, which is made for that")
    if target.exists():
        raise StoreUnusable(f"{target} exists already; name a new file")
    if not target.absolute().parent.is_dir():
        raise StoreUnusable(f"the folder {target.absolute().parent} doesn't exist")
    if not os.access(target.absolute().parent, os.W_OK):
        raise StoreUnusable(f"{target} can't be made: the folder is read-only")
    unfinished = target.with_name(f"{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with store.database.reading() as connection, closing(sqlite3.connect(unfinished)) as copy:
        source = connection.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        source.backup(copy)  # in one step, so in one snapshot: a writer meanwhile doesn't start it over
    _flush(unfinished)
    os.replace(unfinished, target)
    _flush(target.absolute().parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
