"""Lines of whatever kind, counted, put in order and bounded: no more rows are read than are shown.

1. Overdue comes first, then what is due earlier, day by day.
2. Within a day it goes by the amount at stake, or else by what the customer spent net in 365 days. What has neither,
   such as a task that is nobody's, goes by when it is due.
3. What is due at midnight is due on the day that ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from heapq import nsmallest
from itertools import islice
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.engine import Connection
from sqlalchemy.pool import StaticPool

from regulars.adapters.read_models.due.lines import DueRow, Lines, holds_at, line
from regulars.crm_domain.instant import DAY
from regulars.projections.attribution import ATTRIBUTION
from regulars.projections.customer_card import CUSTOMER_CARD
from regulars.projections.engine.fold import Timelines

#: The span of the net spend by which lines are put in order.
SPENT_WITHIN = 365 * DAY

ROWS_AT_ONCE = 1_000
LISTED_AT_ONCE = 100  # six values each, of which a statement has only so many

#: The projections that every line is put in order and told apart by.
ASKED_OF_ALL = (CUSTOMER_CARD.name, ATTRIBUTION.name)

#: When a line is due whose day no database works out; None where that isn't asked for.
DueOf = Callable[[DueRow], int | None]


class DueRows(Struct, frozen=True):
    """The first lines of a kind, and how many there are in all; `missing` says why some may be missing, a sentence for
    each reason.
    """

    first: tuple[DueRow, ...]
    count: int
    missing: tuple[str, ...] = ()


class Asked(Struct, frozen=True, kw_only=True):
    """What is asked of each kind: so many of the first lines, only of an `owner`, if any.

    `day_of` gives the bounds of the day on which something is due: after the first, up to and including the second.
    """

    limit: int
    owner: str | None
    day_of: Callable[[int], tuple[int, int]]


def stored_lines(
    lines: Lines,
    connection: Connection,
    kind: sa.SelectBase,
    asked: Asked,
    beside: Iterable[int],
    due_of: DueOf | None = None,
) -> DueRows:
    """The lines of a kind in a store, but for those of customers who are forgotten by now, or `beside`, by number.

    With `due_of` all that the kind selects are gone through, and those are lines that are due at some instant.
    """
    models, found = lines.models, kind.subquery("line")
    first, forgotten = models.events.alias("first"), models.forgotten
    gone = sa.select(first.c.position).where(first.c.customer_id == forgotten.c.customer_id)
    left_out: list[sa.ColumnElement[bool]] = [found.c.customer.not_in(gone)]
    if numbers := sorted(beside):
        left_out.append(found.c.customer.not_in(numbers))
    return _read(lines, connection, found, left_out, asked, due_of)


def laid_out_lines(
    lines: Lines, connection: Connection, kind: sa.SelectBase, asked: Asked, due_of: DueOf | None = None
) -> DueRows:
    """The lines of a kind among those of customers who were laid out."""
    return _read(lines, connection, kind.subquery("line"), [], asked, due_of)


def _read(
    lines: Lines,
    connection: Connection,
    found: sa.Subquery,
    conditions: list[sa.ColumnElement[bool]],
    asked: Asked,
    due_of: DueOf | None,
) -> DueRows:
    told, due = _asked_of(lines, found, conditions, asked)
    if due_of is not None:
        return _worked_out(connection, told, due_of, asked)
    every = due.cte("every")  # read twice, so databases keep it instead of working it out twice
    counted = sa.select(sa.func.count()).select_from(every).scalar_subquery()
    soonest = sa.select(counted.label("number"), every.c.overdue, every.c.due)
    first = connection.execute(soonest.order_by(every.c.overdue.desc(), every.c.due).limit(asked.limit)).all()
    if not first:
        return DueRows((), 0)
    last = first[-1]
    # All that comes before the last day is among the first lines; of that day it depends on what is at stake.
    begins, ends = asked.day_of(last.due)
    is_before = sa.or_(found.c.overdue > last.overdue, found.c.due <= begins)
    up_to = sa.or_(found.c.overdue > last.overdue, sa.and_(found.c.overdue == last.overdue, found.c.due <= ends))
    key = found.c.key if connection.dialect.name == "sqlite" else sa.collate(found.c.key, "C")
    is_last = sa.case((is_before, 0), else_=1)
    told = told.where(up_to).order_by(is_last, sa.desc("worth"), found.c.due, found.c.customer, key)
    return DueRows(in_order(map(_row, connection.execute(told.limit(asked.limit))), asked), last.number)


def _asked_of(
    lines: Lines, found: sa.Subquery, conditions: Sequence[sa.ColumnElement[bool]], asked: Asked
) -> tuple[sa.Select[Any], sa.Select[Any]]:
    """Those of some lines that are asked for: with what they are worth and whoever looks after them; and only with when
    they are due, which costs less.
    """
    attributed = lines.table(ATTRIBUTION.name, "attributed")
    theirs = sa.and_(attributed.c.customer == found.c.customer, lines.now(attributed))
    wanted = list(conditions)
    if asked.owner is not None:
        wanted.append(sa.or_(found.c.owner == asked.owner, attributed.c.owner == asked.owner))
    told = sa.select(
        *(found.c[name] for name in ("customer", "key", "due", "overdue", "stake")),
        _worth(lines, found).label("worth"),
        sa.func.coalesce(found.c.owner, attributed.c.owner).label("owner"),
        *(found.c[name] for name in ("word", "number")),
    )
    joined = found.outerjoin(attributed, theirs)
    due = sa.select(found.c.overdue, found.c.due)
    named = found if asked.owner is None else joined  # whoever looks after them is one, so the join changes no count
    return told.select_from(joined).where(*wanted), due.select_from(named).where(*wanted)


def _row(row: sa.Row[Any]) -> DueRow:
    told = row._asdict()
    return DueRow(**(told | {"overdue": bool(told["overdue"])}))


def _worked_out(connection: Connection, told: sa.Select[Any], due_of: DueOf, asked: Asked) -> DueRows:
    """Lines whose days no database works out: all are gone through, and only the first ones kept."""
    count = 0

    def due() -> Iterator[DueRow]:
        nonlocal count
        for each in map(_row, connection.execute(told, execution_options={"yield_per": ROWS_AT_ONCE})):
            instant = due_of(each)
            if instant is not None:
                count += 1
                yield replace(each, due=instant)

    first = tuple(nsmallest(asked.limit, due(), key=partial(_whole_place, asked=asked)))
    return DueRows(first, count)


def listed_lines(lines: Lines, connection: Connection, rows: Iterable[DueRow], asked: Asked) -> DueRows:
    """The lines of a kind that is worked out elsewhere, with what each is worth and whoever looks after them."""
    count = 0

    def told() -> Iterator[DueRow]:
        nonlocal count
        remaining = iter(rows)
        while some := list(islice(remaining, LISTED_AT_ONCE)):
            for each in _read_listed(lines, connection, some, asked):
                count += 1
                yield each

    first = tuple(nsmallest(asked.limit, told(), key=partial(_whole_place, asked=asked)))
    return DueRows(first, count)


def _read_listed(lines: Lines, connection: Connection, rows: Sequence[DueRow], asked: Asked) -> list[DueRow]:
    whole, text = sa.BigInteger, sa.Text
    names: dict[str, type[sa.types.TypeEngine[Any]]] = {
        "customer": whole,
        "key": text,
        "due": whole,
        "overdue": whole,
        "owner": text,
        "word": text,
    }
    columns: list[sa.ColumnClause[Any]] = [sa.column(name, kind) for name, kind in names.items()]
    given = [(each.customer, each.key, each.due, int(each.overdue), each.owner, each.word) for each in rows]
    listed = sa.values(*columns, name="listed").data(given).cte("listed")
    told = line(
        listed.c.customer,
        listed.c.key,
        listed.c.due,
        overdue=listed.c.overdue == 1,
        owner=listed.c.owner,
        word=listed.c.word,
    )
    statement, _ = _asked_of(lines, sa.select(*told).subquery("line"), [], asked)
    return list(map(_row, connection.execute(statement)))


def in_order(rows: Iterable[DueRow], asked: Asked) -> tuple[DueRow, ...]:
    """The first of some lines of one kind, in order."""
    return tuple(nsmallest(asked.limit, rows, key=partial(_whole_place, asked=asked)))


def _whole_place(row: DueRow, asked: Asked) -> tuple[bool, int, int, int, int, str]:
    return (*place(row, asked), row.customer, row.key)


def place(row: DueRow, asked: Asked) -> tuple[bool, int, int, int]:
    """Where a line stands among all of whatever kind."""
    return not row.overdue, asked.day_of(row.due)[0], -row.worth, row.due


def _worth(lines: Lines, found: sa.Subquery) -> sa.ColumnElement[int]:
    """What is at stake, or else what the customer spent net within a year."""
    at = lines.window.at
    spent = _spent(lines, found, at) - _spent(lines, found, at - SPENT_WITHIN)
    return sa.func.coalesce(found.c.stake, spent)


def _spent(lines: Lines, found: sa.Subquery, at: int) -> sa.ColumnElement[int]:
    """What a customer had spent net by an instant."""
    card = lines.table(CUSTOMER_CARD.name, f"card_{'now' if at == lines.window.at else 'before'}")
    net = sa.select(card.c.net_spend).where(card.c.customer == found.c.customer, holds_at(card, at))
    return sa.func.coalesce(net.scalar_subquery(), 0)


class Search(Struct, frozen=True):
    """Where lines are looked for: in a store, and of customers `beside`, by number, in what is laid out `apart`."""

    lines: Lines
    asked: Asked
    connection: Connection
    beside: frozenset[int] = frozenset()
    apart: Connection | None = None

    def selected(self, kind: sa.SelectBase, due_of: DueOf | None = None) -> DueRows:
        """The lines that a select of the columns of one gives; with `due_of`, those that it says are due."""
        stored = stored_lines(self.lines, self.connection, kind, self.asked, self.beside, due_of)
        if self.apart is None:
            return stored
        return self._both(stored, laid_out_lines(self.lines, self.apart, kind, self.asked, due_of))

    def listed(self, rows: Iterable[DueRow]) -> DueRows:
        """Lines that were worked out elsewhere, with what each is worth."""
        if self.apart is None:
            return listed_lines(self.lines, self.connection, rows, self.asked)
        among, others = list[DueRow](), list[DueRow]()
        for row in rows:
            (others if row.customer in self.beside else among).append(row)
        stored = listed_lines(self.lines, self.connection, among, self.asked)
        return self._both(stored, listed_lines(self.lines, self.apart, others, self.asked))

    def _both(self, stored: DueRows, others: DueRows) -> DueRows:
        return DueRows(in_order((*stored.first, *others.first), self.asked), stored.count + others.count)


# ------------------------------------------------------------------------------------------- as if no more had happened


@contextmanager
def laid_out(search: Search, names: Iterable[str], folded: Iterable[tuple[int, Timelines]]) -> Iterator[Search]:
    """The same search, with the intervals of the customers `beside` as the tables of some projections in memory, which
    are asked as a store is.
    """
    engine = sa.create_engine("sqlite://", poolclass=StaticPool)
    tables = [search.lines.models.of(name) for name in names]
    try:
        with engine.begin() as connection:
            for each in tables:
                each.intervals.create(connection)
            for customer, timelines in folded:
                for each in tables:
                    rows = each.rows(customer, timelines[each.name])
                    if rows:
                        columns = each.intervals.c.keys()
                        given = [dict(zip(columns, row, strict=True)) for row in rows]
                        connection.execute(sa.insert(each.intervals), given)
            yield replace(search, apart=connection)
    finally:
        engine.dispose()
