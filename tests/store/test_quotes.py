"""Quotes and contracts in stores: what is listed, what follows an acceptance, merges, forgetting, orders of telling."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars import (
    AcceptQuote,
    AmendContract,
    Command,
    DeclineQuote,
    EndContract,
    ErasePersonalData,
    MergeCustomers,
    NotFound,
    OpenOpportunity,
    PurchaseRecorded,
    QuoteLine,
    RegisterCustomer,
    Regulars,
    Rejected,
    RenewContract,
    ReviseQuote,
    SendQuote,
    SignContract,
    UndoMerge,
    quote_page,
)
from shops import (
    BEGIN,
    DAY,
    EXAMPLES,
    PEOPLE,
    Clock,
    Step,
    accepted,
    fresh_store,
    in_each_database,
    one_by_one,
    opened,
    play,
    register,
    selling,
    trade,
    until_none_is_taken,
)

ADA, BOB = PEOPLE[:2]
TEA = (QuoteLine(sku="tea", description="Green tea for Ada", quantity="2", unit_price="9.50", tax_rate="7"),)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref=who, name=who.title(), occurred_at=BEGIN) for who in PEOPLE])
        clock.now += DAY
        yield crm


def send(quote_id: str, days: int = 30, who: str = ADA, opportunity_id: str | None = None) -> SendQuote:
    until = BEGIN.date() + timedelta(days=days)
    return SendQuote(customer=who, quote_id=quote_id, lines=TEA, valid_until=until, opportunity_id=opportunity_id)


def sign(contract_id: str, days: int, *, who: str = ADA, months: int | None = None, notice: int = 0) -> SignContract:
    end = BEGIN.date() + timedelta(days=days)
    return SignContract(
        customer=who,
        contract_id=contract_id,
        start=BEGIN.date(),
        end=end,
        amount="100.00",
        renewal_months=months,
        notice_days=notice,
    )


# -------------------------------------------------------------------------------------------------------------- lists


def test_quotes_are_listed_by_when_they_run_out_and_page_after_page(crm: Regulars, clock: Clock) -> None:
    crm.do([send("Q-1", 30), send("Q-2", 10), send("Q-3", 20, BOB), send("Q-4", 40)])
    crm.do(DeclineQuote(quote_id="Q-4", cause="price"))
    clock.now += timedelta(seconds=1)
    for fresh in (timedelta(0), True):  # what this process wrote is told apart, or folded in
        assert [each.quote_id for each in crm.quotes(status="sent", fresh=fresh)] == ["Q-2", "Q-3", "Q-1"]
        assert [each.quote_id for each in crm.quotes(customer=BOB)] == ["Q-3"]
        soon = crm.quotes(expiring_within=timedelta(days=20), fresh=fresh)
        assert [each.quote_id for each in soon] == ["Q-2", "Q-3"]
        first = crm.quotes(limit=2, status="sent", fresh=fresh)
        rest = crm.quotes(limit=2, status="sent", after=first.after, fresh=fresh)
        assert [each.quote_id for each in (*first, *rest)] == ["Q-2", "Q-3", "Q-1"]
    (found,) = crm.quotes(customer=BOB)
    assert (found.net, found.tax, found.gross) == (Decimal("19.00"), Decimal("1.33"), Decimal("20.33"))
    assert found.valid_until == BEGIN.date() + timedelta(days=20)


def test_a_quote_expires_by_itself_and_any_day_says_what_it_was_then(crm: Regulars, clock: Clock) -> None:
    crm.do(send("Q-1", 10))
    clock.now = BEGIN + 11 * DAY
    assert [each.status for each in crm.quotes()] == ["expired"]
    with pytest.raises(Rejected, match="was valid until 2024-01-11; revise it first"):
        crm.do(AcceptQuote(quote_id="Q-1"))
    crm.do(ReviseQuote(quote_id="Q-1", lines=TEA))
    crm.do(AcceptQuote(quote_id="Q-1"))
    clock.now += DAY
    then = {day: crm.quotes(as_of=BEGIN + day * DAY)[0].status for day in (2, 10, 12)}
    assert then == {2: "sent", 10: "sent", 12: "accepted"}
    assert [each.quote_id for each in crm.quotes(as_of=BEGIN + 2 * DAY, expiring_within=timedelta(days=9))] == ["Q-1"]
    assert crm.quote("Q-1", as_of=BEGIN + 2 * DAY).quote.status == "sent"


def test_contracts_that_renew_are_due_by_their_notice(crm: Regulars, clock: Clock) -> None:
    crm.do([sign("C-1", 60), sign("C-2", 90, months=12, notice=60), sign("C-3", 20, months=1), sign("C-4", 400)])
    due = crm.contracts(ending_within=timedelta(days=70))
    assert [(each.contract_id, each.due) for each in due] == [
        ("C-1", date(2024, 3, 1)),
        ("C-2", date(2024, 1, 31)),
        ("C-3", date(2024, 1, 21)),
    ]
    clock.now = BEGIN + 61 * DAY
    assert [(each.contract_id, each.status) for each in crm.contracts(status="ended")] == [("C-1", "ended")]
    (third,) = (each for each in crm.contracts(status="active") if each.contract_id == "C-3")
    assert (third.end, third.term_end, third.until) == (None, date(2024, 3, 21), None)
    crm.do(EndContract(contract_id="C-3", on=date(2024, 3, 21)))
    (third,) = (each for each in crm.contracts(status="active") if each.contract_id == "C-3")
    assert (third.end, third.due) == (date(2024, 3, 21), date(2024, 3, 21))


def test_what_cannot_be_asked_is_said_in_a_sentence(crm: Regulars) -> None:
    with pytest.raises(ValueError, match='status is one of sent, accepted, declined, expired, not "open"'):
        crm.quotes(status="open")
    with pytest.raises(ValueError, match="can't be asked of"):
        crm.contracts(status="ended", ending_within=timedelta(days=1))
    with pytest.raises(NotFound, match='there is no quote "Q-9"'):
        crm.quote("Q-9")
    crm.do(send("Q-1"))
    with pytest.raises(NotFound, match="has no revision 2; it has 1"):
        crm.quote("Q-1", revision=2)
    with pytest.raises(ValueError, match="is not the `after` of a page"):
        crm.quotes(after="x")


# ------------------------------------------------------------------------------------------------- what follows from it


def test_an_acceptance_wins_the_opportunity_records_the_order_and_signs_the_contract(crm: Regulars) -> None:
    crm.do([OpenOpportunity(customer=ADA, opportunity_id="O-1"), send("Q-1", opportunity_id="O-1")])
    outcome = crm.do(
        AcceptQuote(quote_id="Q-1", order_id="A-1", contract_id="C-1", start=date(2024, 2, 1), end=date(2024, 7, 31))
    )
    kinds = [type(each.event).__name__ for each in outcome.events]
    assert kinds == ["QuoteAccepted", "OpportunityWon", "PurchaseRecorded", "ContractSigned"]
    first, *others = outcome.events
    assert {each.causation_id for each in others} == {first.position}
    assert crm.customer(ADA).net_spend == Decimal("19.00")  # as its prices are stated: net
    (contract,) = crm.contracts()
    assert (contract.amount, contract.quote_id, contract.opportunity_id) == (Decimal("19.00"), "Q-1", "O-1")
    assert crm.do(AcceptQuote(quote_id="Q-1")).events == ()


def test_what_cannot_follow_leaves_nothing(crm: Regulars, clock: Clock) -> None:
    crm.do([OpenOpportunity(customer=ADA, opportunity_id="O-1"), send("Q-1", opportunity_id="O-1")])
    crm.do(send("Q-2", opportunity_id="O-1"))
    crm.do(send("Q-4").model_copy(update={"lines": TEA * 2}))
    crm.do(AcceptQuote(quote_id="Q-1", order_id="A-1"))
    clock.now += DAY
    before = crm.status().events
    with pytest.raises(Rejected, match="it has one accepted quote"):
        crm.do(AcceptQuote(quote_id="Q-2", order_id="A-2"))
    with pytest.raises(Rejected, match='order "A-1" is recorded already with other content'):
        crm.do(AcceptQuote(quote_id="Q-4", order_id="A-1"))
    assert crm.status().events == before
    assert [each.quote_id for each in crm.quotes(status="accepted")] == ["Q-1"]


def test_the_first_quote_brings_the_currency_and_others_are_refused(database_url: str, clock: Clock) -> None:
    import regulars

    with regulars.open(database_url, actor="li", clock=clock) as crm:
        crm.do(RegisterCustomer(ref=ADA))
        crm.do(send("Q-1").model_copy(update={"currency": "JPY"}))
        assert crm.quote("Q-1").gross == Decimal(20)  # 2 at 9.50 are 19, and 7 % of it 1.33
        with pytest.raises(Rejected, match="keeps its books in JPY"):
            crm.do(sign("C-1", 10).model_copy(update={"currency": "EUR"}))


# ----------------------------------------------------------------------------------------------- merges and forgetting


def test_merged_customers_have_their_quotes_together_and_apart_again(crm: Regulars) -> None:
    crm.do([send("Q-1"), send("Q-2", who=BOB), sign("C-1", 60, who=BOB)])
    crm.do(MergeCustomers(customer=BOB, into=ADA))
    assert {each.ref for each in (*crm.quotes(), *crm.contracts())} == {ADA}
    assert {each.quote_id for each in crm.quotes(customer=BOB)} == {"Q-1", "Q-2"}
    assert crm.quote("Q-2").quote.ref == ADA
    crm.do(UndoMerge(customer=BOB))
    assert [(each.quote_id, each.ref) for each in crm.quotes(customer=BOB)] == [("Q-2", BOB)]


def test_who_is_forgotten_leaves_amounts_and_no_words(crm: Regulars) -> None:
    crm.do(send("Q-1").model_copy(update={"note": "For Ada"}))
    crm.do(AcceptQuote(quote_id="Q-1", order_id="A-1"))
    crm.do(ErasePersonalData(customer=ADA, confirm=True, cause="asked"))
    found = crm.quote("Q-1")
    assert (found.quote.status, found.gross) == ("accepted", Decimal("20.33"))
    assert (found.note, found.name, found.lines[0].description, found.lines[0].sku) == (None, None, None, "tea")
    assert "Ada" not in quote_page(found)
    assert crm.quotes().quotes == ()  # of the forgotten nothing is to be done
    with pytest.raises(Rejected, match="forgotten"):
        crm.do(send("Q-2").model_copy(update={"customer": found.quote.customer_id}))


# ----------------------------------------------------------------------------------------------------------------- laws


@settings(max_examples=EXAMPLES // 6)
@given(one_by_one(selling(), gaps=[timedelta(), DAY, 20 * DAY], max_size=12))
def test_what_is_listed_before_it_is_folded_is_what_is_listed_after(steps: list[Step]) -> None:
    clock = Clock()
    with fresh_store("sqlite", "") as url, opened(url, clock) as crm:
        register(crm, clock)
        crm.catch_up()
        play(crm, clock, steps)
        for ask in (crm.quotes, crm.contracts):
            told = [*ask(fresh=timedelta(0))]
            assert [*ask(fresh=True)] == told
        for each in crm.quotes():
            whole = crm.quote(each.quote_id)
            assert whole.quote == each
            assert (whole.net, whole.tax, whole.gross) == (each.net, each.tax, each.gross)


AT = datetime.fromisoformat("2024-01-10T00:00:00+00:00")
WORDS: list[Command] = [
    send("Q", 300),
    *(ReviseQuote(quote_id="Q", revision=number, lines=TEA, prices="gross", note=str(number)) for number in (2, 3, 4)),
    DeclineQuote(quote_id="Q", cause="price"),
    DeclineQuote(quote_id="Q", cause="late"),
    sign("C", 300),
    AmendContract(contract_id="C", amount="90.00"),
    AmendContract(contract_id="C", renewal_months=12),
    AmendContract(contract_id="C", notice_days=30),
    RenewContract(contract_id="C", until=date(2025, 6, 30)),
    EndContract(contract_id="C", on=date(2024, 12, 31)),
]


@settings(max_examples=EXAMPLES // 6)
@given(st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 20)), min_size=4, max_size=12), st.integers(0, 999))
def test_told_in_any_order_words_end_in_the_same_record(drawn: list[tuple[Command, int]], seed: int) -> None:
    once = {word.__class__.__name__ + str(word.model_dump(exclude={"note"})): (word, hour) for word, hour in drawn}
    words = sorted(
        (word.model_copy(update={"occurred_at": AT + timedelta(hours=hour)}) for word, hour in once.values()),
        key=lambda word: (word.occurred_at, type(word).__name__ not in ("SendQuote", "SignContract")),
    )
    seen = []
    for shuffled in (False, True):
        clock = Clock(AT + 10 * DAY)
        with fresh_store("sqlite", "") as url, opened(url, clock) as crm:
            crm.do(RegisterCustomer(ref=ADA, occurred_at=BEGIN))
            if not shuffled:
                words = [word for word in words if word in accepted(crm, [word])]
            else:
                Random(seed).shuffle(told := list(words))
                assert until_none_is_taken(crm, told) == []
            facts = ("quote_id", "status", "revision", "gross", "valid_until")
            terms = ("contract_id", "status", "start", "end", "amount", "term_end", "notice_by")
            seen.append(
                (
                    [[getattr(each, name) for name in facts] for each in crm.quotes()],
                    [[getattr(each, name) for name in terms] for each in crm.contracts()],
                )
            )
    assert seen[0] == seen[1]


@in_each_database(EXAMPLES // 10, trade(max_size=10))
def test_what_was_folded_as_it_came_is_what_a_rebuild_gives(kind: str, postgres_url: str, steps: list[Step]) -> None:
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        register(crm, clock)
        for number, step in enumerate(steps):
            play(crm, clock, [step], number)
            crm.catch_up()
        stored = [*crm.quotes()], [*crm.contracts()]
        assert crm.projections.verify().holds
        crm.projections.rebuild()
        assert ([*crm.quotes()], [*crm.contracts()]) == stored


def test_an_order_that_an_acceptance_records_is_worth_its_lines(crm: Regulars) -> None:
    lines = (
        QuoteLine(sku="tea", quantity="3", unit_price="10.005", tax_rate="20"),
        QuoteLine(sku="hours", quantity="1.5", unit_price="80", tax_rate="20"),
        QuoteLine(description="A talk", unit_price="100", tax_rate="0"),
    )
    crm.do(SendQuote(customer=ADA, quote_id="Q-1", lines=lines, prices="gross"))
    events = crm.do(AcceptQuote(quote_id="Q-1", order_id="A-1")).events
    (order,) = (each.event for each in events if isinstance(each.event, PurchaseRecorded))
    # 3 at 10.005 are 30.015, so 30.02; with 120.00 and 100.00 they are 250.02, gross as stated.
    assert (order.amount, [(line.sku, line.quantity, line.amount) for line in order.lines]) == (
        25_002,
        [("tea", 3, 3_002), ("hours", 1, 12_000)],
    )
