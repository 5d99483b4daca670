"""The recorders of the `eventsourcing` library, so that its applications can live in a Regulars database.

    PERSISTENCE_MODULE=regulars.adapters.eventsourcing_library.recorders
    REGULARS_URL=shop.db

1. An application keeps tables of its own: `<prefix>stored_events`, `<prefix>stored_snapshots`, `<prefix>tracking`.
2. Notification ids are positions: never reused, and visible in their own order, so a reader skips none.
3. A reader in position order sees its own process's writes. On PostgreSQL it waits for them, bounded, while an older
   transaction anywhere in the server is still running; a subscription just sees them a little later.
4. Whatever the database says, a caller sees the library's own exceptions.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from time import monotonic, sleep
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from eventsourcing import persistence
from eventsourcing.persistence import Notification, StoredEvent, Tracking
from eventsourcing.utils import Environment, EnvType, resolve_topic, strtobool
from sqlalchemy import exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from regulars.adapters.log.appending import Appending
from regulars.adapters.schema.positions import (
    adopt,
    create_positions,
    last_settled,
    lock_definitions,
    position_column,
    settled,
    transaction_column,
)
from regulars.adapters.sql.database import Database
from regulars.adapters.sql.statement import Statement, insertion
from regulars.crm_domain.errors import StoreBusy, StoreUnusable

REGULARS_URL = "REGULARS_URL"  # of the environment: where the database is
HORIZON_TIMEOUT = 5.0  # seconds a read waits until this process's own last write is settled
POLL_INTERVAL = 0.03  # seconds between a subscription's looks at what other processes have written
PAGE = 500  # notifications a subscription reads at once

_HORIZON_INTERVAL = 0.005
_PREFIX = re.compile(r"([a-z_][a-z0-9_]{0,39})?")  # leaves room for "stored_events_positions" in PostgreSQL's 63 bytes

_ERRORS: Mapping[type[exc.SQLAlchemyError], type[persistence.PersistenceError]] = {
    exc.DataError: persistence.DataError,
    exc.DatabaseError: persistence.DatabaseError,
    exc.IntegrityError: persistence.IntegrityError,
    exc.InterfaceError: persistence.InterfaceError,
    exc.InternalError: persistence.InternalError,
    exc.NotSupportedError: persistence.NotSupportedError,
    exc.OperationalError: persistence.OperationalError,
    exc.ProgrammingError: persistence.ProgrammingError,
    exc.StatementError: persistence.DataError,  # a value that doesn't fit its column never reaches the database
    exc.TimeoutError: persistence.OperationalError,  # no connection became free in time
}

_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1  # of any version

T = TypeVar("T")
R = TypeVar("R", bound="SqlRecorder")


@contextmanager
def library_errors() -> Iterator[None]:
    """Raise the library's own exceptions in place of SQLAlchemy's and ours."""
    try:
        yield
    except (StoreBusy, StoreUnusable) as error:
        raise persistence.OperationalError(str(error)) from error
    except exc.SQLAlchemyError as error:
        # SQLAlchemy's own message shows the statement's parameters, the states of events among them.
        sentence = str(error.orig) if isinstance(error, exc.StatementError) else str(error)
        raise _ERRORS.get(type(error), persistence.PersistenceError)(sentence) from error


def create_tables(connection: Connection, metadata: sa.MetaData) -> None:
    """Create the tables that don't exist yet, and what drawing positions needs. Any number of processes may do it."""
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
    """A table of how far each upstream application has been followed."""
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


class Announcements:
    """What one recorder's threads tell each other: something was committed, or a subscription was stopped."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._committed = 0
        self._settled = 0

    @property
    def count(self) -> int:
        """How many announcements there have been; read it before looking for what `wait` is to wait for."""
        return self._count

    def ring(self, committed: int = 0) -> None:
        """Wake everyone who waits; `committed` is the last position written, if one was."""
        with self._changed:
            self._count += 1
            self._committed = max(self._committed, committed)
            self._changed.notify_all()

    def wait(self, heard: int, seconds: float) -> None:
        """Return at the first announcement after the `heard`-th, or when the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._count != heard, seconds)

    def unsettled(self) -> int | None:
        """The last position committed here, if no read has found it settled yet."""
        with self._changed:
            return self._committed if self._committed > self._settled else None

    def settle(self, position: int) -> None:
        """A read found this position settled, and with it every earlier one."""
        with self._changed:
            self._settled = max(self._settled, position)


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
        """The caller's transaction, which the caller will commit, or one of our own."""
        if transaction is None:
            with self.writing() as connection:
                yield connection
        else:
            with library_errors():
                yield transaction


