"""One run of the benchmark: how much history, and where its stores are."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from pathlib import Path

from msgspec import Struct

from benchmarks.history import History, history
from benchmarks.rebuild import Rebuilt, rebuild_once
from benchmarks.timing import in_own_process


class Settings(Struct, frozen=True, kw_only=True):
    """What was asked for. `scale_from` is the smaller of two histories of which one is four times the other."""

    events: int
    customers: int
    scale_from: int
    quick: bool
    cdnow: Path | None


class Bench:
    """Stores are made when they are first asked for. `folder` is for what is written, and goes at the end."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder

    def few(self, slow: int, quick: int = 1) -> int:
        """How often something is done: `slow` often, or `quick` in a quick run."""
        return quick if self.settings.quick else slow

    @cached_property
    def main(self) -> History:
        """The history of the size that was asked for."""
        return history(self.settings.events, self.settings.customers)

    @cached_property
    def crowd(self) -> History:
        """As many events of twice as many customers: 100,000, unless asked otherwise. Not all come before the end."""
        return history(self.settings.events, self.settings.customers * 21 // 10)

    @cached_property
    def slice(self) -> History:
        """A quarter of everything, for what is done several times."""
        return history(self.settings.events // 4, self.settings.customers // 4)

    @cached_property
    def folded_crowd(self) -> Path:
        """The crowd, with everything folded in."""
        return self._folded(self.crowd, "crowd")[0]

    @cached_property
    def folded_slice(self) -> tuple[Path, Rebuilt]:
        """The slice with everything folded in, and what that took."""
        return self._folded(self.slice, "slice")

    def _folded(self, made: History, name: str) -> tuple[Path, Rebuilt]:
        path = made.copy(self.folder, name)
        return path, in_own_process(rebuild_once, path, made.now)

    def copy(self, made: History, name: str) -> tuple[Path, datetime]:
        """A copy to write to, and when its history ends."""
        return made.copy(self.folder, name), made.now
