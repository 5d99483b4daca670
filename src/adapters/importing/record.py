"""What a file is read as, whatever its format."""

from __future__ import annotations

from msgspec import Struct


class Record(Struct, frozen=True):
    """A record of the file: `line` is its first physical line, from 1; `text` is printable whatever the bytes were.

    `content` identifies it. With a `problem` it has neither fields nor content. `more` are the fields of further rows
    that belong to it.
    """

    line: int
    text: str
    fields: list[str]
    content: list[str]
    problem: str | None = None
    more: tuple[list[str], ...] = ()
