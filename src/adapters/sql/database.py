"""A database as the store needs it: SQLite or PostgreSQL through one SQLAlchemy engine.

SQLite runs in WAL mode with synchronous=FULL, and NORMAL for what needn't be durable; a write takes the lock at its
beginning and holds one connection. PostgreSQL writes in READ COMMITTED and reads in REPEATABLE READ. A read is one
snapshot on both.

Where this process may not write, the database is read-only by itself.
"""

from __future__ import annotations

import os
import selectors
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, NoSuchModuleError

from regulars.adapters.sql.driver_errors import name_of, read_only_sentence, translated_errors
from regulars.adapters.sql.named_schema import has_schema, in_schema, lock_key, make_schema, schema_of, without_schema
from regulars.adapters.sql.sqlite_file import SqliteFile, with_those_beside
from regulars.adapters.sql.statement import run_script
from regulars.crm_domain.errors import StoreBusy, StoreUnusable

DEFAULT_LOCK_TIMEOUT = 30.0

_BEGIN = "regulars_begin"
_STAMP = "regulars_stamp"
_MAY_WRITE = "SELECT has_table_privilege(%s, 'INSERT') AND NOT current_setting('transaction_read_only')::boolean"
_MAY_READ = "SELECT bool_and(has_table_privilege(name, 'SELECT')) FROM unnest(%s::text[]) AS name"
_WRITERS = 7164209313801265154  # the number of their lock: any, the same in every process
_TRY_LOCK = f"SELECT pg_try_advisory_lock({lock_key('%s')})"
_UNLOCK = f"SELECT pg_advisory_unlock({lock_key('%s')})"
_TOGETHER = f"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock_shared({lock_key(_WRITERS)})"
_ALONE = f"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({lock_key(_WRITERS)})"
_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ"
_NO_TRANSACTION = ""
_IMMEDIATE = "BEGIN IMMEDIATE"
_FULL = "PRAGMA synchronous = FULL"
_PATIENCE = "regulars_patience"
_OPENED_READ_ONLY = "regulars_opened_read_only"
_TRY_AGAIN = 0.003
#: How often a SQLite file is asked whether it changed, in seconds.
LOOK_EVERY = 0.2

# What statements mean must not depend on what somebody set for a role, a database or a server; and long work is not to
# be cut off by a limit that is meant for others, so of those only what the connection itself names holds.
_SETTINGS = """
    SELECT set_config(name, value, false)
    FROM (VALUES ('standard_conforming_strings', 'on'), ('bytea_output', 'hex'), ('datestyle', 'ISO'),
                 ('transform_null_equals', 'off'), ('lock_timeout', %(lock_timeout)s)) AS ours (name, value)
    UNION ALL
    SELECT set_config(name, '0', false)
    FROM pg_settings
    WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')
    AND source <> 'client'
"""
# A store is in one schema, and what lies in others of the path is none of our business: the one that is named, whether
# it is there yet or not; or that of the store which is found along the path; or the one where a new table would go.
_SCHEMA = """
    SELECT schema, set_config('search_path', quote_ident(schema), false),
        (SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = schema)
    FROM coalesce(
        %(named)s,
        (SELECT nspname FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
         WHERE pg_proc.oid = to_regproc('regulars_draw_positions')),
        current_schema()
    ) AS schema
"""

# Asking once is cheapest this way, where there is such a one.
_Selector: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.DefaultSelector)


def parse_url(target: str | os.PathLike[str]) -> URL:
    """The URL of a path, of ":memory:", or of a SQLAlchemy URL. Raises StoreUnusable for another database."""
    text = os.fspath(target)
    if not text:
        raise StoreUnusable("a store needs a name: a path, :memory:, or a database URL")
    if "://" not in text:
        return URL.create("sqlite", database=text)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise StoreUnusable("that is neither a path nor a database URL such as postgresql://user@host/name") from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreUnusable(f"a store lives in SQLite or PostgreSQL, not in {url.get_backend_name()}")
    schema_of(url)
    return url