class SqlAggregateRecorder(SqlRecorder, persistence.AggregateRecorder):
    """Events by originator and version."""

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
        """Write the events in a transaction of their own, or inside the one given.

        Raises IntegrityError where another writer was quicker, and writes nothing then.
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
        """As the driver takes it. An application may keep its UUIDs as text: the library's mapper turns them back."""
        if self.text_ids:
            return str(originator_id)
        if not isinstance(originator_id, UUID):
            raise persistence.DataError(f"an originator id is a UUID here, not {originator_id!r}")
        return originator_id.hex if self.database.is_sqlite else originator_id

    def _found_id(self, kept: UUID | str) -> UUID | str:
        """As it was before the driver took it."""
        return UUID(kept) if isinstance(kept, str) and not self.text_ids else kept


class SqlApplicationRecorder(SqlAggregateRecorder, persistence.ApplicationRecorder):
    """Events by originator and version, and in one global order that can be read, followed and subscribed to."""

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
        """Write the events in a transaction of their own, or inside the one given, and return their positions.

        Raises IntegrityError where another writer was quicker, and writes nothing then. On PostgreSQL this must be the
        given transaction's only append, and its first write; another is refused. Whoever gives a transaction may
        `announce` the positions once it is committed.
        """
        with self.joining(transaction) as connection:
            positions = self.append(connection, stored_events, **kwargs)
        if transaction is None:
            self.announce(positions)
        return positions

    def append(
        self, connection: Connection, stored_events: Sequence[StoredEvent], *, now: int = 0, **kwargs: Any
    ) -> Sequence[int]:
        """Number the events and write them inside a transaction. `now` is the instant to record them at."""
        if not stored_events:
            return []
        rows = [self.columns(event) for event in stored_events]
        first, _ = self._appending.append(connection, rows, now)
        return list(range(first, first + len(rows)))

    @cached_property
    def _appending(self) -> Appending:
        return Appending(self.events, self.database.dialect)

    def announce(self, positions: Sequence[int]) -> None:
        """Let this process's subscriptions and reads know that these positions are committed."""
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
        """Every event after a position, those to come included. It blocks where there is no more, until stopped."""
        return SqlSubscription(self, gt, topics)

    def follow(self, gt: int | None, topics: Sequence[str] = ()) -> tuple[Sequence[Notification], int | None]:
        """The next page of settled events after a position, and the position up to which nothing is left to see.

        It never waits: whoever follows comes again.
        """
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
        """What is selected for a notification. A table with other columns overrides these three."""
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

    It looks again as soon as this process inserts or stops, and every `POLL_INTERVAL` for what other processes insert.
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


class SqlTrackingRecorder(SqlRecorder, persistence.TrackingRecorder):
    """How far upstream applications have been followed: one row each, which only moves on.

    A view adds tables to `metadata`, and calls `track` in the transaction that updates them.
    """

    def __init__(self, database: Database, *, prefix: str = "", **options: Any) -> None:
        super().__init__(database, prefix=prefix, **options)
        self.tracking = tracking_table(self.metadata, f"{prefix}tracking")

    def insert_tracking(self, tracking: Tracking) -> None:
        """Move on to a notification. Raises IntegrityError where that one or a later one was tracked before."""
        with self.writing() as connection:
            self.track(connection, tracking)

    def track(self, connection: Connection, tracking: Tracking) -> None:
        """Move on to a notification, inside a transaction."""
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
    """Events, and in the same transaction how far the upstream application they follow from was followed."""

    def append(
        self,
        connection: Connection,
        stored_events: Sequence[StoredEvent],
        *,
        tracking: Tracking | None = None,
        **kwargs: Any,
    ) -> Sequence[int]:
        """Number the events and write them inside a transaction, with what they follow from."""
        positions = super().append(connection, stored_events, **kwargs)
        if tracking is not None:
            self.track(connection, tracking)
        return positions


