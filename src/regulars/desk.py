"""The help desk and the points counter: what is asked of tickets and of a member's points, as of any day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.read_models import TicketStanding
from crm_domain.command import CustomerId
from crm_domain.instant import FOREVER, to_datetime
from crm_domain.membership import Membership, balance


@dataclass(frozen=True, slots=True)
class TicketView:
    """One ticket as of an instant. Clocks are on_time, due_soon, breached, met or late.

    `until` is when this changes by itself, and `breaches_at` when the next clock is breached if nobody acts.
    """

    ticket_id: str
    customer_id: CustomerId
    ref: str | None
    status: str
    first_response: str
    resolution: str
    since: datetime
    until: datetime | None
    breaches_at: datetime | None


@dataclass(frozen=True, slots=True)
class TicketPage:
    """Some tickets, and where to go on: pass `after` to ask for the next page, None where this was the last.

    `behind` counts the recorded events that this answer doesn't know of: none, unless the store is read-only.
    """

    tickets: tuple[TicketView, ...]
    after: str | None
    behind: int = 0

    def __iter__(self) -> Iterator[TicketView]:
        return iter(self.tickets)

    def __len__(self) -> int:
        return len(self.tickets)

    def __getitem__(self, index: int) -> TicketView:
        return self.tickets[index]


@dataclass(frozen=True, slots=True)
class PointsLot:
    """Points that came together: how many are left, from when they can be spent, and when they are lost."""

    points: int
    available_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Points:
    """A member's points as of an instant. `balance` is what can be spent, or below zero what is owed."""

    customer_id: CustomerId
    as_of: datetime
    balance: int
    pending: int
    spent: int
    expired: int
    lots: tuple[PointsLot, ...]

    def expiring(self, within: timedelta) -> int:
        """How many of the points left are lost within a time if they aren't spent."""
        return sum(lot.points for lot in self.lots if lot.expires_at <= self.as_of + within)


def view_ticket(standing: TicketStanding, ref: str | None) -> TicketView:
    """A ticket as people read it."""
    interval = standing.interval
    return TicketView(
        ticket_id=standing.ticket_id,
        customer_id=CustomerId(standing.customer_id),
        ref=ref,
        status=str(interval.verdict.status),
        first_response=interval.verdict.first_response,
        resolution=interval.verdict.resolution,
        since=to_datetime(interval.valid_from),
        until=None if interval.valid_to == FOREVER else to_datetime(interval.valid_to),
        breaches_at=None if standing.breaches_at is None else to_datetime(standing.breaches_at),
    )


def view_points(customer_id: str, memberships: Sequence[Membership], at: int) -> Points:
    """A customer's points as people read them, from their memberships as they stood at an instant."""
    found = [balance(state, at) for state in memberships]
    lots = (lot for state in memberships for lot in state.lots.values())
    left = sorted((lot for lot in lots if lot.remaining and lot.expires_at > at), key=lambda lot: lot.expires_at)
    return Points(
        customer_id=CustomerId(customer_id),
        as_of=to_datetime(at),
        balance=sum(each.net for each in found),
        pending=sum(each.pending for each in found),
        spent=sum(each.spent for each in found),
        expired=sum(each.expired for each in found),
        lots=tuple(
            PointsLot(lot.remaining, to_datetime(lot.available_at), to_datetime(lot.expires_at)) for lot in left
        ),
    )
