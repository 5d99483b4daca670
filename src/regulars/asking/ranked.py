"""Lists that are put in order as a whole, from the highest number down, and read in pages."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

#: The number that somebody is ranked by, below zero so that the highest comes first, and their own number.
Place = tuple[float, int]

_PLACE = re.compile(r"(-?[0-9.e+-]{1,40}):([0-9]{1,19})")


def mark_of(place: Place) -> str:
    """A place in the order, as the `after` of a page."""
    return f"{place[0]!r}:{place[1]}"


def first_after(places: Sequence[Place], after: str | None) -> int:
    """The index of the first place after that of an earlier page. Raises ValueError for what no page gave."""
    if after is None:
        return 0
    match = _PLACE.fullmatch(after)
    try:
        return bisect_right(places, (float(match[1]), int(match[2]))) if match else _unknown(after)
    except ValueError:
        return _unknown(after)


def _unknown(after: str) -> int:
    raise ValueError(f'"{after}" is not the `after` of a page')
