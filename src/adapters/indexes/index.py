"""An index: rows that follow from single events, written in the transaction that appends them.

1. What an event changes depends on that event and on the rows of earlier events of the same customer: so a customer's
   rows follow from their own events, in order of position.
2. An index stands outside generations. It is complete at once, without catching up.
3. An open index follows from payloads in the clear. A keyed one needs decrypted events and the store's keyed hash: only
   a process with the keys can compare or repair it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from regulars.crm_domain.event import Event, Recorded

Values = Mapping[str, str | int | None]

#: A row in the order of its table's columns, with whatever stands there.
Row = tuple[Any, ...]

#: (kind, value) -> the keyed hash by which a value of a kind is found.
Digest = Callable[[str, str], str]

#: The column that says whose a row is; every index has it.
OWNER = "customer_id"


class Added(Struct, frozen=True):
    """A new row of the event's customer: all columns but the customer's id."""

    values: Values


class Changed(Struct, frozen=True):
    """New values for those of the customer's rows that match some values, None included."""

    where: Values
    values: Values


class Removed(Struct, frozen=True):
    """Deletes those of the customer's rows that match some values; without values, all."""

    where: Values


Change = Added | Changed | Removed


class Entries(Struct, frozen=True, kw_only=True):
    """A customer's rows of an index: those that follow from the log, and those that are stored.

    `told` are their events that the index handles. `unread` says why the expected rows aren't known, where they aren't.
    `customer_id` and stored values may be of any kind, as others may have written them.
    """

    customer_id: Any
    told: tuple[Recorded[Event], ...] = ()
    expected: tuple[Row, ...] = ()
    stored: tuple[Row, ...] = ()
    unread: str | None = None

    @property
    def are_right(self) -> bool:
        """Whether the expected rows are stored, and no others; true where those aren't known."""
        return self.unread is not None or set(self.expected) == set(self.stored)

    @property
    def missing(self) -> set[Row]:
        """The expected rows that aren't stored; none where those aren't known."""
        return set(self.expected) - set(self.stored)

    @property
    def extra(self) -> set[Row]:
        """The stored rows that aren't expected; none where those aren't known."""
        return set() if self.unread else set(self.stored) - set(self.expected)


class Index(Struct, frozen=True, kw_only=True):
    """Rows of `table` that follow from the events that it `handles`.

    `changes` gives the changes of an event; only a keyed index asks for a digest. `faults` describes entries that
    differ, without anything personal. An index that `decides_folds` says whose events are folded together, so folds
    that were made while it was wrong are wrong, too. `columns` define the table of an extension's index, `customer_id`
    and a primary key among them.
    """

    name: str
    table: str
    handles: frozenset[type[Event]]
    changes: Callable[[Recorded[Event], Digest], Iterable[Change]]
    faults: Callable[[Entries], Iterable[str]]
    is_keyed: bool = False
    decides_folds: bool = False
    columns: Callable[[], tuple[sa.schema.SchemaItem, ...]] | None = None


def rows_after(
    index: Index, columns: Iterable[str], told: Iterable[Recorded[Event]], digest: Digest
) -> tuple[Row, ...]:
    """The rows that follow from one customer's events, in order of position; `columns` are those of the table."""
    rows: list[dict[str, Any]] = []
    for each in told:
        for change in index.changes(each, digest):
            match change:
                case Added(values=values):
                    rows.append({OWNER: each.customer_id, **values})
                case Changed(where=where, values=values):
                    rows = [{**row, **values} if _has(row, where) else row for row in rows]
                case Removed(where=where):
                    rows = [row for row in rows if not _has(row, where)]
    return tuple(tuple([row[name] for name in columns]) for row in rows)


def _has(row: Values, where: Values) -> bool:
    return all(row[name] == value for name, value in where.items())


def side_by_side(rows: Iterable[Row], others: Iterable[Row], place: int) -> Iterator[tuple[Row | None, Row | None]]:
    """Rows paired with those of others that have the same value at a place; None where one side has no such row."""
    ours, theirs = ({row[place]: row for row in each} for each in (rows, others))
    for value in sorted({*ours, *theirs}, key=str):
        yield ours.get(value), theirs.get(value)
