"""Is this task open, snoozed, overdue, done or dropped, and when is it due?

A day ends where the next begins, in the business's zone: what is due on a day is overdue from then on, and what is
snoozed until a day rests until it begins. What is due at an instant is overdue from it on.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.crm_domain.instant import end_of_day
from regulars.crm_domain.task import Schedule, Unit
from regulars.crm_domain.task.schedule import LAST_DAY
from regulars.projections.engine.projector import Judgement
from regulars.projections.tasks.items import OfTask

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules

TaskValue = Literal["open", "snoozed", "overdue", "done", "dropped"]


class TaskVerdict(Struct, frozen=True, kw_only=True, gc=False):
    """Where a task stands. `due_at` is the instant from which it is overdue unless it is settled: the end of `due_day`
    where it is due on a day. Days are written as ISO 8601 has them.

    Of one that repeats, `falls_on` is the day of the open occurrence before any snoozing, and `starts`, `every`, `unit`
    and `ends` are the row that all others follow from.
    """

    value: TaskValue
    due_at: int | None
    due_day: str | None
    owner: str | None
    ticket_id: str | None
    opportunity_id: str | None
    falls_on: str | None
    starts: str | None
    every: int | None
    unit: Unit | None
    ends: str | None


def judge(standing: None, facts: OfTask | None, rules: Rules, at: int, until: int) -> Iterator[Judgement]:
    """What holds of a task from an instant on; nothing before it was added."""
    change: int | None = at if facts is not None else None
    while facts is not None and change is not None and change < until:
        verdict, following = verdict_of(facts.schedule, rules.zone, change)
        yield change, None, verdict
        change = following


def verdict_of(schedule: Schedule, zone: ZoneInfo, at: int) -> tuple[TaskVerdict, int | None]:
    """What holds of a task at an instant from its last event on, and when that changes if nothing more happens."""
    due_day, _ = schedule.due
    due_at, step = due_of(schedule, zone), schedule.repeats
    value, change = _value(schedule, due_at, zone, at)
    verdict = TaskVerdict(
        value=value,
        due_at=due_at,
        due_day=_text(due_day),
        owner=schedule.owner,
        ticket_id=schedule.ticket_id,
        opportunity_id=schedule.opportunity_id,
        falls_on=None if step is None else _text(schedule.open_day),
        starts=None if step is None else _text(schedule.day),
        every=None if step is None else step.every,
        unit=None if step is None else step.unit,
        ends=None if step is None else _text(step.ends),
    )
    return verdict, change


def _value(schedule: Schedule, due_at: int | None, zone: ZoneInfo, at: int) -> tuple[TaskValue, int | None]:
    if schedule.status != "open":
        return schedule.status, None
    wakes_at = schedule.snoozed_at
    if schedule.snoozed_day is not None:
        wakes_at = begin_of(schedule.snoozed_day, zone)
    if wakes_at is not None and at < wakes_at:
        return "snoozed", wakes_at
    return ("overdue", None) if due_at is not None and at >= due_at else ("open", due_at)


def due_of(schedule: Schedule, zone: ZoneInfo) -> int | None:
    """The instant from which a task is overdue if it is open; None for what is due at none."""
    day, at = schedule.due
    return at if day is None else begin_of(min(day, LAST_DAY) + timedelta(days=1), zone)


def begin_of(day: date, zone: ZoneInfo) -> int:
    """The first instant of a day in a zone."""
    return end_of_day(max(day, _FIRST_DAY) - timedelta(days=1), zone) + 1


_FIRST_DAY = date(2, 1, 1)


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
