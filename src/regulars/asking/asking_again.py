"""Values with methods that query their store lazily."""

from __future__ import annotations

from typing import Generic, Self, TypeVar

from regulars.crm_domain.errors import StoreUnusable

T = TypeVar("T")


class AsksItsStore(Generic[T]):
    """A frozen value with a reference to its store, which is no part of the value.

    A copy is the value itself. Pickling drops the reference.
    """

    __slots__ = ("_asks_by",)
    _asks_by: T

    def _ask_by(self, what: T) -> None:
        object.__setattr__(self, "_asks_by", what)

    def _asked(self) -> T:
        """The reference to its store. Raises StoreUnusable where pickling dropped it."""
        try:
            return self._asks_by
        except AttributeError:
            raise StoreUnusable(
                f"this {type(self).__name__} was pickled, which leaves its store behind; ask the store for it again"
            ) from None

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self
