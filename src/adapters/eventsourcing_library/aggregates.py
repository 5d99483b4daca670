"""The recorder of aggregates: events by originator and version; and the transactions of every recorder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from eventsourcing import persistence
from eventsourcing.persistence import StoredEvent
from sqlalchemy.engine import Connection

from regulars.adapters.eventsourcing_library.errors import library_errors
from regulars.adapters.eventsourcing_library.tables import create_tables, stream_table
from regulars.adapters.sql.database import Database
from regulars.adapters.sql.statement import Statement, insertion

_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1  # of any version


class SqlRecorder(persistence.Recorder):
    """The tables of one recorder in one database, and its transactions."""

    def __init__(self, database: Database, *, prefix: str = "") -> None:
        self.database = database
        self.prefix = prefix
        self.metadata = sa.MetaData()

    def create_table(self) -> None:
        """Create every table in `metadata` that doesn't exist yet."""
        with self.writing() as connection:
            create_tables(connection, self.metadata)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that may write, with the library's exceptions."""
        with library_errors(), self.database.writing() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One snapshot to read from, with the library's exceptions."""
        with library_errors(), self.database.reading() as connection:
            yield connection

    @contextmanager
    def joining(self, transaction: Connection | None) -> Iterator[Connection]:
        """The caller's transaction, which the caller commits, or a new one."""
        if transaction is None:
            with self.writing() as connection:
                yield connection
        else:
            with library_errors():
                yield transaction


class SqlAggregateRecorder(SqlRecorder, persistence.AggregateRecorder):
    """Records events by originator and version."""

    def __init__(
        self, database: Database, *, prefix: str = "", purpose: str = "events", text_ids: bool = False
    ) -> None:
        super().__init__(database, prefix=prefix)
        self.purpose = purpose
        self.text_ids = text_ids
        self.events = self.define_events()

    def define_events(self) -> sa.Table:
        """The table of events, as part of `metadata`."""
        return stream_table(self.metadata, f"{self.prefix}stored_{self.purpose}", text_ids=self.text_ids)

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, transaction: Connection | None = None, **kwargs: Any
    ) -> Sequence[int] | None:
        """Insert the events in a new transaction, or in the given one.

        Raises IntegrityError where another writer was quicker; nothing is written then.
        """
        if stored_events:
            with self.joining(transaction) as connection:
                self._insert.many(connection, [self.columns(event) for event in stored_events])
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The events of one originator, in order of version."""
        statement = self._select_backwards if desc else self._select
        with self.reading() as connection:
            rows = statement.all(
                connection,
                originator_id=self._kept_id(originator_id),
                gt=_LOWEST if gt is None else gt,
                lte=_HIGHEST if lte is None else lte,
                limit=self._no_limit if limit is None else limit,
            )
        return [StoredEvent(self._found_id(originator_id), *rest) for originator_id, *rest in rows]

    @cached_property
    def _insert(self) -> Statement:
        return insertion(self.events, self.database.dialect)

    @cached_property
    def _select(self) -> Statement:
        return self._of_originator(self.events.c.originator_version.asc())

    @cached_property
    def _select_backwards(self) -> Statement:
        return self._of_originator(self.events.c.originator_version.desc())

    def _of_originator(self, order: sa.UnaryExpression[int]) -> Statement:
        originator_id, version = self.events.c.originator_id, self.events.c.originator_version
        wanted = (
            originator_id == sa.bindparam("originator_id"),
            version > sa.bindparam("gt"),
            version <= sa.bindparam("lte"),
        )
        limit: sa.BindParameter[int | None] = sa.bindparam("limit", type_=sa.BigInteger)
        statement = sa.select(*self._stored()).where(*wanted).order_by(order).limit(limit)
        return Statement(statement, self.database.dialect)

    @property
    def _no_limit(self) -> int | None:
        return -1 if self.database.is_sqlite else None

    def _stored(self) -> tuple[sa.Column[Any], ...]:
        columns = self.events.c
        return (columns.originator_id, columns.originator_version, columns.topic, columns.state)

    def columns(self, event: StoredEvent) -> dict[str, Any]:
        """The row of one event, without its position and `recorded_at`. A table with more columns overrides this."""
        return {
            "originator_id": self._kept_id(event.originator_id),
            "originator_version": event.originator_version,
            "topic": event.topic,
            "state": event.state,
        }

    def _kept_id(self, originator_id: UUID | str) -> UUID | str:
        """An originator's id for the driver. An application may keep its UUIDs as text: the library's mapper converts
        them.
        """
        if self.text_ids:
            return str(originator_id)
        if not isinstance(originator_id, UUID):
            raise persistence.DataError(f"an originator id is a UUID here, not {originator_id!r}")
        return originator_id.hex if self.database.is_sqlite else originator_id

    def _found_id(self, kept: UUID | str) -> UUID | str:
        """An originator's id from the driver."""
        return UUID(kept) if isinstance(kept, str) and not self.text_ids else kept
