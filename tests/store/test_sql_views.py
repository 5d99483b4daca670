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
from kept import keep_at
from regulars import RecordPurchase, RegisterCustomer, Regulars, StoreUnusable, parse_rules
from shops import tables_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OF_GENERATIONS = ("lifecycle_stage", "loyalty_tier", "churn_risk", "points", "ticket_queue", "customer_card")
FORMER = ("audit_trail", *OF_GENERATIONS)

_ID = "(SELECT customer_id FROM regulars_events WHERE position = t.customer)"
_VERDICT = f"SELECT {_ID}, valid_from, valid_to, value, score FROM {{{{{{}}}}}} AS t"
#: What each view is to show, past the views.
QUERIES = {name: _VERDICT.format(name) for name in ("lifecycle_stage", "loyalty_tier", "points")} | {
    "churn_risk": f"""
        SELECT {_ID}, t.valid_from, t.valid_to,
               (SELECT value FROM {{churn_risk}} AS band WHERE band.customer = t.customer
                AND t.valid_from >= band.valid_from AND t.valid_from < band.valid_to) AS value, -t.minus_score AS score
        FROM {{churn_risk_steps}} AS t
    """,
    "ticket_queue": f"""
        SELECT ticket_id, valid_from, valid_to, {_ID}, status, first_response, resolution FROM {{ticket_queue}} AS t
    """,
    "customer_card": f"""
        SELECT {_ID}, orders, net_spend, first_order_at, last_order_at, last_heard_at,
               (SELECT last_event_at FROM {{facts}} AS f WHERE f.customer = t.customer)
        FROM {{customer_card}} AS t WHERE valid_to = 9223372036854775807
    """,
}
#: The columns of each view but those that were added at its end since version 5: the ends of an interval as times.
COLUMNS = dict.fromkeys(("lifecycle_stage", "loyalty_tier"), "customer_id, valid_from, valid_to, value, score") | {
    **dict.fromkeys(("points", "churn_risk"), "customer_id, valid_from, valid_to, value, score"),
    "ticket_queue": "ticket_id, valid_from, valid_to, customer_id, status, first_response, resolution",
}


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


def as_ever(*names: str) -> list[str]:
    """Views, by whichever of their names, with the columns that they always had."""
    return [f"(SELECT {COLUMNS.get(name.removeprefix('regulars_'), '*')} FROM {name}) AS every" for name in names]


def live(url: str) -> int:
    with opened(url, read_only=True) as crm:
        return crm.status().generation


def stored(url: str) -> list[list[tuple[Any, ...]]]:
    """What the views are to show of the generation that answers, past the views."""
    with opened(url, read_only=True) as crm:
        tables = tables_of(crm, live(url))
        queries = [
            QUERIES[name].format(**{name: each.name for name, each in tables.items()}) for name in OF_GENERATIONS
        ]
    return shown(url, *(f"({query}) AS every" for query in queries))


@pytest.fixture
def url(bare_url: str) -> str:
    make_store(bare_url)
    return bare_url


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
        assert shown(url, *as_ever(*(f"regulars_{name}" for name in OF_GENERATIONS))) == stored(url)
        assert shown(url, *FORMER) == shown(url, *(f"regulars_{name}" for name in FORMER))
    assert len(run(url, "SELECT * FROM regulars_audit_trail")[0]) == 6
    with opened(url) as crm:
        crm.rules.rollback(reason="back again")
    assert shown(url, *as_ever(*OF_GENERATIONS)) == stored(url)


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
def test_what_others_called_so_before_us_is_left_alone(bare_url: str, kind: str) -> None:
    columns = "(customer_id int)" if kind == "TABLE" else "AS SELECT 7 AS customer_id"
    run(bare_url, *(f"CREATE {kind} {name} {columns}" for name in FORMER))
    before = shown(bare_url, *FORMER)
    make_store(bare_url)
    publish(bare_url, 200)
    assert shown(bare_url, *FORMER) == before
    assert shown(bare_url, *as_ever(*(f"regulars_{name}" for name in OF_GENERATIONS))) == stored(bare_url)


@pytest.mark.parametrize("kind", ["TABLE", "VIEW"])
def test_a_name_that_we_need_is_asked_for_and_not_taken(bare_url: str, kind: str) -> None:
    columns = "(mine int)" if kind == "TABLE" else "AS SELECT 7 AS mine"
    run(bare_url, f"CREATE {kind} regulars_points {columns}")
    before = shown(bare_url, "regulars_points")
    with pytest.raises(StoreUnusable, match='"regulars_points" in this database is not ours, and was left alone'):
        make_store(bare_url)
    assert shown(bare_url, "regulars_points") == before


