"""The grammar of an import mapping: which columns of a file become which fields of which commands.

    format = "csv"                       # or whitespace (runs of it separate fields), sheet, json, jsonl, vcard
    sheet = "Orders"                     # of a spreadsheet; the first by default
    encoding = "cp1252"                  # any text encoding; found by itself where it is left out
    skip_lines = 0                       # physical lines before the header or the first row
    columns = ["id", "day", "total"]     # needed where there is no header; else in place of its names
    header = true                        # csv and sheet only
    delimiter = ","                      # csv only, like the next two
    quote = '"'                          # "" where nothing is quoted
    escape = "\\"                        # before a character that is meant as it is
    ragged = "fill"                      # rows with too few cells get empty ones; "cut" also cuts what is too much off
    optional_columns = ["phone"]         # columns that the file may lack; they count as empty
    group_by = ["id"]                    # rows with equal cells there, one after the other, are one order
    empty = ["NULL", "N/A"]              # words that count as an empty cell
    whole_numbers = ["id"]               # columns where 17850.0 is 17850
    details = "newest"                   # of known customers: "newest", "fill" what is empty, or "never"
    zone = "Europe/Berlin"               # of dates and times that name no zone
    currency = "EUR"
    decimal_comma = true                 # 1.234,50; false: 1,234.50; without it, what may mean two things is refused
    country = "DE"                       # of phone numbers that name none
    identity = ["id", "day"]             # what makes two rows the same; all columns by default
    only = [{ column = "type", is = "order" }]    # all conditions must hold
    match = ["email", "phone"]           # a new reference is merged into the one customer who has that contact

    [customer]                           # fields of RegisterCustomer: each row registers its customer first
    ref = "shop:{id}"                    # by default occurred_at is that of the row's first command

    [[command]]                          # as many as a row needs
    do = "RecordPurchase"
    when = [{ column = "total", above = 0 }]    # or is, is_not, in, matches, below, at_least, at_most
    if_possible = false                  # true: where it is refused it is left out, and the row is taken without it
    only_changes = false                 # true: left out where what it says held already at its time
    [command.fields]                     # `customer` is the ref of [customer] where it is left out
    occurred_at = { column = "day", format = "%d.%m.%Y", zone = "UTC", time = "12:00" }
    amount = { column = "total", money = "major", times = "pieces", rounding = "half_even" }
    lines = [{ sku = "{article}", quantity = "{pieces}" }]
    channel = { column = "how", case = "lower", values = { web = "shop", "*" = "other" }, optional = true }

Text is a template: `{column}` stands for a cell, `{{` and `}}` for braces. A field whose cells are empty is left out,
unless it decides: a time, an amount or an id that the mapping reads from an empty cell is refused, but for
`optional = true` or a `default`. A template of a time is read in ISO 8601 in the mapping's zone, one of an amount as
`money = "major"`. An e-mail address or a phone number is cleaned, and left out with a notice where there is none.

`format = "jsonl"` reads JSON lines, one object a line. Columns are keys, and keys of inner objects are joined by dots:
`customer.email`. A key that is missing or null is an empty cell, true and false are words, and an object or an array
has no text and counts as empty. An array of objects can be the lines of an order, with the columns of its objects:

    lines = { column = "items", each = { sku = "{sku}", quantity = "{variant.pieces}" } }
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StrictBool, StrictInt, ValidationError, ValidationInfo, model_validator

from regulars.adapters.importing.cells import Condition, Table, Value
from regulars.adapters.importing.objections import objections_to
from regulars.adapters.importing.words import ColumnNames, Country, Currency, Encoding, Zone, unknown_word
from regulars.crm_domain.catalogue import CATALOGUE, Catalogue
from regulars.crm_domain.customer import RegisterCustomer
from regulars.crm_domain.errors import InvalidMapping
from regulars.crm_domain.explain_invalid import sentence
from regulars.projections.rules.toml import MAX_TEXT, read_toml

MAX_SKIPPED_LINES = 1_000_000


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


#: Which contact details of a customer who is known are taken: those that differ from what was known at the row's time,
#: those of which nothing was known, or none.
Details = Literal["newest", "fill", "never"]


class CommandMapping(Table):
    """One command per row: its class, conditions and fields; with `if_possible` it may be refused, with `only_changes`
    it is left out where what it says held already.
    """

    do: Annotated[str, AfterValidator(_do)]
    when: tuple[Condition, ...] = ()
    if_possible: StrictBool = False
    only_changes: StrictBool = False
    fields: dict[str, Value] = Field(default_factory=dict)


class Mapping(Table):
    """The whole mapping; the module's docstring shows every key. Frozen."""

    format: Literal["csv", "whitespace", "jsonl", "json", "sheet", "vcard"]
    sheet: str | None = None
    encoding: Encoding | None = None
    skip_lines: Annotated[StrictInt, Field(ge=0, le=MAX_SKIPPED_LINES)] = 0
    columns: ColumnNames | None = None
    header: StrictBool = True
    delimiter: str = ","
    quote: str = '"'
    escape: str | None = None
    ragged: Literal["refuse", "fill", "cut"] = "refuse"
    optional_columns: ColumnNames | None = None
    group_by: ColumnNames | None = None
    empty: tuple[str, ...] = ()
    whole_numbers: tuple[str, ...] = ()
    zone: Zone | None = None
    currency: Currency | None = None
    decimal_comma: StrictBool | None = None
    country: Country | None = None
    identity: ColumnNames | None = None
    only: tuple[Condition, ...] = ()
    match: tuple[Literal["email", "phone"], ...] = ()
    customer: dict[str, Value] | None = None
    details: Details | None = None
    command: tuple[CommandMapping, ...] = ()

    @property
    def has_header(self) -> bool:
        """Whether the first record of the file is a header rather than a row."""
        return self.format in ("csv", "sheet") and self.header

    @property
    def names_columns(self) -> bool:
        """Whether each row of the file names its own columns."""
        return self.format in ("json", "jsonl", "vcard")

    @model_validator(mode="after")
    def _holds_together(self, info: ValidationInfo) -> Self:
        objections = objections_to(self, _catalogue(info))
        if objections:
            raise ValueError("; ".join(objections))
        return self


# ------------------------------------------------------------------------------------------------------------ reading


def load_mapping(path: str | Path, catalogue: Catalogue) -> Mapping:
    """Read a mapping from a TOML file, to commands of a catalogue.

    Raises InvalidMapping with one message that names each key, what was found and what is allowed.
    """
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(MAX_TEXT + 1)
    except OSError as error:
        raise InvalidMapping(f"{path} can't be read: {error.strerror}") from None
    except ValueError as error:  # not UTF-8
        raise InvalidMapping(f"{path} is not TOML: {error}") from None
    return parse_mapping(text, catalogue, str(path))


def parse_mapping(text: str, catalogue: Catalogue, name: str = "the mapping") -> Mapping:
    """Read a mapping from text in TOML; `name` is what messages call it. Raises InvalidMapping as `load_mapping`."""
    try:
        table = read_toml(text)
    except ValueError as error:
        raise InvalidMapping(f"{name} is not TOML: {error}") from None
    try:
        return Mapping.model_validate(table, context=catalogue)
    except ValidationError as error:
        raise InvalidMapping(f"{name}: {sentence(error)}") from None
