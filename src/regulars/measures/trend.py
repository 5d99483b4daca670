"""How many had which value at the end of each month or week, the future that is already due included."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from msgspec import Struct

from regulars.adapters.read_models.counting import totals
from regulars.adapters.read_models.measuring import counts_while
from regulars.crm_domain.instant import to_datetime
from regulars.measures.asked import Axes, asking, conditions, dimension, in_order
from regulars.measures.periods import By, periods_between
from regulars.session.session import Session
from regulars.session.traced import traced

#: What is due is shown for so many months or weeks, unless it is said otherwise.
AHEAD = 3


class TrendPoint(Struct, frozen=True, kw_only=True):
    """The counts as of the end of a month or week, `at` its last instant. What `is_due` holds if nothing happens."""

    period: str
    at: datetime
    counts: Mapping[str, int]
    is_due: bool

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts.values())


#: What somebody may have several of at once, so that its counts don't add up to anything.
SEVERAL = frozenset({"segment", "tag"})


class Trend(Struct, frozen=True, kw_only=True):
    """Counts over time of what was `measured`, such as "stage", while `where` holds; `values` are in the rules' order.

    It counts customers, the forgotten too, as `totals` does: with "tag" or "segment" each of theirs, and with "tickets"
    tickets.
    """

    measured: str
    by: By
    where: Mapping[str, str]
    values: tuple[str, ...]
    points: tuple[TrendPoint, ...]

    @property
    def adds_up(self) -> bool:
        """Whether the counts of a point add up to all customers, or tickets, that have any value."""
        return self.measured not in SEVERAL


@traced("trend")
def find_trend(
    session: Session, name: str, by: By, since: date | None, until: date | None, where: Mapping[str, str], axes: Axes
) -> Trend:
    """The counts of a dimension. Raises ValueError for what there is none of, and for periods that can't be."""
    registry = session.store.registry
    projection, column = dimension(registry, name)
    with asking(session, axes) as asked:
        held = conditions(asked, registry, where)
        periods = periods_between(by, since, until, asked.today, after=AHEAD)
        instants = [each.end(asked.zone) for each in periods]
        tables = asked.models.of(projection)
        if not held and column in tables.counted_by:
            counts = totals(asked.models, asked.tx.connection, projection, column, instants)
        else:
            counts = counts_while(asked.models, asked.tx.connection, projection, column, held, instants)
        points = tuple(
            TrendPoint(period=period.name, at=to_datetime(at), counts=as_of, is_due=at > asked.now)
            for period, at, as_of in zip(periods, instants, counts, strict=True)
        )
        values = in_order(asked, name, {value for each in counts for value in each})
    return Trend(measured=name, by=by, where=dict(where), values=values, points=points)
