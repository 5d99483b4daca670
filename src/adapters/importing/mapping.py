"""The grammar of an import mapping: which columns of a file become which fields of which commands.

    format = "csv"                       # or "whitespace": fields separated by runs of white space; or "jsonl"
    encoding = "utf-8-sig"               # any text encoding; this one is UTF-8, with or without a byte order mark
    skip_lines = 0                       # physical lines before the header or the first row
    columns = ["id", "day", "total"]     # needed where there is no header; else in place of its names
    header = true                        # csv only, like the next two
    delimiter = ","
    quote = '"'                          # "" where nothing is quoted
    empty = ["NULL", "N/A"]              # words that count as an empty cell
    zone = "Europe/Berlin"               # of dates and times that name no zone
    currency = "EUR"
    identity = ["id", "day"]             # what makes two rows the same; all columns by default
    only = [{ column = "type", is = "order" }]    # is, is_not, in; all conditions must hold

    [customer]                           # fields of RegisterCustomer: each row registers its customer first
    ref = "shop:{id}"                    # by default occurred_at is that of the row's first command

    [[command]]                          # as many as a row needs
    do = "RecordPurchase"
    when = [{ column = "total", is_not = "" }]
    if_possible = false                  # true: where it is refused it is left out, and the row is taken without it
    [command.fields]                     # `customer` is the ref of [customer] where it is left out
    occurred_at = { column = "day", format = "%d.%m.%Y", zone = "UTC", time = "12:00" }    # or format = "iso"
    amount = { column = "total", money = "major", decimal_comma = true }    # or "minor"; currency = "EUR"
    lines = [{ sku = "{article}", quantity = "{pieces}" }]
    channel = "web"

Text is a template: `{column}` stands for a cell, `{{` and `}}` for braces. A field whose cells are empty is left out.

`format = "jsonl"` reads JSON lines, one object a line. Columns are keys, and keys of inner objects are joined by dots:
`customer.email`. A key that is missing or null is an empty cell, true and false are words, and an object or an array
has no text and counts as empty. An array of objects can be the lines of an order, with the columns of its objects:

    lines = { column = "items", each = { sku = "{sku}", quantity = "{variant.pieces}" } }
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictInt,
    Tag,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from regulars.adapters.importing.words import (
    ColumnNames,
    Constant,
    Currency,
    DateFormat,
    Encoding,
    Format,
    TimeOfDay,
    Zone,
    template_columns,
    unknown_word,
)
from regulars.crm_domain.catalogue import CATALOGUE, Catalogue
from regulars.crm_domain.command import Command
from regulars.crm_domain.customer import RegisterCustomer
from regulars.crm_domain.errors import InvalidMapping
from regulars.crm_domain.explain_invalid import MAX_OBJECTIONS, sentence, shown
from regulars.crm_domain.purchase import OrderLine, RecordPurchase, RecordReturn
from regulars.projections.rules.toml import MAX_TEXT, read_toml

MAX_SKIPPED_LINES = 1_000_000

# What no mapping need give: a row without it is identified by its content.
_DERIVED: dict[type[Command], str] = {RecordPurchase: "order_id", RecordReturn: "return_id"}


def derived_field(model: type[Command]) -> str:
    """The field that makes a command idempotent, and is derived from the row where the mapping has none."""
    if model in _DERIVED:
        return _DERIVED[model]
    return "interaction_id" if "interaction_id" in model.model_fields else "command_id"


def _catalogue(info: ValidationInfo) -> Catalogue:
    """The aggregates whose commands a mapping may name: ours, and those of the store's extensions."""
    known: Catalogue = CATALOGUE if info.context is None else info.context
    return known


def _do(name: str, info: ValidationInfo) -> str:
    if name == RegisterCustomer.__name__:
        raise ValueError("customers are registered by the table [customer], which each row goes through first")
    commands = _catalogue(info).commands
    if name not in commands:
        allowed = [known for known in commands if known != RegisterCustomer.__name__]
        raise ValueError(unknown_word("command", name, allowed))
    return name


def _scalar_kind(value: object) -> str:
    return "<cell>" if isinstance(value, dict | Cell) else "<constant>"


def _value_kind(value: object) -> str:
    if isinstance(value, Each) or (isinstance(value, dict) and "each" in value):
        return "<each>"
    return "<lines>" if isinstance(value, list | tuple) else _scalar_kind(value)


class _Table(BaseModel):
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


