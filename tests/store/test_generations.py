"""Read models: what SQL sees of them, when they are built anew, and what keeps them from being written."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

import regulars
from outside import run
from regulars import (
    AssignOwner,
    Customer,
    NotFound,
    OpenTicket,
    QualifyLead,
    RecordPurchase,
    RecordSurveyAnswer,
    RegisterCustomer,
    Regulars,
    Rejected,
    ResolveTicket,
    StaleProjections,
    StoreBusy,
    StoreUnusable,
    TagCustomer,
    UntagCustomer,
)
from regulars.adapters.read_models import catch_up
from regulars.adapters.store.store import Store
from shops import EXAMPLES, empty_file

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def clock() -> datetime:
    return NOW


def opened(url: str, **options: Any) -> Regulars:
    return regulars.open(url, currency="EUR", actor="li", clock=clock, **options)


@pytest.fixture
def crm(database_url: str) -> Iterator[Regulars]:
    with opened(database_url) as crm:
        crm.do(
            [
                RegisterCustomer(ref="shop:1", name="Ada", occurred_at="2025-12-01T12:00:00+00:00"),
                RecordPurchase(
                    customer="shop:1", order_id="A-1", amount="200.00", occurred_at="2025-12-01T12:00:00+00:00"
                ),
                RegisterCustomer(ref="shop:2", occurred_at="2026-02-28T12:00:00+00:00"),
            ]
        )
        yield crm


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    [found] = run(url, query)
    return found


def test_the_read_models_can_be_asked_in_sql(crm: Regulars, database_url: str) -> None:
    crm.catch_up()
    tiers = rows(database_url, "SELECT value, count(*) FROM regulars_loyalty_tier GROUP BY value ORDER BY value")
    # Silver is reached at once, and member holds from the start for the other and again after hold and grace.
    assert tiers == [("member", 2), ("silver", 1)]
    assert rows(database_url, "SELECT orders, net_spend FROM regulars_customer_card ORDER BY orders") == [
        (0, 0),
        (1, 20000),
    ]


def test_the_audit_trail_is_text_without_anything_personal(crm: Regulars, database_url: str) -> None:
    trail = rows(
        database_url,
        "SELECT position, type, actor, payload, has_personal_data FROM regulars_audit_trail ORDER BY position",
    )
    assert [(row[1], row[2]) for row in trail] == [
        ("CustomerRegistered", "li"),
        ("PurchaseRecorded", "li"),
        ("CustomerRegistered", "li"),
    ]
    assert trail[1][3] == '{"type":"PurchaseRecorded","order_id":"A-1","amount":20000,"currency":"EUR"}'
    assert all("Ada" not in str(row) for row in trail)
    assert [bool(row[4]) for row in trail] == [True, False, True]


QUERIES = re.findall(r"```sql\n(.*?)```", (Path(__file__).parents[2] / "docs" / "sql.md").read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("number", range(3))
def test_the_documented_queries_answer(crm: Regulars, database_url: str, number: int) -> None:
    crm.catch_up()
    # By actor and type; the richest customer's two events; and all three were told a day or more late.
    assert len(rows(database_url, QUERIES[number])) == (2, 2, 3)[number]


def test_a_question_about_one_customer_writes_nothing(crm: Regulars) -> None:
    assert crm.customer("shop:1").tier == "silver"
    assert crm.status().behind == 3
    assert len(crm.customers(fresh=False)) == 0
    assert crm.customers(fresh=False).behind == 3
    assert len(crm.customers()) == 2
    assert crm.status().behind == 0


def test_what_other_code_built_is_named_and_the_rest_is_compared(crm: Regulars, database_url: str) -> None:
    crm.catch_up()
    builds = crm._store.schema.builds
    whole = crm.projections.verify()
    assert (whole.to_be_built, whole.holds) == ((), True)
    for name in ("attribution", "facts", "items", "pipeline", "tasks"):
        with crm._store.database.writing() as connection:
            ours = connection.scalar(sa.select(builds.c.versions).where(builds.c.name == name))
            connection.execute(builds.update().where(builds.c.name == name).values(versions="{}"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StaleProjections)
            stale = opened(database_url)
        with stale:
            found = stale.projections.verify()
        assert (found.to_be_built, found.holds) == ((name,), True)
        assert found.builds.keys() == whole.builds.keys() - {name}
        with crm._store.database.writing() as connection:
            connection.execute(builds.update().where(builds.c.name == name).values(versions=ours))


def test_a_store_of_a_release_without_some_projections_is_compared_as_far_as_it_goes_until_they_are_built(
    crm: Regulars, database_url: str
) -> None:
    crm.catch_up()
    whole, lacking = crm.projections.verify(), ("leads", "pipeline", "tasks")
    schema = crm._store.schema
    with crm._store.reading() as tx:
        models = crm._session.live(tx).read_models(crm._store)
    cascade = " CASCADE" if database_url.startswith("postgresql") else ""
    with crm._store.database.writing() as connection:
        for name in lacking:
            for table in models.tables.tables_of(name):
                connection.exec_driver_sql(f"DROP TABLE {table.name}{cascade}")
            for listed in (schema.builds, schema.generation_builds):
                connection.execute(listed.delete().where(listed.c.name == name))
    with pytest.warns(StaleProjections, match="leads isn't built yet; pipeline isn't built yet; and 1 more;"):
        older = opened(database_url)
    with older:
        found = older.projections.verify()
        assert (found.to_be_built, found.holds) == (lacking, True)
        assert found.builds.keys() == whole.builds.keys() - {*lacking}
        with pytest.raises(StoreUnusable, match=r"^pipeline isn't built yet; `regulars rebuild --stale` builds it$"):
            older.pipeline()
        older.projections.rebuild_stale()
        again = older.projections.verify()
        assert (again.to_be_built, again.holds) == ((), True)
        assert again.builds.keys() == whole.builds.keys()
        assert older.pipeline().lines == crm.pipeline().lines


def test_a_column_that_other_code_did_not_have_is_no_error_of_the_database(crm: Regulars) -> None:
    crm.catch_up()
    with crm._store.reading() as tx:
        table = crm._session.live(tx).read_models(crm._store).of("attribution").intervals
    with crm._store.database.writing() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {table.name} RENAME COLUMN kind TO former")
    with pytest.raises(StoreUnusable, match=r"^what is asked for isn't in the read models yet"):
        crm.trend("kind")


def test_a_generation_of_other_code_is_never_written_and_a_new_one_takes_over(crm: Regulars, database_url: str) -> None:
    before = [(each.ref, each.stage, each.tier, each.risk) for each in crm.customers()]
    builds = crm._store.schema.builds
    with crm._store.database.writing() as connection:
        connection.execute(builds.update().values(versions="{}", digest="of older code"))
    with pytest.raises(StoreUnusable, match="`regulars rebuild`"):
        opened(database_url, on_stale="error")
    with pytest.warns(StaleProjections, match="folded by other code"):
        stale = opened(database_url)
    with stale:
        stale.do(RegisterCustomer(ref="shop:4"))
        assert stale.customer("shop:4").stage == "lead"
        assert sorted((each.ref, each.stage, each.tier, each.risk) for each in stale.customers()) == sorted(before)
        assert stale.customers().behind == 1
        assert stale.status().generation == 1
    with opened(database_url, on_stale="rebuild") as newer:
        assert newer.status().generation == 2
        before.append(("shop:4", *(getattr(newer.customer("shop:4"), name) for name in ("stage", "tier", "risk"))))
        assert sorted((each.ref, each.stage, each.tier, each.risk) for each in newer.customers()) == sorted(before)
        assert rows(database_url, "SELECT count(*) FROM regulars_customer_card") == [(3,)]
        newer.do(RegisterCustomer(ref="shop:3"))
        assert len(newer.customers()) == 4
        with newer._store.reading() as tx:
            old = sa.select(builds.c.checkpoint).where(builds.c.digest == "of older code").distinct()
            assert tx.connection.execute(old).scalars().all() == [3]
        assert rows(database_url, "SELECT count(*) FROM regulars_customer_card") == [(4,)]


def test_an_event_of_an_unknown_type_stops_the_catch_up(crm: Regulars) -> None:
    events = crm._store.schema.events
    with crm._store.database.writing() as connection:
        connection.execute(events.update().where(events.c.position == 2).values(type="FromTheFuture"))
    with pytest.raises(StoreUnusable, match="FromTheFuture"):
        crm.catch_up()
    assert crm.status().behind == 3


def test_rules_are_given_when_a_store_is_made(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("rules") / "shop.db"
    own = regulars.default_rules().model_copy(
        update={"tier": regulars.default_rules().tier.model_copy(update={"hold_days": 30})}
    )
    with regulars.open(path, currency="EUR", rules=own) as crm:
        assert crm.ruleset.tier.hold_days == 30
    with regulars.open(path) as crm:
        assert crm.ruleset.digest() == own.digest()
    with pytest.raises(StoreUnusable, match="rules"):
        regulars.open(path, rules=regulars.default_rules())


def test_catching_up_waits_for_older_transactions_and_then_says_so(
    postgres_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "HORIZON_TIMEOUT", 0.2)
    with opened(postgres_database_url) as crm:
        other = Store(postgres_database_url)
        with other.database.writing() as connection:
            connection.exec_driver_sql("SELECT pg_current_xact_id()")
            crm.do(RegisterCustomer(ref="shop:1"))
            assert crm.customer("shop:1").stage == "lead"
            with pytest.raises(StoreBusy, match="the transaction of process"):
                crm.catch_up()
            with pytest.raises(StoreBusy, match="the transaction of process"):
                crm.customers(fresh=True)
        other.close()
        assert len(crm.customers()) == 1


# --------------------------------------------------------------------------------------------------- pages of people


def test_as_of_a_day_is_the_end_of_that_day_in_the_business_zone(crm: Regulars) -> None:
    assert [each.ref for each in crm.customers(as_of=date(2026, 2, 27))] == ["shop:1"]
    assert len(crm.customers(as_of=date(2026, 2, 28))) == 2
    at_midnight_in_berlin = datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert crm.customers(as_of=date(2026, 2, 28))[0].as_of == at_midnight_in_berlin - timedelta(microseconds=1)
    with pytest.raises(ValueError, match="zone"):
        crm.customers(as_of=datetime(2026, 2, 28, 12))  # noqa: DTZ001 - that is the point


def test_pages_go_on_where_the_last_one_ended(crm: Regulars) -> None:
    crm.do([RegisterCustomer(ref=f"more:{number}") for number in range(7)])
    for order in ("id", "risk"):
        seen: list[str] = []
        after = None
        while True:
            page = crm.customers(order=order, limit=2, after=after)  # type: ignore[arg-type]
            seen += [str(customer.ref) for customer in page]
            after = page.after
            if after is None:
                break
        assert sorted(seen) == sorted(["shop:1", "shop:2", *(f"more:{number}" for number in range(7))])
    risks = [customer.risk for customer in crm.customers(order="risk")]
    assert risks == sorted(risks, reverse=True)


def test_who_becomes_something_is_an_ordinary_question(crm: Regulars) -> None:
    # One order on 1 December: at risk after twice the prior gap of 30 days, on 30 January; dormant after 90, 1 March.
    due = crm.customers(becoming={"stage": "at_risk"}, within=timedelta(days=14), as_of=date(2026, 1, 20))
    assert [(each.ref, each.becomes_at) for each in due] == [("shop:1", datetime(2026, 1, 30, 12, tzinfo=UTC))]
    assert len(crm.customers(becoming={"stage": "at_risk"}, within=timedelta(days=9), as_of=date(2026, 1, 20))) == 0
    assert [each.stage for each in crm.customers(tier="silver")] == ["dormant"]


def test_who_would_have_become_something_is_asked_without_what_came_later(crm: Regulars) -> None:
    # As of 20 January nothing says that they will order again, and at risk they would have been from 30 January on.
    crm.do(RecordPurchase(customer="shop:1", order_id="A-2", amount="400.00", occurred_at="2026-01-25T12:00:00+00:00"))
    asked = {"within": timedelta(days=14), "as_of": date(2026, 1, 20)}
    due = crm.customers(becoming={"stage": "at_risk"}, **asked)  # type: ignore[arg-type]
    assert [(each.ref, each.becomes_at) for each in due] == [("shop:1", datetime(2026, 1, 30, 12, tzinfo=UTC))]
    assert due[0].verdict("stage").next.since == due[0].becomes_at  # type: ignore[union-attr]
    assert len(crm.customers(becoming={"tier": "gold"}, **asked)) == 0  # type: ignore[arg-type]


def test_a_band_is_entered_once_however_often_the_score_rises_within_it(crm: Regulars) -> None:
    for band in ("low", "medium", "high", "critical"):
        due = [each.ref for each in crm.customers(becoming={"risk": band}, within=timedelta(days=2000))]
        assert len(due) == len(set(due))
    already_critical = crm.customers(risk_band="critical", as_of=date(2028, 1, 1))
    assert len(already_critical) == 2
    later = crm.customers(becoming={"risk": "critical"}, within=timedelta(days=2000), as_of=date(2028, 1, 1))
    assert len(later) == 0


def test_what_the_rules_do_not_know_is_refused(crm: Regulars) -> None:
    with pytest.raises(ValueError, match="no stage is called"):
        crm.customers(stage="happy")
    with pytest.raises(ValueError, match="go together"):
        crm.customers(becoming={"stage": "at_risk"})
    with pytest.raises(ValueError, match="limit"):
        crm.customers(limit=0)
    with pytest.raises(ValueError, match="after"):
        crm.customers(after="nonsense")


def test_a_clock_that_is_behind_hides_nothing(crm: Regulars, database_url: str) -> None:
    with regulars.open(database_url, clock=lambda: NOW - timedelta(days=60)) as behind:
        assert behind.customer("shop:2").stage == "lead"
        assert {each.ref for each in behind.customers()} == {"shop:1", "shop:2"}
        with pytest.raises(Rejected) as refused:
            behind.do(RegisterCustomer(ref="shop:9", occurred_at=NOW))
        assert refused.value.code == "in_the_future"


@settings(max_examples=EXAMPLES // 4)
@given(st.data())
def test_a_list_holds_whoever_is_so_when_asked_one_by_one(data: st.DataObject) -> None:
    """Any filters, any order, any day, in pages of any size: nobody is missed, and nobody comes twice."""
    with empty_file() as file, opened(file) as crm:
        for number in range(data.draw(st.integers(1, 8))):
            day = NOW - timedelta(days=data.draw(st.integers(0, 300)))
            who = f"shop:{number}"
            source = data.draw(st.sampled_from([None, "fair"]))
            crm.do(RegisterCustomer(ref=who, source=source, occurred_at=day))
            for order in range(data.draw(st.integers(0, 3))):
                bought = NOW - timedelta(days=data.draw(st.integers(0, 320)))
                amount = str(data.draw(st.sampled_from([20, 200, 700])))
                crm.do(RecordPurchase(customer=who, order_id=f"{number}-{order}", amount=amount, occurred_at=bought))
            if data.draw(st.booleans()):
                crm.do(QualifyLead(customer=who, occurred_at=NOW - timedelta(days=data.draw(st.integers(0, 320)))))
            for said in data.draw(st.lists(st.sampled_from([TagCustomer, UntagCustomer]), max_size=3)):
                told = NOW - timedelta(days=data.draw(st.integers(0, 300)))
                crm.do(said(customer=who, label="vip", occurred_at=told))
            for owner in data.draw(st.lists(st.sampled_from(["li", "max"]), max_size=2)):
                told = NOW - timedelta(days=data.draw(st.integers(0, 300)))
                crm.do(AssignOwner(customer=who, owner=owner, occurred_at=told))
        as_of = NOW + timedelta(days=data.draw(st.integers(-330, 400)))
        wanted = {
            name: data.draw(st.sampled_from([None, *crm.values(lane)]))
            for name, lane in (("stage", "stage"), ("tier", "tier"), ("risk_band", "risk"))
            if data.draw(st.booleans())
        }
        facts = {"tag": "vip", "owner": "li", "source": "fair"}
        narrowed = data.draw(st.sets(st.sampled_from(sorted(facts)), max_size=2))
        order = data.draw(st.sampled_from(sorted(IN_ORDER)))
        alone = (one(crm, f"shop:{number}", as_of) for number in range(8))
        expected = [
            each
            for each in alone
            if each is not None
            and all(value in (None, getattr(each, name)) for name, value in wanted.items())
            and ("tag" not in narrowed or "vip" in each.tags)
            and all(facts[name] == getattr(each, name) for name in narrowed - {"tag"})
        ]
        if order == "known_since":
            expected.reverse()
        expected.sort(key=IN_ORDER[order])  # those of equal rank as they were registered
        wanted |= {name: facts[name] for name in narrowed}
        limit, fresh = data.draw(st.integers(1, 4)), data.draw(st.sampled_from([True, timedelta()]))
        assert in_pages(crm, as_of=as_of, order=order, limit=limit, fresh=fresh, **wanted) == expected


#: What is sorted by, the least first.
IN_ORDER: dict[str, Callable[[Customer], Any]] = {
    "id": lambda each: 0,
    "known_since": lambda each: 0,
    "risk": lambda each: -each.risk,
    "spend": lambda each: -each.net_spend,
    "last_order": lambda each: -each.last_order_at.timestamp() if each.last_order_at else 0,
}


def one(crm: Regulars, who: str, as_of: datetime) -> Customer | None:
    try:
        return crm.customer(who, as_of=as_of)
    except NotFound:
        return None


def in_pages(crm: Regulars, **asked: Any) -> list[Customer]:
    found: list[Customer] = []
    after = None
    while True:
        page = crm.customers(after=after, **asked)
        found += page
        after = page.after
        if after is None:
            return found


def test_who_comes_to_a_band_again_by_another_way_is_found(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Medium twice, with other scores in between and a time in high: asked now and later, it is the same."""
    now = [datetime(2024, 1, 1, 12, tzinfo=UTC)]
    began = now[0]
    with regulars.open(":memory:", currency="EUR", clock=lambda: now[0]) as crm:
        crm.do(RegisterCustomer(ref="a"))
        for day in (39, 55, 77):
            now[0] = began + timedelta(days=day)
            crm.do(RecordPurchase(customer="a", order_id=str(day), amount="5"))
        now[0] = began + timedelta(days=110)
        crm.do(OpenTicket(customer="a", ticket_id="t", priority="low"))
        now[0] = began + timedelta(days=130)
        crm.do(ResolveTicket(ticket_id="t"))
        asked = now[0] = began + timedelta(days=133)
        crm.do(RecordSurveyAnswer(customer="a", survey="nps", score=0))
        at_once = crm.customers(becoming={"risk": "medium"}, within=timedelta(days=300))
        now[0] += timedelta(days=1)
        crm.do(TagCustomer(customer="a", label="x"))
        later = crm.customers(becoming={"risk": "medium"}, within=timedelta(days=300), as_of=asked)
        assert [each.becomes_at for each in at_once] == [each.becomes_at for each in later]
        assert len(at_once) == 1


@pytest.mark.parametrize(
    "asked",
    [
        {"order": "colour"},
        {"rules": "1"},
        {"rules": True},
        {"after": "9" * 40 + ":a"},
        {"becoming": {}, "within": timedelta(days=1)},
        {"becoming": {"stage": "at_risk"}, "within": timedelta(days=-1)},
    ],
)
def test_a_question_with_wrong_words_is_a_value_error(crm: Regulars, asked: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"order|rules|after|becoming|within"):
        crm.customers(**asked)
    assert len(crm.customers(becoming={"stage": "at_risk"}, within=timedelta.max)) >= 0
