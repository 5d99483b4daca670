"""The read models of one generation: what is stored of each customer's fold, and how it is asked.

A row of an interval table says that a verdict holds in [valid_from, valid_to); the past, the present and what is
already due stand side by side, so "as of" any instant is one range look-up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from adapters.keyring import CHUNK
from adapters.schema import GenerationTables, Schema
from crm_domain.instant import FOREVER
from crm_domain.ticket import Status
from projections.customer_card import card
from projections.fold import Folded, Interval, Timelines, dump, load
from projections.ticket_queue import TicketInterval, TicketVerdict
from projections.verdict import Verdict

STAGE, TIER, RISK = "lifecycle_stage", "loyalty_tier", "churn_risk"


class Update(Struct, frozen=True, kw_only=True):
    """One customer's new fold. `timelines` begin where the stored ones stop being true.

    `known` says that something is stored of this customer already, `afresh` that all of it is replaced.
    """

    customer_id: str
    folded: Folded
    timelines: Timelines
    known: bool
    afresh: bool


class TicketUpdate(Struct, frozen=True, kw_only=True):
    """One ticket's whole story, in place of what is stored of it."""

    ticket_id: str
    customer_id: str
    intervals: list[TicketInterval]


class TicketStanding(Struct, frozen=True, kw_only=True):
    """One ticket as of an instant; `breaches_at` is when its next clock is breached if nobody acts."""

    ticket_id: str
    customer_id: str
    interval: TicketInterval
    breaches_at: int | None


class Standing(Struct, frozen=True, kw_only=True):
    """One customer as of an instant. Instants in microseconds; FOREVER is no end."""

    customer_id: str
    as_of: int
    stage: Interval
    tier: Interval
    risk: Interval
    folded: Folded
    becomes_at: int | None
    sort_key: int


class Filters(Struct, frozen=True, kw_only=True):
    """Which customers are wanted: the verdicts they have, and one that they will have by themselves.

    `becoming` is (projection, value, until): the value begins after the asked instant and no later than `until`.
    With `unchanged_since_asked` only customers with whom nothing happened after the asked instant.
    """

    values: tuple[tuple[str, str], ...] = ()
    becoming: tuple[str, str, int] | None = None
    unchanged_since_asked: bool = False


class ReadModels:
    """The tables of one generation."""

    def __init__(self, schema: Schema, number: int) -> None:
        self.number = number
        self.tables = GenerationTables(number)
        self._generations = schema.generations

    def checkpoint(self, connection: Connection) -> int:
        """The position up to which events are folded in."""
        statement = sa.select(self._generations.c.checkpoint).where(self._generations.c.number == self.number)
        position: int = connection.execute(statement).scalar_one()
        return position

    def load(self, connection: Connection, customer_ids: Iterable[str]) -> dict[str, Folded]:
        """The stored folds of those customers that have one."""
        cards, wanted = self.tables.cards, sorted(set(customer_ids))
        folds: dict[str, Folded] = {}
        for start in range(0, len(wanted), CHUNK):
            chunk = wanted[start : start + CHUNK]
            rows = connection.execute(
                sa.select(cards.c.customer_id, cards.c.folded).where(cards.c.customer_id.in_(chunk))
            )
            folds.update((customer_id, load(folded)) for customer_id, folded in rows)
        return folds

    def intervals(self, connection: Connection, customer_id: str) -> Timelines:
        """All stored intervals of one customer, by projection, in order of time."""
        return {
            name: [
                Interval(row.valid_from, row.valid_to, Verdict(row.value, row.score))
                for row in connection.execute(
                    sa.select(table).where(table.c.customer_id == customer_id).order_by(table.c.valid_from)
                )
            ]
            for name, table in self.tables.intervals.items()
        }

    def advance(self, connection: Connection, old: int, new: int) -> bool:
        """Move the checkpoint from one position to another; False where another process was quicker."""
        ours = sa.and_(self._generations.c.number == self.number, self._generations.c.checkpoint == old)
        return connection.execute(self._generations.update().where(ours).values(checkpoint=new)).rowcount == 1

    def save(self, connection: Connection, updates: Sequence[Update]) -> None:
        """Store new folds and intervals, in place of the old ones where there are any."""
        known = [{"id": update.customer_id} for update in updates if update.known]
        cards = self.tables.cards
        if known:
            connection.execute(cards.delete().where(cards.c.customer_id == sa.bindparam("id")), known)
        connection.execute(cards.insert(), [_card_row(update) for update in updates])
        for name, table in self.tables.intervals.items():
            self._drop_outdated(connection, table, updates, name)
            rows = [_interval_row(update.customer_id, each) for update in updates for each in update.timelines[name]]
            _insert_rows(connection, table, rows)

    def _drop_outdated(self, connection: Connection, table: sa.Table, updates: Sequence[Update], name: str) -> None:
        outdated = [
            {"id": update.customer_id, "since": -FOREVER if update.afresh else update.timelines[name][0].valid_from}
            for update in updates
            if update.known and (update.afresh or update.timelines[name])
        ]
        if outdated:
            ours = sa.and_(table.c.customer_id == sa.bindparam("id"), table.c.valid_from >= sa.bindparam("since"))
            connection.execute(table.delete().where(ours), outdated)

    def save_tickets(self, connection: Connection, updates: Sequence[TicketUpdate]) -> None:
        """Store the stories of some tickets in place of the old ones."""
        if updates:
            table = self.tables.tickets
            gone = [{"id": update.ticket_id} for update in updates]
            connection.execute(table.delete().where(table.c.ticket_id == sa.bindparam("id")), gone)
            rows = [_ticket_row(update, interval) for update in updates for interval in update.intervals]
            _insert_rows(connection, table, rows)

    def tickets(
        self,
        connection: Connection,
        at: int,
        *,
        wanted: Mapping[str, str],
        breaching_until: int | None,
        limit: int,
        after: str | None,
    ) -> list[TicketStanding]:
        """Tickets as of an instant, in order of their ids; `wanted` are values by column.

        With `breaching_until`, those of which a clock is breached after `at` and no later than that.
        """
        table = self.tables.tickets
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
        statement = statement.where(*(table.c[column] == value for column, value in wanted.items()))
        if breaching_until is not None:
            statement = statement.where(breaches_at <= breaching_until)
        if after is not None:
            statement = statement.where(table.c.ticket_id > after)
        rows = connection.execute(statement.order_by(table.c.ticket_id).limit(limit))
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
        return [_standing(row) for row in connection.execute(statement.order_by(*order).limit(limit)).mappings()]

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
        )


