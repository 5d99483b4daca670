"""The ticket as a value."""

from __future__ import annotations

from typing import get_args

from crm_domain.aggregate import Aggregate, addressed
from crm_domain.ticket.decider import (
    TICKET,
    AssignTicket,
    AwaitCustomer,
    ChangePriority,
    ClassifyTicket,
    CloseTicket,
    EscalateTicket,
    OpenTicket,
    PutOnHold,
    RateTicket,
    ReopenTicket,
    ReplyAsAgent,
    ReplyAsCustomer,
    ResolveTicket,
    ResumeTicket,
    TicketEvent,
)
from crm_domain.ticket.wording import WORDING

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
)
