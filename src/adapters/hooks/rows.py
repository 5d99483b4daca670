"""The rows of hooks and of their deliveries, in one transaction.

Of the deliveries of one hook and customer only the first that isn't dead is ever due: that keeps each customer's order.
A batch of the feed is put among the deliveries in the transaction that notes it, so once whoever is killed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.schema.tables import Schema
from regulars.adapters.vault.keyring import Keyring

#: Rows that are written at once.
_AT_ONCE = 500


class StoredHook(Struct, frozen=True, kw_only=True):
    """A hook without its secret. Instants are microseconds; `schema/hook_tables.py` says what each column is."""

    id: str
    url: str
    kinds: tuple[str, ...]
    personal: bool
    allow_local: bool
    made_at: int
    taken: str | None = None
    failures: int = 0
    failing_since: int | None = None
    quiet_until: int = 0
    off_at: int | None = None
    off_because: str | None = None


class StoredDelivery(Struct, frozen=True, kw_only=True):
    """A change that is still to be posted, or is a dead letter."""

    hook_id: str
    number: int
    customer_id: str
    change: bytes
    queued_at: int
    attempts: int
    next_at: int
    failure: str | None
    dead_at: int | None


class Counts(Struct, frozen=True, kw_only=True):
    """How many deliveries of a hook wait, and how many are dead letters."""

    waiting: int = 0
    dead: int = 0


class HookRows:
    """The hooks of a store, in one transaction."""

    def __init__(self, connection: Connection, schema: Schema, keyring: Keyring) -> None:
        self._connection = connection
        self._hooks = schema.hooks
        self._deliveries = schema.deliveries
        self._keyring = keyring

    # ------------------------------------------------------------------------------------------------------- hooks

    def all(self) -> tuple[StoredHook, ...]:
        """Every hook, the oldest first."""
        table = self._hooks
        found = self._connection.execute(self._without_secret().order_by(table.c.made_at, table.c.id))
        return tuple(map(_hook, found))

    def find(self, hook_id: str) -> StoredHook | None:
        """The hook with an id."""
        row = self._connection.execute(self._without_secret().where(self._hooks.c.id == hook_id)).first()
        return None if row is None else _hook(row)

    def secret(self, hook_id: str) -> str:
        """What a hook signs with. Raises StoreUnusable where it can't be decrypted."""
        column = self._hooks.c.secret
        sealed = self._connection.execute(sa.select(column).where(self._hooks.c.id == hook_id)).scalar_one()
        return self._keyring.hooks.open(sealed, _context(hook_id)).decode()

    def add(self, hook: StoredHook, secret: str) -> None:
        """Add a hook."""
        row = msgspec.to_builtins(hook) | {
            "kinds": msgspec.json.encode(hook.kinds).decode(),
            "personal": int(hook.personal),
            "allow_local": int(hook.allow_local),
            "secret": self._keyring.hooks.seal(secret.encode(), _context(hook.id)),
        }
        self._connection.execute(self._hooks.insert(), row)

    def drop(self, hook_id: str) -> None:
        """Delete a hook and what it still had to post."""
        self._connection.execute(self._deliveries.delete().where(self._deliveries.c.hook_id == hook_id))
        self._connection.execute(self._hooks.delete().where(self._hooks.c.id == hook_id))

    def switch_off(self, hook_id: str, at: int, because: str) -> None:
        """Switch a hook off; what waits stays."""
        self._change(hook_id, off_at=at, off_because=because)

    def switch_on(self, hook_id: str) -> None:
        """Switch a hook on, as if it had never failed."""
        self._change(hook_id, off_at=None, off_because=None, failures=0, failing_since=None, quiet_until=0)

    def note_success(self, hook_id: str) -> None:
        """Note that a hook's receiver takes what is sent."""
        self._change(hook_id, failures=0, failing_since=None, quiet_until=0)

    def note_failure(self, hook_id: str, failures: int, since: int, quiet_until: int) -> None:
        """Note how many attempts failed in a row, since when, and when the next may be made."""
        self._change(hook_id, failures=failures, failing_since=since, quiet_until=quiet_until)

    def _change(self, hook_id: str, **values: object) -> None:
        self._connection.execute(self._hooks.update().where(self._hooks.c.id == hook_id).values(**values))

    def _without_secret(self) -> sa.Select[Any]:
        return sa.select(*(column for column in self._hooks.c if column.name != "secret"))

    # -------------------------------------------------------------------------------------------------- deliveries

    def take(self, hook_id: str, batch: str, changes: Iterable[tuple[str, bytes]], now: int) -> bool:
        """Put a batch of changes, each with its customer's id, among the deliveries; False where that was done, or the
        hook is gone. `batch` is the id of its first change, which no other batch has, of whatever subscription.
        """
        hooks = self._hooks
        unseen = sa.and_(hooks.c.id == hook_id, hooks.c.taken.is_distinct_from(batch))
        if self._connection.execute(hooks.update().where(unseen).values(taken=batch)).rowcount == 0:
            return False
        self.add_deliveries(hook_id, changes, now)
        return True

    def add_deliveries(self, hook_id: str, changes: Iterable[tuple[str, bytes]], now: int) -> int:
        """Add changes, each with its customer's id, behind those that wait; how many there are."""
        number = self._last_number(hook_id)
        rows = [
            {
                "hook_id": hook_id,
                "number": number + place,
                "customer_id": customer_id,
                "change": change,
                "queued_at": now,
                "attempts": 0,
                "next_at": now,
                "failure": None,
                "dead_at": None,
            }
            for place, (customer_id, change) in enumerate(changes, start=1)
        ]
        for begin in range(0, len(rows), _AT_ONCE):
            self._connection.execute(self._deliveries.insert(), rows[begin : begin + _AT_ONCE])
        return len(rows)

    def due(self, hook_id: str, now: int, limit: int) -> tuple[StoredDelivery, ...]:
        """The deliveries that may be tried, at most one of each customer, the oldest first."""
        table, earlier = self._deliveries, self._deliveries.alias("earlier")
        before = sa.exists().where(
            earlier.c.hook_id == table.c.hook_id,
            earlier.c.customer_id == table.c.customer_id,
            earlier.c.dead_at.is_(None),
            earlier.c.number < table.c.number,
        )
        may_be_tried = sa.and_(table.c.hook_id == hook_id, table.c.dead_at.is_(None), table.c.next_at <= now)
        wanted = sa.select(table).where(may_be_tried, ~before).order_by(table.c.number).limit(limit)
        return tuple(map(_delivery, self._connection.execute(wanted)))

    def done(self, delivery: StoredDelivery) -> None:
        """Delete a delivery that was taken."""
        self._connection.execute(self._deliveries.delete().where(self._is(delivery)))

    def failed(self, delivery: StoredDelivery, failure: str, *, next_at: int | None, now: int) -> None:
        """Note a failed attempt and when the next is made; where there is none, it is a dead letter from now on."""
        then = {"dead_at": now} if next_at is None else {"next_at": next_at}
        values = {"attempts": delivery.attempts + 1, "failure": failure, **then}
        self._connection.execute(self._deliveries.update().where(self._is(delivery)).values(**values))

    def dead(self, hook_id: str | None, limit: int) -> tuple[StoredDelivery, ...]:
        """The dead letters of a hook, or of all, the oldest first."""
        table = self._deliveries
        wanted = sa.select(table).where(table.c.dead_at.is_not(None))
        if hook_id is not None:
            wanted = wanted.where(table.c.hook_id == hook_id)
        order = (table.c.dead_at, table.c.hook_id, table.c.number)
        return tuple(map(_delivery, self._connection.execute(wanted.order_by(*order).limit(limit))))

    def revive(self, hook_id: str, now: int) -> int:
        """Let everything of a hook be tried afresh and at once, its dead letters too; how many deliveries there are."""
        table = self._deliveries
        afresh = {"attempts": 0, "next_at": now, "dead_at": None}
        return self._connection.execute(table.update().where(table.c.hook_id == hook_id).values(**afresh)).rowcount

    def drop_dead_before(self, instant: int) -> None:
        """Delete dead letters from before an instant."""
        table = self._deliveries
        self._connection.execute(table.delete().where(table.c.dead_at < instant))

    def counts(self) -> dict[str, Counts]:
        """How many deliveries wait and are dead, by hook; hooks without any are left out."""
        table = self._deliveries
        dead = sa.func.count(table.c.dead_at)
        found = sa.select(table.c.hook_id, sa.func.count() - dead, dead).group_by(table.c.hook_id)
        return {
            hook_id: Counts(waiting=waiting, dead=dead) for hook_id, waiting, dead in self._connection.execute(found)
        }

    def _last_number(self, hook_id: str) -> int:
        table = self._deliveries
        last = sa.select(sa.func.max(table.c.number)).where(table.c.hook_id == hook_id)
        return self._connection.scalar(last) or 0

    def _is(self, delivery: StoredDelivery) -> sa.ColumnElement[bool]:
        table = self._deliveries
        return sa.and_(table.c.hook_id == delivery.hook_id, table.c.number == delivery.number)


def _hook(row: sa.Row[Any]) -> StoredHook:
    kinds = msgspec.json.decode(row.kinds, type=tuple[str, ...])
    told = row._asdict() | {"kinds": kinds, "personal": bool(row.personal), "allow_local": bool(row.allow_local)}
    return StoredHook(**told)


def _delivery(row: sa.Row[Any]) -> StoredDelivery:
    return StoredDelivery(**row._asdict())


def _context(hook_id: str) -> bytes:
    return f"hook {hook_id}".encode()
