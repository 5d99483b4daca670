"""What is counted of answers, surveys, complaints and orders, as of an instant and within a span, by groups.

What customers last said is counted once a customer, as of the instant; surveys, complaints and orders by when they were
sent, opened and placed. A customer is of the group that holds as of the instant, a ticket of the agent who had it last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Connection

from regulars.adapters.read_models.rows import ReadModels
from regulars.projections.customer_card import CUSTOMER_CARD
from regulars.projections.satisfaction.compiled import SatisfactionRules
from regulars.projections.satisfaction.projector import SATISFACTION
from regulars.projections.surveys import SURVEYS
from regulars.projections.ticket_feedback import TICKET_FEEDBACK

#: The group of those who are in none.
NO_GROUP = ""

_Condition = sa.ColumnElement[bool]


class Counted(Struct, frozen=True, kw_only=True):
    """What is counted: as of `at`, of the span from `since` to `until`, both included, in microseconds.

    Surveys count from `settled_by` back: whoever was asked later may answer still.
    """

    at: int
    since: int
    until: int
    settled_by: int


class FeedbackCounts(Struct, frozen=True, kw_only=True):
    """Counts of one group. `promoters` to `dissatisfied` are customers, or by agent what was said of tickets.

    `answered` and `unanswered` are surveys that were sent in the span, long enough ago; `pending` were sent in it later
    and are not answered yet, and `bounced` came back. `active` are customers with an order in the span, `complaining`
    those of them with a complaint in it. By agent there are no orders, and so neither of both.
    """

    promoters: int = 0
    passives: int = 0
    detractors: int = 0
    satisfied: int = 0
    neutral: int = 0
    dissatisfied: int = 0
    answered: int = 0
    unanswered: int = 0
    bounced: int = 0
    pending: int = 0
    unasked: int = 0
    too_soon: int = 0
    complaints: int = 0
    orders: int = 0
    active: int = 0
    complaining: int = 0

    def __add__(self, other: FeedbackCounts) -> FeedbackCounts:
        return FeedbackCounts(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


_Groups = dict[str, Counter[str]]


def count_by_customers(
    models: ReadModels, connection: Connection, counted: Counted, grouped_by: str | None
) -> dict[str, FeedbackCounts]:
    """Counts by what a projection has of each customer, its values or its keys; without one all are one group.

    By keys a customer is in as many groups as they have.
    """
    return _read(connection, _ByCustomers(models, counted, grouped_by).statements())


def count_by_agents(
    models: ReadModels, connection: Connection, counted: Counted, rules: SatisfactionRules
) -> dict[str, FeedbackCounts]:
    """Counts by the agents who had the tickets: of tickets opened in the span, and surveys about tickets sent in it."""
    return _read(connection, _by_agents(models, counted, rules))


def _read(connection: Connection, statements: list[sa.Select[Any]]) -> dict[str, FeedbackCounts]:
    """What some statements count: each row has the group first, and then what its columns are called."""
    found: _Groups = {}
    for statement in statements:
        for group, *counts in (result := connection.execute(statement)):
            of_group = found.setdefault(NO_GROUP if group is None else group, Counter())
            for name, count in zip(list(result.keys())[1:], counts, strict=True):
                of_group[name] += int(count or 0)
    return {group: FeedbackCounts(**found[group]) for group in sorted(found)}


def _sums(conditions: Mapping[str, _Condition]) -> list[sa.ColumnElement[int]]:
    return [sa.func.sum(sa.case((condition, 1), else_=0)).label(name) for name, condition in conditions.items()]


def _holds(table: sa.FromClause, at: int) -> _Condition:
    return sa.and_(table.c.valid_from <= at, table.c.valid_to > at)


def _fates(surveys: sa.FromClause, counted: Counted) -> list[sa.ColumnElement[int]]:
    settled = surveys.c.sent_at <= counted.settled_by
    return _sums(
        {
            "answered": sa.and_(settled, surveys.c.fate == "answered"),
            "unanswered": sa.and_(settled, surveys.c.fate == "awaited"),
            "bounced": surveys.c.fate == "bounced",
            "pending": sa.and_(~settled, surveys.c.fate == "awaited"),
        }
    )


class _ByCustomers:
    """The statements that count by customers."""

    def __init__(self, models: ReadModels, counted: Counted, grouped_by: str | None) -> None:
        self._counted = counted
        self._group, self._value = None, "value"
        if grouped_by is not None:
            tables = models.of(grouped_by)
            self._group = tables.intervals.alias("of_group")
            self._value = "value" if tables.projector.key is None else tables.projector.key.name
        self._said = models.of(SATISFACTION.name).intervals
        self._surveys = models.of(SURVEYS.name).intervals
        self._tickets = models.of(TICKET_FEEDBACK.name).intervals
        self._card = models.of(CUSTOMER_CARD.name).intervals

    def statements(self) -> list[sa.Select[Any]]:
        """Each with the group first."""
        return [self._last_said(), self._sent(), self._opened(), *self._since_and_until(), self._active()]

    def _grouped(self, table: sa.FromClause, columns: Sequence[sa.ColumnElement[Any]]) -> sa.Select[Any]:
        """Columns of a table of customers, after and by their group."""
        if self._group is None:
            return sa.select(sa.literal(NO_GROUP), *columns).select_from(table)
        theirs = sa.and_(self._group.c.customer == table.c.customer, _holds(self._group, self._counted.at))
        joined = table.outerjoin(self._group, theirs)
        value = self._group.c[self._value]
        return sa.select(value, *columns).select_from(joined).group_by(value)

    def _last_said(self) -> sa.Select[Any]:
        nps, csat = self._said.c.nps, self._said.c.csat
        columns = _sums(
            {
                "promoters": nps == "promoter",
                "passives": nps == "passive",
                "detractors": nps == "detractor",
                "satisfied": csat == "satisfied",
                "neutral": csat == "neutral",
                "dissatisfied": csat == "dissatisfied",
            }
        )
        return self._grouped(self._said, columns).where(_holds(self._said, self._counted.at))

    def _sent(self) -> sa.Select[Any]:
        sent = self._surveys.c.sent_at.between(self._counted.since, self._counted.until)
        columns = _fates(self._surveys, self._counted)
        return self._grouped(self._surveys, columns).where(_holds(self._surveys, self._counted.at), sent)

    def _complaints(self) -> list[_Condition]:
        opened = self._tickets.c.opened_at.between(self._counted.since, self._counted.until)
        return [_holds(self._tickets, self._counted.at), self._tickets.c.complaint == "yes", opened]

    def _opened(self) -> sa.Select[Any]:
        return self._grouped(self._tickets, [sa.func.count().label("complaints")]).where(*self._complaints())

    def _since_and_until(self) -> list[sa.Select[Any]]:
        """What lies between two instants is what there was at the second, less what there was before the first."""
        found = []
        for at, sign in ((self._counted.until, 1), (self._counted.since - 1, -1)):
            orders = [sa.func.sum(sign * self._card.c.orders).label("orders")]
            beside = [sa.func.sum(sign * self._said.c[name]).label(name) for name in ("unasked", "too_soon")]
            found.append(self._grouped(self._card, orders).where(_holds(self._card, at)))
            found.append(self._grouped(self._said, beside).where(_holds(self._said, at)))
        return found

    def _active(self) -> sa.Select[Any]:
        before = self._card.alias("before")
        earlier = sa.and_(before.c.customer == self._card.c.customer, _holds(before, self._counted.since - 1))
        bought = (
            sa.select(self._card.c.customer)
            .select_from(self._card.outerjoin(before, earlier))
            .where(_holds(self._card, self._counted.until), self._card.c.orders > sa.func.coalesce(before.c.orders, 0))
            .subquery("bought")
        )
        complained = sa.select(self._tickets.c.customer).where(*self._complaints())
        columns = [
            sa.func.count().label("active"),
            *_sums({"complaining": bought.c.customer.in_(complained)}),
        ]
        return self._grouped(bought, columns)


def _by_agents(models: ReadModels, counted: Counted, rules: SatisfactionRules) -> list[sa.Select[Any]]:
    tickets, surveys = models.of(TICKET_FEEDBACK.name).intervals, models.of(SURVEYS.name).intervals
    had = sa.and_(_holds(tickets, counted.at), tickets.c.agent.is_not(None))
    of_tickets = _sums(
        {
            **{said: tickets.c.rated == said for said in ("satisfied", "neutral", "dissatisfied")},
            "complaints": tickets.c.complaint == "yes",
        }
    )
    opened = tickets.c.opened_at.between(counted.since, counted.until)
    of_ticket = sa.and_(surveys.c.ticket_id == tickets.c.ticket_id, surveys.c.customer == tickets.c.customer)
    sent = surveys.c.sent_at.between(counted.since, counted.until)
    score, nps = surveys.c.score, surveys.c.survey == "nps"
    # Of a ticket that was rated the rating is what was said; the survey may be how it was asked for.
    csat = sa.and_(surveys.c.survey == "csat", tickets.c.rated.is_(None))
    of_surveys = [
        *_fates(surveys, counted),
        *_sums(
            {
                "promoters": sa.and_(nps, score >= rules.promoter_from),
                "passives": sa.and_(nps, score > rules.detractor_to, score < rules.promoter_from),
                "detractors": sa.and_(nps, score <= rules.detractor_to),
                "satisfied": sa.and_(csat, score >= rules.satisfied_from),
                "neutral": sa.and_(csat, score > rules.low_to, score < rules.satisfied_from),
                "dissatisfied": sa.and_(csat, score <= rules.low_to),
            }
        ),
    ]
    return [
        sa.select(tickets.c.agent, *of_tickets).where(had, opened).group_by(tickets.c.agent),
        sa.select(tickets.c.agent, *of_surveys)
        .select_from(surveys.join(tickets, of_ticket))
        .where(had, _holds(surveys, counted.at), sent)
        .group_by(tickets.c.agent),
    ]
