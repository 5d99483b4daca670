"""Keep SQLite's query planner, which has no statistics, from choosing an index."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


def without_index(dialect: sa.Dialect, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """A column for whose condition SQLite uses no index (its unary plus); PostgreSQL plans for itself."""
    if dialect.name == "sqlite":
        return sa.literal_column(f"+{column.table.name}.{column.name}", column.type)
    return column
