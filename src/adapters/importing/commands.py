"""A mapping compiled for the columns of one file: a function from the cells of a row to its commands.

Everything that depends on the mapping alone is decided once; for each row there are only look-ups by index.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from pydantic import BaseModel, ValidationError

from regulars.adapters.importing.identity import RowIdentity
from regulars.adapters.importing.jsonl import Nested, NotAnObject, Number, cells_of
from regulars.adapters.importing.mapping import (
    Cell,
    CommandMapping,
    Condition,
    Each,
    Mapping,
    Value,
    columns_of,
    currencies_of,
    derived_field,
    is_day,
    objections_to_columns,
)
from regulars.adapters.importing.words import positional, template_columns
from regulars.crm_domain.catalogue import Catalogue
from regulars.crm_domain.command import Command
from regulars.crm_domain.customer import RegisterCustomer
from regulars.crm_domain.errors import InvalidMapping
from regulars.crm_domain.explain_invalid import sentence, shown
from regulars.crm_domain.money import exponent_of
from regulars.crm_domain.purchase import OrderLine

# Files are mostly sorted by customer or by date; a few years of days is plenty.
CACHED_DATES = 4_096
# Far more digits than the largest amount has, and few enough for Decimal to be exact.
MAX_MONEY_CHARACTERS = 24

_MINOR = re.compile(r"-?[0-9]+")
_MAJOR = re.compile(r"-?(?:[0-9]{1,3}(?:[,' \u00a0\u202f][0-9]{3})+|[0-9]+)(?:\.[0-9]+)?")
_MAJOR_WITH_COMMA = re.compile(r"-?(?:[0-9]{1,3}(?:[.' \u00a0\u202f][0-9]{3})+|[0-9]+)(?:,[0-9]+)?")
_UNGROUPED = str.maketrans("", "", ",' \u00a0\u202f")
_UNGROUPED_WITH_COMMA = str.maketrans(",", ".", ".' \u00a0\u202f")

# A reference or an id of which a part is missing would make one customer, or one order, out of many.
_NEEDS_EVERY_CELL = frozenset(
    {"ref", "customer", "referred", "order_id", "return_id", "interaction_id", "command_id", "email", "phone"}
)

Cells = Sequence[str]
Read = Callable[[Cells], Any]  # None where the field is to be left out; raises Unusable
Test = Callable[[Cells], bool]


class Unusable(Exception):
    """A row can't be mapped to commands; the message is one sentence."""


class Recipe(Struct, frozen=True, kw_only=True):
    """The compiled mapping of one command: its class, its place in the mapping, and a reader for each field."""

    model: type[Command]
    number: int
    tests: tuple[Test, ...]
    reads: tuple[tuple[str, Read], ...]
    needed: dict[str, tuple[str, ...]]
    derived: str | None
    if_possible: bool

    def applies(self, cells: Cells) -> bool:
        """Whether all conditions of the command hold for a row."""
        return all(test(cells) for test in self.tests)

    def occurred_at(self, cells: Cells) -> datetime | None:
        """The instant of the command's event, where the mapping has it. Raises Unusable."""
        for name, read in self.reads:
            if name == "occurred_at":
                moment: datetime | None = _value(name, read, cells)
                return moment
        return None

    def values(self, cells: Cells) -> dict[str, Any]:
        """The fields of the command that the row fills. Raises Unusable."""
        values = {}
        for name, read in self.reads:
            value = _value(name, read, cells)
            if value is not None:
                values[name] = value
        for name, columns in self.needed.items():
            if name not in values:
                raise Unusable(f"{name}: a value is needed, found nothing in {' or '.join(columns)}")
        return values

    def command(self, values: dict[str, Any]) -> Command:
        """The command with these fields. Raises Unusable."""
        try:
            return self.model(**values)
        except ValidationError as error:
            raise Unusable(sentence(error)) from None


class Recipes(Struct, frozen=True):
    """The compiled mapping: conditions on rows, the customer's registration, and the commands."""

    only: tuple[Test, ...]
    customer: Recipe | None
    commands: tuple[Recipe, ...]

    def commands_of(self, cells: Cells, identity: RowIdentity) -> tuple[tuple[Command, ...], frozenset[int]]:
        """The row's commands, its customer's registration first, and the places among them of those `if_possible`.

        None where no condition holds. Raises Unusable.
        """
        if not all(test(cells) for test in self.only):
            return (), frozenset()
        applying = [recipe for recipe in self.commands if recipe.applies(cells)]
        commands = [recipe.command(_with_id(recipe, cells, identity)) for recipe in applying]
        if self.customer is not None:
            commands.insert(0, self._registration(self.customer, cells, applying))
        before = len(commands) - len(applying)
        return tuple(commands), frozenset(at for at, recipe in enumerate(applying, before) if recipe.if_possible)

    def _registration(self, customer: Recipe, cells: Cells, applying: list[Recipe]) -> Command:
        values = customer.values(cells)
        if "occurred_at" not in values:
            for recipe in (applying or self.commands)[:1]:
                values["occurred_at"] = recipe.occurred_at(cells)
        return customer.command(values)


