"""A mapping compiled for the columns of one file: a function from the cells of a row to its commands.

Everything that depends on the mapping alone is decided once; for each row there are only look-ups by index.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct, field
from pydantic import ValidationError

from regulars.adapters.importing.amounts import rounded
from regulars.adapters.importing.applying import Applying, applying_by
from regulars.adapters.importing.cells import Cell, Value, columns_of
from regulars.adapters.importing.conditions import Cells, Test, compile_conditions
from regulars.adapters.importing.identity import RowIdentity
from regulars.adapters.importing.mapping import CommandMapping, Mapping
from regulars.adapters.importing.objections import (
    currencies_of,
    derived_field,
    is_amount,
    is_moment,
    needed_fields,
    objections_to_columns,
)
from regulars.adapters.importing.unusable import Unusable
from regulars.adapters.importing.values import Dropped, Read, Told, value_of, value_reader
from regulars.crm_domain.catalogue import Catalogue
from regulars.crm_domain.command import Command
from regulars.crm_domain.customer import RegisterCustomer
from regulars.crm_domain.errors import InvalidMapping
from regulars.crm_domain.explain_invalid import sentence, shown
from regulars.crm_domain.money import EXPONENTS, exponent_of

# What says whom or what a command is about: empty, it would make one customer, or one order, out of many.
_IDS = frozenset(
    {"ref", "customer", "referred", "order_id", "return_id", "interaction_id", "command_id", "ticket_id", "message_id"}
).union({"firm"})
_NEEDS_EVERY_CELL = _IDS | {"email", "phone"}


class Recipe(Struct, frozen=True, kw_only=True):
    """The compiled mapping of one command: its class, its place in the mapping, and a reader for each field.

    `path` names it in sentences: `customer.`, or `RecordPurchase.` `comparisons` are those of its conditions that are
    not on words. `moment` reads when it happened, and is one function for all commands that read it in the same way.

    `decisive` are the fields that must not be empty though the command could do without, each with its columns.
    """

    model: type[Command]
    path: str
    number: int
    comparisons: tuple[Test, ...]
    reads: tuple[tuple[str, Read], ...]
    moment: Read | None
    needed: dict[str, tuple[str, ...]]
    decisive: dict[str, tuple[str, ...]]
    split: str | None
    tells_amounts: bool
    derived: str | None
    currency: str | None
    if_possible: bool
    only_changes: bool

    def occurred_at(self, cells: Cells) -> datetime | None:
        """The instant of the command's event, where the mapping has it. Raises Unusable."""
        if self.moment is None:
            return None
        moment: datetime | None = value_of(self.path + "occurred_at", self.moment, cells)
        return moment

    def values(self, cells: Cells, notices: list[str]) -> dict[str, Any]:
        """The fields of the command that the row fills; what was dropped is added to the notices. Raises Unusable."""
        values = {}
        for name, read in self.reads:
            try:
                value = read(cells)
            except Unusable as problem:
                raise Unusable(f"{self.path}{name}: {problem}") from None
            if value is None:
                if name in self.decisive:
                    raise Unusable(
                        f"{self.path}{name}: {_nothing_in(self.decisive[name])}; optional = true would leave it out"
                    )
            elif isinstance(value, Dropped):
                notices.append(f"{self.path}{name}: {value.notice}")
            else:
                values[name] = value
        for name, columns in self.needed.items():
            if name not in values:
                raise Unusable(f"{self.path}{name}: {_nothing_in(columns)}")
        return _settled(values, self.currency, self.path) if self.tells_amounts else values

    def commands(self, cells: Cells, identity: RowIdentity, notices: list[str]) -> Iterator[Command]:
        """The row's command, or one for each part of a field that is split. Raises Unusable."""
        values = self.values(cells, notices)
        parts = ("",) if self.split is None else values[self.split].parts
        for part in parts:
            filled = values if self.split is None else {**values, self.split: part}
            if self.derived is not None and self.derived not in filled:
                filled = {**filled, self.derived: identity.of_command(self.number, part)}
            yield self.command(filled)

    def command(self, values: dict[str, Any]) -> Command:
        """The command with these fields. Raises Unusable."""
        try:
            return self.model(**values)
        except ValidationError as error:
            raise Unusable(self.path + sentence(error)) from None


