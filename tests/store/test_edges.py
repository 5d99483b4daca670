"""What goes wrong at the edges: each time one clear sentence, and nothing lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

import regulars
from regulars import (
    AddNote,
    AdjustPoints,
    ClassifyTicket,
    CustomerId,
    EnrollMember,
    ErasePersonalData,
    GrantTierOverride,
    LiftTierOverride,
    OpenTicket,
    RecordPurchase,
    RecordReturn,
    RedeemPoints,
    RegisterCustomer,
    Rejected,
    ReplyAsAgent,
    StoreBusy,
    StoreUnusable,
    TagCustomer,
)
from regulars.adapters.read_models.generations import prepare_generation
from regulars.adapters.store.store import Store
from regulars.asking.views import Span
from regulars.crm_domain.instant import to_datetime

MAPPING = """
format = "csv"
[[command]]
do = "AddNote"
[command.fields]
customer = "id:{who}"
text = "{note}"
"""


def test_two_imports_of_the_same_file_keep_their_rejects_apart(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAPPING)
    (tmp_path / "notes.csv").write_text("who,note\n" + "nobody,hello\n" * 1_200)
    regulars.open(database_url, actor="li").close()

    def bring_in(_: int) -> int:
        with regulars.open(database_url, actor="li") as crm:
            return crm.import_file(tmp_path / "notes.csv", tmp_path / "map.toml").rejected

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(bring_in, range(2))) == [1_200, 1_200]


def test_a_row_on_somebody_forgotten_goes_to_quarantine_and_the_rest_goes_on(database_url: str, tmp_path: Path) -> None:
    with regulars.open(database_url, actor="li") as crm:
        gone, here = (crm.do(RegisterCustomer(ref=ref)).customer_id for ref in ("shop:1", "shop:2"))
        crm.do(ErasePersonalData(customer=gone, confirm=True))
        (tmp_path / "map.toml").write_text(MAPPING)
        (tmp_path / "notes.csv").write_text(f"who,note\n{gone},one\n{here},two\n")
        report = crm.import_file(tmp_path / "notes.csv", tmp_path / "map.toml")
        assert (report.events, report.rejected) == (1, 1)
        assert "forgotten" in crm.rejects()[0].reason


def test_nothing_personal_is_taken_in_the_transaction_that_forgets(database_url: str) -> None:
    with regulars.open(database_url, actor="li") as crm:
        ada = crm.do(RegisterCustomer(ref="shop:1")).customer_id
        with pytest.raises(Rejected) as refused:
            crm.do([ErasePersonalData(customer=ada, confirm=True), AddNote(customer=ada, text="she was kind")])
        assert refused.value.code == "account_erased"
        assert crm.customer("shop:1").id == ada


def test_an_actor_is_a_line_of_text(database_url: str) -> None:
    for actor in ("", "li\0", "\ud800", "x" * 201):
        with pytest.raises(ValueError, match="an actor is one line"):
            regulars.open(database_url, actor=actor)
    wrong = pytest.raises(ValueError, match="a correlation id is one line")
    with regulars.open(database_url) as crm, wrong, crm.acting(correlation_id="a\nb"):
        pass


def test_a_closed_store_stays_closed(database_url: str) -> None:
    crm = regulars.open(database_url, actor="li")
    crm.do(RegisterCustomer(ref="shop:1"))
    ada = crm.customer("shop:1")
    crm.close()
    crm.close()
    with pytest.raises(StoreUnusable, match="was closed"):
        crm.do(TagCustomer(customer="shop:1", label="vip"))
    with pytest.raises(StoreUnusable, match="was closed"):
        ada.explain()


@pytest.mark.parametrize("target", ["", "postgresql://b:s3cret@localhost:notaport/x"])
def test_what_names_no_store_is_refused_without_repeating_it(target: str) -> None:
    with pytest.raises(StoreUnusable) as refused:
        regulars.open(target)
    assert "s3cret" not in str(refused.value)


def test_a_thread_waits_for_another_no_longer_than_it_was_told(tmp_path: Path) -> None:
    with regulars.open(tmp_path / "shop.db", lock_timeout=0.1) as crm:
        entered, leave = threading.Event(), threading.Event()

        def hold() -> None:
            with crm._store.writing():
                entered.set()
                leave.wait()

        holder = threading.Thread(target=hold)
        holder.start()
        entered.wait()
        try:
            with pytest.raises(StoreBusy):
                crm.do(RegisterCustomer(ref="shop:1"))
        finally:
            leave.set()
            holder.join()
        crm.do(RegisterCustomer(ref="shop:1"))


def test_a_generation_that_was_begun_is_gone_on_with(database_url: str) -> None:
    with regulars.open(database_url, currency="EUR", actor="li") as crm:
        crm.do([RegisterCustomer(ref="shop:1"), RecordPurchase(customer="shop:1", order_id="A", amount="1")])
        crm.catch_up()
    store = Store(database_url)
    assert prepare_generation(store, regulars.default_rules(), now=0).number == 1
    generations = store.schema.generations
    with store.reading() as tx:
        assert tx.connection.scalar(sa.select(sa.func.count()).select_from(generations)) == 1
    store.close()


def test_an_order_of_many_returns_is_judged_in_time(tmp_path: Path) -> None:
    """A thousand orders and five hundred returns: a fold that looked at each pair of them would never end."""
    with regulars.open(tmp_path / "shop.db", currency="EUR", actor="li") as crm:
        ada = crm.do(RegisterCustomer(ref="shop:1")).customer_id
        orders = [RecordPurchase(customer=CustomerId(ada), order_id=str(number), amount="1") for number in range(1_000)]
        crm.do(orders)
        crm.do([regulars.RecordReturn(order_id=str(number)) for number in range(0, 1_000, 2)])
        assert crm.customer("shop:1").risk == 60


def test_a_members_verdicts_are_explained_and_their_points_told(database_url: str) -> None:
    with regulars.open(database_url, currency="EUR", actor="li") as crm:
        crm.do([RegisterCustomer(ref="shop:1"), EnrollMember(customer="shop:1")])
        bought = crm.do(RecordPurchase(customer="shop:1", order_id="A", amount="59.90"))
        assert [event.causation_id for event in bought.events] == [None, bought.events[0].position]
        crm.do(GrantTierOverride(customer="shop:1", tier="gold"))
        ada = crm.customer("shop:1")
        assert [verdict.lane for verdict in ada.explain().verdicts] == ["stage", "tier", "risk", "value"]
        assert (ada.tier, ada.verdict("tier").reasons[0].id) == ("gold", "override")
        # A point for each whole euro, pending for 14 days; a return of everything leaves none.
        assert (crm.points("shop:1").balance, crm.points("shop:1").pending) == (0, 59)
        assert len(crm.points("shop:1").lots) == 1
        crm.do(RecordReturn(order_id="A"))
        assert (crm.points("shop:1").balance, crm.points("shop:1").pending) == (0, 0)
        crm.do(LiftTierOverride(customer="shop:1"))
        assert crm.customer("shop:1").tier == "member"


def test_tickets_are_told_by_their_events_whatever_is_folded_in_and_each_to_its_own_customer(database_url: str) -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with regulars.open(database_url, currency="EUR", actor="li", clock=lambda: noon) as crm:
        crm.do([RegisterCustomer(ref="shop:1"), RegisterCustomer(ref="shop:2")])
        crm.do([OpenTicket(customer=f"shop:{number}", ticket_id=f"T-{number}", priority="high") for number in (1, 2)])
        crm.customers()
        crm.do(ReplyAsAgent(ticket_id="T-1", occurred_at=noon))
    with regulars.open(database_url, read_only=True, clock=lambda: noon) as crm:
        assert crm.status().behind == 1
        # A high one is to be answered within 4 hours and to be resolved within 24.
        for ref, hours in (("shop:1", 24), ("shop:2", 4)):
            breach = noon + timedelta(hours=hours)
            assert crm.customer(ref).timeline().tickets == (
                Span(value="open", score=None, since=noon, until=breach),
                Span(value="breached", score=None, since=breach, until=None),
            )


def test_a_ticket_moves_the_risk_and_says_why(database_url: str) -> None:
    with regulars.open(database_url, currency="EUR", actor="li") as crm:
        crm.do([RegisterCustomer(ref="shop:1"), OpenTicket(customer="shop:1", ticket_id="T-1")])
        crm.do(ClassifyTicket(ticket_id="T-1", topic="delivery", complaint=True))
        service = next(each for each in crm.customer("shop:1").verdict("risk").reasons if each.id == "service")
        assert service.sentence == "a complaint is open (40 of 100 points; its weight is judgement)"
        assert [line.what for line in service.events] == ["ticket T-1 opened as normal"]
        [ticket] = crm.tickets(customer="shop:1", status="new")
        assert (ticket.first_response, ticket.resolution, ticket.ref) == ("on_time", "on_time", "shop:1")
        assert len(crm.tickets(breaching_within=timedelta(hours=25))) == 1
        assert len(crm.tickets(breaching_within=timedelta(hours=23))) == 0


def test_what_names_no_time_comes_after_what_a_clock_a_little_ahead_has_told(database_url: str) -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    four, six = noon + timedelta(minutes=4), noon + timedelta(minutes=6)
    with (
        regulars.open(database_url, currency="EUR", clock=lambda: noon) as slow,
        regulars.open(database_url, clock=lambda: four) as quick,
        regulars.open(database_url, clock=lambda: six) as quicker,
    ):
        slow.do([RegisterCustomer(ref="shop:1"), EnrollMember(customer="shop:1")])
        quick.do([AdjustPoints(customer="shop:1", points=9, reason="x"), OpenTicket(customer="shop:1", ticket_id="T")])
        outcomes = slow.do([RedeemPoints(customer="shop:1", points=5, redemption_id="R"), ReplyAsAgent(ticket_id="T")])
        just_after = four + timedelta(microseconds=1)
        assert [to_datetime(event.occurred_at) for each in outcomes for event in each.events] == [just_after] * 2
        with pytest.raises(Rejected) as refused:
            slow.do(ReplyAsAgent(ticket_id="T", occurred_at=noon))
        assert refused.value.code == "out_of_order"
        quicker.do(ReplyAsAgent(ticket_id="T"))
        with pytest.raises(Rejected, match="lies before"):
            slow.do(ReplyAsAgent(ticket_id="T"))
