"""The tables of builds: what is stored of one projection, or of the facts that projections fold.

A customer is the position of the first event of their stream, a whole number that every copy and every worker agrees
on; the business itself, to which belongs what is nobody's, is 0.

1. Of facts: a row a customer, with the fold to go on with.
2. Of a projection: a row an interval; the fields of its verdict are columns. Apart from them, a row a customer with the
   projector's place, to go on with.
3. Of a projection that is listed by its score: intervals that differ in nothing but the score are one row, with the
   steps of the score packed; and a narrow table has a row a step in the order of the scores, to find the highest by.
   Beside that stands for each score the earliest instant at which anybody has it, or an earlier one: what comes later
   needn't be looked for.

A replay of everything comes in no order that a table has, so its rows are written to a staging table without a key, and
are moved from there in the order of the key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct, ValidationError, convert
from msgspec.structs import fields
from sqlalchemy.engine import Connection

from regulars.adapters.sql.columns import check
from regulars.adapters.sql.damage import BY_A_REBUILD, DamagedReadModels
from regulars.adapters.sql.table_names import ours
from regulars.crm_domain.instant import FOREVER
from regulars.projections.engine.column import columns_of
from regulars.projections.engine.fold import Folded, Tracks
from regulars.projections.engine.projector import ListedBy, Projector
from regulars.projections.engine.stored import dump_facts, dump_own, dump_tracks, load_facts, load_own, load_tracks
from regulars.projections.facts.fact_set import FactSet
from regulars.projections.facts.shared import SHARED
from regulars.projections.registry import Registry
from regulars.projections.verdict import Interval

Instant = sa.BigInteger
Row = tuple[Any, ...]

SCORE = "score"

#: The build of the facts that are shared.
FACTS = SHARED.name

#: The columns of the indexes that lists need. Those by value begin and end also answer how many have it when.
_LISTED_BY: dict[ListedBy, tuple[tuple[Any, ...], ...]] = {
    "value": (("value", "customer", "valid_from", "valid_to"), ("value", "valid_to")),
    "due": (("value", "valid_from"),),
    "score": (),
    "status": (("status", "valid_from", "valid_to"),),
}


_COLUMN_TYPES: dict[str, type[sa.types.TypeEngine[Any]]] = {
    "text": sa.Text,
    "number": sa.BigInteger,
    "short number": sa.Integer,
}


def _customer() -> sa.Column[int]:
    """The one key of a table; SQLite orders its rows by it if it has this type."""
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column("customer", kind, primary_key=True, autoincrement=False)


class FactsTable:
    """What is stored of a set of facts of everybody."""

    def __init__(self, fact_set: FactSet, number: int, metadata: sa.MetaData) -> None:
        self.fact_set = fact_set
        name = f"{fact_set.name}_{number}"
        self.rows = sa.Table(
            ours(name),
            metadata,
            _customer(),
            sa.Column("last_event_at", Instant, nullable=False),
            sa.Column("folded", sa.LargeBinary, nullable=False),
            sa.Index(ours(f"{name}_last"), "last_event_at"),
        )

    def row(self, customer: int, folded: Folded) -> Row:
        """What is stored of a customer."""
        data = dump_facts(folded) if self.fact_set is SHARED else dump_own(folded, self.fact_set)
        return customer, folded.last_at, data


def loaded_facts(data: bytes) -> Folded | None:
    """A fold without tracks; None for one that was damaged, which is as good as none."""
    try:
        return load_facts(data)
    except ValueError:
        return None


def loaded_own(fact_set: FactSet, data: bytes) -> Any:
    """The facts of another set; None for those that were damaged."""
    try:
        return load_own(fact_set, data)
    except ValueError:
        return None


def loaded_tracks(projector: Projector, data: bytes) -> Tracks | None:
    """A projector's tracks; None for those that were damaged."""
    try:
        return load_tracks(projector, data)
    except ValueError:
        return None