class Commands(Struct, frozen=True):
    """The commands of a row in the order to carry them out.

    Of those at the places `if_possible` and `only_changes` the mapping says so.
    """

    commands: tuple[Command, ...] = ()
    if_possible: frozenset[int] = frozenset()
    only_changes: frozenset[int] = frozenset()


class Recipes(Struct, frozen=True):
    """The compiled mapping: conditions on rows, the customer's registration, and the commands."""

    only: tuple[Test, ...]
    customer: Recipe | None
    commands: tuple[Recipe, ...]
    by_words: Applying

    def commands_of(self, cells: Cells, identity: RowIdentity, notices: list[str]) -> Commands:
        """The row's commands, its customer's registration first; none where no condition holds.

        Adds a sentence to `notices` for what was left out. Raises Unusable.
        """
        if not all(test.holds(cells) for test in self.only):
            return Commands()
        applying = self.applying(cells)
        commands: list[Command] = []
        if self.customer is not None:
            commands.append(self._registration(self.customer, cells, applying, notices))
        if_possible, only_changes = [], []
        for recipe in applying:
            for command in recipe.commands(cells, identity, notices):
                if recipe.if_possible:
                    if_possible.append(len(commands))
                if recipe.only_changes:
                    only_changes.append(len(commands))
                commands.append(command)
        return Commands(tuple(commands), frozenset(if_possible), frozenset(only_changes))

    def applying(self, cells: Cells) -> list[Recipe]:
        """The commands all of whose conditions hold for a row. Raises Unusable."""
        recipes = (self.commands[place] for place in self.by_words.to(cells))
        return [each for each in recipes if all(test.holds(cells) for test in each.comparisons)]

    @property
    def tells_times(self) -> bool:
        """Whether any row says when something happened."""
        recipes = (*self.commands, *([] if self.customer is None else [self.customer]))
        return any(recipe.moment is not None for recipe in recipes)

    def last_time_of(self, cells: Cells) -> datetime | None:
        """The latest instant of the row's commands, by which all that it says has happened; None where they name none.

        Raises Unusable.
        """
        recipes = self.applying(cells)
        if self.customer is not None:
            recipes.append(self.customer)
        told = (read(cells) for read in {recipe.moment for recipe in recipes} if read is not None)
        return max((each for each in told if each is not None), default=None)

    def whose(self, cells: Cells) -> str:
        """The customer whom the row's commands name, empty where they name none. Raises Unusable."""
        recipes = () if self.customer is None else (self.customer,)
        for recipe in recipes or self.applying(cells):
            for name, read in recipe.reads:
                if name in ("ref", "customer"):
                    return str(value_of(recipe.path + name, read, cells))
        return ""

    def customer_of(self, cells: Cells) -> Command | None:
        """The registration of the row's customer, where that much of the row can be read."""
        try:
            return None if self.customer is None else self.customer.command(self.customer.values(cells, []))
        except Unusable:
            return None

    def _registration(self, customer: Recipe, cells: Cells, applying: list[Recipe], notices: list[str]) -> Command:
        values = customer.values(cells, notices)
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
    file = _File(mapping, {column: number for number, column in enumerate(columns)})
    customer = None
    if mapping.customer is not None:
        registering = CommandMapping.model_construct(do=RegisterCustomer.__name__, fields=mapping.customer)
        customer = _recipe(RegisterCustomer, 0, registering, mapping.customer, (), file)
    tests = [compile_conditions(f"{said.do}.when", said.when, mapping, file.index) for said in mapping.command]
    commands = tuple(
        _command(number, said, its, file, catalogue)
        for number, (said, its) in enumerate(zip(mapping.command, tests, strict=True))
    )
    only = compile_conditions("only", mapping.only, mapping, file.index)
    return Recipes(only, customer, commands, applying_by(tests))


class _File(Struct):
    """A mapping and the places of a file's columns; of the `moments` read so far, what the mapping says and how."""

    mapping: Mapping
    index: dict[str, int]
    moments: list[tuple[Value, Read]] = field(default_factory=list)

    def reader(self, model: type[Command], name: str, value: Value, *, whole: bool) -> Read:
        """How a field is read; a moment that is said alike is read alike."""
        if name != "occurred_at":
            return value_reader(model, name, value, self.mapping, self.index, whole=whole)
        for said, read in self.moments:
            if said == value:
                return read
        read = value_reader(model, name, value, self.mapping, self.index, whole=whole)
        self.moments.append((value, read))
        return read