def compile_mapping(mapping: Mapping, columns: tuple[str, ...], catalogue: Catalogue) -> Recipes:
    """Compile a mapping for a file's columns. Raises InvalidMapping where it names others, or unknown commands."""
    strange = (each.do for each in mapping.command if each.do not in catalogue.commands)
    unknown = [f'"{name}" is no command of this store' for name in strange]
    objections = [*unknown, *objections_to_columns(mapping, columns)]
    if objections:
        raise InvalidMapping("; ".join(objections))
    index = {column: number for number, column in enumerate(columns)}
    customer = None
    if mapping.customer is not None:
        customer = _recipe(RegisterCustomer, 0, (), mapping.customer, mapping, index, if_possible=False)
    commands = tuple(
        _command(number, command, mapping, index, catalogue) for number, command in enumerate(mapping.command)
    )
    return Recipes(_tests(mapping.only, mapping, index), customer, commands)


def _command(
    number: int, command: CommandMapping, mapping: Mapping, index: dict[str, int], catalogue: Catalogue
) -> Recipe:
    model = catalogue.commands[command.do]
    _, way = catalogue.addresses[model]
    fields = dict(command.fields)
    if mapping.customer is not None and "customer" in model.model_fields:
        fields.setdefault("customer", mapping.customer["ref"])
    currency = next(iter(currencies_of(fields)), mapping.currency)
    if currency is not None and "currency" in model.model_fields:
        fields.setdefault("currency", currency)
    whole = _NEEDS_EVERY_CELL.union(field for field in (way.customer, way.key) if field is not None)
    return _recipe(model, number, command.when, fields, mapping, index, if_possible=command.if_possible, whole=whole)


def _recipe(
    model: type[Command],
    number: int,
    when: tuple[Condition, ...],
    fields: dict[str, Value],
    mapping: Mapping,
    index: dict[str, int],
    *,
    if_possible: bool,
    whole: frozenset[str] = _NEEDS_EVERY_CELL,
) -> Recipe:
    registers = model is RegisterCustomer
    derived = None if registers else derived_field(model)
    needed = {name for name, field in model.model_fields.items() if field.is_required()} - {derived}
    if registers:
        needed.add("ref")
    return Recipe(
        model=model,
        number=number,
        tests=_tests(when, mapping, index),
        reads=tuple((name, _reader(model, name, value, mapping, index, whole)) for name, value in fields.items()),
        needed={name: columns_of(fields[name]) for name in sorted(needed)},
        derived=derived,
        if_possible=if_possible,
    )


def _with_id(recipe: Recipe, cells: Cells, identity: RowIdentity) -> dict[str, Any]:
    values = recipe.values(cells)
    if recipe.derived is not None and recipe.derived not in values:
        values[recipe.derived] = identity.of_command(recipe.number)
    return values


def _value(name: str, read: Read, cells: Cells) -> Any:
    try:
        return read(cells)
    except Unusable as problem:
        raise Unusable(f"{name}: {problem}") from None


# --------------------------------------------------------------------------------------------------------- conditions


def _tests(conditions: tuple[Condition, ...], mapping: Mapping, index: dict[str, int]) -> tuple[Test, ...]:
    return tuple(_test(condition, mapping, index[condition.column]) for condition in conditions)


def _test(condition: Condition, mapping: Mapping, at: int) -> Test:
    # Cells that count as empty are "" by the time they are compared, so the words compared with are, too.
    words = condition.in_ if condition.in_ is not None else (condition.is_, condition.is_not)
    wanted = frozenset("" if word in mapping.empty else word for word in words if word is not None)
    if condition.is_not is not None:
        return lambda cells: cells[at] not in wanted
    return lambda cells: cells[at] in wanted


# ------------------------------------------------------------------------------------------------------------- values


def _reader(
    model: type[BaseModel],
    name: str,
    value: Value,
    mapping: Mapping,
    index: dict[str, int],
    whole: frozenset[str] = _NEEDS_EVERY_CELL,
) -> Read:
    if isinstance(value, tuple):
        return _lines(value, mapping, index)
    if isinstance(value, Each):
        return _each(value, mapping, index[value.column])
    if isinstance(value, str):
        return _template(value, index, name in whole)
    if not isinstance(value, Cell):
        return lambda cells: value
    at = index[value.column]
    if value.money is not None:
        return _money(value, at, value.currency or mapping.currency)
    if value.format is not None:
        return _day(value, at) if is_day(model, name) else _moment(value, at, value.zone or mapping.zone)
    return lambda cells: cells[at] or None


