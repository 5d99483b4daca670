"""Retention: of the customers who first ordered in a month, how many ordered in each month since."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from msgspec import Struct

from regulars.adapters.read_models.measuring import spending
from regulars.crm_domain.instant import to_datetime
from regulars.measures.asked import Axes, asking, conditions
from regulars.measures.periods import By, periods_between
from regulars.measures.within import Within
from regulars.session.session import Session
from regulars.session.traced import traced
from regulars.statistics.proportions import Interval, wilson


class Cohort(Struct, frozen=True, kw_only=True):
    """The customers whose first order falls into one month or week.

    `ordered[k]` is how many of them ordered in the kth one after it; of the current one so far (`is_over` false).
    """

    period: str
    customers: int
    ordered: tuple[int, ...]
    is_over: bool

    def share(self, after: int) -> float | None:
        """The share who ordered so many months or weeks later; None of an empty cohort. Raises IndexError for later."""
        return self.ordered[after] / self.customers if self.customers else None

    def interval(self, after: int) -> Interval | None:
        """The 95 % interval of that share (Wilson), as of a sample of all who could have come."""
        return wilson(self.ordered[after], self.customers)


class Cohorts(Struct, frozen=True, kw_only=True):
    """The cohorts from the oldest on, as of `as_of`: the last entry of each row is about the month or week of it."""

    by: By
    as_of: datetime
    where: Mapping[str, str]
    cohorts: tuple[Cohort, ...]


@traced("cohorts")
def find_cohorts(
    session: Session, by: By, since: date | None, until: date | None, where: Mapping[str, str], axes: Axes
) -> Cohorts:
    """Retention by cohort. Raises ValueError for periods that can't be, and for what `where` doesn't take."""
    with asking(session, axes) as asked:
        held = conditions(asked, session.store.registry, where)
        begun = [each for each in periods_between(by, since, until, asked.today) if each.first <= asked.today.date()]
        if not begun:
            return Cohorts(by=by, as_of=to_datetime(asked.now), where=dict(where), cohorts=())
        periods = periods_between(by, begun[0].first, asked.today, asked.today)
        within = Within(periods, asked.zone)
        ordered = [[0] * (len(periods) - place) for place in range(len(begun))]
        customer, last = 0, -1
        for step in spending(asked.models, asked.tx.connection, held, asked.now):
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
            Cohort(period=each.name, customers=row[0], ordered=tuple(row), is_over=each.end(asked.zone) <= asked.now)
            for each, row in zip(begun, ordered, strict=True)
        )
        return Cohorts(by=by, as_of=to_datetime(asked.now), where=dict(where), cohorts=cohorts)
