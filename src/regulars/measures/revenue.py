"""Revenue by month or week, of new customers and of returning ones: by how much their net spend grew.

Net spend is the fold's: what was bought, less what came back. So a return counts in the month in which it came back,
and a voided order never was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from msgspec import Struct

from regulars.adapters.read_models.measuring import spending
from regulars.crm_domain.money import from_minor_units
from regulars.measures.asked import Asked, Axes, asking, conditions
from regulars.measures.periods import By, Period, periods_between
from regulars.measures.within import Within
from regulars.session.session import Session
from regulars.session.traced import traced


class RevenuePeriod(Struct, frozen=True, kw_only=True):
    """One month or week. `new` is of customers whose first order falls into it, `returning` of all others.

    `first_orders` are those customers' first ones; `orders` are all, those that came back later too. `buyers` are the
    customers who ordered. It `is_over` where nothing more of it is to come.
    """

    period: str
    first: date
    last: date
    new: Decimal
    returning: Decimal
    orders: int
    buyers: int
    new_buyers: int
    is_over: bool

    @property
    def total(self) -> Decimal:
        """By how much net spend grew, below zero where more came back than was bought."""
        return self.new + self.returning


class Revenue(Struct, frozen=True, kw_only=True):
    """Revenue over time in the store's currency, of the customers of whom `where` holds now."""

    by: By
    currency: str | None
    where: Mapping[str, str]
    periods: tuple[RevenuePeriod, ...]


class _Sums(Struct):
    new: int = 0
    returning: int = 0
    orders: int = 0
    buyers: int = 0
    new_buyers: int = 0
    last_buyer: int = 0


@traced("revenue")
def find_revenue(
    session: Session, by: By, since: date | None, until: date | None, where: Mapping[str, str], axes: Axes
) -> Revenue:
    """Revenue by period, up to the current one.

    Raises ValueError for periods that can't be, or haven't begun, and for what `where` doesn't take.
    """
    with asking(session, axes) as asked:
        wanted = periods_between(by, since, until, asked.today)
        periods = tuple(each for each in wanted if each.first <= asked.today.date())
        if not periods:
            raise ValueError(f"{wanted[0].name} hasn't begun yet, so it has no revenue")
        sums = _summed(asked, session, periods, where)
        return Revenue(
            by=by,
            currency=asked.currency,
            where=dict(where),
            periods=tuple(_period(asked, period, found) for period, found in zip(periods, sums, strict=True)),
        )


def _summed(asked: Asked, session: Session, periods: tuple[Period, ...], where: Mapping[str, str]) -> list[_Sums]:
    within, sums = Within(periods, asked.zone), [_Sums() for _ in periods]
    held = conditions(asked, session.store.registry, where)
    customer, orders, spend = 0, 0, 0
    for step in spending(asked.models, asked.tx.connection, held, within.begins, asked.now):
        if step.customer != customer:
            customer, orders, spend = step.customer, 0, 0
        more, grown = step.orders - orders, step.net_spend - spend
        orders, spend = step.orders, step.net_spend
        place = within.place(step.since) if more or grown else None
        if place is None:
            continue
        found, is_new = sums[place], within.place(step.first_order_at) == place
        if is_new:
            found.new += grown
        else:
            found.returning += grown
        found.orders += more
        if more > 0 and found.last_buyer != customer:
            found.last_buyer = customer
            found.buyers += 1
            found.new_buyers += is_new
    return sums


def _period(asked: Asked, period: Period, found: _Sums) -> RevenuePeriod:
    return RevenuePeriod(
        period=period.name,
        first=period.first,
        last=period.last,
        new=money(found.new, asked.currency),
        returning=money(found.returning, asked.currency),
        orders=found.orders,
        buyers=found.buyers,
        new_buyers=found.new_buyers,
        is_over=period.end(asked.zone) <= asked.now,
    )


def money(minor: int, currency: str | None) -> Decimal:
    """An amount in the store's currency; there is nothing but zero before it has one."""
    return Decimal(minor) if currency is None else from_minor_units(minor, currency)
