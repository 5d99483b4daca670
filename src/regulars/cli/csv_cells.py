"""Lists as rows: CSV, its cells escaped against formula injection or raw, CSV for Excel, and workbooks.

Rows are of values; each form writes them in its own way. CSV has times in UTC and decimals with a point. For Excel,
which takes what it reads for its own country's, the option says how that country writes decimals: `comma` sets cells
apart by semicolons, `point` by commas. Nothing depends on the locale of this process.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, TextIO
from zoneinfo import ZoneInfo

import typer
from msgspec import Struct

from regulars.cli import render
from regulars.crm import Regulars
from regulars.wording.spreadsheet_cells import harmless, harmless_first

CsvOption = Annotated[
    bool,
    typer.Option(
        "--csv",
        help="Print CSV. A cell that a spreadsheet would run as a formula gets an apostrophe in front, but for phone "
        "numbers and other numbers, which run nothing.",
    ),
]
RawOption = Annotated[
    bool, typer.Option("--raw", help="With --csv: leave every cell as it is, for programs other than spreadsheets.")
]

#: How a country writes decimals, on which it depends what Excel takes for the sign between cells.
Decimals = Literal["comma", "point"]
ExcelOption = Annotated[
    Decimals | None,
    typer.Option(
        "--excel",
        help="Print CSV that Excel opens: where decimals are written with a comma, or with a point. Times are in the "
        "business's zone.",
    ),
]
XlsxOption = Annotated[
    Path | None,
    typer.Option(
        "--xlsx", metavar="FILE", help="Write a new Excel workbook, with numbers and times as such. It is yours alone."
    ),
]

WriteRow = Callable[[Iterable[object]], object]

class Rows(Struct, frozen=True):
    """In which form rows were asked for, if any."""

    as_csv: bool
    raw: bool
    excel: Decimals | None
    xlsx: Path | None

    @property
    def are_asked(self) -> bool:
        """Whether rows are wanted, and no table."""
        return self.as_csv or self.excel is not None or self.xlsx is not None

    @contextmanager
    def written(self, crm: Regulars) -> Iterator[WriteRow]:
        """The function that writes a row. Raises StoreUnusable where a workbook can't be written."""
        zone = ZoneInfo(crm.ruleset.business.timezone)
        if self.xlsx is not None:
            from regulars.adapters.moving.workbook import workbook  # few need it

            with workbook(self.xlsx, crm.files, zone=zone) as sheet:
                yield sheet.write
            render.draw(f"{sheet.count:,} rows in {render.clean(str(self.xlsx))}")
        elif self.excel is not None:
            yield excel_writer(sys.stdout, self.excel, zone)
        else:
            yield csv_writer(sys.stdout, raw=self.raw)


def rows_asked(*, as_csv: bool, raw: bool, excel: Decimals | None, xlsx: Path | None, json: bool) -> Rows:
    """The form of rows that some options ask for. Raises BadParameter for options that exclude each other."""
    if raw and not as_csv:
        raise typer.BadParameter("it means something only together with --csv", param_hint="--raw")
    require_one({"--json": json, "--csv": as_csv, "--excel": excel is not None, "--xlsx": xlsx is not None})
    return Rows(as_csv, raw, excel, xlsx)


def require_one(given: Mapping[str, bool]) -> None:
    """Raise BadParameter where more than one of some options are given."""
    if len(chosen := [name for name, is_given in given.items() if is_given]) > 1:
        raise typer.BadParameter("choose one of them", param_hint=" and ".join(chosen))


# Where cells are set apart by semicolons, nothing quotes a comma, at which another country's spreadsheet splits.
_FORMULA_AT_A_COMMA = re.compile(r"(?<=,)(?=\"*[=+\-@＝＋－＠])")


def csv_writer(stream: TextIO, *, raw: bool) -> WriteRow:
    """The function that writes a row of CSV, of harmless cells or of cells as they are."""
    return _raw_writer(stream) if raw else _harmless_writer(stream)


def _raw_writer(stream: TextIO) -> WriteRow:
    write = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow  # a return needs quotes, too
    return lambda cells: write(map(_plain, cells))


def _harmless_writer(stream: TextIO) -> WriteRow:
    writer = csv.writer(stream, lineterminator="\n")

    def write(cells: Iterable[object]) -> None:
        first, *others = map(_plain, cells)
        writer.writerow([harmless_first(first), *map(harmless, others)])

    return write


def _plain(value: object) -> object:
    """A value as CSV has it: times and days in ISO 8601, decimals with a point."""
    match value:
        case date():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case _:
            return value


def excel_writer(stream: TextIO, decimals: Decimals, zone: tzinfo) -> WriteRow:
    """The function that writes a row of CSV for Excel, which takes a file for UTF-8 that begins with a byte order mark.

    Times are those of a zone.
    """
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8")
    stream.write("\ufeff")
    delimiter, point = (";", ",") if decimals == "comma" else (",", ".")
    writer = csv.writer(stream, lineterminator="\n", delimiter=delimiter)

    def cell(value: object, clean: Callable[[object], object]) -> object:
        match value:
            case datetime():
                return value.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
            case date():
                return value.isoformat()
            case Decimal() | float():
                return format(Decimal(str(value)), "f").replace(".", point)
            case str():
                return _FORMULA_AT_A_COMMA.sub("'", str(clean(value)))
            case _:
                return value

    def write(cells: Iterable[object]) -> None:
        first, *others = cells
        writer.writerow([cell(first, harmless_first), *(cell(each, harmless) for each in others)])

    return write
