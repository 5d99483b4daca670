"""The tables of builds: the stored folds and intervals of one projection, or of a set of facts.

A customer is the position of the first event of their stream, an integer that is the same in every copy and for every
worker; the business itself, to which events without a customer belong, is 0.

1. Of a set of facts: a row per customer, with the fold to resume.
2. Of a projection: a row per interval, with the fields of its verdict as columns. Beside it, a row per customer with
   the projector's state ("place"), to resume.
3. Of a projection that is listed by score: intervals that differ in the score alone are one row, with the steps of the
   score packed; and a narrow table has a row per step in order of the score, to find the highest. A third table has for
   each score a lower bound of the instants at which any customer has it, which limits the search.

A replay comes in no order of these tables, so its rows are written to staging tables without a key, and are moved from
there in the order of the primary key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct, ValidationError, convert
from msgspec.structs import fields
from sqlalchemy.engine import Connection
from sqlalchemy.schema import DropIndex

from regulars.adapters.sql.columns import check
from regulars.adapters.sql.damage import BY_A_REBUILD, DamagedReadModels
from regulars.adapters.sql.highest_first import highest_first
from regulars.adapters.sql.table_names import ours
from regulars.crm_domain.instant import FOREVER
from regulars.projections.engine.column import columns_of
from regulars.projections.engine.fold import Folded, Tracks
from regulars.projections.engine.projector import ListedBy, Projector
from regulars.projections.engine.stored import (
    dump_facts,
    dump_own,
    dump_tracks,
    load_facts,
    loading_own,
    loading_tracks,
)
from regulars.projections.facts.fact_set import FactSet
from regulars.projections.facts.shared import SHARED
from regulars.projections.registry import Registry
from regulars.projections.verdict import Interval

Instant = sa.BigInteger
Row = tuple[Any, ...]

SCORE = "score"
_VERDICTS_KEPT = 1_000

#: The build of the facts that are shared.
FACTS = SHARED.name

#: What stands for the column of the key in an index.
_KEY = "key"

#: The columns of the indexes that lists need. Those by value begin and end also answer how many have it when.
_LISTED_BY: dict[ListedBy, tuple[tuple[Any, ...], ...]] = {
    "value": (("value", "customer", "valid_from", "valid_to"), ("value", "valid_to")),
    "due": (("value", "valid_from"),),
    "score": (),
    "status": (("status", "valid_to", "valid_from"),),
    "key": ((_KEY, "valid_to"), (_KEY, "valid_from")),
}


_COLUMN_TYPES: dict[str, type[sa.types.TypeEngine[Any]]] = {
    "text": sa.Text,
    "number": sa.BigInteger,
    "short number": sa.Integer,
}


def is_last(intervals: sa.Table) -> sa.ColumnElement[bool]:
    """True for the last interval of everybody."""
    # Written out, as a planner knows no value that is handed over with a statement; it is the condition of an index.
    return intervals.c.valid_to == sa.literal_column(str(FOREVER), Instant)


def _customer() -> sa.Column[int]:
    """The one key of a table; of this type it is SQLite's rowid."""
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column("customer", kind, primary_key=True, autoincrement=False)


class FactsTable:
    """The table of a set of facts; it is what is `stored` of customers to go on with."""

    def __init__(self, fact_set: FactSet, number: int) -> None:
        self.fact_set = fact_set
        self.name = fact_set.name
        name = f"{fact_set.name}_{number}"
        self.rows = sa.Table(
            ours(name),
            sa.MetaData(),
            _customer(),
            sa.Column("last_event_at", Instant, nullable=False),
            sa.Column("folded", sa.LargeBinary, nullable=False),
            sa.Index(ours(f"{name}_last"), "last_event_at"),
        )
        check(self.rows, of_read_models=True)
        self.stored = self.rows
        self._load = loading_own(fact_set)
        self.tables = (self.rows,)
        self.staging = {self.rows: _staging(self.rows)}

    def rows_of(self, customer: int, folded: Folded) -> list[Row]:
        """A customer's row; of facts beside the shared ones none, where there are none."""
        if self.fact_set is SHARED:
            return [(customer, folded.last_at, dump_facts(folded))]
        known = folded.own.get(self.name)
        if known is None or known == self.fact_set.beginning():
            return []
        return [(customer, folded.last_at, dump_own(folded, self.fact_set))]

    def loaded_own(self, data: bytes) -> Any:
        """Decode the facts, of a set that isn't the shared one; None for damaged ones."""
        try:
            return self._load(data)
        except ValueError:
            return None


