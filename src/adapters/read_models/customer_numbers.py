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


def number_in(rows: Sequence[Sequence[Any]], customer_id: str) -> int:
    """The number of a customer of whom these are all rows, which are of `history_columns`."""
    if customer_id == NOBODY:
        return BUSINESS
    own = [position for position, stream_id, *_ in rows if stream_id == customer_id]
    return min(own or [row[0] for row in rows if row[2] == customer_id], default=BUSINESS)


def ids_of(connection: Connection, events: sa.Table, numbers: Iterable[int]) -> Mapping[int, str]:
    """The ids of customers, by their numbers; unknown numbers are left out."""
    statement = sa.select(events.c.position, events.c.customer_id)
    found = {
        position: customer_id
        for chunk in chunks(numbers)
        for position, customer_id in connection.execute(statement.where(events.c.position.in_(chunk)))
    }
    return found | {BUSINESS: NOBODY}
