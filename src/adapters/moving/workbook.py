"""A list as a spreadsheet that Excel and LibreOffice open: numbers are numbers, times are times, and text is text.

A workbook has a type for each cell, so nothing depends on the country of whoever opens it, and no text is run as a
formula. It knows no time zones: times are those of the business's zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import partial
from math import isfinite
from pathlib import Path
from types import ModuleType
from typing import Any

from regulars.adapters.whole_files import whole_file
from regulars.crm_domain.errors import StoreUnusable

#: What a sheet, and a cell, has room for, in Excel and whatever reads its files.
MOST_ROWS, MOST_CHARACTERS, MOST_DIGITS = 1_048_576, 32_767, 15
_FIRST_DAY = date(1900, 3, 1)  # before it, Excel counts a day that never was


@contextmanager
def workbook(path: Path, open_files: Sequence[Path], *, zone: tzinfo) -> Iterator[Sheet]:
    """The one sheet of a new workbook, which is there once it is complete.

    Text, numbers, dates and aware datetimes are cells of their kind, None is an empty one. A whole number or a Decimal
    that Excel would round is text, and text that is too long is cut off. Memory doesn't grow with the rows. Raises
    StoreUnusable where the file exists, and for more rows than a sheet has room for.
    """
    library = _library()
    with whole_file(path, open_files=open_files) as unfinished:
        # Its temporary files have what the sheet has, so they are written where nobody else looks.
        options = {"constant_memory": True, "tmpdir": str(unfinished.parent)}
        book = library.Workbook(str(unfinished), options)
        try:
            yield Sheet(book, zone, path)
        finally:
            book.close()


class Sheet:
    """A sheet while it is written. `count` is how many rows it has, without its header."""

    def __init__(self, book: Any, zone: tzinfo, path: Path) -> None:
        self._book = book
        self._zone = zone
        self._path = path
        self._sheet = book.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        self._formats: dict[str, Any] = {}
        self.count = -1

    def write(self, cells: Iterable[object]) -> None:
        """Write a row; the first one is the header."""
        if self.count + 1 == MOST_ROWS:
            raise StoreUnusable(
                f"{self._path} would have more than {MOST_ROWS - 1:,} rows, which no sheet has room for; "
                "print CSV, or fewer"
            )
        is_header = self.count < 0
        for column, value in enumerate(cells):
            if is_header:
                self._sheet.set_column(column, column, 18)
                self._sheet.write_string(0, column, str(value), self._format("bold"))
            else:
                self._write(self.count + 1, column, value)
        self.count += 1

    def _write(self, row: int, column: int, value: object) -> None:
        put = partial(self._sheet.write_string, row, column)
        match value:
            case None:
                return
            case bool():
                self._sheet.write_boolean(row, column, value)
            case int() if abs(value) < 10**MOST_DIGITS:
                self._sheet.write_number(row, column, value)
            case Decimal() if value.is_finite() and len(value.as_tuple().digits) <= MOST_DIGITS:
                self._sheet.write_number(row, column, float(value), self._format(_digits_of(value)))
            case float() if isfinite(value):
                self._sheet.write_number(row, column, value)
            case datetime() if (local := value.astimezone(self._zone).replace(tzinfo=None)).date() >= _FIRST_DAY:
                self._sheet.write_datetime(row, column, local, self._format("yyyy-mm-dd hh:mm:ss"))
            case datetime():
                put(value.astimezone(self._zone).isoformat(sep=" ", timespec="seconds"))
            case date() if value >= _FIRST_DAY:
                self._sheet.write_datetime(row, column, value, self._format("yyyy-mm-dd"))
            case _:
                put(_cut(str(value)))

    def _format(self, name: str) -> Any:
        if name not in self._formats:
            self._formats[name] = self._book.add_format({"bold": True} if name == "bold" else {"num_format": name})
        return self._formats[name]


def _digits_of(value: Decimal) -> str:
    exponent = value.as_tuple().exponent
    return "0" if not isinstance(exponent, int) or exponent >= 0 else f"0.{'0' * -exponent}"


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"


def _library() -> ModuleType:
    try:
        import xlsxwriter
    except ImportError:
        raise StoreUnusable("to write spreadsheets install the extra: pip install 'regulars[excel]'") from None
    found: ModuleType = xlsxwriter
    return found
