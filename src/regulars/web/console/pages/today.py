"""What is to be done: overdue first, then by day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from regulars.today.values import DueLine, Today
from regulars.web.console.page import Answer, Asked, Page, Shown
from regulars.web.console.reading import number_of
from regulars.web.console.words import N_


def show(asked: Asked) -> Answer:
    """The list, and how many there are of each kind."""
    found = asked.crm.today(
        days=number_of(asked, "days", 7, 1, 366),
        owner=asked.field("owner") or None,
        as_of=asked.as_of,
        known_at=asked.known_at,
    )
    return Shown(template="today.html", values={"today": found, "parts": _parts(asked, found)}, fragment="lines")


def _parts(asked: Asked, found: Today) -> list[tuple[str, bool, list[DueLine]]]:
    """The lines below the heading of their day, and whether they are overdue."""
    zone = ZoneInfo(found.zone)
    now = found.as_of.astimezone(zone).date()
    by_day = groupby(found.lines, lambda each: (each.overdue, _day_of(each, zone) if not each.overdue else now))
    return [(_title(asked, overdue, day, now), overdue, list(lines)) for (overdue, day), lines in by_day]


def _day_of(line: DueLine, zone: ZoneInfo) -> date:
    return line.due.astimezone(zone).date() if isinstance(line.due, datetime) else line.due


def _title(asked: Asked, overdue: bool, day: date, now: date) -> str:
    if overdue:
        return asked._("Overdue")
    if day == now:
        return asked._("Today")
    if day == now + timedelta(days=1):
        return asked._("Tomorrow")
    return asked.words.weekday(day)


PAGE = Page(path="/", title=N_("Today"), handler=show, in_navigation=True)
