"""The parts of views in the SQL of either database: instants, amounts, and fields of an event's payload.

A field that isn't in a payload has its default: defaults are left out when an event is stored. One that isn't of the
kind that was written, as somebody else changed it, is NULL, so that one damaged event doesn't hide the others.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from regulars.crm_domain.instant import FOREVER
from regulars.crm_domain.money import EXPONENTS

#: What a column of a view holds. Microseconds are instants as whole numbers, FOREVER for no end; an "instant" is a
#: timestamp on PostgreSQL and ISO text on SQLite; "again" says in that form what another column says in microseconds.
Kind = Literal["text", "number", "flag", "instant", "microseconds", "again"]


class Shown(Struct, frozen=True):
    """A column of a view: its name, what it holds, and its expression."""

    name: str
    kind: Kind
    expression: str


class Sql(Struct, frozen=True):
    """The SQL of one kind of database."""

    is_sqlite: bool

    # ------------------------------------------------------------------------------------------------ of a payload

    def payload(self, event: str) -> str:
        """The payload of an event, as JSON."""
        return f"CAST({event}.payload AS TEXT)" if self.is_sqlite else f"convert_from({event}.payload, 'UTF8')::json"

    def text(self, json: str, field: str) -> str:
        """A field that is text, NULL where it isn't there."""
        return f"json_extract({json}, '$.{field}')" if self.is_sqlite else f"{json} ->> '{field}'"

    def number(self, json: str, field: str, default: int | None = None) -> str:
        """A field that is a whole number."""
        if self.is_sqlite:
            found = f"CASE json_type({json}, '$.{field}') WHEN 'integer' THEN json_extract({json}, '$.{field}') END"
        else:
            whole = f"({json} ->> '{field}') ~ '^-?[0-9]{{1,18}}$'"
            found = f"CASE WHEN {whole} THEN ({json} ->> '{field}')::bigint END"
        return found if default is None else f"COALESCE({found}, {default})"

    def flag(self, json: str, field: str) -> str:
        """A field that is true or false, false where it isn't there."""
        if self.is_sqlite:
            return f"COALESCE(json_type({json}, '$.{field}') = 'true', 0)"
        return f"COALESCE({json} ->> '{field}' = 'true', false)"

    def items(self, json: str, field: str, alias: str) -> str:
        """A join with the items of a field that is a list: `ALIAS.item` is JSON, `ALIAS.number` counts from 0 on SQLite
        and from 1 on PostgreSQL.
        """
        if self.is_sqlite:
            return f"JOIN json_each({json}, '$.{field}') AS {alias} ON {alias}.key IS NOT NULL"
        found = f"CASE json_typeof({json} -> '{field}') WHEN 'array' THEN {json} -> '{field}' ELSE '[]' END"
        return f"CROSS JOIN LATERAL json_array_elements({found}) WITH ORDINALITY AS {alias} (value, key)"

    def number_of_item(self, alias: str) -> str:
        """The number of an item, from 1."""
        return f"{alias}.key + 1" if self.is_sqlite else f"{alias}.key"

    # ------------------------------------------------------------------------------------------- of any whole number

    def instant(self, microseconds: str) -> str:
        """An instant, exactly: a timestamp, or ISO text such as 2026-03-01T11:00:00.000000Z. NULL for no end."""
        if self.is_sqlite:
            part = f"(({microseconds} % 1000000 + 1000000) % 1000000)"
            seconds = f"strftime('%Y-%m-%dT%H:%M:%S', ({microseconds} - {part}) / 1000000, 'unixepoch')"
            found = f"{seconds} || printf('.%06dZ', {part})"
        else:
            found = (
                f"timestamptz 'epoch' + ({microseconds} / 1000000) * interval '1 second' "
                f"+ ({microseconds} % 1000000) * interval '1 microsecond'"
            )
        return f"CASE WHEN {microseconds} < {FOREVER} THEN {found} END"

    def now(self) -> str:
        """The clock of the database, in microseconds; on SQLite it shows milliseconds, of which this is the end."""
        if self.is_sqlite:
            return "(CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000 + 999)"
        return "CAST(extract(epoch FROM now()) * 1000000 AS bigint)"

    def bytes_as_text(self, column: str) -> str:
        """Bytes that are text."""
        return f"CAST({column} AS TEXT)" if self.is_sqlite else f"convert_from({column}, 'UTF8')"


def decimal(minor: str, currency: str) -> str:
    """An amount in minor units as decimal text, such as 59.90, with as many digits as its currency has."""
    cases = (f"WHEN {currency} IN ({_quoted(digits)}) THEN {_decimal(minor, digits)}" for digits in (0, 3, 4))
    return f"CASE {' '.join(cases)} ELSE {_decimal(minor, 2)} END"


def _decimal(minor: str, digits: int) -> str:
    if not digits:
        return f"CAST({minor} AS TEXT)"
    unit, sign = 10**digits, f"CASE WHEN {minor} < 0 THEN '-' ELSE '' END"
    fraction = f"substr(CAST({unit} + abs({minor}) % {unit} AS TEXT), 2)"
    return f"{sign} || CAST(abs({minor}) / {unit} AS TEXT) || '.' || {fraction}"


def _quoted(digits: int) -> str:
    return ", ".join(f"'{code}'" for code, exponent in EXPONENTS.items() if exponent == digits)
