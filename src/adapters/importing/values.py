"""Values of a mapping compiled for the columns of one file: functions from the cells of a row to a field's value."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel

from regulars.adapters.importing.amounts import (
    NotAnAmount,
    Rounding,
    product,
    read_amount,
    read_minor,
    rounded,
)
from regulars.adapters.importing.cells import Cell, Each, Value, columns_of
from regulars.adapters.importing.conditions import Cells
from regulars.adapters.importing.dates import DateForm, day_reader, moment_reader
from regulars.adapters.importing.documents import Dated
from regulars.adapters.importing.grouping import Group
from regulars.adapters.importing.jsonl import Nested, NotAnObject, Number, cells_of
from regulars.adapters.importing.mapping import Mapping
from regulars.adapters.importing.objections import is_amount, is_day, is_moment
from regulars.adapters.importing.unusable import Unusable, refused_amount, refused_cell
from regulars.adapters.importing.words import positional, template_columns
from regulars.crm_domain.birthday import Birthday, parse_birthday
from regulars.crm_domain.contact import clean_email, clean_phone
from regulars.crm_domain.explain_invalid import shown
from regulars.crm_domain.money import exponent_of
from regulars.crm_domain.purchase import OrderLine, RecordPurchase, RecordReturn

Read = Callable[[Cells], Any]  # None where the field is to be left out; raises Unusable

# Most amounts of most files, beyond doubt whatever the decimal sign is unless that is a comma.
_PLAIN = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,2})?")
_PLAIN_DIGITS = 2
_FINE_EXPONENT = 3
_CASES: dict[str | None, Callable[[str], str]] = {None: str, "lower": str.lower, "upper": str.upper}


class Dropped(Struct, frozen=True):
    """A contact cell that can't be read: the field is left out, and the row is taken with this notice."""

    notice: str


class Parts(Struct, frozen=True):
    """The parts of a cell, of which each makes a command of its own."""

    parts: tuple[str, ...]


class Told(Struct, frozen=True):
    """An amount whose currency or rounding is settled when the whole command is known."""

    amount: Decimal
    currencies: frozenset[str]
    rounding: Rounding | None
    text: str


def value_reader(
    model: type[BaseModel], name: str, value: Value, mapping: Mapping, index: dict[str, int], *, whole: bool
) -> Read:
    """How a field is read. With `whole` a text with several columns needs each of them filled."""
    if isinstance(value, tuple):
        return _lines(value, mapping, index)
    if isinstance(value, Each):
        return _each(value, mapping, index[value.column])
    cell = typed(model, name, value)
    if not isinstance(cell, Cell):
        return lambda cells: cell
    text = _text(cell, index, whole)
    where = _where(cell)
    if cell.money is not None:
        return _money(model, cell, text, mapping, index)
    if cell.format is not None:
        return _dated(model, name, cell, text, mapping)
    if name in ("email", "phone"):
        clean = clean_email if name == "email" else partial(clean_phone, country=mapping.country)
        return _contact(clean, text, where)
    if cell.split is not None:
        return _split(cell, cell.split, text, where)
    change = _changed(cell, where)
    if name == "currency":
        return lambda cells: change(found).upper() if (found := text(cells)) else None
    return lambda cells: change(found) if (found := text(cells)) else None


def typed(model: type[BaseModel], name: str, value: Cell | str | int) -> Cell | str | int:
    """The value with the kind that follows from its field: a time in ISO 8601, an amount in major units."""
    if not isinstance(value, Cell | str):
        return value
    cell = value if isinstance(value, Cell) else Cell(text=value)
    if cell.format is None and cell.money is None:
        if is_moment(model, name) or is_day(model, name):
            return cell.model_copy(update={"format": "iso"})
        if is_amount(model, name):
            return cell.model_copy(update={"money": "major"})
    return cell


def value_of(name: str, read: Read, cells: Cells) -> Any:
    """What is read, or an Unusable that names the field."""
    try:
        return read(cells)
    except Unusable as problem:
        raise Unusable(f"{name}: {problem}") from None


def _where(cell: Cell) -> str:
    columns = [f'"{column}"' for column in dict.fromkeys(cell.read_from)]
    return f"column{'s' * (len(columns) > 1)} {' and '.join(columns)}" if columns else "the mapping"


