"""Migrations, each from one schema version to the next. They add tables, columns and indexes, and never rewrite
`events`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from regulars.adapters.indexes.consents import CONSENTS
from regulars.adapters.indexes.entries import opening_nothing, repair_entries
from regulars.adapters.indexes.forgotten import FORGOTTEN
from regulars.adapters.indexes.look_ups import FROM_THE_BEGINNING
from regulars.adapters.indexes.referrals import REFERRALS
from regulars.adapters.log.codec import CODECS
from regulars.adapters.schema.positions import create_positions, guard_positions
from regulars.adapters.schema.tables import LIVE_GENERATION, RECORDED, Schema
from regulars.adapters.schema.views import put_views
from regulars.adapters.sql.grants import pass_on_grants
from regulars.adapters.sql.table_names import PREFIX, ours
from regulars.adapters.store.generation_rows import first_generation, note_dropped
from regulars.adapters.store.rules_in_force import FOUNDING, read_in_force
from regulars.projections.registry import REGISTRY

Migration = Callable[[Connection, Schema], None]


def index_the_audit_trail(connection: Connection, schema: Schema) -> None:
    """Version 2: indexes for searching the audit trail by actor, type, correlation id and time."""
    for index in schema.audit_indexes:
        index.create(connection, checkfirst=True)


def link_customers_and_note_the_rules(connection: Connection, schema: Schema) -> None:
    """Version 3: the table of links between merged customers, and a setting with the founding rules."""
    schema.links.create(connection)
    generations = sa.table(FORMER_GENERATIONS, sa.column("number"), sa.column("ruleset"))
    ruleset = connection.scalar(sa.select(generations.c.ruleset).order_by(generations.c.number).limit(1))
    if ruleset is not None:
        connection.execute(schema.settings.insert(), {"name": FOUNDING, "value": ruleset.encode()})


def keep_seals(connection: Connection, schema: Schema) -> None:
    """Version 4: the table of seals; PostgreSQL takes no statistics of secrets."""
    schema.seals.create(connection)
    schema.keep_secrets_to_their_tables(connection)


def keep_consents(connection: Connection, schema: Schema) -> None:
    """Version 5: the index of consents by channel and purpose."""
    schema.consents.create(connection, checkfirst=True)
    repair_entries(connection, schema, CONSENTS, opening_nothing(CODECS))


def keep_positions_drawn(connection: Connection, schema: Schema) -> None:
    """Version 6: the last position drawn is stored, rows beyond it are refused, and recorded_at has an index."""
    create_positions(connection, schema.events)
    guard_positions(connection, schema.events)
    recorded = next(index for index in schema.events.indexes if index.name == RECORDED)
    recorded.create(connection, checkfirst=True)


#: The tables in which version 6 and those before it kept generations; what was folded stood in numbered tables.
FORMER_GENERATIONS, FORMER_PARKED = "generations", "parked"
_FORMER_READ_MODELS = re.compile(
    r"(lifecycle_stage|loyalty_tier|churn_risk|points|ticket_queue|customer_card)_([0-9]+)"
)


def build_one_by_one(connection: Connection, schema: Schema) -> None:
    """Version 7: a build per projection, with customers as numbers and packed scores.

    Earlier read models can't be used. All of them follow from the log, so the live generation gets an empty successor.
    """
    existing = sa.inspect(connection).get_table_names()
    if FORMER_GENERATIONS not in existing:
        return
    connection.execute(sa.text("DROP TABLE IF EXISTS parked"))
    numbers: sa.Select[Any] = sa.select(sa.column("number", sa.Integer)).select_from(sa.table(FORMER_GENERATIONS))
    newest = max(connection.execute(numbers).scalars(), default=0)
    for made in (schema.generations, schema.builds, schema.generation_builds, schema.parked):
        made.create(connection)
    live = connection.scalar(sa.select(schema.settings.c.value).where(schema.settings.c.name == LIVE_GENERATION))
    if live is not None:
        note_dropped(schema, connection, newest)
        first_generation(schema, REGISTRY, connection, read_in_force(schema, connection).ruleset, 0)
    builds = dict(map(tuple, connection.execute(sa.select(schema.builds.c.name, schema.builds.c.number))))
    for table in existing:
        former = _FORMER_READ_MODELS.fullmatch(table)
        if former is not None:
            if live == former[2].encode() and former[1] in builds:
                pass_on_grants(connection, table, ours(f"{former[1]}_{builds[former[1]]}"))
            _drop_if_possible(connection, table)
    _drop_if_possible(connection, FORMER_GENERATIONS)


def _drop_if_possible(connection: Connection, table: str) -> None:
    """Drop a table. On PostgreSQL a view that depends on it prevents that: then it stays."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f'DROP TABLE "{table}"')
        return
    connection.exec_driver_sql("SAVEPOINT dropping")
    try:
        connection.exec_driver_sql(f'DROP TABLE "{table}"')
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _DEPENDED_ON:
            raise
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT dropping")


