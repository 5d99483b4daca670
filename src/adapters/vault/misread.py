"""Text that was read in another encoding than it was written in.

An undecodable byte stands in it as `\\udcff`, as an import keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from unicodedata import normalize

_BYTE = re.compile(r"\\udc([89a-f][0-9a-f])")
_NOT_TEXT = re.compile(r"\\udc[89a-f][0-9a-f]|[\x00-\x08\x0e-\x1f]")  # what UTF-16 leaves between ASCII
_LOST = re.compile(r"\\udc[89a-f][0-9a-f]|[^\t\n\v\f\r\x20-\x7e]")


def is_misread(text: str) -> bool:
    """Whether a text has bytes that its encoding couldn't decode, or characters that no text has."""
    return _NOT_TEXT.search(text) is not None


def in_ascii(text: str) -> str:
    """What of a text is the same in nearly every encoding, in whichever it was read: its characters of ASCII."""
    return _LOST.sub("", normalize("NFC", text))


def other_readings(text: str) -> Iterator[str]:
    """A text as it would read in UTF-16, where it has undecodable bytes; and in UTF-8, where it was read as cp1252 or
    Latin-1 and is valid in it.
    """
    if is_misread(text):
        found = _bytes_of(text, "utf-8")
        for encoding in ("utf-16-le", "utf-16-be"):
            # A line that was cut off at a byte of a line break may begin in the middle of a character.
            yield from ((found or b"")[start:].decode(encoding, "ignore") for start in (0, 1))
    if not text.isascii():
        for encoding in ("cp1252", "latin-1"):
            found = _bytes_of(text, encoding)
            try:
                yield (found or b"").decode()
            except UnicodeDecodeError:
                continue


def _bytes_of(text: str, encoding: str) -> bytes | None:
    """The bytes that a text was read from; None where it wasn't read in this encoding."""
    try:
        return _BYTE.sub(lambda found: chr(0xDC00 + int(found[1], 16)), text).encode(encoding, "surrogateescape")
    except UnicodeEncodeError:
        return None
