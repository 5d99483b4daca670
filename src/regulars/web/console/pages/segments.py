"""The segments of the rules: how many are in each, at the end of past months too, and come in or go out soon."""

from __future__ import annotations

from datetime import timedelta

from regulars.web.console.page import Answer, Asked, Page, Shown
from regulars.web.console.words import N_

#: How many past months are shown beside what holds.
_MONTHS = 3


def show(asked: Asked) -> Answer:
    """All segments in the order of the rules."""
    found = asked.crm.segments(as_of=asked.as_of, known_at=asked.known_at)
    last = asked.as_of or asked.crm.now.astimezone(asked.words.zone).date()
    before = last.replace(day=1) - timedelta(days=1)
    first = before - timedelta(days=31 * (_MONTHS - 1))
    trend = asked.crm.trend("segment", since=first, until=before, known_at=asked.known_at) if found else None
    values = {"segments": found, "trend": trend}
    return Shown(template="segments.html", values=values)


PAGE = Page(path="/segments", title=N_("Segments"), handler=show, in_navigation=True)
