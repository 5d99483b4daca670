"""The rows that a batch of customers' new folds writes, made as each of them is folded.

So the transaction that writes them does nothing else, and no batch of folds is kept in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from regulars.adapters.read_models.build_statements import Part
from regulars.adapters.read_models.updates import Update
from regulars.adapters.schema.builds import BuildTables, FactsTable, ProjectionTables, Row
from regulars.projections.engine.fold import by_key
from regulars.projections.verdict import Interval

#: Parameters of a statement.
Parameters = list[Mapping[str, Any]]


class PartRows(Struct, frozen=True):
    """What is written of one part: rows to go on with for customers who have none, or one already; those whose row is
    `gone`, or only has another `last` event; and of a projection which intervals are `outdated`, and the new ones.

    The intervals of what is listed by score are `newer`, by customer: they are packed together with those stored before
    them. `since` is when they begin for those of whom any are stored.
    """

    new: list[Row] = field(default_factory=list)
    known: list[Row] = field(default_factory=list)
    gone: Parameters = field(default_factory=list)
    last: Parameters = field(default_factory=list)
    outdated: Parameters = field(default_factory=list)
    intervals: list[Row] = field(default_factory=list)
    newer: dict[int, list[Interval]] = field(default_factory=dict)
    since: dict[int, int] = field(default_factory=dict)


class BatchRows:
    """The rows of a batch, by part. They are added customer by customer."""

    def __init__(self, tables: BuildTables) -> None:
        self._parts = tables.parts
        self._of: dict[str, PartRows] = {each.name: PartRows() for each in tables.parts}

    def of(self, part: Part) -> PartRows:
        """The rows of one part."""
        return self._of[part.name]

    def add(self, update: Update) -> None:
        """Add the rows of a customer; they are in order of tables if customers come in order of their numbers."""
        for part in self._parts:
            rows = self._of[part.name]
            if part.name in update.changed:
                _go_on(rows, part, update)
                if isinstance(part, ProjectionTables):
                    _add_intervals(rows, part, update)
            elif isinstance(part, FactsTable) and update.known:
                rows.last.append({"of": update.customer, "last": update.folded.last_at})


def _go_on(rows: PartRows, part: Part, update: Update) -> None:
    row = part.rows_of(update.customer, update.folded)
    if not update.known:
        rows.new.extend(row)
    elif row:
        rows.known.extend(row)
    else:
        rows.gone.append({"gone": update.customer})


def _add_intervals(rows: PartRows, projection: ProjectionTables, update: Update) -> None:
    customer, intervals = update.customer, update.timelines[projection.name]
    if projection.is_packed:
        rows.newer[customer] = intervals
        if update.known and intervals:
            rows.since[customer] = intervals[0].valid_from
        return
    if update.known:
        for of, those in by_key(intervals).items():
            rows.outdated.append({"id": customer, "key": of, "since": those[0].valid_from})
    rows.intervals.extend(projection.rows(customer, intervals))
