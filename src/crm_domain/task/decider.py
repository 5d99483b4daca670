"""A task: something to be done for a customer or for nobody, once or again and again. One stream a task.

1. A task id names one task in a store: added again with the same content changes nothing, with other content it is
   refused.
2. Only what was added can be spoken of, and nothing happens to it before that. What happened is held against what had
   happened by then, in whatever order it is told.
3. A task is open until it is done or dropped. What isn't open can't be snoozed, reassigned, completed or dropped;
   reopened, it is open as it was.
4. What repeats is due on a day to begin with, and has one open occurrence, overdue until it is settled. The next is the
   first after both that one and the day on which it was completed; where there is none, the task is done. To drop it
   drops all that would come.
5. To reopen what repeats and is open takes back what was settled last.
6. Snoozing moves the open occurrence alone, to a day or a time that is still to come.
7. What is told with its time is written down, also where it seems to change nothing. Told without a time, what is so
   already changes nothing: so what repeats, was completed today and isn't due yet, is complete.
8. What is to be done for a customer is personal; what is nobody's stands in the clear, as there is no key for it.

That the ticket or opportunity which a task is about is there, and is theirs, is not held here: each is a stream of its
own, and is looked up as the event is kept. What is to be done for nobody may be about anybody's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from types import MappingProxyType
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace
from pydantic import AfterValidator

from regulars.crm_domain.chronology import Chronology
from regulars.crm_domain.command import Command, Context, Day, Decider, Label, When, Who, occurred_at
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event, Personal
from regulars.crm_domain.instant import to_datetime, to_instant
from regulars.crm_domain.task.schedule import Recurrence, Schedule, Unit, completed, reopened

CATEGORY = "task"

# ---------------------------------------------------------------------------------------------------------- events
#
# `at` is the instant of the envelope, repeated because evolve sees no envelope; `task_id` is the outside's own.


class TaskAdded(Event, frozen=True, kw_only=True, tag="TaskAdded"):
    """Something is to be done: `what` for a customer, `title` for nobody. It is due on a day or at an instant, if at
    all; what repeats is due on its first day, and then `every` so many units. `owner` is who is to do it.
    """

    task_id: str
    at: int
    what: Personal[str] = None
    title: str | None = None
    due_day: date | None = None
    due_at: int | None = None
    every: int | None = None
    unit: Unit | None = None
    ends: date | None = None
    owner: str | None = None
    ticket_id: str | None = None
    opportunity_id: str | None = None

    @property
    def recurrence(self) -> Recurrence | None:
        """How it repeats; None for what is done once."""
        if self.every is None or self.unit is None:
            return None
        return Recurrence(every=self.every, unit=self.unit, ends=self.ends)


class TaskSnoozed(Event, frozen=True, kw_only=True, tag="TaskSnoozed"):
    """It rests, and is due on a later day or at a later instant."""

    task_id: str
    at: int
    due_day: date | None = None
    due_at: int | None = None


class TaskCompleted(Event, frozen=True, kw_only=True, tag="TaskCompleted"):
    """It was done, on this day of the business."""

    task_id: str
    at: int
    day: date


class TaskDropped(Event, frozen=True, kw_only=True, tag="TaskDropped"):
    """It isn't to be done any more."""

    task_id: str
    at: int


class TaskReopened(Event, frozen=True, kw_only=True, tag="TaskReopened"):
    """It is to be done after all."""

    task_id: str
    at: int


class TaskReassigned(Event, frozen=True, kw_only=True, tag="TaskReassigned"):
    """Somebody else is to do it, or for None whoever comes to it."""

    task_id: str
    at: int
    owner: str | None = None


TaskEvent = TaskAdded | TaskSnoozed | TaskCompleted | TaskDropped | TaskReopened | TaskReassigned

# ----------------------------------------------------------------------------------------------------------- state


class Task(Struct, frozen=True, kw_only=True):
    """What the next decision on a task needs to know."""

    added: TaskAdded | None = None
    schedule: Schedule | None = None


def evolve(state: Task, event: TaskEvent) -> Task:
    """The state after an event. Total: history is never argued with."""
    added = event if isinstance(event, TaskAdded) and state.added is None else state.added
    return Task(added=added, schedule=follow(state.schedule, event))


def follow(schedule: Schedule | None, event: TaskEvent) -> Schedule | None:
    """Where a task stands after an event; None before it was added. What isn't its turn moves nothing."""
    if schedule is None:
        return _begun(event) if isinstance(event, TaskAdded) else None
    match event:
        case TaskCompleted(day=day):
            return completed(schedule, day)
        case TaskReopened():
            return reopened(schedule)
        case _ if schedule.status != "open":
            return schedule
        case TaskSnoozed(due_day=day, due_at=at):
            return replace(schedule, snoozed_day=day, snoozed_at=at)
        case TaskDropped():
            return replace(schedule, status="dropped")
        case TaskReassigned(owner=owner):
            return replace(schedule, owner=owner)
        case TaskAdded():
            return schedule


