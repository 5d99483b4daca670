"""Which of some periods in a row an instant lies in."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from regulars.measures.periods import Period
from regulars.session.instants import first_instant_of


class Within:
    """Periods that follow upon each other, by their bounds in a zone; `begins` is the first instant of them."""

    def __init__(self, periods: Sequence[Period], zone: ZoneInfo) -> None:
        self.begins = first_instant_of(periods[0].first, zone)
        self._ends = [each.end(zone) for each in periods]

    def place(self, instant: int | None) -> int | None:
        """The place of the period that an instant lies in; None where it lies in none of them."""
        if instant is None or not self.begins <= instant <= self._ends[-1]:
            return None
        return bisect_left(self._ends, instant)
