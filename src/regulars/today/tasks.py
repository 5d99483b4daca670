"""Tasks that are due, or overdue: one that rests until a day is due again with that day."""

from __future__ import annotations

import sqlalchemy as sa

from regulars.adapters.read_models.due_lines import DueRow, DueRows, Lines, line
from regulars.asking.tasks import UNSETTLED, read_texts
from regulars.projections.pipeline.projector import PIPELINE
from regulars.projections.tasks.projector import TASKS
from regulars.today.kind import Kind, Saying, Snapshot


def _find(snapshot: Snapshot) -> DueRows:
    return snapshot.selected(_select(snapshot.lines), None)


def _select(lines: Lines) -> sa.SelectBase:
    """What is at stake is the amount of the opportunity that it is about, if that has one."""
    task, about = lines.table(TASKS.name, "task"), lines.table(PIPELINE.name, "about")
    amount = sa.select(sa.func.max(sa.func.nullif(about.c.amount, 0))).where(
        about.c.opportunity == task.c.opportunity_id, lines.now(about)
    )
    told = line(
        task.c.customer,
        task.c.task,
        task.c.due_at,
        overdue=task.c.due_at <= lines.window.at,
        stake=amount.scalar_subquery(),
        owner=task.c.owner,
    )
    wanted = (task.c.value.in_(UNSETTLED), task.c.due_at <= lines.window.until, lines.now(task))
    return sa.select(*told).where(*wanted)


def _say(row: DueRow, saying: Saying) -> tuple[str, str]:
    what = saying.text or f"task {row.key}"
    due = f"overdue since {saying.minute(row.due)}" if row.overdue else f"due {saying.minute(row.due)}"
    return f"{what}: {due}", saying.do("CompleteTask", task_id=row.key)


TASKS_DUE = Kind(
    name="task",
    title="Tasks that are due, or overdue",
    listed_by="regulars tasks",
    reads=(TASKS.name, PIPELINE.name),
    find=_find,
    say=_say,
    texts=read_texts,
)
