"""Long work, each piece in a thread of its own beside the pages, which say how far it is.

1. A job has a subject: what it works on, such as "verify" or the id of a file. A subject has one job at a time.
2. At most AT_ONCE jobs work at once; whoever wants another is told to wait.
3. What came of a job is kept until its subject gets another one, or for KEPT after it ended.
4. A job that is to stop does so when it next says how far it is; what was recorded until then stays.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event, Lock, Thread
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace
from pydantic import ValidationError

from regulars.crm_domain.errors import RegularsError, StoreBusy
from regulars.crm_domain.explain_invalid import sentence
from regulars.session.clock import Clock
from regulars.web.console.headers import log_error
from regulars.web.console.words import N_

AT_ONCE = 2
KEPT = timedelta(hours=1)

_STOPPED = N_("Stopped.")
_UNFORESEEN = N_("Something went wrong here; what happened is in the log.")
_OTHERS = N_("Other work is still going on. Wait until it is done, or stop it.")
_SAME = N_("This is already going on.")

#: (done so far, in all or None where that isn't known)
Moved = Callable[[int, int | None], None]
State = Literal["working", "done", "failed", "stopped"]


class Stopped(Exception):
    """The job is to stop."""


class Job(Struct, frozen=True, kw_only=True):
    """How a job stands. `result` is what came of one that is done; `problem` a sentence on one that failed."""

    subject: str
    kind: str
    user: str
    began_at: datetime
    ended_at: datetime | None = None
    state: State = "working"
    done: int = 0
    total: int | None = None
    result: Any = None
    problem: str = ""


class _Running:
    """A job while it works: the thread's side of it."""

    def __init__(self, job: Job, clock: Clock) -> None:
        self._job = job
        self._clock = clock
        self._stop = Event()
        self._moved: tuple[int, int | None] = (0, None)
        self.thread: Thread | None = None

    @property
    def job(self) -> Job:
        return replace(self._job, done=self._moved[0], total=self._moved[1]) if self.is_working else self._job

    @property
    def is_working(self) -> bool:
        return self._job.state == "working"

    def stop(self) -> None:
        self._stop.set()

    def move(self, done: int, total: int | None) -> None:
        self._moved = (done, total)
        if self._stop.is_set():
            raise Stopped

    def work(self, work: Callable[[Moved], Any]) -> None:
        try:
            self._end(state="done", result=work(self.move))
        except Stopped:
            self._end(state="stopped", problem=_STOPPED)
        except ValidationError as error:
            self._end(state="failed", problem=sentence(error))
        except (RegularsError, ValueError) as error:
            self._end(state="failed", problem=str(error))
        except Exception as error:
            log_error(error, f"the job {self._job.kind}")
            self._end(state="failed", problem=_UNFORESEEN)

    def _end(self, **came_of_it: Any) -> None:
        done, total = self._moved
        self._job = replace(self._job, done=done, total=total, ended_at=self._clock(), **came_of_it)


class Jobs:
    """The jobs of one process that serves."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._running: dict[str, _Running] = {}
        self._lock = Lock()
        self._closed = False

    def begin(self, subject: str, kind: str, user: str, work: Callable[[Moved], Any]) -> None:
        """Begin a job. `work` is called with a function that it tells how far it is.

        Raises StoreBusy where its subject has one that works, where AT_ONCE others do, and at the end of the server.
        """
        running = _Running(Job(subject=subject, kind=kind, user=user, began_at=self._clock()), self._clock)
        with self._lock:
            self._sweep()
            former = self._running.get(subject)
            if former is not None and former.is_working:
                raise StoreBusy(_SAME)
            if self._closed or sum(each.is_working for each in self._running.values()) >= AT_ONCE:
                raise StoreBusy(_OTHERS)
            self._running[subject] = running
            running.thread = Thread(target=running.work, args=(work,), name=f"regulars-{kind}", daemon=True)
            running.thread.start()

    def find(self, subject: str) -> Job | None:
        """The job of a subject; None where it has none, or none any more."""
        with self._lock:
            self._sweep()
            running = self._running.get(subject)
        return None if running is None else running.job

    def stop(self, subject: str) -> None:
        """Let the job of a subject stop."""
        with self._lock:
            if subject in self._running:
                self._running[subject].stop()

    def close(self) -> None:
        """Stop all jobs and wait until they have, so that the store can be closed."""
        with self._lock:
            self._closed = True
            running = list(self._running.values())
        for each in running:
            each.stop()
        for each in running:
            if each.thread is not None:
                each.thread.join()

    def _sweep(self) -> None:
        over = self._clock() - KEPT
        for subject, each in list(self._running.items()):
            ended = each.job.ended_at
            if ended is not None and ended <= over:
                del self._running[subject]
