"""The recorders of followers: how far upstream applications have been followed, with or without events of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from eventsourcing import persistence
from eventsourcing.persistence import StoredEvent, Tracking
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from regulars.adapters.eventsourcing_library.aggregates import SqlRecorder
from regulars.adapters.eventsourcing_library.notifications import SqlApplicationRecorder
from regulars.adapters.eventsourcing_library.tables import tracking_table
from regulars.adapters.sql.database import Database


class SqlTrackingRecorder(SqlRecorder, persistence.TrackingRecorder):
    """Records how far upstream applications have been followed: one row each, whose position only grows.

    A view adds tables to `metadata`, and calls `track` in the transaction that updates them.
    """

    def __init__(self, database: Database, *, prefix: str = "", **options: Any) -> None:
        super().__init__(database, prefix=prefix, **options)
        self.tracking = tracking_table(self.metadata, f"{prefix}tracking")

    def insert_tracking(self, tracking: Tracking) -> None:
        """Track a notification. Raises IntegrityError where that one or a later one was tracked before."""
        with self.writing() as connection:
            self.track(connection, tracking)

    def track(self, connection: Connection, tracking: Tracking) -> None:
        """Track a notification, within a transaction."""
        insert = sqlite.insert(self.tracking) if self.database.is_sqlite else postgresql.insert(self.tracking)
        moved = (
            insert.values(application_name=tracking.application_name, notification_id=tracking.notification_id)
            .on_conflict_do_update(
                index_elements=["application_name"],
                set_={"notification_id": insert.excluded.notification_id},
                where=self.tracking.c.notification_id < insert.excluded.notification_id,
            )
            .returning(self.tracking.c.notification_id)
        )
        if connection.scalar(moved) is None:
            raise persistence.IntegrityError(
                f"{tracking.application_name} has been followed to {tracking.notification_id} or beyond already"
            )

    def max_tracking_id(self, application_name: str) -> int | None:
        """The last notification tracked, or None where there is none."""
        statement = sa.select(self.tracking.c.notification_id).where(
            self.tracking.c.application_name == application_name
        )
        with self.reading() as connection:
            last: int | None = connection.scalar(statement)
            return last


class SqlProcessRecorder(SqlTrackingRecorder, SqlApplicationRecorder, persistence.ProcessRecorder):
    """Records events, and in the same transaction the upstream notification that they follow from."""

    def append(
        self,
        connection: Connection,
        stored_events: Sequence[StoredEvent],
        *,
        tracking: Tracking | None = None,
        **kwargs: Any,
    ) -> Sequence[int]:
        """Number the events and insert them within a transaction, and track the notification they follow from."""
        positions = super().append(connection, stored_events, **kwargs)
        if tracking is not None:
            self.track(connection, tracking)
        return positions
