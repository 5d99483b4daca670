"""Terms of a contract that renews by itself: the first term's last day and so many months stand for all of them.

Months are counted from the day after the first term, so that no term drifts: one that would begin on a day that its
month lacks begins on the last day of that month.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta

_DAY = timedelta(days=1)


def term_end(first: date, months: int, day: date) -> date:
    """The last day of the term that runs on a day, or of the first one where that comes later.

    `first` is the first term's last day; each later one is so many `months` long.
    """
    return next(end for end in _ends(first, months, day) if end >= day)


def notice_by(first: date, months: int, notice_days: int, day: date) -> date:
    """The next day, from a day on, up to whose end notice can be given so many days before a term ends."""
    notice = timedelta(days=notice_days)
    return next(end - notice for end in _ends(first, months, day) if end - notice >= day)


def _ends(first: date, months: int, day: date) -> Iterator[date]:
    """The last days of terms, from one that is over by a day, or the first one, on."""
    passed = (day.year - first.year) * 12 + day.month - first.month
    number = max(0, passed // months - 1)
    while True:
        yield _later(first + _DAY, number * months) - _DAY
        number += 1


def _later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
