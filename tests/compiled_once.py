"""One cache of compiled statements for all engines of a dialect.

SQLAlchemy compiles a statement once for each engine. A program has one engine, tests have thousands.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

#: More than the statements of all tables that a process keeps.
MOST = 5_000


class SharedCache(dict[Any, Any]):
    """SQLAlchemy's cache of compiled statements, whose keys name a dialect instead of being that of one engine."""

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get(_of_any_engine(key), default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        if len(self) >= MOST:
            self.clear()
        super().__setitem__(_of_any_engine(key), compiled)


def _of_any_engine(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        (each.name, each.driver, getattr(each, "server_version_info", None)) if isinstance(each, sa.Dialect) else each
        for each in key
    )


@contextmanager
def compiled_once() -> Iterator[None]:
    """Within the block, connections of all engines share what they compile."""
    cache = SharedCache()

    def share(connection: sa.Connection) -> None:
        connection.execution_options(compiled_cache=cache)

    sa.event.listen(sa.Engine, "engine_connect", share)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "engine_connect", share)
