"""Rows that an import could not take, kept encrypted until that file is imported again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from adapters.store import Store

_CONTEXT = b"quarantine"


class Reject(Struct, frozen=True, kw_only=True):
    """A row that was refused: the file's name, the line it begins at, why, and the text that was read."""

    source: str
    line: int
    reason: str
    text: str


def clear_rejects(store: Store, connection: Connection, source: str) -> None:
    """Forget what an earlier import of this file refused: it is about to be read again."""
    table = store.schema.quarantine
    connection.execute(table.delete().where(table.c.source == _keyed(store, source)))


def keep_rejects(store: Store, connection: Connection, source: str, rejects: Sequence[Reject]) -> None:
    """Keep some refused rows of one file, behind those that are kept already."""
    if not rejects:
        return
    table, key = store.schema.quarantine, _keyed(store, source)
    last = connection.scalar(sa.select(sa.func.max(table.c.ordinal)).where(table.c.source == key)) or 0
    rows = [
        {
            "source": key,
            "ordinal": last + index,
            "secret": store.quarantine_cipher.seal(msgspec.json.encode(reject), _CONTEXT),
        }
        for index, reject in enumerate(rejects, start=1)
    ]
    connection.execute(table.insert(), rows)


def read_rejects(store: Store, connection: Connection) -> Iterator[Reject]:
    """All refused rows, by file and in the order of their lines."""
    table = store.schema.quarantine
    statement = sa.select(table.c.secret).order_by(table.c.source, table.c.ordinal)
    for (secret,) in connection.execute(statement):
        yield msgspec.json.decode(store.quarantine_cipher.open(secret, _CONTEXT), type=Reject)


def count_rejects(store: Store, connection: Connection) -> int:
    """How many refused rows are kept."""
    return connection.execute(sa.select(sa.func.count()).select_from(store.schema.quarantine)).scalar_one()


def _keyed(store: Store, source: str) -> str:
    return store.keyed("quarantine", source.encode())
