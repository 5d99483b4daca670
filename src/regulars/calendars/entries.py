"""What stands in a calendar: plain values, whatever they come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class CalendarEntries:
    """The entries of a calendar, in no order; the zone in which times are told; and why some may be missing, a sentence
    for each reason.
    """

    entries: tuple[CalendarEntry, ...]
    zone: str
    missing: tuple[str, ...]

    def __iter__(self) -> Iterator[CalendarEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """Something on a whole day, or at a time in any zone, `until` another.

    `uid` follows from what it is about and never from when it was written, so that a calendar which reads the file
    again changes the entry that it has. `said_at` is when it came to be so, which stands there as its stamp.
    """

    uid: str
    at: date | datetime
    title: str
    said_at: datetime
    details: str = ""
    until: datetime | None = None