def located(target: str | os.PathLike[str], schema: str | None) -> str | os.PathLike[str]:
    """The target, or its URL with the schema. Raises StoreUnusable for a bad target, as for a schema of a SQLite
    file.
    """
    return target if schema is None else in_schema(parse_url(target), schema).render_as_string(hide_password=False)


class Database:
    """A SQLAlchemy engine with the store's kinds of transactions. Threads may share it; forked processes may not.

    `lock_timeout` is in seconds. `read_only` opens an existing database without changing it; so is one opened that this
    process has no permission to write.
    """

    def __init__(
        self, target: str | os.PathLike[str], *, lock_timeout: float = DEFAULT_LOCK_TIMEOUT, read_only: bool = False
    ) -> None:
        self.url = parse_url(target)
        self._schema = schema_of(self.url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.is_memory = self.is_sqlite and self.url.database in (None, "", ":memory:")
        self._file = self._find_file(read_only)
        self._may_write = self._file is None or self._file.may_be_written()
        self._asked_read_only = read_only
        self.lock_timeout = lock_timeout
        self._process = os.getpid()
        self._closed = False
        self._engine = self._connect()
        self._snapshots = self._beginning("BEGIN" if self.is_sqlite else _SNAPSHOT)
        self._together = self._beginning(_IMMEDIATE if self.is_sqlite else _TOGETHER)
        self._alone = self._beginning(_ALONE)
        self._write_lock = threading.RLock()
        self._held: list[Connection] = []
        self._held_readers: list[Connection] = []

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written: by request, or for lack of permission."""
        return self._asked_read_only or not self._may_write

    def require_writable(self) -> None:
        """Raise StoreUnusable where nothing can be written."""
        if not self._may_write:
            raise StoreUnusable(read_only_sentence(self.url))
        if self._asked_read_only:
            raise StoreUnusable("this store was opened read-only")

    def notice_permissions(self, connection: Connection, table: str, *others: str) -> None:
        """Become read-only if this role may not insert into a table, or not read others that writing needs, or if this
        server is read-only.
        """
        if not self.is_sqlite:
            may_add = connection.exec_driver_sql(_MAY_WRITE, (table,)).scalar()
            self._may_write = bool(may_add and connection.exec_driver_sql(_MAY_READ, (list(others),)).scalar())

    @property
    def _lock_milliseconds(self) -> int:
        return int(self.lock_timeout * 1000)

    def files(self) -> tuple[Path, ...]:
        """The files of a SQLite database: itself, links resolved, and its `-wal`, `-shm` and lock files; none for any
        other.
        """
        if not self.is_sqlite or self.is_memory:
            return ()
        with self.reading() as connection:
            path = connection.exec_driver_sql("PRAGMA database_list").all()[0][2]
        return with_those_beside(Path(os.path.realpath(path))) if path else ()

    def missing_schema(self, connection: Connection) -> str | None:
        """The name of the chosen schema, where it doesn't exist yet."""
        return None if self._schema is None or has_schema(connection, self._schema) else self._schema

    def make_schema(self, connection: Connection) -> None:
        """Create the chosen schema in the open transaction, if there is one and it doesn't exist yet."""
        if self._schema is not None:
            make_schema(connection, self._schema)

    @property
    def dialect(self) -> sa.Dialect:
        """The SQLAlchemy dialect, for compiling statements."""
        return self._engine.dialect

    @contextmanager
    def writing(
        self, *, alone: bool = False, patience: float | None = None, durable: bool = True
    ) -> Iterator[Connection]:
        """A write transaction: committed at the end, rolled back on any error.

        SQLite has one writer at a time. PostgreSQL has many, unless one asks to be `alone`: it waits for those that
        run, and new ones wait for it. One that isn't `durable` doesn't wait for the disk: after a power cut it may be
        gone as a whole, unless a durable one was committed after it.

        Raises StoreBusy where a lock isn't had within `patience` seconds, by default the lock timeout, and
        StoreUnusable for a read-only store.
        """
        self._require_open_here()
        self.require_writable()
        with translated_errors(self.url):
            if self.is_sqlite:
                with self._turn(patience), self._held_writer() as connection, _durability(connection, durable):
                    connection.info[_PATIENCE] = self.lock_timeout if patience is None else patience
                    with connection.begin():
                        yield connection
            elif alone:
                with self._alone.begin() as connection:
                    yield connection
            else:
                with self._held_writer() as connection, self._waiting(connection, patience), connection.begin():
                    if not durable:
                        run_script(connection, "SET LOCAL synchronous_commit = off")
                    yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read transaction on one snapshot.

        Raises StoreBusy at its end where a file that can't be locked was written meanwhile.
        """
        self._require_open_here()
        lock = self._turn() if self.is_memory else nullcontext()
        with (
            translated_errors(self.url),
            lock,
            self._held_reader() as connection,
            connection.begin(),
            self._still(connection),
        ):
            yield connection

    @contextmanager
    def reading_between_writes(self) -> Iterator[Connection]:
        """As `reading`, from a moment at which no writer was active, so that no lower position can be committed later.

        Raises StoreBusy where active writers don't end within the lock timeout.
        """
        with self.reading() as connection:
            if not self.is_sqlite:
                with self._alone.begin():
                    connection.exec_driver_sql("SELECT pg_current_snapshot()")  # the first statement takes it
            yield connection

    @contextmanager
    def session_lock(self, number: int) -> Iterator[bool]:
        """Try for an advisory lock of the store on PostgreSQL, held until the block or the process ends; whether it was
        acquired.
        """
        self._require_open_here()
        with translated_errors(self.url), self._beginning(_NO_TRANSACTION).connect() as connection:
            is_ours = bool(connection.exec_driver_sql(_TRY_LOCK, (number,)).scalar())
            try:
                yield is_ours
            finally:
                if is_ours:
                    with suppress(DBAPIError):  # it is given back already where the connection was lost
                        connection.exec_driver_sql(_UNLOCK, (number,))

    @contextmanager
    def watching(self, channel: str) -> Iterator[Callable[[float], None]]:
        """A function that waits until somebody else committed something, since the block began or it was called last,
        for so many seconds at most.

        SQLite is asked every 200 ms whether the file changed, PostgreSQL notifies a channel, if the store's tables do.
        """
        self._require_open_here()
        if self.is_memory:  # whoever writes is in this process, and may use its one connection
            yield lambda seconds: sleep(min(seconds, LOOK_EVERY))
            return
        with translated_errors(self.url), self._beginning(_NO_TRANSACTION).connect() as connection:
            yield _awaiting_change(connection) if self.is_sqlite else _awaiting_notice(connection, channel)
            if not self.is_sqlite:
                connection.exec_driver_sql("UNLISTEN *")

    def checkpoint_wal(self) -> None:
        """Checkpoint SQLite's WAL as far as no reader needs it (PASSIVE); no other connection waits for this."""
        self._require_open_here()
        if self.is_sqlite and not self.is_memory:
            with translated_errors(self.url), self._beginning(_NO_TRANSACTION).connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").all()

    def truncate_wal(self, patience: float) -> bool:
        """Checkpoint SQLite's WAL and truncate it; False where a reader still needs it.

        Writers wait meanwhile, for `patience` seconds at most.
        """
        self._require_open_here()
        if self.is_memory:
            return True
        with translated_errors(self.url), self._turn(), self._engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            self._let_wait(connection, patience)
            try:
                is_busy = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                self._let_wait(connection, self.lock_timeout)
        return not is_busy

    @contextmanager
    def outside_transactions(self, patience: float) -> Iterator[Connection]:
        """A connection to PostgreSQL in autocommit, whose statements wait `patience` seconds for a lock.

        Raises StoreBusy where a lock isn't had in that time.
        """
        self._require_open_here()
        with translated_errors(self.url), self._beginning(_NO_TRANSACTION).connect() as connection:
            connection.exec_driver_sql(f"SET lock_timeout = {int(patience * 1000) + 1}")  # 0 is for ever
            try:
                yield connection
            finally:
                with suppress(DBAPIError):  # a connection that was lost keeps nothing
                    connection.exec_driver_sql(f"SET lock_timeout = {self._lock_milliseconds}")

    def close(self) -> None:
        """Close all connections."""
        self._closed = True
        for held in (self._held, self._held_readers):
            while held:
                held.pop().close()
        self._engine.dispose()

    @contextmanager
    def _turn(self, patience: float | None = None) -> Iterator[None]:
        """This thread's turn among those of the process."""
        if not self._write_lock.acquire(timeout=self.lock_timeout if patience is None else max(patience, 0)):
            raise StoreBusy("another thread kept the database to itself for too long")
        try:
            yield
        finally:
            self._write_lock.release()

    @contextmanager
    def _still(self, connection: Connection) -> Iterator[None]:
        """Check that a file that can't be locked is unchanged since it was read."""
        before = None if self._file is None else connection.info.get(_STAMP)
        try:
            yield
        finally:
            if self._file is not None and before is not None and self._file.stamp() != before:
                raise StoreBusy(f"{self.url.database} was written while it was read; ask again")

    @contextmanager
    def _held_writer(self) -> Iterator[Connection]:
        # Checking a connection out of the pool costs a third of a small commit, so one is kept for the next writer.
        try:
            connection = self._held.pop()
        except IndexError:
            connection = self._together.connect()
            self._let_wait(connection, 0)  # it waits for its turn by trying again
        if not self.is_sqlite and _is_gone(connection.connection.driver_connection):
            connection.invalidate()  # another one is made in its place
        try:
            yield connection
        finally:
            if self._held or not self._may_be_kept(connection):
                if not connection.invalidated:
                    self._let_wait(connection, self.lock_timeout)
                connection.close()
            else:
                self._held.append(connection)

    @contextmanager
    def _held_reader(self) -> Iterator[Connection]:
        """A connection to read with; as of writers, one is kept for the next, unless how to connect may change."""
        try:
            connection = self._held_readers.pop()
        except IndexError:
            connection = self._snapshots.connect()
        if not self.is_sqlite and _is_gone(connection.connection.driver_connection):
            connection.invalidate()  # another one is made in its place
        try:
            yield connection
        finally:
            may_change = self.is_memory or not self._may_write
            if may_change or self._held_readers or not self._may_be_kept(connection):
                connection.close()
            else:
                self._held_readers.append(connection)

    def _may_be_kept(self, connection: Connection) -> bool:
        return not (connection.invalidated or self._closed or connection.info.get(_OPENED_READ_ONLY))

    def _let_wait(self, connection: Connection, seconds: float) -> None:
        """Set SQLite's busy timeout on a connection."""
        driver = connection.connection.driver_connection
        if isinstance(driver, sqlite3.Connection):
            driver.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")

    @contextmanager
    def _waiting(self, connection: Connection, patience: float | None) -> Iterator[None]:
        """Set PostgreSQL's lock timeout for transactions that begin on a connection within the block."""
        if patience is None:
            yield
            return
        driver: Any = connection.connection.driver_connection
        driver.execute(f"SET lock_timeout = {max(int(patience * 1000), 1)}")  # 0 is for ever
        try:
            yield
        finally:
            with suppress(connection.dialect.loaded_dbapi.Error):  # a connection that was lost keeps nothing
                driver.execute(f"SET lock_timeout = {self._lock_milliseconds}")

    def _beginning(self, text: str) -> Engine:
        """The engine whose transactions begin with a statement of ours, on either database, and not with the
        driver's.
        """
        return self._engine.execution_options(**{_BEGIN: text})

    def _require_open_here(self) -> None:
        if self._closed:
            raise StoreUnusable("this store was closed")
        if os.getpid() != self._process:
            raise StoreUnusable("this store was opened before a fork; open it again in the new process")

    def _connect(self) -> Engine:
        try:
            return self._connect_sqlite() if self.is_sqlite else self._connect_postgres()
        except (NoSuchModuleError, ModuleNotFoundError) as error:
            raise StoreUnusable(f'PostgreSQL needs the extra: pip install "regulars[postgres]" ({error})') from None

    def _connect_postgres(self) -> Engine:
        engine = sa.create_engine(
            without_schema(self.url),
            isolation_level="AUTOCOMMIT",
            connect_args={"client_encoding": "UTF8"},
            hide_parameters=True,
            use_native_hstore=False,  # a type that no store has; else the server is asked for it with each store opened
        )
        # Before all else: SQLAlchemy looks at the settings of the first connection.
        sa.event.listen(engine, "connect", self._prepare_postgres, insert=True)
        sa.event.listen(engine, "begin", _begin)
        sa.event.listen(engine, "checkout", _require_alive)
        return engine

    def _prepare_postgres(self, connection: Any, record: object) -> None:
        try:
            connection.autocommit = True  # what is set in a transaction goes with it
            connection.execute(_SETTINGS, {"lock_timeout": str(self._lock_milliseconds)})
            schema, _, may_be_used = connection.execute(_SCHEMA, {"named": self._schema}).fetchone()
            if schema is None:
                raise StoreUnusable(
                    f"{name_of(self.url)}: no schema of the search_path exists and may be used; the database's "
                    "administrator can grant USAGE on one, or the URL names another: ?schema=shop"
                )
            if may_be_used is False:
                raise StoreUnusable(
                    f'{name_of(self.url)}: this role may not use the schema "{schema}"; its owner can grant USAGE on it'
                )
        except BaseException:
            connection.close()
            raise

    def _connect_sqlite(self) -> Engine:
        arguments: dict[str, Any] = {"timeout": self.lock_timeout, "check_same_thread": False}
        url = self.url
        pool: type[sa.Pool] | None = None
        if self.is_memory:
            pool = sa.StaticPool
        elif not self._may_write:
            pool = sa.NullPool  # how the file can be read changes with what others do
        elif self._asked_read_only and self._file is not None:
            path = self._file.path.absolute().as_uri()
            url = URL.create("sqlite", database=path, query={"mode": "ro", "uri": "true"})
        # What is written may be personal, so it is kept out of error messages.
        engine = sa.create_engine(url, connect_args=arguments, poolclass=pool, hide_parameters=True)
        if not self._may_write:
            sa.event.listen(engine, "do_connect", self._connect_to_read)
        elif not self._asked_read_only:
            sa.event.listen(engine, "do_connect", self._make_file)
        sa.event.listen(engine, "connect", self._prepare_sqlite)
        sa.event.listen(engine, "checkin", _let_go_of_read_only)
        sa.event.listen(engine, "begin", _begin)
        return engine

    def _make_file(self, dialect: object, record: object, words: object, options: object) -> None:
        if self._file is not None:
            self._file.make()

    def _connect_to_read(self, dialect: object, record: Any, words: object, options: dict[str, Any]) -> Any:
        assert self._file is not None
        connection, record.info[_STAMP] = self._file.connect_to_read(**options)
        return connection

    def _find_file(self, read_only: bool) -> SqliteFile | None:
        """The file; None for a database that has none, or is named by a URI, which is left to SQLite."""
        name = self.url.database or ""
        if not self.is_sqlite or self.is_memory or name.startswith("file:"):
            return None
        file = SqliteFile(Path(name))
        file.require(read_only=read_only)
        return file

    def _prepare_sqlite(self, connection: Any, record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
        if self._may_write and not self._asked_read_only and self._file is not None:
            record.info[_OPENED_READ_ONLY] = not self._file.may_be_written()
        try:
            with closing(connection.cursor()) as cursor:
                if not (self.is_memory or self.read_only):
                    _switch_to_wal(cursor, monotonic() + self.lock_timeout)
                cursor.execute(_FULL)
                cursor.execute("PRAGMA secure_delete = ON")
                cursor.execute("PRAGMA threads = 1")  # one more helps to sort, as for an index of a new generation
        except BaseException:
            connection.close()  # nobody else does, and a file that is open keeps its room on a full disk
            raise


def _switch_to_wal(cursor: sqlite3.Cursor, deadline: float) -> None:
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # While another connection switches a new file, SQLite says "locked" at once, whatever the timeout.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() >= deadline:
                raise
            sleep(0.005)


@contextmanager
def _durability(connection: Connection, durable: bool) -> Iterator[None]:
    """Whether SQLite's transactions on a connection wait for the disk; it takes no change while one is under way."""
    if durable:
        yield
        return
    run_script(connection, "PRAGMA synchronous = NORMAL")
    try:
        yield
    finally:
        if not connection.invalidated:
            run_script(connection, _FULL)


def _begin(connection: Connection) -> None:
    text = connection.get_execution_options().get(_BEGIN, "BEGIN")
    if text == _IMMEDIATE:
        _take_write_lock(connection, monotonic() + connection.info[_PATIENCE])
    elif text:
        try:
            run_script(connection, text)
        except DBAPIError:
            # Where the lock that belongs to a beginning isn't had in time, the transaction has begun all the same.
            if connection.dialect.name == "postgresql" and not connection.invalidated:
                run_script(connection, "ROLLBACK")
            raise


def _take_write_lock(connection: Connection, deadline: float) -> None:
    """Take the write lock, with short pauses between tries: SQLite's own busy handler sleeps longer and longer, up to
    0.1 s, and so misses the moments between the transactions of a busy writer.
    """
    while True:
        try:
            run_script(connection, _IMMEDIATE)
            return
        except DBAPIError as error:
            code = getattr(error.orig, "sqlite_errorcode", 0)
            if code & 0xFF != sqlite3.SQLITE_BUSY or monotonic() >= deadline:
                raise
            sleep(_TRY_AGAIN)


def _let_go_of_read_only(connection: object, record: Any) -> None:
    """Close a connection that SQLite opened read-only, for lack of a permission that may be had again."""
    if record.info.get(_OPENED_READ_ONLY):
        record.invalidate()


def _require_alive(connection: Any, record: object, proxy: object) -> None:
    """Let the pool replace a connection whose server has gone away while it was idle."""
    if _is_gone(connection):
        raise DisconnectionError


def _is_gone(connection: Any) -> bool:
    """Whether the server has closed a connection, found without a query."""
    if connection.closed:
        return True
    with _Selector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        return bool(selector.select(timeout=0))


def _awaiting_change(connection: Connection) -> Callable[[float], None]:
    """Wait until a SQLite file is another version than it was."""
    seen: list[int] = [connection.exec_driver_sql("PRAGMA data_version").scalar_one()]

    def wait(seconds: float) -> None:
        deadline = monotonic() + seconds
        while (version := connection.exec_driver_sql("PRAGMA data_version").scalar_one()) == seen[0]:
            left = deadline - monotonic()
            if left <= 0:
                return
            sleep(min(LOOK_EVERY, left))
        seen[0] = version

    return wait


def _awaiting_notice(connection: Connection, channel: str) -> Callable[[float], None]:
    """Wait until PostgreSQL notifies of something."""
    connection.exec_driver_sql(f'LISTEN "{channel}"')
    driver: Any = connection.connection.driver_connection

    def wait(seconds: float) -> None:
        for _ in driver.notifies(timeout=seconds, stop_after=1):
            pass

    return wait
