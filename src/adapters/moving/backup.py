"""Online backup: a copy of a store in one file, consistent as of one moment, while others go on writing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from regulars.adapters.checking.soundness import require_sound
from regulars.adapters.sql.driver_errors import name_of
from regulars.adapters.sql.sqlite_file import require_nothing_beside
from regulars.adapters.store.store import Store
from regulars.adapters.whole_files import whole_file
from regulars.crm_domain.errors import StoreUnusable


def backup(store: Store, target: Path) -> None:
    """Copy a SQLite store to a new file, which appears under its name once it is complete.

    Raises StoreUnusable for a store on PostgreSQL (use pg_dump), where the target exists, and where the store, and so
    the copy, is damaged.
    """
    if not store.database.is_sqlite:
        raise StoreUnusable("a store on PostgreSQL is backed up with pg_dump, which is made for that")
    with whole_file(target, open_files=store.database.files()) as unfinished:
        require_nothing_beside(target)
        _copy(store, unfinished)


def _copy(store: Store, target: Path) -> None:
    with store.database.reading() as connection, closing(sqlite3.connect(target)) as copy:
        source = connection.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        source.backup(copy)  # in one step, so in one snapshot: a writer meanwhile doesn't start it over
        require_sound(copy, f"{name_of(store.database.url)} is damaged, and no copy was kept")
