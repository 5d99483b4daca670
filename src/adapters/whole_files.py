"""Files, and folders of files, written atomically: they appear under their name once they are complete, are private to
their owner, and replace no store.

Until then a file lies in a folder beside its place, `NAME.XXXXXXXX.regulars-unfinished`, which only its owner may enter
and which is locked while its writer lives. One without a lock was left by a writer that was killed: `left_behind` lists
it, and the next file that is written beside it deletes it.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType

from regulars.adapters.sql.sqlite_file import begins_like_sqlite, require_not_beside_another
from regulars.crm_domain.errors import StoreUnusable

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows has no such locks, so nothing is found and taken away there
    fcntl = None

SUFFIX = ".regulars-unfinished"

_LONGEST_NAME_SHOWN = 40  # the longest name that a folder can have is 255 bytes, and a character is up to four


def begins_otherwise(path: Path) -> bool:
    """Whether a file is no SQLite database."""
    return not begins_like_sqlite(path)


@contextmanager
def whole_file(
    target: Path,
    *,
    replace: bool = False,
    open_files: Iterable[Path] = (),
    if_it_exists: str = "name a new file",
    may_be: Callable[[Path], bool] = begins_otherwise,
) -> Iterator[Path]:
    """A new, empty file to write, which becomes `target` at the end of the block, and is deleted where the block fails.

    With `replace`, an existing file stays until the new one is complete; a link is followed. `may_be` says of an
    existing file whether it may be replaced: by default, of any that is no SQLite database. `open_files` are those of
    the open store. Raises StoreUnusable where the target is one of them or another store's, where it exists and isn't
    to be replaced (the sentence ends with `if_it_exists`), and where it can't be written.
    """
    try:
        place = _place(target, replace, open_files, if_it_exists, may_be)
        _take_away(place.parent)
        with _private_folder(place) as folder:
            unfinished = folder / place.name
            make_private(unfinished)
            yield unfinished
            flush(unfinished)
            _move(unfinished, place, replace)
            flush(place.parent)
    except FileExistsError:
        raise _exists(target, if_it_exists) from None
    except OSError as error:
        raise _unwritable(target, error) from error


@contextmanager
def whole_folder(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """A new, empty folder to write files to, which becomes `target` at the end of the block, and is deleted where the
    block fails.

    With `replace`, a folder that exists stays until the new one is complete, and is deleted then: whoever says so has
    looked at what is in it. Raises FileExistsError where the target exists by then otherwise, StoreUnusable where it
    can't be written.
    """
    with scratch_folder(target) as around:
        try:
            unfinished = around / target.name
            unfinished.mkdir()
            yield unfinished
            for each in (*unfinished.iterdir(), unfinished):
                flush(each)
            if replace and target.is_dir() and not target.is_symlink():
                target.rename(around / f"{target.name}.replaced")
            if target.exists():  # renaming would replace an empty folder
                raise FileExistsError(target)
            unfinished.rename(target)
            flush(target.parent)
        except FileExistsError:
            raise
        except OSError as error:
            if error.errno == errno.ENOTEMPTY:
                raise FileExistsError(target) from None
            raise _unwritable(target, error) from error


@contextmanager
def scratch_folder(target: Path) -> Iterator[Path]:
    """A folder beside a path, for what is needed during the block alone; it is deleted at its end.

    One that a killed process left is deleted by whatever is written there next. Raises StoreUnusable where none can be
    made.
    """
    with ExitStack() as until_the_end:
        try:
            _require_folder(target)
            _take_away(target.parent)
            folder = until_the_end.enter_context(_private_folder(target))
        except OSError as error:
            raise _unwritable(target, error) from error
        yield folder


def _unwritable(target: Path, error: OSError) -> StoreUnusable:
    reason = "there is no room on the disk" if error.errno == errno.ENOSPC else error.strerror or error
    return StoreUnusable(f"{target} can't be written: {reason}")


def require_no_store(path: Path, open_files: Iterable[Path]) -> None:
    """Raise StoreUnusable for a file of the open store, by whatever name, or of another store.

    No file is read: closing one that SQLite has open in this process would end its locks.
    """
    real = Path(os.path.realpath(path))
    found = _stat(real)
    for each in open_files:
        theirs = _stat(each)
        if real == Path(os.path.realpath(each)) or (found and theirs and os.path.samestat(found, theirs)):
            raise StoreUnusable(f"{path} is a file of the open store, and nothing is written over it; name another")
    require_not_beside_another(real)


def make_private(path: Path, mode: int = 0o600) -> None:
    """Create an empty file with mode 0600, or another. Raises FileExistsError."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, mode)  # the umask has taken away from it
    finally:
        os.close(descriptor)


