"""A store in an application's own database: nothing of the application's is touched, and a clash is refused at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

import regulars
from regulars import ErasePersonalData, RecordPurchase, RegisterCustomer, Regulars, StoreUnusable

#: What tables and views of ours were called before their names began with a prefix.
OLD_TABLES = (
    *("events", "keys", "lookups", "settings", "quarantine", "commands", "links", "seals", "consents", "generations"),
    *("builds", "parked", "generation_builds", "facts_1", "lifecycle_stage_1", "ticket_queue_1", "customer_card_1"),
    "customers",
)
OLD_VIEWS = (
    "audit_trail",
    "lifecycle_stage",
    "loyalty_tier",
    "churn_risk",
    "ticket_queue",
    "points",
    "tickets",
    "customer_card",
)

CLASHES = (
    *("regulars_events", "regulars_settings", "regulars_keys", "regulars_facts_1", "regulars_lifecycle_stage"),
    *("regulars_audit_trail", "regulars_events_type", "regulars_of_mine"),
)
KINDS = {
    "table": 'CREATE TABLE "{}" (x INTEGER)',
    "view": 'CREATE VIEW "{}" AS SELECT 1 AS x',
    "index": 'CREATE TABLE mine (x INTEGER); CREATE INDEX "{}" ON mine (x)',
}


@contextmanager
def connected(url: str) -> Iterator[sa.Connection]:
    on_server = "://" in url
    target = sa.make_url(url).set(drivername="postgresql+psycopg") if on_server else f"sqlite:///{url}"
    with sa.create_engine(target, poolclass=sa.NullPool).begin() as connection:
        yield connection


def run(url: str, statements: str) -> None:
    with connected(url) as connection:
        for each in statements.split(";"):
            connection.exec_driver_sql(each)


def made(url: str) -> set[tuple[str, str]]:
    """Everything there is, as the database itself keeps it."""
    found = {
        "sqlite": "SELECT name, coalesce(sql, '') FROM sqlite_master",
        "postgresql": "SELECT relname, coalesce(pg_get_viewdef(oid), relkind::text) FROM pg_class WHERE relkind IN "
        "('r', 'v', 'i', 'S', 'm') AND relnamespace = current_schema()::regnamespace",
    }
    with connected(url) as connection:
        rows = connection.exec_driver_sql(found[connection.dialect.name]).all()
        return {(name, text) for name, text in rows if not name.startswith("sqlite_")}


def contents(url: str) -> dict[str, list[tuple[object, ...]]]:
    with connected(url) as connection:
        names = [*OLD_TABLES, *OLD_VIEWS]
        return {name: [tuple(row) for row in connection.exec_driver_sql(f'SELECT * FROM "{name}"')] for name in names}


def live(crm: Regulars) -> None:
    crm.do([RegisterCustomer(ref="shop:1", name="Ada"), RegisterCustomer(ref="shop:2", name="Bo")])
    crm.do(RecordPurchase(customer="shop:1", order_id="A-1", amount="5.90"))
    assert {each.orders for each in crm.customers()} == {0, 1}
    crm.projections.rebuild()
    new = regulars.parse_rules(regulars.as_toml(crm.ruleset).replace("prior_gap_days = 30", "prior_gap_days = 31"))
    crm.rules.publish(new, reason="fewer buy each month")
    crm.projections.prune()
    crm.do(ErasePersonalData(customer="shop:2", confirm=True))
    assert crm.projections.verify().holds
    assert crm.check_records().holds


def test_an_application_keeps_its_tables_and_views_of_all_our_old_names(bare_url: str) -> None:
    for name in OLD_TABLES:
        run(bare_url, f"CREATE TABLE {name} (id INTEGER, text VARCHAR(9)); INSERT INTO {name} VALUES (1, 'a')")
    for name in OLD_VIEWS:
        run(bare_url, f'CREATE VIEW "{name}" AS SELECT id AS {name}_id FROM customers')
    theirs, before = made(bare_url), contents(bare_url)
    with regulars.open(bare_url, currency="EUR") as crm:
        live(crm)
    with regulars.open(bare_url) as crm:  # and again, as one that is there
        assert crm.customer("shop:1").orders == 1
    assert theirs <= made(bare_url)
    assert contents(bare_url) == before
    assert not [name for name, _ in made(bare_url) - theirs if not name.startswith("regulars_")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CLASHES)
def test_what_has_a_name_of_ours_and_is_not_is_refused_before_anything_is_made(
    bare_url: str, kind: str, name: str
) -> None:
    run(bare_url, KINDS[kind].format(name))
    before = made(bare_url)
    with pytest.raises(StoreUnusable, match=f'"{name}".* not ours'):
        regulars.open(bare_url, currency="EUR")
    assert made(bare_url) == before


def test_a_sequence_of_a_name_of_ours_is_refused(bare_postgres_url: str) -> None:
    run(bare_postgres_url, "CREATE SEQUENCE regulars_events_position_seq")
    before = made(bare_postgres_url)
    with pytest.raises(StoreUnusable, match='"regulars_events_position_seq" in this database is not ours'):
        regulars.open(bare_postgres_url)
    assert made(bare_postgres_url) == before
