"""The instants that questions ask for: a datetime is one, and a bare date stands for a day in the business's zone."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, date, datetime, timedelta
from zoneinfo import ZoneInfo

from regulars.crm_domain.instant import end_of_day, to_instant

_YEARS = range(MINYEAR + 1, MAXYEAR)


def instant_of(as_of: datetime | date, zone: ZoneInfo) -> int:
    """The instant a question asks for; a bare date is the end of that day in the business's zone.

    Raises ValueError for a datetime without a zone, and for a year that is out of reach.
    """
    require_in_reach(as_of)
    return to_instant(as_of) if isinstance(as_of, datetime) else end_of_day(as_of, zone)


def instant_asked(now: int, zone: ZoneInfo, as_of: datetime | date | None, known_at: datetime | date | None) -> int:
    """The instant in question, now unless it is given; as known at an earlier one, nothing that came after it is known
    to have happened.

    Raises ValueError as `instant_of` does.
    """
    if as_of is not None:
        return instant_of(as_of, zone)
    return now if known_at is None else min(now, instant_of(known_at, zone))


def first_instant_of(since: datetime | date, zone: ZoneInfo) -> int:
    """The instant from which a span begins; a bare date is the beginning of that day in the business's zone.

    Raises ValueError as `instant_of` does.
    """
    require_in_reach(since)
    return to_instant(since) if isinstance(since, datetime) else end_of_day(since - timedelta(days=1), zone) + 1


def require_in_reach(moment: date) -> None:
    """Raises ValueError for what is no moment, and for a year that is out of reach.

    In the first and the last year there is, a zone's offset may lead out of the calendar.
    """
    if not isinstance(moment, date):
        raise ValueError(f"a moment is a datetime with a zone, or a date, not {moment!r}")
    if moment.year not in _YEARS:
        raise ValueError(f"{moment.isoformat()} is out of reach; years run from {_YEARS[0]} to {_YEARS[-1]}")
