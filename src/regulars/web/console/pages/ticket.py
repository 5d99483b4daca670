"""One ticket: its clocks, what was said and what happened; a reply, and what is done about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args
from urllib.parse import quote
from uuid import uuid4

from msgspec import Struct

from regulars.crm_domain.event import Event
from regulars.crm_domain.ticket import (
    MOVES,
    AgentReplied,
    AssignTicket,
    AwaitCustomer,
    ChangePriority,
    CloseTicket,
    Priority,
    PutOnHold,
    ReopenTicket,
    ReplyAsAgent,
    ResolveTicket,
    ResumeTicket,
    TicketAssigned,
    TicketAwaitingCustomer,
    TicketClosed,
    TicketCommand,
    TicketPriorityChanged,
    TicketPutOnHold,
    TicketReopened,
    TicketResolved,
    TicketResumed,
    TicketStatus,
)
from regulars.web.console.page import Answer, Asked, GoTo, Page, Shown
from regulars.web.console.pages.tickets import CLOCKS
from regulars.web.console.words import N_


class _Act(Struct, frozen=True):
    """What can be done about a ticket: by which command, with which fields, where which event may happen."""

    command: type[TicketCommand]
    event: type[Event]
    label: str
    fields: tuple[str, ...] = ()


ACTS: Mapping[str, _Act] = {
    "reply": _Act(ReplyAsAgent, AgentReplied, N_("Record the reply"), ("message", "message_id")),
    "await": _Act(AwaitCustomer, TicketAwaitingCustomer, N_("It is the customer's turn")),
    "hold": _Act(PutOnHold, TicketPutOnHold, N_("Put on hold")),
    "resume": _Act(ResumeTicket, TicketResumed, N_("Resume")),
    "resolve": _Act(ResolveTicket, TicketResolved, N_("Resolve")),
    "reopen": _Act(ReopenTicket, TicketReopened, N_("Reopen")),
    "close": _Act(CloseTicket, TicketClosed, N_("Close for good")),
    "assign": _Act(AssignTicket, TicketAssigned, N_("Assign"), ("agent",)),
    "priority": _Act(ChangePriority, TicketPriorityChanged, N_("Change the priority"), ("priority",)),
}


def show(asked: Asked) -> Answer:
    """The ticket as of an instant, or what was done about it."""
    ticket_id = asked.at["ticket"]
    if asked.sent:
        return _done(asked, ticket_id)
    found = asked.crm.ticket(ticket_id, as_of=asked.as_of, known_at=asked.known_at)
    status = TicketStatus(found.ticket.status)
    is_now = asked.as_of is None and asked.known_at is None
    values = {
        "found": found,
        "ticket": found.ticket,
        "clocks": CLOCKS,
        "acts": {name: act for name, act in ACTS.items() if is_now and status in MOVES[act.event]},
        "priorities": get_args(Priority),
        "message_id": f"console:{uuid4()}",  # a form that is sent twice records one reply
    }
    return Shown(template="ticket.html", values=values)


def _done(asked: Asked, ticket_id: str) -> Answer:
    name = asked.field("act")
    act = ACTS.get(name)
    if act is None:
        raise ValueError(
            asked._("A ticket can be changed by {known}, not by “{name}”.").format(known=", ".join(ACTS), name=name)
        )
    if name == "reply" and not asked.form.get("message", "").strip():
        raise ValueError(asked._("Write what was said to the customer."))
    fields = {field: asked.form.get(field, "").strip() for field in act.fields}
    outcome = asked.do(act.command.model_validate({"ticket_id": ticket_id, **fields}))
    said = asked._("Recorded.") if outcome.events else asked._("Nothing changed: it was so already.")
    return GoTo(address=asked.links.to(f"/tickets/{quote(ticket_id, safe='')}"), said=said)


PAGE = Page(path="/tickets/{ticket:path}", title=N_("Ticket"), handler=show, sends=True)
