"""Files that hold what is said of people: nobody but the owner may read them, and none is replaced unasked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from crm_domain.errors import RegularsError


@contextmanager
def private_file(path: Path, *, replace: bool) -> Iterator[BinaryIO]:
    """A new file to write, which is taken away again where that fails; a pipe or a device is written directly.

    One that it replaces is there until the new one is whole. Raises RegularsError where there is a file of this name,
    unless it may be replaced.
    """
    if path.exists() and not path.is_file():
        with open(path, "wb") as stream:
            yield stream
        return
    written = path.with_name(f"{path.name}.part") if replace else path
    if replace:
        written.unlink(missing_ok=True)  # of a run that was killed; anybody may be able to read it
    try:
        file = open(written, "xb", opener=_for_the_owner)  # noqa: SIM115 - it is closed below
    except FileExistsError:
        raise RegularsError(f"{path} exists already; name a new file, or replace it with --force") from None
    try:
        with file:
            yield file
        if replace:
            written.replace(path)
    except BaseException:
        written.unlink(missing_ok=True)
        raise


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