class Condition(_Table):
    """A test on one cell: exactly one of `is`, `is_not` and `in`. A cell that counts as empty is the text ""."""

    column: str
    is_: str | None = Field(default=None, alias="is")
    is_not: str | None = None
    in_: tuple[str, ...] | None = Field(default=None, alias="in")

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        if [self.is_, self.is_not, self.in_].count(None) != 2:
            raise ValueError("expected a column and exactly one of is, is_not and in")
        return self


class Cell(_Table):
    """A cell that is more than text: a date (`format`) or money (`money`). With neither it is text."""

    column: str
    format: DateFormat | None = None
    zone: Zone | None = None
    time: TimeOfDay | None = None
    money: Literal["major", "minor"] | None = None
    currency: Currency | None = None
    decimal_comma: StrictBool = False

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.format is not None and self.money is not None:
            raise ValueError("a cell is a date (format) or money, not both")
        for key, needed in (("zone", "format"), ("time", "format"), ("currency", "money"), ("decimal_comma", "money")):
            if key in self.model_fields_set and getattr(self, needed) is None:
                raise ValueError(f"{key} means something only together with {needed}")
        if self.money == "minor" and self.decimal_comma:
            raise ValueError("minor units are whole numbers; decimal_comma belongs to major units")
        if self.time is not None and self.format not in (None, "iso") and Format(str(self.format)).has_time:
            raise ValueError(f'time is for dates without a time of day, which "{self.format}" has')
        return self


Scalar = Annotated[Annotated[Cell, Tag("<cell>")] | Annotated[Constant, Tag("<constant>")], Discriminator(_scalar_kind)]
Lines = tuple[dict[str, Scalar], ...]


class Each(_Table):
    """An array of objects in a JSON line: a line of the order for each, read from the keys of that object."""

    column: str
    each: dict[str, Scalar]


Value = Annotated[
    Annotated[Cell, Tag("<cell>")]
    | Annotated[Each, Tag("<each>")]
    | Annotated[Lines, Tag("<lines>")]
    | Annotated[Constant, Tag("<constant>")],
    Discriminator(_value_kind),
]


class CommandMapping(_Table):
    """One command per row: its class, conditions and fields; with `if_possible` it may be refused."""

    do: Annotated[str, AfterValidator(_do)]
    when: tuple[Condition, ...] = ()
    if_possible: StrictBool = False
    fields: dict[str, Value] = Field(default_factory=dict)


class Mapping(_Table):
    """The whole mapping; the module's docstring shows every key. Frozen."""

    format: Literal["csv", "whitespace", "jsonl"]
    encoding: Encoding = "utf-8-sig"
    skip_lines: Annotated[StrictInt, Field(ge=0, le=MAX_SKIPPED_LINES)] = 0
    columns: ColumnNames | None = None
    header: StrictBool = True
    delimiter: str = ","
    quote: str = '"'
    empty: tuple[str, ...] = ()
    zone: Zone | None = None
    currency: Currency | None = None
    identity: ColumnNames | None = None
    only: tuple[Condition, ...] = ()
    customer: dict[str, Value] | None = None
    command: tuple[CommandMapping, ...] = ()

    @property
    def has_header(self) -> bool:
        """Whether the first record of the file is a header rather than a row."""
        return self.format == "csv" and self.header

    @model_validator(mode="after")
    def _holds_together(self, info: ValidationInfo) -> Self:
        objections = [*_objections_to_form(self), *_objections_to_commands(self, _catalogue(info))]
        if not objections and self.columns is not None:
            objections = list(objections_to_columns(self, self.columns))
        if objections:
            raise ValueError("; ".join(objections))
        return self


# ------------------------------------------------------------------------------------------- what holds between keys


def _objections_to_form(mapping: Mapping) -> Iterator[str]:
    if mapping.format != "csv":
        for key in ("header", "delimiter", "quote"):
            if key in mapping.model_fields_set:
                yield f"{key}: only a csv file has one, not a {mapping.format} file"
    else:
        for key, character in (("delimiter", mapping.delimiter), ("quote", mapping.quote or "'")):
            if len(character) != 1 or character in "\r\n\0":
                yield f"{key}: expected one character, no line break, found {shown(character)}"
        if mapping.delimiter == mapping.quote:
            yield f"quote: expected another character than the delimiter, found {shown(mapping.quote)}"
    if mapping.format == "jsonl" and mapping.columns is not None:
        yield "columns: leave them out; in JSON lines each row names its own"
    if mapping.format != "jsonl" and mapping.columns is None and not mapping.has_header:
        yield "columns: the names of the columns are needed where the file has no header, found nothing"
    if mapping.customer is None and not mapping.command:
        yield "command: a mapping has at least a [customer] table or one [[command]], found neither"


