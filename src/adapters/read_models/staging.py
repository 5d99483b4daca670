"""Staging tables: where the rows of a first fold wait, to be moved to their table in the order of its primary key."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateTable, DropTable

from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.read_models.score_steps import note_earliest_of_all
from regulars.adapters.read_models.writing_rows import insert_rows
from regulars.adapters.schema.builds import Row

ROWS_A_SLICE = 1_000_000  # of one table or several: moved in a second or two, in which nobody else writes to SQLite

#: The staged rows whose first key is at least one and below another; None is no bound.
Slice = tuple[Any, Any]


class Move(NamedTuple):
    """Rows of a table that are to be moved there, and whether they are the last ones."""

    table: sa.Table
    rows: Slice
    is_last: bool


def begin_staging(models: ReadModels, connection: Connection) -> None:
    """Drop the indexes of the tables, and create their staging tables."""
    models.tables.drop_indexes(connection)
    for staging in models.tables.staging.values():
        connection.execute(CreateTable(staging, if_not_exists=True))


def stage(models: ReadModels, connection: Connection, rows: Mapping[str, list[Row]]) -> None:
    """Insert rows, by the name of their table, into its staging table. No row of their customers is stored yet."""
    for table, staging in models.tables.staging.items():
        insert_rows(connection, staging, rows.get(table.name, []))


def staged(models: ReadModels, connection: Connection) -> list[list[Move]]:
    """What is staged, as lists of moves, each short enough to be made in one transaction."""
    lists: list[list[Move]] = []
    room, there = 0, set(sa.inspect(connection).get_table_names())
    for table, staging in models.tables.staging.items():
        if staging.name not in there:
            continue  # all was moved, and it was dropped
        rows: int = connection.execute(sa.select(sa.func.count()).select_from(staging)).scalar_one()
        slices = [(None, None)] if rows <= ROWS_A_SLICE else _slices(connection, staging.c[_leading(table).name])
        moves = [Move(table, some, some is slices[-1]) for some in slices]
        if rows <= room:
            lists[-1] += moves
            room -= rows
        else:
            lists += [[each] for each in moves]
            room = ROWS_A_SLICE - rows
    return lists


def _slices(connection: Connection, key: sa.ColumnElement[Any]) -> list[Slice]:
    placed = sa.select(key.label("key"), sa.func.row_number().over(order_by=key).label("place")).subquery()
    bounds = sa.select(placed.c.key).where(placed.c.place % ROWS_A_SLICE == 0).distinct().order_by(placed.c.key)
    return list(pairwise([None, *connection.execute(bounds).scalars(), None]))


def move(models: ReadModels, connection: Connection, this: Move) -> None:
    """Move staged rows to their table in the order of its primary key, unless they were moved already; with the last
    ones of a table, drop its staging table, and compute what is derived from the whole table.
    """
    table, some, is_last = this
    staging, key = models.tables.staging[table], _leading(table)
    is_moved = connection.execute(sa.select(key).where(_within(key, some)).limit(1)).first() is not None
    if not is_moved and sa.inspect(connection).has_table(staging.name):
        columns = [staging.c[column.name] for column in table.primary_key]
        in_order = sa.select(staging).where(_within(columns[0], some)).order_by(*columns)
        connection.execute(table.insert().from_select(table.c.keys(), in_order))
    if is_last:
        connection.execute(DropTable(staging, if_exists=True))
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
