"""Inserting and deleting many rows at once, past SQLAlchemy's work on each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.schema.builds import Row
from regulars.adapters.sql.statement import copy_rows


def insert_rows(connection: Connection, table: sa.Table, rows: Iterable[Row]) -> None:
    """Insert rows whose values are in the order of the table's columns: by COPY on PostgreSQL."""
    rows = list(rows)
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        copy_rows(connection, f"COPY {table.name} FROM STDIN", rows)
    else:
        marks = ", ".join("?" * len(table.c))
        connection.exec_driver_sql(f"INSERT INTO {table.name} VALUES ({marks})", rows)  # noqa: S608 - our own table


def delete_rows(connection: Connection, table: sa.Table, customers: Sequence[int]) -> None:
    """Delete the rows of some customers."""
    if customers:
        of_one = table.delete().where(table.c.customer == sa.bindparam("gone"))
        connection.execute(of_one, [{"gone": customer} for customer in customers])
