"""Pages of keys, such as tickets and items, and what a projection says of some customers, each as of an instant."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.schema.builds import ProjectionTables, Row
from regulars.adapters.sql.chunks import chunks
from regulars.projections.verdict import Interval


class ListedKey(Struct, frozen=True, kw_only=True):
    """One key of a list, such as a ticket, with the interval that holds; `turns_at` is when the next column turns."""

    key: str
    customer_id: str
    interval: Interval
    turns_at: int | None


#: Where a key of a customer stands in a list: an instant, the key, and the customer's number.
Place = tuple[int, str, int]


class HeldKey(Struct, frozen=True, kw_only=True):
    """One key of a customer, by number and id, with an interval in which it has a value."""

    customer: int
    customer_id: str
    interval: Interval

    def place(self, *, by_beginning: bool) -> Place:
        """Where it stands in a list: by when the interval begins or ends, then by the key and the customer's number."""
        instant = self.interval.valid_from if by_beginning else self.interval.valid_to
        return instant, self.interval.key, self.customer


class Turning(Struct, frozen=True, kw_only=True):
    """Columns that may turn to a value by themselves."""

    columns: tuple[str, ...]
    value: str


class Either(Struct, frozen=True):
    """Keys of some customers, by number, and some others by themselves."""

    customers: Collection[int]
    keys: Collection[str]


class OfFirm(Struct, frozen=True):
    """A firm: what it is as a customer, by number, and by the ids under which others name it."""

    customers: Collection[int]
    ids: Collection[str]


def values_at(models: ReadModels, connection: Connection, name: str, instants: Mapping[int, int]) -> dict[int, str]:
    """The values of a projection for some customers, by number, each as of an instant of their own."""
    table, found = models.of(name).intervals, dict[int, str]()
    if not instants:
        return found
    near = sa.and_(table.c.valid_from <= max(instants.values()), table.c.valid_to > min(instants.values()))
    columns = (table.c.customer, table.c.valid_from, table.c.valid_to, table.c.value)
    for chunk in chunks(instants):
        for row in connection.execute(sa.select(*columns).where(table.c.customer.in_(chunk), near)):
            if row.valid_from <= instants[row.customer] < row.valid_to:
                found[row.customer] = row.value
    return found


def keys_at(models: ReadModels, connection: Connection, name: str, customers: Iterable[int], at: int) -> dict[str, Any]:
    """The intervals of a projection for some customers as of an instant, by key."""
    tables = models.of(name)
    table = tables.intervals
    holds = sa.and_(table.c.valid_from <= at, table.c.valid_to > at)
    return {
        interval.key: interval.verdict
        for chunk in chunks(customers)
        for interval in tables.read(
            connection.execute(sa.select(table).where(table.c.customer.in_(chunk), holds)).all()
        )
    }


def held_keys(
    models: ReadModels, connection: Connection, name: str, instants: Mapping[int, int]
) -> dict[int, frozenset[str]]:
    """The keys of which a projection holds anything of some customers, by number, each as of an instant of their own;
    who has none is left out.
    """
    tables, found = models.of(name), dict[int, frozenset[str]]()
    table, named = tables.intervals, tables.projector.key
    assert named is not None
    for chunk in chunks(instants):
        near = sa.and_(table.c.valid_from <= max(instants.values()), table.c.valid_to > min(instants.values()))
        columns = (table.c.customer, table.c.valid_from, table.c.valid_to, table.c[named.name].label("held"))
        for row in connection.execute(sa.select(*columns).where(table.c.customer.in_(chunk), near)):
            if row.valid_from <= instants[row.customer] < row.valid_to:
                found[row.customer] = found.get(row.customer, frozenset()) | {row.held}
    return found


def values_of_keys(
    models: ReadModels, connection: Connection, name: str, customers: Iterable[int], at: int
) -> dict[tuple[int, str], str]:
    """The values of a projection for some customers as of an instant, by the customer's number and the key."""
    table, named = models.of(name).intervals, models.of(name).projector.key
    assert named is not None
    holds = sa.and_(table.c.valid_from <= at, table.c.valid_to > at)
    columns = (table.c.customer, table.c[named.name], table.c.value)
    return {
        (customer, key): value
        for chunk in chunks(customers)
        for customer, key, value in connection.execute(sa.select(*columns).where(table.c.customer.in_(chunk), holds))
    }


