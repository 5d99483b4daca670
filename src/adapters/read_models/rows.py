"""The read models of one generation, or of some builds of it: how far they are, and what is stored of each customer.

A row says that a verdict holds in [valid_from, valid_to); the past, the present and what is already due stand side by
side, so "as of" any instant is one range look-up. What lists ask of the rows is in `pages`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import groupby, pairwise
from typing import Any, TypeVar

import sqlalchemy as sa
from msgspec import Struct, to_builtins
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.customer_numbers import ids_of
from regulars.adapters.read_models.histories import History, Poison
from regulars.adapters.read_models.replay import Range
from regulars.adapters.schema.builds import (
    FACTS,
    BuildTables,
    FactsTable,
    ProjectionTables,
    Row,
    joined_steps,
    loaded_facts,
    loaded_own,
    loaded_tracks,
)
from regulars.adapters.schema.tables import Schema
from regulars.adapters.sql.chunks import chunks
from regulars.adapters.sql.columns import as_stored
from regulars.adapters.sql.damage import DamagedReadModels
from regulars.adapters.sql.statement import copy_rows
from regulars.crm_domain.errors import StoreBusy, StoreUnusable
from regulars.projections.engine.fold import Folded, FoldPlan, Timelines, by_key
from regulars.projections.registry import Registry
from regulars.projections.rules.compiled import Rules
from regulars.projections.verdict import Interval

SAMPLE = 64  # customers
ROWS_A_SLICE = 1_000_000  # moved in a second or two, in which nobody else writes to SQLite

#: The staged rows whose first key is at least one and below another; None is no bound.
Slice = tuple[Any, Any]


class Update(Struct, frozen=True, kw_only=True):
    """One customer's new fold. `timelines` begin where the stored ones stop being true.

    `known` says that something is stored of this customer already.
    """

    customer: int
    folded: Folded
    timelines: Timelines
    known: bool


def new_update(history: History) -> Update:
    """What is stored of a customer who was folded afresh and of whom nothing is stored."""
    return Update(customer=history.customer, folded=history.folded, timelines=history.timelines, known=False)


class Bulk(Struct, frozen=True):
    """A first fold of everything up to a position, and the ranges of customers that are still to be done."""

    until: int
    ranges: tuple[Range, ...]


class ReadModels:
    """Some builds that answer together as a generation, each by its name with its number.

    Folds that other code stored, `is_current` being false, are as good as none: the verdicts stand, but facts don't. So
    is a fold that was damaged: whoever needs it folds that customer from the log.
    """

    def __init__(
        self,
        schema: Schema,
        number: int,
        builds: Mapping[str, int],
        registry: Registry,
        *,
        is_current: bool = True,
    ) -> None:
        self.number = number
        self.builds = dict(builds)
        self.is_current = is_current
        self.projectors = tuple(each for each in registry.projectors if each.name in builds)
        self.tables = BuildTables(self.builds, registry)
        self.events = schema.events
        self.forgotten = schema.forgotten
        self._schema = schema
        self._registry = registry

    def only(self, names: Iterable[str]) -> ReadModels:
        """Those of some names."""
        some = {name: self.builds[name] for name in names}
        return ReadModels(self._schema, self.number, some, self._registry, is_current=self.is_current)

    def plan(self, rules: Rules) -> FoldPlan:
        """How events are folded by the projectors of these builds."""
        return FoldPlan(rules, self.projectors)

    @property
    def has_all(self) -> bool:
        """Whether each projection that this process knows is built here."""
        return len(self.projectors) == len(self._registry.projectors)

    def goes_on(self, rules: Rules) -> bool:
        """Whether what is stored here is enough to take further events in: facts, and what its projections read."""
        needed = {each.facts.name for each in self.projectors} | {FACTS}
        needed |= {source.name for each in self.projectors for source in each.sources(rules)}
        return needed <= self.builds.keys()

    def of(self, projection: str) -> ProjectionTables:
        """The tables of one projection. Raises StoreUnusable where it isn't built yet."""
        try:
            return self.tables.projections[projection]
        except KeyError:
            raise StoreUnusable(f"{projection} isn't built yet; `regulars rebuild --stale` builds it") from None

    # ------------------------------------------------------------------------------------------------- how far they are

    @cached_property
    def _ours(self) -> sa.ColumnElement[bool]:
        builds, members = self._schema.builds, self._schema.generation_builds
        is_member = sa.exists().where(
            members.c.generation == self.number, members.c.name == builds.c.name, members.c.number == builds.c.number
        )
        pairs = (sa.and_(builds.c.name == name, builds.c.number == number) for name, number in self.builds.items())
        return sa.and_(sa.or_(*pairs), is_member)

    def _progress(self, connection: Connection, *, to_change: bool = False) -> Sequence[Any]:
        """How far each build is, by name. Raises StoreBusy where others dropped the generation."""
        builds = self._schema.builds
        columns = (builds.c.name, builds.c.checkpoint, builds.c.folding_until, builds.c.folded_through)
        statement = sa.select(*columns).where(self._ours).order_by(builds.c.name)
        if to_change:  # whoever changes some of them locks them in the same order
            statement = statement.with_for_update()
        found = connection.execute(statement).all()
        if len(found) < len(self.builds):
            raise StoreBusy(f"generation {self.number} was dropped meanwhile, by `regulars prune`; ask again")
        return found

    def checkpoint(self, connection: Connection) -> int:
        """The position up to which events are folded in everywhere. Raises StoreBusy where others dropped them."""
        return min(int(row.checkpoint) for row in self._progress(connection))

    def level(self, connection: Connection) -> list[ReadModels]:
        """Those that are equally far, together; what has come least far first."""

        def place(row: Any) -> tuple[int, bool, int, str]:
            is_begun = row.folding_until is not None  # what is begun ends first: the others may begin level with it
            return row.checkpoint, not is_begun, row.folding_until or 0, row.folded_through or ""

        rows = sorted(self._progress(connection), key=place)
        groups = [[row.name for row in group] for _, group in groupby(rows, key=place)]
        return [self] if len(groups) == 1 else [self.only(names) for names in groups]

    def bulk(self, connection: Connection) -> Bulk | None:
        """How far the first fold of everything has come; None once it is through, or where there was none."""
        row = next((row for row in self._progress(connection) if row.folding_until is not None), None)
        return None if row is None else Bulk(row.folding_until, _ranges(row.folded_through))

    def begin_bulk(self, connection: Connection, until: int, ranges: Sequence[Range]) -> None:
        """Say that everything up to a position is being folded, customer by customer; nothing of it yet."""
        rows = self._progress(connection, to_change=True)
        if all(row.checkpoint == 0 and row.folding_until is None for row in rows):
            self._change(connection, folding_until=until, folded_through=_ranges_text(ranges))
            self.tables.drop_indexes(connection)
            for staging in self.tables.staging.values():
                staging.create(connection)

    def advance_bulk(self, connection: Connection, old: Sequence[Range], new: Sequence[Range]) -> bool:
        """Say which ranges are still to be done; False where another process was quicker."""
        rows, expected = self._progress(connection, to_change=True), _ranges_text(old)
        if any(row.folded_through != expected for row in rows):
            return False
        self._change(connection, folded_through=_ranges_text(new))
        return True

    def end_bulk(self, connection: Connection, until: int) -> None:
        """Say that everyone is done: from here on, events are folded in as they come."""
        if all(row.folding_until == until for row in self._progress(connection, to_change=True)):
            self._change(connection, checkpoint=until, folding_until=None, folded_through=None)

    def advance(self, connection: Connection, old: int, new: int) -> bool:
        """Move the checkpoint from one position to another; False where another process was quicker."""
        rows = self._progress(connection, to_change=True)
        # While everything is being folded, the end of that may lie beyond.
        if any(row.checkpoint != old or row.folding_until is not None for row in rows):
            return False
        self._change(connection, checkpoint=new)
        return True

    def _change(self, connection: Connection, **values: Any) -> None:
        connection.execute(self._schema.builds.update().where(self._ours).values(values))

    # ---------------------------------------------------------------------------------------------------- who is parked

    def parked(self, connection: Connection, customer_ids: Iterable[str] | None = None) -> dict[str, Poison]:
        """Whom an event that can't be folded has parked, with the first such event: all, or of some customers."""
        parked = self._schema.parked
        pairs = (sa.and_(parked.c.name == name, parked.c.build == number) for name, number in self.builds.items())
        statement = sa.select(parked).where(sa.or_(*pairs)).order_by(parked.c.customer_id, parked.c.position.desc())
        wanted = [None] if customer_ids is None else chunks(customer_ids)
        found: dict[str, Poison] = {}
        for chunk in wanted:
            chosen = statement if chunk is None else statement.where(parked.c.customer_id.in_(chunk))
            for row in connection.execute(chosen):
                found[row.customer_id] = Poison(
                    customer_id=row.customer_id, position=row.position, type=row.type, reason=row.reason
                )
        return found

    def park(self, connection: Connection, poisons: Iterable[Mapping[str, Poison]]) -> None:
        """Remember who is parked where, and by what: for each customer the poisons by name."""
        rows = [
            {"name": name, "build": self.builds[name]} | to_builtins(poison)
            for each in poisons
            for name, poison in each.items()
            if name in self.builds
        ]
        if rows:
            self.unpark(connection, {row["customer_id"] for row in rows})
            connection.execute(self._schema.parked.insert(), rows)

    def unpark(self, connection: Connection, customer_ids: Iterable[str]) -> None:
        """Forget that some customers were parked."""
        parked = self._schema.parked
        gone = [{"id": customer_id} for customer_id in sorted(customer_ids)]
        for name, number in self.builds.items() if gone else ():
            ours = sa.and_(parked.c.name == name, parked.c.build == number, parked.c.customer_id == sa.bindparam("id"))
            connection.execute(parked.delete().where(ours), gone)

    # -------------------------------------------------------------------------------------------------- of one customer

    def load(self, connection: Connection, customers: Iterable[int]) -> dict[int, Folded | None]:
        """The stored folds of those customers that have one; None for one that can't be read.

        There are none without the facts.
        """
        folds: dict[int, Folded | None] = {}
        facts = self.tables.facts
        for chunk in chunks(customers) if self.is_current and facts is not None else ():
            assert facts is not None
            table = facts.rows
            rows = connection.execute(sa.select(table.c.customer, table.c.folded).where(table.c.customer.in_(chunk)))
            folds.update((customer, loaded_facts(folded)) for customer, folded in rows)
            for own in self.tables.fact_sets:
                if own is not facts:
                    self._load_own(connection, own, chunk, folds)
            for projection in self.tables.projections.values():
                self._load_places(connection, projection, chunk, folds)
        return folds

    def _load_own(
        self, connection: Connection, own: FactsTable, customers: Sequence[int], folds: dict[int, Folded | None]
    ) -> None:
        table = own.rows
        rows = connection.execute(sa.select(table.c.customer, table.c.folded).where(table.c.customer.in_(customers)))
        for customer, packed in rows:
            folded, known = folds.get(customer), loaded_own(own.fact_set, packed)
            if folded is not None and known is not None:
                folded.own[own.fact_set.name] = known
            else:
                folds[customer] = None

    def _load_places(
        self,
        connection: Connection,
        projection: ProjectionTables,
        customers: Sequence[int],
        folds: dict[int, Folded | None],
    ) -> None:
        places = projection.places
        for customer, packed in connection.execute(sa.select(places).where(places.c.customer.in_(customers))):
            folded, tracks = folds.get(customer), loaded_tracks(projection.projector, packed)
            if folded is not None and tracks is not None:
                folded.tracks[projection.name] = tracks
            else:
                folds[customer] = None

    def intervals(self, connection: Connection, customer: int) -> Timelines:
        """All stored intervals of one customer, by projection, in order of time."""
        return {name: self._intervals(connection, each, customer) for name, each in self.tables.projections.items()}

    def _intervals(self, connection: Connection, projection: ProjectionTables, customer: int) -> list[Interval]:
        table = projection.intervals
        statement = sa.select(table).where(table.c.customer == customer).order_by(*table.primary_key)
        return projection.read(connection.execute(statement).all())

    def drop(self, connection: Connection, customers: Iterable[int]) -> None:
        """Take away what is stored of some customers."""
        gone = sorted(set(customers))
        for projection in self.tables.projections.values() if gone else ():
            if projection.steps is not None:
                self._delete_steps(connection, projection, self._stored_steps(connection, projection, gone))
        for table in self._by_customer:
            _delete_rows(connection, table, gone)

    @property
    def _by_customer(self) -> Iterator[sa.Table]:
        """The tables in which a customer's rows are found by the customer."""
        for each in self.tables.fact_sets:
            yield each.rows
        for projection in self.tables.projections.values():
            yield projection.places
            yield projection.intervals

    def save(self, connection: Connection, updates: Sequence[Update]) -> None:
        """Store new folds and intervals, in place of the old ones where there are any."""
        if not updates:
            return
        known = [update.customer for update in updates if update.known]
        for facts in self.tables.fact_sets:
            _delete_rows(connection, facts.rows, known)
            _insert_rows(connection, facts.rows, [facts.row(each.customer, each.folded) for each in updates])
        for projection in self.tables.projections.values():
            _delete_rows(connection, projection.places, known)
            _insert_rows(connection, projection.places, _place_rows(projection, updates))
            if projection.steps is None:
                self._save_intervals(connection, projection, updates)
            else:
                self._save_packed(connection, projection, updates)

    def _save_intervals(self, connection: Connection, projection: ProjectionTables, updates: Sequence[Update]) -> None:
        table, name, key = projection.intervals, projection.name, projection.projector.key
        outdated = [
            {"id": update.customer, "key": of, "since": intervals[0].valid_from}
            for update in updates
            if update.known
            for of, intervals in by_key(update.timelines[name]).items()
        ]
        if outdated:
            theirs = sa.and_(table.c.customer == sa.bindparam("id"), table.c.valid_from >= sa.bindparam("since"))
            if key is not None:
                theirs = sa.and_(table.c[key.name] == sa.bindparam("key"), theirs)
            connection.execute(table.delete().where(theirs), outdated)
        _insert_rows(
            connection, table, [row for each in updates for row in projection.rows(each.customer, each.timelines[name])]
        )

    def _save_packed(self, connection: Connection, projection: ProjectionTables, updates: Sequence[Update]) -> None:
        """A row that goes on beyond where newer intervals begin, or ends there, is packed anew with them."""
        table, name = projection.intervals, projection.name
        newer = {each.customer: each.timelines[name] for each in updates}
        since = {
            each.customer: each.timelines[name][0].valid_from for each in updates if each.known and newer[each.customer]
        }
        stored = self._stored_steps(connection, projection, since, since)
        for customer, steps in stored.items():
            newer[customer] = joined_steps(steps, newer[customer])
        outdated = [{"id": customer, "since": steps[0].valid_from} for customer, steps in stored.items() if steps]
        if outdated:
            theirs = sa.and_(table.c.customer == sa.bindparam("id"), table.c.valid_from >= sa.bindparam("since"))
            connection.execute(table.delete().where(theirs), outdated)
            self._delete_steps(connection, projection, stored)
        _insert_rows(connection, table, [row for each, steps in newer.items() for row in projection.rows(each, steps)])
        self._insert_steps(connection, projection, newer)

    def _stored_steps(
        self,
        connection: Connection,
        projection: ProjectionTables,
        customers: Iterable[int],
        since: Mapping[int, int] | None = None,
    ) -> dict[int, list[Interval]]:
        """The steps of the rows of some customers: of all, or of those that end at an instant or later."""
        table, since = projection.intervals, since or {}
        found: dict[int, list[Interval]] = {}
        for chunk in chunks(customers):
            earliest = min((since.get(each, 0) for each in chunk), default=0)
            theirs = sa.and_(table.c.customer.in_(chunk), table.c.valid_to >= earliest)
            for row in connection.execute(sa.select(table).where(theirs).order_by(*table.primary_key)):
                if row.valid_to >= since.get(row.customer, row.valid_to):
                    found.setdefault(row.customer, []).extend(projection.read([row]))
        return found

    def _insert_steps(
        self, connection: Connection, projection: ProjectionTables, steps: Mapping[int, Sequence[Interval]]
    ) -> None:
        assert projection.steps is not None
        rows = [row for customer, each in steps.items() for row in projection.step_rows(customer, each)]
        _insert_rows(connection, projection.steps, rows)
        _note_earliest(connection, projection, rows)

    def _delete_steps(
        self, connection: Connection, projection: ProjectionTables, steps: Mapping[int, Sequence[Interval]]
    ) -> None:
        table = projection.steps
        assert table is not None
        rows = [row for customer, each in steps.items() for row in projection.step_rows(customer, each)]
        names = ("score", "id", "since")
        gone = [dict(zip(names, row, strict=False)) for row in rows]
        if gone:
            this = (column == sa.bindparam(name) for column, name in zip(table.primary_key, names, strict=True))
            connection.execute(table.delete().where(*this), gone)

    # ----------------------------------------------------------------------------------------------------- of everybody

    def stage(self, connection: Connection, rows: Mapping[str, list[Row]]) -> None:
        """Insert rows by the names of their tables, of customers of whom nothing is stored yet, to be moved there."""
        for table, staging in self.tables.staging.items():
            _insert_rows(connection, staging, rows.get(table.name, []))

    def staged(self, connection: Connection, table: sa.Table) -> list[Slice]:
        """What is to be moved to a table, in slices of about so many rows that moving one keeps nobody waiting."""
        staging = self.tables.staging[table]
        if not sa.inspect(connection).has_table(staging.name):
            return []  # all was moved, and it was dropped
        if connection.execute(sa.select(sa.func.count()).select_from(staging)).scalar_one() <= ROWS_A_SLICE:
            return [(None, None)]
        key = staging.c[_leading(table).name]
        placed = sa.select(key.label("key"), sa.func.row_number().over(order_by=key).label("place")).subquery()
        bounds = sa.select(placed.c.key).where(placed.c.place % ROWS_A_SLICE == 0).distinct().order_by(placed.c.key)
        return list(pairwise([None, *connection.execute(bounds).scalars(), None]))

    def move(self, connection: Connection, table: sa.Table, some: Slice) -> None:
        """Move a slice of what is staged to its table in the order of the key, unless it is there already."""
        staging, key = self.tables.staging[table], _leading(table)
        is_moved = connection.execute(sa.select(key).where(_within(key, some)).limit(1)).first() is not None
        if not is_moved and sa.inspect(connection).has_table(staging.name):
            columns = [staging.c[column.name] for column in table.primary_key]
            in_order = sa.select(staging).where(_within(columns[0], some)).order_by(*columns)
            connection.execute(table.insert().from_select(table.c.keys(), in_order))

    def end_staging(self, connection: Connection, table: sa.Table) -> None:
        """Drop what all was moved from, and note what follows from the whole table."""
        self.tables.staging[table].drop(connection, checkfirst=True)
        for projection in self.tables.projections.values():
            if projection.steps is table:
                _note_earliest_of_all(connection, projection)

    def customer_rows(self, updates: Sequence[Update]) -> dict[sa.Table, list[Row]]:
        """The rows that say what some customers' folds do, by table, with the columns in the table's order."""
        rows: dict[sa.Table, list[Row]] = {}
        for facts in self.tables.fact_sets:
            rows[facts.rows] = [facts.row(each.customer, each.folded) for each in updates]
        for name, projection in self.tables.projections.items():
            rows[projection.places] = _place_rows(projection, updates)
            intervals = rows[projection.intervals] = list[Row]()
            for each in updates:
                if timeline := each.timelines[name]:
                    intervals += projection.rows(each.customer, timeline)
            if projection.steps is not None:
                steps = rows[projection.steps] = list[Row]()
                for each in updates:
                    steps += projection.step_rows(each.customer, each.timelines[name])
        return rows

    def stored_rows(self, connection: Connection, customers: Iterable[int]) -> dict[sa.Table, list[Row]]:
        """What is stored of some customers, but for the steps of scores, in which nobody is looked for."""
        found: dict[sa.Table, list[Row]] = {table: [] for table in self._by_customer}
        for chunk in chunks(customers):
            for table, rows in found.items():
                statement = as_stored(table).where(table.c.customer.in_(chunk))
                rows += (tuple(row) for row in connection.execute(statement))
        return found

    def strangers(self, connection: Connection, known: Sequence[int]) -> dict[sa.Table, list[Row]]:
        """What is stored of others than those who are known, but for the steps of scores."""
        everyone = set(known)
        found: dict[sa.Table, list[Row]] = {}
        for table in self._by_customer:
            stored = connection.execute(sa.select(table.c.customer).distinct()).scalars()
            others = [each for each in stored if each not in everyone]
            rows = (connection.execute(as_stored(table).where(table.c.customer.in_(chunk))) for chunk in chunks(others))
            found[table] = [tuple(row) for some in rows for row in some]
        return found

    def replace_rows(self, connection: Connection, table: sa.Table, old: Sequence[Row], new: Sequence[Row]) -> int:
        """Put rows in place of others where they differ; how many of both differ."""
        outdated, missing = sorted(set(old) - set(new), key=str), sorted(set(new) - set(old), key=str)
        places = [(column, place) for place, column in enumerate(table.c) if column.primary_key]
        for row in outdated:
            connection.execute(table.delete().where(*(column == row[place] for column, place in places)))
        _insert_rows(connection, table, missing)
        return len({tuple(row[place] for _, place in places) for row in (*outdated, *missing)})

    def replace_steps(
        self,
        connection: Connection,
        projection: ProjectionTables,
        customers: Iterable[int],
        steps: Sequence[Row],
    ) -> int:
        """Put the steps of some customers right, whom this looks for in the whole table; how many were not."""
        table = projection.steps
        assert table is not None
        stored = [
            tuple(row)
            for chunk in chunks(customers)
            for row in connection.execute(as_stored(table).where(table.c.customer.in_(chunk)))
        ]
        wrong = self.replace_rows(connection, table, stored, steps)
        _note_earliest(connection, projection, steps)
        return wrong

    def customers(self, connection: Connection) -> set[int]:
        """Everyone of whom something is stored."""
        steps = (each.steps for each in self.tables.projections.values() if each.steps is not None)
        stored = sa.union(*(sa.select(table.c.customer) for table in (*self._by_customer, *steps)))
        return set(connection.execute(stored).scalars())

    def sample(self, connection: Connection) -> list[str]:
        """Of whom something is stored: all, or where they are more than 64, some who are spread evenly over all."""
        numbers = next(self._by_customer).c.customer
        highest = connection.scalar(sa.select(sa.func.max(numbers))) or 0
        chosen = _spread(connection, numbers, [highest * part // SAMPLE for part in range(SAMPLE)])
        return sorted(ids_of(connection, self.events, chosen).values())


def spread(connection: Connection, ids: sa.Column[str], *conditions: sa.ColumnElement[bool]) -> list[str]:
    """The ids in a column that meet all conditions; where they are more than 64, at most 64, spread evenly over all."""
    return _spread(connection, ids, [f"{256 * part // SAMPLE:02x}" for part in range(SAMPLE)], *conditions)


_Key = TypeVar("_Key", str, int)


def _spread(
    connection: Connection, keys: sa.Column[_Key], bounds: Sequence[_Key], *conditions: sa.ColumnElement[bool]
) -> list[_Key]:
    """All keys that meet the conditions, or where they are more than 64, the first one after each of the bounds."""

    def first(*further: sa.ColumnElement[bool]) -> _Key | None:
        return connection.scalar(sa.select(keys).where(*conditions, *further).order_by(keys).limit(1))

    everyone: list[_Key] = []
    found = first()
    while found is not None and len(everyone) < SAMPLE:
        everyone.append(found)
        found = first(keys > found)
    if found is None:
        return everyone
    spread_out = (first(keys > bound) for bound in bounds)
    return sorted({each for each in spread_out if each is not None})


def _place_rows(projection: ProjectionTables, updates: Iterable[Update]) -> list[Row]:
    return [
        projection.place(each.customer, tracks) for each in updates if (tracks := each.folded.tracks[projection.name])
    ]


def _note_earliest(connection: Connection, projection: ProjectionTables, rows: Iterable[Row]) -> None:
    """Let each score be looked for from the earliest instant on at which anybody has it."""
    table, earliest = projection.earliest, dict[int, int]()
    assert table is not None
    for minus_score, _, valid_from, _ in rows:
        earliest[minus_score] = min(valid_from, earliest.get(minus_score, valid_from))
    known = dict(map(tuple, connection.execute(sa.select(table)))) if earliest else {}
    for minus_score, valid_from in sorted(earliest.items()):
        if minus_score not in known:
            connection.execute(table.insert(), {"minus_score": minus_score, "valid_from": valid_from})
        elif valid_from < known[minus_score]:
            ours = table.c.minus_score == minus_score
            connection.execute(table.update().where(ours).values(valid_from=valid_from))


def _note_earliest_of_all(connection: Connection, projection: ProjectionTables) -> None:
    table = projection.earliest
    assert table is not None
    connection.execute(table.delete())
    connection.execute(table.insert().from_select(table.c.keys(), projection.earliest_steps()))


def _leading(table: sa.Table) -> sa.Column[Any]:
    return next(iter(table.primary_key))


def _within(column: sa.ColumnElement[Any], some: Slice) -> sa.ColumnElement[bool]:
    first, end = some
    return sa.and_(
        sa.true() if first is None else column >= first,
        sa.true() if end is None else column < end,
    )


_RANGE = re.compile("([0-9a-f]*)-([0-9a-f]*)")


def _ranges(text: str | None) -> tuple[Range, ...]:
    """The ranges of a text. Raises DamagedReadModels for a text that isn't one of `_ranges_text`."""
    found = [_RANGE.fullmatch(each) for each in (text or "").split(",")]
    ranges = tuple(Range(*each.groups()) for each in found if each is not None)
    if len(ranges) < len(found):
        raise DamagedReadModels("which customers are still to be folded in can't be read")
    return ranges


def _ranges_text(ranges: Sequence[Range]) -> str:
    return ",".join(f"{each.after}-{each.last}" for each in ranges)


def _delete_rows(connection: Connection, table: sa.Table, customers: Sequence[int]) -> None:
    """Delete the rows of some customers."""
    if customers:
        of_one = table.delete().where(table.c.customer == sa.bindparam("gone"))
        connection.execute(of_one, [{"gone": customer} for customer in customers])


def _insert_rows(connection: Connection, table: sa.Table, rows: list[Row]) -> None:
    """Insert rows in the order of the table's columns, past SQLAlchemy's work on each: there are very many."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        copy_rows(connection, f"COPY {table.name} FROM STDIN", rows)
    else:
        marks = ", ".join("?" * len(table.c))
        connection.exec_driver_sql(f"INSERT INTO {table.name} VALUES ({marks})", rows)  # noqa: S608 - our own table
