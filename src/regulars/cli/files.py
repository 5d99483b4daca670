"""Output files of commands, and standard output."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import typer

from regulars.adapters.whole_files import require_no_store, whole_file
from regulars.crm import Regulars
from regulars.crm_domain.errors import StoreUnusable

_STREAM = re.compile(r"/dev/(stdout|stderr|fd/\d+)|/proc/(self|\d+)/fd/\d+")


@contextmanager
def file_to_write(path: Path, crm: Regulars, *, replace: bool) -> Iterator[BinaryIO]:
    """A file to write, for its owner alone, which is there once it is whole; a pipe or a device is written directly.

    Raises StoreUnusable where it is a store's, or where there is one that isn't to be replaced.
    """
    if _is_a_stream(path):
        require_no_store(path, crm.files)
        with path.open("wb") as stream:
            yield stream
        return
    way_out = "name a new file, or replace it with --force"
    whole = whole_file(path, replace=replace, open_files=crm.files, if_it_exists=way_out)
    with whole as unfinished, unfinished.open("wb") as file:
        yield file


def is_standard_output(path: Path) -> bool:
    """Whether a name such as /dev/stdout stands for what is printed, which may have been redirected to a file."""
    try:
        return bool(_STREAM.fullmatch(str(path))) and os.path.samestat(path.stat(), os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError):
        return False


def require_printing_elsewhere(crm: Regulars) -> None:
    """Raise StoreUnusable where what is printed would be added to a file of the open store, as by `>> shop.db`."""
    for stream in (sys.stdout, sys.stderr):
        try:
            printed_to = os.fstat(stream.fileno())
        except (OSError, ValueError, AttributeError):  # it is closed, or there is none
            continue
        if stat.S_ISREG(printed_to.st_mode) and any(
            os.path.samestat(printed_to, each.stat()) for each in crm.files if each.exists()
        ):
            raise StoreUnusable("what is printed would be written into the store; redirect it to another file")


def keep_to_the_owner() -> None:
    """Where standard output is a file, let only its owner read it from now on, and say so where that can't be."""
    try:
        descriptor = sys.stdout.fileno()
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and found.st_mode & 0o077:
            os.fchmod(descriptor, stat.S_IMODE(found.st_mode) & 0o700)
    except (AttributeError, ValueError):  # there is no such stream, or no such system call
        pass
    except OSError as error:
        typer.echo(f"regulars: others may be able to read the file this is written to: {error.strerror}", err=True)


def _is_a_stream(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)
