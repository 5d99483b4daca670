"""The tables of extensions' indexes: created and filled when a store is first opened to write with them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.extensions.extended import Extended, are_noted, define_tables, name_needed
from regulars.adapters.indexes.entries import opening_nothing, repair_entries
from regulars.adapters.indexes.index import Index
from regulars.adapters.schema.positions import lock_definitions
from regulars.adapters.schema.tables import Schema
from regulars.adapters.sql.database import Database
from regulars.adapters.sql.grants import pass_on_grants


def ready_extensions(database: Database, schema: Schema, extended: Extended) -> tuple[Index, ...]:
    """The indexes of extensions that have a table.

    Where this process may write, each gets one, and the store names the extensions with projections or indexes.
    """
    defined = define_tables(extended.brought, schema)
    if not extended.stored:
        return ()
    with database.reading() as connection:
        tables = _tables(connection)
        is_ready = are_noted(connection, schema, extended.stored) and all(table.name in tables for _, table in defined)
    if not (is_ready or database.read_only):
        with database.writing(alone=True) as connection:
            lock_definitions(connection)
            name_needed(connection, schema, extended.stored)
            tables = _tables(connection)
            for index, table in defined:
                if table.name not in tables:
                    table.create(connection)
                    pass_on_grants(connection, schema.events.name, table.name)
                    repair_entries(connection, schema, index, opening_nothing(extended.codecs))
            tables = _tables(connection)
    return tuple(index for index, table in defined if table.name in tables)


def _tables(connection: Connection) -> set[str]:
    return set(sa.inspect(connection).get_table_names())
