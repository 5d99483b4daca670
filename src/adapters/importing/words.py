"""The words of a mapping and their errors: templates, date formats, zones, encodings."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, PlainValidator

from regulars.crm_domain.contact import COUNTRIES
from regulars.crm_domain.explain_invalid import MAX_SHOWN
from regulars.crm_domain.money import EXPONENTS

MAX_COLUMNS = 1_000
# More than there are commands; a file may have any number of columns, of any length.
MAX_NAMED = 100

#: ISO 8601; seconds or milliseconds since 1970; days since 30 December 1899, as spreadsheets count them.
NAMED_FORMATS = ("iso", "epoch", "epoch_ms", "excel")

_BRACES = re.compile(r"\{\{|\}\}|\{([^{}]+)\}|[{}]")
# Neither midnight nor a repeated number, so that what a format forgets shows when it is written and read back.
_SAMPLE = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)


def unknown_word(kind: str, word: str, allowed: Iterable[str]) -> str:
    """A sentence for an unknown word: the suggested one, and all that are allowed."""
    known = list(allowed)
    short = [each for each in known if len(each) <= MAX_SHOWN]
    near = difflib.get_close_matches(word, short, n=1) if len(word) <= MAX_SHOWN else []
    guess = f', did you mean "{near[0]}"?' if near else ";"
    said = [each if len(each) <= MAX_SHOWN else f"{each[:MAX_SHOWN]}..." for each in known[:MAX_NAMED]]
    more = ", ..." if len(known) > MAX_NAMED else ""
    return f'there is no {kind} "{word[:MAX_SHOWN]}"{guess} allowed are {", ".join(said)}{more}'


class Format:
    """A date format: whether it has a time of day (`has_time`), an offset from UTC (`has_offset`), and tells no more
    than a month (`is_month`). Raises ValueError.
    """

    def __init__(self, text: str) -> None:
        try:
            parsed = datetime.strptime(_SAMPLE.strftime(text), text)  # noqa: DTZ007 - whether it has a zone is the question
        except (ValueError, re.error) as error:
            raise ValueError(f'"{text}" is not a date format ({error}); expected one such as "%Y-%m-%d"') from None
        self.is_month = parsed.date() == _SAMPLE.date().replace(day=1) and parsed.time() == time()
        if not (self.is_month or parsed.date() == _SAMPLE.date()) or "%Z" in text.replace("%%", ""):
            raise ValueError(f'"{text}" does not tell a day for sure; expected one such as "%Y-%m-%d" or "%d.%m.%y %z"')
        self.has_time = parsed.time() != time()
        self.has_offset = parsed.tzinfo is not None


def is_named_format(text: str) -> bool:
    """Whether a date format has a name of its own, rather than letters that stand for parts of a date."""
    return text in NAMED_FORMATS


def _placeholders(text: str) -> Iterator[str]:
    for found in _BRACES.finditer(text):
        if found.group() in ("{", "}"):
            raise ValueError("a single brace means nothing; write {column} for a cell, {{ and }} for braces")
        if found.group(1) is not None:
            yield found.group(1)


def template_columns(text: str) -> tuple[str, ...]:
    """The columns a template names, in order. Raises ValueError for a brace that stands alone."""
    return tuple(_placeholders(text))


def positional(text: str, index: dict[str, int]) -> str:
    """A template as a `str.format` pattern over the cells of a row, given the index of each column."""
    return _BRACES.sub(lambda found: found.group() if found.group(1) is None else f"{{{index[found.group(1)]}}}", text)


def _constant(value: object) -> str | int:
    if isinstance(value, str):
        template_columns(value)
        return value
    if isinstance(value, int):
        return value
    raise ValueError("expected text, a whole number, true or false, or a table with a column; write the rest as text")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError('there is no such time zone; expected a name such as "Europe/Berlin"') from None
    return name


def _encoding(name: str) -> str:
    try:
        b"".decode(name)
        "".encode(name)
    except (LookupError, ValueError):
        raise ValueError('there is no such text encoding; expected one such as "utf-8" or "cp1252"') from None
    return name


def _currency(code: str) -> str:
    code = code.upper()
    if code not in EXPONENTS:
        raise ValueError("expected a currency code of ISO 4217, such as EUR")
    return code


def _time_of_day(value: object) -> time:
    try:
        parsed = time.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        parsed = None
    if not isinstance(parsed, time) or parsed.tzinfo is not None:
        raise ValueError('expected a time of day such as "12:00"')
    return parsed


def _date_format(text: str) -> str:
    if not is_named_format(text):
        Format(text)
    return text


def _template(text: str) -> str:
    template_columns(text)
    return text


def _threshold(value: object) -> Decimal:
    try:
        if isinstance(value, str | int | Decimal) and not isinstance(value, bool):
            number = Decimal(value)
            if number.is_finite():
                return number
    except InvalidOperation:
        pass
    raise ValueError("expected a number to compare with, such as 0 or 59.90")


def _country(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError("expected a country in two letters of ISO 3166, such as DE")
    return code


def _all_different(words: tuple[str, ...]) -> tuple[str, ...]:
    twice = {word for word in words if words.count(word) > 1}
    if twice:
        raise ValueError(f"{', '.join(sorted(twice))} stands there twice")
    return words


Template = Annotated[str, AfterValidator(_template)]
Threshold = Annotated[Decimal, PlainValidator(_threshold)]
Country = Annotated[str, AfterValidator(_country)]
Zone = Annotated[str, AfterValidator(_zone)]
Currency = Annotated[str, AfterValidator(_currency)]
ColumnNames = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    Field(min_length=1, max_length=MAX_COLUMNS),
    AfterValidator(_all_different),
]
Constant = Annotated[str | int, PlainValidator(_constant)]
DateFormat = Annotated[str, AfterValidator(_date_format)]
TimeOfDay = Annotated[time, PlainValidator(_time_of_day)]
Encoding = Annotated[str, AfterValidator(_encoding)]
