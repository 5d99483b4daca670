"""The horizon up to which positions are settled, and the transactions that hold it back.

On PostgreSQL a position is settled once every older transaction of the server has ended, in whatever database; a long
one holds every reader back. On SQLite every committed position is settled.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic, sleep

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.schema.positions import settled
from regulars.adapters.store.store import Store
from regulars.crm_domain.errors import StoreBusy

HORIZON_TIMEOUT = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.002, 0.05

_OLDEST = """
    SELECT pid, state, extract(epoch FROM clock_timestamp() - xact_start)::float AS age FROM pg_stat_activity
    WHERE backend_xid = pg_snapshot_xmin(pg_current_snapshot())::xid AND pid <> pg_backend_pid()
    UNION ALL
    SELECT NULL, 'prepared as ' || gid, extract(epoch FROM clock_timestamp() - prepared)::float FROM pg_prepared_xacts
    WHERE transaction = pg_snapshot_xmin(pg_current_snapshot())::xid
"""


class OpenTransaction(Struct, frozen=True, kw_only=True):
    """The oldest open transaction of a PostgreSQL server: its process, that one's state, and its age in seconds.

    `pid` is None for a prepared transaction. Columns that this role may not see are None, too.
    """

    pid: int | None
    state: str | None
    age: float | None

    def __str__(self) -> str:
        whose = "a transaction" if self.pid is None else f"the transaction of process {self.pid}"
        known = [self.state or "", "" if self.age is None else f"open for {_duration(self.age)}"]
        return f"{whose} ({', '.join(filter(None, known))})" if any(known) else whose


def oldest_transaction(connection: Connection) -> OpenTransaction | None:
    """The transaction that holds the horizon back; None where there is none, or this role can't see it."""
    if connection.dialect.name != "postgresql":
        return None
    row = connection.exec_driver_sql(_OLDEST).first()
    return None if row is None else OpenTransaction(pid=row.pid, state=row.state, age=row.age)


def not_settled(store: Store, position: int, said: str = "") -> StoreBusy:
    """The error for a position that isn't settled in time; it names the transaction that holds the horizon back."""
    with store.reading() as tx:
        holder = oldest_transaction(tx.connection)
    reason = "an older transaction is still running" if holder is None else f"{holder} is still running on the server"
    return StoreBusy(f"the events up to {position} are not readable yet: {reason}{said}")


def await_settled(store: Store, position: int) -> None:
    """Wait until no event before a position can still be committed; 0 never waits.

    Raises StoreBusy where an older transaction in the server runs for too long.
    """
    events, deadline = store.schema.events, monotonic() + HORIZON_TIMEOUT
    last_settled = sa.select(sa.func.max(events.c.position)).where(events.c.position >= position, settled(events))
    if not position:
        return
    for pause in pauses():
        with store.reading() as tx:
            if tx.connection.scalar(last_settled) is not None:
                return
        if monotonic() > deadline:
            raise not_settled(store, position)
        sleep(pause)


def pauses() -> Iterator[float]:
    """How many seconds to wait before each next look at the horizon: most transactions end at once, others take
    long.
    """
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)


def _duration(seconds: float) -> str:
    """A duration in words: 45 s, 3 min, 2 h, 5 d."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds)} s"
