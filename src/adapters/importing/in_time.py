"""Records in order of time, whatever order the file has them in: those of each customer, as no other order matters.

A file that can be read again is read once for whose each record is and when it happened. Where any customer's aren't in
order, it is read once more for each WINDOW of records, or fewer where they are long, customer by customer, which also
keeps what each transaction loads and folds together: so no more of them are in memory, and nothing is written to disk.
What can be read but once, such as a pipe, is put in order in memory up to IN_MEMORY records, or fewer where they are
long; beyond that it is taken in its own order.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager

from regulars.adapters.importing.record import Record

WINDOW = 50_000
WINDOW_CHARACTERS = 8_000_000  # a record takes some seven bytes a character
IN_MEMORY = 200_000
IN_MEMORY_CHARACTERS = 50_000_000
_BEFORE_ALL = -(2**63)

#: Whose a record is, as a hash of 63 bits, and the instant of it: None where it names none or can't be read.
PlaceOf = Callable[[Record], tuple[int, int | None]]
#: Opens the records of a file from the beginning.
Again = Callable[[], AbstractContextManager[Iterator[Record]]]
Notice = Callable[[str], None]


def in_time(
    records: Iterator[Record], again: Again, place_of: PlaceOf, notice: Notice
) -> Iterator[tuple[Record, float]]:
    """The records of a file that can be read again, each with the share of them, from 0 to 1, that has been given.

    Where every customer's are in order, `records` are given as they come, with a share of 0.
    """
    lengths = array("I")
    with again() as first:
        order = _order(_measured(first, lengths), place_of)
    if order is None:
        yield from ((record, 0.0) for record in records)
        return
    notice("the file isn't in order of time; each customer's rows are taken in that order")
    for begin, end in _windows(order, lengths):
        places = {number: place for place, number in enumerate(order[begin:end])}
        window: list[Record | None] = [None] * len(places)
        with again() as found:
            for number, record in enumerate(found):
                if number in places:
                    window[places[number]] = record
        for place, record_or_none in enumerate(window, begin + 1):
            if record_or_none is not None:  # the file was cut off meanwhile
                yield record_or_none, place / len(order)


def in_time_once(records: Iterator[Record], place_of: PlaceOf, notice: Notice) -> Iterator[Record]:
    """The records of what can be read but once, in order of time as far as it fits into memory."""
    held: list[Record] = []
    characters = 0
    for record in records:
        held.append(record)
        characters += len(record.text)
        if len(held) > IN_MEMORY or characters > IN_MEMORY_CHARACTERS:
            break
    else:
        order = _order(held, place_of)
        yield from held if order is None else (held[number] for number in order)
        return
    notice(f"only {len(held) - 1:,} rows can be put in order of time as they come; these are taken in their own order")
    yield from held
    yield from records


def _measured(records: Iterable[Record], lengths: array[int]) -> Iterator[Record]:
    """The records, whose lengths in characters are noted."""
    for record in records:
        lengths.append(len(record.text))
        yield record


def _windows(order: array[int], lengths: array[int]) -> Iterator[tuple[int, int]]:
    """Where each window of the order begins and ends; each holds one record at least."""
    begin = characters = 0
    for place, number in enumerate(order):
        length = lengths[number]
        if place > begin and (place - begin == WINDOW or characters + length > WINDOW_CHARACTERS):
            yield begin, place
            begin, characters = place, 0
        characters += length
    yield begin, len(order)


def _order(records: Iterable[Record], place_of: PlaceOf) -> array[int] | None:
    """The numbers of the records, customer by customer, in order of time; None where each customer's are in order.

    Those of one instant stay in the order that they have, and one without a time behind the one before it.
    """
    whose, times = array("q"), array("q")
    latest: dict[int, int] = {}
    is_in_order = True
    for record in records:
        customer, time = place_of(record)
        before = latest.get(customer, _BEFORE_ALL)
        time = before if time is None else time
        is_in_order = is_in_order and time >= before
        latest[customer] = time
        whose.append(customer)
        times.append(time)
    if is_in_order:
        return None
    return array("q", sorted(range(len(times)), key=lambda number: (whose[number], times[number])))
