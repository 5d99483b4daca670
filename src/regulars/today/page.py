"""What is to be done as people read it, wherever that is: parts by day, each with its lines, and what isn't shown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.today.values import DueLine, Today
from regulars.wording.plain_text import clean

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Said(Struct, frozen=True):
    """One line as people read it: when and what; whom it is about, with what speaks for it; how to settle it, "" where
    nothing is to be settled.
    """

    what: str
    who: str
    settle: str


class Part(Struct, frozen=True):
    """A title, the lines below it, and notes at its end. The first part is the heading of all, and has no lines."""

    title: str
    said: tuple[Said, ...] = ()
    notes: tuple[str, ...] = ()


def parts(today: Today) -> tuple[Part, ...]:
    """All that is to be read, in order."""
    zone = ZoneInfo(today.zone)
    now = today.as_of.astimezone(zone).date()
    count = sum(each.count for each in today.kinds)
    whose = "" if today.owner is None else f" for {clean(today.owner)}"
    heading = f"{_WEEKDAYS[now.weekday()]}, {now.isoformat()}: {count:,} to do{whose}"
    nothing = () if count else (f"Nothing is due within {_days(today.days)}.",)
    return (
        Part(heading, notes=nothing),
        *(
            Part(title, tuple(_said(each, today, zone) for each in lines))
            for title, lines in groupby(today.lines, lambda each: _title(each, today, now))
        ),
        *_more(today),
    )


def _more(today: Today) -> Iterable[Part]:
    notes = tuple(f"and {each.more:,} more: {each.title}; {each.listed_by}" for each in today.kinds if each.more)
    if notes:
        yield Part("Not shown", notes=notes)
    if today.missing:
        yield Part("May be missing", notes=tuple(map(clean, today.missing)))


def _title(line: DueLine, today: Today, now: date) -> str:
    if line.overdue:
        return "Overdue"
    day = line.due.date() if isinstance(line.due, datetime) else line.due
    if day < now:
        return f"In the last {_days(today.days)}"
    if day <= now + timedelta(days=1):
        return "Today" if day == now else "Tomorrow"
    return f"{_WEEKDAYS[day.weekday()]}, {day.isoformat()}"


def _days(count: int) -> str:
    return "day" if count == 1 else f"{count} days"


def _said(line: DueLine, today: Today, zone: ZoneInfo) -> Said:
    return Said(
        what=clean(line.why),
        who=", ".join(clean(each) for each in _about(line, today)),
        settle=clean(line.settle),
    )


def _about(line: DueLine, today: Today) -> Iterable[str]:
    if line.customer_id is not None:
        who = line.ref or f"id:{line.customer_id}"
        yield who if line.name is None else f"{line.name} ({who})"
    if line.owner is not None:
        yield f"with {line.owner}"
    if line.stake is not None:
        yield f"{line.stake:,} {today.currency} at stake"
    elif line.net_spend:
        yield f"spent {line.net_spend:,} {today.currency} in a year"