class ProjectionTables:
    """What is stored of a projection: `intervals`, `places`, and where it is listed by its score, `steps` and
    `earliest`.
    """

    def __init__(self, projector: Projector, number: int, metadata: sa.MetaData) -> None:
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
        self.steps = self._steps(metadata) if self.is_packed else None
        self.earliest = self._earliest(metadata) if self.is_packed else None
        self.fields = tuple(each.name for each in fields(projector.verdict))
        self._columns = tuple(each for each in self.fields if not (self.is_packed and each == SCORE))
        self._values = _getter(self._columns)

    def _intervals(self, metadata: sa.MetaData) -> sa.Table:
        key = self.projector.key
        by_key = [] if key is None else [sa.Column(key.name, sa.Text, primary_key=True)]
        listed = (columns for each in self.projector.lists_by for columns in _LISTED_BY[each])
        indexes = [sa.Index(ours(f"{self._name}_{number}"), *columns) for number, columns in enumerate(listed)]
        if key is not None:
            indexes.append(sa.Index(ours(f"{self._name}_customer"), "customer"))
        packed = [sa.Column("scores", sa.LargeBinary, nullable=False)] if self.is_packed else []
        return sa.Table(
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
        """Each score with the first instant at which anybody has it, as the steps say."""
        steps = self.steps
        assert steps is not None
        return sa.select(steps.c.minus_score, sa.func.min(steps.c.valid_from)).group_by(steps.c.minus_score)

    @property
    def key_width(self) -> int:
        """How many columns of an interval's row, the first ones, tell it from all others."""
        return len(self.intervals.primary_key)

    # ------------------------------------------------------------------------------------------------------ to rows

    def rows(self, customer: int, intervals: Sequence[Interval]) -> list[Row]:
        """The rows that say what a customer's intervals do, in order of time."""
        if self.is_packed:
            return self._packed(customer, intervals)
        values = self._values
        if self.projector.key is None:
            return [(customer, each.valid_from, each.valid_to, *values(each.verdict)) for each in intervals]
        return [(each.key, customer, each.valid_from, each.valid_to, *values(each.verdict)) for each in intervals]

    def _packed(self, customer: int, intervals: Sequence[Interval]) -> list[Row]:
        """A row for neighbours that have all in common but their scores."""
        rows, values, steps = list[Row](), self._values, list[int]()
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
        """The rows of the narrow table for a customer's intervals."""
        return [(-each.verdict.score, customer, each.valid_from, each.valid_to) for each in intervals]

    # ---------------------------------------------------------------------------------------------------- from rows

    def read(self, rows: Iterable[Sequence[Any]]) -> list[Interval]:
        """The intervals of stored rows, each with the table's columns in order.

        Raises DamagedReadModels for what is no verdict.
        """
        return [each for row in rows for each in self._read(row)]

    def at(self, row: Sequence[Any], instant: int) -> Interval:
        """The interval of a row in which an instant lies. Raises DamagedReadModels as `read` does."""
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
        held = dict(zip(self._columns, values[:-1], strict=True))
        first, *steps = self._scores(values[-1])
        since, score = valid_from, first
        for offset, following in zip(steps[::2], steps[1::2], strict=True):
            yield Interval(since, since + offset, self._verdict(held | {SCORE: score}), key)
            since, score = since + offset, following
        yield Interval(since, valid_to, self._verdict(held | {SCORE: score}), key)

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

    def _damaged(self, why: str) -> DamagedReadModels:
        return DamagedReadModels(f"what is stored as {self.name} can't be read: {why}; {BY_A_REBUILD}")

    def place(self, customer: int, tracks: Tracks) -> Row:
        """What is stored of a projector's place with a customer."""
        return customer, dump_tracks(tracks)


def joined_steps(stored: Sequence[Interval], newer: Sequence[Interval]) -> list[Interval]:
    """Stored intervals up to where newer ones begin, and those; equal neighbours are one."""
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
    """The tables of some builds, each a projection's or a set of facts' by its name, with its number.

    `facts` are those that are shared, None where they are not among them; `fact_sets` are all.
    """

    def __init__(self, builds: dict[str, int], registry: Registry) -> None:
        self.builds = builds
        self.metadata = sa.MetaData()
        self.fact_sets = [
            FactsTable(each, builds[each.name], self.metadata) for each in registry.fact_sets if each.name in builds
        ]
        self.facts = next((each for each in self.fact_sets if each.fact_set is SHARED), None)
        self.projections = {
            each.name: ProjectionTables(each, builds[each.name], self.metadata)
            for each in registry.projectors
            if each.name in builds
        }
        for table in self.metadata.tables.values():
            check(table, of_read_models=True)
        derived = {each.earliest for each in self.projections.values()}
        loaded = [table for table in self.metadata.sorted_tables if table not in derived]
        self.staging = {table: _staging(table) for table in loaded}

    def tables_of(self, name: str) -> list[sa.Table]:
        """The tables of one build."""
        stem = ours(f"{name}_{self.builds[name]}")
        return [each for each in self.metadata.sorted_tables if each.name == stem or each.name.startswith(f"{stem}_")]

    def create(self, connection: Connection) -> None:
        """The tables with their indexes."""
        self.metadata.create_all(connection)

    def drop_indexes(self, connection: Connection) -> None:
        """Take the indexes away, to load much at once."""
        for index in self.indexes:
            index.drop(connection, checkfirst=True)

    @property
    def indexes(self) -> list[sa.Index]:
        """The indexes, which are made once much was loaded."""
        indexes = (index for table in self.metadata.sorted_tables for index in table.indexes)
        return sorted(indexes, key=lambda index: str(index.name))


def _getter(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """What gives the values of some fields."""
    found = attrgetter(*names) if names else None
    if found is None:
        return lambda verdict: ()
    return found if len(names) > 1 else lambda verdict: (found(verdict),)


_encode = msgspec.msgpack.Encoder().encode


def _staging(table: sa.Table) -> sa.Table:
    """A table with the same columns, which takes rows in any order quickly."""
    columns = (sa.Column(each.name, each.type, nullable=each.nullable, autoincrement=False) for each in table.columns)
    return sa.Table(f"{table.name}_staging", sa.MetaData(), *columns)


def _verdict_columns(verdict: type[Struct]) -> Iterator[sa.Column[Any]]:
    """The columns of a verdict's fields: text for words, whole numbers for numbers, and NULL where None is allowed."""
    for each in columns_of(verdict):
        yield sa.Column(each.name, _COLUMN_TYPES[each.kind], nullable=each.nullable)
