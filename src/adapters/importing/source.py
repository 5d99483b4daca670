"""Reading a file's bytes as records: physical lines, their fields, and their problems.

Whatever the bytes are, the result is records, some with a problem. A line or a record is at most MAX_RECORD characters
long, which bounds the memory; a malformed record gives back all lines but its first, so that one stray quote costs one
line. Endless input is refused: a line after MAX_LINE characters, a pipe without a writer after WAIT_FOR_A_WRITER
seconds, a device at once.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any, BinaryIO

from msgspec import Struct

from regulars.adapters.importing.documents import MAX_UNPACKED, is_spreadsheet, json_records, sheet_records, whole
from regulars.adapters.importing.jsonl import NotAnObject, read_line
from regulars.adapters.importing.lines import MAX_RECORD, Lines, TooLong
from regulars.adapters.importing.mapping import Mapping
from regulars.adapters.importing.objections import named_columns
from regulars.adapters.importing.record import Record
from regulars.adapters.importing.text_encoding import UTF_8, found_encoding, guessed_encoding, marked_encoding
from regulars.adapters.importing.vcard import Cards
from regulars.crm_domain.errors import InvalidMapping, NotFound

WAIT_FOR_A_WRITER = 5.0
_PAUSE = 0.02

STANDARD_INPUT = "-"

_GZIP = b"\x1f\x8b"
_CHUNK = 65_536


class CountedBytes(io.RawIOBase):
    """A binary stream that counts the bytes taken from it; the first ones may have been read ahead."""

    def __init__(self, stream: BinaryIO, ahead: bytes = b"") -> None:
        self._ahead = ahead
        # A pipe hands over what it has instead of waiting until a whole buffer is full.
        self._read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        self.count = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read what is available, at most as much as the buffer holds."""
        size = len(buffer)
        data, self._ahead = (self._ahead[:size], self._ahead[size:]) if self._ahead else (self._read(size), b"")
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)


def head_of(path: str | Path) -> str:
    """The first characters of a file, lone surrogates for what is no text. Raises NotFound where it can't be read."""
    with bytes_of(path) as (plain, _):
        head = _peeked(plain)
    encoding = "ascii" if is_spreadsheet(head) else marked_encoding(head) or found_encoding([head])
    return head.decode(encoding, "surrogateescape" if encoding == "ascii" else "replace")


def require_bounds(path: Path) -> None:
    """Raises InvalidMapping for a file that gzip unpacks to more than is taken from people who are not at the machine.

    Spreadsheets are bounded where they are read.
    """
    with path.open("rb") as file:
        if file.read(len(_GZIP)) != _GZIP:
            return
        file.seek(0)
        unpacked = 0
        try:
            with gzip.GzipFile(fileobj=file) as plain:
                while (size := len(plain.read(1 << 20))) and unpacked <= MAX_UNPACKED:
                    unpacked += size
        except (OSError, EOFError, zlib.error):
            return  # what is broken ends early, and is said where it is read
    if unpacked > MAX_UNPACKED:
        raise InvalidMapping(f"the file unpacks to more than {MAX_UNPACKED:,} bytes; split it")


class Reading(Struct):
    """A file that is read: its records, and where the reading stands.

    `encoding` is the one that was found, None where it was said or a mark told it. `count` is how many bytes were read,
    `line` the last line, and `broken` why there are no more, where that is no usual end.
    """

    records: Iterator[Record]
    encoding: str | None
    _source: CountedBytes
    _lines: Lines | None = None

    @property
    def count(self) -> int:
        """The bytes read so far, as the file has them."""
        return self._source.count

    @property
    def line(self) -> int:
        """The number of the last line read."""
        return 0 if self._lines is None else self._lines.number

    @property
    def broken(self) -> str | None:
        """Why the lines end before the file does."""
        return None if self._lines is None else self._lines.broken


@contextmanager
def reading(path: str | Path, mapping: Mapping) -> Iterator[Reading]:
    """The records of a file, decompressed where it is compressed by gzip.

    A byte order mark tells the encoding, whatever was said; without either it is found. `-` is standard input, which
    stays open. Raises NotFound where the file can't be opened, for a pipe without a writer, and for a device other than
    a terminal; InvalidMapping for a file of another format.
    """
    with ExitStack() as stack:
        plain, counted = stack.enter_context(bytes_of(path))
        head = _peeked(plain)
        if mapping.format == "sheet":
            yield Reading(sheet_records(whole(plain), mapping), None, counted)
            return
        if is_spreadsheet(head):
            raise InvalidMapping(f'{path} is a spreadsheet: say format = "sheet", or save it as CSV')
        known = marked_encoding(head) or mapping.encoding
        encoding = known or _found(path, head)
        found = None if known else encoding
        if mapping.format == "json":
            yield Reading(json_records(whole(plain), encoding, mapping), found, counted)
            return
        # A byte that is not text becomes a lone surrogate, which no valid text holds: so it is noticed, row by row.
        text = io.TextIOWrapper(plain, encoding=encoding, errors="surrogateescape", newline="")
        lines = Lines(stack.enter_context(text), encoding)
        yield Reading(_text_records(lines, mapping), found, counted, lines)


@contextmanager
def bytes_of(path: str | Path) -> Iterator[tuple[io.BufferedReader | gzip.GzipFile, CountedBytes]]:
    """The bytes of a file, decompressed where it is compressed by gzip, and how many of its own were read.

    Raises NotFound where it can't be opened.
    """
    with ExitStack() as stack:
        if str(path) == STANDARD_INPUT:
            binary, ahead = sys.stdin.buffer, b""
        else:
            try:
                binary = stack.enter_context(_open(path))
                ahead = _first_bytes(path, binary)
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else error
                raise NotFound(f"{path} can't be read: {reason}") from None
        counted = stack.enter_context(CountedBytes(binary, ahead))
        plain: io.BufferedReader | gzip.GzipFile = io.BufferedReader(counted)
        if _peeked(plain).startswith(_GZIP):
            plain = stack.enter_context(gzip.GzipFile(fileobj=plain, mode="rb"))
        yield plain, counted


