"""A task: something to be done for a customer or for nobody, once or again and again. One stream a task."""

from regulars.crm_domain.task.aggregate import AGGREGATE
from regulars.crm_domain.task.decider import (
    CATEGORY,
    CHRONOLOGY,
    TASK,
    AddTask,
    CompleteTask,
    DropTask,
    ReassignTask,
    ReopenTask,
    Repeat,
    SnoozeTask,
    Task,
    TaskAdded,
    TaskCompleted,
    TaskDropped,
    TaskEvent,
    TaskReassigned,
    TaskReopened,
    TaskSnoozed,
    follow,
)
from regulars.crm_domain.task.schedule import Recurrence, Schedule, Unit, upcoming
from regulars.crm_domain.task.wording import repeats_in_words

__all__ = [
    "AGGREGATE",
    "CATEGORY",
    "CHRONOLOGY",
    "TASK",
    "AddTask",
    "CompleteTask",
    "DropTask",
    "ReassignTask",
    "Recurrence",
    "ReopenTask",
    "Repeat",
    "Schedule",
    "SnoozeTask",
    "Task",
    "TaskAdded",
    "TaskCompleted",
    "TaskDropped",
    "TaskEvent",
    "TaskReassigned",
    "TaskReopened",
    "TaskSnoozed",
    "Unit",
    "follow",
    "repeats_in_words",
    "upcoming",
]
