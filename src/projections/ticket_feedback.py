"""Who handled this ticket, was it a complaint, and how was it rated? What is counted of tickets by those who ask if
customers are satisfied.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from regulars.crm_domain.ticket import TicketAssigned, TicketClassified, TicketOpened, TicketRated
from regulars.projections.engine.projector import Judgement, Key, Projector
from regulars.projections.facts.tickets import TicketFacts
from regulars.projections.rules.compiled import Rules
from regulars.projections.satisfaction.judge import csat_of
from regulars.projections.satisfaction.rules import Csat

VERSION = 1


class TicketFeedback(Struct, frozen=True, kw_only=True, gc=False):
    """When it was opened, as far as is known a complaint or not, and what was said of it. `agent` is whoever had it
    last, None before anybody had.
    """

    opened_at: int
    complaint: Literal["yes", "no"]
    agent: str | None
    rated: Csat | None


def judge(standing: None, facts: TicketFacts, rules: Rules, at: int, until: int) -> tuple[Judgement, ...]:
    """Events alone change it, so it is judged once; nothing before it was opened."""
    if facts.opened is None:
        return ()
    verdict = TicketFeedback(
        opened_at=facts.opened.at,
        complaint="yes" if facts.complaint else "no",
        agent=facts.agent,
        rated=None if facts.score is None else csat_of(facts.score, rules.satisfaction),
    )
    return ((at, None, verdict),)


TICKET_FEEDBACK = Projector(
    name="ticket_feedback",
    question="Who handled this ticket, was it a complaint, and how was it rated?",
    version=VERSION,
    handles=frozenset({TicketOpened, TicketClassified, TicketAssigned, TicketRated}),
    standing=type(None),
    judges_by=("satisfaction",),
    judge=judge,
    verdict=TicketFeedback,
    key=Key(
        name="ticket_id", of=lambda event: event.ticket_id, facts=lambda facts, ticket_id: facts.tickets[ticket_id]
    ),
)
