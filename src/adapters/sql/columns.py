"""Columns whose values are checked as they are read: SQLite keeps anything in any column, whatever its type.

A value that is of another kind than its column, or an instant that no calendar has, is a sentence that names the column
and what mends it. Events are not read this way: what is wrong with one of them is told with its position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa

from regulars.adapters.sql.damage import BY_A_REBUILD, FROM_A_BACKUP, Damaged, DamagedReadModels
from regulars.crm_domain.instant import END_OF_TIME, FOREVER

#: What gives a value back, or raises Damaged.
Check = Callable[[Any], Any]

_BEGIN_OF_TIME = -END_OF_TIME  # no datetime reaches that far back
_NAMED = {str: "text", bytes: "bytes", int: "a whole number"}


class _Checked(sa.types.TypeDecorator[Any]):
    """A type of SQLAlchemy's that checks what it reads; it writes what that type does."""

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
        """A value of the column. Raises Damaged for one that we never write."""
        if type(value) is self.kind or value is None:
            return value
        raise self.damaged(f"is not {_NAMED[self.kind]}")

    def damaged(self, what: str) -> Damaged:
        """What to raise for a value."""
        if self.of_read_models:
            return DamagedReadModels(f"what is stored as {self.column} {what}; {BY_A_REBUILD}")
        return Damaged(f"what is stored as {self.column} {what}: it was changed from outside, and {FROM_A_BACKUP}")


class Text(_Checked):
    """Text."""

    cache_ok = True


class Blob(_Checked):
    """Bytes."""

    cache_ok = True
    impl = sa.LargeBinary
    kind = bytes


class Number(_Checked):
    """A whole number of 32 bits where the database has such."""

    cache_ok = True
    impl = sa.Integer
    kind = int


class BigNumber(_Checked):
    """A whole number of 64 bits."""

    cache_ok = True
    impl = sa.BigInteger
    kind = int

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """SQLite, whose whole numbers all have 64 bits, keeps a table in order of its key if it is an INTEGER."""
        return dialect.type_descriptor(sa.Integer() if dialect.name == "sqlite" else sa.BigInteger())


class Instant(BigNumber):
    """Microseconds since 1970, or FOREVER."""

    cache_ok = True

    def checked(self, value: Any) -> Any:
        """An instant. Raises Damaged for one that no datetime can hold."""
        if super().checked(value) is None or value == FOREVER or _BEGIN_OF_TIME <= value <= END_OF_TIME:
            return value
        raise self.damaged("lies outside the calendar")


_CHECKED: tuple[tuple[type[sa.types.TypeEngine[Any]], type[_Checked]], ...] = (
    (sa.BigInteger, BigNumber),
    (sa.Integer, Number),
    (sa.LargeBinary, Blob),
    (sa.Text, Text),
)


def check(table: sa.Table, *, of_read_models: bool = False) -> sa.Table:
    """The same table, of which every value is checked as it is read."""
    for column in table.columns:
        name = f"{table.name}.{column.name}"
        made = next((ours for theirs, ours in _CHECKED if isinstance(column.type, theirs)), None)
        if made is None:
            continue
        ours = Instant if _is_instant(column) else made
        column.type = ours(name, of_read_models=of_read_models)
    return table


def _is_instant(column: sa.Column[Any]) -> bool:
    return column.name in ("valid_from", "valid_to") or (
        column.name.endswith("_at") and column.name not in ("merged_at", "undone_at")  # which are positions
    )


def checks_of(columns: Iterable[sa.ColumnElement[Any]]) -> tuple[tuple[int, Check], ...]:
    """The places of those columns of a row that are checked, with what checks them."""
    types = enumerate(column.type for column in columns)
    return tuple((place, each.checked) for place, each in types if isinstance(each, _Checked))


def as_stored(table: sa.Table) -> sa.Select[Any]:
    """All rows of a table with whatever stands in them, unchecked."""
    columns: list[Any] = [unchecked(column).label(column.name) for column in table.columns]
    found: sa.Select[Any] = sa.select(*columns)
    return found


def unchecked(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A column as it stands in the database."""
    return sa.type_coerce(column, sa.types.NullType())
