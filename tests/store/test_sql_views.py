"""What others read of a store by SQL, under names that stay: with grants on them, and with what was built on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import resources
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

import regulars
from adapters.schema import GenerationTables
from regulars import RecordPurchase, RegisterCustomer, Regulars, StoreUnusable, parse_rules

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OF_GENERATIONS = ("lifecycle_stage", "loyalty_tier", "churn_risk", "points", "ticket_queue", "customer_card")
FORMER = ("audit_trail", *OF_GENERATIONS)

#: How version 5 made `points`, and the audit trail on either database.
POINTS_BEFORE = "CREATE VIEW points AS SELECT customer_id, valid_from, valid_to, value, score FROM points_1"
TRAIL_BEFORE = """
        CREATE VIEW audit_trail AS
        SELECT position, {} AS occurred_at, {} AS recorded_at,
               actor, type, customer_id, stream_id, version, category, correlation_id, causation_id, command_id,
               {} AS payload, secret IS NOT NULL AS has_personal_data
        FROM events
    """


def opened(url: str, **options: Any) -> Regulars:
    return regulars.open(url, currency="EUR", actor="li", clock=lambda: NOW, **options)


def make_store(url: str) -> None:
    with opened(url) as crm:
        crm.do([RegisterCustomer(ref="shop:1", name="Ada"), RegisterCustomer(ref="shop:2")])
        crm.do(RecordPurchase(customer="shop:1", order_id="A-1", amount="200.00"))
        crm.catch_up()


def publish(url: str, days: int) -> None:
    """Bring other rules into force, which makes a generation, and drop those that nobody can go back to."""
    with opened(url) as crm:
        text = resources.files("regulars").joinpath("rules.toml").read_text("utf-8")
        text = text.replace("window_days = 365", f"window_days = {days}")
        crm.rules.publish(parse_rules(text, "these"), reason=f"{days} days")
        crm.catch_up()
        crm.projections.prune()


def run(url: str, *statements: str) -> list[list[tuple[Any, ...]]]:
    """The rows that some statements give, past the library."""
    engine = sa.create_engine(url if "://" in url else f"sqlite:///{url}", poolclass=sa.NullPool)
    with engine.begin() as connection:
        done = [connection.exec_driver_sql(statement) for statement in statements]
        return [list(map(tuple, each.all())) if each.returns_rows else [] for each in done]


def shown(url: str, *names: str) -> list[list[tuple[Any, ...]]]:
    return [sorted(rows, key=repr) for rows in run(url, *(f"SELECT * FROM {name}" for name in names))]


def live(url: str) -> int:
    with opened(url, read_only=True) as crm:
        return crm.status().generation


def stored(url: str) -> list[list[tuple[Any, ...]]]:
    """What the views are to show of the generation that answers, past the views."""
    tables, rows = GenerationTables(live(url)), []
    for name in OF_GENERATIONS:
        [table] = [each for each in tables.metadata.sorted_tables if each.name == f"{name}_{tables.number}"]
        columns = ", ".join(column.name for column in table.c if column.name != "folded")
        rows += shown(url, f"(SELECT {columns} FROM {table.name}) AS every")
    return rows


@pytest.fixture
def url(database_url: str) -> str:
    make_store(database_url)
    return database_url


@contextmanager
def new_role(url: str) -> Iterator[tuple[str, str]]:
    """The name of a role that may do nothing yet, and the URL by which it comes."""
    role = f"reader_{uuid4().hex}"
    run(url, f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
    try:
        yield role, make_url(url).set(username=role, password="secret").render_as_string(hide_password=False)
    finally:
        run(url, f"REASSIGN OWNED BY {role} TO CURRENT_USER", f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_both_names_show_the_generation_that_answers_whatever_is_published_and_pruned(url: str) -> None:
    for days in (200, 300, 400):
        publish(url, days)
        assert shown(url, *(f"regulars_{name}" for name in OF_GENERATIONS)) == stored(url)
        assert shown(url, *FORMER) == shown(url, *(f"regulars_{name}" for name in FORMER))
    assert len(run(url, "SELECT * FROM regulars_audit_trail")[0]) == 6
    with opened(url) as crm:
        crm.rules.rollback(reason="back again")
    assert shown(url, *OF_GENERATIONS) == stored(url)


def test_a_view_on_ours_is_in_nobodys_way_and_follows(url: str) -> None:
    run(url, "CREATE VIEW mine AS SELECT customer_id, value FROM regulars_churn_risk")
    run(url, "CREATE VIEW mine_of_before AS SELECT customer_id, value FROM churn_risk")
    for days in (200, 300, 400):
        publish(url, days)
        with opened(url) as crm:
            crm.do(RegisterCustomer(ref=f"new:{days}"))
            crm.catch_up()
        mine, before, ours = shown(url, "mine", "mine_of_before", "(SELECT customer_id, value FROM churn_risk) AS ours")
        assert mine == before == ours
    assert len({row[0] for row in mine}) == 5


@pytest.mark.parametrize("kind", ["TABLE", "VIEW"])
def test_what_others_called_so_before_us_is_left_alone(database_url: str, kind: str) -> None:
    columns = "(customer_id int)" if kind == "TABLE" else "AS SELECT 7 AS customer_id"
    run(database_url, *(f"CREATE {kind} {name} {columns}" for name in FORMER))
    before = shown(database_url, *FORMER)
    make_store(database_url)
    publish(database_url, 200)
    assert shown(database_url, *FORMER) == before
    assert shown(database_url, *(f"regulars_{name}" for name in OF_GENERATIONS)) == stored(database_url)


@pytest.mark.parametrize("kind", ["TABLE", "VIEW"])
def test_a_name_that_we_need_is_asked_for_and_not_taken(database_url: str, kind: str) -> None:
    columns = "(mine int)" if kind == "TABLE" else "AS SELECT 7 AS mine"
    run(database_url, f"CREATE {kind} regulars_points {columns}")
    before = shown(database_url, "regulars_points")
    with pytest.raises(StoreUnusable, match='"regulars_points" in this database is not ours, and was left alone'):
        make_store(database_url)
    assert shown(database_url, "regulars_points") == before


def make_version_5(url: str) -> None:
    """The views as version 5 made them, each of its own, but for one that somebody put a view of theirs in place of."""
    time, text = "to_timestamp({} / 1e6)", "convert_from(payload, 'UTF8')"
    if "://" not in url:
        time, text = "strftime('%Y-%m-%dT%H:%M:%fZ', {} / 1e6, 'unixepoch')", "CAST(payload AS TEXT)"
    trail = TRAIL_BEFORE.format(time.format("occurred_at"), time.format("recorded_at"), text)
    of_generation = GenerationTables(live(url)).views
    views = [
        trail,
        *(f"CREATE VIEW {each.name} AS SELECT {', '.join(each.columns)} FROM {each.table}" for each in of_generation),
    ]
    assert POINTS_BEFORE in views
    run(
        url,
        *(f"DROP VIEW {name}" for name in FORMER),
        *(f"DROP VIEW regulars_{name}" for name in FORMER),
        *(view for view in views if "VIEW churn_risk" not in view),
        "CREATE VIEW churn_risk AS SELECT customer_id, value FROM churn_risk_1 WHERE score > 50",
    )
    version = "'5'" if "://" not in url else "convert_to('5', 'UTF8')"
    run(url, f"UPDATE settings SET value = CAST({version} AS {'BLOB' if '://' not in url else 'BYTEA'}) "
        "WHERE name = 'schema_version'")  # fmt: skip


def test_a_store_of_version_5_gets_names_of_ours_and_keeps_those_it_had(url: str) -> None:
    before = shown(url, *FORMER)
    make_version_5(url)
    theirs = shown(url, "churn_risk")
    run(url, "CREATE VIEW mine AS SELECT customer_id FROM customer_card")
    opened(url).close()
    kept = [name for name in FORMER if name != "churn_risk"]
    assert shown(url, *(f"regulars_{name}" for name in FORMER)) == before
    assert shown(url, *kept) == [rows for name, rows in zip(FORMER, before, strict=True) if name in kept]
    publish(url, 200)
    if "://" in url:
        # What asks for a table itself keeps that generation from being dropped, which is said, and nothing is lost.
        with pytest.raises(StoreUnusable, match="what others build is to ask the views"):
            publish(url, 300)
        assert shown(url, "churn_risk") == theirs
        run(url, "DROP VIEW churn_risk")
    publish(url, 400)
    assert shown(url, *(name for name in kept if name != "audit_trail")) == [
        rows for name, rows in zip(OF_GENERATIONS, stored(url), strict=True) if name in kept
    ]
    assert len(shown(url, "mine")[0]) == 2


# ------------------------------------------------------------------------------------------------------- PostgreSQL


def test_who_was_granted_the_names_of_before_goes_on_by_both(postgres_database_url: str) -> None:
    url = postgres_database_url
    make_store(url)
    make_version_5(url)
    with new_role(url) as (role, theirs):
        run(url, f"GRANT SELECT ON points, audit_trail, customer_card TO {role}")
        names = ("points", "audit_trail", "customer_card")
        before = shown(theirs, *names)
        for days in (None, 200):
            if days is None:
                opened(url).close()
            else:
                publish(url, days)
            assert len(shown(theirs, *names)[1]) == len(before[1]) + (days is not None)
            assert shown(theirs, *(f"regulars_{name}" for name in names)) == shown(theirs, *names)
            with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
                run(theirs, "SELECT * FROM regulars_loyalty_tier")


def answers(crm: Regulars) -> list[object]:
    listed = sorted((each.ref, each.name, each.stage, each.tier) for each in crm.customers())  # type: ignore[type-var]
    return [crm.read_only, listed, crm.customer("shop:1").orders, len(crm.audit()), len(crm.tickets())]


def test_a_role_that_may_only_select_goes_on_after_publications(postgres_database_url: str) -> None:
    url = postgres_database_url
    make_store(url)
    with new_role(url) as (role, theirs):
        run(url, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        run(
            url,
            f"GRANT USAGE ON SCHEMA public TO {role} WITH GRANT OPTION",
            f"CREATE SCHEMA {role} AUTHORIZATION {role}",
        )
        run(theirs, f"CREATE VIEW {role}.mine AS SELECT customer_id, value FROM public.regulars_loyalty_tier")
        with opened(theirs) as crm:
            before = answers(crm)
            for count, days in enumerate((200, 300, 400), start=1):
                publish(url, days)
                assert answers(crm) == [*before[:3], 3 + count, 0]
                with opened(theirs) as anew:
                    assert answers(anew) == answers(crm)
                assert len({row[0] for row in run(theirs, f"SELECT * FROM {role}.mine")[0]}) == 2
            with opened(url) as owner:
                owner.rules.rollback(reason="back again")
            assert answers(crm)[:3] == before[:3]


def test_every_grant_on_a_generation_is_passed_on(postgres_database_url: str) -> None:
    url = postgres_database_url
    make_store(url)
    granted = """
        SELECT table_name, grantee, privilege_type, is_grantable, '' FROM information_schema.table_privileges
        WHERE table_name LIKE '%%_{0}' AND (grantee IN ('PUBLIC', '{1}'))
        UNION ALL
        SELECT table_name, grantee, privilege_type, is_grantable, column_name FROM information_schema.column_privileges
        WHERE table_name LIKE '%%_{0}' AND (grantee IN ('PUBLIC', '{1}'))
    """
    with new_role(url) as (role, _):
        run(
            url,
            f"GRANT SELECT, INSERT, DELETE ON points_1 TO {role} WITH GRANT OPTION",
            "GRANT SELECT ON ticket_queue_1 TO PUBLIC",
            f"GRANT SELECT (customer_id, orders), UPDATE (orders) ON customer_card_1 TO {role}",
        )
        publish(url, 200)
        one, two = (
            sorted((row[0].removesuffix(f"_{number}"), *row[1:]) for row in run(url, granted.format(number, role))[0])
            for number in (1, 2)
        )
        assert one == two
        assert {row[0] for row in one} == {"points", "ticket_queue", "customer_card"}


def test_who_publishes_for_the_owner_leaves_the_owner_their_rights(postgres_database_url: str) -> None:
    url = postgres_database_url
    make_store(url)
    with new_role(url) as (owner, as_owner), new_role(url) as (member, as_member):
        [tables, sequences] = run(
            url,
            "SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'v') AND relnamespace = 'public'::regnamespace",
            "SELECT oid::regclass FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace",
        )
        run(url, *(f"ALTER TABLE {name} OWNER TO {owner}" for (name,) in (*tables, *sequences)))
        run(url, f"GRANT {owner} TO {member}", f"GRANT CREATE, USAGE ON SCHEMA public TO {owner}, {member}")
        publish(as_member, 200)
        assert len(run(as_owner, "SELECT DISTINCT customer_id FROM regulars_churn_risk")[0]) == 2
        with opened(as_owner) as crm:
            crm.do(RegisterCustomer(ref="shop:3"))
            assert len(crm.customers()) == 3


def test_columns_that_would_change_are_said_and_nothing_is_dropped(postgres_database_url: str) -> None:
    url = postgres_database_url
    make_store(url)
    run(url, "ALTER VIEW regulars_points RENAME COLUMN score TO balance")
    with pytest.raises(StoreUnusable, match='"regulars_points" can\'t be replaced in place') as refused:
        publish(url, 200)
    assert "\n" not in str(refused.value)
    assert live(url) == 1
    assert run(url, "SELECT balance FROM regulars_points")


def test_the_options_of_a_view_stay(postgres_database_url: str) -> None:
    url = postgres_database_url
    make_store(url)
    run(url, "ALTER VIEW regulars_points SET (security_barrier = true)")
    publish(url, 200)
    assert run(url, "SELECT reloptions FROM pg_class WHERE relname = 'regulars_points'") == [
        [(["security_barrier=true"],)]
    ]
