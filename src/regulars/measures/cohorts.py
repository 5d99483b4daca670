"""Retention: of the customers who first ordered in a month, how many ordered in each month since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from msgspec import Struct

from regulars.adapters.read_models.measuring import spending
from regulars.crm_domain.instant import to_datetime
from regulars.measures.asked import Axes, asking, conditions
from regulars.measures.periods import By, periods_between
from regulars.measures.within import Within
from regulars.session.instants import instant_of
from regulars.session.session import Session
from regulars.session.traced import traced
from regulars.statistics.proportions import Interval, wilson


class Retained(Struct, frozen=True, kw_only=True):
    """How many of a cohort ordered so many months or weeks after the first one, and which share of it that is.

    `interval` is that of the share at 95 % (Wilson), with the cohort as a sample of all who might have come then. Both
    are None of a cohort of nobody.
    """

    after: int
    customers: int
    share: float | None
    interval: Interval | None


class Cohort(Struct, frozen=True, kw_only=True):
    """The customers whose first order falls into one month or week, and how many of them ordered in each one since,
    from itself on. The last is so far, and so is the cohort unless it `is_over`.
    """

    period: str
    customers: int
    is_over: bool
    retained: tuple[Retained, ...]


class Cohorts(Struct, frozen=True, kw_only=True):
    """The cohorts from the oldest on, as of `as_of`: the last entry of each row is about the month or week of it."""

    by: By
    as_of: datetime
    where: Mapping[str, str]
    cohorts: tuple[Cohort, ...]


@traced("cohorts")
def find_cohorts(
    session: Session,
    by: By,
    since: date | None,
    until: date | None,
    as_of: datetime | date | None,
    where: Mapping[str, str],
    axes: Axes,
) -> Cohorts:
    """Retention by cohort, from the orders up to an instant.

    Raises ValueError for periods that can't be, and for what `where` doesn't take.
    """
    with asking(session, axes) as asked:
        held = conditions(asked, session.store.registry, where)
        at = asked.now if as_of is None else min(asked.now, instant_of(as_of, asked.zone))
        today = to_datetime(at).astimezone(asked.zone)
        begun = [each for each in periods_between(by, since, until, today) if each.first <= today.date()]
        if not begun:
            return Cohorts(by=by, as_of=to_datetime(at), where=dict(where), cohorts=())
        periods = periods_between(by, begun[0].first, today, today)
        within = Within(periods, asked.zone)
        ordered = [[0] * (len(periods) - place) for place in range(len(begun))]
        customer, last = 0, -1
        for step in spending(asked.models, asked.tx.connection, held, within.begins, at):
            if step.customer != customer:
                customer, last = step.customer, -1
            # An interval begins with an order where the last order is just then.
            place = within.place(step.since) if step.last_order_at == step.since else None
            cohort = within.place(step.first_order_at)
            if place is None or place == last or cohort is None or cohort >= len(begun):
                continue
            last = place
            ordered[cohort][place - cohort] += 1
        cohorts = tuple(
            Cohort(period=each.name, customers=row[0], is_over=each.end(asked.zone) <= at, retained=_retained(row))
            for each, row in zip(begun, ordered, strict=True)
        )
        return Cohorts(by=by, as_of=to_datetime(at), where=dict(where), cohorts=cohorts)


def _retained(ordered: Sequence[int]) -> tuple[Retained, ...]:
    size = ordered[0]
    return tuple(
        Retained(after=after, customers=count, share=count / size if size else None, interval=wilson(count, size))
        for after, count in enumerate(ordered)
    )
