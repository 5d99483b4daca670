"""What holds between the keys of a mapping, and between it and the columns of a file: a sentence for what doesn't."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, get_args

from pydantic import AwareDatetime, BaseModel

from regulars.adapters.importing.cells import Cell, Each, Lines, Value, columns_of
from regulars.adapters.importing.words import Format, is_named_format, unknown_word
from regulars.crm_domain.catalogue import Catalogue
from regulars.crm_domain.command import Command
from regulars.crm_domain.customer import GiveConsent, RegisterCustomer, WithdrawConsent
from regulars.crm_domain.explain_invalid import shown
from regulars.crm_domain.purchase import OrderLine, RecordPurchase, RecordReturn

if TYPE_CHECKING:
    from regulars.adapters.importing.mapping import Mapping

# What no mapping need give: a row without it is identified by its content.
_DERIVED: dict[type[Command], str] = {RecordPurchase: "order_id", RecordReturn: "return_id"}


def derived_field(model: type[Command], fields: Iterable[str]) -> str | None:
    """The field that makes a command idempotent, and is derived from the row where the mapping has none.

    None where it needs none: what came back so far is a reading, which changes nothing where it is known.
    """
    if "returned_so_far" in fields:
        return None
    if model in _DERIVED:
        return _DERIVED[model]
    return "interaction_id" if "interaction_id" in model.model_fields else "command_id"


def needed_fields(model: type[Command], fields: Iterable[str]) -> set[str]:
    """The fields that a command can't do without, and that aren't derived."""
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    return required - {derived_field(model, fields)}


def objections_to(mapping: Mapping, catalogue: Catalogue) -> list[str]:
    """A sentence for each place where a mapping doesn't hold together."""
    objections = [*_objections_to_form(mapping), *_objections_to_commands(mapping, catalogue)]
    if not objections and mapping.columns is not None:
        objections = list(objections_to_columns(mapping, mapping.columns))
    return objections


_CONSENT = frozenset({GiveConsent, WithdrawConsent})
_CSV_ONLY = ("delimiter", "quote", "escape")
_TABULAR_ONLY = ("header", "ragged")


def _objections_to_form(mapping: Mapping) -> Iterator[str]:
    for keys, formats in ((_CSV_ONLY, ("csv",)), (_TABULAR_ONLY, ("csv", "sheet")), (("sheet",), ("sheet",))):
        for key in keys:
            if key in mapping.model_fields_set and mapping.format not in formats:
                yield f"{key}: only a {' or '.join(formats)} file has one, not a {mapping.format} file"
    if mapping.format == "csv":
        yield from _objections_to_characters(mapping)
    if mapping.names_columns and mapping.columns is not None:
        yield f"columns: leave them out; in a {mapping.format} file each row names its own"
    if not mapping.names_columns and mapping.columns is None and not mapping.has_header:
        yield "columns: the names of the columns are needed where the file has no header, found nothing"
    for kind in mapping.match:
        if mapping.customer is None or kind not in mapping.customer:
            yield f"match: [customer] has no {kind} to match by"
    if mapping.customer is None and not mapping.command:
        yield "command: a mapping has at least a [customer] table or one [[command]], found neither"


def _objections_to_characters(mapping: Mapping) -> Iterator[str]:
    characters = {"delimiter": mapping.delimiter, "quote": mapping.quote or "'", "escape": mapping.escape or "\\"}
    for key, character in characters.items():
        if len(character) != 1 or character in "\r\n\0":
            yield f"{key}: expected one character, no line break, found {shown(character)}"
    for key, character in (("quote", mapping.quote), ("escape", mapping.escape or "")):
        if character == mapping.delimiter:
            yield f"{key}: expected another character than the delimiter, found {shown(character)}"
    if mapping.escape is not None and mapping.escape == mapping.quote:
        yield f"escape: expected another character than the quote, found {shown(mapping.escape)}"


