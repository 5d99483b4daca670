"""Telling SQLite's planner, which knows no statistics, by which index not to search."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection


def past_index(connection: Connection, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """A column as it is, by which SQLite searches no index; PostgreSQL decides for itself."""
    if connection.dialect.name == "sqlite":
        return sa.literal_column(f"+{column.table.name}.{column.name}", column.type)
    return column
