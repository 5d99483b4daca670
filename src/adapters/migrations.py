"""From one schema version to the next. A migration adds tables, columns and indexes; it never rewrites `events`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateColumn

from adapters.codec import CODECS
from adapters.consents import CONSENTS
from adapters.grants import pass_on_grants
from adapters.index_entries import opening_nothing, write_right
from adapters.positions import create_positions, guard_positions
from adapters.schema import ADDED_TO_GENERATIONS, LIVE_GENERATION, RECORDED, GenerationTables, Schema
from adapters.sql_views import put_views

Migration = Callable[[Connection, Schema], None]


def index_the_audit_trail(connection: Connection, schema: Schema) -> None:
    """Version 2: the audit trail is searched by actor, by type, by what belongs together, and by time."""
    for index in schema.audit_indexes:
        index.create(connection, checkfirst=True)


def link_customers_and_describe_generations(connection: Connection, schema: Schema) -> None:
    """Version 3: customers can be merged; generations say what built them, and whom they parked."""
    schema.links.create(connection)
    schema.parked.create(connection)
    for column in ADDED_TO_GENERATIONS:
        definition = CreateColumn(schema.generations.c[column]).compile(dialect=connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE generations ADD COLUMN {definition}")
    founding = sa.select(schema.generations.c.ruleset).order_by(schema.generations.c.number).limit(1)
    ruleset = connection.scalar(founding)
    if ruleset is not None:
        connection.execute(schema.settings.insert(), {"name": "founding_rules", "value": ruleset.encode()})


def keep_seals(connection: Connection, schema: Schema) -> None:
    """Version 4: what was recorded can be sealed; what is secret leaves no samples."""
    schema.seals.create(connection)
    schema.keep_secrets_to_their_tables(connection)


def keep_consents(connection: Connection, schema: Schema) -> None:
    """Version 5: who may be contacted is found by channel and purpose."""
    schema.consents.create(connection, checkfirst=True)
    write_right(connection, schema, CONSENTS, opening_nothing(CODECS))


def guard_positions_and_name_views(connection: Connection, schema: Schema) -> None:
    """Version 6: positions that were never drawn are noticed, and names of views begin with `regulars_`."""
    keep_positions_drawn(connection, schema)
    name_the_views(connection, schema)


def name_the_views(connection: Connection, schema: Schema) -> None:
    """Names of views begin with `regulars_`, so that an application has its own."""
    live = connection.scalar(sa.select(schema.settings.c.value).where(schema.settings.c.name == LIVE_GENERATION))
    put_views(connection, [schema.audit_trail, *([] if live is None else GenerationTables(int(live)).views)])


def keep_positions_drawn(connection: Connection, schema: Schema) -> None:
    """The last position drawn is kept, and no row gets another; what was known when is found by an index."""
    create_positions(connection, schema.events)
    guard_positions(connection, schema.events)
    recorded = next(index for index in schema.events.indexes if index.name == RECORDED)
    recorded.create(connection, checkfirst=True)


#: What brings a store of each version to the next one.
MIGRATIONS: Mapping[int, Migration] = {
    1: index_the_audit_trail,
    2: link_customers_and_describe_generations,
    3: keep_seals,
    4: keep_consents,
    5: guard_positions_and_name_views,
}


def migrate(connection: Connection, schema: Schema, version: int, target: int) -> None:
    """Bring a store from one version to another, step by step, within the transaction that is open.

    Who may do something with `events` may do it with the tables that are new.
    """
    before = set(sa.inspect(connection).get_table_names())
    for step in range(version, target):
        MIGRATIONS[step](connection, schema)
    for table in schema.metadata.sorted_tables:
        if table.name not in before:
            pass_on_grants(connection, schema.events.name, table.name)
