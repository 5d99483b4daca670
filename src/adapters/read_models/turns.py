"""What stored intervals hold at an instant, and how that turns from there on, in order of time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.schema.builds import ProjectionTables
from regulars.adapters.sql.chunks import chunks
from regulars.projections.verdict import WHOLE

ROWS_AT_ONCE = 500


class Shown(Struct, frozen=True):
    """A column of a projection's verdicts, by the name under which it is told."""

    what: str
    projection: str
    column: str


class Held(Struct, frozen=True):
    """A value of a customer, by number, and since when it is held."""

    customer: int
    what: str
    key: str
    value: str
    since: int


class Turn(Struct, frozen=True):
    """A customer, by number, of whom something else is held from an instant on; None stands for nothing."""

    at: int
    customer: int
    what: str
    key: str
    old: str | None
    new: str | None


def held_at(
    models: ReadModels, connection: Connection, shown: Iterable[Shown], customers: Collection[int], at: int
) -> Iterator[Held]:
    """What is held of some customers at an instant."""
    for each in shown:
        tables = models.of(each.projection)
        table = tables.intervals
        columns = (table.c.customer, table.c.valid_from, _key_of(tables), table.c[each.column])
        holds = sa.and_(table.c.valid_from <= at, table.c.valid_to > at)
        for chunk in chunks(customers):
            for customer, since, key, value in connection.execute(
                sa.select(*columns).where(table.c.customer.in_(chunk), holds)
            ):
                if value is not None:
                    yield Held(customer, each.what, key, value, since)


def turns(models: ReadModels, connection: Connection, shown: Sequence[Shown], after: int, until: int) -> Iterator[Turn]:
    """What turns at instants in (after, until], in order of these, and of the customers' numbers; a page at a time."""
    each = (_turns_of(models.of(one.projection), connection, one, after, until) for one in shown)
    return merge(*each, key=lambda turn: (turn.at, turn.customer))


def index_turns(models: ReadModels, connection: Connection, shown: Iterable[Shown]) -> None:
    """Make the indexes by which it is found what turns, where they aren't. Whoever is told needs them, nobody else."""
    for name in sorted({each.projection for each in shown}):
        table = models.of(name).intervals
        for suffix, column in (("begins", "valid_from"), ("ends", "valid_to")):
            _index(f"{table.name}_{suffix}", table, column).create(connection, checkfirst=True)


def _index(name: str, table: sa.Table, column: str) -> sa.Index:
    """An index of a table that isn't one of those that a build is made with."""
    apart = sa.Table(table.name, sa.MetaData(), sa.Column(column, sa.BigInteger))
    return sa.Index(name, apart.c[column])


def _key_of(tables: ProjectionTables) -> sa.ColumnElement[str]:
    key = tables.projector.key
    return sa.literal_column(f"'{WHOLE}'", sa.Text).label("whole") if key is None else tables.intervals.c[key.name]


_place = itemgetter(0, 1, 2)


def _turns_of(tables: ProjectionTables, connection: Connection, shown: Shown, after: int, until: int) -> Iterator[Turn]:
    table = tables.intervals
    begins = _bounds(tables, connection, table.c.valid_from, shown.column, after, until)
    ends = _bounds(tables, connection, table.c.valid_to, shown.column, after, until)
    both = merge(((*row, True) for row in begins), ((*row, False) for row in ends), key=_place)
    for (at, customer, key), rows in groupby(both, key=_place):
        values: dict[bool, str | None] = {begins_then: value for *_, value, begins_then in rows}
        old, new = values.get(False), values.get(True)
        if old != new:
            yield Turn(at, customer, shown.what, key, old, new)


def _bounds(
    tables: ProjectionTables, connection: Connection, instant: sa.Column[Any], column: str, after: int, until: int
) -> Iterator[tuple[int, int, str, str | None]]:
    """The intervals that begin, or end, in (after, until]: when, of whom, of what, and their value."""
    table, key = tables.intervals, _key_of(tables)
    in_order = key if connection.dialect.name == "sqlite" or tables.projector.key is None else sa.collate(key, "C")
    statement = (
        sa.select(instant, table.c.customer, key, table.c[column])
        .where(instant > after, instant <= until)
        .order_by(instant, table.c.customer, in_order)
        .execution_options(yield_per=ROWS_AT_ONCE)
    )
    return map(tuple, connection.execute(statement))