def keyed_page(
    models: ReadModels,
    connection: Connection,
    name: str,
    at: int,
    *,
    wanted: Mapping[str, tuple[str, ...]],
    customers: Collection[int] | None,
    turning: Turning,
    turning_until: int | None,
    limit: int,
    after: str | None,
    beside: Collection[int] = (),
    either: Either | None = None,
) -> list[ListedKey]:
    """A page of keys with their intervals as of an instant, in order of the keys; `wanted` are the values a column may
    have.

    Only keys of some `customers` where these are given, and `either` some keys or those of others; keys of the
    customers `beside`, and of whoever is forgotten, are left out. With `turning_until`, only keys of which a column
    turns after `at` and no later than that.
    """
    tables, events, forgotten = models.of(name), models.events, models.forgotten
    table, named = tables.intervals, tables.projector.key
    assert named is not None
    key, later = table.c[named.name], table.alias("later")
    turned = (sa.and_(later.c[each] == turning.value, table.c[each] != turning.value) for each in turning.columns)
    turns_at = (
        sa.select(sa.func.min(later.c.valid_from))
        .where(later.c[named.name] == key, later.c.valid_from > at, sa.or_(*turned))
        .scalar_subquery()
    )
    conditions = [table.c.valid_from <= at, table.c.valid_to > at]
    conditions += [table.c[column].in_(values) for column, values in wanted.items()]
    conditions.append(~sa.exists().where(forgotten.c.customer_id == events.c.customer_id))
    if customers is not None:
        conditions.append(table.c.customer.in_(sorted(customers)))
    if either is not None:
        conditions.append(sa.or_(table.c.customer.in_(sorted(either.customers)), key.in_(sorted(either.keys))))
    if beside:
        conditions.append(table.c.customer.not_in(sorted(beside)))
    if turning_until is not None:
        conditions.append(turns_at <= turning_until)
    if after is not None:
        conditions.append(key > after)
    statement = sa.select(turns_at.label("turns_at"), events.c.customer_id.label("whose"), *table.c)
    joined = table.join(events, events.c.position == table.c.customer)
    rows = connection.execute(statement.select_from(joined).where(*conditions).order_by(key).limit(limit))
    return list(_listed_keys(tables, rows))


def held_page(
    models: ReadModels,
    connection: Connection,
    name: str,
    value: str | None,
    *,
    at: int,
    begins_until: int | None,
    keys: Collection[str] | None,
    customers: Collection[int] | None,
    limit: int,
    after: Place | None,
    beside: Collection[int] = (),
    of_firm: OfFirm | None = None,
    equal: Mapping[str, str] = MappingProxyType({}),
    at_most: Mapping[str, int] = MappingProxyType({}),
) -> list[HeldKey]:
    """A page of keys that have a value, or any for None, at an instant, in order of until when; with `begins_until`, in
    its place of those that come to have it after that and no later than then, in order of since when.

    Only some `keys` and those of some `customers` where these are given, and `of_firm` only what is that firm's, or
    names it; those of customers who are forgotten, or `beside`, are left out. Columns of the verdict are `equal` to
    some texts, and hold `at_most` some numbers.
    """
    tables = models.of(name)
    table, named = tables.intervals, tables.projector.key
    assert named is not None
    key = table.c[named.name]
    in_order = key if connection.dialect.name == "sqlite" else sa.collate(key, "C")
    if begins_until is None:
        instant, conditions = table.c.valid_to, [table.c.valid_from <= at, table.c.valid_to > at]
    else:
        instant, conditions = table.c.valid_from, [table.c.valid_from > at, table.c.valid_from <= begins_until]
    place = (instant, in_order, table.c.customer)
    if value is not None:
        conditions.append(table.c.value == value)
    conditions += [table.c[column] == text for column, text in equal.items()]
    conditions += [table.c[column] <= most for column, most in at_most.items()]
    if keys is not None:
        conditions.append(key.in_(sorted(keys)))
    if customers is not None:
        conditions.append(table.c.customer.in_(sorted(customers)))
    if of_firm is not None:
        names_it = table.c.firm_id.in_(sorted(of_firm.ids))
        conditions.append(sa.or_(names_it, table.c.customer.in_(sorted(of_firm.customers))))
    if beside:
        conditions.append(table.c.customer.not_in(sorted(beside)))
    if after is not None:
        conditions.append(sa.tuple_(*place) > sa.tuple_(*map(sa.literal, after)))
    statement = _of_the_remembered(models, table).where(*conditions)
    return list(_held_keys(tables, connection.execute(statement.order_by(*place).limit(limit))))