def keep_forgotten(connection: Connection, schema: Schema) -> None:
    """Version 8: the index of forgotten customers, whom lists leave out."""
    schema.forgotten.create(connection, checkfirst=True)
    repair_entries(connection, schema, FORGOTTEN, opening_nothing(CODECS))


def date_look_ups(connection: Connection, schema: Schema) -> None:
    """Version 9: each look-up says since when it holds. The values of now count as told first, until a rebuild puts the
    instants right and adds former values, which needs the keys.
    """
    lookups, since = schema.lookups.name, FROM_THE_BEGINNING
    if "since" in {each["name"] for each in sa.inspect(connection).get_columns(lookups)}:
        return
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ALTER TABLE {lookups} ADD COLUMN since BIGINT NOT NULL DEFAULT {since}")
        connection.exec_driver_sql(f"ALTER TABLE {lookups} ALTER COLUMN since DROP DEFAULT")
        name = sa.inspect(connection).get_pk_constraint(lookups)["name"]
        key = "(kind, digest, customer_id, since)"
        connection.exec_driver_sql(f'ALTER TABLE {lookups} DROP CONSTRAINT "{name}"')
        connection.exec_driver_sql(f'ALTER TABLE {lookups} ADD CONSTRAINT "{name}" PRIMARY KEY {key}')
        return
    former = f"{lookups}_of_version_8"
    connection.exec_driver_sql(f"ALTER TABLE {lookups} RENAME TO {former}")
    for index in schema.lookups.indexes:
        connection.exec_driver_sql(f"DROP INDEX {index.name}")
    schema.lookups.create(connection)
    connection.exec_driver_sql(
        f"INSERT INTO {lookups} SELECT kind, digest, customer_id, {since} FROM {former}"  # noqa: S608 - our own table
    )
    connection.exec_driver_sql(f"DROP TABLE {former}")


def show_what_happened(connection: Connection, schema: Schema) -> None:
    """Version 10: views of orders, returns, answers, tickets, consents and customers."""
    put_views(connection, schema.log_views)


def keep_what_names_firms(connection: Connection, schema: Schema) -> None:
    """Version 11: the index of what names a firm; nothing did before."""
    schema.firms.create(connection, checkfirst=True)


def keep_what_reaches_out(connection: Connection, schema: Schema) -> None:
    """Version 12: the tables of change feeds and hooks, of tokens, and of the users and sessions of the console."""
    feeds = (schema.subscriptions, schema.outbox, schema.hooks, schema.deliveries)
    for table in (*feeds, schema.tokens, schema.users, schema.web_sessions):
        table.create(connection, checkfirst=True)


def keep_referrals(connection: Connection, schema: Schema) -> None:
    """Version 13: the index of referrals."""
    schema.referrals.create(connection, checkfirst=True)
    repair_entries(connection, schema, REFERRALS, opening_nothing(CODECS))


