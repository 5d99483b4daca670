"""Keep SQLite's query planner, which has no statistics, from choosing an index."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection


def without_index(connection: Connection, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """A column for whose condition SQLite uses no index (its unary plus); PostgreSQL plans for itself."""
    if connection.dialect.name == "sqlite":
        return sa.literal_column(f"+{column.table.name}.{column.name}", column.type)
    return column
