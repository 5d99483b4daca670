"""Rows that somebody writes into the log past us, whatever the table has against it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.schema.tables import Schema
from regulars.adapters.store.store import Store

GUARD = "position_in_range"


@contextmanager
def unguarded(connection: Connection) -> Iterator[None]:
    """Within the block, let `events` take rows at any position. On PostgreSQL it does so from then on."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ALTER TABLE regulars_events DROP CONSTRAINT IF EXISTS {GUARD}")
        yield
        return
    for moment in ("inserted", "updated"):
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS events_{GUARD}_{moment}")
    connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
    try:
        yield
    finally:
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")


def forge(store: Store, *positions: int, stream: str | None = None) -> None:
    """Write the first event, without what is personal, at other positions too: in streams of their own, or in one."""
    events = store.schema.events
    with store.database.writing() as connection, unguarded(connection):
        first = sa.select(events).order_by(events.c.position).where(events.c.position >= 1).limit(1)
        model = {name: value for name, value in connection.execute(first).mappings().one().items() if name != "xid"}
        for position in positions:
            at = {"stream_id": f"forged {position}", "version": 1}
            if stream is not None:
                version = sa.select(sa.func.max(events.c.version)).where(events.c.stream_id == stream)
                at = {"stream_id": stream, "version": (connection.scalar(version) or 0) + 1}
            connection.execute(events.insert(), model | at | {"position": position, "secret": None})


OLD_FUNCTION = """
CREATE OR REPLACE FUNCTION regulars_draw_positions(
    positions regclass, clock regclass, how_many bigint, now_us bigint,
    OUT first_position bigint, OUT recorded_at bigint
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_current_xact_id();
    first_position := nextval(positions);
    IF how_many > 1 THEN
        PERFORM setval(positions, first_position + how_many - 1);
    END IF;
    recorded_at := greatest(now_us, coalesce(pg_sequence_last_value(clock), 0));
    PERFORM setval(clock, greatest(recorded_at, 1));
END
$$
"""


def make_version_5(store: Store) -> None:
    """Take back what version 6 did to a store's log."""
    schema = store.schema
    with store.database.writing() as connection:
        if store.database.is_sqlite:
            _rewrite_without_guard(connection, schema)
            connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'regulars_events_positions'")
        else:
            connection.exec_driver_sql(f"ALTER TABLE regulars_events DROP CONSTRAINT IF EXISTS {GUARD}")
            connection.exec_driver_sql("DROP INDEX regulars_events_recorded")
            connection.exec_driver_sql(OLD_FUNCTION)
        settings = schema.settings
        connection.execute(settings.update().where(settings.c.name == "schema_version").values(value=b"5"))


def _rewrite_without_guard(connection: Connection, schema: Schema) -> None:
    """SQLite can't drop a check, so the table is made as it was, with the same rows and indexes."""
    master = "SELECT sql FROM sqlite_master WHERE tbl_name = 'regulars_events' AND type = ? AND sql IS NOT NULL"
    [table] = connection.exec_driver_sql(master, ("table",)).scalars()
    indexes = [
        sql for sql in connection.exec_driver_sql(master, ("index",)).scalars() if "regulars_events_recorded" not in sql
    ]
    check = f" CONSTRAINT {GUARD} CHECK (position BETWEEN 1 AND 9007199254740992)"
    assert check in table
    views = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'view'").all()
    for name, _ in views:  # which would stand for the table that is renamed
        connection.exec_driver_sql(f"DROP VIEW {name}")
    connection.exec_driver_sql("ALTER TABLE regulars_events RENAME TO before")
    connection.exec_driver_sql(table.replace(check, ""))
    connection.exec_driver_sql("INSERT INTO regulars_events SELECT * FROM before")
    connection.exec_driver_sql("DROP TABLE before")
    for statement in (*indexes, *(sql for _, sql in views)):
        connection.exec_driver_sql(statement)
