"""Tickets: they move as their table says, time runs forward, and closed is final."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import ValidationError

from given import NOW, Given, fold, given
from regulars.crm_domain.command import Context, TicketPolicy
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import DAY, to_datetime
from regulars.crm_domain.ticket import (
    MOVES,
    TICKET,
    AgentReplied,
    AssignTicket,
    AwaitCustomer,
    ChangePriority,
    ClassifyTicket,
    CloseTicket,
    CustomerReplied,
    EscalateTicket,
    OpenTicket,
    PutOnHold,
    RateTicket,
    ReopenTicket,
    ReplyAsAgent,
    ReplyAsCustomer,
    ResolveTicket,
    ResumeTicket,
    Ticket,
    TicketAssigned,
    TicketAwaitingCustomer,
    TicketClassified,
    TicketClosed,
    TicketCommand,
    TicketEscalated,
    TicketEvent,
    TicketOpened,
    TicketPriorityChanged,
    TicketPutOnHold,
    TicketRated,
    TicketReopened,
    TicketResolved,
    TicketResumed,
    TicketStatus,
    status_at,
)

ID = "T-1"
OPEN = OpenTicket(customer="shop:1", ticket_id=ID, priority="high", channel="email", subject="No tea")
OPENED = TicketOpened(ticket_id=ID, at=NOW, priority="high", channel="email", subject="No tea")
ASSIGNED = TicketAssigned(ticket_id=ID, at=NOW, agent="li")
AWAITING = TicketAwaitingCustomer(ticket_id=ID, at=NOW)
HELD = TicketPutOnHold(ticket_id=ID, at=NOW)
RESOLVED = TicketResolved(ticket_id=ID, at=NOW)
CLOSED = TicketClosed(ticket_id=ID, at=NOW)

# How a ticket comes to stand where it stands.
PATHS: dict[TicketStatus, tuple[TicketEvent, ...]] = {
    TicketStatus.UNKNOWN: (),
    TicketStatus.NEW: (OPENED,),
    TicketStatus.OPEN: (OPENED, ASSIGNED),
    TicketStatus.AWAITING_CUSTOMER: (OPENED, ASSIGNED, AWAITING),
    TicketStatus.ON_HOLD: (OPENED, ASSIGNED, HELD),
    TicketStatus.RESOLVED: (OPENED, ASSIGNED, RESOLVED),
    TicketStatus.CLOSED: (OPENED, ASSIGNED, RESOLVED, CLOSED),
}

# A command that asks for something new, the event that comes of it, and where the ticket then stands by where it
# stood: n new, o open, a awaiting the customer, h on hold, r resolved, c closed. What isn't named is refused, but
# for "=", where it has come about already.
TABLE: tuple[tuple[TicketCommand, TicketEvent, str], ...] = (
    (
        ClassifyTicket(ticket_id=ID, topic="post"),
        TicketClassified(ticket_id=ID, at=NOW, topic="post"),
        "nn oo aa hh rr",
    ),
    (
        ChangePriority(ticket_id=ID, priority="low"),
        TicketPriorityChanged(ticket_id=ID, at=NOW, priority="low"),
        "nn oo aa hh",
    ),
    (AssignTicket(ticket_id=ID, agent="mo"), TicketAssigned(ticket_id=ID, at=NOW, agent="mo"), "no oo aa hh"),
    (ReplyAsAgent(ticket_id=ID, message="Hi"), AgentReplied(ticket_id=ID, at=NOW, message="Hi"), "no oo aa hh rr"),
    (
        ReplyAsCustomer(ticket_id=ID, message="Ho"),
        CustomerReplied(ticket_id=ID, at=NOW, message="Ho"),
        "nn oo ao ho ro",
    ),
    (AwaitCustomer(ticket_id=ID), AWAITING, "na oa a= ha"),
    (PutOnHold(ticket_id=ID), HELD, "nh oh ah h="),
    (ResumeTicket(ticket_id=ID), TicketResumed(ticket_id=ID, at=NOW), "o= ao ho"),
    (EscalateTicket(ticket_id=ID), TicketEscalated(ticket_id=ID, at=NOW, level=1), "no oo aa hh"),
    (ResolveTicket(ticket_id=ID), RESOLVED, "nr or ar hr r="),
    (ReopenTicket(ticket_id=ID), TicketReopened(ticket_id=ID, at=NOW), "o= ro"),
    (CloseTicket(ticket_id=ID), CLOSED, "nc oc ac hc rc c="),
    (RateTicket(ticket_id=ID, score=5), TicketRated(ticket_id=ID, at=NOW, score=5), "rr cc"),
)
LETTERS = {
    "n": TicketStatus.NEW,
    "o": TicketStatus.OPEN,
    "a": TicketStatus.AWAITING_CUSTOMER,
    "h": TicketStatus.ON_HOLD,
    "r": TicketStatus.RESOLVED,
    "c": TicketStatus.CLOSED,
}


def standing(*events: Event) -> TicketStatus:
    state = fold(TICKET, *events)
    assert isinstance(state, Ticket)
    return state.status


def by_rules(*events: Event, days: int = 7, after: int = 0) -> Given:
    """A ticket some microseconds after NOW, under rules by which it counts as closed after some days."""
    return Given(events=events, context=Context(now=NOW + after, tickets=TicketPolicy(auto_close_days=days)))


# ----------------------------------------------------------------------------------------------------- 1. ticket ids


def test_a_ticket_is_opened() -> None:
    given().when(OPEN).then(OPENED)


def test_a_ticket_is_of_normal_priority_unless_it_says_so() -> None:
    given().when(OpenTicket(customer="shop:1", ticket_id=ID)).then(
        TicketOpened(ticket_id=ID, at=NOW, priority="normal")
    )


@pytest.mark.parametrize("status", LETTERS.values())
def test_the_same_ticket_with_the_same_content_changes_nothing_whenever_it_is_told(status: TicketStatus) -> None:
    given(*PATHS[status], now=NOW + DAY).when(OPEN).then_nothing()
    given(*PATHS[status]).when(OPEN.model_copy(update={"occurred_at": to_datetime(NOW - DAY)})).then_nothing()


@pytest.mark.parametrize(
    "other",
    [{"priority": "low"}, {"channel": "phone"}, {"subject": "No milk"}, {"follows": "T-0"}, {"complaint": True}],
    ids=lambda change: next(iter(change)),
)
def test_the_same_ticket_with_other_content_is_refused(other: dict[str, Any]) -> None:
    given(OPENED).when(OPEN.model_copy(update=other)).then_rejected("ticket_id_taken")


def test_what_a_ticket_became_is_no_other_content() -> None:
    changed = TicketPriorityChanged(ticket_id=ID, at=NOW, priority="low")
    given(OPENED, changed).when(OPEN).then_nothing()
    given(OPENED, changed).when(OPEN.model_copy(update={"priority": "low"})).then_rejected("ticket_id_taken")


def test_a_follow_up_links_back() -> None:
    command = OpenTicket(customer="shop:1", ticket_id="T-2", follows=ID)
    given().when(command).then(TicketOpened(ticket_id="T-2", at=NOW, follows=ID))


def test_a_ticket_does_not_follow_itself() -> None:
    given().when(OpenTicket(customer="shop:1", ticket_id=ID, follows=ID)).then_rejected("follows_itself")


# ------------------------------------------------------------------------------------------------- 2. known, in order


@pytest.mark.parametrize("command", [row[0] for row in TABLE], ids=lambda command: type(command).__name__)
def test_of_a_ticket_that_nobody_opened_nothing_is_said(command: TicketCommand) -> None:
    given().when(command).then_rejected("unknown_ticket")


@pytest.mark.parametrize(("command", "event", "moves"), TABLE, ids=lambda part: type(part).__name__)
def test_nothing_happens_before_the_last_event(command: TicketCommand, event: TicketEvent, moves: str) -> None:
    path = PATHS[LETTERS[next(move[0] for move in moves.split() if move[1] != "=")]]
    stream = given(*path, now=NOW + DAY)
    stream.when(command.model_copy(update={"occurred_at": to_datetime(NOW)})).then(event)
    early = to_datetime(NOW) - timedelta(microseconds=1)
    stream.when(command.model_copy(update={"occurred_at": early})).then_rejected("out_of_order")


def test_nothing_happens_to_a_ticket_before_it_is_opened() -> None:
    early = AwaitCustomer(ticket_id=ID, occurred_at=to_datetime(NOW - 1))
    given(OPENED, now=NOW + 3).when(early).then_rejected("out_of_order")


def test_an_event_says_when_it_happened_as_its_envelope_does() -> None:
    command = ResolveTicket(ticket_id=ID, occurred_at=to_datetime(NOW + 1))
    given(OPENED, now=NOW + 2).when(command).then(replace(RESOLVED, at=NOW + 1))
    ahead = ResolveTicket(ticket_id=ID, occurred_at=to_datetime(NOW + 1))
    given(OPENED, now=NOW).when(ahead).then(RESOLVED)  # a clock a little ahead is clamped


# ----------------------------------------------------------------------------------------------------------- 3. moves


@pytest.mark.parametrize("status", LETTERS.values())
@pytest.mark.parametrize(("command", "event", "moves"), TABLE, ids=lambda part: type(part).__name__)
def test_a_ticket_moves_as_the_table_says(
    status: TicketStatus, command: TicketCommand, event: TicketEvent, moves: str
) -> None:
    path, targets = PATHS[status], {LETTERS[move[0]]: move[1] for move in moves.split()}
    assert standing(*path) is status
    decision = given(*path).when(command)
    if status not in targets:
        decision.then_rejected(f"ticket_{status}")
    elif targets[status] == "=":
        decision.then_nothing()
    else:
        decision.then(event)
        assert standing(*path, event) is LETTERS[targets[status]]


def test_the_table_of_moves_is_the_one_above_and_the_opening() -> None:
    said = {
        type(event): {LETTERS[move[0]]: LETTERS[move[1]] for move in moves.split() if move[1] != "="}
        for _, event, moves in TABLE
    }
    assert said | {TicketOpened: {TicketStatus.UNKNOWN: TicketStatus.NEW}} == MOVES


def test_every_status_can_be_reached_and_only_closed_is_left_by_nothing() -> None:
    sources = {source for moves in MOVES.values() for source, target in moves.items() if source is not target}
    targets = {target for moves in MOVES.values() for target in moves.values()}
    assert targets == set(TicketStatus) - {TicketStatus.UNKNOWN}
    assert sources == set(TicketStatus) - {TicketStatus.CLOSED}


def test_a_refusal_says_which_ticket_and_where_it_stands() -> None:
    refused = given(*PATHS[TicketStatus.AWAITING_CUSTOMER]).when(ReopenTicket(ticket_id=ID))
    assert refused.sentence == 'ticket "T-1" is awaiting customer, where this can\'t happen'


# ----------------------------------------------------------------------------------------------- 3. counts as closed


@pytest.mark.parametrize(
    "command",
    [
        ReplyAsCustomer(ticket_id=ID, message="Still no tea"),
        ReplyAsAgent(ticket_id=ID, message="Hi"),
        ReopenTicket(ticket_id=ID),
        ClassifyTicket(ticket_id=ID, topic="post"),
    ],
    ids=lambda command: type(command).__name__,
)
def test_a_resolved_ticket_counts_as_closed_from_its_day_on(command: TicketCommand) -> None:
    path = PATHS[TicketStatus.RESOLVED]
    assert len(by_rules(*path, after=7 * DAY - 1).when(command).events) == 1
    by_rules(*path, after=7 * DAY).when(command).then_rejected("ticket_closed")
    assert len(by_rules(*path, days=8, after=7 * DAY).when(command).events) == 1
    assert len(given(*path, now=NOW + 7 * DAY).when(command).events) == 1  # no rules, no closing


def test_what_counts_is_when_it_happened_and_not_when_it_is_told() -> None:
    told_late = ReplyAsCustomer(ticket_id=ID, occurred_at=to_datetime(NOW + 6 * DAY))
    reply = CustomerReplied(ticket_id=ID, at=NOW + 6 * DAY)
    by_rules(*PATHS[TicketStatus.RESOLVED], after=30 * DAY).when(told_late).then(reply)


def test_the_days_are_counted_from_the_last_resolution() -> None:
    again = (TicketReopened(ticket_id=ID, at=NOW + 6 * DAY), TicketResolved(ticket_id=ID, at=NOW + 6 * DAY))
    reply = CustomerReplied(ticket_id=ID, at=NOW + 8 * DAY)
    by_rules(*PATHS[TicketStatus.RESOLVED], *again, after=8 * DAY).when(ReplyAsCustomer(ticket_id=ID)).then(reply)


def test_what_we_say_on_a_resolved_ticket_does_not_keep_it_from_closing() -> None:
    thanks = AgentReplied(ticket_id=ID, at=NOW + 6 * DAY)
    stream = by_rules(*PATHS[TicketStatus.RESOLVED], thanks, after=7 * DAY)
    stream.when(ReplyAsCustomer(ticket_id=ID)).then_rejected("ticket_closed")


@pytest.mark.parametrize("status", [LETTERS[letter] for letter in "noah"])
def test_only_what_is_resolved_comes_to_count_as_closed(status: TicketStatus) -> None:
    by_rules(*PATHS[status], after=400 * DAY).when(ResolveTicket(ticket_id=ID)).then(
        replace(RESOLVED, at=NOW + 400 * DAY)
    )


def test_with_no_days_at_all_what_is_resolved_counts_as_closed_at_once() -> None:
    by_rules(*PATHS[TicketStatus.RESOLVED], days=0).when(ReplyAsCustomer(ticket_id=ID)).then_rejected("ticket_closed")


@pytest.mark.parametrize("status", [TicketStatus.RESOLVED, TicketStatus.CLOSED])
def test_to_what_is_over_the_customer_opens_a_follow_up(status: TicketStatus) -> None:
    refused = by_rules(*PATHS[status], after=7 * DAY).when(ReplyAsCustomer(ticket_id=ID))
    refused.then_rejected("ticket_closed")
    assert 'open a follow-up, a new ticket with follows="T-1"' in refused.sentence


def test_closing_what_only_counts_as_closed_makes_it_last_under_any_rules() -> None:
    closed = TicketClosed(ticket_id=ID, at=NOW + 7 * DAY)
    by_rules(*PATHS[TicketStatus.RESOLVED], after=7 * DAY).when(CloseTicket(ticket_id=ID)).then(closed)
    kept = by_rules(*PATHS[TicketStatus.RESOLVED], closed, days=30, after=8 * DAY)
    kept.when(ReplyAsCustomer(ticket_id=ID)).then_rejected("ticket_closed")


def test_a_retry_changes_nothing_after_it_counts_as_closed_either() -> None:
    by_rules(*PATHS[TicketStatus.RESOLVED], after=7 * DAY).when(ResolveTicket(ticket_id=ID)).then_nothing()


# --------------------------------------------------------------------------------------------------------- 5. replies

SAID = CustomerReplied(ticket_id=ID, at=NOW, message_id="m:1", message="Still no tea")


def test_the_same_message_twice_changes_nothing_whatever_came_between() -> None:
    say = ReplyAsCustomer(ticket_id=ID, message_id="m:1", message="Still no tea")
    given(OPENED).when(say).then(SAID)
    given(OPENED, SAID).when(say).then_nothing()
    given(OPENED, SAID, RESOLVED, now=NOW + DAY).when(say).then_nothing()
    given(OPENED, SAID, RESOLVED, CLOSED, now=NOW + DAY).when(say).then_nothing()


@pytest.mark.parametrize(
    "other",
    [
        ReplyAsCustomer(ticket_id=ID, message_id="m:1", message="There it is"),
        ReplyAsCustomer(ticket_id=ID, message_id="m:1"),
        ReplyAsAgent(ticket_id=ID, message_id="m:1", message="Still no tea"),
    ],
    ids=["message", "nothing", "speaker"],
)
def test_the_same_message_id_with_other_content_is_refused(other: TicketCommand) -> None:
    given(OPENED, SAID).when(other).then_rejected("message_id_taken")


def test_a_message_without_an_id_is_new() -> None:
    say = ReplyAsCustomer(ticket_id=ID, message="Still no tea")
    said = replace(SAID, message_id=None)
    given(OPENED, said).when(say).then(said)
    given(OPENED, SAID).when(say).then(said)


# --------------------------------------------------------------------------------------------------------- 6. ratings


@pytest.mark.parametrize("score", [0, 6, -1, 3.5, "good"])
def test_a_rating_off_its_scale_is_refused(score: object) -> None:
    with pytest.raises(ValidationError):
        RateTicket.model_validate({"ticket_id": ID, "score": score})


def test_a_rating_may_be_changed_and_twice_the_same_changes_nothing() -> None:
    rated = TicketRated(ticket_id=ID, at=NOW, score=2, comment="Slow")
    stream = given(*PATHS[TicketStatus.CLOSED], rated)
    stream.when(RateTicket(ticket_id=ID, score=2, comment="Slow")).then_nothing()
    stream.when(RateTicket(ticket_id=ID, score=2)).then(TicketRated(ticket_id=ID, at=NOW, score=2))
    stream.when(RateTicket(ticket_id=ID, score=4)).then(TicketRated(ticket_id=ID, at=NOW, score=4))


def test_what_counts_as_closed_can_be_rated() -> None:
    rated = TicketRated(ticket_id=ID, at=NOW + 30 * DAY, score=5)
    by_rules(*PATHS[TicketStatus.RESOLVED], after=30 * DAY).when(RateTicket(ticket_id=ID, score=5)).then(rated)


def test_resolved_anew_it_is_rated_anew() -> None:
    rated = TicketRated(ticket_id=ID, at=NOW, score=5)
    anew = (*PATHS[TicketStatus.RESOLVED], rated, TicketReopened(ticket_id=ID, at=NOW), RESOLVED)
    given(*anew).when(RateTicket(ticket_id=ID, score=5)).then(rated)


# ------------------------------------------------------------------------------------------- what is so already


@pytest.mark.parametrize("status", LETTERS.values())
def test_what_is_so_already_changes_nothing_wherever_the_ticket_stands(status: TicketStatus) -> None:
    facts = (
        TicketClassified(ticket_id=ID, at=NOW, topic="post", complaint=True),
        TicketEscalated(ticket_id=ID, at=NOW, level=2),
        TicketAssigned(ticket_id=ID, at=NOW, agent="li"),
    )
    stream = given(OPENED, *facts, *PATHS[status][1:])
    stream.when(ClassifyTicket(ticket_id=ID, topic="post", complaint=True)).then_nothing()
    stream.when(ClassifyTicket(ticket_id=ID, topic="post")).then_nothing()
    stream.when(ChangePriority(ticket_id=ID, priority="high")).then_nothing()
    stream.when(AssignTicket(ticket_id=ID, agent="li")).then_nothing()
    stream.when(EscalateTicket(ticket_id=ID)).then_nothing()
    stream.when(EscalateTicket(ticket_id=ID, level=2)).then_nothing()


def test_an_escalation_goes_up() -> None:
    first = TicketEscalated(ticket_id=ID, at=NOW, level=1)
    given(OPENED, first).when(EscalateTicket(ticket_id=ID, level=3)).then(replace(first, level=3))


@pytest.mark.parametrize("level", [0, 10])
def test_a_level_that_there_is_not_is_refused(level: int) -> None:
    with pytest.raises(ValidationError):
        EscalateTicket(ticket_id=ID, level=level)


def test_a_complaint_stays_one_until_it_is_said_that_it_is_none() -> None:
    complained = replace(OPENED, complaint=True)
    about = TicketClassified(ticket_id=ID, at=NOW, topic="post", complaint=True)
    given(complained).when(ClassifyTicket(ticket_id=ID, topic="post")).then(about)
    no_more = ClassifyTicket(ticket_id=ID, topic="post", complaint=False)
    given(complained, about).when(no_more).then(replace(about, complaint=False))


# ---------------------------------------------------------------------------------------------------- for any history

moments = st.none() | st.integers(-3 * DAY, 0).map(lambda ago: to_datetime(NOW + ago))
wishes = st.builds(
    lambda command, at: command.model_copy(update={"occurred_at": at}),
    st.sampled_from([row[0] for row in TABLE]),
    moments,
)


@hypothesis.given(st.lists(wishes, max_size=25), st.none() | st.integers(0, 2))
def test_whatever_is_asked_closed_is_final(commands: list[TicketCommand], days: int | None) -> None:
    policy = None if days is None else TicketPolicy(auto_close_days=days)
    context = Context(now=NOW, tickets=policy)
    state: Ticket = fold(TICKET, replace(OPENED, at=NOW - 3 * DAY))
    for command in commands:
        before = state
        try:
            events = TICKET.decide(command, state, context)
        except Rejected:
            assert state == before
            continue
        for event in events:
            assert isinstance(event, TicketEvent)
            at_the_time = status_at(state, policy, event.at)
            after = TICKET.evolve(state, event)
            # What is so already may be said again at a later time, and moves nothing.
            assert (
                at_the_time is not TicketStatus.CLOSED
                or isinstance(event, TicketRated | TicketClosed)
                or after == state
            )
            state = after
        assert (state.resolved_at is not None) or state.status is not TicketStatus.RESOLVED
        retried = command.model_copy(update={"occurred_at": None})
        if events and not isinstance(command, ReplyAsAgent | ReplyAsCustomer):
            assert TICKET.decide(retried, state, context) == ()
