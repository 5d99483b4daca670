"""Misplaced events: at positions that were never drawn, or recorded by a clock that ran ahead. Queries only."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.schema.positions import last_drawn
from regulars.adapters.sql.without_index import without_index
from regulars.crm_domain.command import EARLIEST, FUTURE_TOLERANCE
from regulars.crm_domain.instant import END_OF_TIME, to_datetime

MAX_NAMED = 20


class NeverDrawn(Struct, frozen=True):
    """Rows at positions that were never drawn, so we didn't write them: how many, and the first 20."""

    count: int
    positions: tuple[int, ...]


class RecordedAhead(Struct, frozen=True):
    """Events recorded later than now, by a clock that ran ahead: the first one's position and moment, and how many."""

    position: int
    recorded_at: datetime
    count: int


def find_never_drawn(connection: Connection, events: sa.Table) -> NeverDrawn | None:
    """The rows below the first position and above the last one that was drawn; readers ignore them."""
    position = events.c.position
    count, positions = 0, list[int]()
    for strange in (position < 1, position > last_drawn(events)):
        count += connection.execute(sa.select(sa.func.count()).select_from(events).where(strange)).scalar_one()
        named = sa.select(position).where(strange).order_by(position).limit(MAX_NAMED - len(positions))
        positions += connection.execute(named).scalars()
    return NeverDrawn(count, tuple(positions)) if count else None


def find_recorded_ahead(connection: Connection, events: sa.Table, now: int) -> RecordedAhead | None:
    """The events recorded later than `now` and the clock skew that is allowed."""
    recorded_at, position = events.c.recorded_at, events.c.position
    ours = without_index(connection.dialect, position).between(1, connection.scalar(sa.select(last_drawn(events))))
    found = sa.select(sa.func.count(), sa.func.min(position)).where(recorded_at > now + FUTURE_TOLERANCE, ours)
    count, first = connection.execute(found).one()
    if not count:
        return None
    instant: object = connection.scalar(sa.select(recorded_at).where(position == first))
    known = instant if isinstance(instant, int) else END_OF_TIME  # SQLite keeps whatever was put there past us
    return RecordedAhead(first, to_datetime(min(max(known, EARLIEST), END_OF_TIME)), count)
