"""A file and a mapping become rows: each with its commands, or with the problem that stands in their way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from operator import itemgetter
from pathlib import Path

from msgspec import Struct

from adapters.importing.commands import Recipes, Unusable, compile_mapping
from adapters.importing.identity import Keyed, Ordinals, RowIdentity
from adapters.importing.mapping import Mapping
from adapters.importing.source import STANDARD_INPUT, Record, opened, records
from crm_domain.command import Command
from crm_domain.errors import InvalidMapping

MAX_COLUMNS_SHOWN = 10


class Row(Struct, frozen=True):
    """A row of the file: commands in the order they are to be carried out, or one sentence on why there are none.

    `line` is the number of its first physical line, from 1. `text` is the raw line, or lines where a quoted field
    holds a line break, without the last line ending and cut off at 131,072 characters.
    """

    line: int
    text: str
    commands: tuple[Command, ...]
    problem: str | None = None


def total_bytes(path: str | Path) -> int | None:
    """The size of a file as `rows` counts it, so compressed where it is; None where that can't be known beforehand."""
    if str(path) == STANDARD_INPUT or not Path(path).is_file():
        return None
    return Path(path).stat().st_size


def rows(
    path: str | Path, mapping: Mapping, keyed: Keyed, on_progress: Callable[[int], None] | None = None
) -> Iterator[Row]:
    """The rows of a file that the mapping wants, in the file's order, read as they are asked for.

    `keyed` is the store's keyed hash, from bytes to hexadecimal digits; it makes the ids of rows that have none: the
    same row has the same id in every file. `on_progress` is called with the number of bytes read so far. A row that
    no condition lets pass, and one without a single filled cell, is left out. Memory does not grow with the file
    (see Ordinals). Nothing in the file raises, but for a header that lacks a column: InvalidMapping. Raises NotFound
    where there is no file. Both come with the first row asked for.
    """
    progress = on_progress or _ignore
    with opened(path, mapping.encoding) as (lines, source), closing(Ordinals()) as ordinals:
        found = records(lines, mapping)
        columns = _columns(found, mapping)
        seen = 0
        if columns is not None:
            reader = _RowReader(mapping, columns, keyed, ordinals)
            for record in found:
                row = reader.row(record)
                if row.problem is not None or row.commands:
                    yield row
                if source.count != seen:
                    seen = source.count
                    progress(seen)
        if lines.broken is not None:
            yield Row(lines.number + 1, "", (), lines.broken)
        progress(source.count)


def _ignore(count: int) -> None:
    """Nobody wants to know."""


def _columns(found: Iterator[Record], mapping: Mapping) -> tuple[str, ...] | None:
    """The names of the columns; None where the file ends before it says so."""
    if not mapping.has_header:
        return mapping.columns
    header = next(found, None)
    if header is None or mapping.columns is not None:
        return mapping.columns
    if header.problem is not None:
        raise InvalidMapping(f"the header in line {header.line} can't be read: {header.problem}")
    return tuple(header.fields)


class _RowReader:
    """Turns records into rows, for the columns of one file."""

    def __init__(self, mapping: Mapping, columns: tuple[str, ...], keyed: Keyed, ordinals: Ordinals) -> None:
        self._recipes: Recipes = compile_mapping(mapping, columns)
        self._columns = columns
        self._empty = frozenset(mapping.empty)
        self._keyed = keyed
        self._ordinals = ordinals
        self._identifying = _identifying(mapping, columns)

    def row(self, record: Record) -> Row:
        if record.problem is not None:
            return Row(record.line, record.text, (), record.problem)
        cells = record.fields
        if len(cells) != len(self._columns):
            return Row(record.line, record.text, (), self._ragged(len(cells)))
        identity = RowIdentity(self._identifying(cells), self._keyed, self._ordinals)
        if self._empty:
            cells = ["" if cell in self._empty else cell for cell in cells]
        try:
            return Row(record.line, record.text, self._recipes.commands_of(cells, identity))
        except Unusable as problem:
            return Row(record.line, record.text, (), str(problem))

    def _ragged(self, found: int) -> str:
        names = ", ".join(self._columns[:MAX_COLUMNS_SHOWN])
        more = ", ..." if len(self._columns) > MAX_COLUMNS_SHOWN else ""
        return f"expected {len(self._columns)} fields ({names}{more}), found {found}"


def _identifying(mapping: Mapping, columns: tuple[str, ...]) -> Callable[[Sequence[str]], Sequence[str]]:
    """What of a row makes it the same as another."""
    if mapping.identity is None:
        return lambda cells: cells
    if len(mapping.identity) == 1:
        only = columns.index(mapping.identity[0])
        return lambda cells: (cells[only],)
    return itemgetter(*(columns.index(column) for column in mapping.identity))
