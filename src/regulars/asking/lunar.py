"""Days of the Chinese lunar calendar, converted by the library `borax`; no fold asks it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from regulars.crm_domain.birthday import lunar_days
from regulars.crm_domain.errors import StoreUnusable

_OUT_OF_REACH = "birthdays of the lunar calendar are left out on days that aren't known of it; the table ends in 2100"


def lunar_birthdays(day: date) -> tuple[str, ...]:
    """The lunar birthdays that return on a day, such as `lunar:08-15`. A leap month counts as its month, and a 30th
    that a month lacks falls on its 29th.

    Raises StoreUnusable without the library, and for a day outside its table.
    """
    found, following = _lunar(day), _lunar(day + timedelta(days=1))
    last = found.day if following.day == 1 else 0
    return lunar_days(found.month, found.day, last=last)


def lunar_month(day: date) -> int:
    """The month of the lunar calendar in which a day lies, 1 to 12; a leap month counts as its month.

    Raises StoreUnusable as `lunar_birthdays` does.
    """
    return int(_lunar(day).month)


def days_between(first: date, last: date) -> Iterator[date]:
    """Each day from the first to the last."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _lunar(day: date) -> Any:
    """A day of the lunar calendar, with its month and day."""
    try:
        from borax.calendars.lunardate import LunarDate
    except ImportError:
        raise StoreUnusable(
            "birthdays of the lunar calendar are left out; to convert them install the extra: pip install "
            "'regulars[lunar]'"
        ) from None
    try:
        return LunarDate.from_solar(day)
    except ValueError:
        raise StoreUnusable(_OUT_OF_REACH) from None
