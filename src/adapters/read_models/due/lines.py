"""Lines of what is to be done, as selects over intervals of read models.

A verdict is a step function of time, so "about to be breached" is an interval that begins within a time, and "breached"
one that holds. Each kind of line is a select of the columns of `line` over such intervals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from regulars.adapters.read_models.rows import ReadModels

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
    """That a verdict meets a condition; NULL where it doesn't, as a column holds nothing: `misses` is the opposite."""
    return sa.or_(
        *(sa.and_(sa.true(), *(table.c[name].in_(texts) for name, texts in each.items())) for each in condition)
    )


def misses(table: Any, condition: Condition) -> sa.ColumnElement[bool]:
    """That a verdict doesn't meet a condition."""
    return sa.not_(sa.func.coalesce(meets(table, condition), sa.false()))


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
    conditions = [lines.now(now), misses(now, to), *_begins(lines, projection, begun, to)]
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
