"""The tickets: those that aren't settled with what is late and what is due first at the top, or those of one status."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import get_args

from regulars.asking.desk import TicketView
from regulars.crm_domain.ticket import Priority, TicketStatus
from regulars.web.console.page import Answer, Asked, Page, Shown
from regulars.web.console.reading import one_of
from regulars.web.console.words import N_

#: How many tickets of one kind are read at most.
SIZE = 100

#: In which statuses a clock may still run.
UNSETTLED = (TicketStatus.NEW, TicketStatus.OPEN, TicketStatus.AWAITING_CUSTOMER, TicketStatus.ON_HOLD)
STATUSES = tuple(str(each) for each in (*UNSETTLED, TicketStatus.RESOLVED, TicketStatus.CLOSED))
#: How good a clock's state is, as the colour of its badge says.
CLOCKS = {"on_time": "fair", "due_soon": "poor", "breached": "bad", "met": "good", "late": "bad"}
_SOON = timedelta(days=14)
_LAST = datetime.max.replace(tzinfo=UTC)


def show(asked: Asked) -> Answer:
    """The queue, narrowed by a status, a priority and who looks after it."""
    status = one_of(asked, "status", STATUSES)
    priority = one_of(asked, "priority", get_args(Priority))
    owner = asked.field("owner")
    found, after, is_cut = _of_status(asked, status) if status else _queue(asked)
    tickets = [each for each in found if priority in (None, each.priority) and (not owner or each.agent == owner)]
    values = {
        "tickets": tickets,
        "clocks": CLOCKS,
        "after": after,
        "is_cut": is_cut,
        "size": SIZE,
        "status": status,
        "statuses": STATUSES,
        "priority": priority,
        "priorities": get_args(Priority),
        "owner": owner,
        "late": sum(_is_late(each) for each in tickets),
    }
    return Shown(template="tickets.html", values=values, fragment="queue")


def _of_status(asked: Asked, status: str) -> tuple[list[TicketView], str | None, bool]:
    """The tickets of one status in order of their ids, a page at a time; those that aren't settled by urgency."""
    page = asked.crm.tickets(
        status=status, as_of=asked.as_of, known_at=asked.known_at, limit=SIZE, after=asked.field("after") or None
    )
    found = sorted(page.tickets, key=_urgency) if status in UNSETTLED else list(page.tickets)
    return found, page.after, False


def _queue(asked: Asked) -> tuple[list[TicketView], str | None, bool]:
    """The tickets that aren't settled. What is late and what comes to be so is asked for first, so that it is not
    missed where there are more than fit.
    """
    found, is_cut = dict[str, TicketView](), False
    for tickets in _kinds(asked):
        found |= {each.ticket_id: each for each in tickets if each.status in UNSETTLED}
        is_cut = is_cut or len(tickets) == SIZE
    return sorted(found.values(), key=_urgency), None, is_cut


def _kinds(asked: Asked) -> Iterator[tuple[TicketView, ...]]:
    ask = partial(asked.crm.tickets, as_of=asked.as_of, known_at=asked.known_at, limit=SIZE)
    for status in UNSETTLED:
        yield ask(status=status, first_response="breached").tickets
        yield ask(status=status, resolution="breached").tickets
    if asked.as_of is None:  # of another day it is not known without folding all who have changed since
        yield ask(breaching_within=_SOON).tickets
    for status in UNSETTLED:
        yield ask(status=status).tickets


def _urgency(ticket: TicketView) -> tuple[bool, datetime, datetime, str]:
    """What is late comes first, the longest before the others; then what is due first."""
    is_late = _is_late(ticket)
    return not is_late, ticket.since if is_late else _LAST, ticket.breaches_at or _LAST, ticket.ticket_id


def _is_late(ticket: TicketView) -> bool:
    return ticket.status in UNSETTLED and "breached" in (ticket.first_response, ticket.resolution)


PAGE = Page(path="/tickets", title=N_("Tickets"), handler=show, in_navigation=True)