def read_url(env: Environment) -> str:
    """The database that an environment names. Raises OSError where it names none."""
    url = env.get(REGULARS_URL)
    if not url:
        raise OSError(f"no database: set one of {', '.join(env.create_keys(REGULARS_URL))}")
    return url


class RegularsFactory(persistence.InfrastructureFactory[SqlTrackingRecorder]):
    """Opens recorders as the environment says.

    `REGULARS_URL` is a path, ":memory:" or a SQLAlchemy URL. `REGULARS_TABLE_PREFIX` is the application's name in lower
    case and an underscore unless set, so that several applications can share a database. `ORIGINATOR_ID_TYPE` is "uuid"
    unless set to "text", `CREATE_TABLE` is "yes" unless set to "no". Each may begin with the application's name.
    """

    REGULARS_URL = REGULARS_URL
    REGULARS_TABLE_PREFIX = "REGULARS_TABLE_PREFIX"
    ORIGINATOR_ID_TYPE = "ORIGINATOR_ID_TYPE"
    CREATE_TABLE = "CREATE_TABLE"

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        self._prefix = self._read_prefix()
        self._text_ids = self._read_text_ids()
        with library_errors():
            self.database = Database(read_url(self.env))

    def aggregate_recorder(self, purpose: str = "events") -> SqlAggregateRecorder:
        """Open a recorder of events or snapshots that have no global order."""
        return self._open(SqlAggregateRecorder, purpose=purpose, text_ids=self._text_ids)

    def application_recorder(self) -> SqlApplicationRecorder:
        """Open the recorder of an application's events."""
        chosen = self._choose(self.APPLICATION_RECORDER_TOPIC, SqlApplicationRecorder)
        return self._open(chosen, text_ids=self._text_ids)

    def tracking_recorder(
        self, tracking_recorder_class: type[SqlTrackingRecorder] | None = None
    ) -> SqlTrackingRecorder:
        """Open the recorder of a projection, or of a view that is one."""
        return self._open(tracking_recorder_class or self._choose(self.TRACKING_RECORDER_TOPIC, SqlTrackingRecorder))

    def process_recorder(self) -> SqlProcessRecorder:
        """Open the recorder of an application that follows another."""
        chosen = self._choose(self.PROCESS_RECORDER_TOPIC, SqlProcessRecorder)
        return self._open(chosen, text_ids=self._text_ids)

    def close(self) -> None:
        """Give every connection back."""
        self.database.close()

    def _open(self, recorder_class: type[R], **options: Any) -> R:
        recorder = recorder_class(self.database, prefix=self._prefix, **options)
        if strtobool(self.env.get(self.CREATE_TABLE) or "yes"):
            recorder.create_table()
        return recorder

    def _choose(self, key: str, default: type[R]) -> type[R]:
        chosen = self.env.get(key)
        if not chosen:
            return default
        recorder_class: type[R] = resolve_topic(chosen)
        if not issubclass(recorder_class, default):
            raise persistence.InfrastructureFactoryError(f"{key} is {chosen}, which is no {default.__name__}")
        return recorder_class

    def _read_prefix(self) -> str:
        name = self.env.name.lower()
        prefix = self.env.get(self.REGULARS_TABLE_PREFIX, f"{name}_" if name else "")
        if not _PREFIX.fullmatch(prefix):
            raise OSError(
                f"{self.REGULARS_TABLE_PREFIX} is {prefix!r}, but must be at most 40 lower-case letters, digits and "
                "underscores, and not begin with a digit"
            )
        return prefix

    def _read_text_ids(self) -> bool:
        kind = self.env.get(self.ORIGINATOR_ID_TYPE) or "uuid"
        if kind.lower() not in ("uuid", "text"):
            raise OSError(f"{self.ORIGINATOR_ID_TYPE} is {kind!r}, but must be uuid or text")
        return kind.lower() == "text"
