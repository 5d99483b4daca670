"""A bare insert of rows of `events`: the same table with the same indexes and the same durability, nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

COLUMNS = (
    "position", "stream_id", "version", "category", "customer_id", "type", "occurred_at", "recorded_at", "actor",
    "correlation_id", "causation_id", "command_id", "payload", "secret",
)  # fmt: skip

Rows = Sequence[tuple[Any, ...]]


class BareStore:
    """A copy of a store's file, or of its empty `events`, with a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")

    @classmethod
    def like(cls, path: Path, source: Path) -> BareStore:
        """A new file with the empty `events` of another, and its indexes."""
        with sqlite3.connect(source) as connection:
            of_events = "tbl_name = 'regulars_events' AND sql IS NOT NULL"
            made = f"SELECT sql FROM sqlite_master WHERE {of_events} ORDER BY type DESC"  # noqa: S608 - ours
            statements = [sql for (sql,) in connection.execute(made)]
        bare = cls(path)
        for statement in statements:
            bare._connection.execute(statement)
        return bare

    def insert(self, rows: Rows) -> None:
        """All of them in one transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(_INSERT, rows)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


_INSERT = f"INSERT INTO regulars_events ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - ours


def recorded_rows(connection: sqlite3.Connection, after: int) -> Rows:
    """What was recorded after a position."""
    recorded = f"SELECT {', '.join(COLUMNS)} FROM regulars_events WHERE position > ? ORDER BY position"  # noqa: S608 - ours
    return connection.execute(recorded, (after,)).fetchall()
