"""Global positions that no reader can miss, drawn at the beginning of an append.

On SQLite the write lock is held already, so the next number is the last one plus one. On PostgreSQL a short advisory
lock covers three steps: the transaction gets its id, the whole batch of positions is drawn, and the clock moves on.
So positions and transaction ids grow together, and a reader that stays below the oldest running transaction
sees a gap-free prefix of the order of commits. A rolled-back append leaves its numbers unused for ever.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.engine import Connection
from sqlalchemy.types import UserDefinedType

from adapters.statements import run


class TransactionId(UserDefinedType[int]):
    """PostgreSQL's xid8: the 64-bit id of the transaction that wrote a row."""

    cache_ok = True

    def get_col_spec(self, **options: Any) -> str:
        """The type's name in DDL."""
        return "xid8"


# Whoever looks at the columns of a store that is there already, as opening it read-only does, finds the type known.
ischema_names["xid8"] = TransactionId


def position_column() -> sa.Column[int]:
    """A primary key that is never reused. It has no default: a position comes from `draw_positions` or not at all."""
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column("position", kind, primary_key=True, autoincrement=False)


def transaction_column(is_sqlite: bool) -> tuple[sa.Column[int], ...]:
    """The writer's transaction id where readers need it: on PostgreSQL."""
    if is_sqlite:
        return ()
    return (sa.Column("xid", TransactionId, nullable=False, server_default=sa.text("pg_current_xact_id()")),)


_DRAW = "SELECT first_position, recorded_at FROM regulars_draw_positions(%s, %s, %s, %s)"
_DEFINITION_LOCK = 1919248244 << 32  # drawing locks the same number plus a table's oid, which is never 0

_DRAW_FUNCTION = """
CREATE OR REPLACE FUNCTION regulars_draw_positions(
    positions regclass, clock regclass, how_many bigint, now_us bigint,
    OUT first_position bigint, OUT recorded_at bigint
) LANGUAGE plpgsql AS $$
DECLARE
    lock_key CONSTANT bigint := (1919248244::bigint << 32) | positions::oid::bigint;
BEGIN
    IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
        RAISE EXCEPTION 'positions are drawn once in a transaction, and by its first write';
    END IF;
    PERFORM pg_advisory_lock(lock_key);
    BEGIN
        PERFORM pg_current_xact_id();
        first_position := nextval(positions);
        IF how_many > 1 THEN
            PERFORM setval(positions, first_position + how_many - 1);
        END IF;
        recorded_at := greatest(now_us, coalesce(pg_sequence_last_value(clock), 0));
        PERFORM setval(clock, greatest(recorded_at, 1));
    EXCEPTION WHEN query_canceled OR OTHERS THEN
        PERFORM pg_advisory_unlock(lock_key);
        RAISE;
    END;
    PERFORM pg_advisory_unlock(lock_key);
END
$$
"""


def lock_definitions(connection: Connection) -> None:
    """Let only one transaction at a time define tables and functions: "IF NOT EXISTS" fails where two do it at once."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_DEFINITION_LOCK,))


def create_positions(connection: Connection, table: sa.Table) -> None:
    """What drawing from a table needs beside the table itself. Safe to repeat, and at the same time as others."""
    if connection.dialect.name == "postgresql":
        lock_definitions(connection)
        connection.exec_driver_sql(f'CREATE SEQUENCE IF NOT EXISTS "{table.name}_positions"')
        connection.exec_driver_sql(f'CREATE SEQUENCE IF NOT EXISTS "{table.name}_clock"')
        connection.exec_driver_sql(_DRAW_FUNCTION)


def draw_positions(connection: Connection, table: sa.Table, how_many: int, now: int = 0) -> tuple[int, int]:
    """The first of `how_many` consecutive positions, and the instant to record them at.

    The instant is `now`, or the last one given where that is later: known time never runs backwards. On PostgreSQL
    this must be the transaction's first write, and its only draw: an older transaction id would let readers skip what
    others are still writing, so it is refused.
    """
    if connection.dialect.name == "postgresql":
        names = (f'"{table.name}_positions"', f'"{table.name}_clock"')
        first, recorded_at = run(connection, _DRAW, (*names, how_many, now)).fetchone()
        return first, recorded_at
    instant = "recorded_at" if "recorded_at" in table.c else "NULL"
    newest = f"SELECT seq, {instant} FROM sqlite_sequence LEFT JOIN {table.name} ON position = seq WHERE name = ?"  # noqa: S608 - our own table
    last = run(connection, newest, (table.name,)).fetchone()
    return (1, now) if last is None else (last[0] + 1, max(now, last[1] or 0))


def drawn_positions(table: sa.Table, how_many: int) -> sa.TableValuedAlias:
    """What `draw_positions` gives, on PostgreSQL, as a row to select from; "now" is bound when it is run."""
    positions, clock = (f"'\"{table.name}_{name}\"'" for name in ("positions", "clock"))
    now: sa.BindParameter[int] = sa.bindparam("now", type_=sa.BigInteger)
    drawn = sa.func.regulars_draw_positions(
        sa.literal_column(positions), sa.literal_column(clock), sa.literal_column(str(how_many)), now
    )
    columns = (sa.column(name, sa.BigInteger) for name in ("first_position", "recorded_at"))
    return drawn.table_valued(*columns, name="drawn")


def continue_positions(connection: Connection, table: sa.Table, position: int, recorded_at: int) -> None:
    """Let drawing from a new table go on after rows that were written to it with positions and instants of their own.

    On SQLite it does so by itself. Nobody else may draw meanwhile: the table is made in the same transaction.
    """
    if connection.dialect.name == "postgresql":
        for name, value in (("positions", position), ("clock", max(recorded_at, 1))):
            connection.exec_driver_sql("SELECT setval(%s, %s)", (f'"{table.name}_{name}"', value))


def are_from_elsewhere(connection: Connection, table: sa.Table) -> bool:
    """Whether rows were restored from the dump of another server, whose transaction ids this one hasn't reached.

    Ids grow with positions, so the last row has the highest.
    """
    if "xid" not in table.c:
        return False
    newest = f"SELECT xid >= pg_snapshot_xmax(pg_current_snapshot()) FROM {table.name} ORDER BY position DESC LIMIT 1"  # noqa: S608 - our own table
    return bool(connection.exec_driver_sql(newest).scalar())


def adopt(connection: Connection, table: sa.Table) -> None:
    """Let rows that came from another server count as written here; until then no reader would see them as settled."""
    if are_from_elsewhere(connection, table):
        connection.exec_driver_sql(f"UPDATE {table.name} SET xid = pg_current_xact_id()")  # noqa: S608 - our own table


def settled(table: sa.Table) -> sa.ColumnElement[bool]:
    """True for the rows a reader in position order may see without ever missing an earlier one."""
    if "xid" in table.c:
        return table.c.xid < sa.func.pg_snapshot_xmin(sa.func.pg_current_snapshot(), type_=TransactionId)
    return sa.true()
