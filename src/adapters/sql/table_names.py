"""The prefix of our tables, views and indexes, which keeps them apart from an application's own."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from regulars.crm_domain.errors import StoreUnusable

PREFIX = "regulars_"

# Whatever shares its names with tables: views, indexes and sequences too, on SQLite also triggers.
_FOUND = {
    "sqlite": "SELECT name FROM sqlite_master WHERE lower(name) GLOB 'regulars_*' ORDER BY name LIMIT 1",
    "postgresql": "SELECT relname FROM pg_class WHERE relnamespace = quote_ident(current_schema())::regnamespace "
    "AND starts_with(relname, 'regulars_') ORDER BY relname LIMIT 1",
}


def ours(name: str) -> str:
    """The prefixed name of a table, view or index."""
    return f"{PREFIX}{name}"


def require_unused(connection: Connection) -> None:
    """Raise StoreUnusable where a database without a store has a table, view or index with our prefix."""
    found = connection.exec_driver_sql(_FOUND[connection.dialect.name]).scalar()
    if found is not None:
        raise StoreUnusable(
            f'"{found}" in this database is not ours, and was left alone; what begins with "{PREFIX}" is to be ours: '
            "rename yours, or give Regulars a database of its own"
        )
