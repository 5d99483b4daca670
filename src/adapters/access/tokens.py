"""The tokens in force: a name, a role and a digest each. A token's text is known to whoever it was given to, alone."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.store.store import Store
from regulars.crm_domain.errors import NotFound, Rejected

#: What a token begins with, so that programs that look for secrets in files find one.
BEGINNING = "regulars_"
_RANDOM_BYTES = 32
_ID_BYTES = 8


class KeptToken(Struct, frozen=True, kw_only=True):
    """What a store has of a token. `made_at` is an instant."""

    id: str
    name: str
    role: str
    made_at: int


def keep_new(store: Store, name: str, role: str, now: int) -> tuple[KeptToken, str]:
    """Draw a token of 256 random bits and keep its digest: what is kept, and the text, which is nowhere else.

    Raises Rejected `token_name_taken` where a token in force has this name.
    """
    text = BEGINNING + secrets.token_urlsafe(_RANDOM_BYTES)
    kept = KeptToken(id=secrets.token_hex(_ID_BYTES), name=name, role=role, made_at=now)
    table = store.schema.tokens
    with store.writing() as tx:
        store.exclude_others(tx.connection)
        if tx.connection.scalar(sa.select(table.c.id).where(table.c.name == name)) is not None:
            raise Rejected(
                "token_name_taken", f'there is a token named "{name}"; revoke it first, or take another name'
            )
        row = {"id": kept.id, "name": name, "role": role, "digest": _digest(text), "made_at": now}
        tx.connection.execute(table.insert(), row)
    return kept, text


def find(connection: Connection, store: Store, text: str) -> KeptToken | None:
    """The token with this text; None where there is none, or it was revoked."""
    wanted = store.schema.tokens.c.digest == _digest(text)
    return next(_read(connection, store, wanted), None)


def every(connection: Connection, store: Store) -> tuple[KeptToken, ...]:
    """All tokens in force, by name."""
    return tuple(_read(connection, store, sa.true()))


def drop(store: Store, name: str) -> None:
    """Revoke the token of a name or an id. Raises NotFound."""
    table = store.schema.tokens
    with store.writing() as tx:
        dropped = tx.connection.execute(table.delete().where(sa.or_(table.c.name == name, table.c.id == name)))
        if not dropped.rowcount:
            raise NotFound(f'there is no token "{name}"; `regulars tokens list` lists them')


def drop_every(store: Store) -> int:
    """Revoke all tokens; how many there were."""
    with store.writing() as tx:
        return tx.connection.execute(store.schema.tokens.delete()).rowcount


def _read(connection: Connection, store: Store, wanted: sa.ColumnElement[bool]) -> Iterator[KeptToken]:
    table = store.schema.tokens
    columns = (table.c.id, table.c.name, table.c.role, table.c.made_at)
    for row in connection.execute(sa.select(*columns).where(wanted).order_by(table.c.name)):
        yield KeptToken(id=row[0], name=row[1], role=row[2], made_at=row[3])


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