@pytest.fixture
def of_version_5(bare_url: str) -> str:
    """A store that version 0.1 made, but for one view that somebody put a view of theirs in place of."""
    keep_at(bare_url)
    number = bytes(run(bare_url, "SELECT value FROM settings WHERE name = 'live_generation'")[0][0][0]).decode()
    theirs = f"CREATE VIEW churn_risk AS SELECT customer_id, value FROM churn_risk_{number} WHERE score > 50"
    run(bare_url, "DROP VIEW churn_risk", theirs)
    return bare_url


def bring_up_to_date(url: str) -> None:
    with opened(url) as crm:
        crm.catch_up()


def test_a_store_of_version_5_gets_names_of_ours_and_keeps_those_it_had(of_version_5: str) -> None:
    url, kept = of_version_5, [name for name in FORMER if name != "churn_risk"]
    before = shown(url, *kept)
    theirs = shown(url, "churn_risk")
    run(url, "CREATE VIEW mine AS SELECT customer_id FROM customer_card")
    if "://" not in url:
        run(url, "DROP VIEW churn_risk")  # a view on a table that is gone is in the way of every change on SQLite
    bring_up_to_date(url)
    assert shown(url, *as_ever(*(f"regulars_{name}" for name in kept))) == before
    assert shown(url, *as_ever(*kept)) == before
    if "://" in url:
        # What asks for a table itself keeps that table, as it was; all else is there under its new names.
        assert shown(url, "churn_risk") == theirs
    publish(url, 400)
    shown_now = dict(zip(OF_GENERATIONS, stored(url), strict=True))
    assert shown(url, *as_ever(*(name for name in kept if name != "audit_trail"))) == [
        rows for name, rows in shown_now.items() if name in kept
    ]
    assert len(shown(url, "mine")[0]) == len(shown_now["customer_card"])


# ------------------------------------------------------------------------------------------------------- PostgreSQL


def test_who_was_granted_the_names_of_before_goes_on_by_both(bare_postgres_url: str) -> None:
    url = bare_postgres_url
    keep_at(url)
    with new_role(url) as (role, theirs):
        run(url, f"GRANT SELECT ON points, audit_trail, customer_card TO {role}")
        names = ("points", "audit_trail", "customer_card")
        before = shown(theirs, *names)
        for days in (None, 200):
            if days is None:
                bring_up_to_date(url)
            else:
                publish(url, days)
            assert len(shown(theirs, *names)[1]) == len(before[1]) + (days is not None)
            assert shown(theirs, *(f"regulars_{name}" for name in names)) == shown(theirs, *names)
            with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
                run(theirs, "SELECT * FROM regulars_loyalty_tier")


def answers(crm: Regulars) -> list[object]:
    listed = sorted((each.ref, each.name, each.stage, each.tier) for each in crm.customers())  # type: ignore[type-var]
    return [crm.read_only, listed, crm.customer("shop:1").orders, len(crm.audit()), len(crm.tickets())]


def test_a_role_that_may_only_select_goes_on_after_publications(bare_postgres_url: str) -> None:
    url = bare_postgres_url
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


def test_every_grant_on_a_generation_is_passed_on(bare_postgres_url: str) -> None:
    url = bare_postgres_url
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
            f"GRANT SELECT, INSERT, DELETE ON regulars_points_1 TO {role} WITH GRANT OPTION",
            "GRANT SELECT ON regulars_ticket_queue_1 TO PUBLIC",
            f"GRANT SELECT (customer, orders), UPDATE (orders) ON regulars_customer_card_1 TO {role}",
        )
        with opened(url) as crm:
            assert crm.projections.rebuild() == 2
        one, two = (
            sorted((row[0].removesuffix(f"_{number}"), *row[1:]) for row in run(url, granted.format(number, role))[0])
            for number in (1, 2)
        )
        assert one == two
        assert {row[0] for row in one} == {"regulars_points", "regulars_ticket_queue", "regulars_customer_card"}


def test_who_publishes_for_the_owner_leaves_the_owner_their_rights(bare_postgres_url: str) -> None:
    url = bare_postgres_url
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


def test_columns_that_would_change_are_said_and_nothing_is_dropped(bare_postgres_url: str) -> None:
    url = bare_postgres_url
    make_store(url)
    run(url, "ALTER VIEW regulars_points RENAME COLUMN score TO balance")
    with pytest.raises(StoreUnusable, match='"regulars_points" can\'t be replaced in place') as refused:
        publish(url, 200)
    assert "\n" not in str(refused.value)
    assert live(url) == 1
    assert run(url, "SELECT balance FROM regulars_points")


def test_the_options_of_a_view_stay(bare_postgres_url: str) -> None:
    url = bare_postgres_url
    make_store(url)
    run(url, "ALTER VIEW regulars_points SET (security_barrier = true)")
    publish(url, 200)
    assert run(url, "SELECT reloptions FROM pg_class WHERE relname = 'regulars_points'") == [
        [(["security_barrier=true"],)]
    ]
