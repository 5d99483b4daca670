"""The stable views by which other tools read a store.

1. Our names begin with `regulars_`, which keeps them apart from an application's own.
2. Each view is replaced in place: on PostgreSQL its grants, and views that depend on it, are kept.
3. Before version 6 the names had no prefix. For one more version those that there were are views on the new ones, where
   a name was free or ours.
4. A view or table of an application is never replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from regulars.adapters.schema.view_sql import Shown
from regulars.adapters.sql.grants import pass_on_grants
from regulars.adapters.sql.statement import run
from regulars.adapters.sql.table_names import PREFIX, ours
from regulars.crm_domain.errors import StoreUnusable

FORMER_NAMES = frozenset(
    {"audit_trail", "churn_risk", "customer_card", "lifecycle_stage", "loyalty_tier", "points", "ticket_queue"}
)

#: What a query selects from: tables, and no queries in their place or functions that give rows.
_ASKED = re.compile(r"\b(?:FROM|JOIN)\s+(?!\(*\s*(?:SELECT|WITH|LATERAL)\b)\(*(?:\w+\.)?\"?(\w+)\b(?!\s*\()")


class View(Struct, frozen=True, kw_only=True):
    """The definition of a view. `name` is without the prefix; `shown` are its columns.

    `table` is the first one of the FROM clause, or a query in its place, and `joined` the rest of the query.
    """

    name: str
    shown: tuple[Shown, ...]
    table: str
    joined: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns."""
        return tuple(each.name for each in self.shown)

    @property
    def query(self) -> str:
        """What it selects."""
        columns = (f"{each.expression} AS {each.name}" for each in self.shown)
        return f"SELECT {', '.join(columns)} FROM {self.table} {self.joined}".strip()  # noqa: S608 - ours

    @property
    def stable_name(self) -> str:
        """The name by which other tools read it."""
        return ours(self.name)

    def put(self, connection: Connection) -> None:
        """Create the view, or replace it in place, and its name of before version 6 with it.

        Raises StoreUnusable where an application has that name, or where its columns would change on PostgreSQL.
        """
        is_first = not _is_taken(connection, self.stable_name)
        if not (is_first or self._asks_our_table(connection, self.stable_name)):
            raise StoreUnusable(
                f'"{self.stable_name}" in this database is not ours, and was left alone; Regulars needs that name for '
                "a view of its own, so rename yours"
            )
        former = _columns_of(connection, self.name) if self._asks_our_table(connection, self.name) else ()
        has_former = former != () and self.columns[: len(former)] == former  # what was added since stands at the end
        _replace(connection, self.stable_name, self.query)
        if has_former or (is_first and self.name in FORMER_NAMES and not _is_taken(connection, self.name)):
            _replace(connection, self.name, f"SELECT {', '.join(self.columns)} FROM {self.stable_name}")  # noqa: S608
        if has_former and is_first:
            pass_on_grants(connection, self.name, self.stable_name)

    def _asks_our_table(self, connection: Connection, name: str) -> bool:
        """Whether a view selects from our tables alone, by their present or earlier names, or from our view of that
        name.
        """
        query = _query_of(connection, name)
        if query is None:
            return False
        asked = _ASKED.findall(query)
        first = self.table.partition(" ")[0].removeprefix(PREFIX)
        stem = re.escape(re.sub(r"_\d+(_\w+)?$", "", first))
        return bool(asked) and all(re.fullmatch(rf"{PREFIX}\w+|{stem}(_\d+)?", each) for each in asked)


def put_views(connection: Connection, views: Sequence[View]) -> None:
    """Create views, or replace them in place."""
    for view in views:
        view.put(connection)


def _replace(connection: Connection, name: str, query: str) -> None:
    if connection.dialect.name == "sqlite":  # where a view is found by its name whenever one on it is asked
        connection.exec_driver_sql(f'DROP VIEW IF EXISTS "{name}"')
        run(connection, f'CREATE VIEW "{name}" AS {query}')
        return
    options = connection.exec_driver_sql(
        "SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = to_regclass(%s)", (f'"{name}"',)
    ).scalar()
    with _said_in_a_sentence(name):
        run(connection, f'CREATE OR REPLACE VIEW "{name}" {f"WITH ({options})" if options else ""} AS {query}')


@contextmanager
def _said_in_a_sentence(name: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != "42P16":
            raise
        raise StoreUnusable(
            f'the view "{name}" can\'t be replaced in place, as its columns would change '
            f"({str(error.orig).partition(chr(10))[0]}); drop it, with what was built on it, and try again"
        ) from error


def _is_taken(connection: Connection, name: str) -> bool:
    """Whether the name is taken: by a table, a view, or on PostgreSQL any other relation."""
    if connection.dialect.name == "sqlite":
        query = "SELECT 1 FROM sqlite_master WHERE name = ? COLLATE NOCASE"
        return connection.exec_driver_sql(query, (name,)).first() is not None
    query = """
        SELECT 1 FROM pg_class WHERE relname = %(name)s AND relnamespace = quote_ident(current_schema())::regnamespace
        UNION ALL
        SELECT 1 FROM pg_type WHERE typname = %(name)s AND typnamespace = quote_ident(current_schema())::regnamespace
    """
    return connection.exec_driver_sql(query, {"name": name}).first() is not None


def _query_of(connection: Connection, name: str) -> str | None:
    """The stored query of a view; None where there is no view of that name."""
    if connection.dialect.name == "sqlite":
        query = "SELECT sql FROM sqlite_master WHERE type = 'view' AND name = ? COLLATE NOCASE"
        return connection.exec_driver_sql(query, (name,)).scalar()
    query = """
        SELECT pg_get_viewdef(oid) FROM pg_class
        WHERE relname = %s AND relkind = 'v' AND relnamespace = quote_ident(current_schema())::regnamespace
    """
    return connection.exec_driver_sql(query, (name,)).scalar()


def _columns_of(connection: Connection, name: str) -> tuple[str, ...]:
    """The names of a view's columns; none where a table it needs is gone."""
    if connection.dialect.name == "sqlite":
        try:
            return tuple(row[1] for row in connection.exec_driver_sql(f'PRAGMA table_info("{name}")'))
        except sa.exc.OperationalError:
            return ()
    query = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 ORDER BY attnum"
    return tuple(connection.exec_driver_sql(query, (f'"{name}"',)).scalars())
