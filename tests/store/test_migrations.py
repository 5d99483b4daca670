"""An older store is brought up to date when it is opened; what was recorded stays as it was."""

from __future__ import annotations

import sqlalchemy as sa

import regulars
from adapters.migrations import MIGRATIONS
from adapters.schema import ADDED_TO_GENERATIONS, VERSION
from adapters.store import Store
from regulars import RegisterCustomer


def make_version_1(url: str) -> None:
    """A store as the first version made it: without the indexes for the audit trail, without links and parked."""
    with regulars.open(url, currency="EUR", actor="li") as crm:
        crm.do(RegisterCustomer(ref="shop:42", name="Ada"))
    store = Store(url)
    with store.database.writing() as connection:
        for index in store.schema.audit_indexes:
            index.drop(connection)
        store.schema.links.drop(connection)
        store.schema.parked.drop(connection)
        store.schema.seals.drop(connection)
        for column in ADDED_TO_GENERATIONS:
            connection.exec_driver_sql(f"ALTER TABLE regulars_generations DROP COLUMN {column}")
        settings = store.schema.settings
        connection.execute(settings.delete().where(settings.c.name == "founding_rules"))
        connection.execute(settings.update().where(settings.c.name == "schema_version").values(value=b"1"))
    store.close()


def indexes(store: Store) -> set[str]:
    with store.database.reading() as connection:
        return {str(index["name"]) for index in sa.inspect(connection).get_indexes("regulars_events")}


def test_a_store_of_version_1_is_migrated_on_open(database_url: str) -> None:
    make_version_1(database_url)
    with regulars.open(database_url, on_stale="rebuild") as crm:
        assert crm.customer("shop:42").name == "Ada"
        assert {index.name for index in crm._store.schema.audit_indexes} <= indexes(crm._store)
        with crm._store.reading() as tx:
            settings = crm._store.read_settings(tx.connection)
        assert settings["schema_version"] == str(VERSION).encode()
        assert settings["founding_rules"] == crm.ruleset.canonical().encode()
        assert [version.number for version in crm.rules.history()] == [1]
        assert crm.seal().events == crm.status().events
        assert crm.check_seals().holds


def test_samples_of_keys_that_postgres_took_before_are_dropped(postgres_database_url: str) -> None:
    make_version_1(postgres_database_url)
    store = Store(postgres_database_url, read_only=False)
    with store.database.writing() as connection:
        for column in store.schema.secrets:
            alter = f'ALTER TABLE "{column.table.name}" ALTER COLUMN "{column.name}"'
            connection.exec_driver_sql(f"{alter} SET STATISTICS 100")
        settings = store.schema.settings
        connection.exec_driver_sql("ANALYZE regulars_keys, regulars_lookups, regulars_settings")
        connection.execute(settings.update().where(settings.c.name == "schema_version").values(value=b"3"))
        store.schema.seals.drop(connection)
        store.schema.consents.drop(connection)
    assert samples(store) == {("regulars_keys", "key"), ("regulars_lookups", "digest"), ("regulars_settings", "value")}
    store.close()
    with regulars.open(postgres_database_url, on_stale="rebuild") as crm:
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
