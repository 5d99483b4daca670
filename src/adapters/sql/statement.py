"""Compiled statements: rendered once per dialect, and then handed to the driver directly.

SQLAlchemy's overhead for each execution is many times the database's own time for a look-up by key. Errors are raised
as SQLAlchemy raises them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from regulars.adapters.sql.chunks import CHUNK, T, chunks
from regulars.adapters.sql.columns import checks_of

#: A row as the driver gives it.
Row = tuple[Any, ...]
_Values = Mapping[str, Any] | Sequence[Any]
#: A select, and the columns of which one is to have a value.
_Part = tuple[sa.Select[Any], tuple[sa.ColumnElement[Any], ...]]


class Statement:
    """A compiled SQLAlchemy construct whose `sa.bindparam`s are the parameters.

    Values are passed to and from the driver unconverted, so columns are of types that both drivers know. Results are
    checked by the column types, which raise Damaged.
    """

    def __init__(self, construct: sa.ClauseElement, dialect: sa.Dialect) -> None:
        compiled = construct.compile(dialect=dialect)
        self._checks = checks_of(getattr(construct, "selected_columns", ()))
        self.text = str(compiled)
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        order: Sequence[str] | None = getattr(compiled, "positiontup", None)
        self._in_order = None if order is None else _picker(order)

    def all(self, connection: Connection, **values: Any) -> list[Row]:
        """Execute it; all rows."""
        rows: list[Row] = run(connection, self.text, self._bound(values)).fetchall()
        for row in rows if self._checks else ():
            self._check(row)
        return rows

    def first(self, connection: Connection, **values: Any) -> Row | None:
        """Execute it; the first row, or None."""
        row: Row | None = run(connection, self.text, self._bound(values)).fetchone()
        if row is not None:
            self._check(row)
        return row

    def run(self, connection: Connection, **values: Any) -> None:
        """Execute it, without a result."""
        run(connection, self.text, self._bound(values))

    def many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute it for each row of values, without a result."""
        if len(rows) == 1:
            run(connection, self.text, self._bound(rows[0]))
        elif rows:
            run_many(connection, self.text, [self._bound(values) for values in rows])

    def _check(self, row: Row) -> None:
        for place, check in self._checks:
            check(row[place])

    def _bound(self, values: Mapping[str, Any]) -> _Values:
        values = {**self._constants, **values} if self._constants else values
        return values if self._in_order is None else self._in_order(values)


class Among:
    """A select of the rows that have one of any number of values in a column, or in any of some columns (`IN`).

    It is executed once for each CHUNK of values. Statements are compiled for sizes that are powers of two, and the last
    value is repeated to fill one.
    """

    def __init__(self, dialect: sa.Dialect, select: sa.Select[Any], *columns: sa.ColumnElement[Any]) -> None:
        self._selects: Sequence[_Part] = [(select, columns)]
        self._dialect = dialect
        self._at_once = CHUNK
        self._of_size: dict[int, Statement] = {}

    @classmethod
    def of_each(cls, dialect: sa.Dialect, selects: Sequence[tuple[sa.Select[Any], sa.ColumnElement[Any]]]) -> Among:
        """The rows of several selects, each with such a column, one after the other (`UNION ALL`)."""
        among = cls(dialect, *selects[0])
        among._selects = [(select, (column,)) for select, column in selects]
        among._at_once = 1 << (CHUNK // len(selects)).bit_length() - 1
        return among

    def all(self, connection: Connection, wanted: Iterable[T], **values: Any) -> list[Row]:
        """All rows, in the select's order within each CHUNK."""
        return [row for chunk in chunks(wanted, self._at_once) for row in self._some(connection, chunk, values)]

    def _some(self, connection: Connection, wanted: Sequence[Any], values: Mapping[str, Any]) -> list[Row]:
        size = 1 << (len(wanted) - 1).bit_length()
        statement = self._of_size.get(size)
        if statement is None:
            statement = self._of_size[size] = self._render(size)
        padded = (*wanted, *[wanted[-1]] * (size - len(wanted)))
        return statement.all(connection, **{f"wanted_{index}": each for index, each in enumerate(padded)}, **values)

    def _render(self, size: int) -> Statement:
        marks: list[sa.BindParameter[Any]] = [sa.bindparam(f"wanted_{index}") for index in range(size)]
        selects = [
            select.where(sa.or_(*(column.in_(marks) for column in columns))) for select, columns in self._selects
        ]
        return Statement(selects[0] if len(selects) == 1 else sa.union_all(*selects), self._dialect)


def _picker(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    return itemgetter(*names) if len(names) > 1 else lambda values: tuple(values[name] for name in names)


def insertion(table: sa.Table, dialect: sa.Dialect) -> Statement:
    """The INSERT of a row, without columns that the database fills in."""
    columns = (column.name for column in table.c if column.server_default is None)
    return Statement(sa.insert(table).values({name: sa.bindparam(name) for name in columns}), dialect)


def run(connection: Connection, text: str, values: _Values | None = None) -> Any:
    """Execute a text with values; the driver's cursor."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(text, values) if values else cursor.execute(text)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _as_sqlalchemy_does(connection, text, error) from error
    return cursor


def run_many(connection: Connection, text: str, rows: list[Any]) -> None:
    """Execute a text for each row of values."""
    cursor = connection.connection.cursor()
    try:
        cursor.executemany(text, rows)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _as_sqlalchemy_does(connection, text, error) from error


def copy_rows(connection: Connection, text: str, rows: Iterable[Row]) -> None:
    """Insert rows by PostgreSQL's COPY."""
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(text) as copy:
            for row in rows:
                copy.write_row(row)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _as_sqlalchemy_does(connection, text, error) from error


def run_script(connection: Connection, text: str) -> None:
    """Execute a text without values. On PostgreSQL it may be several statements, sent in one message."""
    cursor = connection.connection.cursor()
    execute: Callable[..., object] = cursor.execute
    if connection.dialect.name == "postgresql":
        execute = partial(execute, prepare=False)  # which several statements can't be
    try:
        execute(text)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _as_sqlalchemy_does(connection, text, error) from error


def _as_sqlalchemy_does(connection: Connection, text: str, error: Exception) -> DBAPIError:
    """SQLAlchemy's exception for the driver's, without the values; a dead connection is invalidated."""
    dialect = connection.dialect
    is_dead = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)  # type: ignore[arg-type]
    wrapped = DBAPIError.instance(
        text,
        None,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=is_dead,
        dialect=dialect,
    )
    if is_dead:
        connection.invalidate(error)
    assert isinstance(wrapped, DBAPIError)
    return wrapped
