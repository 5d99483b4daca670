"""What is known of a ticket, the targets that its two clocks are held against, and when those are breached.

Two clocks run from the opening, and each is a step function of time. The first response ends with our first reply, or
where the ticket is settled without one; nothing pauses it. The resolution ends when the ticket is resolved or closed
and goes on when it is reopened; it stands still while the ticket awaits the customer or is on hold. What counts is the
open time in which a clock ran, by the business's calendar, against the target of the priority in force: a new
priority's target counts from the opening, but nothing is breached before the change. A target is met before its
instant; from that instant on it is breached.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from regulars.crm_domain.ticket import (
    MOVES,
    AgentReplied,
    CustomerReplied,
    Priority,
    TicketAssigned,
    TicketClassified,
    TicketEscalated,
    TicketEvent,
    TicketOpened,
    TicketPriorityChanged,
    TicketRated,
    TicketStatus,
)
from regulars.projections.facts.calendar import Calendar

ClockName = Literal["first_response", "resolution"]

_RUNNING = frozenset({TicketStatus.NEW, TicketStatus.OPEN})
#: A ticket that is not settled is open, whoever's turn it is.
SETTLED = frozenset({TicketStatus.RESOLVED, TicketStatus.CLOSED})

# ----------------------------------------------------------------------------------------------------------- rules


class Target(Struct, frozen=True):
    """Microseconds of open time in which a clock ran: from `soon` on it is due soon, from `breach` on breached."""

    soon: int
    breach: int


class TicketRules(Struct, frozen=True, kw_only=True):
    """A compiled [ticket] table: targets by priority in open time of the calendar, and the microseconds, closed or not,
    after which what is resolved is closed.
    """

    first_response: dict[Priority, Target]
    resolution: dict[Priority, Target]
    auto_close: int
    calendar: Calendar


# ----------------------------------------------------------------------------------------------------------- facts


class Moment(Struct, frozen=True, array_like=True, gc=False):
    """When something happened to a ticket, and the position of the event that says so."""

    at: int
    position: int


class Urgency(Struct, frozen=True, array_like=True, gc=False):
    """A priority, and since when it is in force."""

    priority: Priority
    since: int


class Run(Struct, frozen=True, array_like=True, gc=False):
    """A span [since, until) in which a clock ran; None while it runs."""

    since: int
    until: int | None = None


class Clock(Struct):
    """The spans in which a clock ran, oldest first. `ended` is when it ended, under the priority in `ended_under`."""

    runs: list[Run] = field(default_factory=list)
    ended: Moment | None = None
    ended_under: Urgency | None = None


class TicketFacts(Struct):
    """What is known of one ticket, by no rules."""

    ticket_id: str = ""
    status: TicketStatus = TicketStatus.UNKNOWN
    opened: Moment | None = None
    settled: Moment | None = None
    urgency: Urgency = Urgency("normal", 0)
    first_response: Clock = field(default_factory=Clock)
    resolution: Clock = field(default_factory=Clock)
    reopened: list[Moment] = field(default_factory=list)
    complaint: bool = False
    topic: str | None = None
    agent: str | None = None
    level: int = 0
    channel: str | None = None
    follows: str | None = None
    customer_replied: Moment | None = None
    rated: Moment | None = None
    score: int | None = None


def evolve(facts: TicketFacts, event: TicketEvent, position: int = 0) -> None:
    """Take in one event of this ticket; events come in the order in which they happened.

    What comes before the opening is passed over: no decision makes such a history, and no clock can tell its time.
    """
    if isinstance(event, TicketOpened) and facts.opened is None:
        _open(facts, event, Moment(event.at, position))
        return
    if facts.opened is None:
        return
    match event:
        case TicketPriorityChanged(at=at, priority=priority):
            facts.urgency = Urgency(priority, at)
        case TicketClassified(topic=topic, complaint=complaint):
            facts.topic, facts.complaint = topic, complaint
        case TicketAssigned(agent=agent):
            facts.agent = agent
        case TicketEscalated(level=level):
            facts.level = level
        case AgentReplied(at=at):
            _end(facts.first_response, Moment(at, position), facts.urgency)
        case CustomerReplied(at=at):
            facts.customer_replied = Moment(at, position)
        case TicketRated(at=at, score=score):
            facts.rated, facts.score = Moment(at, position), score
        case _:
            pass  # the rest only moves the ticket
    _move(facts, event, position)


def _open(facts: TicketFacts, event: TicketOpened, moment: Moment) -> None:
    facts.ticket_id, facts.status, facts.opened = event.ticket_id, TicketStatus.NEW, moment
    facts.urgency = Urgency(event.priority, moment.at)
    facts.channel, facts.follows, facts.complaint = event.channel, event.follows, event.complaint
    _start(facts.first_response, moment.at)
    _start(facts.resolution, moment.at)


def _move(facts: TicketFacts, event: TicketEvent, position: int) -> None:
    before, after = facts.status, MOVES[type(event)].get(facts.status, facts.status)
    if before is after:
        return
    moment = Moment(event.at, position)
    facts.status = after
    if after in _RUNNING:
        _start(facts.resolution, moment.at)
    elif after not in SETTLED:
        _stop(facts.resolution, moment.at)
    elif before not in SETTLED:
        facts.settled = moment
        _end(facts.first_response, moment, facts.urgency)
        _end(facts.resolution, moment, facts.urgency)
    if before in SETTLED and after not in SETTLED:
        facts.settled = None
        facts.reopened.append(moment)


def _start(clock: Clock, at: int) -> None:
    clock.ended = clock.ended_under = None
    if not clock.runs or clock.runs[-1].until is not None:
        clock.runs.append(Run(at))


def _stop(clock: Clock, at: int) -> None:
    if clock.runs and clock.runs[-1].until is None:
        clock.runs[-1] = Run(clock.runs[-1].since, at)


def _end(clock: Clock, moment: Moment, urgency: Urgency) -> None:
    if clock.ended is None:
        _stop(clock, moment.at)
        clock.ended, clock.ended_under = moment, urgency


# ---------------------------------------------------------------------------------------------------------- clocks


def running_time(clock: Clock, at: int, calendar: Calendar) -> int:
    """Microseconds of open time in which a clock ran until an instant."""
    ran = 0
    for run in clock.runs:
        until = at if run.until is None or at < run.until else run.until
        if run.since < until:
            ran += calendar.between(run.since, until)
    return ran


def breaches_at(facts: TicketFacts, rules: TicketRules, clock: ClockName) -> int | None:
    """Since when a clock is breached (or late), or from when it will be if nobody acts; None where it won't be."""
    timed, urgency = timed_by(facts, clock)
    left = target_of(rules, clock, urgency).breach
    for run in timed.runs:
        open_time = None if run.until is None else rules.calendar.between(run.since, run.until)
        if open_time is None or open_time >= left:
            over = rules.calendar.after(run.since, left)
            return None if over is None else max(over, urgency.since)
        left -= open_time
    return None


def timed_by(facts: TicketFacts, name: ClockName) -> tuple[Clock, Urgency]:
    """A clock, and the priority that it is held against: the one in force, or in force when the clock ended."""
    clock = facts.first_response if name == "first_response" else facts.resolution
    return clock, clock.ended_under or facts.urgency


def target_of(rules: TicketRules, name: ClockName, urgency: Urgency) -> Target:
    """The target of a clock under a priority."""
    targets = rules.first_response if name == "first_response" else rules.resolution
    return targets[urgency.priority]
