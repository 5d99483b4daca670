"""What measures read: how many had a value when, who went from which to which, what they spent, which points are left.

Everything is read from the intervals of read models, so it is what the fold said: nothing is defined twice. Sums are
added up here and not by the database, so that each adds up the same integers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.sql.chunks import chunks
from regulars.projections.customer_card import CUSTOMER_CARD
from regulars.projections.points.projector import POINTS

ROWS_AT_ONCE = 10_000


class Held(Struct, frozen=True):
    """A condition on a customer: that a column of a projection has a text."""

    projection: str
    column: str
    text: str


class Lane(Struct, frozen=True):
    """What customers go through: the values of a projection, or of one that is keyed those of one key in its column."""

    projection: str
    column: str | None = None
    key: str | None = None


class Spending(Struct, frozen=True, array_like=True, gc=False):
    """What a customer had spent from an instant on, in minor units, by so many orders."""

    customer: int
    since: int
    orders: int
    net_spend: int
    first_order_at: int | None
    last_order_at: int | None


class Outstanding(Struct, frozen=True, array_like=True, gc=False):
    """A customer's points from an instant to another: how many can be spent (below zero are owed), and are pending."""

    customer: int
    since: int
    until: int
    spendable: int
    pending: int


def counts_while(
    models: ReadModels,
    connection: Connection,
    name: str,
    column: str,
    conditions: Sequence[Held],
    instants: Sequence[int],
) -> list[dict[str, int]]:
    """How many intervals have each text of a column as of each of some instants in order, while conditions hold, too.

    All intervals of that time are read. `counting.totals` reads indexes, where there are some and no condition.
    """
    if not instants:
        return []
    table = models.of(name).intervals
    joined: sa.FromClause = table
    bounds = [table.c.valid_from, table.c.valid_to]
    for number, each in enumerate(conditions):
        held = models.of(each.projection).intervals.alias(f"held_{number}")
        overlaps = (held.c.valid_from < table.c.valid_to, held.c.valid_to > table.c.valid_from)
        theirs = held.c.customer == table.c.customer
        joined = joined.join(held, sa.and_(theirs, held.c[each.column] == each.text, *overlaps))
        bounds += [held.c.valid_from, held.c.valid_to]
    in_time = (table.c.valid_from <= instants[-1], table.c.valid_to > instants[0])
    statement = sa.select(table.c[column], *(bound.label(f"bound_{place}") for place, bound in enumerate(bounds)))
    statement = statement.select_from(joined).where(table.c[column].is_not(None), *in_time)
    changes: dict[str, list[int]] = {}
    for text, *found in _streamed(connection, statement):
        since, until = max(found[::2]), min(found[1::2])
        if since < until:
            row = changes.setdefault(text, [0] * (len(instants) + 1))
            row[bisect_left(instants, since)] += 1
            row[bisect_left(instants, until)] -= 1
    counts: list[dict[str, int]] = [{} for _ in instants]
    for text in sorted(changes):
        for as_of, count in zip(counts, accumulate(changes[text]), strict=False):
            if count:
                as_of[text] = count
    return counts


def moves(
    models: ReadModels, connection: Connection, lane: Lane, first: int, second: int, conditions: Sequence[Held]
) -> dict[tuple[str | None, str | None], int]:
    """How many customers had which value at an instant, and which at another; None is no value, as before they came.

    `conditions` hold at the first instant.
    """
    pairs = _pairs(models, lane, first, second, conditions).subquery()
    statement = sa.select(pairs.c.before, pairs.c.after, sa.func.count()).group_by(pairs.c.before, pairs.c.after)
    return {(before, after): count for before, after, count in connection.execute(statement)}


def movers(
    models: ReadModels,
    connection: Connection,
    lane: Lane,
    first: int,
    second: int,
    conditions: Sequence[Held],
    *,
    before: str | None,
    after: str | None,
    limit: int | None,
) -> list[str]:
    """The ids of the customers behind one number of `moves`, in the order in which they were first recorded."""
    pairs = _pairs(models, lane, first, second, conditions).subquery()
    events = models.events
    statement = sa.select(events.c.customer_id).select_from(pairs.join(events, events.c.position == pairs.c.customer))
    statement = statement.where(pairs.c.before.is_not_distinct_from(before), pairs.c.after.is_not_distinct_from(after))
    return list(connection.execute(statement.order_by(pairs.c.customer).limit(limit)).scalars())


