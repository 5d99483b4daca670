"""Erasing: destroyed data is also destroyed in the database's files.

1. A deleted row leaves traces. SQLite overwrites it (`secure_delete`), but pages that were merged or split may have
   copies in their free space, and the WAL has all of it. PostgreSQL leaves dead rows where they are.
2. So the transaction that destroys a key leaves a mark in the settings; afterwards the tables with secrets are
   rewritten, and the WAL is truncated.
3. While a reader still holds an earlier snapshot, that isn't possible. The mark stays, and it is tried again: when the
   next key is destroyed, when this process closes the store, and when any process opens it.
4. On PostgreSQL only the owner of a table can rewrite it (VACUUM FULL). Another role leaves the mark, and reports the
   owner.
"""

from __future__ import annotations

from contextlib import suppress
from time import monotonic, sleep
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.schema.tables import Schema
from regulars.adapters.sql.columns import unchecked
from regulars.adapters.sql.database import Database
from regulars.adapters.sql.table_names import PREFIX
from regulars.adapters.vault.cipher import new_id
from regulars.crm_domain.errors import StoreBusy, StoreUnusable

#: The setting that says that data was destroyed whose traces may still be in the files.
MARK = "erasing"
#: How many seconds erasing waits for readers of older snapshots, and keeps writers waiting.
PATIENCE = 1.0
PAUSE = 0.05

_CUT = b"cut "  # followed by what tells one mark from another


class OwnerNeeded(Struct, frozen=True, kw_only=True):
    """The role that has to rewrite tables with secrets, and the statement that does it.

    When that role opens the store, it is done, too.
    """

    owner: str
    statement: str


def mark(connection: Connection, schema: Schema) -> None:
    """Record, in the transaction that destroys data, that its traces are still to be erased."""
    settings = schema.settings
    ours = settings.c.name == MARK
    before: Any = connection.scalar(sa.select(unchecked(settings.c.value)).where(ours).with_for_update())
    value = b"write anew"
    if connection.dialect.name != "sqlite":
        # What transactions up to this one deleted is gone once no snapshot is older.
        current, horizon = map(int, connection.exec_driver_sql(_IDS).one())
        others = int(before) if _is_transaction(before) else 0
        value = str(max(current, others if others < horizon else 0)).encode()
    connection.execute(settings.delete().where(ours))
    connection.execute(settings.insert(), {"name": MARK, "value": value})


def is_erasing(connection: Connection, schema: Schema) -> bool:
    """Whether traces are still to be erased."""
    settings = schema.settings
    return connection.execute(sa.select(settings.c.name).where(settings.c.name == MARK)).first() is not None


def owner_needed(connection: Connection, schema: Schema) -> OwnerNeeded | None:
    """The role that has to erase traces, where this connection's may not; the first, where tables have several
    owners.
    """
    if connection.dialect.name == "sqlite":
        return None
    found = connection.exec_driver_sql(_OWNERS, {"tables": _quoted(schema)}).first()
    return None if found is None else OwnerNeeded(owner=found[0], statement=f"VACUUM (FULL) {found[1]};")


def destroy_traces(database: Database, schema: Schema, patience: float) -> bool:
    """Erase the traces of destroyed data; False where that has to wait for readers of the store."""
    with suppress(StoreBusy, StoreUnusable):  # no query finds the destroyed data, even where erasing fails
        if database.is_sqlite:
            return _destroy_in_file(database, schema, patience)
        return _destroy_on_server(database, schema, patience)
    return False


def _is_transaction(mark: Any) -> bool:
    """Whether a mark is the id of a PostgreSQL transaction; others may have written something else there."""
    return isinstance(mark, bytes) and mark.isdigit() and len(mark) < 20


def _found_mark(database: Database, schema: Schema) -> Any:
    settings = schema.settings
    with database.reading() as connection:
        return connection.scalar(sa.select(unchecked(settings.c.value)).where(settings.c.name == MARK))


def _take_away(database: Database, schema: Schema, value: bytes) -> bool:
    """Delete the mark, unless another process has set a new one meanwhile; whether it is deleted."""
    settings = schema.settings
    with database.writing() as connection:
        connection.execute(settings.delete().where(settings.c.name == MARK, settings.c.value == value))
        return connection.scalar(sa.select(settings.c.value).where(settings.c.name == MARK)) is None


