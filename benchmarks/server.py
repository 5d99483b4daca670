"""A PostgreSQL server to measure on: the one the environment names, or one that is started for it, with its data on a
disk that commits wait for.
"""

from __future__ import annotations

import os
import runpy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

# The server is started as for the tests, which are no package: another one of that name could be found in its place.
_databases: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "tests" / "databases.py"))
_started_postgres: Callable[[Path | None], AbstractContextManager[str]] = _databases["started_postgres"]
fresh_postgres: Callable[[str], AbstractContextManager[str]] = _databases["fresh_postgres"]


@contextmanager
def postgres_server() -> Iterator[str]:
    """Its URL."""
    given = os.environ.get(_databases["SERVER_VARIABLE"])
    if given:
        yield given
        return
    with _started_postgres(None) as url:
        yield url


@contextmanager
def fresh_database() -> Iterator[str]:
    """The URL of an empty database."""
    with postgres_server() as server, fresh_postgres(server) as url:
        yield url


def describe() -> str:
    """Its version, and how durable a commit is."""
    with postgres_server() as server:
        engine = sa.create_engine(server, poolclass=sa.NullPool)
        with engine.connect() as connection:
            version, fsync, commit = (
                connection.exec_driver_sql(f"SHOW {name}").scalar()
                for name in ("server_version", "fsync", "synchronous_commit")
            )
    return f"{version} (fsync {fsync}, synchronous_commit {commit})"