def _pairs(
    models: ReadModels, lane: Lane, first: int, second: int, conditions: Sequence[Held]
) -> sa.CompoundSelect[Any]:
    """Each customer with their values at two instants, of whom one at least is there."""
    intervals = models.of(lane.projection).intervals
    keyed = sa.true() if lane.column is None else intervals.c[lane.column] == lane.key
    before, after = (
        sa.select(intervals.c.customer, intervals.c.value).where(keyed, _holds(intervals, at)).subquery(label)
        for at, label in ((first, "before"), (second, "after"))
    )
    same = before.c.customer == after.c.customer
    stayed = sa.select(
        after.c.customer.label("customer"), before.c.value.label("before"), after.c.value.label("after")
    ).select_from(after.outerjoin(before, same))
    gone = (
        sa.select(before.c.customer, before.c.value, sa.cast(sa.null(), sa.Text))
        .select_from(before.outerjoin(after, same))
        .where(after.c.customer.is_(None))
    )
    return sa.union_all(
        stayed.where(*_of_whom(models, after.c.customer, conditions, first)),
        gone.where(*_of_whom(models, before.c.customer, conditions, first)),
    )


def spending(
    models: ReadModels, connection: Connection, conditions: Sequence[Held], since: int, at: int
) -> Iterator[Spending]:
    """What customers spent, one after the other and in order of time, up to an instant at which conditions hold.

    It begins with what each had spent before `since`; what came earlier isn't read.
    """
    table = models.of(CUSTOMER_CARD.name).intervals
    in_time = (table.c.valid_from <= at, table.c.valid_to >= since)
    statement = _spent(table).where(*in_time, *_of_whom(models, table.c.customer, conditions, at))
    for row in _streamed(connection, statement.order_by(table.c.customer, table.c.valid_from)):
        yield Spending(*row)


def spent_by(models: ReadModels, connection: Connection, conditions: Sequence[Held], at: int) -> Iterator[Spending]:
    """What each customer who ordered had spent as of an instant."""
    table = models.of(CUSTOMER_CARD.name).intervals
    wanted = (_holds(table, at), table.c.orders > 0, *_of_whom(models, table.c.customer, conditions, at))
    for row in _streamed(connection, _spent(table).where(*wanted)):
        yield Spending(*row)


def _spent(table: sa.Table) -> sa.Select[Any]:
    columns = ("customer", "valid_from", "orders", "net_spend", "first_order_at", "last_order_at")
    return sa.select(*(table.c[each] for each in columns))


def outstanding(
    models: ReadModels, connection: Connection, conditions: Sequence[Held], at: int, first: int, last: int
) -> Iterator[Outstanding]:
    """The intervals of the points of the customers of whom conditions hold at an instant: those that meet
    [first, last].
    """
    table = models.of(POINTS.name).intervals
    statement = sa.select(table.c.customer, table.c.valid_from, table.c.valid_to, table.c.score, table.c.value)
    in_time = (table.c.valid_from <= last, table.c.valid_to > first)
    statement = statement.where(*in_time, *_of_whom(models, table.c.customer, conditions, at))
    for customer, since, until, spendable, pending in _streamed(connection, statement):
        yield Outstanding(customer, since, until, spendable or 0, int(pending))


def _holds(table: sa.FromClause, at: int) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.valid_from <= at, table.c.valid_to > at)


def _of_whom(
    models: ReadModels, customer: sa.ColumnElement[int], conditions: Sequence[Held], at: int
) -> Iterator[sa.ColumnElement[bool]]:
    """That each condition holds of a customer at an instant."""
    for number, each in enumerate(conditions):
        held = models.of(each.projection).intervals.alias(f"held_{number}")
        has = held.c[each.column] == each.text
        yield sa.exists().where(held.c.customer == customer, has, _holds(held, at))


def _streamed(connection: Connection, statement: sa.Select[Any]) -> Iterator[Any]:
    """Rows as they come: memory doesn't grow with their number."""
    yield from connection.execute(statement, execution_options={"yield_per": ROWS_AT_ONCE})


def ids_of(models: ReadModels, connection: Connection, customers: Sequence[int]) -> dict[int, str]:
    """The ids of some customers by their numbers."""
    events = models.events
    found: dict[int, str] = {}
    for chunk in chunks(customers):
        statement = sa.select(events.c.position, events.c.customer_id).where(events.c.position.in_(chunk))
        found |= dict(map(tuple, connection.execute(statement)))
    return found