def _command(
    number: int, command: CommandMapping, tests: tuple[Test, ...], file: _File, catalogue: Catalogue
) -> Recipe:
    model, mapping = catalogue.commands[command.do], file.mapping
    _, way = catalogue.addresses[model]
    fields = dict(command.fields)
    if mapping.customer is not None and "customer" in model.model_fields:
        fields.setdefault("customer", mapping.customer["ref"])
    currency = next(iter(currencies_of(fields)), mapping.currency)
    if currency is not None and "currency" in model.model_fields:
        fields.setdefault("currency", currency)
    ids = _IDS.union(field for field in (way.customer, way.key) if field is not None)
    return _recipe(model, number, command, fields, tests, file, ids=ids)


def _recipe(
    model: type[Command],
    number: int,
    said: CommandMapping,
    fields: dict[str, Value],
    tests: tuple[Test, ...],
    file: _File,
    ids: frozenset[str] = _IDS,
) -> Recipe:
    registers = model is RegisterCustomer
    derived = None if registers else derived_field(model, fields)
    needed = needed_fields(model, fields)
    if registers:
        needed.add("ref")
    decisive = {
        name: columns_of(value)
        for name, value in fields.items()
        if _decides(model, name, ids) and not (isinstance(value, Cell) and value.optional)
    }
    reads = {
        name: file.reader(model, name, value, whole=name in _NEEDS_EVERY_CELL | ids) for name, value in fields.items()
    }
    return Recipe(
        model=model,
        path="customer." if registers else f"{model.__name__}.",
        number=number,
        comparisons=tuple(test for test in tests if not test.of_words),
        reads=tuple(reads.items()),
        moment=reads.get("occurred_at"),
        needed={name: columns_of(fields[name]) for name in sorted(needed)},
        decisive={name: columns for name, columns in decisive.items() if name not in needed},
        split=next((name for name, value in fields.items() if isinstance(value, Cell) and value.split), None),
        tells_amounts=any(name == "lines" or is_amount(model, name) for name in fields),
        derived=derived,
        currency=next(iter(currencies_of(fields)), file.mapping.currency),
        if_possible=said.if_possible,
        only_changes=said.only_changes,
    )


def _decides(model: type[Command], name: str, ids: frozenset[str]) -> bool:
    """Whether a field says when, how much or of what: left out, it would mean now, all of it, or another."""
    return name in ids or is_moment(model, name) or is_amount(model, name)


def _nothing_in(columns: tuple[str, ...]) -> str:
    return f"a value is needed, found nothing in {' or '.join(columns) or 'the mapping'}"


# -------------------------------------------------------------------------------------------------------------- money


def _settled(values: dict[str, Any], currency: str | None, path: str) -> dict[str, Any]:
    """The values with each amount in the command's currency, which an amount may name. Raises Unusable."""
    told = list(_amounts(values))
    if not told:
        return values
    said = values.get("currency", currency)
    if said is None:
        said = next((each for amount in told for each in _only(amount.currencies)), None)
        if said is not None:
            values = {**values, "currency": said}
    return {name: _with_amounts(path + name, value, said) for name, value in values.items()}


def _amounts(values: dict[str, Any]) -> Iterator[Told]:
    for value in values.values():
        if isinstance(value, Told):
            yield value
        elif isinstance(value, list):
            for line in value:
                yield from _amounts(line)


def _with_amounts(path: str, value: Any, currency: str | None) -> Any:
    if isinstance(value, Told):
        return _amount(path, value, currency)
    if isinstance(value, list):
        return [{key: _with_amounts(f"{path}.{key}", one, currency) for key, one in line.items()} for line in value]
    return value


def _amount(path: str, told: Told, currency: str | None) -> Decimal:
    if told.currencies and currency not in told.currencies:
        expected = "one whose currency the mapping names" if currency is None else f"an amount in {currency}"
        raise Unusable(f"{path}: expected {expected}, found {shown(told.text)}")
    if told.rounding is None:
        return told.amount
    if currency is None or currency not in EXPONENTS:
        raise Unusable(f"{path}: to round an amount its currency is needed; name it in the mapping")
    return rounded(told.amount, exponent_of(currency), told.rounding)


def _only(currencies: frozenset[str]) -> frozenset[str]:
    return currencies if len(currencies) == 1 else frozenset()
