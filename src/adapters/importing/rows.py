"""The rows of a file under a mapping: each with its commands, or with the problem that prevents them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import blake2b
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from regulars.adapters.importing.commands import compile_mapping
from regulars.adapters.importing.grouping import Group, grouped
from regulars.adapters.importing.identity import Keyed, Ordinals, RowIdentity, canonical
from regulars.adapters.importing.in_time import in_time, in_time_once
from regulars.adapters.importing.jsonl import MISSING
from regulars.adapters.importing.mapping import Mapping
from regulars.adapters.importing.objections import (
    columns_outside_lines,
    expected_columns,
    named_columns,
    with_optional,
)
from regulars.adapters.importing.record import Record
from regulars.adapters.importing.source import STANDARD_INPUT, Reading, reading
from regulars.adapters.importing.unusable import Unusable
from regulars.crm_domain.catalogue import Catalogue
from regulars.crm_domain.command import Command
from regulars.crm_domain.errors import InvalidMapping
from regulars.crm_domain.explain_invalid import shown
from regulars.crm_domain.instant import to_instant
from regulars.crm_domain.purchase import RecordPurchase

MAX_COLUMNS_SHOWN = 10
GUESSED = ("cp1252", "gb18030")
SEPARATORS = (",", ";", "\t", "|")


class Row(Struct, frozen=True):
    """A row of the file: its commands in the order to carry them out, or one sentence on why there are none.

    Commands at the places `if_possible` are left out where they are refused; any other refusal rejects the row. Those
    at the places `only_changes` are left out where what they say held already. `line` is the number of its first
    physical line, from 1. `text` is the raw line, or lines where a quoted field holds a line break, without the last
    line ending and cut off at 131,072 characters. `notices` are sentences on what was left out. `customer` is the
    registration of whom a row with a problem speaks of, where that much of it can be read. `match` are the contacts by
    which its customer may be known under another reference. The encoding of one that `is_guess` was guessed.
    """

    line: int
    text: str
    commands: tuple[Command, ...]
    problem: str | None = None
    if_possible: frozenset[int] = frozenset()
    only_changes: frozenset[int] = frozenset()
    notices: tuple[str, ...] = ()
    customer: Command | None = None
    match: tuple[str, ...] = ()
    is_guess: bool = False


def total_bytes(path: str | Path) -> int | None:
    """The size of a file as `rows` counts it, so compressed where it is; None where it isn't known beforehand."""
    if str(path) == STANDARD_INPUT or not Path(path).is_file():
        return None
    return Path(path).stat().st_size


def rows(
    path: str | Path,
    mapping: Mapping,
    catalogue: Catalogue,
    keyed: Keyed,
    on_progress: Callable[[int], None] | None = None,
    on_notice: Callable[[str], None] | None = None,
) -> Generator[Row]:
    """The rows of a file that the mapping selects, read lazily. Each customer's are in order of time; those of one
    instant, and all where no row says when, are in the file's order.

    `keyed` is the store's keyed hash, from bytes to hexadecimal digits; it makes the ids of rows that have none: the
    same row has the same id in every file. `on_progress` is called with the number of bytes read so far, `on_notice`
    with a sentence on what was found out about the file. A row for which no condition holds, and one without a single
    filled cell, is left out. Memory does not grow with the file (see `in_time` and Ordinals). Nothing in the file
    raises, but for a header that lacks a column: InvalidMapping. Raises NotFound where there is no file. Both are
    raised with the first row. JSON lines have no header; a required key that no row had is a problem after the last.
    """
    progress, notice, total = on_progress or _ignore, on_notice or _ignore, total_bytes(path)
    with _opened(path, mapping) as (source, columns, found), closing(Ordinals()) as ordinals:
        if source.encoding in GUESSED:
            notice(f'the file isn\'t UTF-8 and is read as {source.encoding}; say encoding = "{source.encoding}"')
        seen, absent = 0, None
        if columns is not None:
            reader = _RowReader(mapping, columns, catalogue, keyed, ordinals)
            for record, share in _in_time(path, mapping, reader, found, notice):
                row = reader.row(record)
                if source.encoding in GUESSED:
                    row = replace(row, is_guess=True)
                if row.problem is not None or row.commands:
                    yield row
                count = int(share * total) if total and share else source.count
                if count != seen:
                    seen = count
                    progress(seen)
            for _ in found:  # where it was read again for its order: whether it ends early is known at its end
                pass
            absent = reader.absent_columns()
        for problem in (absent, source.broken):
            if problem is not None:
                yield Row(source.line + 1, "", (), problem)
        progress(source.count if total is None else total)