def _peeked(plain: io.BufferedReader | gzip.GzipFile) -> bytes:
    """The first bytes, which are read again. Nothing where they can't be read: whoever reads on will say so."""
    try:
        return plain.peek(io.DEFAULT_BUFFER_SIZE)
    except (EOFError, OSError, zlib.error):
        return b""


def _found(path: str | Path, head: bytes) -> str:
    """The encoding of a file without a mark: from all of it, or from its first bytes where it can be read only once."""
    if str(path) == STANDARD_INPUT or not Path(path).is_file():
        return found_encoding([head])
    with bytes_of(path) as (plain, _):
        return found_encoding(_chunks(plain))


def _chunks(plain: io.BufferedReader | gzip.GzipFile) -> Iterator[bytes]:
    try:
        while chunk := plain.read(_CHUNK):
            yield chunk
    except (EOFError, OSError, zlib.error):
        return  # the lines before it are read, and then say so


def _open(path: str | Path) -> BinaryIO:
    """Open a file for reading. A pipe is opened without waiting for a writer."""
    mode = os.stat(path).st_mode
    if stat.S_ISFIFO(mode):
        return open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0)
    file = Path(path).open("rb", buffering=0)  # noqa: SIM115 - whoever asked closes it
    if not (stat.S_ISREG(mode) or file.isatty()):
        file.close()
        raise NotFound(f"{path} is a device, which may have no end; import a file, a pipe or standard input")
    return file


def _first_bytes(path: str | Path, file: BinaryIO) -> bytes:
    """Wait for a pipe's first bytes, up to WAIT_FOR_A_WRITER seconds; later ones may take any time.

    Raises NotFound where none come.
    """
    if os.get_blocking(file.fileno()):
        return b""
    deadline = monotonic() + WAIT_FOR_A_WRITER
    while (found := file.read(io.DEFAULT_BUFFER_SIZE)) == b"":  # None is somebody who has written nothing yet
        if monotonic() > deadline:
            raise NotFound(f"{path} is a pipe, and nothing was written to it within {WAIT_FOR_A_WRITER:g} seconds")
        sleep(_PAUSE)
    os.set_blocking(file.fileno(), True)
    return found or b""


def _text_records(lines: Lines, mapping: Mapping) -> Iterator[Record]:
    """The records of a file after its skipped lines. Records without a single filled field are left out."""
    _skip(lines, mapping.skip_lines)
    reader = _splitter(lines, mapping)
    while True:
        lines.release()
        problem = None
        fields: list[str] = []
        content: list[str] = []
        try:
            fields, content = next(reader)
        except StopIteration:
            return
        except TooLong:
            problem = f"the {'line' if len(lines.held) == 1 else 'record'} is longer than {MAX_RECORD:,} characters"
            lines.give_back()
        except csv.Error as error:
            problem = _no_csv(str(error))
            lines.give_back()
        except NotAnObject as error:
            problem = str(error)
        text = "".join(lines.held).rstrip("\r\n")
        problem = _unreadable(text, lines.encoding) or problem
        if problem is not None:
            yield Record(lines.first, printable(text), [], [], problem)
        elif any(content):
            yield Record(lines.first, text, fields, content)


def _no_csv(error: str) -> str:
    """What the csv module found wrong, in our words."""
    if "expected after" in error:
        return "text follows the quote that ends a cell; a quote within a cell is written twice"
    if "unexpected end" in error:
        return "a quote opens a cell, and none closes it"
    return "a line break stands where none can be"


def _splitter(lines: Lines, mapping: Mapping) -> Iterator[tuple[list[str], list[str]]]:
    """The function that splits lines into fields and content. It isn't a generator, as it goes on after an error."""
    if mapping.format == "jsonl":
        return map(partial(read_line, named_columns(mapping)), lines)
    if mapping.format == "vcard":
        return Cards(lines, named_columns(mapping))
    if mapping.format == "whitespace":
        return map(_stripped, map(str.split, lines))
    form: dict[str, Any] = {"strict": True, "delimiter": mapping.delimiter, "escapechar": mapping.escape}
    if mapping.quote:
        return map(_stripped, csv.reader(lines, quotechar=mapping.quote, **form))
    return map(_stripped, csv.reader(lines, quotechar=None, quoting=csv.QUOTE_NONE, **form))


def _stripped(fields: list[str]) -> tuple[list[str], list[str]]:
    stripped = [field.strip() for field in fields]
    return stripped, stripped


def printable(text: str) -> str:
    """The text with lone surrogates, which stand for undecodable bytes, escaped as `\udcff`."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _unreadable(text: str, encoding: str) -> str | None:
    if "\0" in text:
        return "the line holds a NUL character, which no text does"
    if not text.isascii() and printable(text) != text:
        return f"the line is not valid {encoding}{_other_encoding(text, encoding)}"
    return None


def _other_encoding(text: str, encoding: str) -> str:
    """What the line looks like, where it was read as UTF-8: then its bytes are known."""
    if codecs.lookup(encoding).name not in (UTF_8, "utf-8-sig"):
        return ""
    looks_like = guessed_encoding([text.encode(UTF_8, "surrogateescape")])
    return "" if looks_like == UTF_8 else f'; it looks like {looks_like}: encoding = "{looks_like}"'


def _skip(lines: Lines, count: int) -> None:
    for _ in range(count):
        lines.release()
        try:
            next(lines)
        except StopIteration:
            return
        except TooLong:
            continue
