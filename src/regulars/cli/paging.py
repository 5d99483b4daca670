"""Reading page after page, up to a limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

from regulars.asking.paging import MAX_PAGE

T_co = TypeVar("T_co", covariant=True)


class AnyPage(Protocol[T_co]):
    """Some items, and where to go on; None where there is no more."""

    @property
    def after(self) -> Any:
        """What to pass as `after` for the next page."""
        ...

    def __iter__(self) -> Iterator[T_co]: ...

    def __len__(self) -> int: ...


def every(ask: Callable[..., AnyPage[T_co]], limit: int | None) -> Iterator[T_co]:
    """All items, or the first `limit`; `ask` takes `limit` and `after`."""
    after = None
    while limit is None or limit > 0:
        page = ask(limit=min(limit or MAX_PAGE, MAX_PAGE), after=after)
        yield from page
        after = page.after
        if after is None:
            return
        limit = None if limit is None else limit - len(page)
