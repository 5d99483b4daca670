"""The statements of some builds of a generation, rendered once for as long as these builds are in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

import sqlalchemy as sa

from regulars.adapters.schema.builds import FactsTable, ProjectionTables
from regulars.adapters.schema.tables import Schema
from regulars.adapters.sql.columns import unchecked
from regulars.adapters.sql.statement import Among, Statement

#: The tables of one projection, or of a set of facts.
Part = FactsTable | ProjectionTables

_IN_USE = 16  # as each question of another day, or by other rules, may have builds of its own


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

    @cached_property
    def folds(self) -> Among:
        """What is stored of some customers to go on with: a customer, the place of a part, and what its row holds."""
        return Among.of_each(
            self.dialect,
            [
                (sa.select(rows.c.customer, sa.literal_column(str(place)), unchecked(column)), rows.c.customer)
                for place, (rows, column) in enumerate(map(_stored, self._parts))
            ],
        )

    @cached_property
    def intervals(self) -> Mapping[str, Statement]:
        """By projection, all rows of a `customer` in order of time."""
        found = {}
        for each in self._parts:
            if isinstance(each, ProjectionTables):
                theirs = each.intervals.c.customer == sa.bindparam("customer")
                ordered = sa.select(each.intervals).where(theirs).order_by(*each.intervals.primary_key)
                found[each.name] = self._render(ordered)
        return found

    def _render(self, construct: sa.ClauseElement) -> Statement:
        return Statement(construct, self.dialect)


def checked(part: Part, value: Any) -> Any:
    """A value of what is stored of a customer. Raises DamagedReadModels where it is of a kind that we never write."""
    _, column = _stored(part)
    return column.type.checked(value)  # type: ignore[attr-defined]


def _stored(part: Part) -> tuple[sa.Table, sa.Column[Any]]:
    """The table in which a part keeps what it goes on with, and the column of that."""
    rows = part.rows if isinstance(part, FactsTable) else part.places
    return rows, rows.c.folded if isinstance(part, FactsTable) else rows.c.tracks
