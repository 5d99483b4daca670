"""The help desk and the points counter: what is asked of tickets and of a member's points, as of any day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from regulars.adapters.catch_up import events_behind
from regulars.adapters.customer_numbers import numbers_of
from regulars.adapters.horizon import OpenTransaction
from regulars.adapters.pages import KeyStanding, Turning, keyed_page
from regulars.adapters.transaction import Transaction
from regulars.answers import history_of, instant_of, read_contacts
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.instant import FOREVER, MICROSECOND, to_datetime
from regulars.crm_domain.membership import Membership, balance
from regulars.freshness import Freshness
from regulars.ground import Ground
from regulars.projections.fold import by_key, verdict_at
from regulars.projections.ticket_queue import TicketVerdict
from regulars.standpoint import Standpoint
from regulars.views import TICKETS

BREACHED = "breached"


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

    `behind` and `held_back_by` are those of a page of customers.
    """

    tickets: tuple[TicketView, ...]
    after: str | None
    behind: int = 0
    held_back_by: OpenTransaction | None = None

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


class TicketQuery(Struct, frozen=True, kw_only=True):
    """What is asked of a list of tickets. See Regulars.tickets."""

    customer: str | CustomerId | None
    status: str | None
    first_response: str | None
    resolution: str | None
    breaching_within: timedelta | None
    as_of: datetime | date | None
    limit: int
    after: str | None
    freshness: Freshness


def find_tickets(ground: Ground, query: TicketQuery) -> TicketPage:
    """A page of tickets: those that are stored, and those of customers of whom this process wrote since."""
    with ground.store.reading() as tx:
        stand = ground.standpoint(tx)
        models, connection = ground.models(tx), tx.connection
        at = ground.now() if query.as_of is None else instant_of(query.as_of, stand.rules.zone)
        until = None
        if query.breaching_within is not None:
            until = min(at + query.breaching_within // MICROSECOND, FOREVER)
        wanted = _wanted(query)
        whose = None if query.customer is None else ground.members(tx, query.customer)
        families = ground.families_written(tx, stand, query.freshness)
        beside = [each for members in families for each in members]
        numbers = numbers_of(connection, ground.store.schema.events, [*beside, *(whose or ())])
        found = keyed_page(
            models,
            connection,
            TICKETS,
            at,
            wanted=wanted,
            customers=None if whose is None else [numbers[each] for each in whose],
            turning=Turning(columns=("first_response", "resolution"), value=BREACHED),
            turning_until=until,
            limit=query.limit,
            after=query.after,
            beside=[numbers[each] for each in beside],
        )
        if beside:
            told = (each for members in families for each in _standings(ground, tx, stand, members, at))
            some = (each for each in told if whose is None or each.customer_id in whose)
            found += (each for each in some if _is_wanted(each, wanted, until, query.after))
            found = sorted(found, key=lambda each: each.key)[: query.limit]
        now = tx.families(standing.customer_id for standing in found)
        found = [replace(standing, customer_id=now.root(standing.customer_id)) for standing in found]
        contacts = read_contacts(tx, {standing.customer_id for standing in found})
        behind = events_behind(ground.store, models, connection, beside=beside)
        return TicketPage(
            tickets=tuple(view_ticket(standing, contacts[standing.customer_id].ref) for standing in found),
            after=found[-1].key if len(found) == query.limit else None,
            behind=behind,
            held_back_by=ground.held_back_by(tx, models) if behind else None,
        )


def _wanted(query: TicketQuery) -> dict[str, tuple[str, ...]]:
    given = {"status": query.status, "first_response": query.first_response, "resolution": query.resolution}
    return {column: (value,) for column, value in given.items() if value is not None}


def _standings(
    ground: Ground, tx: Transaction, stand: Standpoint, members: tuple[str, ...], at: int
) -> Iterator[KeyStanding]:
    """A customer's tickets as of an instant, of all that is recorded; none of those that were not opened by then."""
    timelines = history_of(ground.store, tx, stand, members).timelines
    for ticket_id, intervals in by_key(timelines[TICKETS]).items():
        now = verdict_at(intervals, at)
        if now is not None:
            later = (each for each in intervals if each.valid_from > at)
            breaches = (each.valid_from for each in later if _is_breached(each.verdict, now.verdict))
            yield KeyStanding(key=ticket_id, customer_id=members[0], interval=now, turns_at=min(breaches, default=None))


def _is_breached(later: TicketVerdict, now: TicketVerdict) -> bool:
    """Whether a clock is breached that isn't yet."""
    clocks = ((later.first_response, now.first_response), (later.resolution, now.resolution))
    return any(then == BREACHED != before for then, before in clocks)


def _is_wanted(
    standing: KeyStanding, wanted: Mapping[str, tuple[str, ...]], until: int | None, after: str | None
) -> bool:
    verdict = standing.interval.verdict
    values = {
        "status": str(verdict.status),
        "first_response": verdict.first_response,
        "resolution": verdict.resolution,
    }
    is_due = until is None or (standing.turns_at is not None and standing.turns_at <= until)
    is_following = after is None or standing.key > after
    return is_due and is_following and all(values[name] in allowed for name, allowed in wanted.items())


def view_ticket(standing: KeyStanding, ref: str | None) -> TicketView:
    """A ticket as people read it."""
    interval = standing.interval
    return TicketView(
        ticket_id=standing.key,
        customer_id=CustomerId(standing.customer_id),
        ref=ref,
        status=str(interval.verdict.status),
        first_response=interval.verdict.first_response,
        resolution=interval.verdict.resolution,
        since=to_datetime(interval.valid_from),
        until=None if interval.valid_to == FOREVER else to_datetime(interval.valid_to),
        breaches_at=None if standing.turns_at is None else to_datetime(standing.turns_at),
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
