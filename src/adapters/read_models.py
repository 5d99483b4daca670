"""The read models of one generation: what is stored of each customer's fold, and how it is asked.

A row of an interval table says that a verdict holds in [valid_from, valid_to); the past, the present and what is
already due stand side by side, so "as of" any instant is one range look-up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct, ValidationError, convert, to_builtins
from sqlalchemy.engine import Connection

from adapters.chunks import chunks
from adapters.columns import as_stored
from adapters.damage import BY_A_REBUILD, DamagedReadModels
from adapters.histories import History, Poison
from adapters.planning import past_index
from adapters.replay import Range
from adapters.schema import GenerationTables, Schema
from adapters.statements import copy_rows
from crm_domain.errors import StoreBusy
from crm_domain.instant import FOREVER
from projections.customer_card import card
from projections.fold import PROJECTORS, Folded, Interval, Timelines, by_key, dump, load
from projections.projector import Projector
from projections.ticket_queue import TICKET_QUEUE, TicketVerdict
from projections.verdict import Verdict

STAGE, TIER, RISK, TICKETS = "lifecycle_stage", "loyalty_tier", "churn_risk", "ticket_queue"

_PROJECTORS = {projector.name: projector for projector in PROJECTORS}

SAMPLE = 64  # customers

Row = tuple[Any, ...]


class Update(Struct, frozen=True, kw_only=True):
    """One customer's new fold. `timelines` begin where the stored ones stop being true.

    `known` says that something is stored of this customer already.
    """

    customer_id: str
    folded: Folded
    timelines: Timelines
    known: bool


def new_update(history: History) -> Update:
    """What is stored of a customer who was folded afresh and of whom nothing is stored."""
    return Update(customer_id=history.members[0], folded=history.folded, timelines=history.timelines, known=False)


class Bulk(Struct, frozen=True):
    """A first fold of everything up to a position, and the ranges of customers that are still to be done."""

    until: int
    ranges: tuple[Range, ...]


class TicketStanding(Struct, frozen=True, kw_only=True):
    """One ticket as of an instant; `breaches_at` is when its next clock is breached if nobody acts."""

    ticket_id: str
    customer_id: str
    interval: Interval
    breaches_at: int | None


class Standing(Struct, frozen=True, kw_only=True):
    """One customer as of an instant. Instants in microseconds; FOREVER is no end.

    `folded` is None where what is stored of it is of no use to this code.
    """

    customer_id: str
    as_of: int
    stage: Interval
    tier: Interval
    risk: Interval
    folded: Folded | None
    becomes_at: int | None
    sort_key: int


class Filters(Struct, frozen=True, kw_only=True):
    """Which customers are wanted: the verdicts they have, and one that they will have by themselves.

    `becoming` is (projection, value, until): the value begins after the asked instant and no later than `until`.
    With `unchanged_since_asked` only customers with whom nothing happened after the asked instant. `beside` are ids of
    customers who are left out.
    """

    values: tuple[tuple[str, str], ...] = ()
    becoming: tuple[str, str, int] | None = None
    unchanged_since_asked: bool = False
    beside: frozenset[str] = frozenset()


class ReadModels:
    """The tables of one generation. Folds that other code stored, `is_current` being false, are as good as none: the
    verdicts stand, but facts don't. So is a fold that was damaged: whoever needs it folds that customer from the log.
    """

    def __init__(self, schema: Schema, number: int, *, is_current: bool = True) -> None:
        self.number = number
        self.is_current = is_current
        self.tables = GenerationTables(number)
        self._generations = schema.generations
        self._parked = schema.parked

    def checkpoint(self, connection: Connection) -> int:
        """The position up to which events are folded in. Raises StoreBusy where others dropped the generation."""
        statement = sa.select(self._generations.c.checkpoint).where(self._generations.c.number == self.number)
        position: int | None = connection.execute(statement).scalar_one_or_none()
        if position is None:
            raise self._gone()
        return position

    def bulk(self, connection: Connection) -> Bulk | None:
        """How far the first fold of everything has come; None once it is through, or where there was none."""
        generations = self._generations
        statement = sa.select(generations.c.folding_until, generations.c.folded_through)
        row = connection.execute(statement.where(generations.c.number == self.number)).one_or_none()
        if row is None:
            raise self._gone()
        return None if row.folding_until is None else Bulk(row.folding_until, _ranges(row.folded_through))

    def begin_bulk(self, connection: Connection, until: int, ranges: Sequence[Range]) -> None:
        """Say that everything up to a position is being folded, customer by customer; nothing of it yet."""
        fresh = sa.and_(self._ours, self._generations.c.checkpoint == 0, self._generations.c.folding_until.is_(None))
        begun = self._generations.update().where(fresh).values(folding_until=until, folded_through=_ranges_text(ranges))
        if connection.execute(begun).rowcount:
            self.tables.drop_indexes(connection)

    def advance_bulk(self, connection: Connection, old: Sequence[Range], new: Sequence[Range]) -> bool:
        """Say which ranges are still to be done; False where another process was quicker."""
        ours = sa.and_(self._ours, self._generations.c.folded_through == _ranges_text(old))
        done = self._generations.update().where(ours).values(folded_through=_ranges_text(new))
        return connection.execute(done).rowcount == 1

    def load_rows(self, connection: Connection, rows: Mapping[str, list[Row]]) -> None:
        """Insert rows by the names of their tables, of customers and tickets of whom nothing is stored yet."""
        for table in (self.tables.cards, *self.tables.intervals.values()):
            _insert_rows(connection, table, rows[table.name])

    def end_bulk(self, connection: Connection, until: int) -> None:
        """Say that everyone is done: from here on, events are folded in as they come."""
        done = {"checkpoint": until, "folding_until": None, "folded_through": None}
        ours = sa.and_(self._ours, self._generations.c.folding_until == until)
        connection.execute(self._generations.update().where(ours).values(done))

    def _gone(self) -> StoreBusy:
        return StoreBusy(f"generation {self.number} was dropped meanwhile, by `regulars prune`; ask again")

    @property
    def _ours(self) -> sa.ColumnElement[bool]:
        return self._generations.c.number == self.number

    def parked(self, connection: Connection, customer_ids: Iterable[str] | None = None) -> dict[str, Poison]:
        """Whom an event that can't be folded has parked: all of them, or of some customers."""
        parked = self._parked
        statement = sa.select(parked).where(parked.c.generation == self.number).order_by(parked.c.customer_id)
        wanted = [None] if customer_ids is None else chunks(customer_ids)
        found: dict[str, Poison] = {}
        for chunk in wanted:
            chosen = statement if chunk is None else statement.where(parked.c.customer_id.in_(chunk))
            for row in connection.execute(chosen):
                found[row.customer_id] = Poison(
                    customer_id=row.customer_id, position=row.position, type=row.type, reason=row.reason
                )
        return found

    def park(self, connection: Connection, poisons: Iterable[Poison]) -> None:
        """Remember who is parked, and by what."""
        rows = [{"generation": self.number} | to_builtins(poison) for poison in poisons]
        if rows:
            self.unpark(connection, [row["customer_id"] for row in rows])
            connection.execute(self._parked.insert(), rows)

    def unpark(self, connection: Connection, customer_ids: Iterable[str]) -> None:
        """Forget that some customers were parked."""
        parked = self._parked
        gone = [{"id": customer_id} for customer_id in sorted(customer_ids)]
        if gone:
            ours = sa.and_(parked.c.generation == self.number, parked.c.customer_id == sa.bindparam("id"))
            connection.execute(parked.delete().where(ours), gone)

    def load(self, connection: Connection, customer_ids: Iterable[str]) -> dict[str, Folded | None]:
        """The stored folds of those customers that have one; None for one that can't be read."""
        cards = self.tables.cards
        folds: dict[str, Folded | None] = {}
        for chunk in chunks(customer_ids) if self.is_current else ():
            rows = connection.execute(
                sa.select(cards.c.customer_id, cards.c.folded).where(cards.c.customer_id.in_(chunk))
            )
            folds.update((customer_id, _loaded(folded)) for customer_id, folded in rows)
        return folds

    def intervals(self, connection: Connection, customer_id: str) -> Timelines:
        """All stored intervals of one customer, by projection, in order of time."""
        return {name: self._intervals(connection, name, customer_id) for name in self.tables.intervals}

    def _intervals(self, connection: Connection, name: str, customer_id: str) -> list[Interval]:
        table, key = self.tables.intervals[name], _PROJECTORS[name].key
        order = [table.c.valid_from] if key is None else [table.c[key.name], table.c.valid_from]
        rows = connection.execute(sa.select(table).where(table.c.customer_id == customer_id).order_by(*order))
        return [_interval(_PROJECTORS[name], row) for row in rows.mappings()]

    def advance(self, connection: Connection, old: int, new: int) -> bool:
        """Move the checkpoint from one position to another; False where another process was quicker."""
        at_rest = self._generations.c.folding_until.is_(None)  # else the fold of everything may end beyond this
        ours = sa.and_(self._ours, self._generations.c.checkpoint == old, at_rest)
        return connection.execute(self._generations.update().where(ours).values(checkpoint=new)).rowcount == 1

    def drop(self, connection: Connection, customer_ids: Iterable[str]) -> None:
        """Take away what is stored of some customers."""
        gone = [{"id": customer_id} for customer_id in sorted(customer_ids)]
        if gone:
            for table in (self.tables.cards, *self.tables.intervals.values()):
                connection.execute(table.delete().where(table.c.customer_id == sa.bindparam("id")), gone)

    def save(self, connection: Connection, updates: Sequence[Update]) -> None:
        """Store new folds and intervals, in place of the old ones where there are any."""
        if not updates:
            return
        known = [{"id": update.customer_id} for update in updates if update.known]
        cards = self.tables.cards
        if known:
            connection.execute(cards.delete().where(cards.c.customer_id == sa.bindparam("id")), known)
        for name, table in self.tables.intervals.items():
            self._drop_outdated(connection, table, updates, name)
        for table, rows in self.customer_rows(updates).items():
            _insert_rows(connection, table, rows)

    def customer_rows(self, updates: Sequence[Update]) -> dict[sa.Table, list[Row]]:
        """The rows that say what some customers' folds do, by table, with the columns in the table's order."""
        rows = {self.tables.cards: [_card_row(update) for update in updates]}
        for name, table in self.tables.intervals.items():
            rows[table] = _interval_rows(_PROJECTORS[name], updates)
        return rows

    def stored_rows(self, connection: Connection, after: str, last: str | None) -> dict[sa.Table, list[Row]]:
        """What is stored of the customers whose ids come after one, up to the last one, or to the end."""
        return self._stored(connection, lambda ids: sa.and_(ids > after, sa.true() if last is None else ids <= last))

    def stored_rows_of(self, connection: Connection, customer_id: str) -> dict[sa.Table, list[Row]]:
        """What is stored of one customer."""
        return self._stored(connection, lambda ids: ids == customer_id)

    def _stored(
        self, connection: Connection, theirs: Callable[[sa.Column[str]], sa.ColumnElement[bool]]
    ) -> dict[sa.Table, list[Row]]:
        return {
            table: [tuple(row) for row in connection.execute(as_stored(table).where(theirs(table.c.customer_id)))]
            for table in (self.tables.cards, *self.tables.intervals.values())
        }

    def stored_in(self, connection: Connection, table: sa.Table, customer_id: str) -> list[Row]:
        """What one table holds of one customer."""
        return [tuple(row) for row in connection.execute(as_stored(table).where(table.c.customer_id == customer_id))]

    def replace_rows(self, connection: Connection, table: sa.Table, old: Sequence[Row], new: Sequence[Row]) -> int:
        """Put rows in place of others where they differ; how many of both differ."""
        outdated, missing = sorted(set(old) - set(new), key=str), sorted(set(new) - set(old), key=str)
        for row in outdated:
            keys = zip(table.primary_key, row, strict=False)  # the key's columns are the first ones
            connection.execute(table.delete().where(*(column == value for column, value in keys)))
        _insert_rows(connection, table, missing)
        width = len(table.primary_key)
        return len({row[:width] for row in (*outdated, *missing)})

    def customer_ids(self, connection: Connection) -> set[str]:
        """Everyone of whom something is stored."""
        tables = (self.tables.cards, *self.tables.intervals.values())
        stored = sa.union(*(sa.select(table.c.customer_id) for table in tables))
        return set(connection.execute(stored).scalars())

    def values_at(self, connection: Connection, name: str, instants: Mapping[str, int]) -> dict[str, str]:
        """What a projection says of some customers, each as of an instant of their own."""
        table, found = self.tables.intervals[name], dict[str, str]()
        if not instants:
            return found
        near = sa.and_(table.c.valid_from <= max(instants.values()), table.c.valid_to > min(instants.values()))
        for chunk in chunks(instants):
            for row in connection.execute(sa.select(table).where(table.c.customer_id.in_(chunk), near)):
                if row.valid_from <= instants[row.customer_id] < row.valid_to:
                    found[row.customer_id] = row.value
        return found

    def tickets_at(self, connection: Connection, customer_ids: Iterable[str], at: int) -> dict[str, TicketVerdict]:
        """What the queue shows of some customers' tickets as of an instant."""
        table = self.tables.intervals[TICKETS]
        holds = sa.and_(table.c.valid_from <= at, table.c.valid_to > at)
        return {
            row["ticket_id"]: _interval(TICKET_QUEUE, row).verdict
            for chunk in chunks(customer_ids)
            for row in connection.execute(sa.select(table).where(table.c.customer_id.in_(chunk), holds)).mappings()
        }

    def sample(self, connection: Connection) -> list[str]:
        """Everyone, or where they are more than 64, some who are spread evenly over all."""
        return spread(connection, self.tables.cards.c.customer_id)

    def _drop_outdated(self, connection: Connection, table: sa.Table, updates: Sequence[Update], name: str) -> None:
        outdated = [
            {"id": update.customer_id, "key": key, "since": intervals[0].valid_from}
            for update in updates
            if update.known
            for key, intervals in by_key(update.timelines[name]).items()
        ]
        if outdated:
            key = _PROJECTORS[name].key
            ours = sa.and_(table.c.customer_id == sa.bindparam("id"), table.c.valid_from >= sa.bindparam("since"))
            if key is not None:
                ours = sa.and_(table.c[key.name] == sa.bindparam("key"), ours)
            connection.execute(table.delete().where(ours), outdated)

    def tickets(
        self,
        connection: Connection,
        at: int,
        *,
        wanted: Mapping[str, tuple[str, ...]],
        breaching_until: int | None,
        limit: int,
        after: str | None,
        beside: Collection[str] = (),
    ) -> list[TicketStanding]:
        """Tickets as of an instant, in order of their ids; `wanted` are the values a column may have.

        With `breaching_until`, those of which a clock is breached after `at` and no later than that. Those of the
        customers `beside` are left out.
        """
        table = self.tables.intervals[TICKETS]
        later = table.alias("later")
        breached = sa.or_(
            sa.and_(later.c.first_response == "breached", table.c.first_response != "breached"),
            sa.and_(later.c.resolution == "breached", table.c.resolution != "breached"),
        )
        breaches_at = (
            sa.select(sa.func.min(later.c.valid_from))
            .where(later.c.ticket_id == table.c.ticket_id, later.c.valid_from > at, breached)
            .scalar_subquery()
        )
        statement = sa.select(table, breaches_at.label("breaches_at")).where(
            table.c.valid_from <= at, table.c.valid_to > at
        )
        statement = statement.where(*(table.c[column].in_(values) for column, values in wanted.items()))
        if breaching_until is not None:
            statement = statement.where(breaches_at <= breaching_until)
        if after is not None:
            statement = statement.where(table.c.ticket_id > after)
        if beside:
            statement = statement.where(table.c.customer_id.not_in(sorted(beside)))
        rows = connection.execute(statement.order_by(table.c.ticket_id).limit(limit)).mappings()
        return [_ticket_standing(row) for row in rows]

    def changed_after(self, connection: Connection, at: int, limit: int) -> list[str]:
        """At most `limit` customers with whom something happened after an instant."""
        cards = self.tables.cards
        statement = sa.select(cards.c.customer_id).where(cards.c.last_event_at > at).limit(limit)
        return list(connection.execute(statement).scalars())

    def newest_event_at(self, connection: Connection) -> int:
        """The latest instant at which anything happened to anyone that bears on a verdict."""
        return connection.scalar(sa.select(sa.func.max(self.tables.cards.c.last_event_at))) or 0

    def counts(self, connection: Connection, name: str, at: int) -> dict[str, int]:
        """How many customers have each verdict as of an instant."""
        table = self.tables.intervals[name]
        statement = (
            sa.select(table.c.value, sa.func.count())
            .where(table.c.valid_from <= at, table.c.valid_to > at)
            .group_by(table.c.value)
        )
        return dict(connection.execute(statement).all())

    def page(
        self,
        connection: Connection,
        filters: Filters,
        at: int,
        *,
        not_before_last_event: bool,
        by_risk: bool,
        limit: int,
        after: tuple[int, str] | None,
    ) -> list[Standing]:
        """Customers as of an instant, with what they are and have.

        In order of (when they become, or risk from the highest, or nothing) and then id; `after` is the sort key and id
        of the last one of the page before. With `not_before_last_event` a customer whose last event lies after `at`
        is judged as of that event.
        """
        statement = self._page_statement(filters, at, not_before_last_event, by_risk)
        order: tuple[sa.ColumnElement[Any], ...] = (self.tables.cards.c.customer_id,)
        if filters.becoming or by_risk:
            order = (statement.selected_columns.sort_key, *order)
        if after is not None:
            statement = statement.where(sa.tuple_(*order) > sa.tuple_(*map(sa.literal, after[-len(order) :])))
        if not (not_before_last_event or filters.becoming):
            ids = self._first_ids(connection, filters, at, by_risk, limit, after)
            statement = statement.where(self.tables.cards.c.customer_id.in_(ids))
        rows = connection.execute(statement.order_by(*order).limit(limit)).mappings()
        return [_standing(row, _loaded(row["folded"]) if self.is_current else None) for row in rows]

    def _first_ids(
        self,
        connection: Connection,
        filters: Filters,
        at: int,
        by_risk: bool,
        limit: int,
        after: tuple[int, str] | None,
    ) -> list[str]:
        """Whom a page is about, from an index that has them in order, so that no more are looked at than needed."""
        names = ([RISK] if by_risk else []) + [name for name, _ in filters.values]
        first = self.tables.intervals[names[0]] if names else self.tables.cards
        joined: sa.FromClause = first
        conditions = [self.tables.intervals[name].c.value == value for name, value in filters.values]
        if filters.beside:
            conditions.append(first.c.customer_id.not_in(sorted(filters.beside)))
        # Whoever lacks a verdict at that instant isn't on the page, so all three are asked for here, too.
        for name in (STAGE, TIER, RISK):
            table = self.tables.intervals[name]
            if table is first:
                # Searched by its value, an index has ids in order; searched by the instant, it would have to be sorted.
                conditions += [past_index(connection, table.c.valid_from) <= at, table.c.valid_to > at]
            else:
                joined = joined.join(table, _holds(table, first, sa.literal(at)))
        key: tuple[sa.ColumnElement[Any], ...] = (first.c.customer_id,)
        order = key
        if by_risk:
            key, order = (-first.c.score, *key), (first.c.score.desc(), *order)
            if after is not None:  # what the index can use of the order, beside the order itself
                conditions.append(first.c.score <= -after[0])
        if after is not None:
            conditions.append(sa.tuple_(*key) > sa.tuple_(*map(sa.literal, after[-len(key) :])))
        wanted = sa.select(first.c.customer_id).select_from(joined).where(*conditions).order_by(*order).limit(limit)
        return list(connection.execute(wanted).scalars())

    def _page_statement(self, filters: Filters, at: int, not_before_last_event: bool, by_risk: bool) -> sa.Select[Any]:
        cards, intervals = self.tables.cards, self.tables.intervals
        instant: sa.ColumnElement[int] = sa.literal(at)
        if not_before_last_event:
            instant = sa.case((cards.c.last_event_at > at, cards.c.last_event_at), else_=instant)
        joined: sa.FromClause = cards
        for name in (STAGE, TIER, RISK):
            joined = joined.join(intervals[name], _holds(intervals[name], cards, instant))
        becomes_at: sa.ColumnElement[Any] = sa.null()
        if filters.becoming:
            name, value, until = filters.becoming
            becoming = intervals[name].alias("becoming")
            becomes_at = becoming.c.valid_from
            due = sa.and_(becoming.c.value == value, becomes_at > instant, becomes_at <= until)
            due = sa.and_(due, _begins(becoming, instant))
            joined = joined.join(becoming, sa.and_(becoming.c.customer_id == cards.c.customer_id, due))
        sort_key = becomes_at if filters.becoming else -intervals[RISK].c.score if by_risk else sa.literal(0)
        return (
            sa.select(cards.c.customer_id, cards.c.folded, instant.label("as_of"), becomes_at.label("becomes_at"))
            .add_columns(sort_key.label("sort_key"))
            .add_columns(*(column for name in (STAGE, TIER, RISK) for column in _labelled(name, intervals[name])))
            .select_from(joined)
            .where(*(intervals[name].c.value == wanted for name, wanted in filters.values))
            .where(cards.c.last_event_at <= at if filters.unchanged_since_asked else sa.true())
            .where(cards.c.customer_id.not_in(sorted(filters.beside)) if filters.beside else sa.true())
        )


