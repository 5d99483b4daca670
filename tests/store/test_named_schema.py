"""A store in a schema of choice, beside another store and an application's own tables in one PostgreSQL database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from test_guest import OLD_TABLES, OLD_VIEWS, connected, live, run

import regulars
from regulars import ErasePersonalData, OpenTicket, RecordPurchase, RegisterCustomer, Regulars, StoreUnusable
from regulars.adapters.read_models.building import building_alone
from regulars.adapters.schema.tables import Schema
from regulars.adapters.store.store import Store
from saying import Say

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KINDS_OF_OTHERS = "('pg_catalog', 'information_schema', 'pg_toast')"
MADE = f"""
    SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname NOT IN {KINDS_OF_OTHERS}
    UNION ALL
    SELECT nspname, proname FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
    WHERE nspname NOT IN {KINDS_OF_OTHERS}
"""
NAMES_OF_NO_SCHEMA = ("", '"crm"', "Crm", "crm.events", "a" * 64, "pg_temp", "pg_crm", "information_schema", "1st", "é")


def opened(url: str, schema: str | None, **options: Any) -> Regulars:
    return regulars.open(url, schema=schema, currency="EUR", clock=lambda: NOW, **options)


def within(url: str, *schemas: str) -> str:
    """A URL that names schemas."""
    return sa.make_url(url).update_query_pairs([("schema", each) for each in schemas]).render_as_string(False)


def made(url: str) -> dict[str, set[str]]:
    """The names of everything there is, by schema."""
    found: dict[str, set[str]] = {}
    with connected(url) as connection:
        for schema, name in connection.exec_driver_sql(MADE):
            found.setdefault(schema, set()).add(name)
    return found


def theirs(url: str) -> list[list[Any]]:
    with connected(url) as connection:
        names = [f'public."{name}"' for name in (*OLD_TABLES, *OLD_VIEWS, *Schema(is_sqlite=False).names)]
        return [connection.exec_driver_sql(f"SELECT * FROM {name}").all() for name in names]  # type: ignore[misc]


def be_an_application(url: str) -> None:
    """Tables and views of all names that are ours, or were."""
    for name in (*OLD_TABLES, *Schema(is_sqlite=False).names):
        run(url, f"CREATE TABLE public.{name} (id INTEGER); INSERT INTO public.{name} VALUES (1)")
    for name in OLD_VIEWS:
        run(url, f'CREATE VIEW public."{name}" AS SELECT id AS {name}_id FROM public.customers')
        run(url, f'CREATE VIEW public."regulars_{name}" AS SELECT id AS {name}_id FROM public.customers')
    run(url, "CREATE SEQUENCE public.regulars_events_positions")


def refs(crm: Regulars) -> set[str | None]:
    return {each.ref for each in crm.customers()}


# ------------------------------------------------------------------------------------------------------------- the room


def test_everything_of_a_store_is_in_its_schema_and_nothing_else_is_touched(bare_postgres_url: str) -> None:
    be_an_application(bare_postgres_url)
    before, contents = made(bare_postgres_url), theirs(bare_postgres_url)
    with opened(bare_postgres_url, "crm") as crm:
        live(crm)
        crm.projections.rebuild(workers=2)
        assert crm.grants_to_read("reader")[0] == 'GRANT USAGE ON SCHEMA "crm" TO "reader";'
    with opened(bare_postgres_url, "crm", read_only=True) as crm:
        assert crm.customer("shop:1").orders == 1
    after = made(bare_postgres_url)
    assert set(Schema(is_sqlite=False).names) | {"regulars_draw_positions"} <= after.pop("crm")
    assert after == before
    assert theirs(bare_postgres_url) == contents


def test_two_stores_in_one_database_know_nothing_of_each_other(postgres_database_url: str) -> None:
    with (
        opened(postgres_database_url, None) as crm,
        opened(postgres_database_url, "b_2") as other,
        opened(within(postgres_database_url, "c"), None) as third,
    ):
        for number, each in enumerate((crm, other, third)):
            each.do(RegisterCustomer(ref=f"shop:{number}", name="Ada", email="ada@example.com"))
            each.do(RecordPurchase(customer=f"shop:{number}", order_id="A-1", amount="5.90"))
            each.do(OpenTicket(customer=f"shop:{number}", ticket_id="T-1", subject="Late"))
        assert [refs(each) for each in (crm, other, third)] == [{"shop:0"}, {"shop:1"}, {"shop:2"}]
        assert {each.status().events for each in (crm, other, third)} == {crm.status().events}
        other.do(ErasePersonalData(customer="shop:1", confirm=True))
        assert other.projections.verify().holds
        assert crm.customer("shop:0").name == "Ada"
        assert crm.projections.verify().holds
        assert third.customer("shop:2").name == "Ada"


def test_what_one_store_keeps_to_itself_another_has_at_once(postgres_database_url: str) -> None:
    with (
        closing(Store(postgres_database_url, lock_timeout=0.5)) as here,
        opened(postgres_database_url, "crm", lock_timeout=0.5) as there,
        closing(Store(within(postgres_database_url, "crm"))) as beside,
    ):
        with here.database.writing(alone=True) as connection:
            here.exclude_others(connection)
            there.do(RegisterCustomer(ref="shop:1"))
            with beside.database.writing(alone=True) as other:
                beside.exclude_others(other)
        with here.database.session_lock(7) as first, beside.database.session_lock(7) as second:
            assert first
            assert second
            with here.database.session_lock(7) as again:
                assert not again
        with building_alone(here):
            there.projections.rebuild()


def test_a_schema_that_is_there_is_used_by_a_role_that_may_make_none(postgres_database_url: str) -> None:
    run(postgres_database_url, "CREATE SCHEMA crm")
    with opened(postgres_database_url, "crm") as crm:
        crm.do(RegisterCustomer(ref="shop:1"))
        assert crm.is_new


def test_many_processes_that_make_one_store_at_once_make_one(bare_postgres_url: str) -> None:
    def register(number: int) -> None:
        with opened(bare_postgres_url, "crm") as crm:
            crm.do(RegisterCustomer(ref=f"shop:{number}"))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(register, range(4)))
    with opened(bare_postgres_url, "crm") as crm:
        assert refs(crm) == {f"shop:{number}" for number in range(4)}


def test_a_store_is_copied_from_schema_to_schema_and_to_a_file(postgres_database_url: str, tmp_path: Path) -> None:
    with opened(postgres_database_url, "a") as crm:
        crm.do(RegisterCustomer(ref="shop:1", name="Ada"))
    source, target = (within(postgres_database_url, each) for each in ("a", "b"))
    assert regulars.copy(source, target) == regulars.copy(source, tmp_path / "copy.db") == 1
    with pytest.raises(StoreUnusable, match=r"there is a store in .*schema=b already"):
        regulars.copy(source, target)
    with opened(postgres_database_url, "b") as copied:
        assert copied.customer("shop:1").name == "Ada"
    with regulars.open(tmp_path / "copy.db") as copied:
        assert copied.customer("shop:1").name == "Ada"
    assert regulars.copy(tmp_path / "copy.db", within(postgres_database_url, "c")) == 1


def test_a_path_of_the_url_with_capitals_is_a_schema_like_others(postgres_database_url: str) -> None:
    run(postgres_database_url, 'CREATE SCHEMA "Crm-2"')
    options = {"options": '-csearch_path="Crm-2"'}
    url = sa.make_url(postgres_database_url).update_query_dict(options).render_as_string(False)
    with opened(url, None) as crm:
        live(crm)
    with opened(url, None) as crm:
        assert crm.customer("shop:1").orders == 1
    assert {"regulars_events", "regulars_audit_trail"} <= made(postgres_database_url)["Crm-2"]


def test_dropping_the_schema_takes_the_store_along_and_nothing_else(postgres_database_url: str) -> None:
    before = made(postgres_database_url)
    opened(postgres_database_url, "crm").close()
    run(postgres_database_url, "DROP SCHEMA crm CASCADE")
    assert made(postgres_database_url) == before


# ------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("name", NAMES_OF_NO_SCHEMA)
def test_what_is_no_name_of_a_schema_is_refused_before_anything_is_made(bare_postgres_url: str, name: str) -> None:
    before = made(bare_postgres_url)
    with pytest.raises(StoreUnusable, match="a schema is named by") as refused:
        opened(bare_postgres_url, name)
    assert f'"{name}"' in str(refused.value)
    assert "\n" not in str(refused.value)
    assert made(bare_postgres_url) == before


def test_a_name_of_63_letters_is_one(bare_postgres_url: str) -> None:
    with opened(bare_postgres_url, "s" * 63) as crm:
        crm.do(RegisterCustomer(ref="shop:1"))
        assert refs(crm) == {"shop:1"}


@pytest.mark.parametrize("target", [":memory:", "shop.db", "sqlite:///shop.db"])
def test_a_sqlite_file_has_no_schemas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreUnusable, match='a SQLite file has no schemas, so "crm"'):
        opened(target, "crm")
    assert not list(tmp_path.iterdir())


def test_two_names_at_once_are_refused(bare_postgres_url: str) -> None:
    for url, schema in ((within(bare_postgres_url, "a"), "b"), (within(bare_postgres_url, "a", "b"), None)):
        with pytest.raises(StoreUnusable, match="schema"):
            opened(url, schema)
    opened(within(bare_postgres_url, "a"), "a").close()


def test_who_only_reads_makes_no_schema(bare_postgres_url: str) -> None:
    with pytest.raises(StoreUnusable, match=r'there is no schema "crm" in .*; it is made with a store'):
        opened(bare_postgres_url, "crm", read_only=True)
    run(bare_postgres_url, "CREATE SCHEMA crm")
    with pytest.raises(StoreUnusable, match="schema=crm is not a Regulars store"):
        opened(bare_postgres_url, "crm", read_only=True)
    assert not made(bare_postgres_url).get("crm")


def test_a_schema_with_things_of_ours_that_are_not_is_refused(bare_postgres_url: str) -> None:
    run(bare_postgres_url, "CREATE SCHEMA crm; CREATE TABLE crm.regulars_mine (x INTEGER)")
    with pytest.raises(StoreUnusable, match='"regulars_mine" in this database is not ours'):
        opened(bare_postgres_url, "crm")
    assert made(bare_postgres_url)["crm"] == {"regulars_mine"}


def test_a_role_without_rights_is_told_which(bare_postgres_url: str) -> None:
    run(bare_postgres_url, "CREATE SCHEMA theirs")
    role = f"regulars_till_{sa.make_url(bare_postgres_url).database}"[:63]
    run(bare_postgres_url, f"CREATE ROLE {role} LOGIN PASSWORD 'till'")
    try:
        url = sa.make_url(bare_postgres_url).set(username=role, password="till")
        till = url.render_as_string(hide_password=False)
        with pytest.raises(StoreUnusable, match='may not use the schema "theirs"; its owner can grant'):
            opened(till, "theirs")
        with pytest.raises(StoreUnusable, match=r"permission denied for database .*; the database's administrator"):
            opened(till, "mine")
        run(bare_postgres_url, f"CREATE SCHEMA mine AUTHORIZATION {role}")
        with opened(till, "mine") as crm:  # it may make none, and needn't
            crm.do(RegisterCustomer(ref="shop:1"))
            assert refs(crm) == {"shop:1"}
    finally:
        run(bare_postgres_url, f"DROP OWNED BY {role}; DROP ROLE {role}")


# ----------------------------------------------------------------------------------------------------- the command line


def test_the_command_line_takes_a_schema_before_the_command_or_from_the_environment(
    say: Say, monkeypatch: pytest.MonkeyPatch, bare_postgres_url: str
) -> None:
    monkeypatch.setenv("REGULARS_DB", bare_postgres_url)
    register = ("do", "RegisterCustomer", "ref=shop:1", "--currency", "EUR")
    assert say("--schema", "crm", *register).status == 0
    assert [each["ref"] for each in say("--schema", "crm", "customers", "--json").json] == ["shop:1"]
    assert say("customers", "--json").status != 0
    monkeypatch.setenv("REGULARS_SCHEMA", "crm")
    assert [each["ref"] for each in say("customers", "--json").json] == ["shop:1"]
    assert say("rebuild").status == 0
    assert say("verify").status == 0
    missing = say("--schema", "other", "status")
    assert missing.status != 0
    assert 'there is no schema "other" in' in missing.err
    assert "crm" in made(bare_postgres_url)
    assert "other" not in made(bare_postgres_url)
    copied = say("copy", within(bare_postgres_url, "crm"), "copy.db", "--json")
    assert copied.json["events"] == 1
    assert say("--schema", "crm", "copy", "a.db", "b.db").status == 2
    monkeypatch.delenv("REGULARS_SCHEMA")
    monkeypatch.delenv("REGULARS_DB")
    refused = say("--schema", "crm", "--db", "copy.db", "status")
    assert "a SQLite file has no schemas" in refused.err
    assert say("--schema", "crm", "demo").status == 2


def test_a_day_later_everything_still_answers(postgres_database_url: str) -> None:
    """Seals are made, and read models grow old, in the schema alone."""
    now = [NOW]
    before = made(postgres_database_url)
    with regulars.open(postgres_database_url, schema="crm", currency="EUR", clock=lambda: now[0]) as crm:
        for number in range(3):
            crm.do(RegisterCustomer(ref=f"shop:{number}"))
            now[0] += timedelta(days=2)
        assert len(crm.customers(known_at=NOW + timedelta(days=1))) == 1
        crm.seal()
        assert crm.projections.verify().holds
    after = made(postgres_database_url)
    after.pop("crm")
    assert after == before
