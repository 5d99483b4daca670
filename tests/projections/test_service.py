"""What went wrong in service counts at each instant as if every ticket were looked at afresh."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from histories import START
from regulars.crm_domain.instant import DAY
from regulars.crm_domain.ticket import (
    AgentReplied,
    Priority,
    TicketAwaitingCustomer,
    TicketClassified,
    TicketClosed,
    TicketEvent,
    TicketOpened,
    TicketPriorityChanged,
    TicketReopened,
    TicketResolved,
    TicketResumed,
)
from regulars.projections.churn_risk.compiled import Service, Turn
from regulars.projections.churn_risk.service import service_points
from regulars.projections.facts.shared import Facts, evolve
from regulars.projections.facts.tickets import TicketFacts, breaches_at
from regulars.projections.rules.compiled import compile_rules
from regulars.projections.rules.grammar import parse_rules
from shops import default_text

TICKETS = compile_rules(parse_rules(default_text()), "EUR").tickets
# Each sum of these is another, but where it is cut off at 100.
RULE = Service(
    weight=3, points={"open_complaint": 64, "sla_breach_90d": 32, "reopened_90d": 16, "unresolved_over_7d": 8}
)

KINDS: tuple[Any, ...] = (
    AgentReplied,
    TicketAwaitingCustomer,
    TicketResumed,
    TicketResolved,
    TicketReopened,
    TicketClosed,
)


@st.composite
def desks(draw: st.DrawFn) -> list[TicketEvent]:
    """What may happen to four tickets of one customer within two years, in whole and half days."""
    begun = {f"T-{number}": draw(st.integers(0, 700)) for number in range(4)}
    told: list[TicketEvent] = []
    for ticket_id, opened in begun.items():
        moments = sorted(draw(st.lists(st.sampled_from([0, 1, 14, 15, 16, 180, 181, 200]), max_size=5)))
        at = START + opened * DAY // 2
        told.append(TicketOpened(ticket_id=ticket_id, at=at, priority=draw(st.sampled_from(get_args(Priority)))))
        for halves in moments:
            kind = draw(st.sampled_from([*KINDS, TicketClassified, TicketPriorityChanged]))
            more: dict[str, Any] = {}
            if kind is TicketClassified:
                more = {"topic": "x", "complaint": draw(st.booleans())}
            if kind is TicketPriorityChanged:
                more = {"priority": draw(st.sampled_from(get_args(Priority)))}
            told.append(kind(ticket_id=ticket_id, at=at + halves * DAY // 2, **more))
    return sorted(told, key=lambda event: event.at)


def looked_at(ticket: TicketFacts, at: int) -> set[str]:
    """What counts of one ticket at an instant, by the words of the rules."""
    found: set[str] = set()
    if ticket.opened is None:
        return found
    if ticket.settled is None and ticket.complaint and ticket.opened.at <= at:
        found.add("open_complaint")
    if ticket.settled is None and at - ticket.opened.at >= 7 * DAY:
        found.add("unresolved_over_7d")
    breaches = (breaches_at(ticket, TICKETS, "first_response"), breaches_at(ticket, TICKETS, "resolution"))
    if any(breach is not None and 0 <= at - breach < 90 * DAY for breach in breaches):
        found.add("sla_breach_90d")
    if any(0 <= at - again.at < 90 * DAY for again in ticket.reopened):
        found.add("reopened_90d")
    return found


def points_at(facts: Facts, at: int) -> int:
    found = set[str]().union(*(looked_at(ticket, at) for ticket in facts.tickets.values()))
    return min(100, sum(RULE.points[kind] for kind in found))


@given(desks(), st.lists(st.integers(0, 1_200), max_size=20), st.integers(1, 600), st.integers(1, 4))
def test_points_of_service_are_those_of_all_tickets_looked_at_afresh(
    told: list[TicketEvent], later: list[int], ahead: int, each: int
) -> None:
    facts = Facts()
    for position, event in enumerate(told, start=1):
        evolve(facts, event, event.at, position)
        if position % each:
            continue
        at, until = event.at, event.at + ahead * DAY // 2
        turns: list[Turn] = []
        points = service_points(RULE, facts, TICKETS, at, until, turns)
        assert points == points_at(facts, at)
        assert all(at < instant < until for instant, *_ in turns)
        for instant in (at + halves * DAY // 2 + off for halves in later for off in (-1, 0)):
            if at <= instant < until:
                due = sum(weighted for turn, weighted, _, _ in turns if turn <= instant)
                assert RULE.weight * points + due == RULE.weight * points_at(facts, instant)
