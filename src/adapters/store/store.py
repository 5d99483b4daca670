"""The store: a database with our tables, its settings, and its transactions."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from regulars.adapters.extensions.extended import extended
from regulars.adapters.extensions.extension import Extension
from regulars.adapters.extensions.registry import registry_of
from regulars.adapters.extensions.tables import ready_extensions
from regulars.adapters.indexes.ours import INDEXES
from regulars.adapters.log.appending import Appending, Columns
from regulars.adapters.log.codec import Codecs
from regulars.adapters.logs import STORE
from regulars.adapters.schema.positions import (
    LAST_POSITION,
    UNREACHED,
    adopt,
    are_from_elsewhere,
    last_settled,
    lock_definitions,
)
from regulars.adapters.schema.settings import currency_of, unreadable
from regulars.adapters.schema.tables import CURRENCY, VERSION, Schema, common_schema
from regulars.adapters.sql.columns import as_stored, unchecked
from regulars.adapters.sql.database import DEFAULT_LOCK_TIMEOUT, Database
from regulars.adapters.sql.driver_errors import name_of
from regulars.adapters.sql.named_schema import without_schema
from regulars.adapters.sql.table_names import PREFIX, require_unused
from regulars.adapters.store.migrations import PREFIXED_SINCE, migrate
from regulars.adapters.store.store_statements import store_statements
from regulars.adapters.store.transaction import Transaction
from regulars.adapters.vault.access import NO_SECRETS, found_access
from regulars.adapters.vault.cipher import KeyedHash
from regulars.adapters.vault.erasing import MARK, PATIENCE, OwnerNeeded, destroy_traces, owner_needed
from regulars.adapters.vault.keyring import Keyring, MasterKey, founding_settings
from regulars.crm_domain.errors import StoreUnusable
from regulars.crm_domain.money import exponent_of

#: So many entries of an index are read in the time of one row with its payload.
_ROW_BY_ENTRY = 8


class Collision(Exception):
    """Another writer was quicker with a stream's version, a reference or a command id; decide and try again."""


class _TakenBack(Exception):
    """Rolls a rehearsal back."""


def _is_taken(error: IntegrityError) -> bool:
    """Whether a unique constraint was violated, and no other."""
    codes = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
    return getattr(error.orig, "sqlite_errorcode", None) in codes or getattr(error.orig, "sqlstate", None) == "23505"


class _Rehearsal:
    """Appends events at positions that are never drawn, downwards from the last possible one."""

    def __init__(self, appending: Appending, events: sa.Table) -> None:
        self._appending = appending
        position = events.c.position
        self._lowest = sa.select(sa.func.min(position)).where(position.between(UNREACHED, LAST_POSITION))

    def append(self, connection: Connection, rows: Sequence[Columns], now: int) -> tuple[int, int]:
        first = (connection.scalar(self._lowest) or LAST_POSITION + 1) - len(rows)
        self._appending.insert(connection, rows, first, now)
        return first, now


