"""Examples of what happens to a task, and of commands to it."""

from __future__ import annotations

from datetime import UTC, date, datetime

from regulars.crm_domain.aggregate import Examples
from regulars.crm_domain.instant import DAY
from regulars.crm_domain.task.decider import (
    AddTask,
    CompleteTask,
    DropTask,
    ReassignTask,
    ReopenTask,
    SnoozeTask,
    TaskAdded,
    TaskCompleted,
    TaskDropped,
    TaskReassigned,
    TaskReopened,
    TaskSnoozed,
)

_AT = 1_772_366_400_000_000  # 2026-03-01, noon


def examples() -> Examples:
    """Examples of what happens to a task, and of commands to it."""
    return Examples(
        events=(
            TaskAdded(
                task_id="K-1",
                at=_AT,
                what="Call back about the tea",
                due_day=date(2026, 3, 2),
                every=2,
                unit="week",
                ends=date(2026, 12, 31),
                owner="li",
                ticket_id="T-1",
                opportunity_id="O-1",
            ),
            TaskAdded(task_id="K-2", at=_AT, title="Order paper", due_at=_AT + DAY),
            TaskSnoozed(task_id="K-1", at=_AT, due_day=date(2026, 3, 9)),
            TaskSnoozed(task_id="K-2", at=_AT, due_at=_AT + 2 * DAY),
            TaskCompleted(task_id="K-1", at=_AT, day=date(2026, 3, 1)),
            TaskDropped(task_id="K-1", at=_AT),
            TaskReopened(task_id="K-1", at=_AT),
            TaskReassigned(task_id="K-1", at=_AT, owner="max"),
        ),
        commands=(
            AddTask(
                task_id="K-1",
                customer="shop:1",
                what="Call back about the tea",
                due=date(2026, 3, 2),
                repeats="every 2 weeks",
                until=date(2026, 12, 31),
                owner="li",
                ticket_id="T-1",
                opportunity_id="O-1",
            ),
            AddTask(task_id="K-2", what="Order paper", due=datetime(2026, 3, 2, 12, tzinfo=UTC)),
            SnoozeTask(task_id="K-1", until=date(2026, 3, 9)),
            CompleteTask(task_id="K-1"),
            DropTask(task_id="K-1"),
            ReopenTask(task_id="K-1"),
            ReassignTask(task_id="K-1", owner="max"),
        ),
    )
