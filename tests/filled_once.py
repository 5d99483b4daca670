"""A store that takes long to fill is filled once for the tests of a module, each of which begins with a copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from databases import copied_postgres, fresh_postgres, fresh_sqlite, in_memory

Given = TypeVar("Given")


class Originals:
    """Filled stores, by the kind of their database and by the work that filled them; nobody has them open."""

    def __init__(self, postgres_url: Callable[[], str]) -> None:
        self._postgres_url = postgres_url  # a server is started only for who asks for one
        self._made: dict[tuple[str, Callable[[str], Any]], tuple[str, Any]] = {}
        self._open = ExitStack()

    def __enter__(self) -> Originals:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @contextmanager
    def copy(self, kind: str, fill: Callable[[str], Given]) -> Iterator[tuple[str, Given]]:
        """The URL of a copy of the store that some work makes, fills and closes, and what the work gave back.

        All copies have the same keys, and their customers the same ids.
        """
        if (kind, fill) not in self._made:
            room = self._room(kind)
            self._made[kind, fill] = room, fill(room)
        original, given = self._made[kind, fill]
        with _copied(kind, original) as url:
            yield url, given

    def _room(self, kind: str) -> str:
        if kind == "postgres":
            return self._open.enter_context(fresh_postgres(self._postgres_url()))
        return fresh_sqlite(Path(self._open.enter_context(TemporaryDirectory(dir=in_memory()))))


@contextmanager
def _copied(kind: str, original: str) -> Iterator[str]:
    if kind == "postgres":
        with copied_postgres(original) as url:
            yield url
    else:
        with TemporaryDirectory(dir=in_memory()) as folder:
            yield str(shutil.copy(original, folder))
