"""How many intervals of a projection have each value, as of any instants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.rows import ReadModels
from regulars.crm_domain.instant import FOREVER

SPANS_AT_ONCE = 1_000  # three values each, of which a statement has only so many


def counts(models: ReadModels, connection: Connection, name: str, at: int) -> dict[str, int]:
    """How many customers have each verdict of a projection as of an instant."""
    return totals(models, connection, name, "value", [at])[0]


def totals(
    models: ReadModels, connection: Connection, name: str, column: str, instants: Sequence[int]
) -> list[dict[str, int]]:
    """How many intervals of a projection have each text of a column, as of each of some instants in order.

    That is how many intervals end later, less those that begin later, so what is over by the first instant isn't read.
    Where the tables are `counted_by` the column, each index is read once.
    """
    table = models.of(name).intervals
    counted = table.c[column]
    found = [dict[str, int]() for _ in instants]
    spans = list(pairwise([*instants, FOREVER]))
    for value in _values(connection, counted) if instants else ():
        later = 0
        for as_of, turned in reversed(
            list(zip(found, _turned(connection, table, counted == value, spans), strict=True))
        ):
            later += turned
            if later:
                as_of[value] = later
    return found


def _values(connection: Connection, column: sa.Column[str]) -> Iterator[str]:
    """The distinct values of a column in order, each by one look-up in an index that begins with it."""
    value = connection.scalar(sa.select(sa.func.min(column)))
    while value is not None:
        yield value
        value = connection.scalar(sa.select(sa.func.min(column)).where(column > value))


def _turned(
    connection: Connection, table: sa.Table, having: sa.ColumnElement[bool], spans: Sequence[tuple[int, int]]
) -> list[int]:
    """How many intervals end in each of some spans, less those that begin in it; the first bound is excluded."""
    columns = (sa.column("place", sa.Integer), sa.column("first", sa.BigInteger), sa.column("last", sa.BigInteger))
    places = [(place, first, last) for place, (first, last) in enumerate(spans)]
    found: list[int] = []
    for start in range(0, len(places), SPANS_AT_ONCE):
        span = sa.values(*columns, name="span").data(places[start : start + SPANS_AT_ONCE]).cte("span")
        ended, begun = (
            sa.select(sa.func.count()).where(having, instant > span.c.first, instant <= span.c.last).scalar_subquery()
            for instant in (table.c.valid_to, table.c.valid_from)
        )
        found += connection.execute(sa.select(ended - begun).select_from(span).order_by(span.c.place)).scalars()
    return found
