"""The task as a value."""

from __future__ import annotations

from typing import get_args

from regulars.crm_domain.aggregate import Addressed, Aggregate, InTheClear, addressed
from regulars.crm_domain.task.decider import (
    TASK,
    AddTask,
    CompleteTask,
    DropTask,
    ReassignTask,
    ReopenTask,
    SnoozeTask,
    TaskAdded,
    TaskCompleted,
    TaskEvent,
    TaskReassigned,
    TaskSnoozed,
)
from regulars.crm_domain.task.examples import examples
from regulars.crm_domain.task.wording import WORDING

AGGREGATE = Aggregate(
    decider=TASK,
    events=get_args(TaskEvent),
    commands=(
        Addressed(command=AddTask, customer="customer", key="task_id", or_nobody=True),
        *addressed(SnoozeTask, CompleteTask, DropTask, ReopenTask, ReassignTask, key="task_id"),
    ),
    wording=WORDING,
    examples=examples,
    in_the_clear=(
        InTheClear(fields=("task_id",), events=get_args(TaskEvent), why="the id that it has outside, to be found by"),
        InTheClear(
            fields=("title",), events=(TaskAdded,), why="it is nobody's, so there is no key that it could be under"
        ),
        InTheClear(fields=("owner",), events=(TaskAdded, TaskReassigned), why="somebody of ours, to group by"),
        InTheClear(
            fields=("ticket_id", "opportunity_id"),
            events=(TaskAdded,),
            why="the number of the ticket or opportunity that it is about",
        ),
        InTheClear(fields=("due_day", "ends"), events=(TaskAdded,), why="days of work, by which verdicts are made"),
        InTheClear(fields=("due_day",), events=(TaskSnoozed,), why="a day of work, by which verdicts are made"),
        InTheClear(fields=("day",), events=(TaskCompleted,), why="a day of work, by which verdicts are made"),
    ),
)