def _begun(added: TaskAdded) -> Schedule:
    return Schedule(
        day=added.due_day,
        due_at=added.due_at,
        repeats=added.recurrence,
        owner=added.owner,
        ticket_id=added.ticket_id,
        opportunity_id=added.opportunity_id,
    )


# -------------------------------------------------------------------------------------------------------- commands

_EVERY = re.compile(r"every(?: ([0-9]{1,4}))? (day|week|month)s?")
_MONTH_END = re.compile(r"last day of (?:the|every(?: ([0-9]{1,4}))?) months?")
_UNITS: Mapping[str, Unit] = MappingProxyType({"day": "day", "week": "week", "month": "month"})
_MOST = 1_000


@cache
def _read(text: str) -> tuple[int, Unit]:
    """How often and by what a task repeats. Raises ValueError for text that says no such thing."""
    found = _EVERY.fullmatch(text)
    unit: Unit = "month_end" if found is None else _UNITS[found[2]]
    found = found or _MONTH_END.fullmatch(text)
    if found is None:
        raise ValueError('expected "every day", "every 2 weeks", "every 3 months" or "last day of the month"')
    count = int(found[1] or 1)
    if not 1 <= count <= _MOST:
        raise ValueError(f"a task repeats every 1 to {_MOST:,} days, weeks or months, not every {count:,}")
    return count, unit


def _repeat(text: str) -> str:
    _read(text)
    return text


#: How a task repeats, in words.
Repeat = Annotated[Label, AfterValidator(_repeat)]


class AddTask(Command):
    """Write down what is to be done, e.g. task_id=K-1 customer=shop:42 what="call back" due=2026-03-02 owner=li

    Without a customer it is nobody's, and `what` is kept in the clear: it names no person. `due` is a day or a time;
    what repeats begins on a day: repeats="every 2 weeks", "every month" or "last day of the month".
    """

    task_id: Label
    what: Label
    customer: Who | None = None
    due: When | None = None
    repeats: Repeat | None = None
    until: Day | None = None
    owner: Label | None = None
    ticket_id: Label | None = None
    opportunity_id: Label | None = None


class TaskCommand(Command):
    """A command to a task, which knows whose it is."""

    task_id: Label


class SnoozeTask(TaskCommand):
    """Let a task rest until a day or a time, on which it is due then, e.g. task_id=K-1 until=2026-03-09"""

    until: When


class CompleteTask(TaskCommand):
    """Say that a task was done; what repeats is open again on its next day, e.g. task_id=K-1"""


class DropTask(TaskCommand):
    """Say that a task isn't to be done any more, with all that would come of it, e.g. task_id=K-1"""


class ReopenTask(TaskCommand):
    """Say that a task is to be done after all; of one that repeats, what was settled last, e.g. task_id=K-1"""


class ReassignTask(TaskCommand):
    """Say who is to do a task; owner= with nothing says that nobody is, e.g. task_id=K-1 owner=max"""

    owner: Label | None


# ------------------------------------------------------------------------------------------------------- decisions


def add(command: AddTask, state: Task, context: Context) -> tuple[Event, ...]:
    """Invariants 1, 4 and 8."""
    day, due_at = _parts(command.due)
    every, unit = _repeats(command, day)
    event = TaskAdded(
        task_id=command.task_id,
        at=occurred_at(command, context.now),
        what=None if command.customer is None else command.what,
        title=command.what if command.customer is None else None,
        due_day=day,
        due_at=due_at,
        every=every,
        unit=unit,
        ends=command.until,
        owner=command.owner,
        ticket_id=command.ticket_id,
        opportunity_id=command.opportunity_id,
    )
    if state.added is None:
        return (event,)
    if event == replace(state.added, at=event.at):
        return ()
    raise Rejected("task_id_taken", f'task "{command.task_id}" is known already with other content')


def _repeats(command: AddTask, first: date | None) -> tuple[int | None, Unit | None]:
    """How often and by what a task repeats, if it does. Raises Rejected where it can't."""
    if command.repeats is None:
        if command.until is not None:
            raise Rejected("no_repeat", "until says when a task that repeats ends; this one doesn't repeat")
        return None, None
    if first is None:
        raise Rejected("repeat_without_day", "a task that repeats begins on a day; give a day as due")
    every, unit = _read(command.repeats)
    if command.until is not None and command.until < first:
        raise Rejected("ends_too_early", f"a task that begins on {first} can't repeat until {command.until}")
    if unit == "month_end" and not _ends_month(first):
        raise Rejected("not_a_last_day", f"what repeats on the last day of the month begins on one, not on {first}")
    return every, unit


