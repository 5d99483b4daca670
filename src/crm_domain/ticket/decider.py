"""A ticket: something a customer wants settled, from the first word until it is closed. One stream a ticket.

1. A ticket id names one ticket in a store: opened again with the same content changes nothing, with other content it
   is refused.
2. Only what was opened can be spoken of, and nothing happens to it before that. What happened is held against what had
   happened by then, in whatever order it is told.
3. A ticket moves as MOVES says, and closed is final. Nothing closes by itself: a ticket that was resolved
   `auto_close_days` ago counts as closed from then on.
4. What the customer says reopens what was waiting or resolved. To what is closed or counts as closed they can say
   nothing more: a follow-up links back.
5. With a message id, the same reply twice changes nothing and other content is refused; without one only the same at
   the same instant changes nothing.
6. A rating is for what was resolved or closed, on the CSAT scale from 1 to 5; another one replaces it.
7. An escalation goes up: to a level that was reached already it changes nothing.
8. What is told with its time is written down, also where it seems to change nothing: what came between may be told
   later. Told without a time, what is so already changes nothing.

That the ticket which another one follows exists is not held here: it is a stream of its own, and may be in no store.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from msgspec import Struct
from msgspec.structs import replace
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from regulars.crm_domain.chronology import Chronology
from regulars.crm_domain.command import (
    Channel,
    Command,
    Context,
    Decider,
    Label,
    Text,
    TicketPolicy,
    Who,
    Whole,
    occurred_at,
)
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event, Personal
from regulars.crm_domain.instant import DAY, to_datetime
from regulars.crm_domain.persistent_map import PersistentMap

CATEGORY = "ticket"

Priority = Literal["urgent", "high", "normal", "low"]

# ---------------------------------------------------------------------------------------------------------- events
#
# `at` is the instant of the envelope, repeated because evolve sees no envelope; `ticket_id` is the outside's own.


class TicketOpened(Event, frozen=True, kw_only=True, tag="TicketOpened"):
    """A customer wants something settled. `follows` is the id of the ticket that this one takes up again, `firm_id` the
    one of the firm on whose behalf they want it.
    """

    ticket_id: str
    at: int
    priority: Priority = "normal"
    channel: str | None = None
    subject: Personal[str] = None
    follows: str | None = None
    complaint: bool = False
    firm_id: str | None = None


class TicketClassified(Event, frozen=True, kw_only=True, tag="TicketClassified"):
    """Someone said what it is about, and whether it is a complaint."""

    ticket_id: str
    at: int
    topic: str
    complaint: bool = False


class TicketPriorityChanged(Event, frozen=True, kw_only=True, tag="TicketPriorityChanged"):
    """It became more or less urgent; the new targets count from the opening."""

    ticket_id: str
    at: int
    priority: Priority


class TicketAssigned(Event, frozen=True, kw_only=True, tag="TicketAssigned"):
    """Someone in the business looks after it from now on."""

    ticket_id: str
    at: int
    agent: str


class AgentReplied(Event, frozen=True, kw_only=True, tag="AgentReplied"):
    """We said something to the customer; the first time is the first response."""

    ticket_id: str
    at: int
    message_id: str | None = None
    message: Personal[str] = None


class CustomerReplied(Event, frozen=True, kw_only=True, tag="CustomerReplied"):
    """The customer said something, which reopens what was waiting or resolved."""

    ticket_id: str
    at: int
    message_id: str | None = None
    message: Personal[str] = None


class TicketAwaitingCustomer(Event, frozen=True, kw_only=True, tag="TicketAwaitingCustomer"):
    """It is the customer's turn."""

    ticket_id: str
    at: int


class TicketPutOnHold(Event, frozen=True, kw_only=True, tag="TicketPutOnHold"):
    """It waits for somebody else, such as a supplier."""

    ticket_id: str
    at: int


class TicketResumed(Event, frozen=True, kw_only=True, tag="TicketResumed"):
    """The wait is over, and it is our turn again."""

    ticket_id: str
    at: int


class TicketEscalated(Event, frozen=True, kw_only=True, tag="TicketEscalated"):
    """It was handed up to this level, from 1."""

    ticket_id: str
    at: int
    level: int


class TicketResolved(Event, frozen=True, kw_only=True, tag="TicketResolved"):
    """We believe that it is settled."""

    ticket_id: str
    at: int


class TicketReopened(Event, frozen=True, kw_only=True, tag="TicketReopened"):
    """We found that it was not settled after all."""

    ticket_id: str
    at: int