def held_within(
    models: ReadModels,
    connection: Connection,
    name: str,
    *,
    at: int,
    until: int,
    keys: Collection[str],
    customers: Collection[int] | None,
) -> Iterator[HeldKey]:
    """What a projection holds of some keys at an instant, or comes to hold after it and no later than another; of some
    customers where these are given. Those who are forgotten are left out.
    """
    tables = models.of(name)
    table, named = tables.intervals, tables.projector.key
    assert named is not None
    if not keys:
        return
    conditions = [table.c[named.name].in_(sorted(keys)), table.c.valid_from <= max(at, until), table.c.valid_to > at]
    statement = _of_the_remembered(models, table).where(*conditions)
    parts = [sa.true()] if customers is None else [table.c.customer.in_(chunk) for chunk in chunks(customers)]
    for part in parts:
        yield from _held_keys(tables, connection.execute(statement.where(part)))


def held_between(
    models: ReadModels, connection: Connection, name: str, column: str, first: str, last: str, at: int
) -> Iterator[HeldKey]:
    """What a projection holds at an instant with a column from one text to another, in whatever order they come. Those
    who are forgotten are left out.
    """
    tables = models.of(name)
    table = tables.intervals
    conditions = [table.c[column].between(first, last), table.c.valid_from <= at, table.c.valid_to > at]
    yield from _held_keys(tables, connection.execute(_of_the_remembered(models, table).where(*conditions)))


def verdicts_of(
    models: ReadModels, connection: Connection, name: str, customers: Iterable[int], at: int
) -> Iterator[tuple[int, Interval]]:
    """What a projection holds of some customers at an instant, each interval with the customer's number."""
    tables = models.of(name)
    table = tables.intervals
    holds = sa.and_(table.c.valid_from <= at, table.c.valid_to > at)
    place = list(table.c.keys()).index("customer")
    for chunk in chunks(customers):
        for row in map(tuple, connection.execute(sa.select(table).where(table.c.customer.in_(chunk), holds))):
            (interval,) = tables.read([row])
            yield row[place], interval


def _of_the_remembered(models: ReadModels, table: sa.Table) -> sa.Select[Any]:
    """Select intervals with whose they are; of whom was forgotten none."""
    events, forgotten = models.events, models.forgotten
    joined = table.join(events, events.c.position == table.c.customer)
    whose = sa.select(events.c.customer_id.label("whose"), *table.c).select_from(joined)
    return whose.where(events.c.customer_id.not_in(sa.select(forgotten.c.customer_id)))


def _held_keys(tables: ProjectionTables, rows: Iterable[Row | sa.Row[Any]]) -> Iterator[HeldKey]:
    for customer_id, *row in map(tuple, rows):
        (interval,) = tables.read([row])
        yield HeldKey(customer=row[1], customer_id=customer_id, interval=interval)


def _listed_keys(tables: ProjectionTables, rows: Iterable[Row | sa.Row[Any]]) -> Iterator[ListedKey]:
    for turns_at, customer_id, *row in map(tuple, rows):
        (interval,) = tables.read([row])
        yield ListedKey(key=interval.key, customer_id=customer_id, interval=interval, turns_at=turns_at)