def _tables(schema: Schema) -> list[sa.Table]:
    return [column.table for column in schema.secrets]


# ------------------------------------------------------------------------------------------------------------- SQLite


def _destroy_in_file(database: Database, schema: Schema, patience: float) -> bool:
    found = _found_mark(database, schema)
    if found is None:
        return True
    if not (isinstance(found, bytes) and found.startswith(_CUT)):
        found = _CUT + new_id().encode()
        with database.writing() as connection:
            for table in _tables(schema):
                _rewrite(connection, table)
            settings = schema.settings
            connection.execute(settings.update().where(settings.c.name == MARK).values(value=found))
    return database.truncate_wal(patience) and _take_away(database, schema, found)


def _rewrite(connection: Connection, table: sa.Table) -> None:
    """Delete all rows of a table, which overwrites its pages, and insert them again; readers see no difference."""
    columns, order = ", ".join(f'"{name}"' for name in table.c.keys()), ", ".join(table.primary_key.columns.keys())  # noqa: SIM118
    copy = f"{PREFIX}rewriting"
    for statement in (
        f"CREATE TABLE {copy} AS SELECT {columns} FROM {table.name} ORDER BY {order}",  # noqa: S608 - ours
        f"DELETE FROM {table.name}",  # noqa: S608
        f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {copy} ORDER BY rowid",  # noqa: S608
        f"DROP TABLE {copy}",
    ):
        connection.exec_driver_sql(statement)


# --------------------------------------------------------------------------------------------------------- PostgreSQL

# A mark from beyond the horizon came with a dump of another server. What it is about was not in the dump.
_IDS = "SELECT pg_current_xact_id()::text, pg_snapshot_xmax(pg_current_snapshot())::text"
_KEPT = """
    SELECT count(*) FROM pg_class
    WHERE oid = ANY (%(tables)s::regclass[]) AND age(relfrozenxid) >= age(%(mark)s::xid8::xid)
    AND %(mark)s::xid8 < pg_snapshot_xmax(pg_current_snapshot())
"""


# As PostgreSQL decides it itself: the tables' owner, that of the database, and by a permission that came with 17.
_OWNERS = """
    SELECT pg_get_userbyid(relowner), string_agg(format('%%I.%%I', nspname, relname), ', ' ORDER BY relname)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    JOIN pg_database ON datname = current_database()
    WHERE pg_class.oid = ANY (%(tables)s::regclass[])
    AND NOT pg_has_role(relowner, 'USAGE') AND NOT pg_has_role(datdba, 'USAGE')
    AND NOT CASE WHEN current_setting('server_version_num')::int >= 170000
        THEN has_table_privilege(pg_class.oid, 'MAINTAIN') ELSE false END
    GROUP BY relowner ORDER BY 1
"""


def _quoted(schema: Schema) -> list[str]:
    return [f'"{table.name}"' for table in _tables(schema)]


def _destroy_on_server(database: Database, schema: Schema, patience: float) -> bool:
    found = _found_mark(database, schema)
    if found is None:
        return True
    if not _is_transaction(found):
        with database.writing() as connection:
            mark(connection, schema)
        found = _found_mark(database, schema)
    names, deadline = _quoted(schema), monotonic() + patience
    # PostgreSQL's own vacuum, if it is at work, gives way after a second.
    with database.outside_transactions(2 * patience) as connection:
        is_ours = owner_needed(connection, schema) is None
        while _are_kept(connection, names if is_ours else [], names, found):
            if not is_ours or monotonic() > deadline:
                return False
            sleep(PAUSE)
    return _take_away(database, schema, found)


def _are_kept(connection: Connection, ours: list[str], names: list[str], found: bytes) -> bool:
    """Rewrite our tables; whether any of these has rows that an older snapshot may still see."""
    for name in ours:
        # A plain VACUUM frees pages without overwriting the deleted rows; this writes another file.
        connection.exec_driver_sql(f"VACUUM (FULL) {name}")
    # No row that was deleted before `relfrozenxid` is among those that were carried over.
    return bool(connection.exec_driver_sql(_KEPT, {"tables": names, "mark": found.decode()}).scalar_one())
