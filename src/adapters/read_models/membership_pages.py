"""Who is in what the rules name, such as a segment, comes into it or goes out of it by themselves: pages and counts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Literal

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.sql.without_index import without_index

#: Who is asked for: who is in, who comes in though they aren't in yet, or who is in and goes out.
Asked = Literal["in", "entering", "leaving"]


class Member(Struct, frozen=True, kw_only=True):
    """One customer, and the span [since, until) in which they are in, in microseconds."""

    customer: int
    customer_id: str
    since: int
    until: int


class Membership(Struct, frozen=True, kw_only=True):
    """Whom a question is about: those `asked` for as of `at`, who turn no later than `until`.

    With `unchanged` only customers without events after `at`; those `beside`, by number, are left out.
    """

    asked: Asked
    at: int
    until: int
    unchanged: bool = False
    beside: Collection[int] = ()

    def place(self, member: Member) -> tuple[int, int]:
        """A customer's place in the order of a list: by when they turn, where that is asked."""
        turns_at = {"in": 0, "entering": member.since, "leaving": member.until}[self.asked]
        return turns_at, member.customer


def members_page(
    models: ReadModels,
    connection: Connection,
    projection: str,
    key: str,
    question: Membership,
    *,
    remembered_only: bool,
    limit: int,
    after: tuple[int, int] | None,
) -> list[Member]:
    """A page of them in order of their places, from after one of these on; forgotten ones may be left out."""
    table, column = _table(models, projection)
    events, forgotten = models.events, models.forgotten
    turns_at: sa.ColumnElement[int] = {
        "in": sa.literal(0, sa.BigInteger),
        "entering": sa.func.min(table.c.valid_from),
        "leaving": sa.func.min(table.c.valid_to),
    }[question.asked]
    since, until = sa.func.min(table.c.valid_from), sa.func.min(table.c.valid_to)
    statement = (
        sa.select(table.c.customer, events.c.customer_id, since.label("since"), until.label("until"))
        .select_from(table.join(events, events.c.position == table.c.customer))
        .where(column == key, *_conditions(models, connection.dialect, table, column, question))
        .group_by(table.c.customer, events.c.customer_id)
        .order_by(turns_at, table.c.customer)
        .limit(limit)
    )
    if remembered_only:
        statement = statement.where(~sa.exists().where(events.c.customer_id == forgotten.c.customer_id))
    if after is not None:
        place = sa.tuple_(turns_at, table.c.customer) > sa.tuple_(*map(sa.literal, after))
        statement = statement.where(table.c.customer > after[1]) if question.asked == "in" else statement.having(place)
    return [Member(customer=a, customer_id=b, since=c, until=d) for a, b, c, d in connection.execute(statement)]


def count_members(
    models: ReadModels, connection: Connection, projection: str, keys: Collection[str], question: Membership
) -> dict[str, int]:
    """How many they are, by those of some keys that anybody has; forgotten ones are counted."""
    table, column = _table(models, projection)
    # At one instant a customer has a key once.
    counted = table.c.customer.distinct() if question.asked == "entering" else None
    statement = (
        sa.select(column, sa.func.count() if counted is None else sa.func.count(counted))
        .where(column.in_(sorted(keys)), *_conditions(models, connection.dialect, table, column, question))
        .group_by(column)
    )
    return dict(map(tuple, connection.execute(statement)))


def _table(models: ReadModels, projection: str) -> tuple[sa.Table, sa.Column[Any]]:
    tables = models.of(projection)
    assert tables.projector.key is not None
    return tables.intervals, tables.intervals.c[tables.projector.key.name]


def _conditions(
    models: ReadModels, dialect: sa.Dialect, table: sa.Table, column: sa.Column[Any], question: Membership
) -> Iterator[sa.ColumnElement[bool]]:
    at, until = question.at, question.until
    # What ends later is less than what began before.
    holds = sa.and_(without_index(dialect, table.c.valid_from) <= at, table.c.valid_to > at)
    match question.asked:
        case "in":
            yield holds
        case "leaving":
            yield sa.and_(holds, table.c.valid_to <= until)
        case "entering":
            now = table.alias("now")
            theirs = sa.and_(now.c[column.name] == column, now.c.customer == table.c.customer)
            yield sa.and_(table.c.valid_from > at, table.c.valid_from <= until)
            yield ~sa.exists().where(theirs, now.c.valid_from <= at, now.c.valid_to > at)
    if question.unchanged:
        assert models.tables.facts is not None
        facts = models.tables.facts.rows
        yield sa.exists().where(facts.c.customer == table.c.customer, facts.c.last_event_at <= at)
    if question.beside:
        yield table.c.customer.not_in(sorted(question.beside))
