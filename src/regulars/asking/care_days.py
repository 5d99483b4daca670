"""The days of reminders: worked out of the one row that is held of each, and of what was said about them.

1. A day is open from `ahead_days` before it to `late_days` after it, as far as the row holds.
2. A word settles the day in whose turn it falls: from `ahead_days` before it up to that of the next day. So a word
   stays with its reminder where later news of the past moves that by some days.
3. Birthdays are told apart by their years alone, as words stand in the clear: a word settles what is in its year.
4. Done and skipped settle it for good. Moved makes it come back on the day named, and it is let go `late_days` after.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise

from msgspec import Struct

from regulars.projections.care.judge import CareVerdict
from regulars.projections.care.rules import CareRule
from regulars.projections.settled_reminders import SettledReminder

#: Two of what comes each year lie further apart than that; of the lunar calendar, too.
_YEAR = timedelta(days=400)


class Word(Struct, frozen=True):
    """What was said about a reminder, and when it was said to have been done."""

    said_at: int
    said: SettledReminder


class OpenDay(Struct, frozen=True):
    """A reminder that is not settled: its day, the day on which it is due, and the one by which a word names it."""

    day: date
    due: date
    named: date


def days_from(held: CareVerdict, begins: date, listed: Sequence[date], first: date, last: date) -> list[date]:
    """The days of a row between two, in order. It `begins` on a day; `listed` are those that come from elsewhere: of
    holidays and of birthdays.
    """
    match held.value:
        case "once":
            days: Iterable[date] = (begins,)
        case "every":
            days = _repeated(begins, held.step, first, last)
        case "yearly":
            days = (anniversary(begins, year) for year in range(max(first.year, begins.year + 1), last.year + 1))
        case _:
            days = listed
    return [day for day in days if first <= day <= last]


def _repeated(begins: date, step: int, first: date, last: date) -> Iterator[date]:
    passed = max(0, (first - begins).days) // step
    day = begins + timedelta(days=passed * step)
    while day <= last:
        yield day
        day += timedelta(days=step)


def anniversary(day: date, year: int) -> date:
    """A day in another year; February 29 is kept on the 28th where there is none."""
    if (day.month, day.day) == (2, 29) and not isleap(year):
        return date(year, 2, 28)
    return day.replace(year=year)


def open_days(
    rule: CareRule,
    held: CareVerdict,
    begins: date,
    listed: Sequence[date],
    words: Sequence[Word],
    first: date,
    last: date,
) -> Iterator[OpenDay]:
    """The days of a row between two that aren't settled, and those that were moved there from elsewhere."""
    ahead, late = timedelta(days=rule.ahead_days), timedelta(days=rule.late_days)
    moved = [date.fromisoformat(word.said.day) for word in words if word.said.moved_to is not None]
    # The day in whose turn a word falls may lie any time before it.
    earliest = date.min if moved else first - late - ahead
    days = days_from(held, begins, listed, earliest, max([last + ahead, *moved]) + _YEAR)
    for day, following in pairwise([*days, date.max]):
        if held.value == "birthday":
            named = day.replace(month=1, day=1)
            word = _word_on(words, named, named.replace(year=named.year + 1))
        else:
            named = day
            word = _word_on(words, day - ahead, following if following == date.max else following - ahead)
        due = day
        if word is not None:
            if word.said.moved_to is None:
                continue
            due = date.fromisoformat(word.said.moved_to)
        if first <= due <= last:
            yield OpenDay(day, due, named)


def _word_on(words: Iterable[Word], first: date, end: date) -> Word | None:
    """The last word on a day in [first, end)."""
    turn = (word for word in words if first <= date.fromisoformat(word.said.day) < end)
    return max(turn, key=lambda word: (word.said_at, word.said.day), default=None)
