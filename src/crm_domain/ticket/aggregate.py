"""The ticket as a value."""

from __future__ import annotations

from typing import get_args

from regulars.crm_domain.aggregate import Aggregate, InTheClear, addressed
from regulars.crm_domain.ticket.decider import (
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
    TicketAssigned,
    TicketClassified,
    TicketEvent,
    TicketOpened,
)
from regulars.crm_domain.ticket.examples import examples
from regulars.crm_domain.ticket.wording import WORDING

AGGREGATE = Aggregate(
    decider=TICKET,
    events=get_args(TicketEvent),
    commands=(
        *addressed(OpenTicket, customer="customer", key="ticket_id"),
        *addressed(
            ClassifyTicket,
            ChangePriority,
            AssignTicket,
            ReplyAsAgent,
            ReplyAsCustomer,
            AwaitCustomer,
            PutOnHold,
            ResumeTicket,
            EscalateTicket,
            ResolveTicket,
            ReopenTicket,
            CloseTicket,
            RateTicket,
            key="ticket_id",
        ),
    ),
    wording=WORDING,
    examples=examples,
    in_the_clear=(
        InTheClear(
            fields=("ticket_id",),
            events=get_args(TicketEvent),
            why="the number that it has outside, by which a ticket is found",
        ),
        InTheClear(fields=("channel",), events=(TicketOpened,), why="a word to group by"),
        InTheClear(fields=("follows",), events=(TicketOpened,), why="the number of another ticket"),
        InTheClear(fields=("firm_id",), events=(TicketOpened,), why="a random id, which says nothing"),
        InTheClear(fields=("topic",), events=(TicketClassified,), why="a word to group by"),
        InTheClear(fields=("agent",), events=(TicketAssigned,), why="who in the business looks after it, to group by"),
        InTheClear(
            fields=("message_id",),
            events=(AgentReplied, CustomerReplied),
            why="the id that it has outside, by which a reply is told from others",
        ),
    ),
)
