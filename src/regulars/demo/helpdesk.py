"""The simulated help desk: tickets that follow orders, and those of the last days, most of them still open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from regulars.crm_domain.command import Channel, Command
from regulars.crm_domain.purchase import RecordPurchase
from regulars.crm_domain.ticket import (
    AssignTicket,
    AwaitCustomer,
    OpenTicket,
    Priority,
    RateTicket,
    ReplyAsAgent,
    ReplyAsCustomer,
    ResolveTicket,
)
from regulars.demo.timing import when

#: Who answers tickets, and writes down what customers say there.
AGENT = "jonas"

_SHARE = 0.035
_QUIET = timedelta(days=9)
_CHANNELS: tuple[Channel, ...] = ("email", "email", "chat", "phone")
_QUESTIONS = ("Where is my parcel?", "Wrong grind", "Question about the invoice", "New delivery address", "Gift card")
_COMPLAINTS = ("The bag was torn", "Tastes burnt", "Charged twice")
#: Hours to the first response and to the resolution that the shop aims at.
_AIMS: dict[Priority, tuple[float, float]] = {"urgent": (1, 8), "high": (4, 24), "normal": (24, 72), "low": (24, 168)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recent:
    """A ticket of the last days: how many hours before the end what happened, if it did."""

    opened: float
    answered: float | None = None
    resolved: float | None = None
    rated: float | None = None
    awaiting: bool = False
    priority: Priority = "normal"
    complaint: bool = False


_LAST_ONES = (
    _Recent(opened=106, answered=99, priority="low"),
    _Recent(opened=82, answered=75, awaiting=True),
    _Recent(opened=60, answered=52),
    _Recent(opened=38, answered=29, resolved=5, rated=1.2),
    _Recent(opened=34, answered=27, priority="high", complaint=True),
    _Recent(opened=13, answered=10),
    _Recent(opened=3.4, priority="high"),
)


def run_desk(random: Random, orders: Sequence[RecordPurchase], end: datetime) -> list[Command]:
    """All tickets, each in order of time; `orders` is in order of time, and ids count up with it."""
    openings = sorted(
        (when(order) + timedelta(days=random.uniform(1, 8)), order.customer)
        for order in orders
        if random.random() < _SHARE
    )
    openings = [(at, who) for at, who in openings if at <= end - _QUIET]
    happened: list[Command] = []
    for number, (at, who) in enumerate(openings, start=1):
        happened += _handle(random, f"T-{number:03}", who, at)
    lately = list(dict.fromkeys(order.customer for order in orders if end - _QUIET * 3 <= when(order) <= end - _QUIET))
    for number, (plan, who) in enumerate(
        zip(_LAST_ONES, random.sample(lately, len(_LAST_ONES)), strict=True), start=len(openings) + 1
    ):
        happened += _handle_lately(random, f"T-{number:03}", who, plan, end)
    return happened


def _handle(random: Random, ticket_id: str, who: str, at: datetime) -> Iterator[Command]:
    """One ticket from its opening until the customer has said how it was."""
    complaint = random.random() < 0.15
    priority: Priority = random.choices(("urgent", "high", "normal", "low"), weights=(4, 16, 60, 20))[0]
    yield _opening(random, ticket_id, who, at, priority=priority, complaint=complaint)
    to_answer, to_resolve = _AIMS[priority]
    late = random.random() < 0.15
    answered = at + timedelta(hours=to_answer * (random.uniform(1.1, 2.0) if late else random.uniform(0.05, 0.8)))
    yield AssignTicket(ticket_id=ticket_id, agent=AGENT, occurred_at=at + (answered - at) / 2)
    yield ReplyAsAgent(ticket_id=ticket_id, occurred_at=answered)
    since = answered
    if random.random() < 0.3:
        yield AwaitCustomer(ticket_id=ticket_id, occurred_at=since)
        since += timedelta(hours=random.uniform(2, 60))
        yield ReplyAsCustomer(ticket_id=ticket_id, occurred_at=since)
    resolved = since + timedelta(hours=to_resolve * random.uniform(0.05, 0.6 if random.random() < 0.88 else 1.8))
    yield ResolveTicket(ticket_id=ticket_id, occurred_at=resolved)
    if random.random() < 0.06:
        back = resolved + timedelta(hours=random.uniform(3, 48))
        yield ReplyAsCustomer(ticket_id=ticket_id, occurred_at=back)
        resolved = back + timedelta(hours=random.uniform(2, 30))
        yield ReplyAsAgent(ticket_id=ticket_id, occurred_at=resolved)
        yield ResolveTicket(ticket_id=ticket_id, occurred_at=resolved)
    if random.random() < 0.4:
        score = min(5, max(1, round(random.gauss(3.2 if late or complaint else 4.4, 0.8))))
        yield RateTicket(
            ticket_id=ticket_id, score=score, occurred_at=resolved + timedelta(hours=random.uniform(1, 70))
        )


def _handle_lately(random: Random, ticket_id: str, who: str, plan: _Recent, end: datetime) -> Iterator[Command]:
    def before_the_end(hours: float) -> datetime:
        return (end - timedelta(hours=hours)).replace(second=0, microsecond=0)

    opened = before_the_end(plan.opened)
    yield _opening(random, ticket_id, who, opened, priority=plan.priority, complaint=plan.complaint)
    if plan.answered is not None:
        answered = before_the_end(plan.answered)
        yield AssignTicket(ticket_id=ticket_id, agent=AGENT, occurred_at=answered - timedelta(minutes=20))
        yield ReplyAsAgent(ticket_id=ticket_id, occurred_at=answered)
        if plan.awaiting:
            yield AwaitCustomer(ticket_id=ticket_id, occurred_at=answered)
    if plan.resolved is not None:
        yield ResolveTicket(ticket_id=ticket_id, occurred_at=before_the_end(plan.resolved))
    if plan.rated is not None:
        yield RateTicket(ticket_id=ticket_id, score=5, occurred_at=before_the_end(plan.rated))


def _opening(
    random: Random, ticket_id: str, who: str, at: datetime, *, priority: Priority, complaint: bool
) -> OpenTicket:
    return OpenTicket(
        customer=who,
        ticket_id=ticket_id,
        priority=priority,
        channel=random.choice(_CHANNELS),
        subject=random.choice(_COMPLAINTS if complaint else _QUESTIONS),
        complaint=complaint,
        occurred_at=at,
    )
