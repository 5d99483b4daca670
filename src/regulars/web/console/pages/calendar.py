"""The calendar as a file, for whoever is signed in: with names, as the pages have them."""

from __future__ import annotations

from regulars.calendars.ics import calendar_ics
from regulars.web.console.page import Answer, Asked, File, Page
from regulars.web.console.words import N_


def show(asked: Asked) -> Answer:
    """The file."""
    return File(name="regulars.ics", kind="text/calendar; charset=utf-8", content=calendar_ics(asked.crm.calendar()))


PAGE = Page(path="/calendar.ics", title=N_("Calendar"), handler=show)
