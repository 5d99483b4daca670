"""RFM: how recently, how often and for how much customers bought, in bands that the asker sets.

Bands are fixed limits and no quintiles: whether somebody bought lately doesn't depend on how others did, and a table of
March can be compared with that of April.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise

from msgspec import Struct

from regulars.adapters.read_models.measuring import spent_by
from regulars.crm_domain.instant import DAY, to_datetime
from regulars.measures.asked import Axes, asking, conditions
from regulars.measures.revenue import money
from regulars.session.instants import instant_of
from regulars.session.session import Session
from regulars.session.traced import traced

#: The last order lies at most so many days back, in each band but the last; and from so many orders on, in each band.
RECENCY = (30, 90, 180, 365)
FREQUENCY = (1, 2, 4, 8)


class RfmCell(Struct, frozen=True, kw_only=True):
    """The customers of one band of recency and one of frequency: how many, and their net spend so far."""

    recency: str
    frequency: str
    customers: int
    net_spend: Decimal

    @property
    def each(self) -> Decimal | None:
        """Their mean net spend, with as many digits as the currency has; None where there are none."""
        return None if not self.customers else (self.net_spend / self.customers).quantize(self.net_spend)


class Rfm(Struct, frozen=True, kw_only=True):
    """Every customer who ever ordered, in bands as of an instant. Days are 86,400 s; orders that came back count.

    `recencies` are from the latest to the longest ago, `frequencies` from one order on; there is a cell for each pair.
    """

    as_of: datetime
    currency: str | None
    where: Mapping[str, str]
    recencies: tuple[str, ...]
    frequencies: tuple[str, ...]
    cells: tuple[RfmCell, ...]

    def cell(self, recency: str, frequency: str) -> RfmCell:
        """The cell of two bands. Raises KeyError for a band that there isn't."""
        found = {(each.recency, each.frequency): each for each in self.cells}
        return found[recency, frequency]


@traced("rfm")
def find_rfm(
    session: Session,
    as_of: datetime | date | None,
    recency: Sequence[int],
    frequency: Sequence[int],
    where: Mapping[str, str],
    axes: Axes,
) -> Rfm:
    """The bands as of an instant. Raises ValueError for limits that don't rise, and for what `where` doesn't take."""
    _require_rising("recency", recency)
    _require_rising("frequency", frequency)
    if frequency[0] != 1:
        raise ValueError(f"the first limit of frequency is 1, as who never ordered isn't counted; found {frequency[0]}")
    with asking(session, axes) as asked:
        at = asked.now if as_of is None else instant_of(as_of, asked.zone)
        held = conditions(asked, session.store.registry, where)
        counts = [[[0, 0] for _ in frequency] for _ in range(len(recency) + 1)]
        limits = [days * DAY for days in recency]
        for each in spent_by(asked.models, asked.tx.connection, held, at):
            assert each.last_order_at is not None
            cell = counts[bisect_left(limits, at - each.last_order_at)][bisect_right(frequency, each.orders) - 1]
            cell[0] += 1
            cell[1] += each.net_spend
        currency = asked.currency
    recencies, frequencies = _recencies(recency), _frequencies(frequency)
    return Rfm(
        as_of=to_datetime(at),
        currency=currency,
        where=dict(where),
        recencies=recencies,
        frequencies=frequencies,
        cells=tuple(
            RfmCell(recency=recent, frequency=often, customers=number, net_spend=money(spend, currency))
            for recent, row in zip(recencies, counts, strict=True)
            for often, (number, spend) in zip(frequencies, row, strict=True)
        ),
    )


def _recencies(limits: Sequence[int]) -> tuple[str, ...]:
    return (*(f"≤ {days} d" for days in limits), f"> {limits[-1]} d")


def _frequencies(limits: Sequence[int]) -> tuple[str, ...]:
    ranges = (str(low) if high == low + 1 else f"{low}–{high - 1}" for low, high in pairwise(limits))
    return (*ranges, f"{limits[-1]}+")


def _require_rising(what: str, limits: Sequence[int]) -> None:
    if not limits or limits[0] < 1 or any(high <= low for low, high in pairwise(limits)):
        raise ValueError(f"the limits of {what} are whole numbers that rise from 1 on, not {list(limits)}")
