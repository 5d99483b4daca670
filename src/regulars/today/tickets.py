"""Tickets that are late, or about to be: a clock of an open one is breached, or will be unless somebody acts."""

from __future__ import annotations

import sqlalchemy as sa

from regulars.adapters.read_models.due_lines import DueRow, Lines, coming, line, running
from regulars.adapters.read_models.service import BREACHED
from regulars.crm_domain.ticket import TicketStatus
from regulars.projections.facts.tickets import SETTLED
from regulars.projections.rules.grammar import Ruleset
from regulars.projections.ticket_card import TICKET_CARD
from regulars.projections.ticket_queue.projector import TICKET_QUEUE
from regulars.today.kind import Kind, Saying

_OPEN = tuple(str(each) for each in TicketStatus if each not in SETTLED)
_LATE = (
    {"status": _OPEN, "first_response": (BREACHED,)},
    {"status": _OPEN, "resolution": (BREACHED,)},
)
_ANSWERED = ("met", "late")


def _select(lines: Lines, ruleset: Ruleset) -> sa.SelectBase:
    late = running(lines, TICKET_QUEUE.name, _LATE)
    soon = coming(lines, TICKET_QUEUE.name, _LATE, among=({"status": _OPEN},))
    return sa.union_all(_told(lines, late, overdue=True), _told(lines, soon, overdue=False))


def _told(lines: Lines, found: sa.Subquery, *, overdue: bool) -> sa.Select[tuple[object, ...]]:
    queue, card = lines.table(TICKET_QUEUE.name, "queue"), lines.table(TICKET_CARD.name, "card")
    joined: sa.FromClause = found
    for table in (queue, card):
        same = sa.and_(table.c.customer == found.c.customer, table.c.ticket_id == found.c.key)
        joined = joined.join(table, sa.and_(same, lines.now(table)))
    told = line(
        found.c.customer,
        found.c.key,
        found.c.due,
        overdue=overdue,
        owner=card.c.agent,
        word=queue.c.status,
        number=sa.case((queue.c.first_response.in_(_ANSWERED), 1), else_=0),
    )
    return sa.select(*told).select_from(joined)


def _say(row: DueRow, saying: Saying) -> tuple[str, str]:
    answered = bool(row.number)
    what = "the solution" if answered else "the first answer"
    late = f"late since {saying.minute(row.due)}" if row.overdue else f"late from {saying.minute(row.due)}"
    status = "" if row.word is None else f", {row.word.replace('_', ' ')}"
    command = "ResolveTicket" if answered else "ReplyAsAgent"
    return f"ticket {row.key}{status}: {what} is {late}", saying.do(command, ticket_id=row.key)


TICKETS = Kind(
    name="ticket",
    title="Tickets that are late, or about to be",
    listed_by="regulars tickets --breaching-within {days}d",
    reads=(TICKET_QUEUE.name, TICKET_CARD.name),
    select=_select,
    say=_say,
)
