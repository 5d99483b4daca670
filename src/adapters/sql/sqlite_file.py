"""A SQLite file with the files beside it: whether this process may write it, and how it is read where it may not.

What SQLite does for a reader who may not write, with a file in WAL mode:

1. Without `-wal` and `-shm`, it makes both in the folder, or fails where it can't. What it makes belongs to the reader,
   and locks the file's owner out of writing.
2. With both of them it reads everything and makes nothing, even from a folder it can't write.
3. With `-wal` alone it would have to make `-shm`: as in 1.
4. As `immutable` it always reads and makes nothing. It doesn't look at `-wal`, and takes no lock.

So such a reader makes nothing: it reads with both files as they are, or as immutable where no change waits in `-wal`,
or not at all. Without a lock the file may change under a reader, so whoever reads compares its `stamp` afterwards.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from regulars.crm_domain.errors import StoreUnusable

Stamp = tuple[int, int, int]

#: How a SQLite database begins.
MAGIC = b"SQLite format 3\0"
#: What is kept beside a store's file: by SQLite, and the locks of who builds read models and of who delivers hooks.
BUILDING, DELIVERING = "-building", "-delivering"
SUFFIXES = ("-wal", "-shm", "-journal", BUILDING, DELIVERING)

# A -wal in either order of bytes, a -shm likewise, and a -journal.
_BEGINNINGS = tuple(map(bytes.fromhex, ("377f0682", "377f0683", "18e22d00", "002de218", "d9d505f920a163d7")))
_BY_EFFECTIVE_USER = os.access in os.supports_effective_ids


class SqliteFile:
    """One file; it doesn't have to exist."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # SQLite follows links before it looks for the other files.
        self._real = Path(os.path.realpath(path))
        self._wal, self._shm, self._journal = (
            self._real.with_name(f"{self._real.name}{suffix}") for suffix in ("-wal", "-shm", "-journal")
        )

    def require(self, *, read_only: bool) -> None:
        """Raise StoreUnusable unless there is a file to read, or room for a new one."""
        require_not_beside_another(self._real)
        try:
            exists, folder_exists = _exists(self.path), _exists(self.path.absolute().parent)
        except PermissionError:
            raise StoreUnusable(f"{self.path} can't be read: permission denied") from None
        if exists:
            self._require_readable()
        elif read_only:
            raise StoreUnusable(f"there is no store at {self.path}")
        elif not folder_exists:
            raise StoreUnusable(f"the folder {self.path.absolute().parent} doesn't exist")
        elif not _may(os.W_OK, self._real.parent):
            raise StoreUnusable(
                f"there is no store at {self.path}, and none can be made: {self._real.parent} is read-only"
            )

    def _require_readable(self) -> None:
        if self.path.is_dir():
            raise StoreUnusable(f"{self.path} is a folder; a store is a file")
        if not _may(os.R_OK, self.path):
            raise StoreUnusable(f"{self.path} can't be read: permission denied")

    def make(self) -> None:
        """Create the file where it doesn't exist, readable by its owner alone: SQLite would let all users read it.

        SQLite creates `-wal` and `-shm` with the same mode.
        """
        with suppress(OSError):  # there is one; or none can be made, of which SQLite tells
            os.close(os.open(self._real, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))

    def may_be_written(self) -> bool:
        """Whether this process may write or create the file, `-wal` and `-shm`."""
        return all(
            _may(os.W_OK, file if file.exists() else self._real.parent) for file in (self._real, self._wal, self._shm)
        )

    def stamp(self) -> Stamp:
        """A value that changes whenever the file itself is written; the WAL doesn't count."""
        found = self._real.stat()
        return found.st_ino, found.st_size, found.st_mtime_ns

    def connect_to_read(self, **options: Any) -> tuple[sqlite3.Connection, Stamp | None]:
        """Connect without creating any file; the stamp comes with it where no lock protects the file from changes.

        Raises StoreUnusable where the last changes can't be read without creating a file.
        """
        before = self.stamp()
        if not _holds_something(self._journal):
            if not (_holds_something(self._wal) or self._both_are_readable()):
                return self._connect("immutable=1", options), before
            if not self._both_are_readable():
                raise StoreUnusable(
                    f"{self.path} can't be read without permission to write it, as its last changes still wait in "
                    f"{self._wal.name}: let its owner run `regulars status` on it, or copy both files to a folder of "
                    "your own"
                )
        return self._connect("mode=ro", options), None

    def _both_are_readable(self) -> bool:
        return all(file.exists() and _may(os.R_OK, file) for file in (self._wal, self._shm))

    def _connect(self, way: str, options: dict[str, Any]) -> sqlite3.Connection:
        connection: sqlite3.Connection = sqlite3.connect(f"{self.path.absolute().as_uri()}?{way}", uri=True, **options)
        return connection


def with_those_beside(path: Path) -> tuple[Path, ...]:
    """A store's file, and the names of all files that may be kept beside it."""
    return (path, *(path.with_name(path.name + suffix) for suffix in SUFFIXES))


def require_not_beside_another(path: Path) -> None:
    """Raise StoreUnusable for a name that SQLite, or a rebuild, uses for a file beside another one.

    A file of that name would be taken for the other's last changes, or be overwritten.
    """
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix) and (other := path.with_name(path.name[: -len(suffix)])).is_file():
            raise StoreUnusable(f"{path} is where files are kept that belong to {other.name}; name another file")


def require_nothing_beside(path: Path) -> None:
    """Raise StoreUnusable where the files of an earlier database lie beside a new one's name."""
    real = Path(os.path.realpath(path))
    for suffix in ("-wal", "-journal"):
        if _holds_something(left := real.with_name(real.name + suffix)):
            raise StoreUnusable(f"{left} was left by another store of this name; move it away first")


def begins_like_sqlite(path: Path) -> bool:
    """Whether a file is a SQLite database, or its `-wal` or journal. No store may have it open in this process."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)).startswith((MAGIC, *_BEGINNINGS))


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _may(what: int, path: Path) -> bool:
    return os.access(path, what, effective_ids=_BY_EFFECTIVE_USER)


def _holds_something(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0
