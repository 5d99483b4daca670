"""Staging tables: where the rows of a first fold wait, to be moved to their table in the order of its primary key."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.read_models.score_steps import note_earliest_of_all
from regulars.adapters.read_models.writing_rows import insert_rows
from regulars.adapters.schema.builds import Row

ROWS_A_SLICE = 1_000_000  # moved in a second or two, in which nobody else writes to SQLite

#: The staged rows whose first key is at least one and below another; None is no bound.
Slice = tuple[Any, Any]


def begin_staging(models: ReadModels, connection: Connection) -> None:
    """Drop the indexes of the tables, and create their staging tables."""
    models.tables.drop_indexes(connection)
    for staging in models.tables.staging.values():
        staging.create(connection)


def stage(models: ReadModels, connection: Connection, rows: Mapping[str, list[Row]]) -> None:
    """Insert rows, by the name of their table, into its staging table. No row of their customers is stored yet."""
    for table, staging in models.tables.staging.items():
        insert_rows(connection, staging, rows.get(table.name, []))


def staged(models: ReadModels, connection: Connection, table: sa.Table) -> list[Slice]:
    """The staged rows of a table in slices, each small enough to be moved in one short transaction."""
    staging = models.tables.staging[table]
    if not sa.inspect(connection).has_table(staging.name):
        return []  # all was moved, and it was dropped
    if connection.execute(sa.select(sa.func.count()).select_from(staging)).scalar_one() <= ROWS_A_SLICE:
        return [(None, None)]
    key = staging.c[_leading(table).name]
    placed = sa.select(key.label("key"), sa.func.row_number().over(order_by=key).label("place")).subquery()
    bounds = sa.select(placed.c.key).where(placed.c.place % ROWS_A_SLICE == 0).distinct().order_by(placed.c.key)
    return list(pairwise([None, *connection.execute(bounds).scalars(), None]))


def move(models: ReadModels, connection: Connection, table: sa.Table, some: Slice) -> None:
    """Move a slice of staged rows to their table in the order of its primary key, unless it was moved already."""
    staging, key = models.tables.staging[table], _leading(table)
    is_moved = connection.execute(sa.select(key).where(_within(key, some)).limit(1)).first() is not None
    if not is_moved and sa.inspect(connection).has_table(staging.name):
        columns = [staging.c[column.name] for column in table.primary_key]
        in_order = sa.select(staging).where(_within(columns[0], some)).order_by(*columns)
        connection.execute(table.insert().from_select(table.c.keys(), in_order))


def end_staging(models: ReadModels, connection: Connection, table: sa.Table) -> None:
    """Drop a staging table, and compute what is derived from the whole table."""
    models.tables.staging[table].drop(connection, checkfirst=True)
    for projection in models.tables.projections.values():
        if projection.steps is table:
            note_earliest_of_all(connection, projection)


def _leading(table: sa.Table) -> sa.Column[Any]:
    return next(iter(table.primary_key))


def _within(column: sa.ColumnElement[Any], some: Slice) -> sa.ColumnElement[bool]:
    first, end = some
    return sa.and_(
        sa.true() if first is None else column >= first,
        sa.true() if end is None else column < end,
    )
