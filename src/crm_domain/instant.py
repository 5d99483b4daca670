"""Time as integers: an instant is UTC microseconds since 1970-01-01, a day is 86,400 seconds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
DAY = 86_400 * SECOND

# Later than any instant a datetime can hold, and within a signed 64-bit column: "no end".
FOREVER = 2**63 - 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_instant(moment: datetime) -> int:
    """Microseconds since the epoch, exactly. Raises ValueError for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    return (moment - _EPOCH) // MICROSECOND


def to_datetime(instant: int) -> datetime:
    """The UTC datetime of an instant in microseconds."""
    return _EPOCH + instant * MICROSECOND


#: The last instant that a datetime can hold; what would be due later is not due at all.
END_OF_TIME = to_instant(datetime.max.replace(tzinfo=UTC))


def end_of_day(day: date, zone: tzinfo) -> int:
    """The last microsecond of a calendar day in a zone."""
    midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
    return to_instant(midnight) - 1


def after_day(day: date, zone: tzinfo) -> int:
    """The instant at which a calendar day is over in a zone, and the next one begins; FOREVER at the end of time."""
    return FOREVER if day >= _LAST_DAY else end_of_day(day, zone) + 1


#: Of a later day no zone has the end within what a datetime can hold.
_LAST_DAY = date.max - timedelta(days=1)