def _ends_month(day: date) -> bool:
    return date.fromordinal(day.toordinal() + 1).day == 1


def snooze(command: SnoozeTask, state: Task, context: Context) -> tuple[Event, ...]:
    """Invariant 6."""
    at = occurred_at(command, context.now)
    day, due_at = _parts(command.until)
    event = TaskSnoozed(task_id=command.task_id, at=at, due_day=day, due_at=due_at)
    schedule = _require_open(event, state)
    if (day is not None and day < _day_of(at, context)) or (due_at is not None and due_at <= at):
        sentence = f"a task is snoozed until a day or a time that is still to come, not until {command.until}"
        raise Rejected("snoozed_to_the_past", sentence)
    is_so = (schedule.snoozed_day, schedule.snoozed_at) == (day, due_at)
    return () if is_so and command.occurred_at is None else (event,)


def complete(command: CompleteTask, state: Task, context: Context) -> tuple[Event, ...]:
    """Invariants 3, 4 and 7."""
    at = occurred_at(command, context.now)
    day = _day_of(at, context)
    event = TaskCompleted(task_id=command.task_id, at=at, day=day)
    if _is("done", state):
        return () if command.occurred_at is None else (event,)
    schedule = _require_open(event, state)
    comes = None if schedule.repeats is None else schedule.open_day
    is_so = comes is not None and schedule.settled_on == day < comes
    return () if is_so and command.occurred_at is None else (event,)


def drop(command: DropTask, state: Task, context: Context) -> tuple[Event, ...]:
    """Invariant 3."""
    event = TaskDropped(task_id=command.task_id, at=occurred_at(command, context.now))
    if _is("dropped", state):
        return () if command.occurred_at is None else (event,)
    _require_open(event, state)
    return (event,)


def reopen(command: ReopenTask, state: Task, context: Context) -> tuple[Event, ...]:
    """Invariants 3 and 5."""
    event = TaskReopened(task_id=command.task_id, at=occurred_at(command, context.now))
    schedule = _require_added(event, state)
    is_so = schedule == reopened(schedule)
    return () if is_so and command.occurred_at is None else (event,)


def reassign(command: ReassignTask, state: Task, context: Context) -> tuple[Event, ...]:
    """Only another owner is a change."""
    event = TaskReassigned(task_id=command.task_id, at=occurred_at(command, context.now), owner=command.owner)
    is_so = _require_open(event, state).owner == command.owner
    return () if is_so and command.occurred_at is None else (event,)


def _is(status: str, state: Task) -> bool:
    return state.schedule is not None and state.schedule.status == status


def _require_added(event: TaskEvent, state: Task) -> Schedule:
    """Invariant 2."""
    if state.added is None or state.schedule is None:
        raise Rejected("unknown_task", f'there is no task "{event.task_id}"')
    if event.at < state.added.at:
        said, added = to_datetime(event.at).isoformat(), to_datetime(state.added.at).isoformat()
        sentence = f'{said} lies before task "{event.task_id}" was added, which was at {added}'
        raise Rejected("out_of_order", sentence)
    return state.schedule


def _require_open(event: TaskEvent, state: Task) -> Schedule:
    """Invariants 2 and 3."""
    schedule = _require_added(event, state)
    if schedule.status != "open":
        raise Rejected(f"task_{schedule.status}", f'task "{event.task_id}" is {schedule.status}; reopen it first')
    return schedule


def _parts(when: date | datetime | None) -> tuple[date | None, int | None]:
    """A day, or the instant of a time."""
    return (None, to_instant(when)) if isinstance(when, datetime) else (when, None)


def _day_of(at: int, context: Context) -> date:
    return to_datetime(at).astimezone(ZoneInfo(context.zone)).date()


def decide(command: Command, state: Task, context: Context) -> tuple[Event, ...]:
    """Hand a command to its decision. Raises Rejected where an invariant would break."""
    match command:
        case AddTask():
            return add(command, state, context)
        case SnoozeTask():
            return snooze(command, state, context)
        case CompleteTask():
            return complete(command, state, context)
        case DropTask():
            return drop(command, state, context)
        case ReopenTask():
            return reopen(command, state, context)
        case ReassignTask():
            return reassign(command, state, context)
        case _:
            raise TypeError(f"{type(command).__name__} is not a command to a task")


# At one instant what takes a task up comes before what settles it.
CHRONOLOGY = Chronology(
    first=(TaskAdded,),
    words=(
        (ReopenTask, TaskReopened),
        (ReassignTask, TaskReassigned),
        (SnoozeTask, TaskSnoozed),
        (CompleteTask, TaskCompleted),
        (DropTask, TaskDropped),
    ),
)

TASK = Decider(category=CATEGORY, initial=Task(), evolve=evolve, decide=decide, chronology=CHRONOLOGY)