_DEPENDED_ON = "2BP01"


def name_what_is_ours(connection: Connection, schema: Schema) -> None:
    """Version 7: names of tables, indexes and sequences get the prefix `regulars_`."""
    existing = set(sa.inspect(connection).get_table_names())
    of_builds = (schema.generations, schema.builds, schema.generation_builds, schema.parked)
    for table in schema.metadata.sorted_tables:
        old = table.name.removeprefix(PREFIX)
        if old in existing and table.name not in existing and table not in of_builds:
            rename = _rename_on_sqlite if connection.dialect.name == "sqlite" else _rename_on_postgres
            rename(connection, old, table)


def _rename_on_sqlite(connection: Connection, old: str, table: sa.Table) -> None:
    """Rename tables; views and triggers are dropped with them, and indexes, which SQLite can't rename, are created
    again.
    """
    of_table = "SELECT name FROM sqlite_master WHERE tbl_name = ? COLLATE NOCASE AND type = ? AND sql IS NOT NULL"
    names = list(connection.exec_driver_sql(of_table, (old, "index")).scalars())
    guards = list(connection.exec_driver_sql(of_table, (old, "trigger")).scalars())
    connection.exec_driver_sql(f'ALTER TABLE "{old}" RENAME TO "{table.name}"')
    for kind, name in (*(("INDEX", each) for each in names), *(("TRIGGER", each) for each in guards)):
        connection.exec_driver_sql(f'DROP {kind} "{name}"')
    for index in table.indexes:
        if str(index.name).removeprefix(PREFIX) in names:
            index.create(connection)
    if guards:
        guard_positions(connection, table)
    rename = "UPDATE sqlite_sequence SET name = ? WHERE name = ?"
    connection.exec_driver_sql(rename, (f"{table.name}_positions", f"{old}_positions"))


def _rename_on_postgres(connection: Connection, old: str, table: sa.Table) -> None:
    beside = """
        SELECT relkind, relname FROM pg_class WHERE relnamespace = quote_ident(current_schema())::regnamespace AND (
            oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = to_regclass(%(table)s))
            OR (relkind = 'S' AND relname IN (%(positions)s, %(clock)s))
        )
    """
    names = {"table": f'"{old}"', "positions": f"{old}_positions", "clock": f"{old}_clock"}
    for kind, name in connection.exec_driver_sql(beside, names).all():
        what = "SEQUENCE" if kind == "S" else "INDEX"
        connection.exec_driver_sql(f'ALTER {what} "{name}" RENAME TO "{PREFIX}{name}"')
    connection.exec_driver_sql(f'ALTER TABLE "{old}" RENAME TO "{table.name}"')


#: From this version on, names of tables begin with the prefix.
PREFIXED_SINCE = 7

#: What brings a store of each version to the next one.
MIGRATIONS: Mapping[int, Migration] = {
    1: index_the_audit_trail,
    2: link_customers_and_note_the_rules,
    3: keep_seals,
    4: keep_consents,
    5: keep_positions_drawn,
    6: build_one_by_one,
    7: keep_forgotten,
    8: date_look_ups,
    9: show_what_happened,
    10: keep_what_names_firms,
    11: keep_what_reaches_out,
    12: keep_referrals,
}


def migrate(connection: Connection, schema: Schema, version: int, target: int) -> None:
    """Migrate a store from one version to another, step by step, within the open transaction.

    Roles with grants on `events` get the same grants on new tables.
    """
    if version < PREFIXED_SINCE:
        name_what_is_ours(connection, schema)  # first, as every step knows tables by their names of now
    before = set(sa.inspect(connection).get_table_names())
    schema.audit_trail.put(connection)
    for step in range(version, target):
        MIGRATIONS[step](connection, schema)
    for table in schema.metadata.sorted_tables:
        if table.name not in before:
            pass_on_grants(connection, schema.events.name, table.name)
