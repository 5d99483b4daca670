"""Birthdays: a day of the solar or of the Chinese lunar calendar, with its year or without.

Written as ISO 8601 writes a day, `1990-12-10`; without a year as vCards do, `--12-10` (RFC 6350, 4.3.1); of the lunar
calendar behind its name, `lunar:1990-08-15` and `lunar:--08-15`. A year in two digits, `60-12-10`, is the latest in
which the day lies in the past.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BeforeValidator

CalendarName = Literal["solar", "lunar"]

EXPECTED = "a birthday is a day such as 1990-12-10, --12-10 without a year, or lunar:1990-08-15 of the lunar calendar"

_FORM = re.compile(r"(lunar:)?(?:(\d{4}|\d\d)-|--)(\d\d)-?(\d\d)", re.ASCII)
_BASIC = re.compile(r"\d{8}", re.ASCII)
_LEAP_YEAR = 2000  # has all days that any year has
_LUNAR_MONTHS, _LUNAR_DAYS = 12, 30
_CENTURY = 100


class Birthday(Struct, frozen=True):
    """A birthday. `year` is None where it isn't known, and below 100 where its century isn't."""

    month: int
    day: int
    year: int | None = None
    calendar: CalendarName = "solar"

    def __str__(self) -> str:
        year = "-" if self.year is None else f"{self.year:02}" if self.year < _CENTURY else f"{self.year:04}"
        return f"{'lunar:' if self.calendar == 'lunar' else ''}{year}-{self.month:02}-{self.day:02}"

    @property
    def returns_on(self) -> str:
        """The day of each year on which it returns, by its calendar, such as `solar:12-10`."""
        return f"{self.calendar}:{self.month:02}-{self.day:02}"

    def numbers(self) -> tuple[int, int, int]:
        """Its year, 0 where that isn't known, month and day."""
        return self.year or 0, self.month, self.day


def parse_birthday(text: str) -> Birthday:
    """The birthday that a text is. Raises ValueError for what is none, and for a day that no year has."""
    text = text.strip()
    if _BASIC.fullmatch(text):
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(EXPECTED)
    year = None if found[2] is None else int(found[2])
    born = Birthday(int(found[3]), int(found[4]), year, "lunar" if found[1] else "solar")
    if born.calendar == "lunar":
        exists = 1 <= born.month <= _LUNAR_MONTHS and 1 <= born.day <= _LUNAR_DAYS
    else:
        exists = _is_day(_LEAP_YEAR if year is None or year < _CENTURY else year, born.month, born.day)
    if not exists or (found[2] is not None and len(found[2]) > 2 and (year or 0) < _CENTURY):
        raise ValueError(f"there is no such day; {EXPECTED}")
    return born


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def known_by(born: Birthday, today: date) -> Birthday:
    """A birthday as it is told on a day: with its century, where that was left out. Raises ValueError for one that lies
    in the future.

    Of the lunar calendar it is compared by its numbers: a lunar day is always later than the solar one of the same.
    """
    now = (today.year, today.month, today.day)
    if born.year is not None and born.year < _CENTURY:
        year = today.year - today.year % _CENTURY + born.year
        while (year, born.month, born.day) > now or not _exists(born, year):
            year -= _CENTURY
        return replace(born, year=year)
    if born.numbers() > now:
        raise ValueError("the birthday lies in the future")
    return born


def _exists(born: Birthday, year: int) -> bool:
    return born.calendar == "lunar" or _is_day(year, born.month, born.day)


def found_by(text: str) -> str:
    """By what a birthday is looked up: the day of each year on which it returns; what is none, by itself."""
    try:
        return parse_birthday(text).returns_on
    except ValueError:
        return text


def days_of_year(month: int, day: int, *, has_leap_day: bool) -> tuple[str, ...]:
    """The solar birthdays that return on a day of a year: in one without February 29, that one on the 28th."""
    leap_day = (month, day) == (2, 28) and not has_leap_day
    return (f"solar:{month:02}-{day:02}", *(("solar:02-29",) if leap_day else ()))


def lunar_days(month: int, day: int, *, last: int) -> tuple[str, ...]:
    """The lunar birthdays that return on a day of a lunar month whose `last` day this is: a 30th that it lacks falls on
    its 29th.
    """
    lacks_thirtieth = day == last == _LUNAR_DAYS - 1
    return (f"lunar:{month:02}-{day:02}", *((f"lunar:{month:02}-{_LUNAR_DAYS}",) if lacks_thirtieth else ()))


def _parse(value: object) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if not isinstance(value, str):
        raise ValueError(EXPECTED)
    return str(parse_birthday(value))


#: A birthday that a command takes: text, or a date for a solar one with its year.
BirthdayText = Annotated[date | str, BeforeValidator(_parse)]
