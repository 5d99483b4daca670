"""The statements of some builds of a generation, rendered once for as long as these builds are in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.writing_rows import insert_rows
from regulars.adapters.schema.builds import FactsTable, ProjectionTables, Row
from regulars.adapters.schema.tables import Schema
from regulars.adapters.sql.dialects import placeholder
from regulars.adapters.sql.statement import Among, Statement, run_many

#: The tables of one projection, or of a set of facts.
Part = FactsTable | ProjectionTables

_FEW = 32  # rows, for which it isn't worth to join them, or to copy them
_FOLDS_IN_USE = 128
_IN_USE = 8  # as each question of another day, or by other rules, may have builds of its own


@lru_cache(maxsize=_IN_USE)
def build_statements(
    schema: Schema,
    dialect: sa.Dialect,
    generation: int,
    builds: tuple[tuple[str, int], ...],
    parts: tuple[Part, ...],
) -> BuildStatements:
    """The statements of some builds of a generation."""
    return BuildStatements(schema, dialect, generation, builds, parts)


class BuildStatements:
    """The statements of some builds, each with its name and number, of which these are the `parts` that are known."""

    def __init__(
        self,
        schema: Schema,
        dialect: sa.Dialect,
        generation: int,
        builds: Sequence[tuple[str, int]],
        parts: Sequence[Part],
    ) -> None:
        self._schema = schema
        self.dialect = dialect
        self._generation = generation
        self._builds = builds
        self._parts = parts
        self._inserts: dict[sa.Table, str] = {}
        self._replacing: dict[sa.Table, str] = {}
        self._deleting: dict[sa.Table, str] = {}
        # One for what each type of event bears on; of batches of several types there may be any number.
        self.folds = lru_cache(maxsize=_FOLDS_IN_USE)(self._folds_of)

    # ------------------------------------------------------------------------------------------------ the bookkeeping

    @cached_property
    def progress(self) -> Statement:
        """Each build that belongs to the generation: its name, `checkpoint`, `folding_until` and `folded_through`."""
        return self._render(self._progress())

    @cached_property
    def progress_to_change(self) -> Statement:
        """The same; until the transaction ends nobody else changes them."""
        return self._render(self._progress().with_for_update())  # concurrent writers lock them in the same order

    def _progress(self) -> sa.Select[Any]:
        builds = self._schema.builds
        columns = (builds.c.name, builds.c.checkpoint, builds.c.folding_until, builds.c.folded_through)
        return sa.select(*columns).where(self.are_members).order_by(builds.c.name)

    @cached_property
    def move(self) -> Statement:
        """Move the builds to a `checkpoint`."""
        return self._render(
            self._schema.builds.update().where(self.are_members).values(checkpoint=sa.bindparam("checkpoint"))
        )

    @cached_property
    def fold_through(self) -> Statement:
        """Note for the builds what a first fold has `folded_through`."""
        return self._render(
            self._schema.builds.update().where(self.are_members).values(folded_through=sa.bindparam("folded_through"))
        )

    @cached_property
    def are_members(self) -> sa.ColumnElement[bool]:
        """True for rows of these builds, if they belong to the generation."""
        builds, members = self._schema.builds, self._schema.generation_builds
        is_member = sa.exists().where(
            members.c.generation == self._generation,
            members.c.name == builds.c.name,
            members.c.number == builds.c.number,
        )
        return sa.and_(self._are_ours(builds.c.name, builds.c.number), is_member)

    @cached_property
    def parked(self) -> Statement:
        """The rows of all customers who are parked, by customer; the first event of each comes last."""
        return self._render(self._parked())

    @cached_property
    def parked_among(self) -> Among:
        """The same of some customers."""
        return Among(self.dialect, self._parked(), self._schema.parked.c.customer_id)

    @cached_property
    def unpark(self) -> Statement:
        """Delete the rows of a customer `id` who is parked."""
        parked = self._schema.parked
        ours = sa.and_(self._are_ours(parked.c.name, parked.c.build), parked.c.customer_id == sa.bindparam("id"))
        return self._render(parked.delete().where(ours))

    def _parked(self) -> sa.Select[Any]:
        parked = self._schema.parked
        columns = (parked.c.customer_id, parked.c.position, parked.c.type, parked.c.reason)
        ours = self._are_ours(parked.c.name, parked.c.build)
        return sa.select(*columns).where(ours).order_by(parked.c.customer_id, parked.c.position.desc())

    def _are_ours(self, name: sa.Column[str], number: sa.Column[int]) -> sa.ColumnElement[bool]:
        return sa.or_(sa.false(), *(sa.and_(name == each, number == build) for each, build in self._builds))

    # ------------------------------------------------------------------------------------------------ of one customer

    @cached_property
    def first_of_stream(self) -> Among:
        """The ids of streams, among some, each with the position of its first event."""
        return self._first(self._schema.events.c.stream_id)

    @cached_property
    def first_of_customer(self) -> Among:
        """The ids of customers, among some, each with the position of the first event that names them."""
        return self._first(self._schema.events.c.customer_id)

    def _first(self, named: sa.ColumnElement[Any]) -> Among:
        position = self._schema.events.c.position
        select = sa.select(named, sa.func.min(position)).where(position > 0).group_by(named)
        return Among(self.dialect, select, named)

    def _folds_of(self, names: frozenset[str]) -> Among:
        """What is stored of some customers to go on with: a customer, the place of a part, and what its row holds; of
        the parts of these names.
        """
        selects = []
        for place, each in enumerate(self._parts):
            if each.name in names:
                customer, *_, held = each.stored.c
                selects.append((sa.select(customer, sa.literal_column(str(place), sa.Integer), held), customer))
        return Among.of_each(self.dialect, selects)

    @cached_property
    def intervals(self) -> Mapping[str, Statement]:
        """By projection, all rows of a `customer` in order of time."""
        found = {}
        for each in self._projections:
            theirs = each.intervals.c.customer == sa.bindparam("customer")
            ordered = sa.select(each.intervals).where(theirs).order_by(*each.intervals.primary_key)
            found[each.name] = self._render(ordered)
        return found

    @cached_property
    def holding(self) -> Mapping[str, Statement]:
        """By projection, the rows of a `customer` that hold `at` an instant."""
        found = {}
        for each in self._projections:
            columns = each.intervals.c
            at: sa.BindParameter[int] = sa.bindparam("at")
            holds = (columns.customer == sa.bindparam("customer"), columns.valid_from <= at, columns.valid_to > at)
            found[each.name] = self._render(sa.select(each.intervals).where(*holds))
        return found

    # -------------------------------------------------------------------------------------------------- what is written

    @cached_property
    def gone(self) -> Mapping[sa.Table, Statement]:
        """By table in which rows are found by their customer, the DELETE of those of a customer who is `gone`."""
        tables = [each.stored for each in self._parts]
        tables += [each.intervals for each in self._projections]
        return {each: self._render(each.delete().where(each.c.customer == sa.bindparam("gone"))) for each in tables}

    @cached_property
    def last(self) -> Mapping[str, Statement]:
        """By set of facts, the UPDATE of when the `last` event `of` a customer was, of whom it has a row."""
        found = {}
        for each in self._parts:
            if isinstance(each, FactsTable):
                theirs = each.rows.c.customer == sa.bindparam("of")
                found[each.name] = self._render(
                    each.rows.update().where(theirs).values(last_event_at=sa.bindparam("last"))
                )
        return found

    @cached_property
    def outdated(self) -> Mapping[str, Statement]:
        """By projection, the DELETE of the rows of a customer `id` that begin at `since` or later; where there are
        keys, of those of a `key`.
        """
        found = {}
        for each in self._projections:
            table, key = each.intervals, each.projector.key
            theirs = [table.c.customer == sa.bindparam("id"), table.c.valid_from >= sa.bindparam("since")]
            if key is not None:
                theirs.append(table.c[key.name] == sa.bindparam("key"))
            found[each.name] = self._render(table.delete().where(*theirs))
        return found

    @cached_property
    def packed(self) -> Mapping[str, Among]:
        """By projection that is listed by score, the rows of some customers that end at `earliest` or later, each
        customer's in order of time.
        """
        found = {}
        for each in self._projections:
            if each.is_packed:
                table = each.intervals
                select = sa.select(table).where(table.c.valid_to >= sa.bindparam("earliest"))
                found[each.name] = Among(self.dialect, select.order_by(*table.primary_key), table.c.customer)
        return found

    @cached_property
    def earliest(self) -> Mapping[str, Among]:
        """By projection that is listed by score, some scores, negated, each with the instant that is kept for it."""
        return {
            each.name: Among(self.dialect, sa.select(each.earliest), each.earliest.c.minus_score)
            for each in self._projections
            if each.earliest is not None
        }

    def insert(self, connection: Connection, table: sa.Table, rows: Sequence[Row]) -> None:
        """Insert rows whose values are in the order of the table's columns."""
        if len(rows) > _FEW:
            insert_rows(connection, table, rows)
        elif rows:
            text = self._inserts.get(table)
            if text is None:
                text = self._inserts[table] = self._insert_of(table)
            run_many(connection, text, list(rows))

    def _insert_of(self, table: sa.Table) -> str:
        marks = ", ".join([placeholder(self.dialect)] * len(table.c))
        return f"INSERT INTO {table.name} VALUES ({marks})"  # noqa: S608 - our own table

    def replace(self, connection: Connection, table: sa.Table, rows: Sequence[Row]) -> None:
        """Put rows of a table that has one for each customer in the place of those that are stored of them."""
        if not rows:
            return
        text = self._replacing.get(table)
        if text is None:
            others = ", ".join(f"{each.name} = excluded.{each.name}" for each in table.c if not each.primary_key)
            text = self._replacing[table] = f"{self._insert_of(table)} ON CONFLICT (customer) DO UPDATE SET {others}"
        run_many(connection, text, list(rows))

    def delete(self, connection: Connection, table: sa.Table, keys: Sequence[Row]) -> None:
        """Delete rows of which these are the values of the primary key."""
        if not keys:
            return
        text = self._deleting.get(table)
        if text is None:
            this = " AND ".join(f"{each.name} = {placeholder(self.dialect)}" for each in table.primary_key)
            text = self._deleting[table] = f"DELETE FROM {table.name} WHERE {this}"  # noqa: S608 - our own table
        run_many(connection, text, list(keys))

    @property
    def _projections(self) -> list[ProjectionTables]:
        return [each for each in self._parts if isinstance(each, ProjectionTables)]

    def _render(self, construct: sa.ClauseElement) -> Statement:
        return Statement(construct, self.dialect)
