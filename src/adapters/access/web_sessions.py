"""The sessions of the console, by the digest of their token: a copy of the database lets nobody in."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress

import sqlalchemy as sa
from msgspec import Struct

from regulars.adapters.sql.columns import unchecked
from regulars.adapters.store.store import Store
from regulars.crm_domain.errors import StoreBusy

_RANDOM_BYTES = 32


class KeptSession(Struct, frozen=True, kw_only=True):
    """A session: whose, with which role, when it began and was last used, as instants."""

    user: str
    role: str
    began_at: int
    used_at: int


def begin(store: Store, user: str, role: str | None, now: int, former: str, expired: tuple[int, int]) -> str:
    """Begin a session under a new token, and return that. The `former` one of the same browser ends, and so do all that
    are `expired`: not used since the first instant, or begun by the second.

    `role` is None for a user of the table, whose role then holds.
    """
    token = secrets.token_urlsafe(_RANDOM_BYTES)
    table = store.schema.web_sessions
    over = sa.or_(table.c.digest == digest_of(former), table.c.used_at <= expired[0], table.c.began_at <= expired[1])
    row = {"digest": digest_of(token), "user_name": user, "role": role, "began_at": now, "used_at": now}
    with store.writing() as tx:
        tx.connection.execute(table.delete().where(over))
        tx.connection.execute(table.insert(), row)
    return token


def find(store: Store, token: str) -> KeptSession | None:
    """The session of a token, with the role that its user has now; None for no such token, and of a disabled user."""
    table, users = store.schema.web_sessions, store.schema.users
    enabled = sa.and_(users.c.name == table.c.user_name, users.c.disabled_at.is_(None))
    role = sa.func.coalesce(table.c.role, users.c.role)
    columns = (table.c.user_name, role, unchecked(table.c.began_at), unchecked(table.c.used_at))
    found = sa.select(*columns).select_from(table.outerjoin(users, enabled)).where(table.c.digest == digest_of(token))
    with store.reading() as tx:
        row = tx.connection.execute(found).first()
    return (
        None
        if row is None or row[1] is None
        else KeptSession(user=row[0], role=row[1], began_at=row[2], used_at=row[3])
    )


def note_use(store: Store, token: str, now: int) -> None:
    """Note that a session was used; while somebody else writes, that waits for its next use."""
    table = store.schema.web_sessions
    with suppress(StoreBusy), store.writing(patience=0) as tx:
        tx.connection.execute(table.update().where(table.c.digest == digest_of(token)).values(used_at=now))


def end(store: Store, token: str) -> None:
    """End the session of a token."""
    _end(store, store.schema.web_sessions.c.digest == digest_of(token))


def end_all(store: Store, user: str | None) -> None:
    """End all sessions of a user, or of everybody."""
    _end(store, sa.true() if user is None else store.schema.web_sessions.c.user_name == user)


def digest_of(token: str) -> bytes:
    """What is kept of a token, which is random and so needs no salt."""
    return hashlib.sha256(token.encode()).digest()


def _end(store: Store, which: sa.ColumnElement[bool]) -> None:
    with store.writing() as tx:
        tx.connection.execute(store.schema.web_sessions.delete().where(which))
