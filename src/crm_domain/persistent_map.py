"""A persistent map: an immutable mapping whose changed copies share with it what didn't change.

A state that copied a whole collection at each event would make a history of N events cost N² copies. Here a map is
layers of dicts, the newest last, each at least twice as large as the next. A new entry is a layer of its own, and
merges with those before it that are not twice as large: so there are at most log N layers, and N changes copy about
N log N entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

_GONE: Final = object()


class PersistentMap(Mapping[K, V], Generic[K, V]):
    """An immutable mapping, in the order in which its entries were last put; `put` and `drop` make others of it."""

    __slots__ = ("_layers",)

    def __init__(self) -> None:
        self._layers: tuple[dict[K, V | object], ...] = ()

    def put(self, key: K, value: V) -> PersistentMap[K, V]:
        """The same with this entry."""
        return self._under({key: value})

    def drop(self, key: K) -> PersistentMap[K, V]:
        """The same without this key."""
        return self._under({key: _GONE}) if key in self else self

    def _under(self, top: dict[K, V | object]) -> PersistentMap[K, V]:
        layers = self._layers
        while layers and len(layers[-1]) < 2 * len(top):
            top = _merged(layers[-1], top)
            layers = layers[:-1]
        if not layers:
            top = {key: value for key, value in top.items() if value is not _GONE}
        other: PersistentMap[K, V] = PersistentMap()
        other._layers = (*layers, top) if top else layers
        return other

    def __getitem__(self, key: K) -> V:
        for layer in reversed(self._layers):
            if key in layer:
                value = layer[key]
                if value is _GONE:
                    break
                return value  # type: ignore[return-value] # all but that mark are values
        raise KeyError(key)

    def __iter__(self) -> Iterator[K]:
        entries: dict[K, V | object] = {}
        for layer in self._layers:
            entries = _merged(entries, layer)
        return (key for key, value in entries.items() if value is not _GONE)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"PersistentMap({dict(self)!r})"


def _merged(older: dict[K, V | object], newer: dict[K, V | object]) -> dict[K, V | object]:
    return {key: value for key, value in older.items() if key not in newer} | newer
