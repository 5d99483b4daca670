"""The states that opportunities went through, read from the intervals of the projection `pipeline`.

They are read one customer after the other, so memory holds one opportunity at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.measuring import ROWS_AT_ONCE
from regulars.adapters.read_models.rows import ReadModels
from regulars.projections.pipeline.projector import PIPELINE
from regulars.projections.verdict import Interval


class State(Struct, frozen=True, gc=False):
    """How an opportunity stood from an instant until another: its stage, or won or lost, as `value`.

    `amount` is in minor units, 0 where none is known; `probability` in hundredths of a percent; `is_stale` 1 or 0.
    `entered_at` is since when it is in this stage, `expected_close` the end of the day on which it is expected to be
    closed. One that was only folded has customer 0.
    """

    opportunity: str
    customer: int
    since: int
    until: int
    value: str
    pipeline: str
    amount: int
    probability: int
    owner: str | None
    source: str | None
    is_stale: int
    entered_at: int
    opened_at: int
    expected_close: int | None
    firm_id: str | None


def read_paths(models: ReadModels, connection: Connection, since: int, until: int) -> Iterator[list[State]]:
    """The states of each opportunity that reach into [since, until], in order of time."""
    table = models.of(PIPELINE.name).intervals
    columns = (table.c[name] for name in _COLUMNS)
    key = (table.c.opportunity, table.c.customer)
    statement = (
        sa.select(*columns)
        .where(table.c.valid_from <= until, table.c.valid_to > since)
        .order_by(*key, table.c.valid_from)  # the primary key, so nothing is sorted
    )
    rows = connection.execute(statement, execution_options={"yield_per": ROWS_AT_ONCE})
    for _, path in groupby(rows, key=lambda row: tuple(row[:2])):
        yield [State(*row) for row in path]


_COLUMNS = (
    "opportunity",
    "customer",
    "valid_from",
    "valid_to",
    "value",
    "pipeline",
    "amount",
    "probability",
    "owner",
    "source",
    "is_stale",
    "entered_at",
    "opened_at",
    "expected_close",
    "firm_id",
)


def states(intervals: Iterable[Interval]) -> Iterator[State]:
    """The states of one opportunity that was folded, of its intervals in order of time."""
    for each in intervals:
        found = each.verdict
        yield State(each.key, 0, each.valid_from, each.valid_to, *(getattr(found, name) for name in _COLUMNS[4:]))
