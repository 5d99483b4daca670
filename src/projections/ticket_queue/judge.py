"""Where does this ticket stand, and is it answered and resolved in time?

A clock is met before its target and breached from that instant on; once it has ended, it was met or late. What is
resolved is closed by itself after a while.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from regulars.crm_domain.ticket import TicketStatus
from regulars.projections.engine.projector import Judgement
from regulars.projections.facts.tickets import ClockName, TicketFacts, TicketRules, running_time, target_of, timed_by

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules

Timeliness = Literal["on_time", "due_soon", "breached", "met", "late"]


class TicketVerdict(Struct, frozen=True, gc=False):
    """What the queue shows of a ticket."""

    status: TicketStatus
    first_response: Timeliness
    resolution: Timeliness


def judge(standing: None, facts: TicketFacts, rules: Rules, at: int, until: int) -> Iterator[Judgement]:
    """What the queue shows of a ticket from an instant on; nothing before it was opened."""
    due: int | None = at if facts.opened is not None else None
    while due is not None and due < until:
        verdict, due_next = verdict_of(facts, rules.tickets, due)
        yield due, None, verdict
        due = due_next


def verdict_of(facts: TicketFacts, rules: TicketRules, at: int) -> tuple[TicketVerdict, int | None]:
    """What the queue shows at an instant from the last event on, and when that changes if nothing more happens."""
    status, closes_at = _status(facts, rules, at)
    first_response, answer_changes_at = _timeliness(facts, rules, "first_response", at)
    resolution, resolution_changes_at = _timeliness(facts, rules, "resolution", at)
    changes = [change for change in (closes_at, answer_changes_at, resolution_changes_at) if change is not None]
    return TicketVerdict(status, first_response, resolution), min(changes, default=None)


def _status(facts: TicketFacts, rules: TicketRules, at: int) -> tuple[TicketStatus, int | None]:
    if facts.status is not TicketStatus.RESOLVED or facts.settled is None:
        return facts.status, None
    closes_at = facts.settled.at + rules.auto_close
    return (TicketStatus.CLOSED, None) if at >= closes_at else (TicketStatus.RESOLVED, closes_at)


def _timeliness(facts: TicketFacts, rules: TicketRules, name: ClockName, at: int) -> tuple[Timeliness, int | None]:
    clock, urgency = timed_by(facts, name)
    target = target_of(rules, name, urgency)
    ran = running_time(clock, at, rules.calendar)
    if clock.ended is not None:
        return ("met" if ran < target.breach else "late"), None
    if ran >= target.breach:
        return "breached", None
    timeliness: Timeliness = "due_soon" if ran >= target.soon else "on_time"
    if not clock.runs or clock.runs[-1].until is not None:
        return timeliness, None
    left = (target.breach if ran >= target.soon else target.soon) - ran
    return timeliness, rules.calendar.after(at, left)
