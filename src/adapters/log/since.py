"""What was recorded between two positions, without what it says: for who tells of that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.log.codec import Codecs, codec_of
from regulars.adapters.schema.positions import drawn
from regulars.adapters.sql.chunks import CHUNK, chunks
from regulars.crm_domain.event import Event


class Said(Struct, frozen=True):
    """An event without what it says; instants are microseconds."""

    position: int
    customer_id: str
    occurred_at: int
    recorded_at: int
    name: str
    reads: type[Event]


class RecordedSince(Struct, frozen=True):
    """The events at positions in (after, until]. Raises StoreUnusable for an unknown type of event."""

    connection: Connection
    events: sa.Table
    codecs: Codecs
    after: int
    until: int

    def all(self) -> Iterator[Said]:
        """All of them, in order of position; a page at a time."""
        return self._read(sa.true())

    def of(self, customer_ids: Iterable[str]) -> Iterator[Said]:
        """Those of some customers, in order of position for each."""
        for chunk in chunks(customer_ids):
            yield from self._read(self.events.c.customer_id.in_(chunk))

    def at(self, instants: Iterable[int]) -> Iterator[Said]:
        """Those that happened at some instants."""
        for chunk in chunks(instants):
            yield from self._read(self.events.c.occurred_at.in_(chunk))

    def customers(self) -> Iterator[Sequence[str]]:
        """Whose they are, each customer once, in order of their last one; a page at a time."""
        last = sa.func.max(self.events.c.position)
        statement = sa.select(self.events.c.customer_id).where(self._ours).group_by(self.events.c.customer_id)
        streamed = statement.order_by(last).execution_options(yield_per=CHUNK)
        return self.connection.execute(streamed).scalars().partitions(CHUNK)

    @property
    def _ours(self) -> sa.ColumnElement[bool]:
        position = self.events.c.position
        return sa.and_(position > self.after, position <= self.until, drawn(self.events))

    def _read(self, which: sa.ColumnElement[bool]) -> Iterator[Said]:
        table = self.events.c
        columns = (table.position, table.customer_id, table.occurred_at, table.recorded_at, table.type)
        statement = sa.select(*columns).where(self._ours, which).order_by(table.position)
        rows = self.connection.execute(statement.execution_options(yield_per=CHUNK))
        for position, customer_id, occurred_at, recorded_at, tag in rows:
            codec = codec_of(tag, self.codecs)
            yield Said(position, customer_id, occurred_at, recorded_at, codec.name, codec.reads)