def _ignore(_: object) -> None:
    """The default for `on_progress` and `on_notice`."""


@contextmanager
def _opened(path: str | Path, mapping: Mapping) -> Iterator[tuple[Reading, tuple[str, ...] | None, Iterator[Record]]]:
    """A file with its columns and its records, those that belong together as one."""
    with reading(path, mapping) as source:
        found = source.records
        columns = _columns(found, mapping)
        if columns is not None and mapping.group_by is not None:
            found = grouped(found, [columns.index(column) for column in mapping.group_by], len(columns))
        yield source, columns, found


def _in_time(
    path: str | Path, mapping: Mapping, reader: _RowReader, found: Iterator[Record], notice: Callable[[str], None]
) -> Iterator[tuple[Record, float]]:
    """The records in order of time, each with the share of them that was read; 0 where the source itself tells."""
    if not reader.tells_times:
        return ((record, 0.0) for record in found)
    if total_bytes(path) is None:
        return ((record, 0.0) for record in in_time_once(found, reader.place_of, notice))

    @contextmanager
    def again() -> Iterator[Iterator[Record]]:
        with _opened(path, mapping) as (_, _, records):
            yield records

    return in_time(found, again, reader.place_of, notice)


def _columns(found: Iterator[Record], mapping: Mapping) -> tuple[str, ...] | None:
    """The names of the columns; None where the file ends before it says so."""
    if mapping.names_columns:
        return named_columns(mapping)
    if not mapping.has_header:
        return mapping.columns
    header = next(found, None)
    if header is None or mapping.columns is not None:
        return mapping.columns
    if header.problem is not None:
        raise InvalidMapping(f"the header in line {header.line} can't be read: {header.problem}")
    _require_separated(header, mapping)
    return tuple(header.fields)


def _require_separated(header: Record, mapping: Mapping) -> None:
    """Raises InvalidMapping where the header is one column that nobody meant."""
    separators = [each for each in SEPARATORS if mapping.format == "csv" and each in header.text]
    if len(header.fields) == 1 and separators and header.fields[0] not in named_columns(mapping):
        looks_like = max(separators, key=header.text.count).replace("\t", "\\t")
        one = f"the header is one column, {shown(header.fields[0])}"
        raise InvalidMapping(f'{one}; the separator looks like {looks_like}: delimiter = "{looks_like}"')


