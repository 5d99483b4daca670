"""Column types that check each value as it is read: SQLite stores values of any kind in any column.

A value of another kind than its column, or an instant outside the calendar, raises an error that names the column and
the remedy. The log doesn't use them: damage to an event is reported with its position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from regulars.adapters.sql.damage import BY_A_REBUILD, FROM_A_BACKUP, Damaged, DamagedReadModels
from regulars.crm_domain.instant import END_OF_TIME, FOREVER, to_instant

#: What gives a value back, or raises Damaged.
Check = Callable[[Any], Any]

_BEGIN_OF_TIME = to_instant(datetime.min.replace(tzinfo=UTC))
_NAMED = {str: "text", bytes: "bytes", int: "a whole number"}


class _Checked(sa.types.TypeDecorator[Any]):
    """A SQLAlchemy type that checks what is read."""

    cache_ok = True
    impl: type[sa.types.TypeEngine[Any]] = sa.Text
    kind: type = str

    def __init__(self, column: str = "a column", of_read_models: bool = False) -> None:
        super().__init__()
        self.column = column
        self.of_read_models = of_read_models

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Check:
        """Check each value as the driver gives it."""
        return self.checked

    def checked(self, value: Any) -> Any:
        """Check a value. Raises Damaged for one that we never write."""
        if type(value) is self.kind or value is None:
            return value
        raise self.damaged(f"is not {_NAMED[self.kind]}")

    def damaged(self, what: str) -> Damaged:
        """The error for a value."""
        if self.of_read_models:
            return DamagedReadModels(f"a stored value of {self.column} {what}; {BY_A_REBUILD}")
        return Damaged(f"a stored value of {self.column} {what}: it was changed from outside, and {FROM_A_BACKUP}")


class Text(_Checked):
    """Text."""

    cache_ok = True


class Blob(_Checked):
    """Bytes."""

    cache_ok = True
    impl = sa.LargeBinary
    kind = bytes


class Number(_Checked):
    """An integer of 32 bits where the database has such."""

    cache_ok = True
    impl = sa.Integer
    kind = int


class BigNumber(_Checked):
    """An integer of 64 bits."""

    cache_ok = True
    impl = sa.BigInteger
    kind = int

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """INTEGER on SQLite, where it has 64 bits, too, and as a primary key is the rowid."""
        return dialect.type_descriptor(sa.Integer() if dialect.name == "sqlite" else sa.BigInteger())


class Instant(BigNumber):
    """Microseconds since 1970."""

    cache_ok = True

    def checked(self, value: Any) -> Any:
        """Check an instant. Raises Damaged for one that no datetime can hold."""
        if super().checked(value) is None or _BEGIN_OF_TIME <= value <= END_OF_TIME:
            return value
        raise self.damaged("lies outside the calendar")


class End(Instant):
    """Microseconds since 1970, or FOREVER."""

    cache_ok = True

    def checked(self, value: Any) -> Any:
        """Check the end of an interval. Raises Damaged for one that no datetime can hold."""
        return value if value == FOREVER and type(value) is int else super().checked(value)


_CHECKED: tuple[tuple[type[sa.types.TypeEngine[Any]], type[_Checked]], ...] = (
    (sa.BigInteger, BigNumber),
    (sa.Integer, Number),
    (sa.LargeBinary, Blob),
    (sa.Text, Text),
)


def check(table: sa.Table, *, of_read_models: bool = False) -> sa.Table:
    """Replace a table's column types by those that check each value as it is read."""
    for column in table.columns:
        name = f"{table.name}.{column.name}"
        made = next((ours for theirs, ours in _CHECKED if isinstance(column.type, theirs)), None)
        if made is None:
            continue
        ours = End if column.name == "valid_to" else Instant if _is_instant(column) else made
        column.type = ours(name, of_read_models=of_read_models)
    return table


def _is_instant(column: sa.Column[Any]) -> bool:
    return column.name == "valid_from" or (
        column.name.endswith("_at") and column.name not in ("merged_at", "undone_at")  # which are positions
    )


def checks_of(columns: Iterable[sa.ColumnElement[Any]]) -> tuple[tuple[int, Check], ...]:
    """The checks of a row's columns, each with the column's place."""
    types = enumerate(column.type for column in columns)
    return tuple((place, each.checked) for place, each in types if isinstance(each, _Checked))


def as_stored(table: sa.Table) -> sa.Select[Any]:
    """All rows of a table, unchecked."""
    columns: list[Any] = [unchecked(column).label(column.name) for column in table.columns]
    found: sa.Select[Any] = sa.select(*columns)
    return found


def unchecked(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A column whose values are not checked."""
    return sa.type_coerce(column, sa.types.NullType())
