"""The dialects that statements are rendered in: one for all databases of a kind.

An engine of SQLAlchemy's has a dialect of its own, and what is kept by it is rendered anew for each store that is
opened. What our statements say depends on the kind of database alone.
"""

from __future__ import annotations

from functools import cache

import sqlalchemy as sa

_URLS = {"sqlite": "sqlite+pysqlite://", "postgresql": "postgresql+psycopg://"}


def placeholder(dialect: sa.Dialect) -> str:
    """What stands for a value in a statement that is handed to the driver as text."""
    return "%s" if dialect.name == "postgresql" else "?"


@cache
def shared_dialect(name: str) -> sa.Dialect:
    """The dialect of a kind of database, `sqlite` or `postgresql`."""
    return sa.create_engine(_URLS[name]).dialect  # of an engine that never connects
