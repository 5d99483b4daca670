"""What needs somebody, and by when: rows of read models, counted, and the first of them in order.

A verdict is a step function of time, so "about to be breached" is an interval that begins within a time, and "breached"
one that holds. Each kind of line is a select of the columns of `line` over such intervals. All kinds are counted, put
in order and bounded here alike: no more rows are read than are shown, however many there are.

1. Overdue comes first, then what is due earlier, day by day.
2. Within a day it goes by the amount at stake, or else by what the customer spent net in 365 days. What has neither,
   such as a task that is nobody's, goes by when it is due.
3. What is due at midnight is due on the day that ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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

from regulars.adapters.read_models.rows import ReadModels
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

#: Any of these, each of which says which texts some columns may have.
Condition = tuple[Mapping[str, tuple[str, ...]], ...]


class Window(Struct, frozen=True):
    """The instants in question: as of `at`, what began after `since`, and what is due up to and including `until`."""

    at: int
    since: int
    until: int


class DueRow(Struct, frozen=True, kw_only=True):
    """One line: of which key of a customer, by number, it is, and when it is due, in microseconds.

    `stake` is the amount that it is about, `worth` what it is put in order by, both in minor units; `owner` is that of
    the line, or else of the customer. `word` and `number` are what its kind tells of it.
    """

    customer: int
    key: str
    due: int
    overdue: bool
    stake: int | None
    worth: int
    owner: str | None
    word: str | None
    number: int | None


#: When a line is due whose day no database works out; None where that isn't asked for.
DueOf = Callable[[DueRow], int | None]


class DueRows(Struct, frozen=True):
    """The first lines of a kind, and how many there are in all."""

    first: tuple[DueRow, ...]
    count: int


class Lines(Struct, frozen=True):
    """The tables that kinds select lines from, as of the instants of a window."""

    models: ReadModels
    window: Window

    def table(self, projection: str, name: str) -> Any:
        """The intervals of a projection under a name of their own."""
        return self.models.of(projection).intervals.alias(name)

    def key(self, projection: str, table: Any) -> sa.ColumnElement[str]:
        """What an interval is of within the customer; nothing for a projection without keys."""
        named = self.models.of(projection).projector.key
        return sa.literal("", sa.Text) if named is None else table.c[named.name]

    def now(self, table: Any) -> sa.ColumnElement[bool]:
        """That an interval holds as of the window's instant."""
        return holds_at(table, self.window.at)


def holds_at(table: Any, instant: Any) -> sa.ColumnElement[bool]:
    """That an interval holds at an instant."""
    return sa.and_(table.c.valid_from <= instant, table.c.valid_to > instant)


def meets(table: Any, condition: Condition) -> sa.ColumnElement[bool]:
    """That a verdict meets a condition."""
    return sa.or_(
        *(
            sa.and_(sa.true(), *(sa.func.coalesce(table.c[name], "").in_(texts) for name, texts in each.items()))
            if len(each) != 1
            else next(table.c[name].in_(texts) for name, texts in each.items())
            for each in condition
        )
    )


def line(
    customer: Any,
    key: Any,
    due: Any,
    *,
    overdue: bool | sa.ColumnElement[bool] = False,
    stake: Any = None,
    owner: Any = None,
    word: Any = None,
    number: Any = None,
) -> tuple[sa.ColumnElement[Any], ...]:
    """The columns of a line; those that its kind doesn't tell are NULL."""
    is_overdue = sa.literal(int(overdue)) if isinstance(overdue, bool) else sa.case((overdue, 1), else_=0)
    return (
        customer.label("customer"),
        key.label("key"),
        due.label("due"),
        is_overdue.label("overdue"),
        (_no_number() if stake is None else stake).label("stake"),
        (_no_text() if owner is None else owner).label("owner"),
        (_no_text() if word is None else word).label("word"),
        (_no_number() if number is None else number).label("number"),
    )


def _no_text() -> sa.ColumnElement[str]:
    return sa.cast(sa.null(), sa.Text)


def _no_number() -> sa.ColumnElement[int]:
    return sa.cast(sa.null(), sa.BigInteger)


# ----------------------------------------------------------------------------------------------- what begins, and when


