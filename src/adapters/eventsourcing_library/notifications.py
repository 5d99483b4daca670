"""The recorder of applications: events in one global order, which can be read, followed and subscribed to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import cached_property
from time import monotonic, sleep
from typing import Any, TypeVar

import sqlalchemy as sa
from eventsourcing import persistence
from eventsourcing.persistence import Notification, StoredEvent
from sqlalchemy.engine import Connection

from regulars.adapters.eventsourcing_library.aggregates import SqlAggregateRecorder
from regulars.adapters.eventsourcing_library.announcements import Announcements
from regulars.adapters.eventsourcing_library.tables import log_table
from regulars.adapters.log.appending import Appending
from regulars.adapters.schema.positions import last_settled, settled
from regulars.adapters.sql.database import Database

HORIZON_TIMEOUT = 5.0  # seconds a read waits until this process's own last write is settled
POLL_INTERVAL = 0.03  # seconds between a subscription's looks at what other processes have written
PAGE = 500  # notifications a subscription reads at once

_HORIZON_INTERVAL = 0.005

T = TypeVar("T")


class SqlApplicationRecorder(SqlAggregateRecorder, persistence.ApplicationRecorder):
    """Records events by originator and version and in one global order, which can be read, followed and subscribed
    to.
    """

    def __init__(self, database: Database, *, horizon_timeout: float = HORIZON_TIMEOUT, **options: Any) -> None:
        super().__init__(database, **options)
        self.announcements = Announcements()
        self._horizon_timeout = horizon_timeout

    def define_events(self) -> sa.Table:
        """The table of events, as part of `metadata`."""
        name = f"{self.prefix}stored_{self.purpose}"
        return log_table(self.metadata, name, text_ids=self.text_ids, is_sqlite=self.database.is_sqlite)

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, transaction: Connection | None = None, **kwargs: Any
    ) -> Sequence[int]:
        """Insert the events in a new transaction, or in the given one; their positions.

        Raises IntegrityError where another writer was quicker; nothing is written then. On PostgreSQL this must be the
        given transaction's only append, and its first write; another is refused. With a given transaction, the caller
        may `announce` the positions once it is committed.
        """
        with self.joining(transaction) as connection:
            positions = self.append(connection, stored_events, **kwargs)
        if transaction is None:
            self.announce(positions)
        return positions

    def append(
        self, connection: Connection, stored_events: Sequence[StoredEvent], *, now: int = 0, **kwargs: Any
    ) -> Sequence[int]:
        """Number the events and insert them within a transaction. `now` is the instant to record them at."""
        if not stored_events:
            return []
        rows = [self.columns(event) for event in stored_events]
        first, _ = self._appending.append(connection, rows, now)
        return list(range(first, first + len(rows)))

    @cached_property
    def _appending(self) -> Appending:
        return Appending(self.events, self.database.dialect)

    def announce(self, positions: Sequence[int]) -> None:
        """Notify this process's subscriptions and reads that these positions are committed."""
        if positions:
            self.announcements.ring(committed=positions[-1])

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """The events from one position to another, in order of position, this process's own writes among them.

        Raises OperationalError where an older transaction keeps those unsettled for longer than the time allowed.
        """
        return self._read_own_writes(
            lambda connection: self._notifications(
                connection, start, limit, stop, topics, inclusive_of_start=inclusive_of_start
            )
        )

    def max_notification_id(self) -> int | None:
        """The last position, or None where nothing was recorded. Waits and raises as `select_notifications` does."""
        return self._read_own_writes(self._last_position)

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> SqlSubscription:
        """Every event after a position, future ones included. It blocks where there is none, until it is stopped."""
        return SqlSubscription(self, gt, topics)

    def follow(self, gt: int | None, topics: Sequence[str] = ()) -> tuple[Sequence[Notification], int | None]:
        """The next page of settled events after a position, and the position to continue from. It never waits."""
        with self.reading() as connection:
            found = self._notifications(connection, gt, PAGE, None, topics, inclusive_of_start=False)
            if found:
                gt = found[-1].id
            if topics and len(found) < PAGE:
                # Don't look again and again at a long tail of events on other topics.
                last = self._last_position(connection)
                gt = gt if last is None else max(gt or 0, last)
        return found, gt

    def _notifications(
        self,
        connection: Connection,
        start: int | None,
        limit: int,
        stop: int | None,
        topics: Sequence[str],
        *,
        inclusive_of_start: bool,
    ) -> list[Notification]:
        position = self.events.c.position
        statement = sa.select(*self._told()).where(settled(self.events))
        if start is not None:
            statement = statement.where(position >= start if inclusive_of_start else position > start)
        if stop is not None:
            statement = statement.where(position <= stop)
        if topics:
            statement = statement.where(self._is_on(connection, topics))
        return [self._notification(row) for row in connection.execute(statement.order_by(position).limit(limit))]

    def _told(self) -> tuple[sa.ColumnElement[Any], ...]:
        """The columns of a notification. A table with other columns overrides these three methods."""
        return (*self._stored(), self.events.c.position)

    def _is_on(self, connection: Connection, topics: Sequence[str]) -> sa.ColumnElement[bool]:
        return self.events.c.topic.in_(topics)

    def _notification(self, row: sa.Row[*tuple[Any, ...]]) -> Notification:
        return Notification(*row)

    def _last_position(self, connection: Connection) -> int | None:
        return last_settled(connection, self.events)

    def _read_own_writes(self, read: Callable[[Connection], T]) -> T:
        deadline = monotonic() + self._horizon_timeout
        while True:
            with self.reading() as connection:
                if self._has_settled(connection):
                    return read(connection)
            if monotonic() >= deadline:
                raise persistence.OperationalError(
                    f"events written here stayed unsettled for {self._horizon_timeout:g} s: an older transaction "
                    "in the database server is still running"
                )
            sleep(_HORIZON_INTERVAL)

    def _has_settled(self, connection: Connection) -> bool:
        own = self.announcements.unsettled()
        if own is None:
            return True
        row = sa.select(self.events.c.position).where(self.events.c.position == own)
        # A row that has been deleted since has nothing left to wait for.
        behind = connection.scalar(sa.select(sa.exists(row) & ~sa.exists(row.where(settled(self.events)))))
        if not behind:
            self.announcements.settle(own)
        return not behind


class SqlSubscription(persistence.Subscription[SqlApplicationRecorder]):
    """Follows a recorder's events, on both databases, without a thread of its own.

    It reads again as soon as this process inserts or stops, and every `POLL_INTERVAL` for events of other processes.
    """

    def __init__(self, recorder: SqlApplicationRecorder, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder, gt, topics)
        self._page: deque[Notification] = deque()

    def stop(self) -> None:
        """End the iteration, at once and from any thread."""
        super().stop()
        self._recorder.announcements.ring()

    def __next__(self) -> Notification:
        while True:
            # Counted before the look, so that what happens after it ends the wait.
            heard = self._recorder.announcements.count
            if self._has_been_stopped:
                raise StopIteration
            if not self._page:
                found, self._last_notification_id = self._recorder.follow(self._last_notification_id, self._topics)
                self._page.extend(found)
            if self._page:
                return self._page.popleft()
            self._recorder.announcements.wait(heard, POLL_INTERVAL)
