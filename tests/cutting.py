"""Work on a store is cut off at one of its write transactions, as if the power went.

A rebuild has a hundred of them, of few kinds: what is left half done depends on where in the code one is begun.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from traceback import walk_stack
from typing import Any

import pytest

from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction

#: Where in the code a transaction is begun: the modules and lines of ours that lead there.
Place = tuple[tuple[str, int], ...]


class CutOffError(Exception):
    """The power went."""


@dataclass(frozen=True)
class Cut:
    """A transaction by its turn, from 0, among those that are begun in one place, or among all."""

    turn: int
    place: Place | None = None


def cuts_of(work: Callable[[], object]) -> list[Cut]:
    """The first and the last transaction that some work, which is done here, begins in each place."""
    begun: Counter[Place] = Counter()
    with each_beginning(lambda place: begun.update([place])):
        work()
    return [Cut(turn, place) for place, times in begun.items() for turn in sorted({0, times - 1})]


def is_cut_off(work: Callable[[], object], cut: Cut, *, after: bool) -> bool:
    """Whether some work was cut off just before a transaction is committed, or just after; False where it was through
    before.
    """
    left = [cut.turn]

    def count_down(place: Place) -> bool:
        if cut.place in (None, place):
            left[0] -= 1
            return left[0] == -1
        return False

    try:
        with each_beginning(count_down, after=after):
            work()
    except CutOffError:
        return True
    return False


@contextmanager
def each_beginning(is_the_one: Callable[[Place], object], *, after: bool = False) -> Iterator[None]:
    """Within the block, ask at the beginning of each transaction whether it is the one at which the power goes."""
    original = Store.writing

    @contextmanager
    def writing(self: Store, **options: Any) -> Iterator[Transaction]:
        this = is_the_one(begun_in())
        with original(self, **options) as tx:
            yield tx
            if this and not after:
                raise CutOffError
        if this:
            raise CutOffError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "writing", writing)
        yield


def begun_in() -> Place:
    frames = ((frame.f_globals["__name__"], line) for frame, line in walk_stack(None))
    return tuple((name, line) for name, line in frames if name.startswith("regulars."))
