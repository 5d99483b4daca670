"""Comparing stored rows with those that the log gives, to verify and repair them; and samples of customers to
compare.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.customer_numbers import ids_of
from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.read_models.score_steps import note_earliest
from regulars.adapters.read_models.writing_rows import insert_rows
from regulars.adapters.schema.builds import ProjectionTables, Row
from regulars.adapters.sql.chunks import chunks
from regulars.adapters.sql.dialects import placeholder
from regulars.adapters.sql.statement import run

SAMPLE = 64  # customers


def stored_rows(models: ReadModels, connection: Connection, customers: Iterable[int]) -> dict[sa.Table, list[Row]]:
    """The stored rows of some customers, by table; without the steps of scores, which have no index by customer."""
    wanted = list(customers)
    return {table: _rows_of(connection, table, wanted) for table in models.by_customer}


def _rows_of(connection: Connection, table: sa.Table, customers: Iterable[int]) -> list[Row]:
    """The rows of some customers, as they are stored."""
    found: list[Row] = []
    mark = placeholder(connection.dialect)
    for chunk in chunks(customers):
        # Written out: of most tables this is asked once, and few rows are read in the time of compiling it.
        text = f"SELECT * FROM {table.name} WHERE customer IN ({', '.join([mark] * len(chunk))})"  # noqa: S608 - ours
        found += run(connection, text, chunk).fetchall()
    return found


def unexpected_rows(models: ReadModels, connection: Connection, known: Sequence[int]) -> dict[sa.Table, list[Row]]:
    """The stored rows of all customers but the known ones, by table; without the steps of scores."""
    everyone = set(known)
    found: dict[sa.Table, list[Row]] = {}
    for table in models.by_customer:
        stored = connection.execute(sa.select(table.c.customer).distinct()).scalars()
        found[table] = _rows_of(connection, table, [each for each in stored if each not in everyone])
    return found


def replace_rows(connection: Connection, table: sa.Table, old: Sequence[Row], new: Sequence[Row]) -> int:
    """Replace the rows that differ; how many of both sides differ."""
    outdated, missing = sorted(set(old) - set(new), key=str), sorted(set(new) - set(old), key=str)
    places = [(column, place) for place, column in enumerate(table.c) if column.primary_key]
    for row in outdated:
        connection.execute(table.delete().where(*(column == row[place] for column, place in places)))
    insert_rows(connection, table, missing)
    return len({tuple(row[place] for _, place in places) for row in (*outdated, *missing)})


def replace_steps(
    models: ReadModels,
    connection: Connection,
    projection: ProjectionTables,
    customers: Iterable[int],
    steps: Sequence[Row],
) -> int:
    """Replace the steps of some customers where they differ, by a scan of the table; how many differ."""
    table = projection.steps
    assert table is not None
    wrong = replace_rows(connection, table, _rows_of(connection, table, customers), steps)
    note_earliest(connection, models.statements(connection), projection, steps)
    return wrong


def customers_in(models: ReadModels, connection: Connection) -> set[int]:
    """The numbers of all customers of whom a row is stored."""
    steps = (each.steps for each in models.tables.projections.values() if each.steps is not None)
    stored = sa.union(*(sa.select(table.c.customer) for table in (*models.by_customer, *steps)))
    return set(connection.execute(stored).scalars())


def sample_of(models: ReadModels, connection: Connection) -> list[str]:
    """The ids of stored customers: all, or at most 64 spread evenly where there are more."""
    numbers = next(models.by_customer).c.customer
    highest = connection.scalar(sa.select(sa.func.max(numbers))) or 0
    chosen = _spread(connection, numbers, [highest * part // SAMPLE for part in range(SAMPLE)])
    return sorted(ids_of(connection, models.events, chosen).values())


def spread(connection: Connection, ids: sa.Column[str], *conditions: sa.ColumnElement[bool]) -> list[str]:
    """The ids in a column that meet all conditions: all, or at most 64 spread evenly where there are more."""
    return _spread(connection, ids, [f"{256 * part // SAMPLE:02x}" for part in range(SAMPLE)], *conditions)


_Key = TypeVar("_Key", str, int)


def _spread(
    connection: Connection, keys: sa.Column[_Key], bounds: Sequence[_Key], *conditions: sa.ColumnElement[bool]
) -> list[_Key]:
    """All keys that meet the conditions; where there are more than 64, the first one after each of the bounds."""

    def first(*further: sa.ColumnElement[bool]) -> _Key | None:
        return connection.scalar(sa.select(keys).where(*conditions, *further).order_by(keys).limit(1))

    everyone: list[_Key] = []
    found = first()
    while found is not None and len(everyone) < SAMPLE:
        everyone.append(found)
        found = first(keys > found)
    if found is None:
        return everyone
    spread_out = (first(keys > bound) for bound in bounds)
    return sorted({each for each in spread_out if each is not None})
