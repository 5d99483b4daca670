"""Notices of what was recorded, on PostgreSQL: a trigger that is there once somebody wants to be told of changes.

A commit that notifies waits for others that do, so stores of which nobody wants to be told have none.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.sql.table_names import ours

_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {ours("notify")}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(TG_ARGV[0], '');
    RETURN NULL;
END
$$
"""


def channel_of(connection: Connection, events: sa.Table) -> str:
    """The channel on which a store notifies; that of no other store in the database."""
    if connection.dialect.name == "sqlite":
        return events.name
    oid = connection.exec_driver_sql("SELECT to_regclass(%s)::oid", (f'"{events.name}"',)).scalar_one()
    return f"{events.name}_{oid}"


def notify_of(connection: Connection, events: sa.Table) -> None:
    """Let a store notify of what is recorded; nothing where it does, or is SQLite's."""
    if connection.dialect.name == "sqlite":
        return
    name = ours("notices")
    there = "SELECT 1 FROM pg_trigger WHERE tgname = %s AND tgrelid = to_regclass(%s)"
    if connection.exec_driver_sql(there, (name, f'"{events.name}"')).first() is None:
        connection.exec_driver_sql(_FUNCTION)
        connection.exec_driver_sql(
            f'CREATE TRIGGER {name} AFTER INSERT ON "{events.name}" FOR EACH STATEMENT '
            f"EXECUTE FUNCTION {ours('notify')}('{channel_of(connection, events)}')"
        )
