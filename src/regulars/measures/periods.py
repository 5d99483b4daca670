"""Months and weeks of the business's calendar, in its zone; a week begins on Monday (ISO 8601)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import islice, takewhile
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.crm_domain.instant import end_of_day
from regulars.session.instants import require_in_reach

By = Literal["month", "week"]

#: More than these make no table that anybody reads, and are refused.
MAX_PERIODS = 600

_MONTHS = 12


class Period(Struct, frozen=True):
    """A month or a week: its name, its first day and its last one."""

    name: str
    first: date
    last: date

    def end(self, zone: ZoneInfo) -> int:
        """Its last instant."""
        return end_of_day(self.last, zone)


def period_of(by: By, day: date) -> Period:
    """The month or week of a day, such as 2026-10 or 2026-W43."""
    if by == "week":
        first = day - timedelta(days=day.weekday())
        year, week, _ = day.isocalendar()
        return Period(f"{year}-W{week:02}", first, first + timedelta(days=6))
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return Period(f"{first:%Y-%m}", first, following - timedelta(days=1))


def periods_between(
    by: By, since: date | None, until: date | None, now: datetime, *, before: int = _MONTHS, after: int = 0
) -> tuple[Period, ...]:
    """The months or weeks from that of `since` to that of `until`; `before` and `after` that of `now`, unless given.

    `now` is in the business's zone. Raises ValueError for another word than month or week, for what is no day or out of
    reach, where `until` comes before `since`, and for more than 600.
    """
    if by not in get_args(By):
        raise ValueError(f'by is {" or ".join(get_args(By))}, not "{by}"')
    first = period_of(by, _counted(by, now.date(), -before)) if since is None else period_of(by, _day(since, now))
    last = period_of(by, _counted(by, now.date(), after)) if until is None else period_of(by, _day(until, now))
    if last.first < first.first and until is None:
        raise ValueError(f"it goes up to {last.name} unless until is given, and since is {first.name}, which is later")
    if last.first < first.first and since is None:
        raise ValueError(f"it begins at {first.name} unless since is given, and until is {last.name}, which is earlier")
    if last.first < first.first:
        raise ValueError(f"until comes before since: expected {first.name} or later, found {last.name}")
    found = tuple(takewhile(lambda each: each.first <= last.first, islice(_from(by, first), MAX_PERIODS + 1)))
    if len(found) > MAX_PERIODS:
        raise ValueError(f"at most {MAX_PERIODS} {by}s are asked for at once; {first.name} to {last.name} are more")
    return found


def _from(by: By, period: Period) -> Iterator[Period]:
    while True:
        yield period
        period = period_of(by, period.last + timedelta(days=1))


def _counted(by: By, day: date, count: int) -> date:
    """A day so many months or weeks later, or earlier: of a month the first one."""
    if by == "week":
        return day + timedelta(weeks=count)
    year, month = divmod(day.year * _MONTHS + day.month - 1 + count, _MONTHS)
    return date(year, month + 1, 1)


def _day(moment: date, now: datetime) -> date:
    require_in_reach(moment)
    return moment.astimezone(now.tzinfo).date() if isinstance(moment, datetime) else moment
