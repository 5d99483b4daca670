"""Settings of a store that are values of ours, as JSON: what was chosen for it, beside what it is."""

from __future__ import annotations

from typing import TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.schema.settings import unreadable
from regulars.adapters.sql.columns import unchecked
from regulars.adapters.store.store import Store

T = TypeVar("T")


def read_value(store: Store, connection: Connection, name: str, kind: type[T]) -> T | None:
    """The value that is kept under a name; None where there is none. Raises Damaged."""
    settings = store.schema.settings
    value = connection.scalar(sa.select(unchecked(settings.c.value)).where(settings.c.name == name))
    if value is None:
        return None
    try:
        return msgspec.json.decode(value, type=kind)
    except (msgspec.MsgspecError, TypeError):
        raise unreadable(name, "as it was kept") from None


def keep_value(store: Store, connection: Connection, name: str, value: object) -> None:
    """Keep a value under a name, in place of another; None keeps nothing there."""
    settings = store.schema.settings
    connection.execute(settings.delete().where(settings.c.name == name))
    if value is not None:
        connection.execute(settings.insert(), {"name": name, "value": msgspec.json.encode(value)})
