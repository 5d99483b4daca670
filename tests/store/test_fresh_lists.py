"""Lists while others write: they answer at once, know of one's own writes, and say what they miss."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import strategies as st

from filled_once import Originals
from regulars import (
    MergeCustomers,
    OpenTicket,
    Page,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    StoreBusy,
    TicketPage,
    UndoMerge,
)
from regulars.adapters.read_models import catch_up, replay
from regulars.adapters.store.store import Store
from regulars.doing import importing
from regulars.session import own_writes, session
from saying import Say
from shops import DAY, EXAMPLES, PEOPLE, Clock, fresh_store, in_each_database, opened, play, register, trade

AT_ONCE = timedelta()
A_MOMENT = timedelta(milliseconds=50)

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])


def refs(page: Page) -> list[str | None]:
    return sorted(each.ref or "" for each in page)


@contextmanager
def somebody_writes(url: str) -> Iterator[None]:
    """Another process that doesn't end its transaction, which keeps others on SQLite from writing."""
    other = Store(url)
    try:
        with other.database.writing() as connection:
            if not other.database.is_sqlite:
                connection.exec_driver_sql("SELECT pg_current_xact_id()")
            yield
    finally:
        other.close()


# ---------------------------------------------------------------------------------------------------- one's own writes


def ask_for_customers(crm: Regulars, wish: dict[str, Any], limit: int, **fresh: Any) -> list[Any]:
    found: list[Any] = []
    after = None
    while True:
        page = crm.customers(**wish, **fresh, limit=limit, after=after)
        assert page.behind == 0
        found += page
        after = page.after
        if after is None:
            return found


def ask_for_tickets(crm: Regulars, wish: dict[str, Any], limit: int, **fresh: Any) -> list[Any]:
    found: list[Any] = []
    after = None
    while True:
        page: TicketPage = crm.tickets(**wish, **fresh, limit=limit, after=after)
        assert page.behind == 0
        found += page
        after = page.after
        if after is None:
            return found


def wishes(now: Any) -> list[dict[str, Any]]:
    past = now - 40 * DAY
    soon = {"becoming": {"stage": "at_risk"}, "within": 400 * DAY}
    return [
        {},
        {"order": "risk"},
        {"stage": "new"},
        {"tier": "silver", "order": "risk"},
        {"risk_band": "low"},
        {"as_of": past},
        {"as_of": past, "order": "risk", "tier": "member"},
        soon,
        soon | {"as_of": past},
        {"becoming": {"risk": "high"}, "within": 900 * DAY, "stage": "active"},
    ]


def ticket_wishes(now: Any) -> list[dict[str, Any]]:
    past = now - DAY
    return [
        {},
        {"status": "open"},
        {"first_response": "breached"},
        {"as_of": past},
        {"breaching_within": 60 * DAY},
        {"breaching_within": 60 * DAY, "as_of": past},
        {"customer": PEOPLE[0]},
    ]


@in_each_database(EXAMPLES // 6, before=trade(max_size=12), after=trade(max_size=8), limit=st.integers(1, 4))
def test_what_is_not_folded_in_yet_makes_no_difference_to_who_wrote_it(
    kind: str, postgres_url: str, before: Any, after: Any, limit: int
) -> None:
    with fresh_store(kind, postgres_url) as url:
        clock = Clock()
        with opened(url, clock) as crm:
            register(crm, clock)
            play(crm, clock, before)
            crm.catch_up()
            play(crm, clock, after, first=len(before))
            checkpoint = crm.status().behind
            asked = [ask_for_customers(crm, wish, limit, fresh=AT_ONCE) for wish in wishes(clock.now)]
            tickets = [ask_for_tickets(crm, wish, limit, fresh=AT_ONCE) for wish in ticket_wishes(clock.now)]
            assert crm.status().behind == checkpoint  # nothing was folded in for it
            crm.catch_up()
            assert asked == [ask_for_customers(crm, wish, limit) for wish in wishes(clock.now)]
            assert tickets == [ask_for_tickets(crm, wish, limit) for wish in ticket_wishes(clock.now)]


def test_merges_and_their_undoing_are_known_at_once(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        register(crm, clock)
        crm.do(RecordPurchase(customer=PEOPLE[1], order_id="A-1", amount="80.00", occurred_at=clock.now))
        crm.catch_up()
        crm.do(MergeCustomers(customer=PEOPLE[1], into=PEOPLE[0]))
        merged = {each.ref: (str(each.net_spend), each.merged) for each in crm.customers(fresh=AT_ONCE)}
        assert merged[PEOPLE[0]] == ("80.00", (PEOPLE[1],))
        assert PEOPLE[1] not in merged
        crm.catch_up()
        crm.do(UndoMerge(customer=PEOPLE[1]))
        apart = {each.ref: (str(each.net_spend), each.merged) for each in crm.customers(fresh=AT_ONCE)}
        assert (apart[PEOPLE[0]], apart[PEOPLE[1]]) == (("0.00", ()), ("80.00", ()))


def test_too_many_of_them_are_not_folded_for_a_list(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_writes, "MOST", 2)
    clock = Clock()
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref=ref) for ref in PEOPLE[:2]])
        assert len(crm.customers(fresh=AT_ONCE)) == 2
        crm.do(RegisterCustomer(ref=PEOPLE[2]))
        with pytest.raises(StoreBusy, match="fresh=True"):
            crm.customers(fresh=AT_ONCE)
        with pytest.raises(StoreBusy, match="fresh=True"):
            crm.tickets(fresh=AT_ONCE)
        assert crm.customers(fresh=False).behind == 3
        assert len(crm.customers(fresh=True)) == 3
        assert len(crm.customers(fresh=AT_ONCE)) == 3