def _objections_to_commands(mapping: Mapping, catalogue: Catalogue) -> Iterator[str]:
    if mapping.customer is not None:
        yield from _objections_to_fields("customer", RegisterCustomer, mapping.customer, {"ref"}, mapping)
    for number, command in enumerate(mapping.command):
        model = catalogue.commands[command.do]
        needed = {name for name, field in model.model_fields.items() if field.is_required()} - {derived_field(model)}
        if mapping.customer is not None:
            needed.discard("customer")
        yield from _objections_to_fields(f"command[{number}].fields", model, command.fields, needed, mapping)


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
            yield from _objections_to_cell(f"{path}.{name}", value, is_day(model, name), mapping)
    if "currency" in fields and any(cell.currency or cell.money == "minor" for cell in _cells(fields)):
        yield f"{path}.currency: leave it out where money is in minor units or names its currency, which then holds"
    if len({cell.currency for cell in _cells(fields)} - {None}) > 1:
        yield f"{path}: one command has one currency, found {' and '.join(currencies_of(fields))}"


def _objections_to_lines(path: str, lines: Lines | Each, mapping: Mapping) -> Iterator[str]:
    if not path.endswith(".lines"):
        yield f"{path}: only lines is a list, expected text or a table with a column"
        return
    if isinstance(lines, Each):
        if mapping.format != "jsonl":
            yield f"{path}.each: only JSON lines have arrays, expected a list of lines"
        yield from _objections_to_fields(f"{path}.each", OrderLine, dict(lines.each), {"sku"}, mapping)
        return
    for number, line in enumerate(lines):
        yield from _objections_to_fields(f"{path}[{number}]", OrderLine, dict(line), {"sku"}, mapping)


def _objections_to_cell(path: str, cell: Cell, day: bool, mapping: Mapping) -> Iterator[str]:
    if cell.money == "minor" and cell.currency is None and mapping.currency is None:
        yield f"{path}.currency: minor units need a currency, here or for the whole mapping, found nothing"
    if cell.format is None:
        return
    if day and (cell.zone is not None or cell.time is not None):
        yield f"{path}: a calendar day has neither zone nor time"
    has_zone = cell.zone is not None or mapping.zone is not None
    # An iso text may bring its own offset, so there it is for each row to say.
    if not day and not has_zone and cell.format != "iso" and not Format(cell.format).has_offset:
        yield f'{path}.zone: a date without an offset needs a zone, here or for the whole mapping, such as "UTC"'


def is_day(model: type[BaseModel], name: str) -> bool:
    """Whether a field is a calendar day rather than an instant."""
    annotation = model.model_fields[name].annotation
    return date in _types(annotation)


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


def columns_of(value: Value) -> tuple[str, ...]:
    """The columns that a value is read from."""
    if isinstance(value, Cell | Each):
        return (value.column,)
    if isinstance(value, str):
        return template_columns(value)
    if isinstance(value, tuple):
        return tuple(column for line in value for part in line.values() for column in columns_of(part))
    return ()


def objections_to_columns(mapping: Mapping, columns: tuple[str, ...]) -> Iterator[str]:
    """A sentence for each place that names a column which the file doesn't have, or has twice."""
    for path, column in _columns_named(mapping):
        if column not in columns:
            yield f"{path}: {unknown_word('column', column, columns)}"
        elif columns.count(column) > 1:
            yield f'{path}: the file has several columns "{column}"; give them different names through columns'


def _columns_named(mapping: Mapping) -> Iterator[tuple[str, str]]:
    for column in mapping.identity or ():
        yield "identity", column
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
    return tuple(dict.fromkeys(column for path, column in named if not path.startswith(excused)))


# ------------------------------------------------------------------------------------------------------------ reading


def load_mapping(path: str | Path, catalogue: Catalogue) -> Mapping:
    """Read a mapping from a TOML file, to commands of a catalogue.

    Raises InvalidMapping with one message that names each key, what was found and what is allowed.
    """
    try:
        with Path(path).open(encoding="utf-8") as file:
            table = read_toml(file.read(MAX_TEXT + 1))
    except OSError as error:
        raise InvalidMapping(f"{path} can't be read: {error.strerror}") from None
    except ValueError as error:  # not UTF-8, or not TOML
        raise InvalidMapping(f"{path} is not TOML: {error}") from None
    try:
        return Mapping.model_validate(table, context=catalogue)
    except ValidationError as error:
        raise InvalidMapping(f"{path}: {sentence(error)}") from None
