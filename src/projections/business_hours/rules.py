"""The tables [[business.hours]] and [[business.holidays]]: when the business is open, each from a day on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from regulars.projections.parts import Part, canonical_json, require_unique

#: A business that is closed for longer is refused: clocks would stand still for good.
MAX_CLOSED_DAYS = 400

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_YEARS = range(1900, 3000)
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]|24(?=:00)):([0-5]\d)")
_DAY_MINUTES = 24 * 60


def _day(value: object) -> date:
    """A day, as a date of TOML or in quotes. Raises ValueError for anything else."""
    found = value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        try:
            found = date.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"it is no day: {error}") from None
    if not isinstance(found, date) or isinstance(found, datetime):
        raise ValueError("expected a day, such as 2027-01-01")
    if found.year not in _YEARS:
        raise ValueError(f"expected a year from {_YEARS[0]} to {_YEARS[-1]}")
    return found


def _span(value: object) -> str:
    """A span of a day as text. Raises ValueError for anything else."""
    if not isinstance(value, str) or not _SPAN.fullmatch(value):
        raise ValueError('expected hours such as "09:00-17:00"')
    begin, end = value.split("-")
    if begin == end:
        raise ValueError('it begins and ends at one time; a whole day is "00:00-24:00"')
    return value


def minutes_of(span: str) -> tuple[int, int]:
    """From which to which minute after midnight a span lasts; what crosses midnight ends beyond 24 h."""
    begin, end = (int(each[:2]) * 60 + int(each[3:]) for each in span.split("-"))
    return begin, end if begin < end else end + _DAY_MINUTES


def _in_order(spans: tuple[str, ...]) -> tuple[str, ...]:
    for before, after in pairwise(spans):
        if minutes_of(after)[0] < minutes_of(before)[1]:
            raise ValueError(f'"{after}" begins before "{before}" ends')
    return spans


Day = Annotated[date, BeforeValidator(_day), PlainSerializer(date.isoformat)]
Span = Annotated[str, BeforeValidator(_span)]
Spans = Annotated[tuple[Span, ...], Field(max_length=48)]


class Hours(Part):
    """When the business is open from a day on, until the next such table; before the first it is open round the clock.

    A weekday that isn't there is closed.
    """

    from_: Day = Field(alias="from", description="From this day on, in the business's zone.")
    holidays: tuple[str, ...] = Field(
        default=(), max_length=20, description='Whose holidays are kept: regions such as "DE-BY", listed for each year.'
    )
    monday: Spans = Field(default=(), description='Open on Mondays: spans such as "09:00-12:00", in local time.')
    tuesday: Spans = Field(default=(), description="Open on Tuesdays.")
    wednesday: Spans = Field(default=(), description="Open on Wednesdays.")
    thursday: Spans = Field(default=(), description="Open on Thursdays.")
    friday: Spans = Field(default=(), description='Open on Fridays; "22:00-06:00" ends on Saturday.')
    saturday: Spans = Field(default=(), description="Open on Saturdays.")
    sunday: Spans = Field(default=(), description="Open on Sundays.")

    @property
    def week(self) -> tuple[tuple[str, ...], ...]:
        """The spans of Monday to Sunday."""
        return tuple(getattr(self, name) for name in WEEKDAYS)

    @model_validator(mode="after")
    def _no_overlap(self) -> Hours:
        for name, spans in zip(WEEKDAYS, self.week, strict=True):
            try:
                _in_order(spans)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        require_unique("region", list(self.holidays))
        return self


class Holiday(Part):
    """A day that is not as its weekday: closed, or open for some hours."""

    day: Day = Field(description="The day.")
    name: str | None = Field(default=None, max_length=200, description="What it is called.")
    open: Spans = Field(default=(), description='Hours of that day, such as "09:00-12:00"; it is closed without.')

    @model_validator(mode="after")
    def _no_overlap(self) -> Holiday:
        _in_order(self.open)
        return self


class Holidays(Part):
    """The holidays of a region in one year, or without a region the business's own days off, which come first."""

    region: str | None = Field(
        default=None, min_length=1, max_length=64, description='Whose holidays they are, such as "DE-BY".'
    )
    year: Annotated[int, Field(strict=True, ge=_YEARS[0], le=_YEARS[-1])] | None = Field(
        default=None, description="The year of which all holidays of the region are listed."
    )
    days: Annotated[tuple[Holiday, ...], Field(max_length=1_000)] = Field(description="The days.")

    @model_validator(mode="after")
    def _of_one_year(self) -> Holidays:
        if (self.region is None) != (self.year is None):
            raise ValueError("a region's holidays have a year, and the business's own days off have neither")
        for each in self.days:
            if self.year is not None and each.day.year != self.year:
                raise ValueError(f"{each.day} is not in {self.year}")
        require_unique("day", [str(each.day) for each in self.days])
        return self


EveryHours = Annotated[tuple[Hours, ...], Field(min_length=1, max_length=100)]
EveryHolidays = Annotated[tuple[Holidays, ...], Field(max_length=1_000)]


def require_opening(hours: Sequence[Hours], lists: Sequence[Holidays]) -> None:
    """Raise ValueError for hours out of order, for lists that contradict each other, and where no clock would run."""
    for before, after in pairwise(hours):
        if after.from_ <= before.from_:
            raise ValueError(f'hours must be in order of "from", but {after.from_} follows {before.from_}')
    require_unique("list of holidays", [f"{each.region} {each.year}" for each in lists if each.region is not None])
    own = [str(each.day) for listed in lists if listed.region is None for each in listed.days]
    require_unique("day off", own)
    closed = _closed_since(hours, lists)
    if closed is not None:
        raise ValueError(f"from {closed} on it is closed for more than {MAX_CLOSED_DAYS} days, and no clock runs")


def canonical_opening(hours: EveryHours, lists: EveryHolidays) -> str:
    """The one JSON text of hours and holidays."""
    tables = {"hours": hours, "holidays": lists}
    return canonical_json({name: [each.model_dump(by_alias=True) for each in table] for name, table in tables.items()})


def special_days(hours: Hours, lists: Sequence[Holidays]) -> Mapping[date, tuple[str, ...]]:
    """The days that are not as their weekday while some hours are in force; the business's own come first."""
    kept = sorted((each for each in lists if each.region is None or each.region in hours.holidays), key=_own_last)
    return {each.day: each.open for listed in kept for each in listed.days}


def _own_last(listed: Holidays) -> bool:
    return listed.region is None


def _closed_since(hours: Sequence[Hours], lists: Sequence[Holidays]) -> date | None:
    """Since which day it is closed for too long, if it ever is."""
    closed_since: date | None = None
    for day, is_open in _days(hours, lists):
        if is_open:
            closed_since = None
        elif closed_since is None:
            closed_since = day
        elif (day - closed_since).days >= MAX_CLOSED_DAYS:
            return closed_since
    return None


def _days(hours: Sequence[Hours], lists: Sequence[Holidays]) -> Iterator[tuple[date, bool]]:
    """Each day from the first hours on, and whether any hours begin on it, until nothing but the last week counts."""
    for place, each in enumerate(hours):
        special = special_days(each, lists)
        last = max([each.from_, *special]) + timedelta(days=MAX_CLOSED_DAYS + 7)
        end = hours[place + 1].from_ if place + 1 < len(hours) else last
        week = each.week
        for ordinal in range(each.from_.toordinal(), end.toordinal()):
            day = date.fromordinal(ordinal)
            yield day, bool(special.get(day, week[day.weekday()]))
