"""In which encoding a file is: by its byte order mark, or else by what its bytes can be.

Without a mark it is UTF-8, where most of the lines that aren't ASCII are valid as that; else GB18030, where every run
of other bytes is even and mostly of common characters; else cp1252, which older Windows programs write.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable

#: How much of a file is looked at; beyond it a line that isn't text is a problem of its own.
MAX_SCANNED = 64_000_000
MAX_LINES_WEIGHED = 2_000

UTF_8 = "utf-8"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_RUN = re.compile(rb"[\x80-\xff]+")
# GB 2312 puts its 3,755 common characters first.
_COMMON = range(0xB0, 0xD8)
_TRAILS = range(0xA1, 0xFF)


def marked_encoding(head: bytes) -> str | None:
    """The encoding whose byte order mark these first bytes are."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), None)


def found_encoding(chunks: Iterable[bytes]) -> str:
    """The encoding of what bears no mark, given its bytes from the beginning: utf-8, gb18030 or cp1252."""
    decoder = codecs.getincrementaldecoder(UTF_8)()
    is_valid, scanned = True, 0
    lines: list[bytes] = []
    rest = b""
    for chunk in chunks:
        if is_valid:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                is_valid = False
        *whole, rest = (rest + chunk).split(b"\n") if not (rest + chunk).isascii() else [b""]
        lines += (line for line in whole if not line.isascii())
        scanned += len(chunk)
        if scanned > MAX_SCANNED or len(lines) >= MAX_LINES_WEIGHED:
            break
    return UTF_8 if is_valid else guessed_encoding([*lines, rest])


def guessed_encoding(lines: Iterable[bytes]) -> str:
    """The encoding of lines of which some, at least, aren't ASCII."""
    others = [line for line in lines if not line.isascii()]
    broken = [line for line in others if not _is_valid(line, UTF_8)]
    if len(broken) * 2 <= len(others):
        return UTF_8
    return "gb18030" if _is_chinese(broken) else "cp1252"


def _is_chinese(lines: list[bytes]) -> bool:
    runs = [run for line in lines for run in _RUN.findall(line)]
    if any(len(run) % 2 for run in runs) or not all(_is_valid(line, "gb18030") for line in lines):
        return False
    pairs = [run[at : at + 2] for run in runs for at in range(0, len(run), 2)]
    common = sum(pair[0] in _COMMON and pair[1] in _TRAILS for pair in pairs)
    return common * 2 > len(pairs)


def _is_valid(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
