"""What stands in the calendar of a store: its reminders, and everybody's birthdays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from regulars.asking.birthdays import BirthdayOf
from regulars.asking.reminders import Reminder
from regulars.calendars.entries import CalendarEntry

#: How far ahead a calendar goes unless somebody says otherwise.
YEAR = timedelta(days=365)


def entries_of_reminders(reminders: Iterable[Reminder], *, names: bool) -> Iterator[CalendarEntry]:
    """An entry for each reminder. Without `names`, whom it is about is an id."""
    for each in reminders:
        who = _who(each.name, each.ref, each.customer_id, names=names)
        yield CalendarEntry(
            uid=f"reminder-{each.customer_id}-{each.care}-{each.day.isoformat()}@regulars",
            at=each.due,
            title=f"{each.title or each.care}: {who}",
            said_at=each.since,
            details=each.why if names else "",
        )


def entries_of_birthdays(birthdays: Iterable[BirthdayOf], zone: ZoneInfo, *, names: bool) -> Iterator[CalendarEntry]:
    """An entry for each birthday. Without `names`, whose it is is an id."""
    for each in birthdays:
        yield CalendarEntry(
            uid=f"birthday-{each.customer_id}-{each.day.isoformat()}@regulars",
            at=each.day,
            title=f"Birthday: {_who(each.name, each.ref, each.customer_id, names=names)}",
            said_at=datetime.combine(each.day, time(), zone),  # when it was told is personal, and changes nothing
        )


def days_of(since: date | None, until: date | None, today: date) -> tuple[date, date]:
    """The first and the last day of a calendar."""
    first = since or today
    return first, until or first + YEAR


def _who(name: str | None, ref: str | None, customer_id: str, *, names: bool) -> str:
    return (name or ref or f"id:{customer_id}") if names else f"id:{customer_id}"
