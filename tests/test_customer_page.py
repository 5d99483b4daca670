"""The page before a call: what stands there is what each question says by itself, as of any day and as known on any."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import regulars
from histories import CARE, SEGMENTS
from launched import launch, plan
from regulars import (
    AddNote,
    AddTask,
    ChangeContactDetails,
    CompleteTask,
    DeclineQuote,
    EndContract,
    EnrollMember,
    GiveConsent,
    LoseOpportunity,
    MergeCustomers,
    NotFound,
    OpenOpportunity,
    OpenTicket,
    QuoteLine,
    RecordEmployment,
    RecordInteraction,
    RecordOfferSent,
    RecordPreference,
    RecordPurchase,
    RecordSurveyAnswer,
    RegisterCustomer,
    ReplyAsCustomer,
    ResolveTicket,
    Ruleset,
    SendQuote,
    SignContract,
    TagCustomer,
    parse_rules,
)
from regulars.profile import CustomerPage
from saying import Say
from shops import (
    BEGIN,
    DAY,
    EXAMPLES,
    PEOPLE,
    Clock,
    Step,
    default_text,
    empty_file,
    memberships,
    merges,
    one_by_one,
    opened,
    opportunities,
    play,
    purchases,
    register,
    selling,
    surveys,
    tasks,
    tickets,
)


def a_shop(crm: regulars.Regulars, clock: Clock) -> None:
    """Ada moved, called twelve times, has two tickets, of which one is settled, and points."""
    clock.now = BEGIN
    crm.do(
        RegisterCustomer(
            ref="ada",
            name="Ada",
            email="ada@old.example",
            phone="+49301234567",
            birthday="1990-12-10",
            locale="de",
        )
    )
    crm.do(
        [
            EnrollMember(customer="ada"),
            TagCustomer(customer="ada", label="press"),
            RecordPreference(customer="ada", key="tea", value="oolong"),
            GiveConsent(customer="ada", channel="email", purpose="newsletter"),
            AddNote(customer="ada", text="never on Mondays"),
            RecordPurchase(customer="ada", order_id="A-1", amount="100.00"),
            OpenTicket(customer="ada", ticket_id="T-1", subject="a leg"),
            OpenTicket(customer="ada", ticket_id="T-2", subject="an arm"),
        ]
    )
    for number in range(12):
        clock.now = BEGIN + (number + 1) * DAY
        crm.do(RecordInteraction(customer="ada", channel="phone", direction="inbound", summary=f"call {number}"))
    clock.now = BEGIN + 20 * DAY
    crm.do(
        [
            ResolveTicket(ticket_id="T-2"),
            ReplyAsCustomer(ticket_id="T-1", message="still broken"),
            RecordSurveyAnswer(customer="ada", survey="nps", score=10, comment="lovely"),
            ChangeContactDetails(customer="ada", email="ada@new.example", phone=None),
            RecordPreference(customer="ada", key="tea", value="sencha"),
        ]
    )


@pytest.fixture
def crm(database_url: str) -> Iterator[regulars.Regulars]:
    clock = Clock()
    with opened(database_url, clock) as crm:
        a_shop(crm, clock)
        yield crm


def test_it_says_what_is_good_to_know_before_a_call(crm: regulars.Regulars) -> None:
    page = crm.page("ada")
    told = page.details
    assert (told.name, told.email, told.birthday, told.locale) == ("Ada", "ada@new.example", "1990-12-10", "de")
    assert told.preferences == (("tea", "sencha"),)
    assert page.customer.tags == ("press",)
    assert [each.lane for each in page.standing.verdicts][:3] == ["stage", "tier", "risk"]
    assert page.standing.nps == "promoter"
    assert page.points == crm.points("ada")
    assert page.consents == crm.consents("ada")
    assert [(each.ticket_id, each.subject) for each in page.tickets.found] == [("T-1", "a leg")]
    assert [each.text for each in page.notes.found] == ["never on Mondays"]
    assert page.forgotten_at is None


def test_the_last_ten_conversations_are_there_and_the_others_are_counted(crm: regulars.Regulars) -> None:
    conversations = crm.page("ada").conversations
    assert [each.text for each in conversations.found][:4] == ["lovely", "still broken", "call 11", "call 10"]
    assert (len(conversations.found), conversations.more) == (10, 6)  # 12 calls, 2 tickets, a reply, an answer


def test_as_of_a_past_day_it_says_what_stood_then(crm: regulars.Regulars) -> None:
    page = crm.page("ada", as_of=BEGIN + 2 * DAY)
    assert (page.details.email, page.details.phone) == ("ada@old.example", "+49301234567")
    assert page.details.preferences == (("tea", "oolong"),)
    assert [each.text for each in page.conversations.found] == ["call 1", "call 0", "an arm", "a leg"]
    assert [each.ticket_id for each in page.tickets.found] == ["T-1", "T-2"]
    assert page.standing.nps is None
    with pytest.raises(NotFound):
        crm.page("ada", as_of=BEGIN - DAY)


def test_what_was_told_late_was_not_known_before(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        a_shop(crm, clock)
        before = crm.page("ada", as_of=BEGIN + 2 * DAY)
        clock.now = BEGIN + 30 * DAY
        crm.do(ChangeContactDetails(customer="ada", name="Ada L.", occurred_at=BEGIN + DAY))
        crm.do(AddNote(customer="ada", text="told late", occurred_at=BEGIN + DAY))
        now_known = crm.page("ada", as_of=BEGIN + 2 * DAY)
        then_known = crm.page("ada", as_of=BEGIN + 2 * DAY, known_at=BEGIN + 25 * DAY)
    assert (now_known.details.name, now_known.notes.found[0].text) == ("Ada L.", "told late")
    assert (then_known.details, then_known.notes) == (before.details, before.notes)
    assert then_known.conversations == before.conversations


def test_of_somebody_forgotten_what_is_left_stands_there(crm: regulars.Regulars) -> None:
    ada = crm.customer("ada").id
    crm.forget("ada", reason="asked for it")
    page = crm.page(ada)
    assert page.forgotten_at is not None
    assert page.forgotten_at.date() == (BEGIN + 20 * DAY).date()
    told = page.details
    assert (told.ref, told.name, told.email, told.birthday, told.preferences) == (None, None, None, None, ())
    assert [each.text for each in (*page.conversations.found, *page.notes.found)] == [None] * 11
    assert (page.conversations.more, page.customer.orders) == (6, 1)
    then = crm.page(ada, as_of=BEGIN + 2 * DAY)
    assert (then.forgotten_at, then.details.name) == (page.forgotten_at, None)


def test_merged_customers_have_one_page(crm: regulars.Regulars) -> None:
    crm.do(RegisterCustomer(ref="double", name="Double", phone="+49309999999", birthday="1980-01-01"))
    crm.do(
        [AddNote(customer="double", text="the other one"), RecordPreference(customer="double", key="shoe", value="38")]
    )
    crm.do(MergeCustomers(customer="double", into="ada"))
    page = crm.page("double")
    assert page == crm.page("ada")
    assert (page.details.name, page.details.phone) == ("Ada", "+49309999999")
    assert page.details.preferences == (("shoe", "38"), ("tea", "sencha"))
    assert page.customer.merged == ("double",)
    assert {each.text for each in page.notes.found} == {"the other one", "never on Mondays"}


HAPPENS = st.one_of(
    *(purchases(), tickets(), surveys(), memberships(), merges()),
    *(tasks(), opportunities(), selling()),
)


@cache
def with_care() -> Ruleset:
    """The default rules with segments, and with reminders of every kind."""
    return parse_rules(default_text() + SEGMENTS + CARE)


@given(steps=one_by_one(HAPPENS, gaps=[timedelta(), DAY, 20 * DAY, 70 * DAY], max_size=14))
@settings(max_examples=max(1, EXAMPLES // 5))
def test_each_section_says_what_its_own_question_says(steps: list[Step]) -> None:
    with empty_file() as path:
        clock = Clock()
        with opened(path, clock) as crm:
            crm.rules.publish(with_care(), reason="to be reminded")
            register(crm, clock)
            play(crm, clock, steps)
            for who in PEOPLE:
                for as_of in (None, clock.now - 30 * DAY):
                    _agrees(crm, who, as_of)


def _agrees(crm: regulars.Regulars, who: str, as_of: datetime | None) -> None:
    try:
        customer = crm.customer(who, as_of=as_of)
    except NotFound:
        with pytest.raises(NotFound):
            crm.page(who, as_of=as_of)
        return
    page: CustomerPage = crm.page(who, as_of=as_of)
    assert page.customer == customer
    verdicts = {each.lane: each for each in page.standing.verdicts}
    explained = {each.lane: each for each in customer.explain().verdicts}
    for lane in ("stage", "tier", "risk"):
        assert (verdicts[lane].value, verdicts[lane].score) == (explained[lane].value, explained[lane].score)
    satisfaction = crm.satisfaction_of(who, as_of=as_of)
    assert (page.standing.nps, page.standing.csat) == (satisfaction.nps, satisfaction.csat)
    inside = [each.id for each in customer.explain().segments if each.inside]
    assert [each.id for each in page.standing.segments] == inside
    if page.points is not None:
        assert page.points == crm.points(who, as_of=as_of)
    open_now = {
        each.ticket_id for each in crm.tickets(customer=who, as_of=as_of) if each.status not in ("resolved", "closed")
    }
    assert {each.ticket_id for each in page.tickets.found} == open_now
    assert page.reminders.found == crm.reminders(customer=who, as_of=as_of).reminders[:10]
    if as_of is None:  # lists as of a past day know what became of what ran then
        assert page.tasks.found == crm.tasks(customer=who).tasks
        assert page.quotes.found == crm.quotes(customer=who, status="sent").quotes
        in_force = {
            each.contract_id: each
            for status in ("upcoming", "active")
            for each in crm.contracts(customer=who, status=status)
        }
        assert {each.contract_id: each for each in page.contracts.found} == in_force


def test_work_and_sales_stand_on_it_with_their_words_and_leave_it_when_settled(database_url: str) -> None:
    clock = Clock()
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref="acme", name="Acme", kind="firm"), RegisterCustomer(ref="ada", name="Ada")])
        line = QuoteLine(description="Tea", quantity="2", unit_price="50.00", tax_rate="19")
        crm.do(
            [
                RecordEmployment(customer="ada", firm="acme", role="buyer", since=date(2023, 5, 1)),
                AddTask(customer="ada", task_id="K-1", what="call back", due=date(2024, 1, 3), owner="li"),
                OpenOpportunity(customer="ada", opportunity_id="O-1", title="Tea for all", amount="500.00"),
                SendQuote(customer="ada", quote_id="Q-1", lines=(line,), valid_until=date(2024, 1, 31)),
                SignContract(customer="ada", contract_id="C-1", start=date(2024, 1, 1), amount="99.00"),
            ]
        )
        page = crm.page("ada")
        [works_for] = page.works_for
        assert (works_for.firm.name, works_for.role) == ("Acme", "buyer")
        [task], [sold] = page.tasks.found, page.opportunities.found
        assert (task.what, task.value, task.owner) == ("call back", "open", "li")
        assert (sold.title, sold.amount, sold.is_stale) == ("Tea for all", Decimal("500.00"), False)
        assert [(each.quote_id, each.gross) for each in page.quotes.found] == [("Q-1", Decimal("119.00"))]
        assert [(each.contract_id, each.amount) for each in page.contracts.found] == [("C-1", Decimal("99.00"))]
        assert [each.person.name for each in crm.page("acme").people.found] == ["Ada"]

        clock.now += DAY
        crm.do([CompleteTask(task_id="K-1"), LoseOpportunity(opportunity_id="O-1", reason="price")])
        crm.do([DeclineQuote(quote_id="Q-1", cause="price"), EndContract(contract_id="C-1", on=date(2024, 1, 1))])
        clock.now += DAY
        settled = crm.page("ada")
        assert not settled.tasks.found + settled.opportunities.found + settled.quotes.found + settled.contracts.found
        then = crm.page("ada", as_of=BEGIN + DAY / 2)
        assert (then.tasks, then.opportunities, then.quotes) == (page.tasks, page.opportunities, page.quotes)

        crm.forget("ada", reason="asked for it")
        gone = crm.page(page.customer_id, as_of=BEGIN + DAY / 2)
        assert [each.what for each in gone.tasks.found] == [each.title for each in gone.opportunities.found] == [None]
        assert crm.page("acme").people.found == ()


def test_what_became_of_them_in_campaigns_is_what_these_tell_as_of_any_day(database_url: str) -> None:
    clock, people = Clock(), ("ada", "bo", "cy", "di")
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref=each, name=each.title()) for each in people])
        days, offers = [], dict[str, str]()
        for campaign in ("spring", "summer"):
            clock.now += DAY
            plan(crm, campaign, people)
            offers = launch(crm, campaign, people, 2, clock.now)
            days.append(clock.now)
        clock.now += DAY
        crm.do([RecordOfferSent(offer_id=each, channel="post") for each in offers.values()])
        crm.do(MergeCustomers(customer="bo", into="ada"))
        for as_of in (*days, None):
            told = [
                each
                for campaign in crm.campaigns.history(as_of=as_of)
                for each in crm.campaigns.who(campaign.campaign_id, as_of=as_of)
            ]
            assert told
            for who in people:
                page = crm.page(who, as_of=as_of)
                of_theirs = [each for each in told if each.customer_id == page.customer_id]
                assert page.offers.found == tuple(sorted(of_theirs, key=lambda each: each.since, reverse=True))
                assert len(of_theirs) == (1 if as_of == days[0] else 2)


def test_the_command_line_shows_it_in_80_columns(say: Say) -> None:
    say(
        "do",
        "RegisterCustomer",
        "ref=ada",
        "name=Ada",
        "email=a@old.example",
        "birthday=1990-12-10",
        "--currency",
        "EUR",
        "occurred_at=2024-01-02",
    )
    say("do", "AddNote", "customer=ada", f"text=never {'on Mondays ' * 40}", "occurred_at=2024-01-03")
    say("do", "OpenTicket", "customer=ada", "ticket_id=T-1", "subject=a leg", "occurred_at=2024-01-04")
    say("do", "ChangeContactDetails", "customer=ada", "email=a@new.example", "occurred_at=2024-03-01")
    said = say("show", "ada")
    assert (said.status, said.widest <= 80) == (0, True)
    assert said.out.startswith("Ada\nada · a@new.example · id:")
    for words in ("birthday  1990-12-10", "Open tickets", "T-1", "Notes, decrypted", "never on Mondays", "▲"):
        assert words in said.out
    then = say("show", "ada", "--as-of", "2024-01-03")
    assert "a@old.example" in then.out
    assert "Open tickets" not in then.out
    told = say("show", "ada", "--as-of", "2024-01-03", "--json").json
    assert (told["email"], told["tickets"]["found"]) == ("a@old.example", [])
    called_otherwise = {"customer_id", "zone", "rules_digest", "customer", "details", "standing"}
    assert set(CustomerPage.__struct_fields__) - called_otherwise <= told.keys()
    assert told["notes"]["found"][0]["text"].startswith("never on Mondays")
    assert say("show", "ada", "--as-of", "2023-01-03").status == 1


def test_the_command_line_says_that_somebody_was_forgotten(say: Say) -> None:
    say("do", "RegisterCustomer", "ref=ada", "name=Ada", "--currency", "EUR")
    who = say("show", "ada", "--json").json["id"]
    say("forget", "ada", "--reason", "on request", "--yes")
    said = say("show", who)
    assert said.out.startswith("Somebody who was forgotten\n")
    assert "forgotten on 2024-06-01" in said.out
