"""What stands in the files of a store, byte by byte, whatever the database would say."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path

import pytest
import sqlalchemy as sa


def forms(value: str | bytes) -> set[bytes]:
    """The ways in which somebody might have written a value down."""
    if isinstance(value, bytes):
        return {value, value.hex().encode(), value.hex().upper().encode(), base64.b64encode(value).rstrip(b"=")}
    return {value.encode(), value.encode("utf-16-le"), value.encode("utf-16-be")}


def found_in(raw: bytes, values: Iterable[str | bytes]) -> set[str | bytes]:
    """Those of some values that stand somewhere in a heap of bytes, in any form."""
    return {value for value in values if any(form in raw for form in forms(value))}


def bytes_of(url: str) -> bytes:
    """Everything in the files of a store: all of a SQLite database, or of PostgreSQL what it keeps of our tables."""
    return _bytes_on_server(url) if "://" in url else bytes_of_files(Path(url))


def bytes_of_files(path: Path) -> bytes:
    """A SQLite file with those beside it."""
    return b"\n".join(each.read_bytes() for each in sorted(path.parent.glob(f"{path.name}*")))


_KEPT = """
    SELECT pg_relation_filepath(oid) FROM pg_class
    WHERE relkind IN ('r', 'i', 't', 'S')
    AND (relnamespace IN ('public'::regnamespace, 'pg_toast'::regnamespace) OR relname = 'pg_statistic')
"""


def _bytes_on_server(url: str) -> bytes:
    """The files of tables, of their indexes, of values that are kept apart as they are long, and of samples.

    The server's log of changes is not among them.
    """
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("CHECKPOINT")
        data = connection.exec_driver_sql("SHOW data_directory").scalar_one()
        paths = connection.exec_driver_sql(_KEPT).scalars().all()
    try:
        return b"\n".join((Path(data) / path).read_bytes() for path in paths)
    except OSError:
        pytest.skip("the files of this server can't be read")