def _template(text: str, index: dict[str, int], needs_every_cell: bool) -> Read:
    filled = positional(text, index).format
    used = sorted({index[column] for column in template_columns(text)})
    if not used:
        constant = filled()
        return lambda cells: constant
    if len(used) == 1:
        at = used[0]
        return lambda cells: filled(*cells) if cells[at] else None
    enough = all if needs_every_cell else any

    def read(cells: Cells) -> str | None:
        return filled(*cells).strip() if enough(cells[at] for at in used) else None

    return read


def _lines(lines: Sequence[dict[str, Any]], mapping: Mapping, index: dict[str, int]) -> Read:
    """A line all of whose cells are empty is left out; one of constants only is always there."""
    recipes = [
        (
            [(name, _reader(OrderLine, name, value, mapping, index)) for name, value in line.items()],
            [index[column] for value in line.values() for column in columns_of(value)],
        )
        for line in lines
    ]

    def read(cells: Cells) -> list[dict[str, Any]]:
        return [
            {name: value for name, read in reads if (value := _value(name, read, cells)) is not None}
            for reads, used in recipes
            if not used or any(cells[at] for at in used)
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


def _money(cell: Cell, at: int, currency: str | None) -> Read:
    if cell.money == "minor":
        return _minor(cell.column, at, -exponent_of(str(currency)))
    with_point = _major(cell.column, at, _MAJOR, _UNGROUPED, "1,234.50")
    if not cell.decimal_comma:
        return with_point
    with_comma = _major(cell.column, at, _MAJOR_WITH_COMMA, _UNGROUPED_WITH_COMMA, "1.234,50")
    return lambda cells: (with_point if isinstance(cells[at], Number) else with_comma)(cells)


def _major(column: str, at: int, pattern: re.Pattern[str], ungrouped: dict[int, int | None], example: str) -> Read:
    def read(cells: Cells) -> Decimal | None:
        text = cells[at]
        if not text:
            return None
        if len(text) > MAX_MONEY_CHARACTERS or pattern.fullmatch(text) is None:
            raise Unusable(f'expected an amount such as {example} in column "{column}", found {shown(text)}')
        return Decimal(text.translate(ungrouped))

    return read


def _minor(column: str, at: int, shift: int) -> Read:
    def read(cells: Cells) -> Decimal | None:
        text = cells[at]
        if not text:
            return None
        if len(text) > MAX_MONEY_CHARACTERS or _MINOR.fullmatch(text) is None:
            raise Unusable(
                f'expected an amount in minor units, such as 5990, in column "{column}", found {shown(text)}'
            )
        return Decimal(text).scaleb(shift)

    return read


def _moment(cell: Cell, at: int, zone_name: str | None) -> Read:
    zone = None if zone_name is None else ZoneInfo(zone_name)
    time_of_day: time = cell.time or time()

    @lru_cache(maxsize=CACHED_DATES)
    def moment(text: str) -> datetime:
        parsed = _parsed(cell, text)
        if not isinstance(parsed, datetime):
            parsed = datetime.combine(parsed, time_of_day)
        elif cell.time is not None and cell.format != "iso":
            parsed = datetime.combine(parsed, time_of_day, parsed.tzinfo)
        if parsed.tzinfo is None and zone is None:
            raise Unusable(f'expected a time with an offset from UTC in column "{cell.column}", found {shown(text)}')
        try:
            return (parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=zone)).astimezone(UTC)
        except OverflowError:
            raise Unusable(f'column "{cell.column}" lies outside the calendar, found {shown(text)}') from None

    return lambda cells: moment(cells[at]) if cells[at] else None


def _day(cell: Cell, at: int) -> Read:
    def day(text: str) -> date:
        parsed = _parsed(cell, text)
        return parsed.date() if isinstance(parsed, datetime) else parsed

    return lambda cells: day(cells[at]) if cells[at] else None


def _parsed(cell: Cell, text: str) -> datetime | date:
    """A date where an iso text has no time of day, else a datetime, naive where there is no offset. Raises Unusable."""
    try:
        return _iso(text) if cell.format == "iso" else datetime.strptime(text, str(cell.format))  # noqa: DTZ007
    except (ValueError, OverflowError):
        wanted = "a date such as 2026-03-01 or 2026-03-01T12:00:00Z" if cell.format == "iso" else cell.format
        raise Unusable(f'expected {wanted} in column "{cell.column}", found {shown(text)}') from None


def _iso(text: str) -> datetime | date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return datetime.fromisoformat(text)
