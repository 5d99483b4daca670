"""One cache of compiled statements for all engines of a dialect.

SQLAlchemy compiles a statement once for each engine. A program has one engine, tests have thousands.

With a statement SQLAlchemy keeps which columns its result had. So only what names each of its tables and columns is
shared: what `*` stands for, and a table that is known by its name alone, is another thing in each database.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors
from sqlalchemy.util import LRUCache

#: The statements of some generations; those of the first two, which every test asks, are always among the last.
MOST = 1_000


class SharedCache(LRUCache[Any, Any]):
    """SQLAlchemy's cache of compiled statements, whose keys name a dialect instead of being that of one engine."""

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get(_of_any_engine(key), default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        if not _says_the_same_everywhere(compiled.statement):
            return
        super().__setitem__(_of_any_engine(key), compiled)


def _says_the_same_everywhere(statement: Any) -> bool:
    return not any(
        isinstance(each, sa.TextClause) or (isinstance(each, sa.TableClause) and not isinstance(each, sa.Table))
        for each in visitors.iterate(statement)
    )


def _of_any_engine(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        (each.name, each.driver, getattr(each, "server_version_info", None)) if isinstance(each, sa.Dialect) else each
        for each in key
    )


@contextmanager
def compiled_once() -> Iterator[None]:
    """Within the block, connections of all engines share what they compile."""
    cache = SharedCache(MOST)

    def share(connection: sa.Connection) -> None:
        connection.execution_options(compiled_cache=cache)

    sa.event.listen(sa.Engine, "engine_connect", share)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "engine_connect", share)
