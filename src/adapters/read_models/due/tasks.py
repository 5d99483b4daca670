"""Tasks that are due, or overdue: one that rests until a day is due again with that day."""

from __future__ import annotations

import sqlalchemy as sa

from regulars.adapters.read_models.due.lines import Lines, line
from regulars.projections.pipeline.projector import PIPELINE
from regulars.projections.pipeline.rules import CLOSED
from regulars.projections.tasks.projector import TASKS

_UNSETTLED = ("open", "snoozed", "overdue")


def tasks_due(lines: Lines) -> sa.SelectBase:
    """What is at stake is the amount of the opportunity that it is about, if that has one and is open still."""
    task, about = lines.table(TASKS.name, "task"), lines.table(PIPELINE.name, "about")
    amount = sa.select(sa.func.max(sa.func.nullif(about.c.amount, 0))).where(
        about.c.opportunity == task.c.opportunity_id, about.c.value.not_in(CLOSED), lines.now(about)
    )
    told = line(
        task.c.customer,
        task.c.task,
        task.c.due_at,
        overdue=task.c.due_at <= lines.window.at,
        stake=amount.scalar_subquery(),
        owner=task.c.owner,
    )
    wanted = (task.c.value.in_(_UNSETTLED), task.c.due_at <= lines.window.until, lines.now(task))
    return sa.select(*told).where(*wanted)
