"""Whether the tickets of a month were answered and resolved in time, by agent, priority or channel."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date
from typing import get_args

from regulars.asking.service import ServiceBy
from regulars.web.console.page import Answer, Asked, Page, Shown
from regulars.web.console.reading import one_of
from regulars.web.console.words import N_

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)
_WAYS: tuple[ServiceBy, ...] = tuple(each for each in get_args(ServiceBy) if each != "month")


def show(asked: Asked) -> Answer:
    """The figures of a month: by default that of the moment that is looked at."""
    by = one_of(asked, "by", _WAYS)
    first = _month(asked)
    last = first.replace(day=monthrange(first.year, first.month)[1])
    found = asked.crm.service(by=by or "agent", since=first, until=last, as_of=asked.as_of, known_at=asked.known_at)
    values = {"found": found, "month": f"{first:%Y-%m}", "by": by or "agent", "ways": _WAYS}
    return Shown(template="service.html", values=values, fragment="figures")


def _month(asked: Asked) -> date:
    given = asked.field("month")
    if not given:
        day = asked.as_of or asked.crm.now.astimezone(asked.words.zone).date()
        return day.replace(day=1)
    if not _MONTH.fullmatch(given) or given.startswith("0000"):
        raise ValueError(asked._("A month is written as 2026-03, not “{value}”.").format(value=given))
    return date.fromisoformat(f"{given}-01")


PAGE = Page(path="/service", title=N_("Service"), handler=show)
