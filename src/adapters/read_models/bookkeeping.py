"""How far some builds have folded the log, and which customers are parked in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from msgspec import Struct, to_builtins
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.build_statements import BuildStatements, Part, build_statements
from regulars.adapters.read_models.histories import Poison
from regulars.adapters.read_models.replay import Range
from regulars.adapters.schema.tables import Schema
from regulars.adapters.sql.damage import DamagedReadModels
from regulars.adapters.sql.dialects import shared_dialect
from regulars.crm_domain.errors import StoreBusy


class Bulk(Struct, frozen=True):
    """A first fold of everything up to a position, and the ranges of customers that are still to be folded."""

    until: int
    ranges: tuple[Range, ...]


class Progress(NamedTuple):
    """How far one build has folded; `folding_until` and `folded_through` are those of a first fold."""

    name: str
    checkpoint: int
    folding_until: int | None
    folded_through: str | None


class Bookkeeping:
    """Checkpoints and parked customers of some builds of a generation, each build by its name with its number."""

    def __init__(self, schema: Schema, generation: int, builds: Mapping[str, int], parts: Sequence[Part]) -> None:
        self.number = generation
        self.builds = dict(builds)
        self._schema = schema
        self._parts = tuple(parts)
        self._rendered: BuildStatements | None = None

    def statements(self, connection: Connection) -> BuildStatements:
        """The statements of these builds, as a connection's database takes them."""
        rendered, dialect = self._rendered, shared_dialect(connection.dialect.name)
        if rendered is None or rendered.dialect is not dialect:
            pairs = tuple(self.builds.items())
            rendered = build_statements(self._schema, dialect, self.number, pairs, self._parts)
            self._rendered = rendered
        return rendered

    def progress(self, connection: Connection, *, to_change: bool = False) -> list[Progress]:
        """How far each build has folded, by name. Raises StoreBusy where another process dropped the generation."""
        statements = self.statements(connection)
        statement = statements.progress_to_change if to_change else statements.progress
        found = statement.all(connection)
        if len(found) < len(self.builds):
            raise StoreBusy(f"generation {self.number} was dropped meanwhile, by `regulars prune`; ask again")
        return [Progress(*row) for row in found]

    def checkpoint(self, connection: Connection) -> int:
        """The position up to which all builds have folded. Raises StoreBusy where another process dropped the
        generation.
        """
        return min(row.checkpoint for row in self.progress(connection))

    def equally_far(self, connection: Connection) -> list[list[str]]:
        """The names of the builds, those with the same checkpoint together; those that are furthest behind come
        first.
        """

        def place(row: Progress) -> tuple[int, bool, int, str]:
            is_begun = row.folding_until is not None  # what is begun ends first: the others may begin level with it
            return row.checkpoint, not is_begun, row.folding_until or 0, row.folded_through or ""

        rows = sorted(self.progress(connection), key=place)
        return [[row.name for row in group] for _, group in groupby(rows, key=place)]

    def bulk(self, connection: Connection) -> Bulk | None:
        """The progress of a first fold of everything; None where none is under way."""
        for row in self.progress(connection):
            if row.folding_until is not None:
                return Bulk(row.folding_until, _ranges(row.folded_through))
        return None

    def begin_bulk(self, connection: Connection, until: int, ranges: Sequence[Range]) -> bool:
        """Begin a first fold of everything up to a position; False where one is begun already."""
        rows = self.progress(connection, to_change=True)
        if any(row.checkpoint or row.folding_until is not None for row in rows):
            return False
        self._change(connection, folding_until=until, folded_through=_ranges_text(ranges))
        return True

    def advance_bulk(self, connection: Connection, old: Sequence[Range], new: Sequence[Range]) -> bool:
        """Replace the ranges that are still to be folded; False where another process was quicker."""
        rows, expected = self.progress(connection, to_change=True), _ranges_text(old)
        if any(row.folded_through != expected for row in rows):
            return False
        if new != old:
            self.statements(connection).fold_through.run(connection, folded_through=_ranges_text(new))
        return True

    def end_bulk(self, connection: Connection, until: int) -> None:
        """End the first fold of everything: from here on, events are folded in as they are appended."""
        if all(row.folding_until == until for row in self.progress(connection, to_change=True)):
            self._change(connection, checkpoint=until, folding_until=None, folded_through=None)

    def advance(self, connection: Connection, old: int, new: int) -> bool:
        """Move the checkpoint from one position to another; False where another process was quicker."""
        rows = self.progress(connection, to_change=True)
        # While everything is being folded, the end of that may lie beyond.
        if any(row.checkpoint != old or row.folding_until is not None for row in rows):
            return False
        self.statements(connection).move.run(connection, checkpoint=new)
        return True

    def _change(self, connection: Connection, **values: Any) -> None:
        ours = self.statements(connection).are_members
        connection.execute(self._schema.builds.update().where(ours).values(values))

    # ---------------------------------------------------------------------------------------------------- who is parked

    def parked(self, connection: Connection, customer_ids: Iterable[str] | None = None) -> dict[str, Poison]:
        """The parked customers by id, each with the first event that can't be folded: all, or some."""
        statements = self.statements(connection)
        if customer_ids is None:
            rows = statements.parked.all(connection)
        else:
            rows = statements.parked_among.all(connection, customer_ids)
        return {
            customer_id: Poison(customer_id=customer_id, position=position, type=tag, reason=reason)
            for customer_id, position, tag, reason in rows
        }

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
        gone = [{"id": customer_id} for customer_id in sorted(customer_ids)]
        if gone:
            self.statements(connection).unpark.many(connection, gone)


_RANGE = re.compile("([0-9a-f]*)-([0-9a-f]*)")


def _ranges(text: str | None) -> tuple[Range, ...]:
    """Parse ranges as `_ranges_text` writes them. Raises DamagedReadModels."""
    found = [_RANGE.fullmatch(each) for each in (text or "").split(",")]
    ranges = tuple(Range(after=each[1], last=each[2]) for each in found if each is not None)
    if len(ranges) < len(found):
        raise DamagedReadModels("the customers that are still to be folded can't be read")
    return ranges


def _ranges_text(ranges: Sequence[Range]) -> str:
    return ",".join(f"{each.after}-{each.last}" for each in ranges)
