"""An older store is brought up to date when it is opened; what was recorded stays as it was."""

from __future__ import annotations

import sqlalchemy as sa

import regulars
from kept import keep_at
from outside import run
from regulars.adapters.schema.tables import VERSION
from regulars.adapters.store.migrations import MIGRATIONS
from regulars.adapters.store.store import Store

#: What version 1 didn't have of what version 5 has, by which the kept store was made.
SINCE_VERSION_1 = (
    "DROP TABLE links",
    "DROP TABLE parked",
    "DROP TABLE seals",
    "DROP TABLE consents",
    *(f"DROP INDEX events_{name}" for name in ("actor", "type", "occurred", "correlation")),
    *(
        f"ALTER TABLE generations DROP COLUMN {name}"
        for name in ("versions", "known_until", "folding_until", "folded_through", "made_at", "is_checked")
    ),
    "DELETE FROM settings WHERE name = 'founding_rules'",
)


def make_version_1(url: str) -> None:
    """A store as the first version made it: without the indexes for the audit trail, without links and parked."""
    keep_at(url)
    value = "CAST('1' AS BLOB)" if "://" not in url else "convert_to('1', 'UTF8')"
    run(url, *SINCE_VERSION_1, f"UPDATE settings SET value = {value} WHERE name = 'schema_version'")


def indexes(store: Store) -> set[str]:
    with store.database.reading() as connection:
        return {str(index["name"]) for index in sa.inspect(connection).get_indexes("regulars_events")}


def test_a_store_of_version_1_is_migrated_on_open(bare_url: str) -> None:
    make_version_1(bare_url)
    with regulars.open(bare_url, on_stale="rebuild") as crm:
        assert crm.customer("shop:2").name == "Cleo"
        assert {index.name for index in crm._store.schema.audit_indexes} <= indexes(crm._store)
        with crm._store.reading() as tx:
            settings = crm._store.read_settings(tx.connection)
        assert settings["schema_version"] == str(VERSION).encode()
        assert [version.number for version in crm.rules.history()] == [1, 2]
        assert crm.seal().events == crm.status().events
        assert crm.check_seals().holds


def test_samples_of_keys_that_postgres_took_before_are_dropped(bare_postgres_url: str) -> None:
    make_version_1(bare_postgres_url)
    secret = (("keys", "key"), ("lookups", "digest"), ("settings", "value"))
    run(
        bare_postgres_url,
        *(f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS 100" for table, column in secret),
        "ANALYZE keys, lookups, settings",
    )
    with regulars.open(bare_postgres_url, on_stale="rebuild") as crm:
        assert samples(crm._store) == set()
        with crm._store.database.writing() as connection:
            connection.exec_driver_sql("ANALYZE regulars_keys, regulars_lookups, regulars_settings")
        assert samples(crm._store) == set()


def samples(store: Store) -> set[tuple[str, str]]:
    """Of which of the secret columns PostgreSQL keeps some values for itself."""
    secret = {(column.table.name, column.name) for column in store.schema.secrets}
    with store.database.reading() as connection:
        found = connection.exec_driver_sql("SELECT tablename, attname FROM pg_stats WHERE schemaname = 'public'").all()
    return secret.intersection(map(tuple, found))


def test_there_is_a_migration_from_every_version() -> None:
    assert set(MIGRATIONS) == set(range(1, VERSION))
