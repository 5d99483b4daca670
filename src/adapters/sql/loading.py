"""Reading or writing much at once: what SQLite is told meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import Connection

CACHE_MIB = 32


@contextmanager
def loading(connection: Connection) -> Iterator[None]:
    """Let SQLite keep more pages, and sort more rows, in memory, and leave in freed pages what stood there.

    For read models alone: nothing that stands in them is personal, so nobody need be able to say that it is gone.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    usual = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
    connection.exec_driver_sql(f"PRAGMA cache_size = {-1024 * CACHE_MIB}")
    connection.exec_driver_sql("PRAGMA secure_delete = FAST")
    try:
        yield
    finally:
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
        connection.exec_driver_sql(f"PRAGMA cache_size = {usual}")
