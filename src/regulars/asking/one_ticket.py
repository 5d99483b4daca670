"""The query for one ticket in full: its subject, its events, its status and its clocks over time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, get_args

from regulars.adapters.store.transaction import Transaction
from regulars.asking.audit import AuditEntry, entries_of
from regulars.asking.desk import (
    TicketView,
    listed_tickets,
    read_refs,
    said_on,
    ticket_at,
    ticket_events,
    ticket_timelines,
    view_ticket,
)
from regulars.asking.views import Span
from regulars.crm_domain import ticket
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.errors import NotFound
from regulars.crm_domain.event import Recorded
from regulars.crm_domain.instant import FOREVER, MICROSECOND, to_datetime
from regulars.crm_domain.ticket import TicketEvent
from regulars.projections.facts.tickets import (
    ClockName,
    TicketFacts,
    TicketRules,
    evolve,
    running_time,
    target_of,
    timed_by,
)
from regulars.projections.verdict import Interval
from regulars.session.instants import instant_of
from regulars.session.session import AnyRules, Session
from regulars.session.traced import traced
from regulars.session.viewpoint import Viewpoint


@dataclass(frozen=True, slots=True)
class TicketMessage:
    """What was said on a ticket, by the customer or by an agent; None where it isn't written down, or was forgotten."""

    at: datetime
    by: Literal["customer", "agent"]
    message: str | None


@dataclass(frozen=True, slots=True)
class ClockTime:
    """How long a clock ran by then, and the target that it is held against; in business hours where there are any."""

    ran: timedelta
    target: timedelta


@dataclass(frozen=True, slots=True)
class WholeTicket:
    """One ticket as of an instant, with all that had happened to it by then, oldest first.

    `statuses` and the `clocks` "first_response" and "resolution" are over all of time, what is due by itself included,
    as a customer's timeline is; `times` say how long each clock ran by the instant. `level` is how often it was
    escalated, or 0.
    """

    ticket: TicketView
    as_of: datetime
    opened_at: datetime
    channel: str | None
    complaint: bool
    level: int
    follows: str | None
    rating: int | None
    comment: str | None
    messages: tuple[TicketMessage, ...]
    statuses: tuple[Span, ...]
    clocks: Mapping[str, tuple[Span, ...]]
    times: Mapping[str, ClockTime]
    events: tuple[AuditEntry, ...]


@traced("ticket")
def find_ticket(
    session: Session,
    ticket_id: str,
    as_of: datetime | date | None,
    known_at: datetime | date | None,
    rules: AnyRules | None,
) -> WholeTicket:
    """One ticket. Raises NotFound where there is none of that id, or it wasn't opened by then."""
    with session.store.reading() as tx:
        return _find(session, tx, session.viewpoint(tx, known_at, rules), ticket_id, as_of)


def _find(
    session: Session, tx: Transaction, viewpoint: Viewpoint, ticket_id: str, as_of: datetime | date | None
) -> WholeTicket:
    events = [each for each in ticket_events(session, tx, [ticket_id])[ticket_id] if viewpoint.knows(each.position)]
    if not events:
        raise NotFound(f'there is no ticket "{ticket_id}"{viewpoint.known_then}')
    at = max(session.now(), events[-1].occurred_at) if as_of is None else instant_of(as_of, viewpoint.rules.zone)
    members = session.members(tx, CustomerId(events[0].customer_id), viewpoint.until)
    state = ticket_at(events, at)
    timelines = ticket_timelines(session, tx, viewpoint, members, None if as_of is None else at)
    listed = next((each for each in listed_tickets(timelines, members[0], at) if each.key == ticket_id), None)
    if state.opened is None or listed is None:
        raise NotFound(f'ticket "{ticket_id}" was not open yet by {to_datetime(at).isoformat()}')
    intervals = timelines[ticket_id]
    happened = [each for each in events if each.occurred_at <= at]
    rated = state.rating
    return WholeTicket(
        ticket=view_ticket(listed, read_refs(tx, members[:1], [state]), state, viewpoint.rules, at),
        as_of=to_datetime(at),
        opened_at=to_datetime(state.opened.at),
        channel=state.opened.channel,
        complaint=state.complaint,
        level=state.level,
        follows=state.opened.follows,
        rating=None if rated is None else rated.score,
        comment=None if rated is None else rated.comment,
        messages=tuple(TicketMessage(at=said_at, by=by, message=message) for said_at, by, message in said_on(happened)),
        statuses=_spans(intervals, lambda verdict: str(verdict.status)),
        clocks={
            "first_response": _spans(intervals, lambda verdict: verdict.first_response),
            "resolution": _spans(intervals, lambda verdict: verdict.resolution),
        },
        times=_times(happened, viewpoint.rules.tickets, at),
        events=entries_of(tx, session.store.registry.catalogue, happened),
    )


def _times(happened: Iterable[Recorded[TicketEvent]], rules: TicketRules, at: int) -> dict[str, ClockTime]:
    """How long each clock ran by an instant, and its target."""
    facts = TicketFacts()
    for each in ticket.CHRONOLOGY.in_order(happened):
        evolve(facts, each.event, each.position)
    found: dict[str, ClockTime] = {}
    for name in get_args(ClockName):
        clock, urgency = timed_by(facts, name)
        ran, target = running_time(clock, at, rules.calendar), target_of(rules, name, urgency).breach
        found[name] = ClockTime(ran=ran * MICROSECOND, target=target * MICROSECOND)
    return found


def _spans(intervals: Iterable[Interval], value_of: Callable[..., str]) -> tuple[Span, ...]:
    """What a value of a ticket was from when to when, each span of one value."""
    found: list[Span] = []
    for each in intervals:
        value, since = value_of(each.verdict), to_datetime(each.valid_from)
        until = None if each.valid_to == FOREVER else to_datetime(each.valid_to)
        if found and found[-1].value == value and found[-1].until == since:
            since = found.pop().since
        found.append(Span(value=value, score=None, since=since, until=until))
    return tuple(found)
