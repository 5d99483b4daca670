"""How what happened to a ticket is told."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.crm_domain.ticket.decider import (
    AgentReplied,
    CustomerReplied,
    Ticket,
    TicketAssigned,
    TicketAwaitingCustomer,
    TicketClassified,
    TicketClosed,
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
)
from regulars.crm_domain.wording import Field, Wording, plain_value


def what(event: TicketEvent) -> str:
    """What happened to a ticket, in a few words."""
    return f"ticket {event.ticket_id} {_what(event)}"


def _what(event: TicketEvent) -> str:
    match event:
        case TicketOpened(priority=priority, follows=follows):
            return f"opened as {priority}" if follows is None else f"opened as {priority}, following {follows}"
        case TicketClassified(topic=topic, complaint=complaint):
            return f"classified as {topic}, a complaint" if complaint else f"classified as {topic}"
        case TicketPriorityChanged(priority=priority):
            return f"now {priority}"
        case TicketAssigned(agent=agent):
            return f"assigned to {agent}"
        case AgentReplied():
            return "answered"
        case CustomerReplied():
            return "replied to by the customer"
        case TicketAwaitingCustomer():
            return "awaits the customer"
        case TicketPutOnHold():
            return "put on hold"
        case TicketResumed():
            return "resumed"
        case TicketEscalated(level=level):
            return f"escalated to level {level}"
        case TicketResolved():
            return "resolved"
        case TicketReopened():
            return "reopened"
        case TicketClosed():
            return "closed"
        case TicketRated(score=score):
            return f"rated {score} of 5"


def deed(event: TicketEvent, who: str, other: str) -> str:
    """What happened to a ticket, as somebody did it."""
    ticket = f"ticket {event.ticket_id}"
    match event:
        case TicketOpened(priority=priority, follows=follows, complaint=complaint, firm_id=firm_id):
            nature = ", a complaint" if complaint else ""
            earlier = "" if follows is None else f", following {follows}"
            whom = who if firm_id is None else f"{who} of {other}"
            return f"opened {ticket} for {whom} as {priority}{nature}{earlier}"
        case TicketClassified(topic=topic, complaint=complaint):
            return f"classified {ticket} of {who} as {topic}{', a complaint' if complaint else ''}"
        case TicketPriorityChanged(priority=priority):
            return f"changed the priority of {ticket} of {who} to {priority}"
        case TicketAssigned(agent=agent):
            return f"assigned {ticket} of {who} to {agent}"
        case AgentReplied():
            return f"replied to {who} on {ticket}"
        case CustomerReplied():
            return f"recorded that {who} replied on {ticket}"
        case TicketAwaitingCustomer():
            return f"left {ticket} for {who} to answer"
        case TicketPutOnHold():
            return f"put {ticket} of {who} on hold"
        case TicketResumed():
            return f"resumed {ticket} of {who}"
        case TicketEscalated(level=level):
            return f"escalated {ticket} of {who} to level {level}"
        case TicketResolved():
            return f"resolved {ticket} of {who}"
        case TicketReopened():
            return f"reopened {ticket} of {who}"
        case TicketClosed():
            return f"closed {ticket} of {who}"
        case TicketRated(score=score):
            return f"recorded that {who} rated {ticket} with {score} of 5"


def fields(state: Ticket) -> Iterator[Field]:
    """What the audit compares of a ticket."""
    yield "ticket", None if state.status is TicketStatus.UNKNOWN else str(state.status)
    if state.opened is not None:
        yield "subject", state.opened.subject
    yield "priority", state.priority
    yield "topic", state.topic
    yield "complaint", plain_value(state.complaint)
    yield "agent", state.agent
    yield "level", str(state.level) if state.level else None
    if state.rating is not None:
        yield "rating", str(state.rating.score)
        yield "comment", state.rating.comment


def other_id(event: TicketEvent) -> str | None:
    """The id of the firm that an event names."""
    return event.firm_id if isinstance(event, TicketOpened) else None


WORDING = Wording(what=what, deed=deed, fields=fields, other_id=other_id)
