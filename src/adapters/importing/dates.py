"""Days and times of day out of cells: ISO 8601, formats of one's own, seconds since 1970, days of a spreadsheet."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.adapters.importing.unusable import Unusable, refused_cell
from regulars.crm_domain.local_time import localised

# Files are mostly sorted by customer or by date; a few years of days is plenty.
CACHED_DATES = 4_096
# Commands of a mapping mostly read the same column in the same way.
_CACHED_READERS = 32
_FEW_DIGITS = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Spreadsheets take 1900 for a leap year; from March 1900 on, their days count from this one.
_SPREADSHEET_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet names no zone
_FIRST_SERIAL = 61
_EXAMPLES = {
    "iso": "a date such as 2026-03-01 or 2026-03-01T12:00:00Z",
    "epoch": "seconds since 1970, such as 1767225600",
    "epoch_ms": "milliseconds since 1970, such as 1767225600000",
    "excel": "a spreadsheet's day, such as 46082 or 46082.5",
}


class DateForm(Struct, frozen=True):
    """How dates are written: their format, the time of day that they mean, and the day that a month means."""

    format: str
    time: time | None = None
    day: Literal["first", "last"] | None = None


@lru_cache(maxsize=_CACHED_READERS)
def moment_reader(form: DateForm, zone_name: str | None, where: str) -> Callable[[str], datetime]:
    """The instant that a text is, in UTC. Raises Unusable, also for a local time that never was."""
    zone = None if zone_name is None else ZoneInfo(zone_name)
    time_of_day = form.time

    @lru_cache(maxsize=CACHED_DATES)
    def moment(text: str) -> datetime:
        parsed = _parsed(form, text, where)
        if not isinstance(parsed, datetime):
            parsed = parsed if time_of_day is None else datetime.combine(parsed, time_of_day)
        elif time_of_day is not None and form.format != "iso":
            parsed = datetime.combine(parsed, time_of_day, parsed.tzinfo)
        try:
            if isinstance(parsed, datetime) and parsed.tzinfo is not None:
                return parsed.astimezone(UTC)
            if zone is None:
                raise Unusable(refused_cell("expected a time with an offset from UTC", where, text, "or name a zone"))
            return _in_zone(parsed, zone, where, text)
        except OverflowError:
            raise Unusable(refused_cell("expected a time within the calendar", where, text)) from None

    return moment


def day_reader(form: DateForm, where: str) -> Callable[[str], date]:
    """The calendar day that a text is. Raises Unusable."""

    def day(text: str) -> date:
        parsed = _parsed(form, text, where)
        return parsed.date() if isinstance(parsed, datetime) else parsed

    return day


def _in_zone(local: datetime | date, zone: ZoneInfo, where: str, text: str) -> datetime:
    """A local time in UTC. Raises Unusable for one that the clocks skipped, OverflowError beyond the calendar."""
    try:
        return localised(local, zone).astimezone(UTC)
    except ValueError:
        remedy = f"the clocks of {zone.key} went past it"
        raise Unusable(refused_cell("expected a time that there was", where, text, remedy)) from None


def _parsed(form: DateForm, text: str, where: str) -> datetime | date:
    """A date where the text has no time of day, else a datetime, naive where there is no offset. Raises Unusable."""
    try:
        match form.format:
            case "iso":
                return _iso(text)
            case "epoch":
                return _EPOCH + timedelta(microseconds=_whole(text, 6))
            case "epoch_ms":
                return _EPOCH + timedelta(microseconds=_whole(text, 3))
            case "excel":
                return _spreadsheet_day(text)
            case _:
                parsed = datetime.strptime(text, form.format)  # noqa: DTZ007 - a zone follows from the mapping
                return parsed if form.day is None else _day_of_month(parsed.date(), form.day)
    except (ValueError, OverflowError):
        expected = f"expected {_EXAMPLES.get(form.format, form.format)}"
        raise Unusable(refused_cell(expected, where, text, _remedy(form, text))) from None


def _remedy(form: DateForm, text: str) -> str:
    """The format that a text looks like, where another was expected."""
    plain = text.removesuffix(".0")
    if not plain.isdecimal() or not plain.isascii():
        return ""
    for name, digits in (("excel", (5,)), ("epoch", (10,)), ("epoch_ms", (13,))):
        if len(plain) in digits and form.format != name:
            return f'it looks like format = "{name}"'
    return ""


def _iso(text: str) -> datetime | date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        # Many programs write a space before the offset, or name UTC.
        head, space, offset = text.rpartition(" ")
        if space and (offset[:1] in "+-" or offset in ("UTC", "GMT", "Z")):
            text = head + ("Z" if offset in ("UTC", "GMT") else offset)
        return datetime.fromisoformat(text)


def _whole(text: str, digits: int) -> int:
    """A number of a few digits times 10**digits, cut off there. Raises ValueError."""
    if _FEW_DIGITS.fullmatch(text) is None:
        raise ValueError
    return int(Decimal(text).scaleb(digits))


def _spreadsheet_day(text: str) -> datetime:
    """Raises ValueError."""
    thousandths = round(Decimal(_whole(text, 10)) * 86_400 / 10**7)
    if thousandths < _FIRST_SERIAL * 86_400_000:
        raise ValueError
    return _SPREADSHEET_EPOCH + timedelta(milliseconds=thousandths)


def _day_of_month(first: date, day: str) -> date:
    return first if day == "first" else first.replace(day=calendar.monthrange(first.year, first.month)[1])
