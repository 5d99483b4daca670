"""Is there anything to do for a customer? Whether any task is open, and whether one that is open is overdue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from regulars.projections.tasks.judge import TaskVerdict
from regulars.projections.together import Together, together, worst
from regulars.projections.verdict import Interval


def combine_tasks(tasks: Iterable[Iterable[Interval]]) -> list[Together]:
    """What the tasks say together, in order of time: a gap where none is open, and neighbours always differ."""
    return together(tasks, _state_of, worst("overdue", "open"))


def _state_of(verdict: TaskVerdict) -> Literal["open", "overdue"] | None:
    """What one task adds; None for what is settled or snoozed."""
    return verdict.value if verdict.value == "open" or verdict.value == "overdue" else None
