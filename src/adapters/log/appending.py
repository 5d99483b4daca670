"""Appending to a log: rows get consecutive positions and are inserted.

On PostgreSQL a few rows are numbered and inserted by one statement, which saves a round trip.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.schema.positions import draw_positions, drawn_positions
from regulars.adapters.sql.statement import Statement, insertion

#: A row's columns by name, without those that follow from its number. Where the table has a `causation_id`, `caused_by`
#: is the index of the row that caused it.
Columns = dict[str, Any]

_NUMBERED = ("position", "recorded_at", "causation_id")
_MOST_AT_ONCE = 8


class Appending:
    """Appends to one table with positions; `recorded_at` and `causation_id` are filled in where it has these
    columns.
    """

    def __init__(self, table: sa.Table, dialect: sa.Dialect) -> None:
        self._table = table
        self._dialect = dialect
        self._most_at_once = _MOST_AT_ONCE if dialect.name == "postgresql" else 0
        self._numbered = tuple(name for name in _NUMBERED if name in table.c)
        self._insert = insertion(table, dialect)
        self._at_once: dict[int, Statement] = {}

    def append(self, connection: Connection, rows: Sequence[Columns], now: int) -> tuple[int, int]:
        """Number rows and insert them; the first one's position, and the instant at which they are recorded.

        `now` is the instant to record them at. On PostgreSQL this must be the transaction's first write.
        """
        if 0 < len(rows) <= self._most_at_once:
            return self._append_at_once(connection, rows, now)
        first, recorded_at = draw_positions(connection, self._table, len(rows), now)
        self.insert(connection, rows, first, recorded_at)
        return first, recorded_at

    def insert(self, connection: Connection, rows: Sequence[Columns], first: int, recorded_at: int) -> None:
        """Complete rows, whose positions begin with `first`, and insert them."""
        for position, row in enumerate(rows, first):
            row["position"], row["recorded_at"] = position, recorded_at
            cause = row.get("caused_by")
            row["causation_id"] = None if cause is None else first + cause
        self._insert.many(connection, rows)

    def _append_at_once(self, connection: Connection, rows: Sequence[Columns], now: int) -> tuple[int, int]:
        statement = self._at_once.get(len(rows))
        if statement is None:
            statement = self._at_once[len(rows)] = Statement(self._drawing(len(rows)), self._dialect)
        values = {f"{name}_{index}": value for index, row in enumerate(rows) for name, value in row.items()}
        first, *recorded_at = min(statement.all(connection, now=now, **values))
        return first, recorded_at[0] if recorded_at else now

    def _drawing(self, count: int) -> sa.ClauseElement:
        """The INSERT of so many rows that also draws their positions."""
        table, drawn = self._table, drawn_positions(self._table, count)
        given = [each for each in table.c if each.name not in self._numbered and each.server_default is None]
        columns = [sa.column(each.name, each.type) for each in given]
        if "causation_id" in self._numbered:
            columns.append(sa.column("caused_by", sa.BigInteger))
        rows = [
            (*(sa.cast(sa.bindparam(f"{each.name}_{index}"), each.type) for each in columns), sa.literal(index))
            for index in range(count)
        ]
        row = sa.values(*columns, sa.column("number", sa.BigInteger), name="given").data(rows)
        wanted: dict[str, sa.ColumnElement[Any]] = {each.name: row.c[each.name] for each in given}
        wanted["position"] = drawn.c.first_position + row.c.number
        if "recorded_at" in self._numbered:
            wanted["recorded_at"] = drawn.c.recorded_at
        if "causation_id" in self._numbered:
            wanted["causation_id"] = drawn.c.first_position + row.c.caused_by
        # The function is run before the first row is written, and once: what it gives is kept while rows are joined.
        source = sa.select(*wanted.values()).select_from(drawn.join(row, sa.true()))
        insert = sa.insert(table).from_select(list(wanted), source, include_defaults=False)
        return insert.returning(*(table.c[name] for name in ("position", "recorded_at") if name in table.c))
