"""How far some builds have folded the log, and which customers are parked in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from msgspec import Struct, to_builtins
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.histories import Poison
from regulars.adapters.read_models.replay import Range
from regulars.adapters.schema.tables import Schema
from regulars.adapters.sql.chunks import chunks
from regulars.adapters.sql.damage import DamagedReadModels
from regulars.crm_domain.errors import StoreBusy


class Bulk(Struct, frozen=True):
    """A first fold of everything up to a position, and the ranges of customers that are still to be folded."""

    until: int
    ranges: tuple[Range, ...]


class _Selects(Struct, frozen=True):
    """Statements that are made once, as each question asks them: of the `pairs` of some builds' names and numbers, of a
    `generation`, of `customer_ids`.
    """

    progress: sa.Select[Any]
    progress_to_change: sa.Select[Any]
    parked: sa.Select[Any]
    parked_among: sa.Select[Any]


@lru_cache(maxsize=16)
def _selects(schema: Schema) -> _Selects:
    builds, parked = schema.builds, schema.parked
    pairs: sa.BindParameter[Any] = sa.bindparam("pairs", expanding=True)
    columns = (builds.c.name, builds.c.checkpoint, builds.c.folding_until, builds.c.folded_through)
    ours = _are_members(schema, pairs, sa.bindparam("generation"))
    progress = sa.select(*columns).where(ours).order_by(builds.c.name)
    among_builds = sa.select(parked).where(sa.tuple_(parked.c.name, parked.c.build).in_(pairs))
    all_parked = among_builds.order_by(parked.c.customer_id, parked.c.position.desc())
    is_one_of = parked.c.customer_id.in_(sa.bindparam("customer_ids", expanding=True))
    return _Selects(
        progress=progress,
        progress_to_change=progress.with_for_update(),  # concurrent writers lock them in the same order
        parked=all_parked,
        parked_among=all_parked.where(is_one_of),
    )


def _are_members(schema: Schema, pairs: Any, generation: Any) -> sa.ColumnElement[bool]:
    """True for builds that are among pairs of a name and a number, and belong to a generation."""
    builds, members = schema.builds, schema.generation_builds
    is_member = sa.exists().where(
        members.c.generation == generation, members.c.name == builds.c.name, members.c.number == builds.c.number
    )
    return sa.and_(sa.tuple_(builds.c.name, builds.c.number).in_(pairs), is_member)


class Bookkeeping:
    """Checkpoints and parked customers of some builds of a generation, each build by its name with its number."""

    def __init__(self, schema: Schema, generation: int, builds: Mapping[str, int]) -> None:
        self.number = generation
        self.builds = dict(builds)
        self._schema = schema
        self._selects = _selects(schema)
        self._pairs = list(self.builds.items())

    @property
    def _ours(self) -> sa.ColumnElement[bool]:
        return _are_members(self._schema, self._pairs, self.number)

    def _progress(self, connection: Connection, *, to_change: bool = False) -> Sequence[Any]:
        """Each build's checkpoint and progress, by name. Raises StoreBusy where another process dropped the
        generation.
        """
        statement = self._selects.progress_to_change if to_change else self._selects.progress
        found = connection.execute(statement, {"pairs": self._pairs, "generation": self.number}).all()
        if len(found) < len(self.builds):
            raise StoreBusy(f"generation {self.number} was dropped meanwhile, by `regulars prune`; ask again")
        return found

    def checkpoint(self, connection: Connection) -> int:
        """The position up to which all builds have folded. Raises StoreBusy where another process dropped the
        generation.
        """
        return min(int(row.checkpoint) for row in self._progress(connection))

    def equally_far(self, connection: Connection) -> list[list[str]]:
        """The names of the builds, those with the same checkpoint together; those that are furthest behind come
        first.
        """

        def place(row: Any) -> tuple[int, bool, int, str]:
            is_begun = row.folding_until is not None  # what is begun ends first: the others may begin level with it
            return row.checkpoint, not is_begun, row.folding_until or 0, row.folded_through or ""

        rows = sorted(self._progress(connection), key=place)
        return [[row.name for row in group] for _, group in groupby(rows, key=place)]

    def bulk(self, connection: Connection) -> Bulk | None:
        """The progress of a first fold of everything; None where none is under way."""
        row = next((row for row in self._progress(connection) if row.folding_until is not None), None)
        return None if row is None else Bulk(row.folding_until, _ranges(row.folded_through))

    def begin_bulk(self, connection: Connection, until: int, ranges: Sequence[Range]) -> bool:
        """Begin a first fold of everything up to a position; False where one is begun already."""
        rows = self._progress(connection, to_change=True)
        if any(row.checkpoint or row.folding_until is not None for row in rows):
            return False
        self._change(connection, folding_until=until, folded_through=_ranges_text(ranges))
        return True

    def advance_bulk(self, connection: Connection, old: Sequence[Range], new: Sequence[Range]) -> bool:
        """Replace the ranges that are still to be folded; False where another process was quicker."""
        rows, expected = self._progress(connection, to_change=True), _ranges_text(old)
        if any(row.folded_through != expected for row in rows):
            return False
        self._change(connection, folded_through=_ranges_text(new))
        return True

    def end_bulk(self, connection: Connection, until: int) -> None:
        """End the first fold of everything: from here on, events are folded in as they are appended."""
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
        """The parked customers by id, each with the first event that can't be folded: all, or some."""
        selects, ours = self._selects, {"pairs": self._pairs}
        asked: list[tuple[sa.Select[Any], dict[str, Any]]] = [(selects.parked, ours)]
        if customer_ids is not None:
            asked = [(selects.parked_among, ours | {"customer_ids": chunk}) for chunk in chunks(customer_ids)]
        found: dict[str, Poison] = {}
        for statement, values in asked:
            for row in connection.execute(statement, values):
                found[row.customer_id] = Poison(
                    customer_id=row.customer_id, position=row.position, type=row.type, reason=row.reason
                )
        return found

    def park(self, connection: Connection, poisons: Iterable[Mapping[str, Poison]]) -> None:
        """Park customers: for each of them the poison events, by the name of the build."""
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
        """Unpark some customers."""
        parked = self._schema.parked
        gone = [{"id": customer_id} for customer_id in sorted(customer_ids)]
        for name, number in self.builds.items() if gone else ():
            ours = sa.and_(parked.c.name == name, parked.c.build == number, parked.c.customer_id == sa.bindparam("id"))
            connection.execute(parked.delete().where(ours), gone)


_RANGE = re.compile("([0-9a-f]*)-([0-9a-f]*)")


def _ranges(text: str | None) -> tuple[Range, ...]:
    """Parse ranges as `_ranges_text` writes them. Raises DamagedReadModels."""
    found = [_RANGE.fullmatch(each) for each in (text or "").split(",")]
    ranges = tuple(Range(*each.groups()) for each in found if each is not None)
    if len(ranges) < len(found):
        raise DamagedReadModels("the customers that are still to be folded can't be read")
    return ranges


def _ranges_text(ranges: Sequence[Range]) -> str:
    return ",".join(f"{each.after}-{each.last}" for each in ranges)
