"""Paging: a page is read at once, the following ones lazily by iteration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from regulars.asking.asking_again import AsksItsStore

#: How many a page has unless it is told otherwise, and at most.
PAGE, MAX_PAGE = 50, 1_000

T = TypeVar("T")

#: Asks for the page after a mark.
Following = Callable[[Any], Any]


def page_size(limit: int | None) -> int:
    """The size of a page. Raises ValueError for a limit that is out of bounds."""
    if limit is not None and not 1 <= limit <= MAX_PAGE:
        raise ValueError(f"limit is a number from 1 to {MAX_PAGE}, not {limit}")
    return PAGE if limit is None else limit


class Paged(AsksItsStore[Following | None], Generic[T]):
    """A page of an answer: `len` and indexes are about the page alone.

    Iterating one that `goes_on` reads the pages that follow, lazily. Where such a page was pickled, iterating beyond
    its end raises StoreUnusable.
    """

    __slots__ = ()
    after: Any
    goes_on: bool

    def __post_init__(self, following: Following | None) -> None:
        object.__setattr__(self, "goes_on", following is not None)
        self._ask_by(following)

    def _items(self) -> tuple[T, ...]:
        raise NotImplementedError

    def _next(self) -> Paged[T] | None:
        if self.after is None or not self.goes_on:
            return None
        following = self._asked()
        assert following is not None
        page: Paged[T] = following(self.after)
        return page

    def __iter__(self) -> Iterator[T]:
        page: Paged[T] | None = self
        while page is not None:
            yield from page._items()
            page = page._next()

    def __len__(self) -> int:
        return len(self._items())

    def __getitem__(self, index: int) -> T:
        return self._items()[index]
