"""What happened can be asked in SQL: equal rows on both databases, which say what the feed of events says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import regulars
from outside import run
from regulars import (
    AssignTicket,
    ChangePriority,
    ClassifyTicket,
    CloseTicket,
    Command,
    CorrectPurchase,
    ErasePersonalData,
    EscalateTicket,
    GiveConsent,
    MergeCustomers,
    OpenTicket,
    RateTicket,
    RecordPurchase,
    RecordReturn,
    RecordSurveyAnswer,
    RegisterCustomer,
    Regulars,
    ReplyAsAgent,
    ReplyAsCustomer,
    ResolveTicket,
    RestorePurchase,
    StoreUnusable,
    UndoMerge,
    VoidPurchase,
    WithdrawConsent,
)
from regulars.adapters.log.codec import CODECS
from regulars.adapters.schema.tables import Schema
from shops import BEGIN, EXAMPLES, Clock, Step, empty_file, fresh_store, opened, play, register, trade
from shown import BOTH_SAY, alike, expected, rows_of, standing

OF_THE_LOG = tuple(each.name for each in Schema(is_sqlite=True).log_views)
DAY = timedelta(days=1)
#: Before 1970, where whole seconds and microseconds of a negative number go apart, and far ahead of us.
EARLY, LATE = datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(2025, 6, 30, 23, 59, 59, 1, tzinfo=UTC)


def at(days: float) -> datetime:
    return BEGIN + timedelta(days=days)


def a_year() -> Iterator[Command]:
    """Something of every kind that a view shows."""
    for ref in ("ada", "bob", "cleo", "dan", "eve"):
        yield RegisterCustomer(ref=ref, name=ref.title(), source="fair" if ref == "ada" else None, occurred_at=at(0))
    lines = [{"sku": "tea", "quantity": 2, "amount": "4.05"}, {"sku": 'a "mug"; ünïcode'}]
    yield RecordPurchase(customer="ada", order_id="A-1", amount="59.90", lines=lines, channel="web", occurred_at=at(1))
    yield RecordPurchase(customer="bob", order_id="A-2", amount="0.05", source="shop", occurred_at=at(2))
    yield RecordPurchase(customer="bob", order_id="A-2", amount="7.00", source="shop", occurred_at=at(2))
    yield RecordPurchase(customer="cleo", order_id="A#3", amount="100.00", occurred_at=EARLY)
    yield RecordPurchase(customer="dan", order_id="A-4", amount="20.00", occurred_at=LATE)
    yield RecordReturn(order_id="A-1", amount="9.90", return_id="R-1", occurred_at=at(5))
    yield RecordReturn(order_id="A-1", returned_so_far="29.90", occurred_at=at(7))
    yield RecordReturn(order_id="A-1", returned_so_far="5.00", occurred_at=at(6))
    yield RecordReturn(order_id="A-1", amount="10.00", return_id="R-2", occurred_at=at(7))
    yield RecordReturn(order_id="A-1", amount="1.00", return_id="R-3", occurred_at=at(8))
    yield RecordReturn(order_id="A#3", occurred_at=at(8))
    yield CorrectPurchase(order_id="A-1", lines=lines[:1])
    yield VoidPurchase(order_id="A-4")
    yield RestorePurchase(order_id="A-4")
    yield VoidPurchase(order_id="A#3")
    for channel, day in (("email", 1), ("sms", 1)):
        yield GiveConsent(customer="ada", channel=channel, purpose="news", occurred_at=at(day))
        yield WithdrawConsent(customer="ada", channel=channel, purpose="news", occurred_at=at(day + 3))
    yield GiveConsent(customer="bob", channel="email", purpose="news", occurred_at=at(5))
    yield OpenTicket(customer="ada", ticket_id="T-1", subject="broken", channel="email", occurred_at=at(3))
    yield OpenTicket(customer="bob", ticket_id="T-2", follows="T-1", complaint=True, priority="high", occurred_at=at(3))
    yield ReplyAsCustomer(ticket_id="T-1", occurred_at=at(3.1))
    yield ReplyAsAgent(ticket_id="T-1", occurred_at=at(3.2))
    yield ReplyAsAgent(ticket_id="T-1", occurred_at=at(3.3))
    yield AssignTicket(ticket_id="T-1", agent="li", occurred_at=at(3.4))
    yield AssignTicket(ticket_id="T-1", agent="jo", occurred_at=at(3.4))
    yield ClassifyTicket(ticket_id="T-1", topic="delivery", complaint=True, occurred_at=at(3.5))
    yield ClassifyTicket(ticket_id="T-1", topic="billing", occurred_at=at(3.4))
    yield ChangePriority(ticket_id="T-1", priority="urgent", occurred_at=at(3.5))
    yield EscalateTicket(ticket_id="T-1", level=2, occurred_at=at(3.6))
    yield ResolveTicket(ticket_id="T-1", occurred_at=at(4))
    yield RateTicket(ticket_id="T-1", score=2, comment="slow", occurred_at=at(5))
    yield CloseTicket(ticket_id="T-1", occurred_at=at(6))
    yield RecordSurveyAnswer(customer="cleo", survey="nps", score=10, interaction_id="S-1", occurred_at=at(9))
    yield MergeCustomers(customer="bob", into="cleo")
    yield MergeCustomers(customer="cleo", into="ada")
    yield MergeCustomers(customer="dan", into="ada")
    yield UndoMerge(customer="dan")
    yield ErasePersonalData(customer="eve", confirm=True)


@pytest.fixture
def crm(database_url: str) -> Iterator[Regulars]:
    with opened(database_url, Clock(LATE + DAY)) as crm:
        for command in a_year():
            crm.do(command)
        crm.catch_up()
        yield crm


def shown(url: str) -> dict[str, list[dict[str, Any]]]:
    return {name: rows_of(url, name) for name in OF_THE_LOG}


def test_each_view_says_what_the_feed_says(crm: Regulars, database_url: str) -> None:
    found, wanted = shown(database_url), expected(crm)
    for name in OF_THE_LOG:
        assert found[name] == wanted[name], name
        assert found[name], name


def test_amounts_and_families_are_as_reckoned_by_hand(crm: Regulars, database_url: str) -> None:
    ada, dan = str(crm.find("ada")), str(crm.find("dan"))
    orders = {each["order_id"]: each for each in rows_of(database_url, "orders")}
    assert sorted(orders) == ["A-1", "A-2", "A-4"]
    # Read as 5.00 on day 6 and as 29.90 on day 7, when 10.00 had come back as well; and 1.00 on day 8.
    assert (orders["A-1"]["number"], orders["A-1"]["returned_decimal"], orders["A-1"]["net_decimal"]) == (
        2,
        "30.90",
        "29.00",
    )
    assert {name: each["amount_decimal"] for name, each in orders.items()} == {
        "A-1": "59.90",
        "A-2": "7.00",
        "A-4": "20.00",
    }
    assert {name: each["customer_id"] for name, each in orders.items()} == {"A-1": ada, "A-2": ada, "A-4": dan}
    back = sorted(rows_of(database_url, "returns"), key=lambda each: (each["returned_at"], each["return_id"] is None))
    assert [each["amount_decimal"] for each in back] == ["9.90", "-4.90", "10.00", "14.90", "1.00"]
    [line] = rows_of(database_url, "order_lines")
    assert (line["line"], line["sku"], line["quantity"], line["amount"]) == (1, "tea", 2, 405)


def test_a_view_has_no_order_for_nobody_and_the_same_number_as_the_card(crm: Regulars, database_url: str) -> None:
    card = run(database_url, "SELECT customer_id, orders, net_spend FROM regulars_customer_card WHERE orders > 0")[0]
    orders = "SELECT customer_id, count(*), CAST(sum(net) AS BIGINT) FROM regulars_orders GROUP BY customer_id"
    assert sorted(card) == sorted(run(database_url, orders)[0])


def test_who_stands_where_now_is_as_the_library_answers(crm: Regulars, database_url: str) -> None:
    found = rows_of(database_url, "standing_now")
    wanted = standing(crm, datetime.now(UTC))
    assert alike({name: row[name] for name in BOTH_SAY} for row in found) == wanted
    assert len(found) == 3
    assert {row["currency"] for row in found} == {"EUR"}
    assert [row["is_forgotten"] for row in found].count(True) == 1


def test_what_is_a_little_ahead_of_the_clock_stands_already(database_url: str) -> None:
    ahead = datetime.now(UTC) + timedelta(minutes=4)
    with opened(database_url, lambda: ahead) as crm:
        crm.do(RegisterCustomer(ref="ada", occurred_at=ahead))
        crm.catch_up()
        [row] = rows_of(database_url, "standing_now")
        assert (row["stage"], row["as_of"]) == (crm.customer("ada").stage, ahead)


@pytest.mark.parametrize(
    ("currency", "amounts"), [("JPY", ["5", "70"]), ("KWD", ["0.005", "70.000"]), ("CLF", ["0.0005"])]
)
def test_an_amount_has_the_digits_of_its_currency(database_url: str, currency: str, amounts: list[str]) -> None:
    with regulars.open(database_url, currency=currency, actor="li") as crm:
        crm.do(RegisterCustomer(ref="ada"))
        for number, amount in enumerate(amounts):
            crm.do(RecordPurchase(customer="ada", order_id=f"A-{number}", amount=amount))
        crm.catch_up()
    assert sorted(row["amount_decimal"] for row in rows_of(database_url, "orders")) == amounts
    [row] = rows_of(database_url, "standing_now")
    assert row["net_spend_decimal"] == format(sum(map(Decimal, amounts)), "f")


def _agree(steps: list[Step], url: str) -> None:
    clock = Clock()
    with opened(url, clock) as crm:
        register(crm, clock)
        play(crm, clock, steps)
        crm.catch_up()
        wanted = expected(crm)
        for name in OF_THE_LOG:
            assert rows_of(url, name) == wanted[name], name
        found = rows_of(url, "standing_now")
        assert alike({name: row[name] for name in BOTH_SAY} for row in found) == standing(crm, datetime.now(UTC))
        card = "SELECT customer_id, orders, net_spend FROM regulars_customer_card WHERE orders > 0"
        orders = "SELECT customer_id, count(*), CAST(sum(net) AS BIGINT) FROM regulars_orders GROUP BY customer_id"
        assert sorted(run(url, card)[0]) == sorted(run(url, orders)[0])


@settings(max_examples=max(EXAMPLES // 5, 1))
@given(steps=trade())
def test_views_and_library_agree_whatever_happens_on_sqlite(steps: list[Step]) -> None:
    with empty_file() as url:
        _agree(steps, url)


@settings(max_examples=max(EXAMPLES // 15, 1))
@given(steps=trade())
def test_views_and_library_agree_whatever_happens_on_postgresql(steps: list[Step], postgres_url: str) -> None:
    with fresh_store("postgres", postgres_url) as url:
        _agree(steps, url)


QUERIES = re.findall(
    r"```sql\n(.*?)```", (Path(__file__).parents[2] / "docs" / "howto-reports.md").read_text("utf-8"), re.DOTALL
)


def test_the_documented_queries_answer_as_reckoned_by_hand(crm: Regulars, database_url: str) -> None:
    months, now, shares, consents, tickets, points = (rows for rows in run(database_url, *QUERIES))
    # Ada, into whom Bob and Cleo are merged: 29.00 and 7.00 net in January. Dan: 20.00 in June a year later.
    assert [tuple(map(str, row)) for row in months] == [
        ("2024-01", "new", "1", "2900"),
        ("2024-01", "returning", "1", "700"),
        ("2025-06", "new", "1", "2000"),
    ]
    assert sum(row[2] for row in now) == 2
    assert [(channel, int(back), int(sold)) for channel, back, sold, _ in shares if back] == [("web", 3090, 5990)]
    assert consents == [("email", "news", 1)]
    assert [row[:2] for row in tickets] == [("high", 1), ("urgent", 1)]
    assert points[0][0] == 0


# --------------------------------------------------------------------------------------------------------- as they stay


def test_the_views_are_put_again_where_they_stand(crm: Regulars, database_url: str) -> None:
    before = shown(database_url)
    run(database_url, "CREATE VIEW mine AS SELECT order_id, customer_id FROM regulars_orders")
    with crm._store.database.writing() as connection:
        for view in crm._store.schema.log_views:
            view.put(connection)
    assert shown(database_url) == before
    assert len(run(database_url, "SELECT * FROM mine")[0]) == len(before["orders"])


def test_a_store_of_version_9_gets_them_on_open(crm: Regulars, database_url: str) -> None:
    before = shown(database_url)
    crm.close()
    names = [f"regulars_{name}" for name in reversed(OF_THE_LOG)]
    run(database_url, *(f"DROP VIEW {name}" for name in names))
    was = "x'39'" if "://" not in database_url else "'9'::bytea"
    run(database_url, f"UPDATE regulars_settings SET value = {was} WHERE name = 'schema_version'")
    with opened(database_url, Clock(LATE + DAY)):
        assert shown(database_url) == before


def test_a_name_of_a_view_that_is_an_applications_own_is_left_alone(bare_url: str) -> None:
    run(bare_url, "CREATE VIEW regulars_orders AS SELECT 7 AS x")
    with pytest.raises(StoreUnusable, match='"regulars_orders" in this database is not ours'):
        regulars.open(bare_url)
    assert run(bare_url, "SELECT * FROM regulars_orders") == [[(7,)]]


@pytest.mark.parametrize("payload", ['{"type":"PurchaseRecorded","order_id":"A-9","amount":"x","lines":3}', "{}"])
def test_one_damaged_event_hides_no_other(crm: Regulars, database_url: str, payload: str) -> None:
    before = rows_of(database_url, "orders")
    events = crm._store.schema.events
    with crm._store.database.writing() as connection:
        position = before[0]["position"]
        connection.execute(events.update().where(events.c.position == position).values(payload=payload.encode()))
    others = [row for row in rows_of(database_url, "orders") if row["position"] != position]
    assert others == before[1:]
    for name in OF_THE_LOG:
        rows_of(database_url, name)


def test_nothing_personal_stands_in_any_view(crm: Regulars, database_url: str) -> None:
    everything = repr([rows_of(database_url, name) for name in (*OF_THE_LOG, "standing_now")])
    assert [word for word in ("Ada", "Bob", "Cleo", "broken", "slow") if word in everything] == []


def test_no_view_reads_an_event_that_was_retired() -> None:
    """Whoever retires one of these types lets the views read it under its old name as well."""
    read = {
        name for name in CODECS for view in Schema(is_sqlite=True).log_views if f"'{name}'" in view.table + view.joined
    }
    assert len(read) == 16
    assert [name for name, codec in CODECS.items() if codec.upcasts and codec.told_as in read] == []
