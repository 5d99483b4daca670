"""Tickets that are late, or about to be: a clock of an open one is breached, or will be unless somebody acts."""

from __future__ import annotations

import sqlalchemy as sa

from regulars.adapters.read_models.due.lines import Condition, Lines, coming, line, running
from regulars.adapters.read_models.service import BREACHED
from regulars.crm_domain.ticket import TicketStatus
from regulars.projections.facts.tickets import SETTLED
from regulars.projections.ticket_card import TICKET_CARD
from regulars.projections.ticket_queue.projector import TICKET_QUEUE

_OPEN = tuple(str(each) for each in TicketStatus if each not in SETTLED)


def _late(clock: str) -> Condition:
    return ({"status": _OPEN, clock: (BREACHED,)},)


def late_tickets(lines: Lines) -> sa.SelectBase:
    """A ticket is a line once, by the clock that is breached first; one that was met or ended late runs no more."""
    queue, card = lines.table(TICKET_QUEUE.name, "queue"), lines.table(TICKET_CARD.name, "card")
    late = _breaches(lines)
    joined: sa.FromClause = late
    for table in (queue, card):
        same = sa.and_(table.c.customer == late.c.customer, table.c.ticket_id == late.c.key)
        joined = joined.join(table, sa.and_(same, lines.now(table)))
    is_answer = sa.func.coalesce(late.c.answer <= late.c.solution, late.c.solution.is_(None))
    due = sa.case((is_answer, late.c.answer), else_=late.c.solution)
    told = line(
        late.c.customer,
        late.c.key,
        due,
        overdue=due <= lines.window.at,
        owner=card.c.agent,
        word=queue.c.status,
        number=sa.case((is_answer, 1), else_=0),
    )
    return sa.select(*told).select_from(joined)


def _breaches(lines: Lines) -> sa.Subquery:
    """Of each ticket that is late or about to be, when the first answer is, and when the solution; one may be NULL."""
    found = []
    for answers, clock in ((True, "first_response"), (False, "resolution")):
        begun = running(lines, TICKET_QUEUE.name, _late(clock))
        ahead = coming(lines, TICKET_QUEUE.name, _late(clock), among=({"status": _OPEN},))
        for each in (begun, ahead):
            none = sa.cast(sa.null(), sa.BigInteger)
            both = (each.c.due, none) if answers else (none, each.c.due)
            labelled = (both[0].label("answer"), both[1].label("solution"))
            found.append(sa.select(each.c.customer, each.c.key, *labelled))
    every = sa.union_all(*found).subquery()
    earliest = (sa.func.min(every.c[name]).label(name) for name in ("answer", "solution"))
    return sa.select(every.c.customer, every.c.key, *earliest).group_by(every.c.customer, every.c.key).subquery()
