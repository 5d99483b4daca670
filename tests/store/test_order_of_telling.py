"""Order of arrival decides nothing about what happened: told in any order, words end in the same record and answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st

from regulars import (
    AcceptQuote,
    AddTask,
    AssignOwner,
    AssignTicket,
    AwaitCustomer,
    ChangeContactDetails,
    ChangeOpportunity,
    ChangePriority,
    ClassifyTicket,
    CloseAccount,
    CloseTicket,
    Command,
    CompleteTask,
    CustomerId,
    DisqualifyLead,
    DropTask,
    EscalateTicket,
    GiveConsent,
    LoseOpportunity,
    MoveOpportunity,
    NotFound,
    OpenOpportunity,
    OpenTicket,
    PutOnHold,
    QualifyLead,
    QuoteLine,
    RateTicket,
    ReassignTask,
    RecordChurnReason,
    RecordInteraction,
    RecordPreference,
    RecordPurchase,
    RecordReturn,
    RecordSurveyAnswer,
    RecordSurveyBounced,
    RecordSurveySent,
    RegisterCustomer,
    Regulars,
    ReopenAccount,
    ReopenOpportunity,
    ReopenTask,
    ReopenTicket,
    ReplyAsAgent,
    ReplyAsCustomer,
    RequestCancellation,
    ResolveTicket,
    ResumeTicket,
    SendQuote,
    SignContract,
    SnoozeTask,
    TagCustomer,
    UntagCustomer,
    WinOpportunity,
    WithdrawCancellation,
    WithdrawConsent,
)
from regulars.crm_domain.interaction import InteractionCommand
from shops import Clock, accepted, fresh_store, in_each_database, opened, until_none_is_taken

BEGIN = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
HOUR = timedelta(hours=1)
WHO = "ada"
NEWS: Any = {"channel": "email", "purpose": "news"}
E_MAILS = ("first@x.example", "old@x.example", "new@x.example")
NPS: Any = {"survey": "nps"}

ABOUT_A_CUSTOMER: list[Command] = [
    CloseAccount(customer=WHO),
    ReopenAccount(customer=WHO),
    RequestCancellation(customer=WHO),
    WithdrawCancellation(customer=WHO),
    TagCustomer(customer=WHO, label="vip"),
    UntagCustomer(customer=WHO, label="vip"),
    AssignOwner(customer=WHO, owner="bob"),
    AssignOwner(customer=WHO, owner="eve"),
    ChangeContactDetails(customer=WHO, email="old@x.example"),
    ChangeContactDetails(customer=WHO, email="new@x.example", phone="+4930123456"),
    ChangeContactDetails(customer=WHO, phone=None),
    RecordPreference(customer=WHO, key="size", value="S"),
    RecordPreference(customer=WHO, key="size", value="M"),
    GiveConsent(customer=WHO, **NEWS),
    WithdrawConsent(customer=WHO, **NEWS),
    QualifyLead(customer=WHO),
    DisqualifyLead(customer=WHO, reason="no budget"),
    RecordChurnReason(customer=WHO, cause="price"),
    RecordChurnReason(customer=WHO, cause="moved"),
    RecordSurveyAnswer(customer=WHO, survey="nps", score=10),
    RecordSurveyAnswer(customer=WHO, survey="nps", score=2),
    RecordSurveyAnswer(customer=WHO, survey="nps", score=8, survey_id="S"),
    RecordSurveySent(customer=WHO, survey_id="S", survey="nps", channel="email"),
    RecordSurveyBounced(survey_id="S"),
    RecordInteraction(customer=WHO, channel="phone", direction="inbound"),
    RecordPurchase(customer=WHO, order_id="O", amount="9", currency="EUR"),
    RecordReturn(order_id="O"),
]

ABOUT_A_TASK: list[Command] = [
    AddTask(customer=WHO, task_id="K", what="call", due=date(2026, 1, 5), repeats="every 3 days"),
    AddTask(task_id="N", what="count the till", due=date(2026, 1, 4)),
    *(
        command
        for task_id in ("K", "N")
        for command in (
            CompleteTask(task_id=task_id),
            CompleteTask(task_id=task_id),
            DropTask(task_id=task_id),
            ReopenTask(task_id=task_id),
            ReassignTask(task_id=task_id, owner="max"),
            SnoozeTask(task_id=task_id, until=date(2026, 1, 30)),
        )
    ),
]

WHAT_CAME_BACK: list[Command] = [
    RecordReturn(order_id="O", amount="4", return_id="R-1"),
    RecordReturn(order_id="O", amount="8", return_id="R-2"),
    *(RecordReturn(order_id="O", returned_so_far=so_far) for so_far in ("0", "3", "6", "9")),
]

ABOUT_A_TICKET: list[Command] = [
    OpenTicket(customer=WHO, ticket_id="T"),
    ClassifyTicket(ticket_id="T", topic="delivery", complaint=True),
    ClassifyTicket(ticket_id="T", topic="price", complaint=False),
    ChangePriority(ticket_id="T", priority="urgent"),
    ChangePriority(ticket_id="T", priority="low"),
    AssignTicket(ticket_id="T", agent="li"),
    AssignTicket(ticket_id="T", agent="max"),
    ReplyAsAgent(ticket_id="T"),
    ReplyAsCustomer(ticket_id="T"),
    AwaitCustomer(ticket_id="T"),
    PutOnHold(ticket_id="T"),
    ResumeTicket(ticket_id="T"),
    EscalateTicket(ticket_id="T", level=1),
    EscalateTicket(ticket_id="T", level=2),
    ResolveTicket(ticket_id="T"),
    ReopenTicket(ticket_id="T"),
    RateTicket(ticket_id="T", score=2),
    RateTicket(ticket_id="T", score=5),
    CloseTicket(ticket_id="T"),
]


QUOTED = (QuoteLine(description="Tea", unit_price="80", tax_rate="7"),)

ABOUT_AN_OPPORTUNITY: list[Command] = [
    OpenOpportunity(customer=WHO, opportunity_id="N", amount="90", owner="li", title="Tea"),
    MoveOpportunity(opportunity_id="N", stage="proposal"),
    MoveOpportunity(opportunity_id="N", stage="negotiation"),
    ChangeOpportunity(opportunity_id="N", amount="70"),
    ChangeOpportunity(opportunity_id="N", amount=None, owner="max"),
    ChangeOpportunity(opportunity_id="N", expected_close="2026-05-01", title="Cups"),
    WinOpportunity(opportunity_id="N"),
    LoseOpportunity(opportunity_id="N", reason="price", detail="too dear"),
    LoseOpportunity(opportunity_id="N", reason="silence"),
    ReopenOpportunity(opportunity_id="N"),
    ReopenOpportunity(opportunity_id="N", stage="contacted"),
]

#: What names an opportunity or a quote, and what is named.
NAMING: list[Command] = [
    SendQuote(customer=WHO, quote_id="Q", lines=QUOTED, opportunity_id="N"),
    AcceptQuote(quote_id="Q"),
    WinOpportunity(opportunity_id="N", amount="80", quote_id="Q"),
    SignContract(customer=WHO, contract_id="C", start=date(2026, 2, 1), amount="80", quote_id="Q", opportunity_id="N"),
    AddTask(customer=WHO, task_id="K", what="call", opportunity_id="N"),
    OpenTicket(customer=WHO, ticket_id="T"),
    AddTask(task_id="L", what="look", ticket_id="T", opportunity_id="N"),
]


def counting_once(words: list[Command]) -> list[Command]:
    """Without the second and later ones of what has an id: that counts once, when it is told first."""
    once = (
        *(AddTask, RecordPurchase, RecordReturn, OpenOpportunity, OpenTicket, RecordSurveySent),
        *(SendQuote, AcceptQuote, SignContract),
    )
    return [word for place, word in enumerate(words) if not isinstance(word, once) or words.index(word) == place]


def record_of(crm: Regulars) -> list[tuple[Any, ...]]:
    """What happened and when, whatever its place in the log."""
    return sorted((each.occurred_at, repr(each.event)) for each in crm.events())


def found_by(crm: Regulars, email: str) -> bool:
    try:
        return bool(crm.find(email))
    except NotFound:
        return False


def answers_of(crm: Regulars, at: list[datetime]) -> list[Any]:
    """What is said of the customer today and at some moments, and of the ticket, where there is one."""
    said: list[Any] = [
        (each.stage, each.tier, each.risk, each.tags, each.owner, each.email, each.phone, each.net_spend)
        for each in [crm.customer(WHO), *(crm.customer(WHO, as_of=moment) for moment in at)]
    ]
    for content in [crm.satisfaction_of(WHO), *(crm.satisfaction_of(WHO, as_of=moment) for moment in at)]:
        surveys = [(each.sent_at, each.fate, each.score) for each in content.surveys]
        said.append((content.nps, content.unasked, content.too_soon, content.may_ask.again_at, surveys))
    said.append(crm.consents(WHO).allow(**NEWS))
    said.append([found_by(crm, each) for each in E_MAILS])
    said += [(each.ticket_id, each.status, each.priority, each.agent, each.topic, each.until) for each in crm.tickets()]
    for page in [crm.tasks(), crm.tasks(value="done"), *(crm.tasks(as_of=moment) for moment in at)]:
        said.append([(each.task_id, each.value, each.since, each.due_day, each.owner) for each in page])
    for moment in [None, *at]:
        try:
            found = crm.opportunity("N", as_of=moment)
        except NotFound:
            continue
        said.append(replace(found, as_of=BEGIN, customer_id=CustomerId(""), reasons=(), events=()))
        said.append([each.sentence for each in found.reasons])
    return said


@in_each_database(
    15,
    words=st.lists(st.sampled_from(ABOUT_AN_OPPORTUNITY), min_size=2, max_size=9).map(counting_once),
    random=st.randoms(use_true_random=False),
)
def test_what_happened_to_an_opportunity_told_in_any_order_ends_in_the_same(
    kind: str, postgres_url: str, words: list[Command], random: Random
) -> None:
    opened = OpenOpportunity(customer=WHO, opportunity_id="N", amount="90", owner="li", title="Tea")
    require_the_same_in_any_order(kind, postgres_url, [opened, *(word for word in words if word != opened)], random)


@in_each_database(6, words=st.permutations(NAMING), random=st.randoms(use_true_random=False))
def test_what_names_an_opportunity_a_quote_or_a_ticket_told_in_any_order_ends_in_the_same(
    kind: str, postgres_url: str, words: list[Command], random: Random
) -> None:
    opened = OpenOpportunity(customer=WHO, opportunity_id="N", amount="90", owner="li", title="Tea")
    require_the_same_in_any_order(kind, postgres_url, [opened, *words], random)


@in_each_database(
    25,
    words=st.lists(st.sampled_from([*ABOUT_A_CUSTOMER, *ABOUT_A_TICKET, *ABOUT_A_TASK]), min_size=2, max_size=9).map(
        counting_once
    ),
    random=st.randoms(use_true_random=False),
)
def test_words_told_in_any_order_end_in_the_same_record_and_answers(
    kind: str, postgres_url: str, words: list[Command], random: Random
) -> None:
    require_the_same_in_any_order(kind, postgres_url, words, random)


@in_each_database(
    15,
    returns=st.lists(st.sampled_from(WHAT_CAME_BACK), min_size=1, max_size=5).map(counting_once),
    random=st.randoms(use_true_random=False),
)
def test_what_came_back_of_an_order_told_in_any_order_ends_in_the_same(
    kind: str, postgres_url: str, returns: list[Command], random: Random
) -> None:
    order = RecordPurchase(customer=WHO, order_id="O", amount="9", currency="EUR")
    require_the_same_in_any_order(kind, postgres_url, [order, *returns], random)


def require_the_same_in_any_order(kind: str, postgres_url: str, words: list[Command], random: Random) -> None:
    told = [word.model_copy(update={"occurred_at": BEGIN + place * 30 * HOUR}) for place, word in enumerate(words, 1)]
    moments = [word.occurred_at for word in told if word.occurred_at is not None]
    clock = Clock()
    clock.now = BEGIN + 500 * HOUR
    registered = RegisterCustomer(ref=WHO, name="Ada", email="first@x.example", occurred_at=BEGIN)
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        crm.do(registered)
        told = accepted(crm, told)
        record, answers = record_of(crm), answers_of(crm, moments)
    shuffled = list(told)
    random.shuffle(shuffled)
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        crm.do(registered)
        assert until_none_is_taken(crm, shuffled) == []
        assert record_of(crm) == record
        assert answers_of(crm, moments) == answers
        assert [each for each in E_MAILS if found_by(crm, each)] == [crm.customer(WHO).email]
        assert crm.check_records().holds
        assert crm.projections.verify().holds  # folded anew it is the same
        # Without an id the first of these are new; an acceptance is an act, and refused the second time.
        again = [word for word in told if not isinstance(word, InteractionCommand | AcceptQuote)]
        assert [each for word in again for each in crm.do(word).events] == []  # the identical word changes nothing


def test_whatever_row_registered_somebody_they_are_known_since_the_first(database_url: str) -> None:
    clock = Clock()
    clock.now = BEGIN + 2_000 * HOUR
    orders = [
        RecordPurchase(
            customer=WHO, order_id=f"O-{number}", amount="9", currency="EUR", occurred_at=BEGIN + number * 300 * HOUR
        )
        for number in range(4)
    ]
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref=WHO, occurred_at=orders[-1].occurred_at), *reversed(orders)])
        crm.do([RegisterCustomer(ref="bob", occurred_at=orders[0].occurred_at)])
        crm.do([each.model_copy(update={"customer": "bob", "order_id": f"B-{each.order_id}"}) for each in orders])
        ada, bob = crm.customer(WHO), crm.customer("bob")
        assert (ada.stage, ada.risk) == (bob.stage, bob.risk)
        for moment in (BEGIN, BEGIN + HOUR, BEGIN + 400 * HOUR):
            assert crm.customer(WHO, as_of=moment).risk == crm.customer("bob", as_of=moment).risk


def test_they_are_known_since_any_word_about_them_was_told(database_url: str) -> None:
    clock = Clock()
    clock.now = BEGIN + 2_000 * HOUR
    words: list[Command] = [
        ChangeContactDetails(customer=WHO, email="old@x.example", occurred_at=BEGIN),
        GiveConsent(customer=WHO, **NEWS, occurred_at=BEGIN + HOUR),
        TagCustomer(customer=WHO, label="vip", occurred_at=BEGIN + 300 * HOUR),
    ]
    with opened(database_url, clock) as crm:
        crm.do(RegisterCustomer(ref=WHO, occurred_at=BEGIN + 300 * HOUR))
        for word in reversed(words):
            crm.do(word)
            clock.now += HOUR
            for verdict in (crm.customer(WHO), crm.customer(WHO, as_of=word.occurred_at)):
                assert verdict.stage == "lead" or word.occurred_at < verdict.stage_since
            page = list(crm.customers())
            assert [each.stage_since for each in page] == [crm.customer(WHO).stage_since]
        assert crm.customer(WHO, as_of=BEGIN).stage == "lead"
        with pytest.raises(NotFound):
            crm.customer(WHO, as_of=BEGIN - HOUR)


def test_what_names_no_time_comes_after_what_a_clock_ahead_has_told(database_url: str) -> None:
    clock, ahead = Clock(), Clock()
    ahead.now = clock.now + timedelta(minutes=2)
    with opened(database_url, clock) as behind, opened(database_url, ahead) as before:
        behind.do(RegisterCustomer(ref=WHO, occurred_at=clock.now - timedelta(days=9)))
        before.do(CloseAccount(customer=WHO))
        before.do(TagCustomer(customer=WHO, label="vip"))
        clock.now += timedelta(seconds=20)
        behind.do(ReopenAccount(customer=WHO))
        behind.do(UntagCustomer(customer=WHO, label="vip"))
        clock.now += timedelta(hours=5)
        ada = behind.customer(WHO)
        assert (ada.stage, ada.tags) == ("lead", ())


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (CloseAccount(customer=WHO), ReopenAccount(customer=WHO)),
        (TagCustomer(customer=WHO, label="vip"), UntagCustomer(customer=WHO, label="vip")),
        (AssignOwner(customer=WHO, owner="bob"), AssignOwner(customer=WHO, owner="eve")),
        (
            ChangeContactDetails(customer=WHO, email="a@b.example"),
            ChangeContactDetails(customer=WHO, email="c@d.example"),
        ),
        (GiveConsent(customer=WHO, **NEWS), WithdrawConsent(customer=WHO, **NEWS)),
        (
            RecordSurveyAnswer(customer=WHO, survey="nps", score=1),
            RecordSurveyAnswer(customer=WHO, survey="nps", score=9),
        ),
    ],
    ids=lambda command: type(command).__name__,
)
def test_of_two_words_of_one_instant_the_same_one_holds_in_either_order(
    postgres_url: str, first: Command, second: Command
) -> None:
    clock, said = Clock(), []
    clock.now = BEGIN + 500 * HOUR
    for words in ([first, second], [second, first]):
        with fresh_store("sqlite", postgres_url) as url, opened(url, clock) as crm:
            crm.do(RegisterCustomer(ref=WHO, occurred_at=BEGIN))
            crm.do(QualifyLead(customer=WHO, occurred_at=BEGIN + HOUR))
            for word in words:
                crm.do(word.model_copy(update={"occurred_at": BEGIN + 9 * HOUR}))
            said.append(answers_of(crm, [BEGIN + 9 * HOUR]))
    assert said[0] == said[1]
