"""The projection: where a ticket stands, and whether it is answered and resolved in time."""

from __future__ import annotations

from typing import get_args

from regulars.crm_domain.ticket import TicketEvent
from regulars.projections.engine.projector import Key, Projector
from regulars.projections.ticket_queue.judge import TicketVerdict, judge

VERSION = 2

TICKET_QUEUE = Projector(
    name="ticket_queue",
    question="Where does this ticket stand, and is it answered and resolved in time?",
    version=VERSION,
    handles=frozenset(get_args(TicketEvent)),
    standing=type(None),
    judges_by=("ticket",),
    judge=judge,
    verdict=TicketVerdict,
    key=Key(
        name="ticket_id", of=lambda event: event.ticket_id, facts=lambda facts, ticket_id: facts.tickets[ticket_id]
    ),
    lists_by=("status",),
)
