"""From one schema version to the next. A migration adds tables, columns and indexes; it never rewrites `events`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy.engine import Connection

from adapters.schema import Schema

Migration = Callable[[Connection, Schema], None]


def index_the_audit_trail(connection: Connection, schema: Schema) -> None:
    """Version 2: the audit trail is searched by actor, by type, by what belongs together, and by time."""
    for index in schema.audit_indexes:
        index.create(connection, checkfirst=True)


#: What brings a store of each version to the next one.
MIGRATIONS: Mapping[int, Migration] = {1: index_the_audit_trail}


def migrate(connection: Connection, schema: Schema, version: int, target: int) -> None:
    """Bring a store from one version to another, step by step, within the transaction that is open."""
    for step in range(version, target):
        MIGRATIONS[step](connection, schema)