class _RowReader:
    """Maps records to rows, for the columns of one file."""

    def __init__(
        self, mapping: Mapping, columns: tuple[str, ...], catalogue: Catalogue, keyed: Keyed, ordinals: Ordinals
    ) -> None:
        everything = with_optional(mapping, columns)
        self._recipes = compile_mapping(mapping, everything, catalogue)
        self._columns = columns
        self._missing = [""] * (len(everything) - len(columns))
        self._ragged_rows = mapping.ragged
        self._match = mapping.match
        self._empty = frozenset(mapping.empty) - {""}
        self._whole = frozenset(everything.index(column) for column in mapping.whole_numbers)
        self._alike = [(everything.index(column), column) for column in columns_outside_lines(mapping)]
        self._keyed = keyed
        self._ordinals = ordinals
        self._identifying = _identifying(mapping, columns)
        self._read_any = False
        expected = expected_columns(mapping) if mapping.format in ("json", "jsonl") else ()
        self._absent = [columns.index(column) for column in expected]

    def absent_columns(self) -> str | None:
        """A sentence on required columns that no row read so far had."""
        if not (self._absent and self._read_any):
            return None
        names = ", ".join(f'"{self._columns[at]}"' for at in self._absent[:MAX_COLUMNS_SHOWN])
        return f"no row of the file has the key {names}, which the mapping names"

    @property
    def tells_times(self) -> bool:
        """Whether any row says when something happened."""
        return self._recipes.tells_times

    def place_of(self, record: Record) -> tuple[int, int | None]:
        """Whose a record is, as a hash, and the latest instant that it names; None for none, and where it can't be
        read.
        """
        if record.problem is not None:
            return 0, None
        try:
            cells = self._cells(record)
            told = self._recipes.last_time_of(cells)
            whose = blake2b(self._recipes.whose(cells).encode(), digest_size=8).digest()
        except Unusable:
            return 0, None
        return int.from_bytes(whose, "big") >> 1, None if told is None else to_instant(told)

    def row(self, record: Record) -> Row:
        if record.problem is not None:
            return Row(record.line, record.text, (), record.problem)
        if self._absent:
            self._absent = [at for at in self._absent if record.fields[at] is MISSING]
        self._read_any = True
        cells: list[str] = []
        notices: list[str] = []
        try:
            cells = self._cells(record)
            identity = RowIdentity(self._identifying(record), self._keyed, self._ordinals)
            told = self._recipes.commands_of(cells, identity, notices)
            for command in told.commands:
                if isinstance(command, RecordPurchase) and command.source is not None:
                    self._require_one_word(command)
            return Row(
                record.line,
                record.text,
                told.commands,
                if_possible=told.if_possible,
                only_changes=told.only_changes,
                notices=tuple(notices),
                match=self._match,
            )
        except Unusable as problem:
            named = self._recipes.customer_of(cells) if cells else None
            return Row(record.line, record.text, (), str(problem), customer=named)

    def _require_one_word(self, told: RecordPurchase) -> None:
        """Raises Unusable where an earlier row says otherwise of an order: the later one would correct it."""
        said = [str(told.source), told.order_id]
        content = told.model_dump_json(include={"amount", "lines", "channel", "coupon"})
        if self._ordinals.next(canonical(["order", *said])) != self._ordinals.next(canonical(["word", *said, content])):
            order = f"order {shown(told.order_id)} stands in the file before, with other content"
            raise Unusable(f"{order}; group_by makes one order of the rows that belong together")

    def _cells(self, record: Record) -> list[str]:
        """The cells of a record, those of the first filled row where it has several. Raises Unusable."""
        first = self._filled(record.fields)
        return Group([first, *map(self._filled, record.more)], self._alike) if record.more else first

    def _filled(self, cells: list[str]) -> list[str]:
        """One cell for each column, what counts as empty and whole numbers as they are meant. Raises Unusable."""
        if len(cells) != len(self._columns):
            cells = self._straightened(cells)
        if self._missing:
            cells = cells + self._missing
        if self._empty:
            cells = ["" if cell in self._empty else cell for cell in cells]
        if self._whole:
            cells = [_whole_number(cell) if at in self._whole else cell for at, cell in enumerate(cells)]
        return cells

    def _straightened(self, cells: list[str]) -> list[str]:
        """As many cells as there are columns. Empty ones at the end are no reason to refuse a row. Raises Unusable."""
        wanted = len(self._columns)
        if len(cells) > wanted and (self._ragged_rows == "cut" or not any(cells[wanted:])):
            return cells[:wanted]
        if len(cells) < wanted and self._ragged_rows != "refuse":
            return cells + [""] * (wanted - len(cells))
        raise Unusable(self._ragged(len(cells)))

    def _ragged(self, found: int) -> str:
        names = ", ".join(self._columns[:MAX_COLUMNS_SHOWN])
        more = ", ..." if len(self._columns) > MAX_COLUMNS_SHOWN else ""
        return f"expected {len(self._columns)} fields ({names}{more}), found {found}"


def _whole_number(cell: str) -> str:
    """17850 for 17850.0, as which a column of whole numbers ends where one of its cells was empty."""
    whole, point, zeros = cell.partition(".")
    return whole if point and whole.lstrip("-").isdecimal() and not zeros.strip("0") else cell


def _identifying(mapping: Mapping, columns: tuple[str, ...]) -> Callable[[Record], Sequence[str]]:
    """The part of a record that identifies it."""
    if mapping.identity is None:
        return lambda record: record.content
    identifying = [columns.index(column) for column in mapping.identity]
    return lambda record: [record.fields[at] for at in identifying if at < len(record.fields)]
