"""The users of the console: a name, a role, and a password's hash each."""

from __future__ import annotations

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.sql.columns import unchecked
from regulars.adapters.store.store import Store
from regulars.crm_domain.errors import NotFound, Rejected


class KeptUser(Struct, frozen=True, kw_only=True):
    """What a store has of a user. `made_at` and `disabled_at` are instants."""

    name: str
    role: str
    password: str
    made_at: int
    disabled_at: int | None


def keep_new(store: Store, user: KeptUser) -> None:
    """Add a user. Raises Rejected `user_name_taken`."""
    table = store.schema.users
    with store.writing() as tx:
        store.exclude_others(tx.connection)
        if find(tx.connection, store, user.name) is not None:
            raise Rejected(
                "user_name_taken", f'there is a user "{user.name}" already; `regulars users list` lists them'
            )
        tx.connection.execute(table.insert(), {name: getattr(user, name) for name in user.__struct_fields__})


def find(connection: Connection, store: Store, name: str) -> KeptUser | None:
    """The user of a name."""
    return next(iter(_read(connection, store, store.schema.users.c.name == name)), None)


def every(connection: Connection, store: Store) -> tuple[KeptUser, ...]:
    """All users, by name."""
    return tuple(_read(connection, store, sa.true()))


def change(store: Store, name: str, values: dict[str, str | int | None]) -> None:
    """Change a user, and sign them out everywhere. Raises NotFound."""
    users, sessions = store.schema.users, store.schema.web_sessions
    with store.writing() as tx:
        if not tx.connection.execute(users.update().where(users.c.name == name).values(values)).rowcount:
            raise NotFound(f'there is no user "{name}"; `regulars users list` lists them')
        tx.connection.execute(sessions.delete().where(sessions.c.user_name == name, sessions.c.role.is_(None)))


def _read(connection: Connection, store: Store, wanted: sa.ColumnElement[bool]) -> list[KeptUser]:
    table = store.schema.users
    columns = (table.c.name, table.c.role, table.c.password, unchecked(table.c.made_at), unchecked(table.c.disabled_at))
    rows = connection.execute(sa.select(*columns).where(wanted).order_by(table.c.name))
    return [KeptUser(name=row[0], role=row[1], password=row[2], made_at=row[3], disabled_at=row[4]) for row in rows]
