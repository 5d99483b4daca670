"""A store in a schema of choice: `postgresql://host/shop?schema=crm`, which says where a store is wherever a URL goes.

Stores in two schemas of one database know nothing of each other: a connection has one schema for its path, and what
PostgreSQL lets the processes of a store wait for is numbered by the schema.
"""

from __future__ import annotations

import re

from sqlalchemy.engine import URL, Connection

from regulars.crm_domain.errors import StoreUnusable

_PART = "schema"
_NAME = re.compile("[a-z_][a-z0-9_]{0,62}", re.ASCII)
_MAKING = 7164209313801265156  # the number of the lock under which schemas are made, the same in every process


def schema_of(url: URL) -> str | None:
    """The schema that a URL names, None where it names none. Raises StoreUnusable for a name that is none."""
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
    """A URL that names a schema. Raises StoreUnusable for a name that is none, or for another than it has."""
    named = schema_of(url)
    found = url.update_query_dict({_PART: schema})
    schema_of(found)
    if named not in (None, schema):
        raise StoreUnusable(f'the URL names the schema "{named}", and "{schema}" was asked for beside it')
    return found


def without_schema(url: URL) -> URL:
    """A URL as the driver takes it."""
    return url.difference_update_query([_PART])


def has_schema(connection: Connection, schema: str) -> bool:
    """Whether a schema is there."""
    found = connection.exec_driver_sql("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s)", (schema,))
    return bool(found.scalar())


def make_schema(connection: Connection, schema: str) -> None:
    """Make a schema where it isn't there yet. Whoever makes one at the same time is waited for."""
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
    if not has_schema(connection, schema):  # PostgreSQL asks for the right to make one even where it is there
        connection.exec_driver_sql(f'CREATE SCHEMA "{schema}"')


def lock_key(number: object) -> str:
    """SQL for the number of an advisory lock, of the whole database, by its number in a store."""
    return f"hashtextextended(current_schema(), {number})"


def _text(name: str | tuple[str, ...]) -> str:
    return name if isinstance(name, str) else ", ".join(name)