def spread(connection: Connection, ids: sa.Column[str], *conditions: sa.ColumnElement[bool]) -> list[str]:
    """The ids in a column that meet all conditions; where they are more than 64, at most 64, spread evenly over all."""

    def first(*further: sa.ColumnElement[bool]) -> str | None:
        return connection.scalar(sa.select(ids).where(*conditions, *further).order_by(ids).limit(1))

    everyone: list[str] = []
    found = first()
    while found is not None and len(everyone) < SAMPLE:
        everyone.append(found)
        found = first(ids > found)
    if found is None:
        return everyone
    spread_out = (first(ids >= f"{256 * part // SAMPLE:02x}") for part in range(SAMPLE))
    return sorted({each for each in spread_out if each is not None})


_RANGE = re.compile("([0-9a-f]*)-([0-9a-f]*)")


def _ranges(text: str | None) -> tuple[Range, ...]:
    """The ranges of a text. Raises DamagedReadModels for a text that isn't one of `_ranges_text`."""
    found = [_RANGE.fullmatch(each) for each in (text or "").split(",")]
    ranges = tuple(Range(*each.groups()) for each in found if each is not None)
    if len(ranges) < len(found):
        raise DamagedReadModels("which customers are still to be folded in can't be read")
    return ranges


def _ranges_text(ranges: Sequence[Range]) -> str:
    return ",".join(f"{each.after}-{each.last}" for each in ranges)


