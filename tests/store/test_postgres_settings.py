"""Whatever a role, a database or a server sets for its sessions: the same is stored, and the same is answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import sleep
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

import regulars
from databases import fresh_postgres
from regulars import AddNote, EnrollMember, RecordPurchase, RegisterCustomer, Regulars, StoreUnusable
from shops import read_models_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAME = "Zoë 李 \\x41 'O\\'Brien' 🦉"

SETTINGS = (
    "client_encoding = 'latin1'",
    "client_encoding = 'sql_ascii'",
    "standard_conforming_strings = off",
    "bytea_output = 'escape'",
    "datestyle = 'German'",
    "timezone = 'Pacific/Kiritimati'",
    "intervalstyle = 'sql_standard'",
    "extra_float_digits = -15",
    "transform_null_equals = on",
    "default_transaction_isolation = 'serializable'",
    "default_transaction_deferrable = on",
    "lock_timeout = '1ms'",
    "search_path = nowhere, public",
)


def opened(url: str, **options: Any) -> Regulars:
    return regulars.open(url, currency="EUR", actor=NAME, clock=lambda: NOW, **options)


def trade(url: str) -> None:
    """What is written one by one, what is written at once by COPY, and what is folded later."""
    with opened(url) as crm:
        crm.do([RegisterCustomer(ref="shop:1", name=NAME, email="zoe@example.com"), EnrollMember(customer="shop:1")])
        crm.do([RegisterCustomer(ref=f"other:{number}", name=f"{NAME} {number}") for number in range(20)])
        crm.do(RecordPurchase(customer="shop:1", order_id=NAME, amount="59.90"))
        crm.do(AddNote(customer="shop:1", text=NAME))
        crm.catch_up()
        crm.do(RecordPurchase(customer="shop:1", order_id="A-2", amount="0.01"))


def answers(crm: Regulars) -> list[object]:
    customers = sorted((each.ref or "", each.name, each.stage, each.tier, each.risk) for each in crm.customers())
    found = crm.customer("shop:1")
    told = sorted(str(change.new) for entry in crm.audit() for change in entry.changes)
    return [customers, (found.name, found.email, found.net_spend, found.orders), told, crm.points("shop:1").balance]


def stored(crm: Regulars) -> list[object]:
    """What the read models hold, but for the random ids of customers."""
    rows = read_models_of(crm, 1)
    return [(name, sorted(repr(row[1:]) for row in rows[name])) for name in sorted(rows) if name != "customer_card"]


def run(url: str, *statements: str) -> list[list[Any]]:
    """The rows that some statements give."""
    encoding = {"client_encoding": "utf8"}
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool, connect_args=encoding)
    with engine.connect() as connection:
        done = [connection.exec_driver_sql(statement) for statement in statements]
        return [each.all() if each.returns_rows else [] for each in done]  # type: ignore[misc]


def database_of(url: str) -> str:
    return str(make_url(url).database)


@pytest.fixture(scope="module")
def plain(postgres_url: str) -> Iterator[tuple[list[object], list[object]]]:
    with fresh_postgres(postgres_url) as url:
        trade(url)
        with opened(url) as crm:
            yield answers(crm), stored(crm)


@contextmanager
def role_of_its_own(url: str) -> Iterator[tuple[str, str]]:
    """The name of a role that owns a database, and the URL by which it comes there."""
    role, database = f"role_{uuid4().hex}", database_of(url)
    run(url, f"CREATE ROLE {role} LOGIN PASSWORD 'secret'", f'ALTER DATABASE "{database}" OWNER TO {role}')
    try:
        yield role, make_url(url).set(username=role, password="secret").render_as_string(hide_password=False)
    finally:
        server = make_url(url)
        run(url, f"REASSIGN OWNED BY {role} TO {server.username or 'postgres'}", f"DROP OWNED BY {role}")
        run(url, f"DROP ROLE {role}")


@pytest.mark.parametrize("setting", SETTINGS)
def test_what_a_database_sets_changes_nothing(
    bare_postgres_url: str, plain: tuple[list[object], list[object]], setting: str
) -> None:
    run(bare_postgres_url, f'ALTER DATABASE "{database_of(bare_postgres_url)}" SET {setting}')
    trade(bare_postgres_url)
    with opened(bare_postgres_url) as crm:
        assert (answers(crm), stored(crm)) == plain
        assert crm.projections.verify().holds
        crm.seal()
        assert crm.check_seals().holds
        crm.projections.rebuild()
        crm.forget("other:1", reason="on request")


@pytest.mark.parametrize("setting", SETTINGS)
def test_what_a_role_sets_changes_nothing(
    bare_postgres_url: str, plain: tuple[list[object], list[object]], setting: str
) -> None:
    run(bare_postgres_url, "ALTER SCHEMA public OWNER TO pg_database_owner")
    with role_of_its_own(bare_postgres_url) as (role, url):
        run(bare_postgres_url, f"ALTER ROLE {role} SET {setting}")
        trade(url)
        with opened(url) as crm:
            assert (answers(crm), stored(crm)) == plain
    # What one session wrote, one with other settings reads.
    with opened(bare_postgres_url) as crm:
        assert (answers(crm), stored(crm)) == plain


@pytest.mark.parametrize("limit", ["statement_timeout", "idle_in_transaction_session_timeout"])
def test_a_limit_that_is_meant_for_others_cuts_off_no_long_work(bare_postgres_url: str, limit: str) -> None:
    name = database_of(bare_postgres_url)
    run(bare_postgres_url, f"ALTER DATABASE \"{name}\" SET {limit} = '100ms'")
    with opened(bare_postgres_url) as crm, crm._store.writing() as tx:
        tx.connection.exec_driver_sql("SELECT pg_sleep(0.2)")
        sleep(0.2)
        assert tx.connection.exec_driver_sql("SELECT 1").scalar_one() == 1


def test_the_options_of_an_address_are_kept(bare_postgres_url: str) -> None:
    run(bare_postgres_url, "CREATE SCHEMA shop", "CREATE TABLE public.regulars_events (mine int)")
    options = {"options": "-c search_path=shop -c application_name=till -c statement_timeout=59s"}
    url = make_url(bare_postgres_url).update_query_dict(options).render_as_string(hide_password=False)
    trade(url)
    with opened(url) as crm:
        with crm._store.reading() as tx:
            for name, value in (("application_name", "till"), ("statement_timeout", "59s"), ("lock_timeout", "30s")):
                assert tx.connection.exec_driver_sql(f"SHOW {name}").scalar_one() == value
        assert len(crm.customers()) == 21
    with pytest.raises(StoreUnusable, match="not ours"):
        opened(bare_postgres_url)


def test_a_store_is_found_along_the_path_and_what_else_lies_there_is_left_alone(bare_postgres_url: str) -> None:
    with role_of_its_own(bare_postgres_url) as (role, url):
        trade(bare_postgres_url)
        grant = f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}"
        run(bare_postgres_url, grant, f"GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {role}")
        # "$user" comes before public in everybody's path.
        run(
            bare_postgres_url,
            f"CREATE SCHEMA {role} AUTHORIZATION {role}",
            f"CREATE TABLE {role}.events (mine int)",
        )
        with opened(url) as crm:
            crm.do(RegisterCustomer(ref="shop:9"))
            assert len(crm.customers()) == 22


def test_a_path_that_leads_nowhere_is_said(bare_postgres_url: str) -> None:
    run(bare_postgres_url, f'ALTER DATABASE "{database_of(bare_postgres_url)}" SET search_path = nowhere')
    with pytest.raises(StoreUnusable, match="no schema of the search_path exists") as refused:
        opened(bare_postgres_url)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_no_store_is_made_where_not_every_text_can_be_held(postgres_url: str, encoding: str) -> None:
    name = f"regulars_{uuid4().hex}"
    run(postgres_url, f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    url = make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    try:
        with pytest.raises(StoreUnusable, match=f'encoding UTF8, and "{name}" has {encoding}'):
            opened(url)
        [tables] = run(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert tables == [(0,)]
    finally:
        run(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")
