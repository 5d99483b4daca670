"""The tables of an application of the `eventsourcing` library: events, snapshots, tracking."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.schema.positions import (
    adopt,
    create_positions,
    lock_definitions,
    position_column,
    transaction_column,
)


def create_tables(connection: Connection, metadata: sa.MetaData) -> None:
    """Create missing tables, and what drawing positions needs. Safe to run concurrently."""
    lock_definitions(connection)
    metadata.create_all(connection)
    for table in metadata.sorted_tables:
        if "position" in table.c:
            create_positions(connection, table)
            adopt(connection, table)


def stream_table(metadata: sa.MetaData, name: str, *, text_ids: bool) -> sa.Table:
    """A table of events by originator and version, without a global order: snapshots, for one."""
    return sa.Table(name, metadata, *_event_columns(text_ids, primary_key=True), sqlite_with_rowid=False)


def log_table(metadata: sa.MetaData, name: str, *, text_ids: bool, is_sqlite: bool) -> sa.Table:
    """A table of events by originator and version that also have a global position."""
    return sa.Table(
        name,
        metadata,
        position_column(),
        *_event_columns(text_ids, primary_key=False),
        *transaction_column(is_sqlite),
        sa.UniqueConstraint("originator_id", "originator_version"),
        sqlite_autoincrement=True,
    )


def tracking_table(metadata: sa.MetaData, name: str) -> sa.Table:
    """A table of the last tracked notification of each upstream application."""
    return sa.Table(
        name,
        metadata,
        sa.Column("application_name", sa.Text, primary_key=True),
        sa.Column("notification_id", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _event_columns(text_ids: bool, *, primary_key: bool) -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("originator_id", sa.Text() if text_ids else sa.Uuid(), primary_key=primary_key, nullable=False),
        sa.Column("originator_version", sa.BigInteger, primary_key=primary_key, nullable=False, autoincrement=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
    )
