"""What is a ticket reported by? When it was opened, on which channel, who looks after it, and how urgent it was."""

from __future__ import annotations

from typing import get_args

from msgspec import Struct

from regulars.crm_domain.ticket import Priority, TicketEvent
from regulars.projections.engine.projector import Judgement, Key, Projector
from regulars.projections.facts.tickets import TicketFacts, timed_by
from regulars.projections.rules.compiled import Rules

VERSION = 1


class TicketCard(Struct, frozen=True, kw_only=True, gc=False):
    """The plain facts of a ticket. `opened_at` is in microseconds; each clock has the priority that it is held against:
    the one in force, or in force when it ended.
    """

    opened_at: int
    channel: str | None
    agent: str | None
    first_response_priority: Priority
    resolution_priority: Priority


def judge(standing: None, facts: TicketFacts, rules: Rules, at: int, until: int) -> tuple[Judgement, ...]:
    """Events alone change it, so it is judged once; there is nothing before it was opened."""
    if facts.opened is None:
        return ()
    card = TicketCard(
        opened_at=facts.opened.at,
        channel=facts.channel,
        agent=facts.agent,
        first_response_priority=timed_by(facts, "first_response")[1].priority,
        resolution_priority=timed_by(facts, "resolution")[1].priority,
    )
    return ((at, None, card),)


TICKET_CARD = Projector(
    name="ticket_card",
    question="What is a ticket reported by? When it was opened, on which channel, who has it, and how urgent it was.",
    version=VERSION,
    handles=frozenset(get_args(TicketEvent)),
    standing=type(None),
    judges_by=(),
    judge=judge,
    verdict=TicketCard,
    key=Key(
        name="ticket_id", of=lambda event: event.ticket_id, facts=lambda facts, ticket_id: facts.tickets[ticket_id]
    ),
)