class Store:
    """An open store. It is created where there is none, unless `read_only`; it is read-only where it can't be written.
    One that is opened without `personal` data is read-only, and reads no secret.

    A new one has its keys wrapped by the given master key. In an existing one, a wrong master key is noticed when the
    first key is unwrapped: `keyring.require_master` checks at once. `is_new` says that it was just created, `access`
    which secrets this role may read. Events are decoded and judged by the `registry`, which includes `extensions`; it
    folds events of the types that it `handles`.

    Raises StoreUnusable where the database holds something else, or was written by a newer version; ValueError for
    extensions that conflict with each other.
    """

    def __init__(
        self,
        target: str | os.PathLike[str],
        *,
        lock_timeout: float = DEFAULT_LOCK_TIMEOUT,
        read_only: bool = False,
        master_key: MasterKey | None = None,
        extensions: tuple[Extension, ...] = (),
        personal: bool = True,
    ) -> None:
        self.registry = registry_of(extensions)
        self.handles = self.registry.handles
        self.database = Database(target, lock_timeout=lock_timeout, read_only=read_only or not personal)
        self.schema = (Schema if extensions else common_schema)(is_sqlite=self.database.is_sqlite)
        self.is_new = False
        self._master_key = master_key
        try:
            self._create_or_check()
            with self.database.reading() as connection:
                settings = self.read_settings(connection)
                self.access = found_access(connection, self.schema) if personal else NO_SECRETS
            self.keyring = Keyring(settings, master_key)
            self.extended = extended(self.registry.catalogue, extensions, settings)
            indexes = (*INDEXES, *ready_extensions(self.database, self.schema, self.extended))
        except BaseException:
            self.database.close()
            raise
        self.statements = store_statements(self.schema, self.database.dialect, self.access, indexes)
        self.is_erasing = MARK in settings

    @property
    def codecs(self) -> Codecs:
        """The codecs of this store's events."""
        return self.extended.codecs

    @property
    def keyed(self) -> KeyedHash:
        """The keyed hash for look-ups of customers, orders and commands."""
        return self.keyring.keyed

    def stream_of(self, category: str, key: str) -> str:
        """The id of the stream of a key: a keyed hash, so a key has one stream, and the id can't be guessed."""
        return self.keyed(f"stream:{category}", key.encode())

    def close(self) -> None:
        """Close all connections."""
        if self.is_erasing and not self.database.read_only:
            self.destroy_traces(patience=0)
        self.database.close()

    def destroy_traces(self, patience: float = PATIENCE) -> None:
        """Erase traces of destroyed keys from the database's files; `is_erasing` while readers prevent it."""
        self.is_erasing = True
        self.is_erasing = not destroy_traces(self.database, self.schema, patience)

    def owner_needed(self) -> OwnerNeeded | None:
        """The role that has to erase traces, where this process's may not."""
        if not self.is_erasing:
            return None
        with self.database.reading() as connection:
            return owner_needed(connection, self.schema)

    @contextmanager
    def writing(
        self, *, alone: bool = False, patience: float | None = None, durable: bool = True
    ) -> Iterator[Transaction]:
        """A write transaction. Raises as Database.writing does, and Collision where another writer was quicker."""
        try:
            with self.database.writing(alone=alone, patience=patience, durable=durable) as connection:
                yield Transaction(connection, self.statements, self.extended, self.keyring)
        except IntegrityError as error:
            if _is_taken(error):
                raise Collision(str(error.orig)) from error
            raise

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """A read transaction on one snapshot."""
        with self.database.reading() as connection:
            yield Transaction(connection, self.statements, self.extended, self.keyring)

    @contextmanager
    def rehearsing(self) -> Iterator[Transaction]:
        """A write transaction that is rolled back at its end. Other writers wait meanwhile, and no position is used
        up.
        """
        rehearsal = _Rehearsal(self.statements.appending, self.schema.events)
        with suppress(_TakenBack), self.database.writing() as connection:
            yield Transaction(connection, self.statements, self.extended, self.keyring, rehearsal.append)
            raise _TakenBack

    def read_settings(self, connection: Connection) -> dict[str, bytes]:
        """All settings by name; those that aren't bytes are left out."""
        settings = self.schema.settings
        found = connection.execute(as_stored(settings)).all()
        return {name: value for name, value in found if isinstance(value, bytes)}

    def currency(self, connection: Connection) -> str | None:
        """The store's currency, None while no amount has been recorded."""
        settings = self.schema.settings
        value = connection.scalar(sa.select(unchecked(settings.c.value)).where(settings.c.name == CURRENCY))
        return None if value is None else currency_of(value)

    def count_events(self, connection: Connection) -> int:
        """How many events there are."""
        return connection.execute(sa.select(sa.func.count()).select_from(self.schema.events)).scalar_one()

    def position_at(self, connection: Connection, instant: int) -> int:
        """The last position that was recorded by an instant, 0 where there is none.

        With correct clocks that is the position of the latest instant up to this one. Where a clock ran ahead, later
        positions have earlier instants; so it is searched among all positions after that one, or all recorded by then,
        whichever are fewer.
        """
        events = self.schema.events
        position, recorded_at = events.c.position, events.c.recorded_at
        newest = last_settled(connection, events) or 0
        known = sa.and_(recorded_at <= instant, position.between(1, newest))
        latest = sa.select(position).where(known).order_by(recorded_at.desc(), position.desc()).limit(1)
        found = connection.scalar(latest) or 0
        # The planner is told by which column to search: it knows neither how many are left nor that rows are long.
        if newest - found < found // _ROW_BY_ENTRY:
            known = sa.and_(_unsearched(recorded_at) <= instant, position > found, position <= newest)
            return connection.scalar(sa.select(sa.func.max(_unsearched(position))).where(known)) or found
        known = sa.and_(recorded_at <= instant, _unsearched(position).between(1, newest))
        return connection.scalar(sa.select(sa.func.max(_unsearched(position))).where(known)) or 0

    def version_of(self, connection: Connection, stream_id: str) -> int:
        """A stream's version, 0 where there is no such stream."""
        row = self.statements.version_of.first(connection, id=stream_id)
        return (row and row[0]) or 0

    def fix_currency(self, connection: Connection, currency: str) -> None:
        """Set the store's currency. Raises Rejected for an unknown one, IntegrityError where it is set already."""
        exponent_of(currency)
        connection.execute(self.schema.settings.insert(), {"name": CURRENCY, "value": currency.encode()})

    def exclude_others(self, connection: Connection) -> None:
        """Let no other process change tables until the transaction ends; on SQLite the write lock does that."""
        lock_definitions(connection)

    def _create_or_check(self) -> None:
        with self.database.reading() as connection:
            version = found_version(connection, self.schema)
            if version is not None:
                names = [each.name for each in (self.schema.events, self.schema.keys, self.schema.lookups)]
                if not sa.inspect(connection).has_table(self.schema.events.name):  # of before names began with a prefix
                    names = [each.removeprefix(PREFIX) for each in names]
                self.database.notice_permissions(connection, *names)
            missing = self.database.missing_schema(connection)
            is_restored = version == VERSION and are_from_elsewhere(connection, self.schema.events)
        if version == VERSION and (not is_restored or self.database.read_only):
            return
        if self.database.read_only:
            raise _older_store(self.database) if version else _not_a_store(self.database, missing)
        self._bring_up_to_date()

    def _bring_up_to_date(self) -> None:
        migrated_from: int | None = None
        with self.database.writing() as connection:
            self.database.make_schema(connection)
            self.exclude_others(connection)
            version = found_version(connection, self.schema)  # another process may have been quicker
            if version is None:
                require_unused(connection)
                self._create(connection)
            elif version < VERSION:
                migrate(connection, self.schema, version, VERSION)
                migrated_from = version
                settings = self.schema.settings
                ours = settings.c.name == "schema_version"
                connection.execute(settings.update().where(ours).values(value=str(VERSION).encode()))
            adopt(connection, self.schema.events)
        if self.is_new:
            STORE.info("made a store in %s", name_of(self.database.url))
        elif migrated_from is not None:
            STORE.info("migrated %s from version %d to %d", name_of(self.database.url), migrated_from, VERSION)

    def _create(self, connection: Connection) -> None:
        self.is_new = True
        self.schema.create(connection)
        settings = {"schema_version": str(VERSION).encode()} | founding_settings(self._master_key)
        rows = [{"name": name, "value": value} for name, value in settings.items()]
        connection.execute(self.schema.settings.insert(), rows)