def _dated(model: type[BaseModel], name: str, cell: Cell, text: Callable[[Cells], str], mapping: Mapping) -> Read:
    where = _where(cell)
    form, in_sheets = DateForm(str(cell.format), cell.time, cell.day), DateForm("iso", cell.time)
    if name == "birthday":
        return _birthday(form, text, where)
    if is_day(model, name):
        as_said, as_iso = day_reader(form, where), day_reader(in_sheets, where)
    else:
        zone = cell.zone or mapping.zone
        as_said, as_iso = moment_reader(form, zone, where), moment_reader(in_sheets, zone, where)

    def read(cells: Cells) -> date | None:
        found = text(cells)
        if not found:
            return None
        return as_iso(found) if isinstance(found, Dated) else as_said(found)

    return read


def _birthday(form: DateForm, text: Callable[[Cells], str], where: str) -> Read:
    """A birthday as commands take it; as ISO 8601 writes days, also without its year and of the lunar calendar."""
    as_said, as_iso = day_reader(form, where), day_reader(DateForm("iso"), where)
    is_short = form.format != "iso" and "%y" in form.format.replace("%%", "")

    def read(cells: Cells) -> str | Dropped | None:
        found = text(cells)
        if not found:
            return None
        if form.format == "iso":
            with suppress(ValueError):
                return str(parse_birthday(found))
        try:
            day = as_iso(found) if isinstance(found, Dated) else as_said(found)
        except Unusable as problem:
            return Dropped(f"left out, {problem}")
        born = Birthday(day.month, day.day, day.year)
        if is_short and not isinstance(found, Dated):
            born = replace(born, year=day.year % 100)  # of which century, whoever takes the command knows
        return str(born)

    return read


# --------------------------------------------------------------------------------------------------------------- text


def _text(cell: Cell, index: dict[str, int], whole: bool) -> Callable[[Cells], str]:
    """The text of a cell, or what stands for it where it is empty."""
    filled = _column(index[cell.column]) if cell.column is not None else _template(str(cell.text), index, whole)
    default = cell.default
    return filled if default is None else lambda cells: filled(cells) or default


def _column(at: int) -> Callable[[Cells], str]:
    return lambda cells: cells[at]


def _template(text: str, index: dict[str, int], whole: bool) -> Callable[[Cells], str]:
    filled = positional(text, index).format
    used = sorted({index[column] for column in template_columns(text)})
    if not used:
        constant = filled()
        return lambda cells: constant
    if len(used) == 1:
        at = used[0]
        before, _, after = text.partition("{" + template_columns(text)[0] + "}")
        if not before and not after:
            return lambda cells: cells[at]
        if not {*"{}"} & {*before, *after}:  # several times as quick as to format all cells of a wide file
            return lambda cells: f"{before}{cells[at]}{after}" if cells[at] else ""
        return lambda cells: filled(*cells) if cells[at] else ""
    enough = all if whole else any
    return lambda cells: filled(*cells).strip() if enough(cells[at] for at in used) else ""


def _changed(cell: Cell, where: str) -> Callable[[str], str]:
    """A text in the case, and with the value, that the mapping gives it. What is called raises Unusable."""
    case = _CASES[cell.case]
    values = cell.values
    if values is None:
        return case

    def change(text: str) -> str:
        found = values.get(case(text), values.get("*"))
        if found is None:
            known = ", ".join(list(values)[:20])
            raise Unusable(refused_cell(f"expected one of {known}", where, text, 'or give "*" a value'))
        return found

    return change


def _split(cell: Cell, separator: str, text: Callable[[Cells], str], where: str) -> Read:
    change = _changed(cell, where)

    def read(cells: Cells) -> Parts:
        parts = (part.strip().strip('"') for part in text(cells).split(separator))
        return Parts(tuple(dict.fromkeys(change(part) for part in parts if part)))

    return read


def _contact(clean: Callable[[str], str], text: Callable[[Cells], str], where: str) -> Read:
    def read(cells: Cells) -> str | Dropped | None:
        found = text(cells)
        if not found:
            return None
        try:
            return clean(found)
        except ValueError as problem:
            return Dropped(f"left out, {problem} in {where}, found {shown(found)}")

    return read


# -------------------------------------------------------------------------------------------------------------- lines


def _lines(lines: Sequence[dict[str, Any]], mapping: Mapping, index: dict[str, int]) -> Read:
    """A line all of whose cells are empty is left out; one of constants only is always there."""
    recipes = [
        (
            [(name, value_reader(OrderLine, name, value, mapping, index, whole=False)) for name, value in line.items()],
            [index[column] for value in line.values() for column in columns_of(value)],
        )
        for line in lines
    ]

    def read(cells: Cells) -> list[dict[str, Any]]:
        return [
            {name: value for name, read in reads if (value := value_of(name, read, row)) is not None}
            for row in (cells.rows if isinstance(cells, Group) else (cells,))
            for reads, used in recipes
            if not used or any(row[at] for at in used)
        ]

    return read


