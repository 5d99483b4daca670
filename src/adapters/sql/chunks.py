"""Reading and asking in chunks, so that neither a statement nor the memory grows with the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

# Databases bound the number of parameters of a statement; SQLite's oldest common limit is 999.
CHUNK = 500

T = TypeVar("T", str, int, tuple[str, int])


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Distinct values in order, in chunks of as many as one statement takes."""
    wanted = sorted(set(values))
    return (wanted[start : start + size] for start in range(0, len(wanted), size))


def pages(
    connection: Connection, statement: sa.Select[Any], key: sa.Column[Any], size: int
) -> Iterator[Sequence[sa.Row[Any]]]:
    """The rows of a select in pages, by a key that is one of its columns and unique (keyset pagination).

    Between pages the connection is free, also to change the rows that were read.
    """
    statement = statement.order_by(key).limit(size)
    page = connection.execute(statement).all()
    while page:
        yield page
        page = connection.execute(statement.where(key > getattr(page[-1], key.name))).all()


def spread(
    connection: Connection, statement: sa.Select[Any], position: sa.Column[int], newest: int, count: int
) -> Iterator[sa.Row[Any]]:
    """The first row of a select in each of so many equal ranges of positions, up to the newest one."""
    for part in range(count):
        after, last = newest * part // count, newest * (part + 1) // count
        in_range = sa.and_(position > after, position <= last)
        row = (
            connection.execute(statement.where(in_range).order_by(position).limit(1)).first() if last > after else None
        )
        if row is not None:
            yield row
