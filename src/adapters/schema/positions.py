"""Global positions that no reader can miss, drawn at the beginning of an append.

1. On SQLite the write lock is held already, so the next number is the last one drawn plus one.
2. On PostgreSQL a short advisory lock covers three steps: the transaction gets its id, the whole batch of positions is
   drawn, and the clock moves on. So positions and transaction ids grow together, and a reader that stays below the
   oldest running transaction sees a gap-free prefix of the order of commits. A rolled-back append leaves its numbers
   unused for ever.
3. The last position drawn is kept apart from the rows: what stands above it, or below 1, was written by somebody else,
   and no reader takes it for an event.
4. The instant of recording never lies before the last one, unless that lies further ahead of the clock than a clock is
   forgiven. Then the last one was wrong, and the clock's own counts again.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.engine import Connection
from sqlalchemy.types import UserDefinedType

from regulars.adapters.sql.named_schema import lock_key
from regulars.adapters.sql.statement import run
from regulars.crm_domain.command import FUTURE_TOLERANCE, now_after
from regulars.crm_domain.errors import StoreUnusable

#: The last position that can be drawn: the last whole number that JSON carries exactly between any two programs. A
#: million events a second reach it after 285 years.
LAST_POSITION = 2**53

#: The half of them that no store has reached: who only rehearses writes there, and a row there in an older store, which
#: didn't keep the last position drawn, was never drawn.
UNREACHED = LAST_POSITION // 2

_IN_RANGE = f"position BETWEEN 1 AND {LAST_POSITION}"
_RANGE = "position_in_range"


class TransactionId(UserDefinedType[int]):
    """PostgreSQL's xid8: the 64-bit id of the transaction that wrote a row."""

    cache_ok = True

    def get_col_spec(self, **options: Any) -> str:
        """The type's name in DDL."""
        return "xid8"


# Reflecting the columns of an existing store, as opening it read-only does, finds the type known.
ischema_names["xid8"] = TransactionId


def position_column() -> sa.Column[int]:
    """A primary key that is never reused. It has no default: a position comes from `draw_positions` or not at all."""
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    in_range = sa.CheckConstraint(_IN_RANGE, name=_RANGE)
    return sa.Column("position", kind, in_range, primary_key=True, autoincrement=False)


def transaction_column(is_sqlite: bool) -> tuple[sa.Column[int], ...]:
    """The writer's transaction id, on PostgreSQL, where readers need it."""
    if is_sqlite:
        return ()
    return (sa.Column("xid", TransactionId, nullable=False, server_default=sa.text("pg_current_xact_id()")),)


_DRAW = "SELECT first_position, recorded_at FROM regulars_draw_positions(%s, %s, %s, %s)"
_DEFINITIONS = 1919248244 << 32  # the number of a lock: any, the same in every process

_DRAW_FUNCTION = f"""
CREATE OR REPLACE FUNCTION regulars_draw_positions(
    positions regclass, clock regclass, how_many bigint, now_us bigint,
    OUT first_position bigint, OUT recorded_at bigint
) LANGUAGE plpgsql AS $$
DECLARE
    lock_key CONSTANT bigint := (1919248244::bigint << 32) | positions::oid::bigint;
    last_recorded bigint;
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
        last_recorded := coalesce(pg_sequence_last_value(clock), 0);
        IF last_recorded BETWEEN now_us AND now_us + {FUTURE_TOLERANCE} THEN
            recorded_at := last_recorded;
        ELSE
            recorded_at := now_us;
        END IF;
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
    """Let only one transaction at a time define tables and functions: "IF NOT EXISTS" fails where two run
    concurrently.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({lock_key(_DEFINITIONS)})")


def create_positions(connection: Connection, table: sa.Table) -> None:
    """Create what drawing positions of a table needs. Safe to repeat, and to run concurrently."""
    if connection.dialect.name == "postgresql":
        lock_definitions(connection)
        connection.exec_driver_sql(f'CREATE SEQUENCE IF NOT EXISTS "{table.name}_positions"')
        connection.exec_driver_sql(f'CREATE SEQUENCE IF NOT EXISTS "{table.name}_clock"')
        connection.exec_driver_sql(_DRAW_FUNCTION)
    elif _last_drawn(connection, table) is None:
        _keep_last_drawn(connection, table, _last_believable(connection, table))


