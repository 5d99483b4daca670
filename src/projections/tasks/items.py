"""The facts of tasks: where each stands by what has happened to it, whatever the rules; nothing of its text."""

from __future__ import annotations

from typing import get_args

from msgspec import Struct, field
from msgspec.structs import replace

from regulars.crm_domain import task
from regulars.crm_domain.event import Event
from regulars.crm_domain.task import Schedule, TaskAdded, TaskCompleted, TaskDropped, TaskEvent, TaskSnoozed
from regulars.projections.facts.fact_set import FactSet

VERSION = 1

HANDLES: frozenset[type[Event]] = frozenset(get_args(TaskEvent))


class OfTask(Struct, frozen=True, array_like=True, gc=False):
    """One task: where it stands, and the positions of the events that added it, and snoozed or settled it last."""

    schedule: Schedule
    added: int
    snoozed: int | None = None
    settled: int | None = None


class Tasks(Struct, array_like=True):
    """What is known of a customer's tasks, or of the business's own, by their ids."""

    known: dict[str, OfTask] = field(default_factory=dict)


def evolve(tasks: Tasks, event: TaskEvent, at: int, position: int, identity: int) -> None:
    """Take in one event; what comes before its task was added is passed over, as no decision makes such a history."""
    known = tasks.known.get(event.task_id)
    schedule = task.follow(None if known is None else known.schedule, event)
    if schedule is None:
        return
    if known is None:
        known = OfTask(schedule, position)
    match event:
        case TaskSnoozed():
            known = replace(known, snoozed=position)
        case TaskCompleted() | TaskDropped():
            known = replace(known, settled=position)
        case _:
            pass
    tasks.known[event.task_id] = replace(known, schedule=schedule)


TASKS_KNOWN = FactSet(
    name="known_tasks",
    version=VERSION,
    beginning=Tasks,
    handles=HANDLES,
    order=(TaskAdded, *task.CHRONOLOGY.order),
    evolve=evolve,
)
