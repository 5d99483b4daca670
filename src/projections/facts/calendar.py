"""When a business is open: how much open time lies between two instants, and when so much of it will be over.

A span of a day is written in local wall time. It begins at the first instant at which the clock on the wall shows its
beginning or later, and ends at the first at which it shows its end or later; what counts is the time that really passes
between them, so an hour that the clock shows twice is two hours, and one that it skips is none. A span belongs to the
day on which it begins, so what crosses midnight follows the day before. Before the first week, and where there is none,
the business is open round the clock.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import accumulate
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.crm_domain.instant import DAY, END_OF_TIME, FOREVER, MICROSECOND, SECOND, to_datetime

#: Minutes of a day, from 00:00, in local wall time; what ends after midnight has an end beyond 24 h.
Span = tuple[int, int]

#: The calendar of the Gregorian years repeats after 400 of them, which are 773 times 189 days.
_STRETCH = 189 * DAY
_CYCLE = 773
#: From then on all zones change their clocks by a rule of months and weekdays.
_BY_RULE = date(2100, 1, 1)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_LAST_DAY = date.max.toordinal() - 2


class Week(Struct, frozen=True, kw_only=True):
    """What holds from a day on: the spans of Monday to Sunday, and of the days that are not as their weekday.

    `listed` are the years for which the holidays are known, None where none are kept.
    """

    since: date
    weekdays: tuple[tuple[Span, ...], ...]
    special: Mapping[date, tuple[Span, ...]]
    listed: frozenset[int] | None = None

    def spans_of(self, day: date) -> tuple[Span, ...]:
        """The spans that begin on a day."""
        special = self.special.get(day)
        return self.weekdays[day.weekday()] if special is None else special


class _Stretch(Struct, frozen=True):
    """The open spans of some days in order, what the meter shows where each begins, and the open time of all. The first
    is an empty one, where the stretch begins.
    """

    begins: tuple[int, ...]
    ends: tuple[int, ...]
    shown: tuple[int, ...]
    total: int


class Calendar(Struct, frozen=True, kw_only=True, dict=True):
    """The weeks of a business in its zone, in order of their days. See `calendar_of`.

    Open time is read off as on a meter that shows 0 at `begins`, the beginning of the first week. The meter is drawn
    stretch by stretch where somebody asks; where nothing but the rules of years counts, it repeats.
    """

    zone: ZoneInfo
    weeks: tuple[Week, ...]
    begins: int

    def between(self, since: int, until: int) -> int:
        """Microseconds of open time in [since, until)."""
        return until - since if until <= self.begins else self._read(until) - self._read(since)

    def after(self, since: int, microseconds: int) -> int | None:
        """The first instant, not before `since`, at which so much open time is over; None beyond the end of time."""
        found = since + microseconds
        if microseconds > 0 and found > self.begins:
            found = self._shows(self._read(since) + microseconds, max(0, since - self.begins) // _STRETCH)
        return found if found <= END_OF_TIME else None

    def unlisted(self, since: int, until: int) -> tuple[int, ...]:
        """The years in [since, until] whose holidays are kept but not known: days off count as working days there."""
        if until < self.begins:
            return ()
        first, last = (to_datetime(max(at, self.begins)).astimezone(self.zone).date() for at in (since, until))
        found: set[int] = set()
        for week, end in zip(self.weeks, [*(each.since for each in self.weeks[1:]), date.max], strict=True):
            if week.listed is not None and week.since <= last and end > first:
                days = max(first, week.since), min(last, end - timedelta(days=1))
                found.update(set(range(days[0].year, days[1].year + 1)) - week.listed)
        return tuple(sorted(found))

    # ------------------------------------------------------------------------------------------------------- the meter

    def _read(self, at: int) -> int:
        if at <= self.begins:
            return at - self.begins
        place = (at - self.begins) // _STRETCH
        stretch = self._stretches.get(place) or self._stretch(place)
        span = bisect_right(stretch.begins, at) - 1
        end = stretch.ends[span]
        return stretch.shown[span] + (at if at < end else end) - stretch.begins[span]

    def _shows(self, shown: int, place: int) -> int:
        """The first instant at which the meter shows so much, from a stretch on in which it shows less."""
        while self._meter(place + 1) < shown:
            place += 1
            if self.begins + place * _STRETCH > END_OF_TIME:
                return FOREVER
        stretch = self._stretch(place)
        span = bisect_right(stretch.shown, shown - 1) - 1
        return stretch.begins[span] + shown - stretch.shown[span]

    def _meter(self, place: int) -> int:
        """What the meter shows where a stretch begins."""
        shown = self._shown
        for each in range(len(shown), place + 1):
            shown[each] = shown[each - 1] + self._stretch(self._alike(each - 1)).total
        return shown[place]

    def _stretch(self, place: int) -> _Stretch:
        found = self._stretches.get(place)
        if found is None:
            found = self._stretches[place] = self._draw(place, self._meter(place))
        return found

    def _alike(self, place: int) -> int:
        """The first stretch that is as long as another: where years go by the rule, 400 years before."""
        return place if place < self._by_rule else self._by_rule + (place - self._by_rule) % _CYCLE

    # What was drawn is kept. Whoever draws the same at the same time draws the same, so threads need no lock.

    @cached_property
    def _stretches(self) -> dict[int, _Stretch]:
        return {}

    @cached_property
    def _shown(self) -> dict[int, int]:
        return {0: 0}

    @cached_property
    def _by_rule(self) -> int:
        named = [day for week in self.weeks for day in (week.since, *week.special)]
        last = max([_BY_RULE, *named]) + timedelta(days=2)
        return (_first_at(last, 0, self.zone) - self.begins) // _STRETCH + 1

    def _draw(self, place: int, shows: int) -> _Stretch:
        first = self.begins + place * _STRETCH
        end = first + _STRETCH
        begins, ends = [first], [first]
        for begin, stop in self._spans(to_datetime(first).date(), _STRETCH // DAY):
            begin, stop = max(begin, first), min(stop, end)
            if begin <= ends[-1]:
                ends[-1] = max(ends[-1], stop)
            elif begin < stop:
                begins.append(begin)
                ends.append(stop)
        lengths = (stop - begin for begin, stop in zip(begins, ends, strict=True))
        shown = tuple(accumulate(lengths, initial=shows))
        return _Stretch(tuple(begins), tuple(ends), shown[:-1], shown[-1] - shows)

    def _spans(self, first: date, days: int) -> Iterator[tuple[int, int]]:
        """The spans of some days as instants, in order of their beginnings, with those of the days beside."""
        number = first.toordinal()
        for ordinal in range(number - 2, min(number + days + 2, _LAST_DAY)):
            day = date.fromordinal(ordinal)
            week = next((each for each in reversed(self.weeks) if each.since <= day), None)
            for begin, end in () if week is None else week.spans_of(day):
                yield _first_at(day, begin, self.zone), _first_at(day, end, self.zone)


def calendar_of(zone: ZoneInfo, weeks: tuple[Week, ...] = ()) -> Calendar:
    """The calendar of weeks in order of their days; round the clock where there are none."""
    return Calendar(zone=zone, weeks=weeks, begins=_first_at(weeks[0].since, 0, zone) if weeks else FOREVER)


def _first_at(day: date, minutes: int, zone: ZoneInfo) -> int:
    """The first instant at which the clock on the wall shows so many minutes after midnight of a day, or later."""
    local = datetime.combine(day, time()) + timedelta(minutes=minutes)
    shown = (day.toordinal() - _EPOCH_DAY) * DAY + minutes * 60 * SECOND
    first, second = (shown - _offset(each, zone) for each in (local, local.replace(fold=1)))
    if first <= second:
        return first
    # The clock skips this time, somewhere between what it would be before and after that.
    while first - second > SECOND:
        middle = (first + second) // 2
        if middle + _offset(to_datetime(middle).astimezone(zone), zone) >= shown:
            first = middle
        else:
            second = middle
    return first // SECOND * SECOND


def _offset(moment: datetime, zone: ZoneInfo) -> int:
    """By how many microseconds the clock on the wall is ahead of UTC."""
    offset = zone.utcoffset(moment)
    assert offset is not None
    return offset // MICROSECOND