def guard_positions(connection: Connection, table: sa.Table) -> None:
    """Let an older table refuse new rows at positions out of range, as a new one does; stored rows are not checked."""
    if connection.dialect.name == "postgresql":
        alter = f'ALTER TABLE "{table.name}"'
        connection.exec_driver_sql(f"{alter} DROP CONSTRAINT IF EXISTS {_RANGE}")
        connection.exec_driver_sql(f"{alter} ADD CONSTRAINT {_RANGE} CHECK ({_IN_RANGE}) NOT VALID")
        return
    for name, moment in (("inserted", "INSERT"), ("updated", "UPDATE OF position")):
        connection.exec_driver_sql(
            f"CREATE TRIGGER IF NOT EXISTS {table.name}_{_RANGE}_{name} BEFORE {moment} ON {table.name} "
            f"WHEN NOT NEW.{_IN_RANGE} BEGIN SELECT RAISE(ABORT, 'CHECK constraint failed: {_RANGE}'); END"
        )


def draw_positions(connection: Connection, table: sa.Table, how_many: int, now: int = 0) -> tuple[int, int]:
    """The first of `how_many` consecutive positions, and the instant to record them at.

    The instant is `now`, or the last one given where that is a little later: by so little clocks differ, and known time
    doesn't run backwards for it. On PostgreSQL this must be the transaction's first write, and its only draw: an older
    transaction id would let readers skip what others are still writing, so it is refused.

    Raises StoreUnusable where no position is left.
    """
    if connection.dialect.name == "postgresql":
        names = (f'"{table.name}_positions"', f'"{table.name}_clock"')
        first, recorded_at = run(connection, _DRAW, (*names, how_many, now)).fetchone()
        return first, recorded_at
    first, last_recorded_at = _draw_next(connection, table, how_many) or _draw_elsewhere(connection, table, how_many)
    # SQLite stores any kind of value that others wrote there.
    return first, now_after(last_recorded_at if isinstance(last_recorded_at, int) else None, now)


def _draw_next(connection: Connection, table: sa.Table, how_many: int) -> tuple[int, object] | None:
    """SQLite's next positions, and when the last event was recorded; None where rows stand there already."""
    recorded_at = "recorded_at" if "recorded_at" in table.c else "NULL"
    draw = (
        f"UPDATE sqlite_sequence SET seq = seq + ? WHERE name = ? AND seq + ? <= {LAST_POSITION} "  # noqa: S608 - our own table
        f"AND NOT EXISTS (SELECT * FROM {table.name} WHERE position > seq) "
        f"RETURNING seq - ?, (SELECT {recorded_at} FROM {table.name} WHERE position = seq - ?)"
    )
    found = run(connection, draw, (how_many, _sequence(table), *[how_many] * 3)).fetchall()
    return (found[0][0] + 1, found[0][1]) if found else None


def _draw_elsewhere(connection: Connection, table: sa.Table, how_many: int) -> tuple[int, object]:
    """SQLite's next positions beyond rows that were written there without drawing, and when the last event was
    recorded.
    """
    create_positions(connection, table)  # if others deleted the stored position
    last = _last_drawn(connection, table) or 0
    first = _first_free(connection, table, last + 1, how_many)
    if first + how_many - 1 > LAST_POSITION:
        raise StoreUnusable(f"no position is left to record at: the last one drawn is {last}, of {LAST_POSITION}")
    _keep_last_drawn(connection, table, first + how_many - 1)
    if "recorded_at" not in table.c:
        return first, None
    newest = f"SELECT recorded_at FROM {table.name} WHERE position = ?"  # noqa: S608 - our own table
    row = run(connection, newest, (last,)).fetchone()
    return first, None if row is None else row[0]


def _first_free(connection: Connection, table: sa.Table, first: int, how_many: int) -> int:
    """The first of so many consecutive unused positions, from a position on."""
    taken = f"SELECT max(position) FROM {table.name} WHERE position BETWEEN ? AND ?"  # noqa: S608 - our own table
    while first + how_many - 1 <= LAST_POSITION:
        (last,) = run(connection, taken, (first, first + how_many - 1)).fetchone()
        if last is None:
            break
        first = last + 1
    return first


def _sequence(table: sa.Table) -> str:
    return f"{table.name}_positions"


def _last_drawn(connection: Connection, table: sa.Table) -> int | None:
    """SQLite's last position drawn; None where it isn't stored yet.

    It is stored beside SQLite's own AUTOINCREMENT counter, which every insert moves.
    """
    found = run(connection, "SELECT seq FROM sqlite_sequence WHERE name = ?", (_sequence(table),)).fetchone()
    return None if found is None else found[0]


def _keep_last_drawn(connection: Connection, table: sa.Table, position: int) -> None:
    values = (position, _sequence(table))
    if not run(connection, "UPDATE sqlite_sequence SET seq = ? WHERE name = ?", values).rowcount:
        run(connection, "INSERT INTO sqlite_sequence (seq, name) VALUES (?, ?)", values)


