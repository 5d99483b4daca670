"""JSON lines: each line is an object, its keys are the columns, and `customer.email` is a key of an object in it.

A key that is missing or null is an empty cell. So is an object or an array, which has no text that could be meant;
only `each` looks into an array. Numbers keep every digit they are written with, and never pass through a float.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from regulars.crm_domain.explain_invalid import shown

# As an amount or a count no number is longer; written out, 1e999999999 would fill the memory.
MAX_DIGITS = 40

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_canonical = msgspec.json.Encoder(order="sorted").encode


class NotAnObject(Exception):
    """A line isn't a JSON object, or holds something that isn't text; the message is one sentence."""


class Number(str):
    """A cell that is a number in JSON, where the decimal sign is a point."""

    __slots__ = ()


class Nested(str):
    """A cell that is an object or an array, which is its `value`; as text it is empty."""

    value: Any

    @classmethod
    def of(cls, value: Any) -> Nested:
        """The cell that holds this object or array."""
        cell = cls()
        cell.value = value
        return cell


#: The cell of a key that isn't there; one of null is the plain "".
MISSING = Nested.of(None)


def read_line(columns: Sequence[str], text: str) -> tuple[list[str], list[str]]:
    """A line's cells for these columns, and its whole content in canonical form; both are empty for an empty object.

    Raises NotAnObject.
    """
    if not text.strip():
        return [], []
    try:
        found = _decode(text)
    except msgspec.DecodeError as error:
        raise NotAnObject(f"this is not valid JSON: {error}") from None
    except (RecursionError, ArithmeticError, UnicodeError):
        raise NotAnObject("the JSON is nested too deep, or a number in it is beyond all bounds") from None
    if not isinstance(found, dict):
        remedy = '; a file that is one array is format = "json"' if text.lstrip().startswith("[") else ""
        raise NotAnObject(f"expected a JSON object, found {shown(text.strip())}{remedy}")
    return (cells_of(found, columns), [read_object(found)]) if found else ([], [])


def read_object(found: dict[str, Any]) -> str:
    """An object in canonical form. Raises NotAnObject."""
    try:
        return _canonical(found).decode()
    except (RecursionError, ArithmeticError, UnicodeError):
        raise NotAnObject("the JSON is nested too deep, or a number in it is beyond all bounds") from None


def columns_in(text: str) -> tuple[str, ...]:
    """The keys of the first object in the beginning of a JSON text; none where it doesn't end there."""
    decoder = json.JSONDecoder()
    try:
        found, _ = decoder.raw_decode(text, text.index("{"))
    except (ValueError, RecursionError):
        return ()
    arrays = [value for value in found.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
    return tuple(_keys(found)) if len(arrays) != 1 or len(found) > len(arrays) + 2 else tuple(_keys(arrays[0][0]))


def _keys(found: dict[str, Any], path: str = "") -> Iterator[str]:
    for key, value in found.items():
        if isinstance(value, dict):
            yield from _keys(value, f"{path}{key}.")
        elif not isinstance(value, list):
            yield path + key


def cells_of(found: dict[str, Any], columns: Sequence[str]) -> list[str]:
    """One cell for each column. Raises NotAnObject."""
    return [_cell(_look_up(found, column)) for column in columns]


def _look_up(found: dict[str, Any], column: str) -> Any:
    """The value of a key, or else of a path; a key with dots comes first."""
    if column in found:
        return found[column]
    first, dot, rest = column.partition(".")
    inner = found.get(first) if dot else None
    return _look_up(inner, rest) if isinstance(inner, dict) else MISSING


def _cell(value: object) -> str:
    if value is MISSING:
        return MISSING
    if isinstance(value, str):
        if "\0" in value:
            raise NotAnObject("the line holds a NUL character, which no text does")
        return value.strip()
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return Number(written(Decimal(value)))
    return Nested.of(value)


def written(number: Decimal) -> str:
    """A number without an exponent, unless that would be absurdly long."""
    digits = number.as_tuple()
    is_short = len(digits.digits) <= MAX_DIGITS and abs(int(digits.exponent)) <= MAX_DIGITS
    return f"{number:f}" if is_short else str(number)
