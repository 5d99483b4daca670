"""The database's own integrity check: every index is complete, and on SQLite every page is intact.

On PostgreSQL the extension amcheck does it, where it is installed and this role may run it.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from regulars.adapters.checking.result import Findings
from regulars.adapters.schema.tables import Schema
from regulars.adapters.sql.database import Database
from regulars.adapters.store.builds import tables_in_use
from regulars.crm_domain.errors import StoreUnusable

#: So many findings of SQLite's check are counted.
MAX_COUNTED = 1_000
_PATIENCE = 30.0

# Who may not run the function can't be told more than that it is there.
_AMCHECK = """
    SELECT quote_ident(nspname) || '.bt_index_check', has_function_privilege(pg_proc.oid, 'EXECUTE')
    FROM pg_extension
    JOIN pg_depend ON refobjid = pg_extension.oid AND deptype = 'e'
    JOIN pg_proc ON pg_proc.oid = objid AND proname = 'bt_index_check' AND pronargs = 2
    JOIN pg_namespace ON pg_namespace.oid = pronamespace
    WHERE extname = 'amcheck'
"""
_INDEXES = """
    SELECT indexrelid, relname FROM pg_index
    JOIN pg_class ON pg_class.oid = indexrelid
    JOIN pg_am ON pg_am.oid = relam AND amname = 'btree'
    WHERE indisvalid AND indrelid = ANY (SELECT to_regclass(quote_ident(name)) FROM unnest(%s::text[]) AS names (name))
    ORDER BY relname
"""
_DAMAGED = ("XX001", "XX002")  # a page, an index


def damages_of(file: sqlite3.Connection, most: int = 1) -> list[str]:
    """The findings of SQLite's integrity check on a file, line by line; none where it is sound."""
    try:
        rows = file.execute(f"PRAGMA integrity_check({most})").fetchall()
    except sqlite3.DatabaseError as error:
        return [str(error)]
    lines = [line for row in rows for line in str(row[0]).splitlines()]
    return [] if lines == ["ok"] else [line for line in lines if not line.startswith("***")]


def require_sound(file: sqlite3.Connection, otherwise: str) -> None:
    """Raise StoreUnusable for a file that isn't sound, with `otherwise` and the first finding."""
    if damages := damages_of(file):
        raise StoreUnusable(f"{otherwise}: {damages[0]}")


def check_soundness(database: Database, schema: Schema) -> Findings:
    """Run the database's integrity check: of the whole file on SQLite, of our tables' indexes on PostgreSQL."""
    findings = Findings("database")
    if database.is_sqlite:
        with database.reading() as connection:
            _check_file(connection, findings)
    else:
        _check_indexes(database, schema, findings)
    return findings


def _check_file(connection: Connection, findings: Findings) -> None:
    file = connection.connection.driver_connection
    assert isinstance(file, sqlite3.Connection)
    findings.count = file.execute("SELECT count(*) FROM sqlite_master WHERE type = 'index'").fetchone()[0]
    for line in damages_of(file, MAX_COUNTED):
        findings.tell("the file", line)


def _check_indexes(database: Database, schema: Schema, findings: Findings) -> None:
    findings.leave_out("pages of tables", "PostgreSQL checks them where data checksums are enabled")
    with database.outside_transactions(_PATIENCE) as connection:
        function = connection.exec_driver_sql(_AMCHECK).first()
        if function is None:
            findings.leave_out("indexes", "amcheck isn't installed in this database: CREATE EXTENSION amcheck")
        elif not function[1]:
            findings.leave_out("indexes", f"this role may not run {function[0]}, which belongs to amcheck")
        else:
            for number, name in connection.exec_driver_sql(_INDEXES, (_tables(connection, schema),)).all():
                findings.count += 1
                _check_index(connection, function[0], number, name, findings)


def _tables(connection: Connection, schema: Schema) -> list[str]:
    return [*schema.names, *tables_in_use(schema, connection)]


def _check_index(connection: Connection, function: str, number: int, name: str, findings: Findings) -> None:
    try:
        connection.exec_driver_sql(f"SELECT {function}(%s::oid::regclass, true)", (number,))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in _DAMAGED:
            raise
        findings.tell(f"index {name}", str(error.orig).partition("\n")[0])
