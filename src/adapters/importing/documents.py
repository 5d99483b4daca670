"""Files that are read as a whole: a JSON array of objects, and the sheets of a spreadsheet."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from regulars.adapters.importing.jsonl import NotAnObject, Number, cells_of, read_object, written
from regulars.adapters.importing.mapping import Mapping
from regulars.adapters.importing.objections import named_columns
from regulars.adapters.importing.record import Record
from regulars.crm_domain.errors import InvalidMapping
from regulars.crm_domain.explain_invalid import shown

MAX_BYTES = 200_000_000
MAX_UNPACKED = 1_000_000_000

_ZIP = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"


class Dated(str):
    """A cell that is a date in a spreadsheet, written in ISO 8601 whatever it looks like there."""

    __slots__ = ()


def is_spreadsheet(head: bytes) -> bool:
    """Whether a file begins as spreadsheets do."""
    return head.startswith((_ZIP, _OLD_EXCEL))


def whole(stream: io.BufferedIOBase) -> bytes:
    """All of a file that can't be read in part. Raises InvalidMapping beyond MAX_BYTES, and for broken gzip."""
    try:
        data = stream.read(MAX_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InvalidMapping(f"the file can't be unpacked to its end: {error}") from None
    if len(data) > MAX_BYTES:
        raise InvalidMapping(f"the file is larger than {MAX_BYTES:,} bytes; save it as CSV or as JSON lines")
    return data


# --------------------------------------------------------------------------------------------------------------- JSON


def json_records(data: bytes, encoding: str, mapping: Mapping) -> Iterator[Record]:
    """The objects of an array, or of the one array in an object; `line` is the number of the object, from 1.

    Raises InvalidMapping.
    """
    columns = named_columns(mapping)
    for number, found in enumerate(_array(data, encoding), 1):
        try:
            if not isinstance(found, dict):
                raise NotAnObject(f"expected a JSON object, found {shown(found)}")
            fields, content = cells_of(found, columns), read_object(found)
        except NotAnObject as problem:
            yield Record(number, shown(found), [], [], str(problem))
            continue
        if found:
            yield Record(number, content, fields, [content])


def _array(data: bytes, encoding: str) -> Sequence[Any]:
    try:
        found = msgspec.json.Decoder(float_hook=Decimal).decode(data.decode(encoding).lstrip("\ufeff"))
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InvalidMapping(f"this is not valid JSON: {error}") from None
    except (RecursionError, ArithmeticError):
        raise InvalidMapping("the JSON is nested too deep, or a number in it is beyond all bounds") from None
    if isinstance(found, dict):
        arrays = [value for value in found.values() if isinstance(value, list)]
        found = arrays[0] if len(arrays) == 1 else found
    if not isinstance(found, list):
        raise InvalidMapping('expected an array of objects, as [{"id": 1}, {"id": 2}]; one a line is format = "jsonl"')
    return found


# ------------------------------------------------------------------------------------------------------------- sheets


def sheet_records(data: bytes, mapping: Mapping) -> Iterator[Record]:
    """The rows of a sheet, empty ones left out; `line` is the row's number in it. Raises InvalidMapping."""
    sheet = _sheet(data, mapping.sheet)
    first = 1 if sheet.start is None else sheet.start[0] + 1
    for number, row in enumerate(sheet.iter_rows(), first):
        fields = [_cell(value) for value in row]
        if number > mapping.skip_lines and any(fields):
            text = "\t".join(fields)
            problem = "the row holds a NUL character, which no text does" if "\0" in text else None
            yield Record(number, text.replace("\0", ""), fields, fields, problem)


def _sheet(data: bytes, name: str | None) -> Any:
    try:
        import python_calamine
    except ImportError:
        raise InvalidMapping(
            "to read spreadsheets install the extra: pip install 'regulars[excel]'; or save the file as CSV"
        ) from None
    _require_bounds(data)
    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        names = workbook.sheet_names
        if not names or (name is not None and name not in names):
            raise InvalidMapping(f'there is no sheet "{name or ""}"; there are {", ".join(names) or "none"}')
        return workbook.get_sheet_by_name(names[0] if name is None else name)
    except (python_calamine.CalamineError, python_calamine.PasswordError, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise InvalidMapping(f"the spreadsheet can't be read: {reason}; save it as CSV") from None


def _require_bounds(data: bytes) -> None:
    """Raises InvalidMapping for what unpacks to more than fits."""
    if not data.startswith(_ZIP):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            unpacked = sum(each.file_size for each in packed.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise InvalidMapping(f"the spreadsheet can't be read: {error}; save it as CSV") from None
    if unpacked > MAX_UNPACKED:
        raise InvalidMapping(f"the spreadsheet unpacks to more than {MAX_UNPACKED:,} bytes; save it as CSV")


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return Number(written(Decimal(int(value))))
    if isinstance(value, int | float):
        return Number(written(Decimal(str(value))))
    if isinstance(value, datetime):
        return Dated(value.isoformat())
    return Dated(value.isoformat()) if isinstance(value, date) else str(value)
