"""Open time is what the clock on the wall says, minute by minute, and adds up."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from regulars.crm_domain.instant import DAY, END_OF_TIME, SECOND, to_datetime, to_instant
from regulars.projections.facts.calendar import Calendar, Span, Week, calendar_of

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

#: With days on which clocks change there: at night, at midnight, by half an hour, and by skipping a whole day.
ZONES = {
    "Europe/Berlin": (date(2026, 3, 29), date(2026, 10, 25)),
    "Africa/Cairo": (date(2026, 4, 24), date(2026, 10, 30)),
    "America/Havana": (date(2026, 3, 8), date(2026, 11, 1)),
    "Australia/Lord_Howe": (date(2026, 4, 5), date(2026, 10, 4)),
    "Pacific/Apia": (date(2011, 12, 30), date(2011, 9, 24)),
    "Asia/Kathmandu": (date(2026, 1, 1),),
}

minutes = st.integers(0, 24 * 12 - 1).map(lambda fives: 5 * fives)


@st.composite
def spans(draw: st.DrawFn) -> tuple[Span, ...]:
    """Up to three spans of a day, the last of which may cross midnight."""
    marks = sorted(draw(st.lists(minutes, min_size=0, max_size=6, unique=True)))
    found = [(marks[place], marks[place + 1]) for place in range(0, len(marks) - 1, 2)]
    if found and draw(st.booleans()):
        found[-1] = found[-1][0], 24 * 60 + draw(st.integers(0, found[-1][0]))
    return tuple(found)


@st.composite
def calendars(draw: st.DrawFn) -> tuple[Calendar, date]:
    """A calendar of one or two weeks with days off, and a day near to which clocks change."""
    name = draw(st.sampled_from(sorted(ZONES)))
    near = draw(st.sampled_from(ZONES[name]))
    since = sorted({near + timedelta(days=draw(st.integers(-400, 3))) for _ in range(draw(st.integers(1, 2)))})
    weeks = []
    for day in since:
        weekdays = [draw(spans()) for _ in range(7)]
        weekdays[draw(st.integers(0, 6))] = (draw(st.sampled_from([(540, 1_020), (0, 1_440), (1_320, 1_800)])),)
        special = {
            near + timedelta(days=draw(st.integers(-4, 4))): draw(spans()) for _ in range(draw(st.integers(0, 2)))
        }
        weeks.append(Week(since=day, weekdays=tuple(weekdays), special=special))
    return calendar_of(ZoneInfo(name), tuple(weeks)), near


def local_midnight(day: date, zone: ZoneInfo) -> int:
    return to_instant(datetime(day.year, day.month, day.day, tzinfo=zone)) // MINUTE * MINUTE


def open_minutes(calendar: Calendar, since: int, until: int) -> list[bool]:
    """Whether each minute in [since, until) is open, from what the clock on the wall showed furthest by then."""
    found, furthest = [], datetime(1, 1, 1)  # noqa: DTZ001 - on the wall
    for at in range(since - 2 * DAY, until, MINUTE):
        furthest = max(furthest, to_datetime(at).astimezone(calendar.zone).replace(tzinfo=None))
        if at >= since:
            found.append(is_open(calendar, furthest))
    return found


def is_open(calendar: Calendar, shown: datetime) -> bool:
    today = shown.date()
    if today < calendar.weeks[0].since:
        return True
    for day in (today - timedelta(days=1), today):
        week = [each for each in calendar.weeks if each.since <= day][-1:]
        for each in week:
            into = (shown - datetime(day.year, day.month, day.day)) // timedelta(minutes=1)  # noqa: DTZ001 - on the wall
            if any(begin <= into < end for begin, end in each.spans_of(day)):
                return True
    return False


@settings(max_examples=60)
@given(calendars(), st.integers(-5 * 1_440, 2 * 1_440), st.integers(0, 4 * 1_440))
def test_open_time_is_what_the_clock_on_the_wall_shows_minute_by_minute(
    drawn: tuple[Calendar, date], offset: int, length: int
) -> None:
    calendar, near = drawn
    since = local_midnight(near, calendar.zone) + offset * MINUTE
    shown = open_minutes(calendar, since, since + length * MINUTE)
    assert calendar.between(since, since + length * MINUTE) == sum(shown) * MINUTE
    # From any instant on, so much open time is over at the end of the minute that completes it.
    if any(shown):
        last = max(place for place, each in enumerate(shown) if each)
        assert calendar.after(since, sum(shown) * MINUTE) == since + (last + 1) * MINUTE


instants = st.integers(-500 * DAY, 900 * DAY)


@given(calendars(), st.lists(instants, min_size=3, max_size=3).map(sorted))
def test_open_time_adds_up(drawn: tuple[Calendar, date], offsets: list[int]) -> None:
    calendar, near = drawn
    first, second, third = (local_midnight(near, calendar.zone) + each for each in offsets)
    assert calendar.between(first, second) + calendar.between(second, third) == calendar.between(first, third)
    assert 0 <= calendar.between(first, second) <= second - first


@given(calendars(), instants, st.integers(1, 2_000 * HOUR))
def test_when_so_much_open_time_is_over_is_the_first_such_instant(
    drawn: tuple[Calendar, date], offset: int, open_time: int
) -> None:
    calendar, near = drawn
    since = local_midnight(near, calendar.zone) + offset
    over = calendar.after(since, open_time)
    assert over is not None
    assert calendar.between(since, over) == open_time
    assert calendar.between(since, over - 1) == open_time - 1


@given(st.sampled_from(sorted(ZONES)), instants, instants)
def test_who_is_open_from_midnight_to_midnight_is_open_round_the_clock(name: str, offset: int, length: int) -> None:
    zone, near = ZoneInfo(name), ZONES[name][0]
    always = Week(since=near - timedelta(days=9), weekdays=(((0, 1_440),),) * 7, special={})
    since = local_midnight(near, zone) + offset
    for calendar in (calendar_of(zone, (always,)), calendar_of(zone)):
        assert calendar.between(since, since + length) == length
        assert calendar.after(since, abs(length)) == since + abs(length)


def test_years_without_data_repeat_as_the_gregorian_calendar_does() -> None:
    # Wednesdays from 9 to 17: as many as there are in so many years, counted by the ordinals of days.
    wednesdays = tuple(((540, 1_020),) if day == 2 else () for day in range(7))
    calendar = calendar_of(ZoneInfo("Europe/Berlin"), (Week(since=date(2026, 1, 1), weekdays=wednesdays, special={}),))
    for year in (2099, 2101, 2500, 2501, 2917):
        first, end = date(2026, 1, 1).toordinal(), date(year, 1, 1).toordinal()
        count = sum(1 for day in range(first, end) if date.fromordinal(day).weekday() == 2)
        midnight = local_midnight(date(year, 1, 1), calendar.zone)
        assert calendar.between(calendar.begins, midnight) == count * 8 * HOUR
        # The night of each spring is an hour short and that of autumn as much longer, so in July one is missing.
        sundays = calendar_of(calendar.zone, (replace(calendar.weeks[0], weekdays=((),) * 6 + (((60, 360),),)),))
        count_of_sundays = sum(1 for day in range(first, end + 181) if date.fromordinal(day).weekday() == 6)
        july = local_midnight(date.fromordinal(end + 181), calendar.zone)
        assert sundays.between(sundays.begins, july) == (5 * count_of_sundays - 1) * HOUR
        assert calendar.after(calendar.begins, count * 8 * HOUR) == calendar.after(midnight - 7 * DAY, 8 * HOUR)


def test_what_would_be_over_after_the_end_of_time_is_never_over() -> None:
    zone = ZoneInfo("Asia/Kathmandu")
    daily = calendar_of(zone, (Week(since=date(9990, 1, 1), weekdays=(((540, 1_020),),) * 7, special={}),))
    for calendar in (daily, calendar_of(zone)):
        assert calendar.after(END_OF_TIME - DAY, 100 * DAY) is None
        assert calendar.after(END_OF_TIME - 30 * DAY, DAY // 3) is not None


@pytest.mark.parametrize(
    ("since", "until", "years"),
    [
        (date(2025, 1, 1), date(2025, 12, 31), ()),  # before the first week it is open round the clock
        (date(2025, 1, 1), date(2026, 6, 1), ()),
        (date(2026, 6, 1), date(2027, 1, 1), (2027,)),
        (date(2026, 6, 1), date(2029, 6, 1), (2027, 2029)),
        (date(2030, 1, 1), date(2040, 1, 1), ()),  # from 2030 on no holidays are kept
    ],
)
def test_years_whose_holidays_are_not_listed_are_known(since: date, until: date, years: tuple[int, ...]) -> None:
    zone, daily = ZoneInfo("Europe/Berlin"), (((540, 1_020),),) * 7
    listed = Week(since=date(2026, 1, 1), weekdays=daily, special={}, listed=frozenset({2026, 2028}))
    calendar = calendar_of(zone, (listed, Week(since=date(2030, 1, 1), weekdays=daily, special={})))
    assert calendar.unlisted(*(local_midnight(day, zone) for day in (since, until))) == years
