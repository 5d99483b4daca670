"""The number of a customer in read models: the position of the first event of the customer's own stream.

No number is allocated, so every worker, copy and restored backup has the same. The business itself, to which events
without a customer belong, is 0. Where no event of the own stream is left, the first one that names the customer counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.sql.chunks import chunks
from regulars.crm_domain.rulebook import NOBODY

BUSINESS = 0


def number_in(rows: Sequence[sa.Row[Any]], customer_id: str) -> int:
    """The number of a customer of whom these are all rows, which are of `history_columns`."""
    if customer_id == NOBODY:
        return BUSINESS
    everything: Sequence[Sequence[Any]] = rows  # by place: by name takes several times as long
    own = [position for position, stream_id, *_ in everything if stream_id == customer_id]
    return min(own or [row[0] for row in everything if row[2] == customer_id], default=BUSINESS)


def numbers_of(connection: Connection, events: sa.Table, customer_ids: Iterable[str]) -> dict[str, int]:
    """The numbers of some customers, by id; customers without events are left out."""
    wanted = set(customer_ids)
    found = {NOBODY: BUSINESS} if NOBODY in wanted else {}
    found |= _first(connection, events, events.c.stream_id, wanted - found.keys())
    return found | _first(connection, events, events.c.customer_id, wanted - found.keys())


def _first(connection: Connection, events: sa.Table, named: sa.Column[str], ids: Iterable[str]) -> dict[str, int]:
    statement = sa.select(named, sa.func.min(events.c.position)).group_by(named)
    return {
        customer_id: position
        for chunk in chunks(ids)
        for customer_id, position in connection.execute(statement.where(named.in_(chunk), events.c.position > 0))
    }


def ids_of(connection: Connection, events: sa.Table, numbers: Iterable[int]) -> Mapping[int, str]:
    """The ids of customers, by their numbers; unknown numbers are left out."""
    statement = sa.select(events.c.position, events.c.customer_id)
    found = {
        position: customer_id
        for chunk in chunks(numbers)
        for position, customer_id in connection.execute(statement.where(events.c.position.in_(chunk)))
    }
    return found | {BUSINESS: NOBODY}
