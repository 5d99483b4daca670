"""Firms and who works for them: on any day, as known at any time, through merges and forgetting."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st

import regulars
from regulars import (
    ChangeKind,
    ChangeOpportunity,
    Command,
    DeclineQuote,
    EndContract,
    EndEmployment,
    LoseOpportunity,
    MergeCustomers,
    NotFound,
    OpenOpportunity,
    OpenTicket,
    QuoteLine,
    RecordEmployment,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    Rejected,
    ResolveTicket,
    SendQuote,
    SignContract,
    UndoMerge,
    VoidEmployment,
)
from regulars.adapters.importing import Mapping
from shops import BEGIN, DAY, HOUR, Clock, accepted, fresh_store, in_each_database, opened, until_none_is_taken

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])
ACME, GLOBEX, ADA, BOB = "acme", "globex", "ada", "bob"
TODAY = BEGIN.date()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    with opened(database_url, clock) as crm:
        found(crm)
        clock.now += HOUR
        yield crm


def found(crm: Regulars) -> None:
    """Two firms and two persons."""
    crm.do(
        [
            *(RegisterCustomer(ref=ref, name=ref.title(), kind="firm") for ref in (ACME, GLOBEX)),
            *(RegisterCustomer(ref=ref, name=ref.title()) for ref in (ADA, BOB)),
        ]
    )


def people(crm: Regulars, firm: str, **asked: Any) -> list[tuple[str | None, str | None]]:
    return [(each.person.ref, each.role) for each in crm.people(firm, **asked)]


def firms(crm: Regulars, person: str, **asked: Any) -> list[str | None]:
    return [each.firm.ref for each in crm.firms_of(person, **asked)]


# ------------------------------------------------------------------------------------------------- any day, any time


def test_people_are_those_of_any_day_as_known_at_any_time(crm: Regulars, clock: Clock) -> None:
    crm.do(RecordEmployment(customer=ADA, firm=ACME, role="buyer", since=date(2020, 5, 1)))
    first, clock.now = clock.now, clock.now + DAY
    crm.do(EndEmployment(customer=ADA, firm=ACME, until=date(2022, 3, 31)))
    crm.do(RecordEmployment(customer=ADA, firm=GLOBEX, since=date(2022, 4, 1)))
    assert people(crm, ACME) == []
    assert people(crm, ACME, known_at=first) == [(ADA, "buyer")]
    assert people(crm, ACME, as_of=date(2022, 3, 31)) == [(ADA, "buyer")]  # the last day is one of theirs
    assert people(crm, ACME, as_of=date(2022, 4, 1)) == people(crm, ACME, as_of=date(2020, 4, 30)) == []
    assert firms(crm, ADA, as_of=date(2022, 3, 31)) == [ACME]
    assert firms(crm, ADA) == [GLOBEX]
    (known,) = crm.firms_of(ADA, as_of=date(2021, 1, 1))
    assert (known.role, known.since, known.until) == ("buyer", date(2020, 5, 1), date(2022, 3, 31))
    assert (known.firm.name, known.person.name) == ("Acme", "Ada")


def test_a_day_is_one_of_the_business(crm: Regulars) -> None:
    crm.do(RecordEmployment(customer=ADA, firm=ACME, since=date(2023, 7, 1)))
    assert crm.ruleset.business.timezone == "Europe/Berlin"
    assert people(crm, ACME, as_of=datetime(2023, 6, 30, 21, 59, tzinfo=UTC)) == []
    assert people(crm, ACME, as_of=datetime(2023, 6, 30, 22, 0, tzinfo=UTC)) == [(ADA, None)]


DAYS = [TODAY + timedelta(days=number) for number in range(-4, 5)]
days = st.sampled_from(DAYS)
who = {"customer": st.sampled_from([ADA, BOB]), "firm": st.sampled_from([ACME, GLOBEX])}


def spans(draw_from: st.SearchStrategy[date]) -> st.SearchStrategy[dict[str, date]]:
    both = st.lists(draw_from, min_size=2, max_size=2).map(sorted).map(lambda two: {"since": two[0], "until": two[1]})
    return st.one_of(
        st.just({}), both, draw_from.map(lambda day: {"since": day}), draw_from.map(lambda day: {"until": day})
    )


words = st.one_of(
    st.builds(
        lambda customer, firm, role, span: RecordEmployment(customer=customer, firm=firm, role=role, **span),
        **who, role=st.sampled_from([None, "buyer", "head"]), span=spans(days),
    ),
    st.builds(EndEmployment, **who, until=days),
    st.builds(
        lambda customer, firm, span: VoidEmployment(customer=customer, firm=firm, **span), **who, span=spans(days)
    ),
)  # fmt: skip


def works(told: list[Any], person: str, firm: str, day: date) -> tuple[bool, str | None]:
    """Whether somebody works somewhere on a day, and as what, by the last of some words that speaks of it."""
    at, role = False, None
    for word in told:
        if (word.customer, word.firm) != (person, firm):
            continue
        if isinstance(word, EndEmployment):
            at, role = (at, role) if day <= word.until else (False, None)
        elif (word.since is None or word.since <= day) and (word.until is None or day <= word.until):
            at, role = (True, word.role) if isinstance(word, RecordEmployment) else (False, None)
    return at, role


@in_each_database(15, told=st.lists(words, min_size=1, max_size=7), random=st.randoms(use_true_random=False))
def test_told_in_any_order_they_say_what_plain_counting_says(
    kind: str, postgres_url: str, told: list[Command], random: Random
) -> None:
    told = [each.model_copy(update={"occurred_at": BEGIN + place * HOUR}) for place, each in enumerate(told, 1)]
    clock = Clock(BEGIN + DAY)
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        found(crm)
        taken = accepted(crm, told)
    shuffled = list(taken)
    random.shuffle(shuffled)
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        found(crm)
        clock.now += HOUR
        assert until_none_is_taken(crm, shuffled) == []
        for day in DAYS:
            for firm in (ACME, GLOBEX):
                counted = [(each, *works(taken, each, firm, day)) for each in (ADA, BOB)]
                assert people(crm, firm, as_of=day) == [(each, role) for each, at, role in counted if at]
        assert crm.check_records().holds
        assert [each for word in taken for each in crm.do(word).events] == []  # the identical word changes nothing


# -------------------------------------------------------------------------------------------------- merges, forgetting


def test_people_follow_a_firm_that_is_merged_and_stay_where_it_is_undone(crm: Regulars, clock: Clock) -> None:
    crm.do([RecordEmployment(customer=ADA, firm=ACME), RecordEmployment(customer=BOB, firm=GLOBEX)])
    crm.do(OpenTicket(customer=BOB, ticket_id="T", firm=ACME))
    before, clock.now = clock.now, clock.now + DAY
    crm.do(MergeCustomers(customer=ACME, into=GLOBEX))
    for firm in (ACME, GLOBEX):
        assert people(crm, firm) == [(ADA, None), (BOB, None)]
        assert people(crm, firm, known_at=before) == [((ADA if firm == ACME else BOB), None)]
        assert [each.ticket_id for each in crm.tickets(firm=firm)] == ["T"]
    assert firms(crm, ADA) == firms(crm, BOB) == [GLOBEX]
    assert crm.ticket("T").ticket.firm_ref == GLOBEX
    crm.do(UndoMerge(customer=ACME))
    assert (people(crm, ACME), people(crm, GLOBEX)) == ([(ADA, None)], [(BOB, None)])


def test_what_was_said_of_two_who_are_one_is_said_of_one(crm: Regulars, clock: Clock) -> None:
    crm.do(RecordEmployment(customer=ADA, firm=ACME, role="buyer"))
    clock.now += HOUR
    crm.do(RecordEmployment(customer=BOB, firm=ACME, role="head", since=TODAY))
    crm.do(MergeCustomers(customer=ADA, into=BOB))
    assert people(crm, ACME) == [(BOB, "head")]
    assert people(crm, ACME, as_of=TODAY - timedelta(days=1)) == [(BOB, "buyer")]
    crm.do(UndoMerge(customer=ADA))
    assert people(crm, ACME) == [(ADA, "buyer"), (BOB, "head")]


def test_forgetting_a_person_leaves_the_firm_and_takes_the_role(crm: Regulars) -> None:
    ada = crm.find(ADA)
    crm.do([RecordEmployment(customer=who, firm=ACME, role="buyer") for who in (ADA, BOB)])
    crm.forget(ADA, reason="on request")
    assert people(crm, ACME) == [(BOB, "buyer")]
    (left,) = crm.firms_of(ada)
    assert (left.firm.ref, left.role, left.person.name) == (ACME, None, None)
    assert "buyer" not in str([each.event for each in crm.events(customer=ada)])
    assert crm.check_records().holds
    with pytest.raises(Rejected, match="forgotten"):
        crm.do(RecordEmployment(customer=ada, firm=GLOBEX))


def test_forgetting_a_firm_leaves_its_people(crm: Regulars) -> None:
    acme = crm.find(ACME)
    crm.do(RecordEmployment(customer=ADA, firm=ACME, role="buyer"))
    crm.forget(ACME, reason="on request")
    assert [(each.person.ref, each.role, each.firm.name) for each in crm.people(acme)] == [(ADA, "buyer", None)]
    assert crm.customer(ADA).name == "Ada"
    for command in (RecordEmployment(customer=BOB, firm=acme), OpenTicket(customer=BOB, ticket_id="T", firm=acme)):
        with pytest.raises(Rejected) as refused:
            crm.do(command)
        assert refused.value.code == "firm_erased"
    crm.do(EndEmployment(customer=ADA, firm=acme, until=TODAY))


# ---------------------------------------------------------------------------------------------------- persons and firms


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (RecordEmployment(customer=ADA, firm=BOB), "not_a_firm"),
        (RecordEmployment(customer=ADA, firm=ADA), "self_employment"),
        (RecordEmployment(customer=ACME, firm=GLOBEX), "firm_employed"),
        (OpenTicket(customer=ADA, ticket_id="T", firm=BOB), "not_a_firm"),
        (OpenOpportunity(customer=ADA, opportunity_id="O", firm=BOB), "not_a_firm"),
        (SignContract(customer=ADA, contract_id="C", start=TODAY, amount="1", firm=BOB), "not_a_firm"),
        (MergeCustomers(customer=ADA, into=ACME), "two_kinds"),
        (EndEmployment(customer=ADA, firm=ACME, until=TODAY), "not_employed"),
    ],
)
def test_who_is_no_firm_is_refused_in_one_sentence_and_nothing_recorded(
    crm: Regulars, command: Command, code: str
) -> None:
    before = crm.status().events
    with pytest.raises(Rejected) as refused:
        crm.do([RecordPurchase(customer=ADA, order_id="A-1", amount="1"), command])
    assert refused.value.code == code
    assert crm.status().events == before


def test_an_unknown_firm_is_not_found(crm: Regulars) -> None:
    with pytest.raises(NotFound, match='no customer has the reference "nobody"'):
        crm.do(RecordEmployment(customer=ADA, firm="nobody"))
    with pytest.raises(NotFound, match="is a person, and not a firm"):
        crm.firm(ADA)


def test_what_somebody_becomes_later_refuses_nothing_that_was_so(crm: Regulars, clock: Clock) -> None:
    clock.now += DAY
    turned = clock.now
    crm.do(ChangeKind(customer=ACME, kind="person"))
    clock.now += DAY
    crm.do(RecordEmployment(customer=ADA, firm=ACME, occurred_at=turned - HOUR))
    with pytest.raises(Rejected, match="is a person"):
        crm.do(RecordEmployment(customer=BOB, firm=ACME, occurred_at=turned + HOUR))
    crm.do(ChangeKind(customer=BOB, kind="firm"))
    with pytest.raises(Rejected, match="works for no other"):
        crm.do(RecordEmployment(customer=BOB, firm=GLOBEX))
    crm.do(RecordEmployment(customer=BOB, firm=GLOBEX, occurred_at=turned))  # they were a person then


def test_lists_and_rules_ask_what_a_customer_is_then(crm: Regulars, clock: Clock) -> None:
    clock.now += DAY
    crm.do(ChangeKind(customer=BOB, kind="firm"))
    clock.now += DAY
    assert [each.ref for each in crm.customers(kind="firm")] == [ACME, GLOBEX, BOB]
    assert [each.ref for each in crm.customers(kind="firm", as_of=BEGIN.date())] == [ACME, GLOBEX]
    assert [each.ref for each in crm.customers(kind="person")] == [ADA]
    assert [crm.customer(BOB, as_of=day).kind for day in (BEGIN + HOUR, clock.now)] == ["person", "firm"]
    with pytest.raises(ValueError, match='a customer is person or firm, not "club"'):
        crm.customers(kind="club")  # type: ignore[arg-type] # that is what is refused
    counts = [each.counts for each in crm.trend("kind", by="week", since=TODAY, until=TODAY).points]
    assert counts == [{"firm": 3, "person": 1}]
    crm.do(MergeCustomers(customer=BOB, into=ACME))
    with pytest.raises(Rejected) as refused:
        crm.do(ChangeKind(customer=BOB, kind="person"))
    assert refused.value.code == "merged_away"
    crm.projections.rebuild()
    assert [each.ref for each in crm.customers(kind="firm")] == [ACME, GLOBEX]


def test_lists_of_a_firm_are_its_people_then_and_its_own_tickets(crm: Regulars, clock: Clock) -> None:
    crm.do([RecordEmployment(customer=ADA, firm=ACME, until=TODAY), RecordEmployment(customer=BOB, firm=ACME)])
    crm.do(
        [
            OpenTicket(customer=ACME, ticket_id="T-1"),
            OpenTicket(customer=BOB, ticket_id="T-2", firm=ACME),
            OpenTicket(customer=BOB, ticket_id="T-3"),
        ]
    )
    clock.now += 2 * DAY
    assert [each.ref for each in crm.customers(firm=ACME)] == [BOB]
    assert [each.ref for each in crm.customers(firm=ACME, as_of=TODAY, order="name")] == [ADA, BOB]
    assert crm.customers(firm=GLOBEX, total=True).total == 0
    for fresh in (True, False):
        if not fresh:
            crm.catch_up()
        assert [each.ticket_id for each in crm.tickets(firm=ACME, fresh=fresh)] == ["T-1", "T-2"]
        assert [each.ticket_id for each in crm.tickets(firm=ACME, customer=BOB, fresh=fresh)] == ["T-2"]
        assert [each.ticket_id for each in crm.tickets(firm=GLOBEX, fresh=fresh)] == []


def test_a_firms_page_shows_its_people_and_what_they_all_bought_and_want_settled(crm: Regulars, clock: Clock) -> None:
    crm.do([RecordEmployment(customer=who, firm=ACME) for who in (ADA, BOB)])
    crm.do(
        [
            RecordPurchase(customer=ACME, order_id="A-1", amount="100"),
            RecordPurchase(customer=ADA, order_id="A-2", amount="20"),
            OpenTicket(customer=ACME, ticket_id="T-1"),
            OpenTicket(customer=ADA, ticket_id="T-2", firm=ACME),
            OpenTicket(customer=BOB, ticket_id="T-3"),
            OpenTicket(customer=BOB, ticket_id="T-4"),
        ]
    )
    clock.now += HOUR
    crm.do(ResolveTicket(ticket_id="T-4"))
    page = crm.firm(ACME)
    assert (page.orders, page.net_spend) == (2, 120)
    assert [each.ticket_id for each in page.tickets] == ["T-1", "T-2"]
    told = [(each.employment.person.ref, each.customer and each.customer.orders, each.tickets) for each in page.people]
    assert [(ref, orders, [one.ticket_id for one in tickets]) for ref, orders, tickets in told] == [
        (ADA, 1, []),
        (BOB, 0, ["T-3"]),
    ]
    then = crm.firm(ACME, as_of=BEGIN + HOUR / 2, known_at=BEGIN + HOUR / 2)
    assert (then.people, then.tickets, then.orders) == ((), (), 0)
    before = crm.firm(ACME, as_of=clock.now - HOUR / 2)
    assert [one.ticket_id for each in before.people for one in each.tickets] == ["T-3", "T-4"]


def sold_to_firms(crm: Regulars, clock: Clock) -> None:
    """Ada and Bob buy for Acme, Bob once for himself, and Acme by itself."""
    line = QuoteLine(sku="tea", unit_price="10", tax_rate="0")
    crm.do(OpenOpportunity(customer=ADA, opportunity_id="O-1", amount="90", firm=ACME))
    crm.do(OpenOpportunity(customer=BOB, opportunity_id="O-2", amount="50"))
    crm.do(OpenOpportunity(customer=ACME, opportunity_id="O-3", amount="7"))
    crm.do(SendQuote(customer=ADA, quote_id="Q-1", lines=[line], firm=ACME))
    crm.do(SendQuote(customer=BOB, quote_id="Q-2", lines=[line]))
    crm.do(SignContract(customer=BOB, contract_id="C-1", start=TODAY, amount="80", firm=ACME))
    crm.do(SignContract(customer=ACME, contract_id="C-2", start=TODAY, amount="30"))
    clock.now += HOUR


def test_lists_of_a_firm_have_what_is_its_own_and_what_names_it(crm: Regulars, clock: Clock) -> None:
    sold_to_firms(crm, clock)
    for fresh in (True, False):
        if not fresh:
            crm.catch_up()
        assert [each.quote_id for each in crm.quotes(firm=ACME, fresh=fresh)] == ["Q-1"]
        assert [each.contract_id for each in crm.contracts(firm=ACME, fresh=fresh)] == ["C-1", "C-2"]
        assert [each.contract_id for each in crm.contracts(firm=ACME, customer=BOB, fresh=fresh)] == ["C-1"]
        assert not crm.quotes(firm=GLOBEX, fresh=fresh).quotes
    assert crm.pipeline(firm=ACME).total.amount == 97
    assert crm.pipeline(firm=GLOBEX).total.opportunities == 0
    crm.do(ChangeOpportunity(opportunity_id="O-1", firm=GLOBEX))
    assert crm.pipeline(firm=GLOBEX).total.amount == 90
    assert crm.pipeline(firm=ACME, known_at=clock.now - HOUR / 2).total.amount == 97
    crm.do(MergeCustomers(customer=GLOBEX, into=ACME))
    assert crm.pipeline(firm=ACME).total.amount == 97


def test_a_firms_page_and_the_page_of_a_customer_show_what_is_open_in_its_name(crm: Regulars, clock: Clock) -> None:
    sold_to_firms(crm, clock)
    crm.do(OpenTicket(customer=BOB, ticket_id="T-1", firm=ACME))
    for page in (crm.firm(ACME), crm.firm(ACME, as_of=clock.now)):
        assert [(each.opportunity_id, each.ref) for each in page.opportunities] == [("O-1", ADA), ("O-3", ACME)]
        assert [(each.quote_id, each.ref) for each in page.quotes] == [("Q-1", ADA)]
        assert [(each.contract_id, each.ref) for each in page.contracts] == [("C-1", BOB), ("C-2", ACME)]
    shown = crm.page(ACME)
    assert [each.opportunity_id for each in shown.opportunities.found] == ["O-1", "O-3"]
    assert [each.quote_id for each in shown.quotes.found] == ["Q-1"]
    assert [each.contract_id for each in shown.contracts.found] == ["C-1", "C-2"]
    assert [each.ticket_id for each in shown.tickets.found] == ["T-1"]
    assert [each.opportunity_id for each in crm.page(BOB).opportunities.found] == ["O-2"]
    crm.do([DeclineQuote(quote_id="Q-1"), LoseOpportunity(opportunity_id="O-3", reason="price")])
    clock.now += HOUR
    assert [each.opportunity_id for each in crm.firm(ACME).opportunities] == ["O-1"]
    assert not crm.firm(ACME).quotes
    crm.forget(BOB, reason="asked")
    assert [each.contract_id for each in crm.firm(ACME).contracts] == ["C-2"]


@pytest.mark.parametrize("asked", ["customers", "tickets", "quotes", "contracts", "pipeline", "stale_opportunities"])
def test_a_list_of_a_firm_that_is_a_person_is_refused_in_one_sentence(crm: Regulars, asked: str) -> None:
    with pytest.raises(NotFound, match=r"^this customer is a person, and not a firm; ChangeKind"):
        getattr(crm, asked)(firm=ADA)


def test_before_it_was_known_a_firm_is_named_as_it_is_called(crm: Regulars) -> None:
    with pytest.raises(NotFound, match=r'^nothing had happened with "acme" by 20'):
        crm.firm(crm.find(ACME), as_of=BEGIN - DAY)


def test_quotes_and_contracts_are_listed_as_they_were_known(crm: Regulars, clock: Clock) -> None:
    sold_to_firms(crm, clock)
    known = clock.now
    clock.now += HOUR
    crm.do([DeclineQuote(quote_id="Q-2"), EndContract(contract_id="C-1", on=TODAY, occurred_at=known - HOUR / 2)])
    assert {each.quote_id: each.status for each in crm.quotes()} == {"Q-1": "sent", "Q-2": "declined"}
    assert {each.quote_id: each.status for each in crm.quotes(known_at=known)} == {"Q-1": "sent", "Q-2": "sent"}
    assert {each.contract_id: each.end for each in crm.contracts(known_at=known)} == {"C-1": None, "C-2": None}
    assert {each.contract_id: each.end for each in crm.contracts()} == {"C-1": TODAY, "C-2": None}
    assert not crm.quotes(known_at=BEGIN).quotes


def test_a_person_and_a_firm_do_not_look_like_the_same(crm: Regulars) -> None:
    crm.do([RegisterCustomer(ref=f"p{n}", email="office@acme.example") for n in (1, 2)])
    crm.do(RegisterCustomer(ref="f1", email="office@acme.example", kind="firm"))
    (suspicion,) = crm.duplicates()
    assert {each.ref for each in suspicion.customers} == {"p1", "p2"}
    crm.do(ChangeKind(customer="p2", kind="firm"))
    (suspicion,) = crm.duplicates()
    assert {each.ref for each in suspicion.customers} == {"p2", "f1"}


# --------------------------------------------------------------------------------------------- imports, copies, exports

CUSTOMERS = Mapping.model_validate(
    {
        "format": "csv",
        "match": ("email",),
        "customer": {
            "ref": "{id}",
            "name": "{name}",
            "email": {"column": "email", "optional": True},
            "kind": {"column": "type", "values": {"Company": "firm", "*": "person"}, "optional": True},
        },
        "command": (
            {
                "do": "RecordEmployment",
                "when": ({"column": "company", "is_not": ""},),
                "fields": {"firm": "{company}", "role": {"column": "role", "optional": True}},
            },
        ),
    }
)
ROWS = """id,name,type,email,company,role
p:1,Eve,,office@initech.example,f:1,buyer
f:1,Initech,Company,office@initech.example,,
p:2,Max,Person,,f:1,
p:3,Kim,,,p:2,
"""


def test_a_file_says_who_is_a_firm_and_who_works_where(crm: Regulars, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(ROWS)
    report = crm.import_file(file, CUSTOMERS)
    assert [reject.reason for reject in report.rejects] == [
        "RecordEmployment: whom it names as a firm is a person; ChangeKind says so where that is wrong"
    ]
    assert people(crm, "f:1") == [("p:1", "buyer"), ("p:2", None)]
    assert crm.customer("f:1").kind == "firm"
    assert crm.customer("p:1").merged == ()  # the same address, and not the same customer
    assert crm.import_file(file, CUSTOMERS).events == 0


def test_a_copy_and_a_backup_have_the_index_and_a_rebuild_puts_it_right(
    crm: Regulars, clock: Clock, tmp_path: Path, database_url: str
) -> None:
    crm.do(
        [RecordEmployment(customer=ADA, firm=ACME, role="buyer"), OpenTicket(customer=BOB, ticket_id="T", firm=ACME)]
    )
    with crm._store.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM regulars_firms")
    assert people(crm, ACME) == []
    assert {each.kind for each in crm.check_records().faults} == {"firm"}
    crm.projections.rebuild()
    assert crm.check_records().holds
    assert people(crm, ACME) == [(ADA, "buyer")]
    regulars.copy(database_url, str(tmp_path / "copy.db"))
    with opened(str(tmp_path / "copy.db"), clock) as copied:
        assert people(copied, ACME) == [(ADA, "buyer")]
        assert [each.ticket_id for each in copied.tickets(firm=ACME)] == ["T"]


def test_an_export_of_a_person_says_for_whom_they_work(crm: Regulars) -> None:
    crm.do(RecordEmployment(customer=ADA, firm=ACME, role="buyer", since=date(2020, 5, 1)))
    (identity,) = crm.export_person(ADA).identities
    (works_for,) = identity.works_for
    assert (identity.kind, works_for.firm_id, works_for.role) == ("person", crm.find(ACME), "buyer")
    assert (works_for.since, works_for.until) == (date(2020, 5, 1), None)


def test_the_audit_trail_tells_who_works_for_whom(crm: Regulars) -> None:
    crm.do(RecordEmployment(customer=ADA, firm=ACME, role="buyer", since=date(2020, 5, 1)))
    entry = crm.audit(customer=ADA).entries[0]
    assert entry.sentence == "Li recorded that ada works for acme from 2020-05-01 on"


def test_a_file_that_is_told_again_with_the_kind_says_who_was_a_firm_all_along(crm: Regulars, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("id,name,type,email,company,role\nf:2,Umbrella,,,,\n")
    crm.import_file(file, CUSTOMERS)
    assert crm.customer("f:2").kind == "person"
    file.write_text("id,name,type,email,company,role\nf:2,Umbrella,Company,,,\n")
    assert crm.import_file(file, CUSTOMERS).events == 1
    assert crm.import_file(file, CUSTOMERS).events == 0
    assert crm.customer("f:2").kind == "firm"
    crm.do(ChangeKind(customer="f:2", kind="person"))
    assert crm.import_file(file, CUSTOMERS).events == 0  # what was corrected by hand stays
