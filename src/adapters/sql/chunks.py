"""A few at a time: so that no statement, and nothing in memory, grows with what there is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

# Databases bound the number of parameters of a statement; SQLite's oldest common limit is 999.
CHUNK = 500

T = TypeVar("T", str, int, tuple[str, int])


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Each value once, in order, as many at a time as a statement takes."""
    wanted = sorted(set(values))
    return (wanted[start : start + size] for start in range(0, len(wanted), size))


def pages(
    connection: Connection, statement: sa.Select[Any], key: sa.Column[Any], size: int
) -> Iterator[Sequence[sa.Row[Any]]]:
    """The rows of a selection by a key that is among them and different in each, so many at a time.

    In between the connection is free, also to change what was read.
    """
    statement = statement.order_by(key).limit(size)
    page = connection.execute(statement).all()
    while page:
        yield page
        page = connection.execute(statement.where(key > getattr(page[-1], key.name))).all()


def spread(
    connection: Connection, statement: sa.Select[Any], position: sa.Column[int], newest: int, count: int
) -> Iterator[sa.Row[Any]]:
    """The first row of a selection in each of so many equal ranges of positions, up to the newest one."""
    for part in range(count):
        after, last = newest * part // count, newest * (part + 1) // count
        in_range = sa.and_(position > after, position <= last)
        row = (
            connection.execute(statement.where(in_range).order_by(position).limit(1)).first() if last > after else None
        )
        if row is not None:
            yield row
