"""How what happened to a task is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.task.decider import (
    Task,
    TaskAdded,
    TaskCompleted,
    TaskDropped,
    TaskEvent,
    TaskReassigned,
    TaskReopened,
    TaskSnoozed,
)
from regulars.crm_domain.task.schedule import Recurrence
from regulars.crm_domain.wording import Field, Wording


def what(event: TaskEvent) -> str:
    """What happened to a task, in a few words."""
    return f"task {event.task_id} {_what(event)}"


def _what(event: TaskEvent) -> str:
    match event:
        case TaskAdded():
            return f"added{_due(event)}"
        case TaskSnoozed(due_day=day, due_at=at):
            return f"snoozed until {_when(day, at)}"
        case TaskCompleted():
            return "completed"
        case TaskDropped():
            return "dropped"
        case TaskReopened():
            return "reopened"
        case TaskReassigned(owner=owner):
            return "assigned to nobody" if owner is None else f"assigned to {owner}"


def deed(event: TaskEvent, who: str, other: str) -> str:
    """What happened to a task, as somebody did it; `who` is empty for what is nobody's."""
    task = f"task {event.task_id} of {who}" if who else f"task {event.task_id}"
    match event:
        case TaskAdded():
            return f"added task {event.task_id}{f' for {who}' if who else ''}{_due(event)}"
        case TaskSnoozed(due_day=day, due_at=at):
            return f"snoozed {task} until {_when(day, at)}"
        case TaskCompleted():
            return f"completed {task}"
        case TaskDropped():
            return f"dropped {task}"
        case TaskReopened():
            return f"reopened {task}"
        case TaskReassigned(owner=owner):
            return f"assigned {task} to {'nobody' if owner is None else owner}"


def _due(added: TaskAdded) -> str:
    if added.due_day is None and added.due_at is None:
        return ""
    repeats = "" if added.recurrence is None else f", {repeats_in_words(added.recurrence)}"
    return f", due {_when(added.due_day, added.due_at)}{repeats}"


def _when(day: date | None, at: int | None) -> str:
    if at is not None:
        return f"{to_datetime(at):%Y-%m-%d %H:%M} UTC"
    return "no day" if day is None else day.isoformat()


def repeats_in_words(step: Recurrence) -> str:
    """How a task repeats, as it is typed: "every 2 weeks until 2026-12-31"."""
    end = "" if step.ends is None else f" until {step.ends}"
    if step.unit == "month_end":
        months = "the month" if step.every == 1 else f"every {step.every} months"
        return f"last day of {months}{end}"
    return f"every {step.unit}{end}" if step.every == 1 else f"every {step.every} {step.unit}s{end}"


def fields(state: Task) -> Iterator[Field]:
    """What the audit compares of a task."""
    if state.added is None or state.schedule is None:
        return
    schedule = state.schedule
    yield "task", schedule.status
    yield "what", state.added.what or state.added.title
    yield "due", None if schedule.due == (None, None) else _when(*schedule.due)
    yield "repeats", None if schedule.repeats is None else repeats_in_words(schedule.repeats)
    yield "owner", schedule.owner
    yield "ticket", schedule.ticket_id
    yield "opportunity", schedule.opportunity_id


WORDING = Wording(what=what, deed=deed, fields=fields)