def _objections_to_commands(mapping: Mapping, catalogue: Catalogue) -> Iterator[str]:
    if mapping.customer is not None:
        yield from _objections_to_fields("customer", RegisterCustomer, mapping.customer, {"ref"}, mapping)
    for number, command in enumerate(mapping.command):
        model = catalogue.commands[command.do]
        needed = needed_fields(model, command.fields)
        if mapping.customer is not None:
            needed.discard("customer")
        if model in _CONSENT:
            needed.add("occurred_at")  # told as of now, it would undo a later withdrawal whenever the file comes again
        path = f"command[{number}].fields"
        yield from _objections_to_fields(path, model, command.fields, needed, mapping)
        if "returned_so_far" in command.fields and command.fields.get("occurred_at") in _times_of_orders(mapping):
            told = "what has come back so far is read when the file is written, not when the order was placed"
            yield f"{path}.occurred_at: {told}; leave it out"


def _times_of_orders(mapping: Mapping) -> list[Value]:
    orders = (each.fields for each in mapping.command if each.do == RecordPurchase.__name__)
    return [fields["occurred_at"] for fields in orders if "occurred_at" in fields]


def _objections_to_fields(
    path: str, model: type[BaseModel], fields: dict[str, Value], needed: set[str], mapping: Mapping
) -> Iterator[str]:
    for name in fields.keys() - model.model_fields.keys():
        yield f"{path}: {unknown_word(f'field of {model.__name__}', name, model.model_fields)}"
    for name in sorted(needed - fields.keys()):
        yield f"{path}.{name}: {model.__name__} needs a value, found nothing"
    for name in fields.keys() & model.model_fields.keys():
        value = fields[name]
        if isinstance(value, tuple | Each):
            yield from _objections_to_lines(f"{path}.{name}", value, mapping)
        elif isinstance(value, Cell):
            yield from _objections_to_cell(f"{path}.{name}", value, model, name, mapping)
            if value.optional and name in needed:
                yield f"{path}.{name}.optional: {model.__name__} needs a value; give it a default instead"
    splitting = [name for name, value in fields.items() if isinstance(value, Cell) and value.split is not None]
    if splitting and (len(splitting) > 1 or not issubclass(model, Command) or model is RegisterCustomer):
        yield f"{path}.{splitting[-1]}.split: one field of a command can be split, so that there is one for each part"
    if "currency" in fields and any(cell.currency or cell.money == "minor" for cell in _cells(fields)):
        yield f"{path}.currency: leave it out where money is in minor units or names its currency, which then holds"
    if len({cell.currency for cell in _cells(fields)} - {None}) > 1:
        yield f"{path}: one command has one currency, found {' and '.join(currencies_of(fields))}"


def _objections_to_lines(path: str, lines: Lines | Each, mapping: Mapping) -> Iterator[str]:
    if not path.endswith(".lines"):
        yield f"{path}: only lines is a list, expected text or a table with a column"
        return
    if isinstance(lines, Each):
        if mapping.format not in ("json", "jsonl"):
            yield f"{path}.each: only JSON has arrays, expected a list of lines"
        yield from _objections_to_fields(f"{path}.each", OrderLine, dict(lines.each), {"sku"}, mapping)
        return
    for number, line in enumerate(lines):
        yield from _objections_to_fields(f"{path}[{number}]", OrderLine, dict(line), {"sku"}, mapping)


def _objections_to_cell(path: str, cell: Cell, model: type[BaseModel], name: str, mapping: Mapping) -> Iterator[str]:
    if cell.money == "minor" and cell.currency is None and mapping.currency is None:
        yield f"{path}.currency: minor units need a currency, here or for the whole mapping, found nothing"
    if cell.format is None:
        return
    day = is_day(model, name)
    if day and (cell.zone is not None or cell.time is not None):
        yield f"{path}: a calendar day has neither zone nor time"
    has_zone = cell.zone is not None or mapping.zone is not None
    if not day and not has_zone and not _may_have_offset(cell.format):
        yield f'{path}.zone: a date without an offset needs a zone, here or for the whole mapping, such as "UTC"'