def flush(path: Path) -> None:
    """Flush a file, or a folder's entries, to the disk (fsync)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def left_behind(folders: Iterable[Path]) -> list[Path]:
    """The unfinished files in these folders whose writers were killed."""
    return [each for folder in dict.fromkeys(map(Path.absolute, folders)) for each in _unfinished(folder)]


# ------------------------------------------------------------------------------------------------------- where it goes


def _place(
    target: Path, replace: bool, open_files: Iterable[Path], if_it_exists: str, may_be: Callable[[Path], bool]
) -> Path:
    """The path of the file itself, links resolved."""
    try:
        place, found = Path(os.path.realpath(target)), _stat(target)
    except ValueError:
        raise StoreUnusable("no file can have a name with a NUL character in it") from None
    require_no_store(place, open_files)
    if found is None:
        if target.is_symlink():
            raise StoreUnusable(f"{target} is a link that leads nowhere; name the file itself")
        _require_folder(place)
    elif stat.S_ISDIR(found.st_mode):
        raise StoreUnusable(f"{target} is a folder; name a file")
    elif not replace:
        raise _exists(target, if_it_exists)
    elif not stat.S_ISREG(found.st_mode):
        raise StoreUnusable(f"{target} is no file that can be replaced; name another")
    elif not may_be(place):
        raise StoreUnusable(f"{target} is a store or another SQLite database, and never replaced; name another file")
    return place


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _require_folder(place: Path) -> None:
    if not place.parent.is_dir():
        raise StoreUnusable(f"the folder {place.parent} doesn't exist")
    if not os.access(place.parent, os.W_OK):
        raise StoreUnusable(f"{place} can't be made: the folder is read-only")


def _exists(target: Path, if_it_exists: str) -> StoreUnusable:
    return StoreUnusable(f"{target} exists already; {if_it_exists}")


def _move(unfinished: Path, place: Path, replace: bool) -> None:
    if replace:
        os.replace(unfinished, place)
        return
    try:
        os.link(unfinished, place)  # which never replaces what was made meanwhile
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if place.exists():
            raise FileExistsError from None
        os.rename(unfinished, place)


# -------------------------------------------------------------------------------------------------- while it is written


@contextmanager
def _private_folder(place: Path) -> Iterator[Path]:
    while True:
        prefix = f"{place.name[:_LONGEST_NAME_SHOWN]}."
        folder = Path(tempfile.mkdtemp(suffix=SUFFIX, prefix=prefix, dir=place.parent))
        lock = _lock(folder, wait=True)
        if folder.exists():
            break
        _unlock(lock)  # another process deleted it before it was locked
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _unlock(lock)


def _unfinished(folder: Path) -> Iterator[Path]:
    """The folders of killed writers in a folder, each locked while it is used; one that can't be locked has a
    writer.
    """
    try:
        found = sorted(each for each in folder.iterdir() if each.name.endswith(SUFFIX) and not each.is_symlink())
    except OSError:
        return
    for each in found:
        lock = _lock(each, wait=False)
        try:
            if lock is not None:
                yield each
        finally:
            _unlock(lock)


def _take_away(folder: Path) -> None:
    for each in _unfinished(folder):
        shutil.rmtree(each, ignore_errors=True)


def _lock(folder: Path, *, wait: bool) -> int | None:
    """Lock a folder until this process ends; None where another process has the lock, or none can be had."""
    if fcntl is None:
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _unlock(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)
