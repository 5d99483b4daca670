"""The mails of a file, one after the other: an mbox has many, anything else is one, as an .eml file is.

1. In an mbox a mail begins with a line `From …` that has a time and a year, at the beginning or behind an empty line;
   so a sentence that begins with that word doesn't divide a mail.
2. What was quoted when it was written, `>From `, loses one `>` (mboxrd).
3. Of a mail the first MOST_READ bytes are kept. So memory doesn't grow with the file, however long its mails or lines.

Source: RFC 4155, and the mboxrd variant, which most programs write.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from msgspec import Struct

from regulars.adapters.importing.source import bytes_of
from regulars.crm_domain.errors import StoreUnusable

MOST_READ = 4_000_000
_LINE = 65_536

_BEGINS = re.compile(rb"From .*\d\d:\d\d.*\d{4}")
_QUOTED = re.compile(rb">+From ")
_FIELD = re.compile(rb"\s*[!-9;-~]+:")


class RawMail(Struct, frozen=True):
    """The bytes of a mail, from its first line on; `is_cut` where it is longer than what is read of one."""

    line: int
    content: bytes
    is_cut: bool

    @property
    def has_fields(self) -> bool:
        """Whether it begins with a field, as every mail does (RFC 5322, 2.2)."""
        return _FIELD.match(self.content) is not None


def raw_mails(path: str | Path, on_progress: Callable[[int], None]) -> Generator[RawMail]:
    """The mails of a file, which may be compressed by gzip; `-` is standard input.

    `on_progress` is called with the bytes read so far. Raises NotFound where the file can't be opened, StoreUnusable
    where it can't be read to its end.
    """
    with bytes_of(path) as (plain, counted):
        try:
            for mail in _divided(plain):
                on_progress(counted.count)
                yield mail
        except (EOFError, OSError, zlib.error) as error:  # gzip.BadGzipFile is an OSError
            raise StoreUnusable(f"{path} can't be read to its end: it is damaged or cut off ({error})") from None
        on_progress(counted.count)


def _divided(plain: io.BufferedReader | gzip.GzipFile) -> Iterator[RawMail]:
    kept, begins, is_cut = bytearray(), 1, False
    is_mbox, is_behind_empty, is_at_start = False, True, True
    number = 0
    for piece in iter(lambda: plain.readline(_LINE), b""):
        number += is_at_start
        if is_at_start and is_behind_empty and (_BEGINS.match(piece) or (number == 1 and piece.startswith(b"From "))):
            if kept.strip():
                yield RawMail(begins, bytes(kept), is_cut)
            kept, begins, is_cut, is_mbox = bytearray(), number + 1, False, is_mbox or number == 1
            is_behind_empty = False
            continue
        is_behind_empty = is_at_start and not piece.strip(b"\r\n") and (is_mbox or not kept)
        if is_at_start and is_mbox and _QUOTED.match(piece):
            piece = piece[1:]
        room = MOST_READ - len(kept)
        is_cut = is_cut or len(piece) > room
        kept += piece[: max(room, 0)]
        is_at_start = piece.endswith(b"\n")
    if kept.strip():
        yield RawMail(begins, bytes(kept), is_cut)
