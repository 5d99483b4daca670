"""Subscriptions to changes and their batches, as they are stored.

A batch and the state that is told with it are committed together, before anybody gets it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from regulars.adapters.schema.tables import Schema
from regulars.crm_domain.instant import DAY

#: How long acknowledged batches are kept, in microseconds.
KEPT = 30 * DAY


class Subscription(Struct, frozen=True, kw_only=True):
    """A subscription: what it wants, up to where it was told, and its last batches."""

    name: str
    token: str
    kinds: str
    made_at: int
    position: int
    told_at: int
    ruleset: str
    batch: int
    acknowledged: int


def read_subscriptions(schema: Schema, connection: Connection) -> list[Subscription]:
    """All subscriptions, by name."""
    table = schema.subscriptions
    return [Subscription(**row._mapping) for row in connection.execute(sa.select(table).order_by(table.c.name))]


def read_subscription(schema: Schema, connection: Connection, name: str) -> Subscription | None:
    """The subscription of a name; None where there is none."""
    table = schema.subscriptions
    row = connection.execute(sa.select(table).where(table.c.name == name)).first()
    return None if row is None else Subscription(**row._mapping)


def add_subscription(schema: Schema, connection: Connection, subscription: Subscription) -> None:
    """Add a subscription, unless there is one of its name."""
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(schema.subscriptions)
    row = {each: getattr(subscription, each) for each in _FIELDS}
    connection.execute(insert.values(row).on_conflict_do_nothing())


def drop_subscription(schema: Schema, connection: Connection, name: str) -> bool:
    """Drop a subscription and its batches; whether there was one."""
    connection.execute(schema.outbox.delete().where(schema.outbox.c.subscription == name))
    table = schema.subscriptions
    return connection.execute(table.delete().where(table.c.name == name)).rowcount > 0


def move_on(
    schema: Schema, connection: Connection, old: Subscription, new: Subscription, batches: Iterable[bytes], now: int
) -> bool:
    """Keep the batches that lead from one state to another; False where somebody else made some first."""
    table = schema.subscriptions
    unchanged = [table.c[each] == getattr(old, each) for each in ("name", "token", "position", "told_at", "batch")]
    count = 0
    moved = {"position": new.position, "told_at": new.told_at, "ruleset": new.ruleset}
    if not connection.execute(table.update().where(*unchanged).values(moved)).rowcount:
        return False
    for count, changes in enumerate(batches, 1):
        row = {"subscription": old.name, "number": old.batch + count, "made_at": now, "changes": changes}
        connection.execute(schema.outbox.insert(), row)
    connection.execute(table.update().where(table.c.name == old.name).values(batch=old.batch + count))
    return True


def read_batch(schema: Schema, connection: Connection, name: str, number: int) -> bytes | None:
    """The changes of a batch; None where it isn't kept."""
    outbox = schema.outbox
    theirs = sa.and_(outbox.c.subscription == name, outbox.c.number == number)
    return connection.scalar(sa.select(outbox.c.changes).where(theirs))


def acknowledge(schema: Schema, connection: Connection, name: str, number: int, now: int) -> bool:
    """Note that a batch was taken in, and drop those that were kept for long enough; False unless it was the next."""
    table, outbox = schema.subscriptions, schema.outbox
    is_next = sa.and_(table.c.name == name, table.c.acknowledged == number - 1, table.c.batch >= number)
    if not connection.execute(table.update().where(is_next).values(acknowledged=number)).rowcount:
        return False
    is_old = sa.and_(outbox.c.subscription == name, outbox.c.number <= number, outbox.c.made_at < now - KEPT)
    connection.execute(outbox.delete().where(is_old))
    return True


def kept_batches(schema: Schema, connection: Connection, name: str, since: int) -> Iterator[int]:
    """The numbers of the batches that are kept and were made at an instant or later, in order."""
    outbox = schema.outbox
    theirs = sa.and_(outbox.c.subscription == name, outbox.c.made_at >= since)
    return iter(connection.execute(sa.select(outbox.c.number).where(theirs).order_by(outbox.c.number)).scalars().all())


_FIELDS = Subscription.__struct_fields__