def _begins(interval: sa.FromClause, instant: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """True where the value itself begins for the first time after an instant, and not just another score within it."""
    earlier = interval.alias("earlier")
    same = sa.and_(earlier.c.customer_id == interval.c.customer_id, earlier.c.value == interval.c.value)
    between = sa.and_(earlier.c.valid_from > instant, earlier.c.valid_from < interval.c.valid_from)
    began_earlier = sa.exists().where(same, between, ~_goes_on(earlier, "before_earlier"))
    return sa.and_(~_goes_on(interval, "before"), ~began_earlier)


def _goes_on(interval: sa.FromClause, name: str) -> sa.ColumnElement[bool]:
    """True where the value held just before, so that only the score is another."""
    before = interval.alias(name)
    same = sa.and_(before.c.customer_id == interval.c.customer_id, before.c.value == interval.c.value)
    return sa.exists().where(same, before.c.valid_to == interval.c.valid_from)


def _holds(table: sa.Table, cards: sa.FromClause, instant: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    return sa.and_(
        table.c.customer_id == cards.c.customer_id, table.c.valid_from <= instant, table.c.valid_to > instant
    )


def _labelled(name: str, table: sa.Table) -> list[sa.ColumnElement[Any]]:
    columns = (table.c.valid_from, table.c.valid_to, table.c.value, table.c.score)
    return [column.label(f"{name}_{column.name}") for column in columns]


def _loaded(folded: bytes) -> Folded | None:
    try:
        return load(folded)
    except ValueError:
        return None


def _standing(row: sa.RowMapping, folded: Folded | None) -> Standing:
    def interval(name: str) -> Interval:
        verdict = Verdict(row[f"{name}_value"], row[f"{name}_score"])
        return Interval(row[f"{name}_valid_from"], row[f"{name}_valid_to"], verdict)

    return Standing(
        customer_id=row["customer_id"],
        as_of=row["as_of"],
        stage=interval(STAGE),
        tier=interval(TIER),
        risk=interval(RISK),
        folded=folded,
        becomes_at=row["becomes_at"],
        sort_key=row["sort_key"],
    )


def _interval_rows(projector: Projector, updates: Iterable[Update]) -> list[Row]:
    name, key = projector.name, projector.key
    if key is None and projector.verdict is Verdict:  # which very many rows are
        return [
            (update.customer_id, each.valid_from, each.valid_to, each.verdict.value, each.verdict.score)
            for update in updates
            for each in update.timelines[name]
        ]
    return [
        (
            *(() if key is None else (each.key,)),
            update.customer_id,
            each.valid_from,
            each.valid_to,
            *to_builtins(each.verdict).values(),
        )
        for update in updates
        for each in update.timelines[name]
    ]


def _interval(projector: Projector, row: sa.RowMapping) -> Interval:
    """A stored row of a projector. Raises DamagedReadModels for what is no verdict."""
    columns = dict(row)
    held = {field: columns[field] for field in projector.verdict.__struct_fields__}
    try:
        verdict = convert(held, projector.verdict)
    except ValidationError as error:
        raise DamagedReadModels(f"what is stored as {projector.name} can't be read: {error}; {BY_A_REBUILD}") from None
    key = "" if projector.key is None else columns[projector.key.name]
    return Interval(columns["valid_from"], columns["valid_to"], verdict, key)


def _ticket_standing(row: sa.RowMapping) -> TicketStanding:
    return TicketStanding(
        ticket_id=row["ticket_id"],
        customer_id=row["customer_id"],
        interval=_interval(TICKET_QUEUE, row),
        breaches_at=row["breaches_at"],
    )


def _card_row(update: Update) -> Row:
    shown = card(update.folded.facts, FOREVER)
    orders = (shown.orders, shown.net_spend, shown.first_order_at, shown.last_order_at)
    return update.customer_id, *orders, shown.last_heard_at, update.folded.last_at, dump(update.folded)


def _insert_rows(connection: Connection, table: sa.Table, rows: list[Row]) -> None:
    """Insert rows in the order of the table's columns, past SQLAlchemy's work on each: there are very many."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        copy_rows(connection, f"COPY {table.name} FROM STDIN", rows)
    else:
        marks = ", ".join("?" * len(table.c))
        connection.exec_driver_sql(f"INSERT INTO {table.name} VALUES ({marks})", rows)  # noqa: S608 - our own table