def _unsearched(column: sa.Column[int]) -> sa.ColumnElement[int]:
    """A column for whose condition no index is used."""
    return sa.literal_column(f"+{column.table.name}.{column.name}", column.type)


def require_store(target: str | os.PathLike[str]) -> None:
    """Raise StoreUnusable where there is no store, or a newer version's. Nothing is created or changed."""
    database = Database(target, read_only=True)
    try:
        with database.reading() as connection:
            if found_version(connection, common_schema(is_sqlite=database.is_sqlite)) is None:
                raise _not_a_store(database, database.missing_schema(connection))
    finally:
        database.close()


def found_version(connection: Connection, schema: Schema) -> int | None:
    """The schema version of the store in a database; None where there is none."""
    existing = set(sa.inspect(connection).get_table_names())
    names = sorted(existing & set(schema.names))
    if not names:
        return _version_before_the_prefix(connection, schema, existing)
    found = _recorded_version(connection, schema.settings.name) if schema.settings.name in existing else None
    if found is None and len(names) == len(schema.names):
        raise unreadable("schema_version", "a number")
    if found is None or (found == VERSION and len(names) < len(schema.names)):
        raise StoreUnusable(
            f'this database has a table "{names[0]}" that is not ours; give Regulars a database of its own'
        )
    if found > VERSION:
        raise StoreUnusable(
            f"this store has schema version {found}, and this version of Regulars knows up to {VERSION}; "
            "it was left alone: upgrade Regulars to use it"
        )
    return found


def _version_before_the_prefix(connection: Connection, schema: Schema, existing: set[str]) -> int | None:
    """The version of a store from before names had the prefix; None where such tables are an application's own."""
    if not existing.issuperset(each.removeprefix(PREFIX) for each in (schema.settings.name, schema.events.name)):
        return None
    found = _recorded_version(connection, schema.settings.name.removeprefix(PREFIX))
    return None if found is None or found >= PREFIXED_SINCE else found


def _recorded_version(connection: Connection, table: str) -> int | None:
    """The version in our table of settings; None where that table is an application's own."""
    if _columns(connection, table) != {"name", "value"}:
        return None
    value = connection.exec_driver_sql(f"SELECT value FROM {table} WHERE name = 'schema_version'").scalar()  # noqa: S608 - ours
    return int(value) if isinstance(value, bytes) and value.isdigit() else None


def _columns(connection: Connection, table: str) -> set[str]:
    """The names of a table's columns; their types may be unknown to SQLAlchemy."""
    return set(connection.exec_driver_sql(f"SELECT * FROM {table} LIMIT 0").keys())  # noqa: S608 - ours


def _older_store(database: Database) -> StoreUnusable:
    return StoreUnusable(
        f"{name_of(database.url)} was written by an older version of Regulars and is read-only; `regulars migrate`, "
        "run by a user who may write it, brings it up to date"
    )


def _not_a_store(database: Database, missing_schema: str | None) -> StoreUnusable:
    if missing_schema is not None:
        return StoreUnusable(
            f'there is no schema "{missing_schema}" in {name_of(without_schema(database.url))}; it is made with a '
            "store, by what writes"
        )
    return StoreUnusable(f"{database.url.render_as_string().removeprefix('sqlite:///')} is not a Regulars store")