def _begins(interval: sa.FromClause, instant: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """True where the value itself begins for the first time after an instant, and not just another score within it."""
    before = interval.alias("before")
    same = sa.and_(before.c.customer_id == interval.c.customer_id, before.c.value == interval.c.value)
    goes_on = before.c.valid_to == interval.c.valid_from
    began_earlier = sa.and_(before.c.valid_from > instant, before.c.valid_from < interval.c.valid_from)
    return ~sa.exists().where(same, sa.or_(goes_on, began_earlier))


def _holds(table: sa.Table, cards: sa.Table, instant: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    return sa.and_(
        table.c.customer_id == cards.c.customer_id, table.c.valid_from <= instant, table.c.valid_to > instant
    )


def _labelled(name: str, table: sa.Table) -> list[sa.ColumnElement[Any]]:
    columns = (table.c.valid_from, table.c.valid_to, table.c.value, table.c.score)
    return [column.label(f"{name}_{column.name}") for column in columns]


def _standing(row: sa.RowMapping) -> Standing:
    def interval(name: str) -> Interval:
        verdict = Verdict(row[f"{name}_value"], row[f"{name}_score"])
        return Interval(row[f"{name}_valid_from"], row[f"{name}_valid_to"], verdict)

    return Standing(
        customer_id=row["customer_id"],
        as_of=row["as_of"],
        stage=interval(STAGE),
        tier=interval(TIER),
        risk=interval(RISK),
        folded=load(row["folded"]),
        becomes_at=row["becomes_at"],
        sort_key=row["sort_key"],
    )


def _ticket_row(update: TicketUpdate, interval: TicketInterval) -> tuple[str, int, int, str, str, str, str]:
    verdict = interval.verdict
    clocks = (verdict.first_response, verdict.resolution)
    return update.ticket_id, interval.valid_from, interval.valid_to, update.customer_id, str(verdict.status), *clocks


def _ticket_standing(row: sa.Row[Any]) -> TicketStanding:
    verdict = TicketVerdict(Status(row.status), row.first_response, row.resolution)
    return TicketStanding(
        ticket_id=row.ticket_id,
        customer_id=row.customer_id,
        interval=TicketInterval(row.valid_from, row.valid_to, verdict),
        breaches_at=row.breaches_at,
    )


def _card_row(update: Update) -> dict[str, Any]:
    shown = card(update.folded.facts, FOREVER)
    return {
        "customer_id": update.customer_id,
        "orders": shown.orders,
        "net_spend": shown.net_spend,
        "first_order_at": shown.first_order_at,
        "last_order_at": shown.last_order_at,
        "last_heard_at": shown.last_heard_at,
        "last_event_at": update.folded.last_at,
        "folded": dump(update.folded),
    }


def _interval_row(customer_id: str, interval: Interval) -> tuple[str, int, int, str, int | None]:
    verdict = interval.verdict
    return customer_id, interval.valid_from, interval.valid_to, verdict.value, verdict.score


def _insert_rows(connection: Connection, table: sa.Table, rows: list[tuple[Any, ...]]) -> None:
    """Insert rows in the order of the table's columns, past SQLAlchemy's work on each: there are very many."""
    if rows:
        mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
        marks = ", ".join([mark] * len(table.c))
        connection.exec_driver_sql(f"INSERT INTO {table.name} VALUES ({marks})", rows)  # noqa: S608 - our own table
