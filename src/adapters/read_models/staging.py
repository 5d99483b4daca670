"""Staging tables: where the rows of a first fold wait, to be moved to their table in the order of its primary key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateTable, DropTable

from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.read_models.score_steps import note_earliest_of_all
from regulars.adapters.read_models.writing_rows import insert_rows
from regulars.adapters.schema.builds import Row

ROWS_A_SLICE = 1_000_000  # of one table or several: moved in a second or two, in which nobody else writes to SQLite
_LOOKED_AT = 1_000  # rows of each slice, to find where it ends


class Move(NamedTuple):
    """Rows of a table that are to be moved there: those whose first key is below `end`, or all that are left."""

    table: sa.Table
    end: Any = None


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
        if not rows:
            continue
        ends = [] if rows <= ROWS_A_SLICE else _ends(connection, staging.c[_leading(table).name])
        moves = [*(Move(table, end) for end in ends), Move(table)]
        if rows <= room:
            lists[-1] += moves
            room -= rows
        else:
            lists += [[each] for each in moves]
            room = ROWS_A_SLICE - rows
    return lists


def _ends(connection: Connection, key: sa.ColumnElement[Any]) -> list[Any]:
    """Where to cut what is staged of a large table, about: some rows are looked at, as sorting them all takes long."""
    every = max(ROWS_A_SLICE // _LOOKED_AT, 1)
    numbered = sa.select(key.label("key"), sa.func.row_number().over().label("number")).subquery()
    looked_at = sa.select(numbered.c.key).where(numbered.c.number % every == 0).order_by(numbered.c.key)
    keys = connection.execute(looked_at).scalars().all()
    return list(dict.fromkeys(keys[:: ROWS_A_SLICE // every][1:]))


def move(models: ReadModels, connection: Connection, this: Move) -> None:
    """Move staged rows to their table in the order of its primary key, but those that were moved already; with the last
    ones of a table, drop its staging table, and compute what is derived from the whole table.
    """
    table, end = this
    staging = models.tables.staging[table]
    if sa.inspect(connection).has_table(staging.name):
        columns = [staging.c[column.name] for column in table.primary_key]
        reached = connection.scalar(sa.select(sa.func.max(_leading(table))))
        left = sa.and_(
            sa.true() if reached is None else columns[0] > reached,
            sa.true() if end is None else columns[0] < end,
        )
        in_order = sa.select(staging).where(left).order_by(*columns)
        connection.execute(table.insert().from_select(table.c.keys(), in_order))
    if end is None:
        connection.execute(DropTable(staging, if_exists=True))
        for projection in models.tables.projections.values():
            if projection.steps is table:
                note_earliest_of_all(connection, projection)


def end_staging(models: ReadModels, connection: Connection) -> None:
    """Drop the staging tables that are left: those in which nothing was staged."""
    for staging in models.tables.staging.values():
        connection.execute(DropTable(staging, if_exists=True))


def _leading(table: sa.Table) -> sa.Column[Any]:
    return next(iter(table.primary_key))
