"""When a task is due: on a day or at a time, once or again and again, and which of its days is open.

What repeats is one row: its first day, a step, and the last day it may fall on. Each of its days is worked out from the
first, so that a month after 31 January is 28 February, and two months after it 31 March.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

Unit = Literal["day", "week", "month", "month_end"]
Status = Literal["open", "done", "dropped"]

#: No task is due later: beyond it, a zone may lead out of the calendar.
LAST_DAY = date(9998, 12, 31)
_DAYS = {"day": 1, "week": 7}


class Recurrence(Struct, frozen=True, kw_only=True, gc=False):
    """Again every so many days, weeks or months, on no day after `ends`; by "month_end", on the last day of a month.

    In a month that lacks the day of the first, it falls on the last.
    """

    every: int
    unit: Unit
    ends: date | None = None


class Schedule(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Where a task stands, by what has happened to it: what is known of it but its text.

    It is due on a `day` or at an instant `due_at`, if at all; if it `repeats`, that is the first day, and the open one
    has a `place` among them, from 0. `snoozed_day` or `snoozed_at` stand in for when the open one is due.
    `settled_on` is the day on which it was completed last, `settled_place` what that settled and reopening takes back.
    """

    status: Status = "open"
    day: date | None = None
    due_at: int | None = None
    repeats: Recurrence | None = None
    place: int = 0
    snoozed_day: date | None = None
    snoozed_at: int | None = None
    settled_on: date | None = None
    settled_place: int | None = None
    owner: str | None = None
    ticket_id: str | None = None
    opportunity_id: str | None = None

    @property
    def open_day(self) -> date | None:
        """The day of the open occurrence, whether or not that was snoozed; None for what is due on no day."""
        return self.day if self.day is None or self.repeats is None else day_at(self.day, self.repeats, self.place)

    @property
    def due(self) -> tuple[date | None, int | None]:
        """The day on which the open occurrence is due, or the instant at which it is; or neither."""
        if self.snoozed_day is not None or self.snoozed_at is not None:
            return self.snoozed_day, self.snoozed_at
        return self.open_day, self.due_at


def day_at(first: date, step: Recurrence, place: int) -> date | None:
    """The day with a place among those of what repeats, from 0; None beyond the last one."""
    found = first if place <= 0 else _stepped(first, step, place)
    is_beyond = found is None or (place > 0 and step.ends is not None and found > step.ends)
    return None if is_beyond else found


def places_until(first: date, step: Recurrence, day: date) -> int:
    """How many days of what repeats lie on a day or before it, if there were no last one: the place of the next."""
    if day < first:
        return 0
    if step.every < 1:
        return 1
    if step.unit in _DAYS:
        return (day - first).days // (step.every * _DAYS[step.unit]) + 1
    place = ((day.year - first.year) * 12 + day.month - first.month) // step.every
    found = _stepped(first, step, place) if place else first
    return place + (found is not None and found <= day)


def _stepped(first: date, step: Recurrence, place: int) -> date | None:
    count = step.every * place
    if count < 1:
        return None
    if step.unit in _DAYS:
        ordinal = first.toordinal() + count * _DAYS[step.unit]
        return date.fromordinal(ordinal) if ordinal <= LAST_DAY.toordinal() else None
    year, month = divmod(first.year * 12 + first.month - 1 + count, 12)
    if year > LAST_DAY.year:
        return None
    last = monthrange(year, month + 1)[1]
    return date(year, month + 1, last if step.unit == "month_end" else min(first.day, last))


def completed(schedule: Schedule, on: date) -> Schedule:
    """A task that was open, after somebody completed it on a day: done, or open again on the first day after both that
    day and the one that was open.
    """
    if schedule.status != "open":
        return schedule
    settled = replace(schedule, settled_on=on, settled_place=schedule.place)
    if schedule.day is None or schedule.repeats is None:
        return replace(settled, status="done")
    following = max(schedule.place + 1, places_until(schedule.day, schedule.repeats, on))
    if day_at(schedule.day, schedule.repeats, following) is None:
        return replace(settled, status="done")
    return replace(settled, place=following, snoozed_day=None, snoozed_at=None)


def reopened(schedule: Schedule) -> Schedule:
    """A task that is open again: it was done or dropped, or is taken back to the occurrence that was settled last."""
    if schedule.status == "dropped":
        return replace(schedule, status="open", settled_place=None)  # what was settled before stays so
    if schedule.settled_place is None:
        return schedule
    back = replace(schedule, status="open", settled_on=None, settled_place=None)
    if schedule.place == schedule.settled_place:
        return back
    return replace(back, place=schedule.settled_place, snoozed_day=None, snoozed_at=None)


def upcoming(first: date, step: Recurrence, after: date, until: date) -> list[date]:
    """The days of what repeats that lie after a day, and not after another."""
    found: list[date] = []
    place = places_until(first, step, after)
    while (day := day_at(first, step, place)) is not None and after < day <= until:
        found.append(day)
        place += 1
    return found
