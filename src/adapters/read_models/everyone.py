"""What a projection says of everyone, as of an instant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.pages import carries
from regulars.adapters.read_models.rows import ReadModels


class Held(Struct, frozen=True, gc=False):
    """A customer by their number and id, and the verdict that a projection without keys holds of them."""

    customer: int
    customer_id: str
    verdict: Any


def everyone_at(
    models: ReadModels, connection: Connection, name: str, at: int, carried: Iterable[tuple[str, str]] = ()
) -> list[Held]:
    """All customers of whom a projection holds something at an instant, in no order; those forgotten among them.

    `carried` are keys of which something must be held as well, such as a segment, each with its projection.
    """
    tables, events = models.of(name), models.events
    table = tables.intervals
    joined = table.join(events, events.c.position == table.c.customer)
    statement = sa.select(events.c.customer_id.label("whose"), *table.c).select_from(joined)
    statement = statement.where(table.c.valid_from <= at, table.c.valid_to > at)
    for source, key in carried:
        keyed = models.of(source)
        bearers = sa.select(keyed.intervals.c.customer).where(*carries(keyed, key, sa.literal(at)))
        statement = statement.where(table.c.customer.in_(bearers))
    rows = connection.execute(statement).all()
    found = []
    for customer_id, *row in rows:
        (interval,) = tables.read([row])
        found.append(Held(row[0], customer_id, interval.verdict))
    return found