def _last_believable(connection: Connection, table: sa.Table) -> int:
    """The last position drawn from a table that didn't store it: the highest one within reach."""
    highest = (
        f"SELECT max((SELECT coalesce(max(position), 0) FROM {table.name} WHERE position BETWEEN 0 AND {UNREACHED}), "  # noqa: S608 - our own table
        f"(SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ? AND seq <= {UNREACHED}))"
    )
    position: int = run(connection, highest, (table.name,)).fetchone()[0]
    return position


def drawn_positions(table: sa.Table, how_many: int) -> sa.TableValuedAlias:
    """The result of `draw_positions`, on PostgreSQL, as a row to select from; "now" is a bind parameter."""
    positions, clock = (f"'\"{table.name}_{name}\"'" for name in ("positions", "clock"))
    now: sa.BindParameter[int] = sa.bindparam("now", type_=sa.BigInteger)
    drawn = sa.func.regulars_draw_positions(
        sa.literal_column(positions), sa.literal_column(clock), sa.literal_column(str(how_many)), now
    )
    columns = (sa.column(name, sa.BigInteger) for name in ("first_position", "recorded_at"))
    return drawn.table_valued(*columns, name="drawn")


def continue_positions(connection: Connection, table: sa.Table, position: int, recorded_at: int) -> None:
    """Let drawing from a new table continue after rows that were copied to it with their positions and instants.

    No other transaction may draw meanwhile: the table was created in this one.
    """
    if connection.dialect.name == "postgresql":
        for name, value in (("positions", position), ("clock", max(recorded_at, 1))):
            connection.exec_driver_sql("SELECT setval(%s, %s)", (f'"{table.name}_{name}"', value))
    else:
        _keep_last_drawn(connection, table, position)


def are_from_elsewhere(connection: Connection, table: sa.Table) -> bool:
    """Whether rows were restored from the dump of another server, whose transaction ids this one hasn't reached.

    Ids grow with positions, so the last row has the highest.
    """
    if "xid" not in table.c:
        return False
    is_ahead = table.c.xid >= sa.func.pg_snapshot_xmax(sa.func.pg_current_snapshot(), type_=TransactionId)
    return bool(connection.scalar(sa.select(is_ahead).where(drawn(table)).order_by(table.c.position.desc()).limit(1)))


def adopt(connection: Connection, table: sa.Table) -> None:
    """Mark rows that came from another server as written here; until then no reader would see them as settled."""
    if are_from_elsewhere(connection, table):
        ours = sa.func.pg_current_xact_id(type_=TransactionId)
        connection.execute(table.update().where(drawn(table)).values(xid=ours))


def last_drawn(table: sa.Table) -> sa.ScalarSelect[int]:
    """The last position that was drawn, as an expression for a query.

    A role that may not read PostgreSQL's sequence gets the last one that can be drawn.
    """
    name = _sequence(table)
    if "xid" in table.c:
        kept = (
            f"""CASE WHEN has_sequence_privilege('"{name}"', 'USAGE, SELECT') """
            f"""THEN least(coalesce(pg_sequence_last_value('"{name}"'), 0), {LAST_POSITION}) ELSE {LAST_POSITION} END"""
        )
    else:
        kept = (
            f"min(coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{name}'), {LAST_POSITION}), {LAST_POSITION})"  # noqa: S608 - our own table
        )
    return sa.select(sa.literal_column(kept, sa.BigInteger)).scalar_subquery()


def drawn(table: sa.Table) -> sa.ColumnElement[bool]:
    """True for rows at positions that were drawn; others were written past us.

    It is written so that no index is used: it holds for nearly every row, which a planner without statistics can't
    know.
    """
    position: sa.ColumnElement[int] = sa.literal_column(f"+{table.name}.position", sa.BigInteger)
    return position.between(1, last_drawn(table))


def settled(table: sa.Table) -> sa.ColumnElement[bool]:
    """True for rows below the horizon: a reader in position order who reads up to there misses none."""
    if "xid" in table.c:
        oldest_running = sa.func.pg_snapshot_xmin(sa.func.pg_current_snapshot(), type_=TransactionId)
        return sa.and_(drawn(table), table.c.xid < oldest_running)
    return drawn(table)


def last_settled(connection: Connection, table: sa.Table) -> int | None:
    """The last position of a settled row; None where there is none."""
    last: int | None = connection.scalar(sa.select(sa.func.max(table.c.position)).where(settled(table)))
    return last
