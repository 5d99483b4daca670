"""What is said of tickets that are late, or about to be, and how one is answered."""

from __future__ import annotations

from regulars.adapters.read_models.due.lines import DueRow
from regulars.adapters.read_models.due.search import DueRows
from regulars.adapters.read_models.due.tickets import late_tickets
from regulars.projections.ticket_card import TICKET_CARD
from regulars.projections.ticket_queue.projector import TICKET_QUEUE
from regulars.today.kind import Kind, Saying, Snapshot
from regulars.wording.command_line import do_line


def _find(snapshot: Snapshot) -> DueRows:
    return snapshot.search.selected(late_tickets(snapshot.search.lines))


def _say(row: DueRow, saying: Saying) -> tuple[str, str]:
    what = "the first answer" if row.number else "the solution"
    late = f"late since {saying.minute(row.due)}" if row.overdue else f"late from {saying.minute(row.due)}"
    status = "" if row.word is None else f", {row.word.replace('_', ' ')}"
    command = "ReplyAsAgent" if row.number else "ResolveTicket"
    return f"ticket {row.key}{status}: {what} is {late}", do_line(command, ticket_id=row.key)


TICKETS = Kind(
    name="ticket",
    title="Tickets that are late, or about to be",
    reads=(TICKET_QUEUE.name, TICKET_CARD.name),
    find=_find,
    say=_say,
)
