"""What is said of tasks that are due, or overdue, and how they are completed."""

from __future__ import annotations

from regulars.adapters.read_models.due.lines import DueRow
from regulars.adapters.read_models.due.search import DueRows
from regulars.adapters.read_models.due.tasks import tasks_due
from regulars.asking.tasks import read_texts
from regulars.projections.pipeline.projector import PIPELINE
from regulars.projections.tasks.projector import TASKS
from regulars.today.kind import Kind, Saying, Snapshot
from regulars.wording.command_line import do_line


def _find(snapshot: Snapshot) -> DueRows:
    return snapshot.search.selected(tasks_due(snapshot.search.lines))


def _say(row: DueRow, saying: Saying) -> tuple[str, str]:
    what = saying.text or f"task {row.key}"
    due = f"overdue since {saying.minute(row.due)}" if row.overdue else f"due {saying.minute(row.due)}"
    return f"{what}: {due}", do_line("CompleteTask", task_id=row.key)


TASKS_DUE = Kind(
    name="task",
    title="Tasks that are due, or overdue",
    reads=(TASKS.name, PIPELINE.name),
    find=_find,
    say=_say,
    texts=read_texts,
)
