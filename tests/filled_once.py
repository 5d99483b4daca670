"""Stores that take long to fill are filled once for the tests of a module, each of which begins with a copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from databases import copied_postgres, in_memory, prepared_postgres, prepared_sqlite

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
        """The URL of a copy of the store that some work fills, which closes it, and what the work gave back.

        All copies have the same keys, and their customers the same ids.
        """
        if (kind, fill) not in self._made:
            made = self._empty(kind)
            self._made[kind, fill] = made, fill(made)
        original, given = self._made[kind, fill]
        with _copied(kind, original) as url:
            yield url, given

    def _empty(self, kind: str) -> str:
        if kind == "postgres":
            return self._open.enter_context(prepared_postgres(self._postgres_url()))
        return prepared_sqlite(Path(self._open.enter_context(TemporaryDirectory(dir=in_memory()))) / "shop.db")


@contextmanager
def _copied(kind: str, original: str) -> Iterator[str]:
    if kind == "postgres":
        with copied_postgres(original) as url:
            yield url
    else:
        with TemporaryDirectory(dir=in_memory()) as folder:
            yield str(shutil.copy(original, folder))
