"""The parts of a mapping that read one row's cells: conditions, and the values of a command's fields."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StrictBool, Tag, model_validator

from regulars.adapters.importing.amounts import Rounding
from regulars.adapters.importing.words import (
    Constant,
    Currency,
    DateFormat,
    Format,
    Template,
    Threshold,
    TimeOfDay,
    Zone,
    is_named_format,
    template_columns,
    unknown_word,
)
from regulars.crm_domain.explain_invalid import MAX_OBJECTIONS

_TESTS = ("is", "is_not", "in", "matches", "below", "above", "at_least", "at_most")
# What means something only together with another key of the same cell.
_WITH = {
    **dict.fromkeys(("zone", "time", "day"), "format"),
    **dict.fromkeys(("currency", "decimal_comma", "times", "rounding"), "money"),
}
_OF_TEXT = ("values", "case", "split")


class Table(BaseModel):
    """A table of the mapping: frozen; the error for a misspelt key suggests the right one."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, table: Any) -> Any:
        if isinstance(table, dict):
            allowed = [field.alias or name for name, field in cls.model_fields.items()]
            strange = (str(key) for key in table if key not in allowed)
            unknown = [unknown_word("key", key, allowed) for key in islice(strange, MAX_OBJECTIONS)]
            if unknown:
                raise ValueError("; ".join(unknown))
        return table


class Condition(Table):
    """A test on one cell: exactly one key beside `column`. A cell that counts as empty is the text "".

    `matches` takes * for any text and ? for one character, and capitals don't matter. `below`, `above`, `at_least` and
    `at_most` compare the cell as a number; an empty cell is none of them.
    """

    column: str
    is_: str | None = Field(default=None, alias="is")
    is_not: str | None = None
    in_: tuple[str, ...] | None = Field(default=None, alias="in")
    matches: str | None = None
    below: Threshold | None = None
    above: Threshold | None = None
    at_least: Threshold | None = None
    at_most: Threshold | None = None

    @property
    def comparison(self) -> tuple[str, Decimal] | None:
        """The key that compares the cell as a number, and with what."""
        pairs = ((key, getattr(self, key)) for key in _TESTS[4:])
        return next(((key, number) for key, number in pairs if number is not None), None)

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        said = (self.is_, self.is_not, self.in_, self.matches, *(getattr(self, key) for key in _TESTS[4:]))
        if len(said) - said.count(None) != 1:
            raise ValueError(f"expected a column and exactly one of {', '.join(_TESTS[:-1])} and {_TESTS[-1]}")
        return self


class Cell(Table):
    """A cell (`column`), or several in one text (`text`, a template): a date with `format`, money with `money`.

    Where it is empty, `default` is read in its place, and `optional = true` leaves the field out.
    """

    column: str | None = None
    text: Template | None = None
    default: str | None = None
    optional: StrictBool = False
    values: dict[str, str] | None = None
    case: Literal["lower", "upper"] | None = None
    split: Annotated[str, Field(min_length=1, max_length=10)] | None = None
    format: DateFormat | None = None
    zone: Zone | None = None
    time: TimeOfDay | None = None
    day: Literal["first", "last"] | None = None
    money: Literal["major", "minor"] | None = None
    currency: Currency | None = None
    decimal_comma: StrictBool | None = None
    times: str | None = None
    rounding: Rounding | None = None

    @property
    def read_from(self) -> tuple[str, ...]:
        """The columns that its text is read from."""
        return (self.column,) if self.column is not None else template_columns(str(self.text))

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that it needs."""
        return self.read_from if self.times is None else (*self.read_from, self.times)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.column is None) == (self.text is None):
            raise ValueError("expected either column or text")
        if self.format is not None and self.money is not None:
            raise ValueError("a cell is a date (format) or money, not both")
        for key, needed in _WITH.items():
            if key in self.model_fields_set and getattr(self, needed) is None:
                raise ValueError(f"{key} means something only together with {needed}")
        for key in _OF_TEXT:
            if key in self.model_fields_set and (self.format or self.money):
                raise ValueError(f"{key} is for text, not for a date or money")
        if self.money == "minor" and (self.decimal_comma is not None or self.rounding is not None):
            raise ValueError("minor units are whole numbers; decimal_comma and rounding belong to major units")
        if self.default is not None and self.optional:
            raise ValueError("where the cell is empty there is either a default, or it is left out (optional)")
        self._require_time_and_day_to_fit()
        return self

    def _require_time_and_day_to_fit(self) -> None:
        if self.format is None:
            return
        own = None if is_named_format(self.format) else Format(self.format)
        if self.time is not None and (self.format in ("epoch", "epoch_ms") or (own and own.has_time)):
            raise ValueError(f'time is for dates without a time of day, which "{self.format}" has')
        if (own is not None and own.is_month) != (self.day is not None):
            if self.day is not None:
                raise ValueError(f'day is for months, and "{self.format}" tells the day')
            raise ValueError(f'"{self.format}" does not tell a day for sure; say day = "first" or "last" of the month')


def _scalar_kind(value: object) -> str:
    return "<cell>" if isinstance(value, dict | Cell) else "<constant>"


def _value_kind(value: object) -> str:
    if isinstance(value, Each) or (isinstance(value, dict) and "each" in value):
        return "<each>"
    return "<lines>" if isinstance(value, list | tuple) else _scalar_kind(value)


Scalar = Annotated[Annotated[Cell, Tag("<cell>")] | Annotated[Constant, Tag("<constant>")], Discriminator(_scalar_kind)]
Lines = tuple[dict[str, Scalar], ...]


class Each(Table):
    """An array of objects in JSON: a line of the order for each, read from the keys of that object."""

    column: str
    each: dict[str, Scalar]


Value = Annotated[
    Annotated[Cell, Tag("<cell>")]
    | Annotated[Each, Tag("<each>")]
    | Annotated[Lines, Tag("<lines>")]
    | Annotated[Constant, Tag("<constant>")],
    Discriminator(_value_kind),
]


def columns_of(value: Value) -> tuple[str, ...]:
    """The columns that a value is read from."""
    if isinstance(value, Cell):
        return value.columns
    if isinstance(value, Each):
        return (value.column,)
    if isinstance(value, str):
        return template_columns(value)
    if isinstance(value, tuple):
        return tuple(column for line in value for part in line.values() for column in columns_of(part))
    return ()
