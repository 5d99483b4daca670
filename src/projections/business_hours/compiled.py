"""The hours of a business made ready for judging: its calendar, in minutes of local days."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from regulars.projections.business_hours import rules
from regulars.projections.facts.calendar import Calendar, Week, calendar_of


def compile_calendar(hours: Sequence[rules.Hours], lists: Sequence[rules.Holidays], zone: ZoneInfo) -> Calendar:
    """The calendar of a business in its zone; without hours it is open round the clock."""
    return calendar_of(zone, tuple(_week(each, lists) for each in hours))


def _week(hours: rules.Hours, lists: Sequence[rules.Holidays]) -> Week:
    special = rules.special_days(hours, lists)
    return Week(
        since=hours.from_,
        weekdays=tuple(tuple(map(rules.minutes_of, spans)) for spans in hours.week),
        special={day: tuple(map(rules.minutes_of, spans)) for day, spans in special.items()},
        listed=_listed(hours, lists) if hours.holidays else None,
    )


def _listed(hours: rules.Hours, lists: Sequence[rules.Holidays]) -> frozenset[int]:
    """The years of which the holidays of all regions that are kept are listed."""
    years = {region: {each.year for each in lists if each.region == region} for region in hours.holidays}
    return frozenset(year for year in set.intersection(*years.values()) if year is not None)