def _each(array: Each, mapping: Mapping, at: int) -> Read:
    """A line for each object of an array, but for those without a single filled cell."""
    columns = tuple(dict.fromkeys(column for value in array.each.values() for column in columns_of(value)))
    line = _lines((array.each,), mapping, {column: number for number, column in enumerate(columns)})
    empty = frozenset(mapping.empty)

    def read(cells: Cells) -> list[dict[str, Any]]:
        cell = cells[at]
        found = cell.value or () if isinstance(cell, Nested) else [cell] if cell else ()
        if not isinstance(found, list | tuple) or not all(isinstance(each, dict) for each in found):
            raise Unusable(f'expected an array of objects in column "{array.column}"')
        try:
            inner = [cells_of(each, columns) for each in found]
        except NotAnObject as problem:
            raise Unusable(str(problem)) from None
        return [each for words in inner for each in line(["" if word in empty else word for word in words])]

    return read


# -------------------------------------------------------------------------------------------------------------- money


def _money(
    model: type[BaseModel], cell: Cell, text: Callable[[Cells], str], mapping: Mapping, index: dict[str, int]
) -> Read:
    currency = cell.currency or mapping.currency
    where = _where(cell)
    decimal_comma = mapping.decimal_comma if cell.decimal_comma is None else cell.decimal_comma
    digits = 0 if currency is None else exponent_of(currency)
    is_fine = cell.rounding is not None or digits >= _FINE_EXPONENT
    exponent = digits if cell.money == "minor" else None
    is_quick = exponent is None and not decimal_comma and cell.rounding is None
    times = None if cell.times is None else (index[cell.times], cell.times)

    def parsed(found: str) -> Told:
        with_comma = False if isinstance(found, Number) else decimal_comma
        try:
            if exponent is not None:
                money = read_minor(found, exponent)
            else:
                money = read_amount(found, decimal_comma=with_comma, is_fine=is_fine)
        except NotAnAmount as problem:
            raise Unusable(refused_amount(problem, where, found)) from None
        return Told(money.amount, money.currencies, cell.rounding, found)

    def read(cells: Cells) -> Decimal | Told | None:
        found = text(cells)
        if not found:
            return None
        is_plain = is_quick and _PLAIN.fullmatch(found) is not None
        told = Told(Decimal(found), frozenset(), None, found) if is_plain else parsed(found)
        amount = told.amount
        if times is not None:
            quantity = _quantity(cells[times[0]], times[1], decimal_comma)
            if quantity is None:
                return None
            amount, is_plain = product(amount, quantity), False
        if amount < 0:
            amount = _of_sign(model, amount, cell, found)
        if told.rounding is None and currency is not None and not (is_plain and digits >= _PLAIN_DIGITS):
            _require_coins(amount, currency, where, found)
        if not told.currencies and told.rounding is None:
            return amount
        return Told(amount, told.currencies, told.rounding, found)

    return read


def _quantity(text: str, column: str, decimal_comma: bool | None) -> Decimal | None:
    if not text:
        return None
    try:
        with_comma = False if isinstance(text, Number) else decimal_comma
        return read_amount(text, decimal_comma=with_comma, is_fine=True).amount
    except NotAnAmount as problem:
        raise Unusable(refused_amount(problem, f'column "{column}"', text)) from None


def _require_coins(amount: Decimal, currency: str, where: str, text: str) -> None:
    """Raises Unusable where an amount is finer than its currency."""
    exponent = exponent_of(currency)
    if rounded(amount, exponent, "down") != amount:
        expected = f"expected an amount with at most {exponent} digits after the point"
        remedy = 'rounding = "half_even" would round it'
        raise Unusable(refused_cell(expected, where, text, remedy))


def _of_sign(model: type[BaseModel], amount: Decimal, cell: Cell, text: str) -> Decimal:
    """What a negative amount says: of a return, what came back. Raises Unusable where it may mean a return."""
    if model is RecordReturn:
        return -amount
    if model is RecordPurchase:
        column = cell.columns[0] if cell.columns else ""
        remedy = f'is it a return? tell them apart by when = [{{ column = "{column}", below = 0 }}]'
        raise Unusable(refused_cell("expected an amount from 0 upwards", _where(cell), text, remedy))
    return amount
