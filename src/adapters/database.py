"""A database as the store needs it: SQLite or PostgreSQL through one SQLAlchemy engine.

SQLite runs in WAL mode with synchronous=FULL; a write takes the lock at its beginning and holds one connection.
PostgreSQL writes in READ COMMITTED and reads in REPEATABLE READ. A read is one snapshot on both.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from crm_domain.errors import StoreBusy, StoreUnusable

DEFAULT_LOCK_TIMEOUT = 30.0

_BEGIN = "regulars_begin"
_TOGETHER = "SELECT pg_advisory_xact_lock_shared(%s)"
_ALONE = "SELECT pg_advisory_xact_lock(%s)"
_WRITERS = 7_164_209_313_801_265_154  # the number of that lock: any, the same in every process


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
    return url


class Database:
    """An engine with the transactions the store promises. Threads may share it; a fork may not.

    `lock_timeout` is in seconds. `read_only` opens an existing SQLite file without any right to change it.
    """

    def __init__(
        self, target: str | os.PathLike[str], *, lock_timeout: float = DEFAULT_LOCK_TIMEOUT, read_only: bool = False
    ) -> None:
        self.url = parse_url(target)
        self.read_only = read_only
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.is_memory = self.is_sqlite and self.url.database in (None, "", ":memory:")
        self._lock_timeout = lock_timeout
        self._process = os.getpid()
        self._closed = False
        self._engine = self._connect()
        self._snapshots = self._engine
        if not self.is_sqlite:
            self._snapshots = self._engine.execution_options(isolation_level="REPEATABLE READ")
        self._write_lock = threading.RLock()
        self._writer: Connection | None = None

    @property
    def dialect(self) -> sa.Dialect:
        """The SQLAlchemy dialect, for compiling statements."""
        return self._engine.dialect

    @contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[Connection]:
        """One transaction that may write: committed at the end, rolled back on any error.

        On SQLite no two write at the same time. On PostgreSQL they do, unless one asks to be `alone`: it waits for
        those that run, and those that come wait for it.

        Raises StoreBusy where the lock isn't had within the lock timeout, StoreUnusable for a read-only store.
        """
        self._require_open_here()
        if self.read_only:
            raise StoreUnusable("this store was opened read-only")
        with _translated_errors(self.url):
            if self.is_sqlite:
                with self._turn(), self._held_writer() as connection, connection.begin():
                    yield connection
            else:
                with self._engine.begin() as connection:
                    connection.exec_driver_sql(_ALONE if alone else _TOGETHER, (_WRITERS,))
                    yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One snapshot to read from, unmoved by what others write meanwhile."""
        self._require_open_here()
        lock = self._turn() if self.is_memory else nullcontext()
        with _translated_errors(self.url), lock, self._snapshots.begin() as connection:
            yield connection

    def close(self) -> None:
        """Give every connection back."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._engine.dispose()
        self._closed = True

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """This thread's turn among those of the process."""
        if not self._write_lock.acquire(timeout=self._lock_timeout):
            raise StoreBusy("another thread kept the database to itself for too long")
        try:
            yield
        finally:
            self._write_lock.release()

    @contextmanager
    def _held_writer(self) -> Iterator[Connection]:
        # Checking a connection out of the pool costs a third of a small commit, so the writer keeps its own.
        if self._writer is None:
            self._writer = self._engine.connect().execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        yield self._writer

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
        timeout = f"-c lock_timeout={int(self._lock_timeout * 1000)}"
        return sa.create_engine(
            self.url, isolation_level="READ COMMITTED", connect_args={"options": timeout}, hide_parameters=True
        )

    def _connect_sqlite(self) -> Engine:
        arguments: dict[str, Any] = {"timeout": self._lock_timeout, "check_same_thread": False}
        url, pool = self.url, None
        if self.is_memory:
            pool = sa.StaticPool
        else:
            path = Path(self.url.database or "")
            self._require_file(path)
            if self.read_only:
                url = URL.create("sqlite", database=path.absolute().as_uri(), query={"mode": "ro", "uri": "true"})
        # What is written may be personal, so it is kept out of error messages.
        engine = sa.create_engine(url, connect_args=arguments, poolclass=pool, hide_parameters=True)
        sa.event.listen(engine, "connect", self._prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _require_file(self, path: Path) -> None:
        if path.is_dir():
            raise StoreUnusable(f"{path} is a folder; a store is a file")
        if self.read_only and not path.exists():
            raise StoreUnusable(f"there is no store at {path}")
        if not path.absolute().parent.is_dir():
            raise StoreUnusable(f"the folder {path.absolute().parent} doesn't exist")

    def _prepare_sqlite(self, connection: Any, record: object) -> None:
        connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
        cursor = connection.cursor()
        if not (self.is_memory or self.read_only):
            _switch_to_wal(cursor, monotonic() + self._lock_timeout)
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA secure_delete = ON")
        cursor.close()


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


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))


@contextmanager
def _translated_errors(url: URL) -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        cause = str(error.orig)
        if any(word in cause for word in ("locked", "lock timeout", "busy", "deadlock")):
            raise StoreBusy(f"the database stayed locked by another writer: {cause.strip()}") from error
        raise StoreUnusable(f"{url.render_as_string()}: {cause.strip()}") from error
    except PoolTimeout as error:
        raise StoreBusy("too many threads read at once") from error
    except DBAPIError as error:
        if "not a database" in str(error.orig):
            raise StoreUnusable(f"{url.database} is not a database") from error
        raise
