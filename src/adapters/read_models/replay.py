"""Replaying: all events up to a position are folded customer by customer, each of them whole.

The database sorts the log by customer, so it is read once, with one customer at a time in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.garbage_collection import collecting_seldom
from regulars.adapters.indexes.links import read_all_families
from regulars.adapters.log.codec import not_as_recorded
from regulars.adapters.log.log_statements import history_columns
from regulars.adapters.read_models.histories import History, fold_rows, read_history
from regulars.adapters.sql.loading import loading
from regulars.adapters.sql.without_index import without_index
from regulars.adapters.store.store import Store
from regulars.projections.engine.fold import FoldPlan

ROWS_AT_ONCE = 5_000
CUSTOMERS_AT_ONCE = 1_000
INTERVALS_AT_ONCE = 20_000
MOST_RANGES = 256


#: It sorts after NOBODY, and before the id of any customer.
BEFORE_EVERYBODY = "0"


class Range(Struct, frozen=True):
    """The customers whose ids come after one, up to another. An empty `last` is no bound; an empty `after` also
    includes the business itself, to which events without a customer belong. It `is_narrow` where it is a small part of
    them all, so that reading it by the index of customers is quicker than a scan.
    """

    after: str = ""
    last: str = ""
    is_narrow: bool = False


EVERYONE = Range()


def split_range(count: int) -> tuple[Range, ...]:
    """All customers in so many ranges, at most 256, of about the same size: ids are random hexadecimal numbers."""
    bounds = ["", *(f"{256 * part // count:02x}" for part in range(1, count)), ""]
    return tuple(Range(after, last) for after, last in pairwise(bounds))


class Replayed(Struct, frozen=True):
    """One customer's fold, and how many events of the log had been read before the next one's."""

    history: History
    events_read: int


def first_customers(store: Store, connection: Connection, count: int) -> Range:
    """So many customers with the lowest ids, merged ones among them. Ids are random, so these are a random sample."""
    customer_id = store.schema.events.c.customer_id
    ids = sa.select(customer_id).where(customer_id > BEFORE_EVERYBODY).distinct().order_by(customer_id)
    last = connection.execute(ids.offset(count - 1).limit(1)).scalar()
    return EVERYONE if last is None else Range(BEFORE_EVERYBODY, str(last), is_narrow=True)


def replay(
    store: Store,
    connection: Connection,
    plan: FoldPlan,
    until: int,
    wanted: Range = EVERYONE,
) -> Iterator[Replayed]:
    """The folds of all customers in a range, in order of their ids, as of a position.

    Merged customers are folded together. Raises StoreUnusable for an unknown type of event.
    """
    with collecting_seldom(), loading(connection):
        yield from _replay(store, connection, plan, until, wanted)


def in_chunks(replayed: Iterable[Replayed]) -> Iterator[list[Replayed]]:
    """Customers in chunks small enough to be written or compared in a short transaction."""
    chunk: list[Replayed] = []
    intervals = 0
    for each in replayed:
        chunk.append(each)
        intervals += sum(map(len, each.history.timelines.values()))
        if len(chunk) >= CUSTOMERS_AT_ONCE or intervals >= INTERVALS_AT_ONCE:
            yield chunk
            chunk, intervals = [], 0
    if chunk:
        yield chunk


def _replay(
    store: Store,
    connection: Connection,
    plan: FoldPlan,
    until: int,
    wanted: Range,
) -> Iterator[Replayed]:
    families, read = read_all_families(connection, store.schema.links, until), 0
    history: History | None = None  # of the last customer, until it is known how much is read before the next
    for customer_id, group in groupby(_rows(store, connection, until, wanted), key=_customer_id):
        rows = list(group)
        if type(customer_id) is not str:
            raise not_as_recorded(rows[0].position, "customer_id")
        if families.root(customer_id) == customer_id:
            members = families.members(customer_id)
            if len(members) > 1:
                found = read_history(store, connection, members, plan, until)
            else:
                found = fold_rows(store, rows, members, plan)
            if found.folded.last_at is not None or found.poisons:
                if history is not None:
                    yield Replayed(history, read)
                history = found
        read += len(rows)
    if history is not None:
        yield Replayed(history, read)


_customer_id = itemgetter(2)  # of history_columns


def _rows(store: Store, connection: Connection, until: int, wanted: Range) -> Iterator[sa.Row[Any]]:
    events = store.schema.events
    # A scan and a sort are many times quicker than reading everybody by the index of customers.
    by_scan = without_index(connection.dialect, events.c.customer_id)
    customer_id = events.c.customer_id if wanted.is_narrow else by_scan
    in_range = sa.and_(
        customer_id > wanted.after if wanted.after else sa.true(),  # NOBODY comes first
        customer_id <= wanted.last if wanted.last else sa.true(),
    )
    statement = (
        sa.select(*history_columns(events))
        .where(events.c.position.between(1, until), in_range)
        .order_by(customer_id, events.c.occurred_at, events.c.position)
    )
    return iter(connection.execution_options(yield_per=ROWS_AT_ONCE).execute(statement))
