"""Entries as iCalendar, written by the library `icalendar`.

A whole day is a DATE, which is that day wherever it is read. A time is local with its TZID, and the file says in a
VTIMEZONE when the clocks of that zone change, as programs that don't know the zone by its name need to be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from regulars.calendars.entries import CalendarEntries, CalendarEntry
from regulars.crm_domain.errors import StoreUnusable

_PRODUCT = "-//Regulars//Calendar//EN"


def calendar_ics(calendar: CalendarEntries, name: str = "Regulars") -> bytes:
    """A calendar as a file, in order of days and ids, under a name. The same entries give the same bytes.

    Raises StoreUnusable without the library.
    """
    try:
        from icalendar import Calendar
    except ImportError:
        raise StoreUnusable("to write a calendar install the extra: pip install 'regulars[calendar]'") from None
    zone = ZoneInfo(calendar.zone)
    written = Calendar()
    written.add("prodid", _PRODUCT)
    written.add("version", "2.0")
    written.add("x-wr-calname", name)
    found = sorted(calendar.entries, key=lambda each: (_day_of(each.at, zone), each.uid))
    times = [local for each in found for local in (each.at, each.until) if isinstance(local, datetime)]
    if times and zone.key != "UTC":
        written.add_component(_changes_of_clocks(zone, [each.astimezone(zone).year for each in times]))
    for each in found:
        written.add_component(_event(each, zone))
    return bytes(written.to_ical())


def _changes_of_clocks(zone: ZoneInfo, years: Sequence[int]) -> Any:
    """The VTIMEZONE of a zone, as far as some years need it."""
    from icalendar import Timezone

    first, last = date(min(years) - 1, 1, 1), date(max(years) + 2, 1, 1)
    return Timezone.from_tzinfo(zone, zone.key, first_date=first, last_date=last)


def _event(each: CalendarEntry, zone: ZoneInfo) -> Any:
    from icalendar import Event

    event = Event()
    event.add("uid", each.uid)
    event.add("dtstamp", each.said_at.astimezone(UTC).replace(microsecond=0))
    event.add("summary", each.title)
    if isinstance(each.at, datetime):
        event.add("dtstart", each.at.astimezone(zone))
        event.add("dtend", (each.until or each.at).astimezone(zone))
    else:
        event.add("dtstart", each.at)
        event.add("dtend", each.at + timedelta(days=1))
        event.add("transp", "TRANSPARENT")  # a whole day keeps nobody busy
    if each.details:
        event.add("description", each.details)
    return event


def _day_of(at: date | datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat() if isinstance(at, datetime) else at.isoformat()
