"""The projection: whether a task is open, and when it is due."""

from __future__ import annotations

from regulars.projections.engine.projector import Key, Projector
from regulars.projections.tasks.explain import explain
from regulars.projections.tasks.items import HANDLES, TASKS_KNOWN
from regulars.projections.tasks.judge import TaskVerdict, judge

VERSION = 1

TASKS = Projector(
    name="tasks",
    question="Is this task open, snoozed, overdue, done or dropped, and when is it due?",
    version=VERSION,
    facts=TASKS_KNOWN,
    handles=HANDLES,
    standing=type(None),
    judges_by=("business",),
    judge=judge,
    explain=explain,
    verdict=TaskVerdict,
    key=Key(name="task", of=lambda event: event.task_id, facts=lambda facts, task_id: facts.known.get(task_id)),
    lists_by=("value",),
)
