"""How many customers have each verdict of a projection, as of any instants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from operator import sub

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.rows import ReadModels
from regulars.crm_domain.instant import FOREVER

SPANS_AT_ONCE = 1_000  # three values each, of which a statement has only so many


def counts(models: ReadModels, connection: Connection, name: str, at: int) -> dict[str, int]:
    """How many customers have each verdict of a projection as of an instant."""
    return totals(models, connection, name, [at])[0]


def totals(models: ReadModels, connection: Connection, name: str, instants: Sequence[int]) -> list[dict[str, int]]:
    """How many customers have each verdict of a projection, as of each of some instants in order; of one that the rules
    name the timelines of, how many each of them holds.

    That is how many intervals began by then, less those that ended: each index by value is read once.
    """
    tables = models.of(name)
    table, key = tables.intervals, tables.projector.key
    counted = table.c.value if key is None else table.c[key.name]
    found = [dict[str, int]() for _ in instants]
    spans = list(pairwise([-FOREVER, *instants]))
    for value in _values(connection, counted) if instants else ():
        having = counted == value
        began, ended = (_counts(connection, column, spans, having) for column in (table.c.valid_from, table.c.valid_to))
        for as_of, change in zip(found, accumulate(map(sub, began, ended)), strict=True):
            if change:
                as_of[value] = change
    return found


def _values(connection: Connection, column: sa.Column[str]) -> Iterator[str]:
    """The distinct values of a column in order, each by one look-up in an index that begins with it."""
    value = connection.scalar(sa.select(sa.func.min(column)))
    while value is not None:
        yield value
        value = connection.scalar(sa.select(sa.func.min(column)).where(column > value))


def _counts(
    connection: Connection, column: sa.Column[int], spans: Sequence[tuple[int, int]], having: sa.ColumnElement[bool]
) -> list[int]:
    """How many instants of a column lie in each of some spans, the first bound excluded and the last included."""
    columns = (sa.column("place", sa.Integer), sa.column("first", sa.BigInteger), sa.column("last", sa.BigInteger))
    places = [(place, first, last) for place, (first, last) in enumerate(spans)]
    found: list[int] = []
    for start in range(0, len(places), SPANS_AT_ONCE):
        span = sa.values(*columns, name="span").data(places[start : start + SPANS_AT_ONCE]).cte("span")
        inside = sa.select(sa.func.count()).where(having, column > span.c.first, column <= span.c.last)
        counted = sa.select(inside.scalar_subquery()).select_from(span).order_by(span.c.place)
        found += connection.execute(counted).scalars()
    return found