def loaded_facts(data: bytes) -> Folded | None:
    """Decode a fold without tracks; None for a damaged one."""
    try:
        return load_facts(data)
    except ValueError:
        return None


class ProjectionTables:
    """The tables of a projection: `intervals`, `places`, and where it is listed by score, `steps` and `earliest`. What
    is `stored` of customers to go on with are the places.

    `counted_by` are the columns by whose values an index counts intervals.
    """

    def __init__(self, projector: Projector, number: int) -> None:
        metadata = sa.MetaData()
        self.projector = projector
        self.name = projector.name
        self._name = f"{projector.name}_{number}"
        self.is_packed = "score" in projector.lists_by
        self.intervals = self._intervals(metadata)
        self.places = sa.Table(
            ours(f"{self._name}_places"),
            metadata,
            _customer(),
            sa.Column("tracks", sa.LargeBinary, nullable=False),
        )
        self.stored = self.places
        self.steps = self._steps(metadata) if self.is_packed else None
        self.earliest = self._earliest(metadata) if self.is_packed else None
        self.fields = tuple(each.name for each in fields(projector.verdict))
        self._columns = tuple(each for each in self.fields if not (self.is_packed and each == SCORE))
        self._values = _getter(self._columns)
        self._load_tracks = loading_tracks(projector)
        # Of a score there are a hundred verdicts, and of a customer as many steps as there were in years.
        self._scored = lru_cache(maxsize=_VERDICTS_KEPT, typed=True)(self._verdict_with)
        self.tables = tuple(metadata.sorted_tables)
        for table in self.tables:
            check(table, of_read_models=True)
        self.staging = {table: _staging(table) for table in self.tables if table is not self.earliest}

    def _intervals(self, metadata: sa.MetaData) -> sa.Table:
        key = self.projector.key
        by_key = [] if key is None else [sa.Column(key.name, sa.Text, primary_key=True)]
        named = {} if key is None else {_KEY: key.name}
        listed = [
            [named.get(column, column) for column in columns]
            for each in self.projector.lists_by
            for columns in _LISTED_BY[each]
        ]
        self.counted_by = frozenset(first for first, *_ in listed)
        indexes = [sa.Index(ours(f"{self._name}_{number}"), *columns) for number, columns in enumerate(listed)]
        if key is not None:
            indexes.append(sa.Index(ours(f"{self._name}_customer"), "customer"))
        packed = [sa.Column("scores", sa.LargeBinary, nullable=False)] if self.is_packed else []
        table = sa.Table(
            ours(self._name),
            metadata,
            *by_key,
            sa.Column("customer", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("valid_from", Instant, primary_key=True, autoincrement=False),
            sa.Column("valid_to", Instant, nullable=False),
            *(each for each in _verdict_columns(self.projector.verdict) if not (self.is_packed and each.name == SCORE)),
            *packed,
            *indexes,
            sqlite_with_rowid=False,
        )
        for column in self.projector.ranked_by:
            name, lasts = ours(f"{self._name}_by_{column}"), is_last(table)
            sa.Index(name, highest_first(table.c[column]), "customer", sqlite_where=lasts, postgresql_where=lasts)
        return table

    def _steps(self, metadata: sa.MetaData) -> sa.Table:
        """The score is negated, so that the primary key has the highest first."""
        return sa.Table(
            ours(f"{self._name}_steps"),
            metadata,
            sa.Column("minus_score", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("customer", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("valid_from", Instant, primary_key=True, autoincrement=False),
            sa.Column("valid_to", Instant, nullable=False),
            sqlite_with_rowid=False,
        )

    def _earliest(self, metadata: sa.MetaData) -> sa.Table:
        return sa.Table(
            ours(f"{self._name}_earliest"),
            metadata,
            sa.Column("minus_score", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("valid_from", Instant, nullable=False),
        )

    def earliest_steps(self) -> sa.Select[Any]:
        """Select each score with the first instant at which any customer has it."""
        steps = self.steps
        assert steps is not None
        return sa.select(steps.c.minus_score, sa.func.min(steps.c.valid_from)).group_by(steps.c.minus_score)

    @property
    def key_width(self) -> int:
        """How many columns the primary key of an interval has; they are the first ones."""
        return len(self.intervals.primary_key)

    # ------------------------------------------------------------------------------------------------------ to rows

    def rows(self, customer: int, intervals: Sequence[Interval]) -> list[Row]:
        """The rows of a customer's intervals, in order of time; none of those in which nothing is held."""
        if self.is_packed:
            return self._packed(customer, intervals)
        values = self._values
        if self.projector.key is None:
            return [(customer, each.valid_from, each.valid_to, *values(each.verdict)) for each in intervals]
        return [
            (each.key, customer, each.valid_from, each.valid_to, *values(each.verdict))
            for each in intervals
            if each.verdict is not None
        ]

    def _packed(self, customer: int, intervals: Sequence[Interval]) -> list[Row]:
        """One row for neighbouring intervals that differ in the score alone."""
        values = self._values
        rows: list[Row] = []
        steps: list[int] = []
        held: tuple[Any, ...] = ()
        begin = since = until = 0
        for each in intervals:
            verdict = each.verdict
            holds = values(verdict)
            if steps and until == each.valid_from and held == holds:
                steps += (each.valid_from - since, verdict.score)
            else:
                if steps:
                    rows.append((customer, begin, until, *held, _encode(steps)))
                begin, held, steps = each.valid_from, holds, [verdict.score]
            since, until = each.valid_from, each.valid_to
        if steps:
            rows.append((customer, begin, until, *held, _encode(steps)))
        return rows

    def step_rows(self, customer: int, intervals: Iterable[Interval]) -> list[Row]:
        """The rows of a customer's intervals for the table of steps."""
        return [(-each.verdict.score, customer, each.valid_from, each.valid_to) for each in intervals]

    # ---------------------------------------------------------------------------------------------------- from rows

    def read(self, rows: Iterable[Sequence[Any]]) -> list[Interval]:
        """Decode the intervals of stored rows, each with the table's columns in order.

        Raises DamagedReadModels for a row that is no verdict.
        """
        return [each for row in rows for each in self._read(row)]

    def at(self, row: Sequence[Any], instant: int) -> Interval:
        """The interval of a row at an instant. Raises DamagedReadModels as `read` does."""
        found = next((each for each in self._read(row) if each.valid_from <= instant < each.valid_to), None)
        if found is None:
            raise self._damaged("the steps of its score are not those of the row")
        return found

    def _read(self, row: Sequence[Any]) -> Iterator[Interval]:
        key, rest = ("", row) if self.projector.key is None else (row[0], row[1:])
        _, valid_from, valid_to, *values = rest
        if not self.is_packed:
            yield Interval(valid_from, valid_to, self._verdict(dict(zip(self._columns, values, strict=True))), key)
            return
        *held, packed = values
        first, *steps = self._scores(packed)
        since, score = valid_from, first
        for offset, following in zip(steps[::2], steps[1::2], strict=True):
            yield Interval(since, since + offset, self._scored(score, *held), key)
            since, score = since + offset, following
        yield Interval(since, valid_to, self._scored(score, *held), key)

    def _scores(self, packed: bytes) -> list[int]:
        try:
            found = msgspec.msgpack.decode(packed, type=list[int])
        except msgspec.DecodeError as error:
            raise self._damaged(str(error)) from None
        if len(found) % 2 == 0 or not all(offset > 0 for offset in found[1::2]):
            raise self._damaged("the steps of its score are none")
        return found

    def _verdict(self, held: dict[str, Any]) -> Any:
        try:
            return convert(held, self.projector.verdict)
        except ValidationError as error:
            raise self._damaged(str(error)) from None

    def _verdict_with(self, score: int, *held: Any) -> Any:
        return self._verdict({**dict(zip(self._columns, held, strict=True)), SCORE: score})

    def _damaged(self, why: str) -> DamagedReadModels:
        return DamagedReadModels(f"a stored row of {self.name} can't be read: {why}; {BY_A_REBUILD}")

    def rows_of(self, customer: int, folded: Folded) -> list[Row]:
        """The row of a customer's tracks; none where nothing has happened to any."""
        tracks = folded.tracks.get(self.name)
        return [(customer, dump_tracks(tracks))] if tracks else []

    def loaded_tracks(self, data: bytes) -> Tracks | None:
        """Decode the projector's tracks; None for damaged ones."""
        try:
            return self._load_tracks(data)
        except ValueError:
            return None


def joined_steps(stored: Sequence[Interval], newer: Sequence[Interval]) -> list[Interval]:
    """Stored intervals, cut off where newer ones begin, and those; equal neighbours are joined."""
    since = newer[0].valid_from if newer else FOREVER
    kept = [
        Interval(each.valid_from, min(each.valid_to, since), each.verdict) for each in stored if each.valid_from < since
    ]
    found: list[Interval] = []
    for each in (*kept, *newer):
        if found and found[-1].valid_to == each.valid_from and found[-1].verdict == each.verdict:
            found[-1] = Interval(found[-1].valid_from, each.valid_to, each.verdict)
        else:
            found.append(each)
    return found


class BuildTables:
    """The tables of some builds, each by its name with its number.

    `facts` are the shared ones, None where they are not among the builds; `fact_sets` are all. `parts` are these and
    the projections'.
    """

    def __init__(
        self, builds: Mapping[str, int], fact_sets: Iterable[FactSet], projectors: Iterable[Projector]
    ) -> None:
        self.builds = dict(builds)
        self.fact_sets = [_facts_table(each, builds[each.name]) for each in fact_sets if each.name in builds]
        self.facts = next((each for each in self.fact_sets if each.fact_set is SHARED), None)
        self.projections = {
            each.name: _projection_tables(each, builds[each.name]) for each in projectors if each.name in builds
        }
        self.parts: list[FactsTable | ProjectionTables] = [*self.fact_sets, *self.projections.values()]
        self.tables = sorted((table for part in self.parts for table in part.tables), key=_name)
        staging = {table: staged for part in self.parts for table, staged in part.staging.items()}
        self.staging = {table: staging[table] for table in self.tables if table in staging}

    def tables_of(self, name: str) -> list[sa.Table]:
        """The tables of one build."""
        stem = ours(f"{name}_{self.builds[name]}")
        return [each for each in self.tables if each.name == stem or each.name.startswith(f"{stem}_")]

    def create(self, connection: Connection) -> None:
        """Create the tables with their indexes. There are none of these names."""
        for table in self.tables:
            table.create(connection, checkfirst=False)

    def drop_indexes(self, connection: Connection) -> None:
        """Drop the indexes, to load many rows at once."""
        for index in self.indexes:
            connection.execute(DropIndex(index, if_exists=True))

    @property
    def indexes(self) -> list[sa.Index]:
        """The indexes, in order of their names."""
        return sorted((index for table in self.tables for index in table.indexes), key=_name)


def build_tables(builds: Mapping[str, int], registry: Registry) -> BuildTables:
    """The tables of some builds."""
    return BuildTables(builds, registry.fact_sets, registry.projectors)


# The tables of a build are the same ones for as long as they are in use: it takes longer to make them, and to compile
# statements for new ones, than to fold a small store.

_BUILDS_IN_USE = 512


@lru_cache(maxsize=_BUILDS_IN_USE)
def _facts_table(fact_set: FactSet, number: int) -> FactsTable:
    return FactsTable(fact_set, number)


@lru_cache(maxsize=_BUILDS_IN_USE)
def _projection_tables(projector: Projector, number: int) -> ProjectionTables:
    return ProjectionTables(projector, number)


def _name(of: sa.Table | sa.Index) -> str:
    return str(of.name)


def _getter(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """A function that gets the values of some fields."""
    found = attrgetter(*names) if names else None
    if found is None:
        return lambda verdict: ()
    return found if len(names) > 1 else lambda verdict: (found(verdict),)


_encode = msgspec.msgpack.Encoder().encode


def _staging(table: sa.Table) -> sa.Table:
    """A staging table: the same columns without a key, so rows can be inserted in any order."""
    columns = (sa.Column(each.name, each.type, nullable=each.nullable, autoincrement=False) for each in table.columns)
    return sa.Table(f"{table.name}_staging", sa.MetaData(), *columns)


def _verdict_columns(verdict: type[Struct]) -> Iterator[sa.Column[Any]]:
    """The columns of a verdict's fields: text for words, whole numbers for numbers, and NULL where None is allowed."""
    for each in columns_of(verdict):
        yield sa.Column(each.name, _COLUMN_TYPES[each.kind], nullable=each.nullable)
