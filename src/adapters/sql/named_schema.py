"""A store in a PostgreSQL schema of choice, named in its URL: `postgresql://host/shop?schema=crm`.

Stores in two schemas of one database are independent: a connection's search_path is one schema, and the numbers of
advisory locks depend on the schema.
"""

from __future__ import annotations

import re

from sqlalchemy.engine import URL, Connection

from regulars.crm_domain.errors import StoreUnusable

_PART = "schema"
_NAME = re.compile("[a-z_][a-z0-9_]{0,62}", re.ASCII)
_MAKING = 7164209313801265156  # the number of the lock under which schemas are made, the same in every process


def schema_of(url: URL) -> str | None:
    """The schema that a URL names, or None. Raises StoreUnusable for a bad name."""
    name = url.query.get(_PART)
    if name is None:
        return None
    if url.get_backend_name() != "postgresql":
        raise StoreUnusable(f'a SQLite file has no schemas, so "{_text(name)}" can\'t be one; leave the schema out')
    if not isinstance(name, str):
        raise StoreUnusable(f"a store lives in one schema, and this URL names {len(name)}")
    if not _NAME.fullmatch(name) or name.startswith("pg_") or name == "information_schema":
        raise StoreUnusable(
            f"a schema is named by up to 63 of a-z, 0-9 and _, begins with no digit, and is none of PostgreSQL's own "
            f'(pg_…, information_schema): "{name}" is not such a name'
        )
    return name


def in_schema(url: URL, schema: str) -> URL:
    """A URL that names a schema. Raises StoreUnusable for a bad name, and where the URL names another one already."""
    named = schema_of(url)
    found = url.update_query_dict({_PART: schema})
    schema_of(found)
    if named not in (None, schema):
        raise StoreUnusable(f'the URL names the schema "{named}", and "{schema}" was asked for beside it')
    return found


def without_schema(url: URL) -> URL:
    """The URL for the driver."""
    return url.difference_update_query([_PART])


def has_schema(connection: Connection, schema: str) -> bool:
    """Whether a schema exists."""
    found = connection.exec_driver_sql("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s)", (schema,))
    return bool(found.scalar())


def make_schema(connection: Connection, schema: str) -> None:
    """Create a schema unless it exists. Where others do so at the same time, it waits for them."""
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
    if not has_schema(connection, schema):  # PostgreSQL asks for the right to make one even where it is there
        connection.exec_driver_sql(f'CREATE SCHEMA "{schema}"')


def lock_key(number: object) -> str:
    """SQL for the number of a database-wide advisory lock, by its number within a store."""
    return f"hashtextextended(current_schema(), {number})"


def _text(name: str | tuple[str, ...]) -> str:
    return name if isinstance(name, str) else ", ".join(name)