# ----------------------------------------------------------------------------------------------- what others wrote


def test_a_list_says_how_many_events_of_others_it_misses(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as other, opened(database_url, clock) as crm:
        position = other.do(RegisterCustomer(ref="theirs")).position
        crm.do(RegisterCustomer(ref="ours"))
        assert position is not None
        page = crm.customers(fresh=AT_ONCE)
        assert (refs(page), page.behind) == (["ours"], 1)
        assert crm.tickets(fresh=AT_ONCE).behind == 1
        assert crm.customer("theirs").stage == "lead"
        page = crm.customers(fresh=AT_ONCE, at_least=position)
        assert (refs(page), page.behind) == (["ours", "theirs"], 0)


def test_a_position_is_waited_for_and_then_missed_in_a_sentence(database_url: str) -> None:
    with opened(database_url, Clock(), lock_timeout=0.2) as crm:
        crm.do(RegisterCustomer(ref="ours"))
        for ask in (crm.customers, crm.tickets):
            with pytest.raises(StoreBusy, match="nothing is recorded at the position 7 yet; the last one is 1"):
                ask(at_least=7)
            with pytest.raises(ValueError, match="at_least is a position"):
                ask(at_least=0)
            with pytest.raises(ValueError, match="fresh is a time"):
                ask(fresh=-A_MOMENT)


def test_a_reader_waits_for_others_to_fold_in(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        position = crm.do(RegisterCustomer(ref="ours")).position
        with opened(database_url, clock, read_only=True, lock_timeout=0.2) as reader:
            with pytest.raises(StoreBusy, match="folded in"):
                reader.customers(at_least=position)
            crm.catch_up()
            assert refs(reader.customers(at_least=position)) == ["ours"]


def test_a_list_answers_while_somebody_else_holds_the_write_lock(sqlite_database_url: str) -> None:
    clock = Clock()
    with opened(sqlite_database_url, clock) as other, opened(sqlite_database_url, clock) as crm:
        crm.catch_up()
        other.do(RegisterCustomer(ref="theirs"))
        crm.do(RegisterCustomer(ref="ours"))
        with somebody_writes(sqlite_database_url):
            page = crm.customers()
        assert (refs(page), page.behind, page.held_back_by) == (["ours"], 1, None)


def test_an_older_transaction_on_the_server_is_named_and_what_is_settled_is_told(
    postgres_database_url: str, say: Say
) -> None:
    clock = Clock()
    with opened(postgres_database_url, clock) as other, opened(postgres_database_url, clock) as crm:
        other.do(RegisterCustomer(ref="settled"))
        crm.catch_up()
        holder = Store(postgres_database_url)
        with holder.database.writing() as connection:
            connection.exec_driver_sql("SELECT pg_current_xact_id()")
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            other.do(RegisterCustomer(ref="theirs"))
            position = crm.do(RegisterCustomer(ref="ours")).position
            page = crm.customers(fresh=A_MOMENT)
            assert (refs(page), page.behind) == (["ours", "settled"], 1)
            for found in (page.held_back_by, crm.status().held_back_by, crm.tickets(fresh=A_MOMENT).held_back_by):
                assert found is not None
                assert found.pid == pid
                assert found.state == "idle in transaction"
                assert found.age is not None
                assert found.age > 0
            with opened(postgres_database_url, clock, lock_timeout=0.2) as hasty, pytest.raises(StoreBusy) as refusal:
                hasty.customers(at_least=position)
            assert f"process {pid} (idle in transaction, open for " in str(refusal.value)
            status = json.loads(say("--db", postgres_database_url, "status", "--json").out)
            assert status["held_back_by"]["pid"] == pid
            listed = say("--db", postgres_database_url, "customers", "--fresh", "0.05", "--csv")
            assert "settled" in listed.out
            assert f"the transaction of process {pid}" in listed.err
            assert "2 recorded events are not in this list yet" in listed.err
        holder.close()
        assert refs(crm.customers()) == ["ours", "settled", "theirs"]


def test_a_beginning_that_had_to_wait_too_long_leaves_nothing_behind(postgres_database_url: str) -> None:
    store, other = Store(postgres_database_url), Store(postgres_database_url)
    for _ in range(3):  # whoever writes next gets the same connection
        with other.database.writing(alone=True) as connection:
            connection.exec_driver_sql("SELECT 1")
            with pytest.raises(StoreBusy), store.writing(patience=0.01):
                pass
        with store.writing() as tx:
            assert tx.connection.exec_driver_sql("SHOW lock_timeout").scalar_one() == "30s"
    store.close()
    other.close()


def test_a_prepared_transaction_is_no_process(postgres_database_url: str) -> None:
    from regulars.adapters.store.horizon import OpenTransaction

    prepared = OpenTransaction(pid=None, state="prepared as monthly", age=7_200.0)
    assert str(prepared) == "a transaction (prepared as monthly, open for 2 h)"
    assert str(OpenTransaction(pid=7, state=None, age=None)) == "the transaction of process 7"


def test_what_do_prints_is_what_a_list_can_be_asked_to_know_of(say: Say) -> None:
    say("do", "RegisterCustomer", "ref=shop:1", "--currency", "EUR")
    position = json.loads(say("do", "TagCustomer", "customer=shop:1", "label=vip", "--json").out)["position"]
    assert json.loads(say("customers", "--json", "--at-least", str(position)).out)[0]["tags"] == ["vip"]
    assert say("tickets", "--at-least", str(position)).status == 0


def test_a_list_at_the_command_line_says_what_it_misses(say: Say, tmp_path: Path) -> None:
    say("do", "RegisterCustomer", "ref=shop:1", "--currency", "EUR")
    say("customers")
    say("do", "RegisterCustomer", "ref=shop:2")
    listed = say("customers", "--fresh", "0", "--csv")
    assert listed.out.count("shop:") == 1
    assert listed.err == "regulars: 1 recorded event is not in this list yet\n"
    assert say("customers", "--csv").out.count("shop:") == 2


# ------------------------------------------------------------------------------------------------- much at a time

MAPPING = """format = "csv"
zone = "UTC"
currency = "EUR"
[customer]
ref = "shop:{ref}"
[[command]]
do = "RecordPurchase"
[command.fields]
order_id = "{id}"
occurred_at = { column = "date", format = "%Y-%m-%d" }
amount = { column = "amount", money = "major" }
"""


def write_orders(folder: Path, number: int) -> None:
    (folder / "map.toml").write_text(MAPPING, encoding="utf-8")
    rows = (f"{n % 200},o{n},2023-01-{n % 28 + 1:02},5\n" for n in range(number))
    (folder / "orders.csv").write_text("ref,id,date,amount\n" + "".join(rows), encoding="utf-8")


@pytest.fixture(params=["sqlite", "postgres"])
def not_folded_url(request: pytest.FixtureRequest, originals: Originals) -> Iterator[str]:
    """A store of 2,300 events, none of which was folded yet."""
    with originals.copy(request.param, import_without_folding) as (url, _):
        yield url


def import_without_folding(url: str) -> None:
    with (
        pytest.MonkeyPatch.context() as patch,
        TemporaryDirectory() as folder,
        opened(url, Clock()) as crm,
    ):
        patch.setattr(session, "SHARE_OF_FOLDING", 0.0)
        patch.setattr(Regulars, "catch_up", lambda self, on_progress=None: None)
        write_orders(Path(folder), 2_100)
        crm.import_file(Path(folder) / "orders.csv", Path(folder) / "map.toml")


def imported_beside(crm: Regulars, other: Regulars, folder: Path) -> list[int]:
    """Import the orders; how many of them lists of another process know of meanwhile, from time to time."""
    known, told = list[int](), count()

    def ask(done: int, total: int, rows: int) -> None:
        if next(told) % 25 == 0:
            known.append(sum(each.orders for each in other.customers(fresh=False)))

    crm.import_file(folder / "orders.csv", folder / "map.toml", on_progress=ask)
    assert len(known) > 40
    return known


def test_an_import_folds_in_as_it_goes(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "FOLDING_AT_ONCE", 0.0)
    monkeypatch.setattr(importing, "ROWS_PER_TRANSACTION", 500)
    write_orders(tmp_path, 1_600)
    clock = Clock()
    with opened(database_url, clock) as crm, opened(database_url, clock) as other:
        known = imported_beside(crm, other, tmp_path)
        assert known[-1] > 0
        assert sum(each.orders for each in other.customers(fresh=False, limit=1_000)) == 1_600
        assert crm.projections.verify().holds


def test_who_is_far_behind_folds_everything_afresh_beside_what_answers(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "FAR_BEHIND", 1_000)
    monkeypatch.setattr(catch_up, "BATCH", 500)
    monkeypatch.setattr(session, "SHARE_OF_FOLDING", 0.0)
    write_orders(tmp_path, 1_200)
    with opened(database_url, Clock()) as crm:
        crm.do(RegisterCustomer(ref="shop:1"))
        crm.catch_up()
        before = crm.projections.generations()
        crm.import_file(tmp_path / "orders.csv", tmp_path / "map.toml")
        assert [(each.number, each.is_live, each.is_previous) for each in before] == [(1, True, False)]
        after = crm.projections.generations()
        assert [(each.number, each.is_live, each.is_previous) for each in after] == [(2, True, False)]
        assert crm.behind == 0
        assert crm.projections.verify().holds
        assert len(crm.customers(limit=1_000)) == 200


def test_an_import_folds_nothing_in_that_will_be_folded_afresh(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "FOLDING_AT_ONCE", 0.0)
    monkeypatch.setattr(session, "FAR_BEHIND", 1)
    monkeypatch.setattr(catch_up, "BATCH", 500)
    monkeypatch.setattr(importing, "ROWS_PER_TRANSACTION", 500)
    write_orders(tmp_path, 1_200)
    clock = Clock()
    with opened(database_url, clock) as crm, opened(database_url, clock) as other:
        crm.do(RegisterCustomer(ref="shop:1"))
        crm.catch_up()
        known = imported_beside(crm, other, tmp_path)
        assert set(known) == {0}
        assert sum(each.orders for each in other.customers(fresh=False, limit=1_000)) == 1_200
        assert [each.number for each in crm.projections.generations()] == [2]


def test_progress_never_begins_again_however_much_others_write_meanwhile(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(session, "FAR_BEHIND", 10)
    monkeypatch.setattr(catch_up, "BATCH", 5)
    clock, told = Clock(), list[tuple[int, int]]()
    with opened(database_url, clock) as crm, opened(database_url, clock) as other:
        crm.do(RegisterCustomer(ref="shop:1"))
        crm.catch_up()
        other.do([RecordPurchase(customer="shop:1", order_id=f"A-{n}", amount="1.00") for n in range(20)])

        class Meanwhile(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                if record.getMessage() == "generation 2 is built":
                    other.do(RecordPurchase(customer="shop:1", order_id="meanwhile", amount="1.00"))

        caplog.set_level(logging.INFO, "regulars.projections")
        monkeypatch.setattr(logging.getLogger("regulars.projections"), "handlers", [Meanwhile()])
        crm.catch_up(lambda done, total: told.append((done, total)))
        assert crm.event_count == 22
        assert crm.behind == 0
        assert [each.number for each in crm.projections.generations() if each.is_live] == [2]
    assert told == sorted(set(told))


def test_a_first_fold_that_takes_longer_is_gone_on_with(not_folded_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "CUSTOMERS_AT_ONCE", 10)
    monkeypatch.setattr(catch_up, "FIRST_AT_ONCE", 0)
    monkeypatch.setattr(catch_up, "WORTH_WAITING_FOR", 1_000)
    with opened(not_folded_url, Clock()) as crm:
        with pytest.raises(StoreBusy, match="for the first time"):
            crm.customers(fresh=A_MOMENT / 100)
        assert crm.customers(fresh=False).behind == 2_300
        for _ in range(200):  # ten customers each time, at least
            if crm.behind:
                with suppress(StoreBusy):
                    crm.customers(fresh=A_MOMENT / 100)
        assert crm.behind == 0
        assert len(crm.customers(limit=1_000)) == 200


def test_a_ticket_of_an_own_customer_is_listed_before_it_is_folded_in(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        crm.do(RegisterCustomer(ref="ours"))
        crm.do(OpenTicket(customer="ours", ticket_id="T-1", occurred_at=clock.now))
        assert [each.ref for each in crm.tickets(fresh=AT_ONCE)] == ["ours"]


def test_a_first_fold_during_an_import_is_as_much_as_is_worth_waiting_for(
    not_folded_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "FIRST_AT_ONCE", 500)
    with opened(not_folded_url, Clock()) as crm:
        found = crm.customers(fresh=A_MOMENT / 100, limit=1_000)  # which answers, and says what it misses
        assert 0 < len(found) <= 200
        assert found.behind <= 2_300 - 500
