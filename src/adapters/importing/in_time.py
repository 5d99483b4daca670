"""Records in order of time, whatever order the file has them in.

A file that can be read again is read once for the times alone and, where they aren't in order, once more for each
WINDOW of records: so no more of them are in memory, and nothing is written to disk. What can be read but once, such as
a pipe, is put in order in memory up to IN_MEMORY records; beyond that it is taken in its own order.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import islice, pairwise

from regulars.adapters.importing.record import Record

WINDOW = 100_000
IN_MEMORY = 200_000
_BEFORE_ALL = -(2**63)

#: The instant of a record, None where it names none or can't be read.
TimeOf = Callable[[Record], int | None]
#: Opens the records of a file from the beginning.
Again = Callable[[], AbstractContextManager[Iterator[Record]]]
Notice = Callable[[str], None]


def in_time(records: Iterator[Record], again: Again, time_of: TimeOf, notice: Notice) -> Iterator[tuple[Record, float]]:
    """The records of a file that can be read again, each with the share of them, from 0 to 1, that has been given.

    Those of one instant stay in the file's order, and one without a time stays behind the one before it. Where all are
    in order, `records` are given as they come, with a share of 0.
    """
    with again() as first:
        times = _times(first, time_of)
    if _is_in_order(times):
        yield from ((record, 0.0) for record in records)
        return
    notice("the rows aren't in order of time, and are taken in that order")
    order = array("q", sorted(range(len(times)), key=times.__getitem__))
    for begin in range(0, len(order), WINDOW):
        places = {number: place for place, number in enumerate(order[begin : begin + WINDOW])}
        window: list[Record | None] = [None] * len(places)
        with again() as found:
            for number, record in enumerate(found):
                if number in places:
                    window[places[number]] = record
        for place, record_or_none in enumerate(window, begin + 1):
            if record_or_none is not None:  # the file was cut off meanwhile
                yield record_or_none, place / len(order)


def in_time_once(records: Iterator[Record], time_of: TimeOf, notice: Notice) -> Iterator[Record]:
    """The records of what can be read but once, in order of time as far as it fits into memory."""
    held = list(islice(records, IN_MEMORY + 1))
    if len(held) > IN_MEMORY:
        notice(f"only {IN_MEMORY:,} rows can be put in order of time as they come; these are taken in their own order")
        yield from held
        yield from records
        return
    times = _times(held, time_of)
    yield from (held[number] for number in sorted(range(len(held)), key=times.__getitem__))


def _times(records: Iterable[Record], time_of: TimeOf) -> array[int]:
    times, last = array("q"), _BEFORE_ALL
    for record in records:
        found = time_of(record)
        last = last if found is None else found
        times.append(last)
    return times


def _is_in_order(times: array[int]) -> bool:
    return all(before <= after for before, after in pairwise(times))
