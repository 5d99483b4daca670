"""A kind of line: how it is found in read models, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.adapters.read_models.due.lines import DueRow
from regulars.adapters.read_models.due.search import DueRows, Search
from regulars.adapters.store.transaction import Transaction
from regulars.crm_domain.instant import after_day, to_datetime
from regulars.session.session import Session
from regulars.session.viewpoint import Viewpoint


class Saying(Struct, frozen=True):
    """What a line is said with: how its customer is typed in a command, the zone and instant in question, and the text
    of what it is about, None where nobody asked for that or it has none.
    """

    who: str | None
    zone: ZoneInfo
    at: int
    text: str | None = None

    def day(self, instant: int) -> str:
        """The day on which something is due, or happened."""
        return day_of(instant, self.zone).isoformat()

    def minute(self, instant: int) -> str:
        """The minute in which something is due; just the day for its very end."""
        due = due_of(instant, self.zone)
        return f"{due:%Y-%m-%d %H:%M}" if isinstance(due, datetime) else due.isoformat()


#: Gives why a line is there, as a sentence, and the command line that settles it.
Say = Callable[[DueRow, Saying], tuple[str, str]]


class Snapshot(Struct, frozen=True):
    """The one snapshot that all kinds are found in, by which rules, and where lines are looked for in it."""

    session: Session
    tx: Transaction
    viewpoint: Viewpoint
    search: Search

    @property
    def zone(self) -> ZoneInfo:
        """The business's zone."""
        return self.viewpoint.rules.zone


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of line. `reads` are the projections that it is selected from. `texts` reads what the lines that are
    shown are about, by their keys; it may be personal.
    """

    name: str
    title: str
    reads: tuple[str, ...]
    find: Callable[[Snapshot], DueRows]
    say: Say
    texts: Callable[[Session, Transaction, Sequence[str]], Mapping[str, str | None]] | None = None


def day_of(instant: int, zone: ZoneInfo) -> date:
    """The day on which something is due: at midnight it is the one that ends."""
    return to_datetime(instant - 1).astimezone(zone).date()


def bounds_of(instant: int, zone: ZoneInfo) -> tuple[int, int]:
    """The midnights between which that day lies; the second belongs to it."""
    day = day_of(instant, zone)
    return after_day(day - timedelta(days=1), zone), after_day(day, zone)


def due_of(instant: int, zone: ZoneInfo) -> datetime | date:
    """When something is due, as people say it: a day for the end of one, else the instant."""
    day = day_of(instant, zone)
    if instant == after_day(day, zone):
        return day
    return to_datetime(instant).astimezone(zone)
