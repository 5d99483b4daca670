"""Progress bars, on stderr where it is a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from regulars.adapters.progress import Progress as OnProgress
from regulars.cli import render

PATIENCE = 1.0


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Progress bars on stderr, or none where it isn't a terminal."""
    console = render.console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[share]}"),
        TextColumn("{task.fields[count]}"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield progress


class Bar:
    """One bar, shown from its first move on, with what has been counted and how many of them a second.

    With `patience` it is only shown once so many seconds have passed since it was made.
    """

    def __init__(self, progress: Progress, description: str, counted: str, *, patience: float = 0.0) -> None:
        self._progress = progress
        self._description = description.ljust(10)
        self._counted = counted
        self._patience = patience
        self._task: TaskID | None = None
        if patience:
            self._task = progress.add_task(self._description, total=None, share="", count="", visible=False)

    def move(self, done: int, total: int | None, count: int) -> None:
        """Draw how far it is: `done` of `total`, which may be unknown."""
        if self._task is None:
            self._task = self._progress.add_task(self._description, total=total, share="", count="")
        elapsed = self._progress.tasks[self._task].elapsed or 0.0
        rate = f", {count / elapsed:,.0f}/s" if elapsed else ""
        self._progress.update(
            self._task,
            completed=done,
            total=total,
            share="" if total is None else f"{done / total if total else 1:>4.0%}",
            count=f"{count:,} {self._counted}{rate}",
            visible=elapsed >= self._patience,
        )


@contextmanager
def waiting(description: str, *, if_stopped: str, counted: str = "events") -> Iterator[OnProgress]:
    """A progress bar that takes (events done, events there are), or of what else is `counted`; Ctrl-C prints
    `if_stopped`.
    """
    with _patient_bar(description, counted, if_stopped) as bar:
        yield lambda done, total: bar.move(done, total, done)


@contextmanager
def counting(description: str, *, if_stopped: str, counted: str) -> Iterator[Callable[[int], None]]:
    """The same for what is `counted` where nobody knows how many there are; it takes how many were done."""
    with _patient_bar(description, counted, if_stopped) as bar:
        yield lambda done: bar.move(0, None, done)


@contextmanager
def _patient_bar(description: str, counted: str, if_stopped: str) -> Iterator[Bar]:
    with shown_progress() as progress:
        try:
            yield Bar(progress, description, counted, patience=PATIENCE)
        except KeyboardInterrupt:
            progress.console.print(if_stopped)
            raise
