"""What another program does at the database of a store: SQL on a connection of its own."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


def run(url: str, *statements: str) -> list[list[tuple[Any, ...]]]:
    """The rows that each of some statements gives, all in one transaction."""
    engine = sa.create_engine(url if "://" in url else f"sqlite:///{url}", poolclass=sa.NullPool)
    with engine.begin() as connection:
        done = [connection.exec_driver_sql(statement) for statement in statements]
        return [list(map(tuple, each.all())) if each.returns_rows else [] for each in done]
