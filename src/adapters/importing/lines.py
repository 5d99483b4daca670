"""Physical lines of a text, bounded in length, that can be given back where a record turns out to be malformed."""

from __future__ import annotations

import gzip
import zlib
from collections import deque
from typing import TextIO

# The csv module's own limit for a field, which is global to the process and therefore left alone.
MAX_RECORD = 131_072

# What is no text at all may have no line ends; this much is read within a few seconds.
MAX_LINE = 100_000_000


class TooLong(Exception):
    """The current record has grown beyond MAX_RECORD."""


class Lines:
    """Physical lines, numbered from 1, each with its line ending.

    `held` are the lines of the current record, `first` the number of the first of them. A line longer than MAX_RECORD
    is cut off there, and its rest is skipped.
    Where the stream itself fails, the lines end and `broken` says why. `encoding` is the one that they are read in.
    """

    def __init__(self, stream: TextIO, encoding: str) -> None:
        self._stream = stream
        self.encoding = encoding
        self._given_back: deque[str] = deque()
        self._size = 0
        self.held: list[str] = []
        self.number = 0
        self.first = 0
        self.broken: str | None = None

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        text = self._given_back.popleft() if self._given_back else self._read()
        if not text:
            raise StopIteration
        self.number += 1
        if not self.held:
            self.first = self.number
        self.held.append(text)
        self._size += len(text)
        if self._size > MAX_RECORD:
            raise TooLong
        return text

    def release(self) -> None:
        """Drop the lines of the current record."""
        self.held = []
        self._size = 0

    def forget(self) -> None:
        """Drop the last line from the current record."""
        self._size -= len(self.held.pop())

    def give_back(self) -> None:
        """Read all held lines but the first again."""
        self._given_back.extendleft(reversed(self.held[1:]))
        self.number -= len(self.held) - 1
        del self.held[1:]

    def _read(self) -> str:
        if self.broken is not None:
            return ""
        try:
            text = self._stream.readline(MAX_RECORD + 1)
            rest, size = text if len(text) > MAX_RECORD else "\n", len(text)
            while rest and rest[-1] not in "\r\n":
                rest = self._stream.readline(MAX_RECORD + 1)
                size += len(rest)
                if size > MAX_LINE:
                    self.broken = f"a line doesn't end within {MAX_LINE:,} characters; nothing after it was read"
                    break
        except UnicodeError:
            self.broken = f"the file can't be read beyond this line: it isn't valid {self.encoding}"
            return ""
        except (EOFError, zlib.error, gzip.BadGzipFile):
            self.broken = "the file can't be read beyond this line: it is compressed, and damaged or cut off"
            return ""
        except OSError as error:
            self.broken = f"the file can't be read beyond this line: {error.strerror}"
            return ""
        return text