def _may_have_offset(written: str) -> bool:
    """Whether times may say how far they are from UTC. An iso text may, so there it is for each row to say."""
    return written != "excel" if is_named_format(written) else Format(written).has_offset


def is_day(model: type[BaseModel], name: str) -> bool:
    """Whether a field is a calendar day."""
    return date in _types(model.model_fields[name].annotation)


def is_moment(model: type[BaseModel], name: str) -> bool:
    """Whether a field is an instant."""
    return AwareDatetime in _types(model.model_fields[name].annotation)


def is_amount(model: type[BaseModel], name: str) -> bool:
    """Whether a field is an amount of money."""
    return Decimal in _types(model.model_fields[name].annotation)


def _types(annotation: object) -> Iterator[object]:
    """An annotation and all that it is made of: the members of a union, the bare type of an annotated one."""
    yield annotation
    for argument in get_args(annotation):
        yield from _types(argument)


def _cells(fields: dict[str, Value]) -> Iterator[Cell]:
    for value in fields.values():
        if isinstance(value, Cell):
            yield value
        elif isinstance(value, tuple | Each):
            for line in value if isinstance(value, tuple) else (value.each,):
                yield from _cells(dict(line))


def currencies_of(fields: dict[str, Value]) -> list[str]:
    """The currencies that the money of a command names, sorted; a valid mapping has at most one for each command."""
    return sorted({cell.currency for cell in _cells(fields) if cell.currency is not None})


def objections_to_columns(mapping: Mapping, columns: tuple[str, ...]) -> Iterator[str]:
    """A sentence for each place that names a column which the file doesn't have, or has twice."""
    columns = with_optional(mapping, columns)
    for path, column in _columns_named(mapping):
        if column not in columns:
            yield f"{path}: {unknown_word('column', column, columns)}"
        elif columns.count(column) > 1:
            yield f'{path}: the file has several columns "{column}"; give them different names through columns'


def with_optional(mapping: Mapping, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns, and after them those that the file may lack, and does."""
    return (*columns, *(column for column in mapping.optional_columns or () if column not in columns))


def columns_outside_lines(mapping: Mapping) -> tuple[str, ...]:
    """Every column that the mapping names for more than a line of an order, once."""
    inside = tuple(f"command[{number}].fields.lines" for number in range(len(mapping.command)))
    return tuple(dict.fromkeys(column for path, column in _columns_named(mapping) if path not in inside))


def _columns_named(mapping: Mapping) -> Iterator[tuple[str, str]]:
    for key, columns in (
        ("identity", mapping.identity),
        ("whole_numbers", mapping.whole_numbers),
        ("group_by", mapping.group_by),
    ):
        yield from ((key, column) for column in columns or ())
    for condition in mapping.only:
        yield "only", condition.column
    for name, value in (mapping.customer or {}).items():
        yield from ((f"customer.{name}", column) for column in columns_of(value))
    for number, command in enumerate(mapping.command):
        for condition in command.when:
            yield f"command[{number}].when", condition.column
        for name, value in command.fields.items():
            yield from ((f"command[{number}].fields.{name}", column) for column in columns_of(value))


def named_columns(mapping: Mapping) -> tuple[str, ...]:
    """Every column that the mapping names, once."""
    return tuple(dict.fromkeys(column for _, column in _columns_named(mapping)))


def expected_columns(mapping: Mapping) -> tuple[str, ...]:
    """The columns that a file must have: all but those which only commands under a condition are read from."""
    excused = tuple(f"command[{number}].fields." for number, command in enumerate(mapping.command) if command.when)
    named = _columns_named(mapping)
    optional = mapping.optional_columns or ()
    return tuple(dict.fromkeys(each for path, each in named if not path.startswith(excused) and each not in optional))