class TicketClosed(Event, frozen=True, kw_only=True, tag="TicketClosed"):
    """It is over for good."""

    ticket_id: str
    at: int


class TicketRated(Event, frozen=True, kw_only=True, tag="TicketRated"):
    """The customer said how it went, from 1 (very bad) to 5 (very good)."""

    ticket_id: str
    at: int
    score: int
    comment: Personal[str] = None


Reply = AgentReplied | CustomerReplied
TicketEvent = (
    TicketOpened
    | TicketClassified
    | TicketPriorityChanged
    | TicketAssigned
    | AgentReplied
    | CustomerReplied
    | TicketAwaitingCustomer
    | TicketPutOnHold
    | TicketResumed
    | TicketEscalated
    | TicketResolved
    | TicketReopened
    | TicketClosed
    | TicketRated
)

# ----------------------------------------------------------------------------------------------------------- state


class TicketStatus(StrEnum):
    """The status of a ticket."""

    UNKNOWN = "unknown"
    NEW = "new"
    OPEN = "open"
    AWAITING_CUSTOMER = "awaiting_customer"
    ON_HOLD = "on_hold"
    RESOLVED = "resolved"
    CLOSED = "closed"


def _to(target: TicketStatus, *sources: TicketStatus) -> dict[TicketStatus, TicketStatus]:
    return dict.fromkeys(sources, target)


def _staying(*statuses: TicketStatus) -> dict[TicketStatus, TicketStatus]:
    return {status: status for status in statuses}


_WAITING = (TicketStatus.AWAITING_CUSTOMER, TicketStatus.ON_HOLD)
_UNSETTLED = (TicketStatus.NEW, TicketStatus.OPEN, *_WAITING)

#: For each event, in which statuses it may happen and what the ticket is afterwards. All else is refused.
#: A new ticket becomes open as soon as someone of ours takes it up.
MOVES: dict[type[Event], dict[TicketStatus, TicketStatus]] = {
    TicketOpened: _to(TicketStatus.NEW, TicketStatus.UNKNOWN),
    TicketClassified: _staying(*_UNSETTLED, TicketStatus.RESOLVED),
    TicketPriorityChanged: _staying(*_UNSETTLED),
    TicketAssigned: _to(TicketStatus.OPEN, TicketStatus.NEW) | _staying(TicketStatus.OPEN, *_WAITING),
    AgentReplied: _to(TicketStatus.OPEN, TicketStatus.NEW)
    | _staying(TicketStatus.OPEN, *_WAITING, TicketStatus.RESOLVED),
    CustomerReplied: _staying(TicketStatus.NEW, TicketStatus.OPEN)
    | _to(TicketStatus.OPEN, *_WAITING, TicketStatus.RESOLVED),
    TicketAwaitingCustomer: _to(
        TicketStatus.AWAITING_CUSTOMER, TicketStatus.NEW, TicketStatus.OPEN, TicketStatus.ON_HOLD
    ),
    TicketPutOnHold: _to(TicketStatus.ON_HOLD, TicketStatus.NEW, TicketStatus.OPEN, TicketStatus.AWAITING_CUSTOMER),
    TicketResumed: _to(TicketStatus.OPEN, *_WAITING),
    TicketEscalated: _to(TicketStatus.OPEN, TicketStatus.NEW) | _staying(TicketStatus.OPEN, *_WAITING),
    TicketResolved: _to(TicketStatus.RESOLVED, *_UNSETTLED),
    TicketReopened: _to(TicketStatus.OPEN, TicketStatus.RESOLVED),
    TicketClosed: _to(TicketStatus.CLOSED, *_UNSETTLED, TicketStatus.RESOLVED),
    TicketRated: _staying(TicketStatus.RESOLVED, TicketStatus.CLOSED),
}


class Ticket(Struct, frozen=True, kw_only=True):
    """What the next decision on a ticket needs to know. `messages` are the replies that have one, by id."""

    status: TicketStatus = TicketStatus.UNKNOWN
    opened: TicketOpened | None = None
    priority: Priority | None = None
    topic: str | None = None
    complaint: bool = False
    agent: str | None = None
    level: int = 0
    resolved_at: int | None = None
    messages: PersistentMap[str, Reply] = PersistentMap()
    rating: TicketRated | None = None


