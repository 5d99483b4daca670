"""Files that were handed in and wait for what is to be done with them.

They lie in a folder beside the store that only its owner may enter, `NAME-handed-in`; where the store is no file, in a
new one among the system's temporary ones. Each is deleted when it is done with, HOUR after it was handed in, and when
the server ends; what a killed one left, when the next one starts. So one process that serves a store takes files.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from msgspec import Struct
from msgspec.structs import replace

from regulars.crm_domain.errors import NotFound, StoreBusy, StoreUnusable
from regulars.session.clock import Clock
from regulars.web.console.words import N_
from regulars.wording.plain_text import clean

HOUR = timedelta(hours=1)
MOST = 20
LONGEST_NAME = 100
_RANDOM_BYTES = 24

_GONE = N_("This file is not here any more: it is kept for an hour. Hand it in again.")
_TOO_MANY = N_("Too many files wait to be imported. Discard one, or try again in an hour.")


class HandedIn(Struct, frozen=True, kw_only=True):
    """A file that was handed in. `id` can't be guessed; `name` is what its user calls it, `mapping` the
    one in TOML by which it was last tried, "" for none.
    """

    id: str
    user: str
    name: str
    path: Path
    at: datetime
    mapping: str = ""


class Files:
    """The files that were handed in to one process that serves."""

    def __init__(self, clock: Clock, store_files: Sequence[Path]) -> None:
        self._clock = clock
        self._place = store_files[0].with_name(f"{store_files[0].name}-handed-in") if store_files else None
        self._folder: Path | None = None
        self._kept: dict[str, HandedIn] = {}
        self._lock = Lock()
        if self._place is not None and not self._place.is_symlink():
            shutil.rmtree(self._place, ignore_errors=True)

    def keep(self, user: str, name: str, path: Path) -> HandedIn:
        """Keep a file until it is done with; it is moved away from where it lies.

        Raises StoreBusy where MOST are kept.
        """
        key = secrets.token_urlsafe(_RANDOM_BYTES)
        with self._lock:
            self._sweep()
            if len(self._kept) >= MOST:
                raise StoreBusy(_TOO_MANY)
            folder = self._private_folder() / key
            folder.mkdir(mode=0o700)
            target = folder / plain_name(name)
            shutil.move(path, target)
            self._kept[key] = HandedIn(id=key, user=user, name=target.name, path=target, at=self._clock())
            return self._kept[key]

    def find(self, key: str, user: str) -> HandedIn:
        """The file with an id, which its user alone sees. Raises NotFound."""
        with self._lock:
            self._sweep()
            found = self._kept.get(key)
        if found is None or found.user != user:
            raise NotFound(_GONE)
        return found

    def of(self, user: str) -> tuple[HandedIn, ...]:
        """The files of a user, the newest first."""
        with self._lock:
            self._sweep()
            return tuple(each for each in reversed(self._kept.values()) if each.user == user)

    def note(self, key: str, mapping: str) -> None:
        """Keep the mapping by which a file is tried."""
        with self._lock:
            if key in self._kept:
                self._kept[key] = replace(self._kept[key], mapping=mapping)

    def empty(self, key: str) -> None:
        """Delete what a file holds; that it was handed in is still known."""
        with self._lock:
            if key in self._kept:
                shutil.rmtree(self._kept[key].path.parent, ignore_errors=True)

    def discard(self, key: str) -> None:
        """Delete a file, and what is known of it."""
        with self._lock:
            self._drop(key)

    def sweep(self) -> None:
        """Delete what was handed in too long ago."""
        with self._lock:
            self._sweep()

    def close(self) -> None:
        """Delete all files, and their folder."""
        with self._lock:
            self._kept.clear()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)

    def _private_folder(self) -> Path:
        if self._folder is None:
            if self._place is None:
                self._folder = Path(tempfile.mkdtemp(prefix="regulars-handed-in-"))
            else:
                try:
                    self._place.mkdir(mode=0o700)
                except OSError as error:  # where somebody else made it, nothing is written there
                    raise StoreUnusable(f"{self._place.name} can't be made: {error.strerror}") from None
                self._folder = self._place
        return self._folder

    def _sweep(self) -> None:
        over = self._clock() - HOUR
        for key in [each.id for each in self._kept.values() if each.at <= over]:
            self._drop(key)

    def _drop(self, key: str) -> None:
        gone = self._kept.pop(key, None)
        if gone is not None:
            shutil.rmtree(gone.path.parent, ignore_errors=True)


def plain_name(name: str) -> str:
    """The name of a file as its browser gave it, without folders and whatever else a file can't be called."""
    last = clean(name.replace("\\", "/").rpartition("/")[2]).strip(". ")
    kept = "".join("_" if each in '<>:"|?*' else each for each in last)
    stem, dot, ending = kept.rpartition(".")
    short = kept if len(kept) <= LONGEST_NAME else f"{(stem or ending)[: LONGEST_NAME - 12]}{dot}{ending[:10]}"
    return os.fsdecode(short.encode("utf-8", "replace")[:240]) or "file"
