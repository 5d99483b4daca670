"""An interval as a picture: where its ends, its middle and 0 lie on a line from 0 to WIDTH."""

from __future__ import annotations

from msgspec import Struct

WIDTH = 1000
#: So much of the line is left free on either side, for an end that isn't known runs on to the edge.
_MARGIN = 60


class Placed(Struct, frozen=True, kw_only=True):
    """The places of an interval's ends, of the estimate and of 0; an end that isn't ruled out lies on the edge."""

    low: int
    value: int
    high: int
    zero: int


def placed(value: float, low: float | None, high: float | None) -> Placed:
    """Everything that is known, and 0, lies within the margins."""
    known = [each for each in (0.0, value, low, high) if each is not None]
    first, last = min(known), max(known)
    span = (last - first) or 1.0

    def at(number: float) -> int:
        return round(_MARGIN + (number - first) / span * (WIDTH - 2 * _MARGIN))

    return Placed(
        low=0 if low is None else at(low),
        value=at(value),
        high=WIDTH if high is None else at(high),
        zero=at(0.0),
    )
