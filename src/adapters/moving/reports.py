"""Reports without keys: the views as tables in files, to be handed to whoever reads them with other tools.

All of them are of one snapshot, and rows are handed on as they are read, so memory doesn't grow with the store. What is
in a view is in the clear, so neither a key nor what is encrypted comes near a report.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from msgspec import Struct

from regulars.adapters.moving.report_files import Report, Rows, kept
from regulars.adapters.progress import Progress
from regulars.adapters.schema.build_views import views_of
from regulars.adapters.schema.view_sql import Shown
from regulars.adapters.schema.views import View
from regulars.adapters.sql.loading import loading
from regulars.adapters.store.generation_rows import live_number, tables_of
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction

ROWS_AT_ONCE = 5_000
PEOPLE_AT_ONCE = 500


class Table(Struct, frozen=True):
    """A table of a report: a view, and the columns of it that a report has."""

    view: View
    columns: tuple[Shown, ...]

    @property
    def name(self) -> str:
        """The name of the view, without the prefix."""
        return self.view.name

    def count(self, tx: Transaction) -> int:
        """How many rows there are."""
        asked = sa.text(f"SELECT count(*) FROM ({self.view.query}) AS every")  # noqa: S608 - a view of ours
        return int(tx.connection.execute(asked).scalar_one())

    def chunks(self, tx: Transaction) -> Iterator[Rows]:
        """The rows, some at once, in an order that is always the same."""
        names = [each.name for each in self.columns]
        order = ["position"] if "position" in names else [each for each in names if each in (names[0], *_WHOSE)]
        asked = sa.text(
            f"SELECT {', '.join(names)} FROM ({self.view.query}) AS every ORDER BY {', '.join(order)}"  # noqa: S608
        )
        options = {"yield_per": ROWS_AT_ONCE}
        with loading(tx.connection), tx.connection.execute(asked, execution_options=options) as found:
            yield from found.partitions(ROWS_AT_ONCE)


#: What orders the rows of a timeline, after its key if it has one.
_WHOSE = ("customer_id", "valid_from")


def tables(store: Store, tx: Transaction) -> tuple[Table, ...]:
    """The tables of a report: what happened, and the timelines of the generation that answers."""
    live = live_number(store.schema, tx.connection)
    built = [] if live is None else views_of(tables_of(store.schema, store.registry, tx.connection, live), store.schema)
    views = [each for each in store.schema.log_views if each.name not in _INNER]
    return tuple(Table(each, kept(each.shown)) for each in sorted([*built, *views], key=lambda view: view.name))


#: Views that others are made of: a report has the customers, with their roots.
_INNER = frozenset({"roots"})


def write(
    tx: Transaction, wanted: Sequence[Table], reports: Sequence[Report], on_progress: Progress | None
) -> dict[str, int]:
    """Write tables to some reports at once; how many rows each has."""
    total = sum(each.count(tx) for each in wanted) if on_progress else 0
    counts: dict[str, int] = {}
    for table in wanted:
        adding = [each.begin(table.name, table.columns) for each in reports]
        counts[table.name] = 0
        for rows in table.chunks(tx):
            for add in adding:
                add(rows)
            counts[table.name] += len(rows)
            if on_progress:
                on_progress(sum(counts.values()), total)
    return counts


def people(store: Store, tx: Transaction) -> Iterator[list[str]]:
    """The ids of those who are neither merged into another nor forgotten, some at once, in order of registration."""
    [customers] = [each for each in store.schema.log_views if each.name == "customers"]
    asked = sa.text(
        f"SELECT position, customer_id FROM ({customers.query}) AS every "  # noqa: S608 - a view of ours
        "WHERE NOT is_merged AND forgotten_at IS NULL AND position > :after ORDER BY position LIMIT :count"
    )
    after = 0
    while page := tx.connection.execute(asked, {"after": after, "count": PEOPLE_AT_ONCE}).all():
        yield [str(customer_id) for _, customer_id in page]
        after = page[-1].position