def evolve(state: Ticket, event: TicketEvent) -> Ticket:
    """The state after an event. Total: history is never argued with, and what MOVES doesn't know moves nothing."""
    moved = _moved(state, event)
    match event:
        case TicketOpened(priority=priority, complaint=complaint):
            return replace(moved, opened=event, priority=priority, complaint=complaint)
        case TicketClassified(topic=topic, complaint=complaint):
            return replace(moved, topic=topic, complaint=complaint)
        case TicketPriorityChanged(priority=priority):
            return replace(moved, priority=priority)
        case TicketAssigned(agent=agent):
            return replace(moved, agent=agent)
        case AgentReplied(message_id=message_id) | CustomerReplied(message_id=message_id):
            return moved if message_id is None else replace(moved, messages=moved.messages.put(message_id, event))
        case TicketEscalated(level=level):
            return replace(moved, level=max(level, moved.level))
        case TicketResolved(at=at):
            return replace(moved, resolved_at=at) if moved.status is not state.status else moved
        case TicketRated():
            return replace(moved, rating=event)
        case TicketAwaitingCustomer() | TicketPutOnHold() | TicketResumed() | TicketReopened() | TicketClosed():
            return moved


def _moved(state: Ticket, event: TicketEvent) -> Ticket:
    status = MOVES[type(event)].get(state.status, state.status)
    if state.status is TicketStatus.RESOLVED and status is TicketStatus.OPEN:
        # Resolved anew, it is rated anew.
        return replace(state, status=status, resolved_at=None, rating=None)
    return replace(state, status=status)


def status_at(state: Ticket, policy: TicketPolicy | None, at: int) -> TicketStatus:
    """Where a ticket stands at an instant from its last event on: invariant 3. Without a policy nothing counts."""
    if state.status is not TicketStatus.RESOLVED or state.resolved_at is None or policy is None:
        return state.status
    return TicketStatus.CLOSED if at >= state.resolved_at + policy.auto_close_days * DAY else TicketStatus.RESOLVED


# -------------------------------------------------------------------------------------------------------- commands


