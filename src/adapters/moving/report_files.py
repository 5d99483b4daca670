"""The files of a report: a folder of Parquet files, or one SQLite database, with typed columns.

Instants are timestamps in UTC in Parquet, and ISO text in SQLite, which has no type for them. Each says what it is, so
that a later report may replace it and nothing else: `report.json` in the folder, an application id in the database.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from regulars.adapters.archive.parquet import arrow
from regulars.adapters.schema.view_sql import Kind, Shown
from regulars.adapters.sql.sqlite_file import begins_like_sqlite
from regulars.adapters.whole_files import require_no_store, whole_file, whole_folder
from regulars.crm_domain.errors import StoreUnusable
from regulars.crm_domain.instant import FOREVER, to_datetime

Rows = Sequence[Sequence[Any]]
ROWS_A_GROUP = 50_000
ABOUT = "report.json"
#: "Rgrp", where SQLite keeps the id of the application that a database belongs to.
APPLICATION_ID = 0x52677270
_PLACE_OF_ID = slice(68, 72)

_OF_SQLITE: dict[Kind, str] = {"number": "INTEGER", "flag": "INTEGER"}
_ADVICE = "name another, or replace that one (replace=True, --force)"


class About(Struct, frozen=True, kw_only=True):
    """What a report is: when it was made, up to which event, in which currency, and how many rows each table has."""

    made_at: str
    up_to_position: int
    currency: str | None
    with_personal_data: bool
    tables: dict[str, int]


class Report(Protocol):
    """A report while it is written."""

    def begin(self, name: str, columns: Sequence[Shown]) -> Callable[[Rows], None]:
        """Begin a table; the function that adds rows to it. The one before it has ended."""
        ...

    def end(self, about: About) -> None:
        """End the last table, and say what the report is."""
        ...


def kept(columns: Sequence[Shown]) -> tuple[Shown, ...]:
    """The columns that a report has of a view: all but those that say in another form what another one says."""
    return tuple(each for each in columns if each.kind != "again")


# ------------------------------------------------------------------------------------------------------------- Parquet


@contextmanager
def parquet_report(folder: Path, *, replace: bool) -> Iterator[Report]:
    """A report as a new folder, which is there once it is complete.

    Raises StoreUnusable where there is one already, unless it is an earlier report that is to be replaced.
    """
    pa = arrow()
    if _is_there(folder) and not (replace and _is_parquet_report(folder)):
        raise _in_the_way(folder, _is_parquet_report(folder))
    try:
        with whole_folder(folder, replace=replace) as unfinished, ExitStack() as until_the_end:
            unfinished.chmod(0o700)  # it may have names in it
            yield _ParquetReport(unfinished, pa, until_the_end)
    except FileExistsError:
        raise _in_the_way(folder, _is_parquet_report(folder)) from None


class _ParquetReport:
    def __init__(self, folder: Path, pa: Any, until_the_end: ExitStack) -> None:
        self._folder = folder
        self._pa = pa
        self._table = until_the_end.enter_context(ExitStack())

    def begin(self, name: str, columns: Sequence[Shown]) -> Callable[[Rows], None]:
        self._table.close()
        file = _ParquetTable(self._folder / f"{name}.parquet", columns, self._pa)
        self._table.enter_context(closing(file))
        return file.add

    def end(self, about: About) -> None:
        self._table.close()
        (self._folder / ABOUT).write_bytes(msgspec.json.format(msgspec.json.encode(about)) + b"\n")


class _ParquetTable:
    """One file; rows are gathered in Arrow's form until they are worth a row group."""

    def __init__(self, path: Path, columns: Sequence[Shown], pa: Any) -> None:
        self._columns = columns
        self._pa = pa
        instant = pa.timestamp("us", tz="UTC")
        kinds = {"text": pa.string(), "number": pa.int64(), "flag": pa.bool_()}
        self._schema = pa.schema([pa.field(each.name, kinds.get(each.kind, instant)) for each in columns])
        self._writer = pa.parquet.ParquetWriter(os.fspath(path), self._schema, compression="zstd")
        self._batches: list[Any] = []
        self._gathered = 0

    def add(self, rows: Rows) -> None:
        """Add rows behind the others."""
        arrays = [
            _array(self._pa, each, values, field.type)
            for each, values, field in zip(self._columns, zip(*rows, strict=True), self._schema, strict=True)
        ]
        self._batches.append(self._pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._gathered += len(rows)
        if self._gathered >= ROWS_A_GROUP:
            self._write()

    def close(self) -> None:
        """Write what is gathered, and end the file."""
        try:
            self._write()
        finally:
            self._writer.close()

    def _write(self) -> None:
        self._writer.write_table(self._pa.Table.from_batches(self._batches, self._schema))
        self._batches, self._gathered = [], 0


def _array(pa: Any, column: Shown, values: Sequence[Any], wanted: Any) -> Any:
    try:
        match column.kind:
            case "flag":
                return pa.array([None if each is None else bool(each) for each in values], wanted)
            case "microseconds":
                ends = [None if each == FOREVER else each for each in values]
                return pa.array(ends, pa.int64()).cast(wanted)
            case "instant" if any(isinstance(each, str) for each in values):
                return pa.array(values, pa.string()).cast(wanted)
            case _:
                return pa.array(values, wanted)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise StoreUnusable(f'a value of the column "{column.name}" can\'t be exported: {error}') from None


def _is_parquet_report(folder: Path) -> bool:
    """Whether all that is in a folder is of a report."""
    try:
        about = msgspec.json.decode((folder / ABOUT).read_bytes(), type=About)
        found = {each.name for each in folder.iterdir()}
    except (OSError, msgspec.DecodeError):
        return False
    return found == {ABOUT, *(f"{name}.parquet" for name in about.tables)}


# -------------------------------------------------------------------------------------------------------------- SQLite


@contextmanager
def sqlite_report(path: Path, open_files: Sequence[Path], *, replace: bool) -> Iterator[Report]:
    """A report as a new database, which is there once it is complete. `open_files` are those of the open store.

    Raises StoreUnusable where there is a file already, unless it is an earlier report that is to be replaced.
    """
    require_no_store(path, open_files)
    if _is_there(path) and not (replace and _is_sqlite_report(path)):
        raise _in_the_way(path, _is_sqlite_report(path))
    whole = whole_file(path, replace=replace, open_files=open_files, if_it_exists=_ADVICE, may_be=_is_sqlite_report)
    with whole as unfinished, closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")  # an unfinished one is deleted, a whole one is flushed
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("BEGIN")
        yield _SqliteReport(connection)
        connection.execute("COMMIT")


class _SqliteReport:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def begin(self, name: str, columns: Sequence[Shown]) -> Callable[[Rows], None]:
        typed = ", ".join(f'"{each.name}" {_OF_SQLITE.get(each.kind, "TEXT")}' for each in columns)
        self._connection.execute(f'CREATE TABLE "{name}" ({typed})')
        for each in columns:
            if each.name in ("customer_id", "order_id", "ticket_id"):
                index = f'CREATE INDEX "{name}_by_{each.name}" ON "{name}" ("{each.name}")'
                self._connection.execute(index)
        insert = f'INSERT INTO "{name}" VALUES ({", ".join("?" * len(columns))})'  # noqa: S608 - names of ours
        kinds = [_CELLS.get(each.kind, _as_it_is) for each in columns]

        def add(rows: Rows) -> None:
            cells = ([cell(value) for cell, value in zip(kinds, row, strict=True)] for row in rows)
            self._connection.executemany(insert, cells)

        return add

    def end(self, about: About) -> None:
        self._connection.execute('CREATE TABLE "about" ("name" TEXT, "value" TEXT)')
        said = [(name, value) for name, value in msgspec.structs.asdict(about).items() if name != "tables"]
        self._connection.executemany('INSERT INTO "about" VALUES (?, ?)', said)


def _as_it_is(value: Any) -> Any:
    return value


def _flag(value: Any) -> int | None:
    return None if value is None else int(value)


def _instant(value: Any) -> str | None:
    return iso(value) if isinstance(value, datetime) else value


def _microseconds(value: int | None) -> str | None:
    return None if value is None or value == FOREVER else iso(to_datetime(value))


def iso(moment: datetime) -> str:
    """An instant as views on SQLite show it, such as 2026-03-01T11:00:00.000000Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


_CELLS: Mapping[Kind, Callable[[Any], Any]] = {"flag": _flag, "instant": _instant, "microseconds": _microseconds}


def _is_sqlite_report(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            found = file.read(_PLACE_OF_ID.stop)[_PLACE_OF_ID]
    except OSError:
        return False
    return begins_like_sqlite(path) and found == APPLICATION_ID.to_bytes(4)


def _is_there(path: Path) -> bool:
    return os.path.lexists(path)


def _in_the_way(path: Path, is_report: bool) -> StoreUnusable:
    if is_report:
        return StoreUnusable(f"{path} exists already; {_ADVICE}")
    return StoreUnusable(f"{path} exists already and is no report of ours, so it is never replaced; name another")
