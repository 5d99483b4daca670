"""Pages of tasks, customers' and nobody's, in order of when they are due, each as of an instant."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.keyed_pages import HeldKey, Place
from regulars.adapters.read_models.rows import ReadModels
from regulars.crm_domain.instant import FOREVER
from regulars.crm_domain.rulebook import NOBODY
from regulars.projections.tasks.projector import TASKS


class WantedTasks(Struct, frozen=True, kw_only=True):
    """Which tasks are wanted: with one of these values, those of an owner, those due by an instant, and those of some
    customers by their numbers; None wants all. Those of customers `beside` are left out.
    """

    values: tuple[str, ...]
    owner: str | None
    due_until: int | None
    customers: tuple[int, ...] | None
    beside: Collection[int] = ()


def place_of(held: HeldKey) -> Place:
    """Where a task stands in a list: by when it is due, last what is due at no time, then by its id."""
    due_at = held.interval.verdict.due_at
    return FOREVER if due_at is None else due_at, held.interval.key, held.customer


def task_page(
    models: ReadModels, connection: Connection, at: int, wanted: WantedTasks, *, limit: int, after: Place | None
) -> list[HeldKey]:
    """A page of tasks as of an instant, after a place in the list; none for whoever is forgotten by now."""
    tables, events, forgotten = models.of(TASKS.name), models.events, models.forgotten
    table, named = tables.intervals, tables.projector.key
    assert named is not None
    key, due_at = table.c[named.name], table.c.due_at
    in_order = key if connection.dialect.name == "sqlite" else sa.collate(key, "C")
    place = (sa.func.coalesce(due_at, sa.literal(FOREVER, sa.BigInteger)), in_order, table.c.customer)
    conditions = [table.c.value.in_(wanted.values), table.c.valid_from <= at, table.c.valid_to > at]
    conditions.append(~sa.exists().where(forgotten.c.customer_id == events.c.customer_id))
    if wanted.owner is not None:
        conditions.append(table.c.owner == wanted.owner)
    if wanted.due_until is not None:
        conditions.append(due_at <= wanted.due_until)
    if wanted.customers is not None:
        conditions.append(table.c.customer.in_(sorted(wanted.customers)))
    if wanted.beside:
        conditions.append(table.c.customer.not_in(sorted(wanted.beside)))
    if after is not None:
        conditions.append(sa.tuple_(*place) > sa.tuple_(*map(sa.literal, after)))
    joined = table.outerjoin(events, events.c.position == table.c.customer)  # no event has the number of the business
    statement = sa.select(events.c.customer_id.label("whose"), *table.c).select_from(joined).where(*conditions)
    found = list[HeldKey]()
    for customer_id, *row in map(tuple, connection.execute(statement.order_by(*place).limit(limit))):
        (interval,) = tables.read([row])
        found.append(HeldKey(customer=row[1], customer_id=customer_id or NOBODY, interval=interval))
    return found