class OpenTicket(Command):
    """Write down what a customer wants settled, e.g. customer=shop:42 ticket_id=T-1 priority=high channel=email"""

    customer: Who
    ticket_id: Label
    priority: Priority = "normal"
    channel: Channel | None = None
    subject: Text | None = None
    follows: Label | None = None
    complaint: bool = False
    firm: Who | None = None

    @model_serializer(mode="wrap")
    def _write_firms_alone(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Without a firm it is written as before there were any, so that a command id stands for the same command.
        return {name: value for name, value in write(self).items() if (name, value) != ("firm", None)}


class TicketCommand(Command):
    """A command to a ticket, which knows its customer."""

    ticket_id: Label


class ClassifyTicket(TicketCommand):
    """Say what a ticket is about; whether it is a complaint stays as it was, unless that is said too."""

    topic: Label
    complaint: bool | None = None


class ChangePriority(TicketCommand):
    """Make a ticket more or less urgent; the new targets count from its opening."""

    priority: Priority


class AssignTicket(TicketCommand):
    """Say who in the business looks after a ticket."""

    agent: Label


class ReplyAsAgent(TicketCommand):
    """Write down what we said to the customer; the first time is the first response."""

    message: Text | None = None
    message_id: Label | None = None


class ReplyAsCustomer(TicketCommand):
    """Write down what the customer said; it reopens what was waiting or resolved."""

    message: Text | None = None
    message_id: Label | None = None


class AwaitCustomer(TicketCommand):
    """Say that it is the customer's turn; the resolution clock stops."""


class PutOnHold(TicketCommand):
    """Say that a ticket waits for somebody else; the resolution clock stops."""


class ResumeTicket(TicketCommand):
    """Say that the wait is over; the resolution clock goes on."""


class EscalateTicket(TicketCommand):
    """Hand a ticket up to a level from 1 to 9."""

    level: Annotated[Whole, Field(ge=1, le=9)] = 1


class ResolveTicket(TicketCommand):
    """Say that a ticket is settled, as far as we know."""


class ReopenTicket(TicketCommand):
    """Say that a resolved ticket was not settled after all."""


class CloseTicket(TicketCommand):
    """Close a ticket for good."""


class RateTicket(TicketCommand):
    """Write down how the customer found it, from 1 (very bad) to 5 (very good)."""

    score: Annotated[Whole, Field(ge=1, le=5)]
    comment: Text | None = None


# ------------------------------------------------------------------------------------------------------- decisions


def open_ticket(command: OpenTicket, state: Ticket, context: Context) -> tuple[Event, ...]:
    """Invariant 1: when it was opened is not a part of its content, as a retry may come later.

    A firm has been resolved to its id before.
    """
    event = TicketOpened(
        ticket_id=command.ticket_id,
        at=occurred_at(command, context.now),
        priority=command.priority,
        channel=command.channel,
        subject=command.subject,
        follows=command.follows,
        complaint=command.complaint,
        firm_id=None if command.firm is None else str(command.firm),
    )
    if state.opened is not None and event == replace(state.opened, at=event.at):
        return ()
    if state.opened is not None:
        raise Rejected("ticket_id_taken", f'ticket "{command.ticket_id}" is known already with other content')
    if command.follows == command.ticket_id:
        raise Rejected("follows_itself", "a ticket can't follow itself")
    return _taken(event, state, context)


def classify(command: ClassifyTicket, state: Ticket, context: Context) -> tuple[Event, ...]:
    """Only what differs from what is known is a change."""
    complaint = state.complaint if command.complaint is None else command.complaint
    if command.occurred_at is None and (state.topic, state.complaint) == (command.topic, complaint):
        return ()
    at = occurred_at(command, context.now)
    event = TicketClassified(ticket_id=command.ticket_id, at=at, topic=command.topic, complaint=complaint)
    return _taken(event, state, context)


def change_priority(command: ChangePriority, state: Ticket, context: Context) -> tuple[Event, ...]:
    """Only another priority is a change."""
    if command.occurred_at is None and command.priority == state.priority:
        return ()
    at = occurred_at(command, context.now)
    event = TicketPriorityChanged(ticket_id=command.ticket_id, at=at, priority=command.priority)
    return _taken(event, state, context)


def assign(command: AssignTicket, state: Ticket, context: Context) -> tuple[Event, ...]:
    """One at a time."""
    if command.occurred_at is None and command.agent == state.agent:
        return ()
    at = occurred_at(command, context.now)
    return _taken(TicketAssigned(ticket_id=command.ticket_id, at=at, agent=command.agent), state, context)


def reply_as_agent(command: ReplyAsAgent, state: Ticket, context: Context) -> tuple[Event, ...]:
    """Invariant 5."""
    at = occurred_at(command, context.now)
    event = AgentReplied(ticket_id=command.ticket_id, at=at, message_id=command.message_id, message=command.message)
    return _said_once(event, state, context)


def reply_as_customer(command: ReplyAsCustomer, state: Ticket, context: Context) -> tuple[Event, ...]:
    """Invariants 4 and 5."""
    at = occurred_at(command, context.now)
    event = CustomerReplied(ticket_id=command.ticket_id, at=at, message_id=command.message_id, message=command.message)
    return _said_once(event, state, context)


def await_customer(command: AwaitCustomer, state: Ticket, context: Context) -> tuple[Event, ...]:
    """Invariant 3."""
    return _move(TicketAwaitingCustomer, TicketStatus.AWAITING_CUSTOMER, command, state, context)


def put_on_hold(command: PutOnHold, state: Ticket, context: Context) -> tuple[Event, ...]:
    """Invariant 3."""
    return _move(TicketPutOnHold, TicketStatus.ON_HOLD, command, state, context)


def resume(command: ResumeTicket, state: Ticket, context: Context) -> tuple[Event, ...]:
    """Invariant 3."""
    return _move(TicketResumed, TicketStatus.OPEN, command, state, context)


def escalate(command: EscalateTicket, state: Ticket, context: Context) -> tuple[Event, ...]:
    """Invariant 7."""
    if command.occurred_at is None and command.level <= state.level:
        return ()
    at = occurred_at(command, context.now)
    return _taken(TicketEscalated(ticket_id=command.ticket_id, at=at, level=command.level), state, context)


def resolve(command: ResolveTicket, state: Ticket, context: Context) -> tuple[Event, ...]:
    """Invariant 3."""
    return _move(TicketResolved, TicketStatus.RESOLVED, command, state, context)


def reopen(command: ReopenTicket, state: Ticket, context: Context) -> tuple[Event, ...]:
    """Invariant 3."""
    return _move(TicketReopened, TicketStatus.OPEN, command, state, context)


def close(command: CloseTicket, state: Ticket, context: Context) -> tuple[Event, ...]:
    """Invariant 3."""
    return _move(TicketClosed, TicketStatus.CLOSED, command, state, context)


def rate(command: RateTicket, state: Ticket, context: Context) -> tuple[Event, ...]:
    """Invariant 6."""
    at = occurred_at(command, context.now)
    event = TicketRated(ticket_id=command.ticket_id, at=at, score=command.score, comment=command.comment)
    if command.occurred_at is None and state.rating is not None and event == replace(state.rating, at=at):
        return ()
    return _taken(event, state, context)


def _move(
    moved: type[
        TicketAwaitingCustomer | TicketPutOnHold | TicketResumed | TicketResolved | TicketReopened | TicketClosed
    ],
    target: TicketStatus,
    command: TicketCommand,
    state: Ticket,
    context: Context,
) -> tuple[Event, ...]:
    if command.occurred_at is None and state.status is target:
        return ()
    event = moved(ticket_id=command.ticket_id, at=occurred_at(command, context.now))
    return (event,) if state.status is target else _taken(event, state, context)


def _said_once(event: Reply, state: Ticket, context: Context) -> tuple[Event, ...]:
    known = None if event.message_id is None else state.messages.get(event.message_id)
    if known is not None:
        if event == replace(known, at=event.at):
            return ()
        sentence = f'message "{event.message_id}" is recorded already with other content'
        raise Rejected("message_id_taken", sentence)
    return _taken(event, state, context)


def _taken(event: TicketEvent, state: Ticket, context: Context) -> tuple[Event, ...]:
    """The event, where it is this ticket's turn for it: invariants 2 and 3."""
    if state.opened is not None and event.at < state.opened.at:
        raise Rejected("out_of_order", _too_early(event, state.opened.at))
    # To close what only counts as closed makes it last, whatever later rules say.
    policy = None if isinstance(event, TicketClosed) else context.tickets
    status = status_at(state, policy, event.at)
    if status in MOVES[type(event)]:
        return (event,)
    if status is TicketStatus.UNKNOWN:
        raise Rejected("unknown_ticket", f'there is no ticket "{event.ticket_id}"')
    if status is TicketStatus.CLOSED:
        raise Rejected("ticket_closed", _what_to_do_instead(event, state))
    in_words = status.replace("_", " ")
    raise Rejected(f"ticket_{status}", f'ticket "{event.ticket_id}" is {in_words}, where this can\'t happen')


def _too_early(event: TicketEvent, opened_at: int) -> str:
    said, opened = to_datetime(event.at).isoformat(), to_datetime(opened_at).isoformat()
    return f'{said} lies before ticket "{event.ticket_id}" was opened, which was at {opened}'


def _what_to_do_instead(event: TicketEvent, state: Ticket) -> str:
    closed = "is closed" if state.status is TicketStatus.CLOSED else "was resolved so long ago that it counts as closed"
    return f'ticket "{event.ticket_id}" {closed}; open a follow-up, a new ticket with follows="{event.ticket_id}"'


def decide(command: Command, state: Ticket, context: Context) -> tuple[Event, ...]:
    """Hand a command to its decision. Raises Rejected where an invariant would break."""
    match command:
        case OpenTicket():
            return open_ticket(command, state, context)
        case ClassifyTicket():
            return classify(command, state, context)
        case ChangePriority():
            return change_priority(command, state, context)
        case AssignTicket():
            return assign(command, state, context)
        case ReplyAsAgent():
            return reply_as_agent(command, state, context)
        case ReplyAsCustomer():
            return reply_as_customer(command, state, context)
        case AwaitCustomer():
            return await_customer(command, state, context)
        case PutOnHold():
            return put_on_hold(command, state, context)
        case ResumeTicket():
            return resume(command, state, context)
        case EscalateTicket():
            return escalate(command, state, context)
        case ResolveTicket():
            return resolve(command, state, context)
        case ReopenTicket():
            return reopen(command, state, context)
        case CloseTicket():
            return close(command, state, context)
        case RateTicket():
            return rate(command, state, context)
        case _:
            raise TypeError(f"{type(command).__name__} is not a command to a ticket")


# At one instant what takes a ticket up comes before what settles it, and that before what follows.
CHRONOLOGY = Chronology(
    first=(TicketOpened,),
    whole=("messages",),
    words=(
        (ReopenTicket, TicketReopened),
        (ClassifyTicket, TicketClassified),
        (ChangePriority, TicketPriorityChanged),
        (AssignTicket, TicketAssigned),
        (EscalateTicket, TicketEscalated),
        (ResumeTicket, TicketResumed),
        (ReplyAsCustomer, CustomerReplied),
        (ReplyAsAgent, AgentReplied),
        (PutOnHold, TicketPutOnHold),
        (AwaitCustomer, TicketAwaitingCustomer),
        (ResolveTicket, TicketResolved),
        (RateTicket, TicketRated),
        (CloseTicket, TicketClosed),
    ),
)

TICKET = Decider(category=CATEGORY, initial=Ticket(), evolve=evolve, decide=decide, chronology=CHRONOLOGY)
