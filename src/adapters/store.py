"""A store: a database with our tables in it, its settings, and the transactions on it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from adapters.database import DEFAULT_LOCK_TIMEOUT, Database
from adapters.keyring import Cipher, KeyedHash, new_key
from adapters.migrations import migrate
from adapters.positions import lock_definitions
from adapters.schema import VERSION, Schema
from adapters.transaction import Transaction
from crm_domain.errors import StoreUnusable
from crm_domain.money import exponent_of


class Collision(Exception):
    """Another writer took a stream's version, a reference or a command id first; try again from the beginning."""


class _TakenBack(Exception):
    """Ends a rehearsal."""


def _is_taken(error: IntegrityError) -> bool:
    """Whether a unique key was taken, and not some other rule broken."""
    codes = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
    return getattr(error.orig, "sqlite_errorcode", None) in codes or getattr(error.orig, "sqlstate", None) == "23505"


class _Rehearsal:
    """Draws positions that no event will ever have, from -1 downwards."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self, connection: Connection, table: sa.Table, how_many: int, now: int) -> tuple[int, int]:
        self._last -= how_many
        return self._last, now


class Store:
    """An open store. Made where there is none, unless `read_only`.

    Raises StoreUnusable where the database holds something else, or was written by a newer version.
    """

    def __init__(
        self, target: str | os.PathLike[str], *, lock_timeout: float = DEFAULT_LOCK_TIMEOUT, read_only: bool = False
    ) -> None:
        self.database = Database(target, lock_timeout=lock_timeout, read_only=read_only)
        self.schema = Schema(is_sqlite=self.database.is_sqlite)
        try:
            self._create_or_check()
            with self.database.reading() as connection:
                settings = self.read_settings(connection)
        except BaseException:
            self.database.close()
            raise
        self.keyed = KeyedHash(settings["lookup_key"])
        self.quarantine_cipher = Cipher(settings["quarantine_key"])

    def close(self) -> None:
        """Give every connection back."""
        self.database.close()

    @contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[Transaction]:
        """A transaction that may write. Raises as Database.writing does, and Collision where another was quicker."""
        try:
            with self.database.writing(alone=alone) as connection:
                yield Transaction(connection, self.schema, self.keyed)
        except IntegrityError as error:
            if _is_taken(error):
                raise Collision(str(error.orig)) from error
            raise

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """A snapshot to read from."""
        with self.database.reading() as connection:
            yield Transaction(connection, self.schema, self.keyed)

    @contextmanager
    def rehearsing(self) -> Iterator[Transaction]:
        """A transaction that is taken back at its end. It keeps other writers waiting, and uses up no position."""
        with suppress(_TakenBack), self.database.writing() as connection:
            yield Transaction(connection, self.schema, self.keyed, draw=_Rehearsal())
            raise _TakenBack

    def read_settings(self, connection: Connection) -> dict[str, bytes]:
        """All settings by name."""
        settings = self.schema.settings
        return dict(connection.execute(sa.select(settings.c.name, settings.c.value)).all())

    def currency(self, connection: Connection) -> str | None:
        """The store's currency, None while no amount has been recorded."""
        settings = self.schema.settings
        value = connection.scalar(sa.select(settings.c.value).where(settings.c.name == "currency"))
        return None if value is None else value.decode()

    def count_events(self, connection: Connection) -> int:
        """How many events there are."""
        return connection.execute(sa.select(sa.func.count()).select_from(self.schema.events)).scalar_one()

    def version_of(self, connection: Connection, stream_id: str) -> int:
        """The version a stream has reached, 0 where there is no such stream."""
        events = self.schema.events
        statement = sa.select(sa.func.max(events.c.version)).where(events.c.stream_id == stream_id)
        return connection.scalar(statement) or 0

    def fix_currency(self, connection: Connection, currency: str) -> None:
        """Settle on a currency. Raises Rejected for an unknown one, IntegrityError where there is one already."""
        exponent_of(currency)
        connection.execute(self.schema.settings.insert(), {"name": "currency", "value": currency.encode()})

    def exclude_others(self, connection: Connection) -> None:
        """Until the transaction ends, let no other process change tables; on SQLite the write lock does that."""
        lock_definitions(connection)

    def _create_or_check(self) -> None:
        with self.database.reading() as connection:
            version = self._version(connection)
        if version == VERSION or (version is not None and self.database.read_only):
            return
        if self.database.read_only:
            raise StoreUnusable(f"{self.database.url.database} is not a Regulars store")
        with self.database.writing() as connection:
            self.exclude_others(connection)
            version = self._version(connection)  # another process may have been quicker
            if version is None:
                self._create(connection)
            elif version < VERSION:
                migrate(connection, self.schema, version, VERSION)
                settings = self.schema.settings
                ours = settings.c.name == "schema_version"
                connection.execute(settings.update().where(ours).values(value=str(VERSION).encode()))

    def _version(self, connection: Connection) -> int | None:
        """The schema version of the store; None where there is none yet."""
        if not self._is_ours(connection):
            return None
        found = int(self.read_settings(connection)["schema_version"])
        if found > VERSION:
            raise StoreUnusable(
                f"this store has schema version {found}, and this version of Regulars knows up to {VERSION}; "
                "it was left alone: upgrade Regulars to use it"
            )
        return found

    def _is_ours(self, connection: Connection) -> bool:
        existing = set(sa.inspect(connection).get_table_names())
        ours = set(self.schema.names)
        if ours <= existing:
            return True
        for name in sorted(ours & existing):
            raise StoreUnusable(
                f'this database has a table "{name}" that is not ours; give Regulars a database of its own'
            )
        return False

    def _create(self, connection: Connection) -> None:
        self.schema.create(connection)
        settings = {"schema_version": str(VERSION).encode(), "lookup_key": new_key(), "quarantine_key": new_key()}
        rows = [{"name": name, "value": value} for name, value in settings.items()]
        connection.execute(self.schema.settings.insert(), rows)
