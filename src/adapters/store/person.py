"""What the store holds about some customers beside their events: look-ups, links, referrals, command ids."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.indexes.look_ups import is_present
from regulars.adapters.indexes.referrals import referring
from regulars.adapters.schema.tables import Schema
from regulars.adapters.sql.chunks import chunks
from regulars.adapters.sql.damage import FROM_A_BACKUP, Damaged
from regulars.adapters.store.transaction import Transaction


class Link(Struct, frozen=True, kw_only=True):
    """A merge of one customer into another; instants in microseconds, `undone_at` None while it holds."""

    customer_id: str
    into_id: str
    merged_at: int
    undone_at: int | None


def read_lookup_kinds(connection: Connection, schema: Schema, customer_ids: Iterable[str]) -> dict[str, list[str]]:
    """The kinds of look-ups by which each of some customers can be found."""
    lookups, kinds = schema.lookups, dict[str, list[str]]()
    wanted = sa.select(lookups.c.customer_id, lookups.c.kind).where(
        lookups.c.customer_id.in_(list(customer_ids)), is_present(connection.dialect, lookups)
    )
    for customer_id, kind in connection.execute(wanted.distinct().order_by(lookups.c.kind)):
        kinds.setdefault(customer_id, []).append(kind)
    return kinds


def read_links_of(tx: Transaction, schema: Schema, customer_ids: Iterable[str]) -> list[Link]:
    """Every link of some customers, undone ones included, in the order of their merges."""
    links, theirs = schema.links, list(customer_ids)
    either = sa.or_(links.c.customer_id.in_(theirs), links.c.into_id.in_(theirs))
    rows = tx.connection.execute(sa.select(links).where(either).order_by(links.c.merged_at)).all()
    ends = [end for row in rows for end in (row.merged_at, row.undone_at) if end is not None]
    instants = {each.position: each.occurred_at for each in tx.log.at(sorted(ends))}
    if missing := set(ends) - instants.keys():
        raise Damaged(f"a link of id:{theirs[0]} speaks of event #{min(missing)}, which isn't there; {FROM_A_BACKUP}")
    return [
        Link(
            customer_id=row.customer_id,
            into_id=row.into_id,
            merged_at=instants[row.merged_at],
            undone_at=None if row.undone_at is None else instants[row.undone_at],
        )
        for row in rows
    ]


def read_referrals_of(connection: Connection, schema: Schema, customer_ids: Iterable[str]) -> list[int]:
    """The instants at which one of some customers was named as having been referred by others."""
    events, theirs = schema.events.c, frozenset(customer_ids)
    found: list[int] = []
    for chunk in chunks(referring(connection, schema, theirs)):
        by_others = sa.and_(events.position.in_(chunk), events.customer_id.not_in(theirs))
        found += connection.execute(sa.select(events.occurred_at).where(by_others)).scalars()
    return sorted(found)


def read_command_ids(connection: Connection, schema: Schema, customer_ids: Iterable[str]) -> list[str]:
    """The ids of commands to some customers in the command log, also of those without events."""
    commands = schema.commands
    found: set[str] = set()
    for customer_id in customer_ids:
        named = _bytes_in(connection, commands.c.outcome, customer_id.encode())
        found |= set(connection.execute(sa.select(commands.c.id).where(named)).scalars())
    return sorted(found)


def _bytes_in(connection: Connection, column: sa.Column[bytes], wanted: bytes) -> sa.ColumnElement[bool]:
    find = sa.func.instr if connection.dialect.name == "sqlite" else sa.func.pg_catalog.position
    return find(column, wanted) > 0