def running(lines: Lines, projection: str, to: Condition, *, since: int | None = None) -> sa.Subquery:
    """Of which keys a condition is met as of the window's instant, and since when; only `since` an instant, if any."""
    now, begun = lines.table(projection, "now"), lines.table(projection, "begun")
    conditions = [lines.now(now), meets(now, to), *_begins(lines, projection, begun, to)]
    conditions.append(begun.c.valid_from <= lines.window.at)
    if since is not None:
        conditions.append(begun.c.valid_from > since)
    # It is met now, so the last time that it began is when it began to be.
    return _by_key(lines, projection, now, begun, sa.func.max(begun.c.valid_from), conditions)


def coming(lines: Lines, projection: str, to: Condition, *, among: Condition = ()) -> sa.Subquery:
    """Of which keys a condition isn't met as of the window's instant and will be by its end, and from when on; only
    `among` those that meet another one now, if any.
    """
    now, begun = lines.table(projection, "now"), lines.table(projection, "begun")
    conditions = [lines.now(now), ~meets(now, to), *_begins(lines, projection, begun, to)]
    conditions += [begun.c.valid_from > lines.window.at, begun.c.valid_from <= lines.window.until]
    if among:
        conditions.append(meets(now, among))
    return _by_key(lines, projection, now, begun, sa.func.min(begun.c.valid_from), conditions)


def _by_key(
    lines: Lines, projection: str, now: Any, begun: Any, due: Any, conditions: Sequence[sa.ColumnElement[bool]]
) -> sa.Subquery:
    key = lines.key(projection, now)
    same = sa.and_(now.c.customer == begun.c.customer, key == lines.key(projection, begun))
    found = sa.select(now.c.customer.label("customer"), key.label("key"), due.label("due"))
    found = found.select_from(now.join(begun, same)).where(*conditions)
    named = lines.models.of(projection).projector.key
    return found.group_by(now.c.customer, *(() if named is None else (key,))).subquery()


def _begins(lines: Lines, projection: str, begun: Any, to: Condition) -> Iterator[sa.ColumnElement[bool]]:
    """That a condition is met from the beginning of an interval on, and wasn't just before."""
    before = lines.table(projection, "before")
    yield meets(begun, to)
    yield ~sa.exists().where(
        before.c.customer == begun.c.customer,
        lines.key(projection, before) == lines.key(projection, begun),
        before.c.valid_from < begun.c.valid_from,
        before.c.valid_to == begun.c.valid_from,
        meets(before, to),
    )


# ------------------------------------------------------------------------------------------------------ in their order


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
    count = connection.scalar(sa.select(sa.func.count()).select_from(due.subquery())) or 0
    if not count:
        return DueRows((), 0)
    soonest = due.order_by(found.c.overdue.desc(), found.c.due).limit(asked.limit)
    *_, last = connection.execute(soonest)
    # All that comes before the last day is among the first lines; of that day it depends on what is at stake.
    begins, ends = asked.day_of(last.due)
    is_before = sa.or_(found.c.overdue > last.overdue, found.c.due <= begins)
    up_to = sa.or_(found.c.overdue > last.overdue, sa.and_(found.c.overdue == last.overdue, found.c.due <= ends))
    key = found.c.key if connection.dialect.name == "sqlite" else sa.collate(found.c.key, "C")
    is_last = sa.case((is_before, 0), else_=1)
    told = told.where(up_to).order_by(is_last, sa.desc("worth"), found.c.due, found.c.customer, key)
    return DueRows(in_order(map(_row, connection.execute(told.limit(asked.limit))), asked), count)


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
    return told.select_from(joined).where(*wanted), due.select_from(joined).where(*wanted)


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


# ------------------------------------------------------------------------------------------- as if no more had happened


@contextmanager
def laid_out(models: ReadModels, names: Iterable[str], folded: Iterable[tuple[int, Timelines]]) -> Iterator[Connection]:
    """The intervals of some customers, by number, as the tables of some projections in memory, to be asked as a store
    is.
    """
    engine = sa.create_engine("sqlite://", poolclass=StaticPool)
    tables = [models.of(name) for name in names]
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
            yield connection
    finally:
        engine.dispose()
