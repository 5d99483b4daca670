"""What goes on beside the pages while a store is served: jobs, files that were handed in, backups at their hour."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from msgspec import Struct

from regulars.crm import Regulars
from regulars.session.clock import Clock, system_clock
from regulars.web.console.handed_in import Files
from regulars.web.console.headers import log_error
from regulars.web.console.jobs import Jobs

#: So often it is looked what is due, in seconds.
EVERY = 30.0


class Background(Struct, frozen=True):
    """The jobs of a console, and the files that were handed in to it."""

    jobs: Jobs
    files: Files

    def close(self) -> None:
        """Stop the jobs, and delete the files."""
        self.jobs.close()
        self.files.close()


def standing_by(crm: Regulars, clock: Clock = system_clock) -> Background:
    """A background in which nothing is due by itself."""
    return Background(Jobs(clock), Files(clock, crm.files))


@contextmanager
def working(crm: Regulars, clock: Clock = system_clock) -> Iterator[Background]:
    """A background that looks every EVERY seconds what is due, until the end of the block."""
    beside, over = standing_by(crm, clock), Event()

    def look() -> None:
        while not over.wait(EVERY):
            look_once(crm, beside)

    thread = Thread(target=look, name="regulars-background", daemon=True)
    thread.start()
    try:
        yield beside
    finally:
        over.set()
        thread.join()
        beside.close()


def look_once(crm: Regulars, beside: Background) -> None:
    """Do what is due at this moment. What goes wrong is logged: the next time is another chance."""
    try:
        beside.files.sweep()
        if not crm.read_only:
            crm.backups.make_if_due(crm.ruleset.zone)
    except Exception as error:
        log_error(error, "the background")
