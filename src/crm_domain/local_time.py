"""Local times: what people write without an offset is meant in the business's zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


def localised(local: datetime | date, zone: ZoneInfo) -> datetime:
    """A time without an offset in a zone; a bare date begins there. One that has an offset stays as it is.

    Of a time that exists twice, as when clocks go back, the first is taken. Raises ValueError for one that doesn't
    exist, as when they go forward.
    """
    if not isinstance(local, datetime):
        return _first_of_day(local, zone)
    if local.tzinfo is not None:
        return local
    found = local.replace(tzinfo=zone)
    if found.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local:
        raise ValueError(f"{local.isoformat()} doesn't exist in {zone.key}, where clocks go forward then")
    return found


def _first_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Midnight, or the first time after it where clocks go forward at midnight."""
    midnight = datetime.combine(day, time(), zone)
    return midnight.astimezone(UTC).astimezone(zone)
