"""Examples of what happens to a ticket, and of commands to it."""

from __future__ import annotations

from regulars.crm_domain.aggregate import Examples
from regulars.crm_domain.ticket.decider import (
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
    TicketAwaitingCustomer,
    TicketClassified,
    TicketClosed,
    TicketEscalated,
    TicketOpened,
    TicketPriorityChanged,
    TicketPutOnHold,
    TicketRated,
    TicketReopened,
    TicketResolved,
    TicketResumed,
)

_AT = 1_772_366_400_000_000  # 2026-03-01, noon


def examples() -> Examples:
    """Examples of what happens to a ticket, and of commands to it."""
    return Examples(
        events=(
            TicketOpened(
                ticket_id="T-1",
                at=_AT,
                priority="high",
                channel="email",
                subject="No tea",
                follows="T-0",
                complaint=True,
                firm_id="fedcba9876543210" * 2,
            ),
            TicketClassified(ticket_id="T-1", at=_AT, topic="post", complaint=True),
            TicketPriorityChanged(ticket_id="T-1", at=_AT, priority="urgent"),
            TicketAssigned(ticket_id="T-1", at=_AT, agent="li"),
            AgentReplied(ticket_id="T-1", at=_AT, message_id="m:1", message="It is on its way"),
            CustomerReplied(ticket_id="T-1", at=_AT, message_id="m:2", message="Still no tea"),
            TicketAwaitingCustomer(ticket_id="T-1", at=_AT),
            TicketPutOnHold(ticket_id="T-1", at=_AT),
            TicketResumed(ticket_id="T-1", at=_AT),
            TicketEscalated(ticket_id="T-1", at=_AT, level=2),
            TicketResolved(ticket_id="T-1", at=_AT),
            TicketReopened(ticket_id="T-1", at=_AT),
            TicketClosed(ticket_id="T-1", at=_AT),
            TicketRated(ticket_id="T-1", at=_AT, score=5, comment="Good tea"),
        ),
        commands=(
            OpenTicket(
                customer="shop:1",
                ticket_id="T-1",
                priority="high",
                channel="email",
                subject="No tea",
                follows="T-0",
                complaint=True,
            ),
            ClassifyTicket(ticket_id="T-1", topic="post", complaint=False),
            ChangePriority(ticket_id="T-1", priority="urgent"),
            AssignTicket(ticket_id="T-1", agent="li"),
            ReplyAsAgent(ticket_id="T-1", message="It is on its way", message_id="m:1"),
            ReplyAsCustomer(ticket_id="T-1", message="Still no tea", message_id="m:2"),
            AwaitCustomer(ticket_id="T-1"),
            PutOnHold(ticket_id="T-1"),
            ResumeTicket(ticket_id="T-1"),
            EscalateTicket(ticket_id="T-1", level=2),
            ResolveTicket(ticket_id="T-1"),
            ReopenTicket(ticket_id="T-1"),
            CloseTicket(ticket_id="T-1"),
            RateTicket(ticket_id="T-1", score=5, comment="Good tea"),
        ),
    )
