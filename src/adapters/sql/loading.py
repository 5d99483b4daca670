"""Settings of SQLite while much is read or written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import Connection

from regulars.adapters.sql.statement import run

CACHE_MIB = 16


@contextmanager
def loading(connection: Connection) -> Iterator[None]:
    """Let SQLite cache more pages, sort more rows in memory, and leave freed pages as they are (`secure_delete=FAST`).

    For read models alone: they hold nothing personal that would have to be erased.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    (usual,) = run(connection, "PRAGMA cache_size").fetchone()
    run(connection, f"PRAGMA cache_size = {-1024 * CACHE_MIB}")
    run(connection, "PRAGMA secure_delete = FAST")
    try:
        yield
    finally:
        run(connection, "PRAGMA secure_delete = ON")
        run(connection, f"PRAGMA cache_size = {usual}")
