"""Queries for lists of tickets and for a member's points, as of any day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import date, datetime, timedelta
from functools import partial, reduce
from typing import Literal, cast

from msgspec import Struct
from msgspec.structs import replace

from regulars.adapters.indexes.firms import naming
from regulars.adapters.progress import Progress
from regulars.adapters.read_models.catch_up import events_behind
from regulars.adapters.read_models.histories import read_facts
from regulars.adapters.read_models.keyed_pages import Either, ListedKey, Turning, keyed_page
from regulars.adapters.read_models.pages import changed_among
from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.read_models.service import BREACHED
from regulars.adapters.store.horizon import OpenTransaction
from regulars.adapters.store.transaction import Transaction
from regulars.asking.customers import folded_in
from regulars.asking.employments import members_of_firm
from regulars.asking.listed import families_changed
from regulars.asking.one_customer import history_of, read_contacts
from regulars.asking.paging import MAX_PAGE, Following, Paged
from regulars.asking.views import TICKETS
from regulars.crm_domain import ticket
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.errors import StoreUnusable
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import FOREVER, MICROSECOND, to_datetime
from regulars.crm_domain.membership import Membership, balance
from regulars.crm_domain.ticket import AgentReplied, CustomerReplied, TicketEvent, TicketOpened
from regulars.projections.engine.fold import by_key, fold_until, verdict_at
from regulars.projections.facts.tickets import SETTLED
from regulars.projections.rules.compiled import Rules
from regulars.projections.ticket_queue.judge import TicketVerdict
from regulars.projections.ticket_queue.projector import TICKET_QUEUE
from regulars.projections.verdict import Interval
from regulars.session.freshness import Freshness
from regulars.session.instants import instant_of
from regulars.session.session import AnyRules, Session
from regulars.session.traced import traced
from regulars.session.viewpoint import Viewpoint

_Recorded = Recorded[TicketEvent]


@dataclass(frozen=True, slots=True)
class TicketView:
    """One ticket as of an instant. Clocks are on_time, due_soon, breached, met or late.

    `until` is when this changes by itself, and `breaches_at` when the next clock is breached unless somebody acts.
    `holidays_unknown` are years in which its clocks run whose holidays are to be kept and aren't listed.
    `subject` is None once the customer is forgotten; it, `priority`, `agent` and `topic` are those of the same instant,
    and None where they can't be read. `firm_id` is the firm on whose behalf it was opened, if any. `left` is the time
    until `breaches_at`, in business hours where there are any.
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
    subject: str | None
    priority: str | None
    agent: str | None
    topic: str | None
    holidays_unknown: tuple[int, ...] = ()
    firm_id: CustomerId | None = None
    firm_ref: str | None = None
    left: timedelta | None = None


@dataclass(frozen=True, slots=True)
class TicketPage(Paged[TicketView]):
    """Some tickets, and where to go on: pass `after` to ask for the next page, None where this was the last.

    Iterating a page that `goes_on`, because no `limit` was given, goes through all that follow as well; `len` and
    indexes are about this page alone.

    `behind` and `held_back_by` are those of a page of customers.
    """

    tickets: tuple[TicketView, ...]
    after: str | None
    behind: int = 0
    held_back_by: OpenTransaction | None = None
    goes_on: bool = field(init=False)
    following: InitVar[Following | None] = field(kw_only=True)

    def _items(self) -> tuple[TicketView, ...]:
        return self.tickets


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
    """What is asked of a list of tickets. See Regulars.tickets. `at` is the instant of the pages before."""

    customer: str | CustomerId | None
    status: str | None
    first_response: str | None
    resolution: str | None
    breaching_within: timedelta | None
    as_of: datetime | date | None
    known_at: datetime | date | None
    rules: AnyRules | None
    limit: int
    after: str | None
    freshness: Freshness
    goes_on: bool
    firm: str | CustomerId | None = None
    at: int | None = None


@traced("tickets")
def find_tickets(session: Session, query: TicketQuery, on_progress: Progress | None) -> TicketPage:
    """A page of tickets: those that are stored, and those of customers of whom this process wrote since.

    None of whoever is forgotten by now. Read models are built first where there are none that answer.
    """
    with folded_in(session, query.freshness, query.known_at, query.rules, on_progress) as (tx, viewpoint):
        models, connection = viewpoint.models, tx.connection
        assert models is not None
        at = query.at
        if at is None:
            at = session.now() if query.as_of is None else instant_of(query.as_of, viewpoint.rules.zone)
        until = None
        if query.breaching_within is not None:
            until = min(at + query.breaching_within // MICROSECOND, FOREVER)
        wanted = _wanted(query)
        whose = None if query.customer is None else session.members(tx, query.customer, viewpoint.until)
        families = session.families_written(tx, viewpoint, query.freshness)
        if query.as_of is not None and until is not None:
            known = {each for members in families for each in members}
            families = (*families, *families_changed(models, tx, at, known, "which tickets are late"))
        beside = [each for members in families for each in members]
        firm = () if query.firm is None else members_of_firm(session, tx, query.firm, viewpoint.until)
        named = tickets_naming(session, tx, firm, viewpoint.until) if firm else {}
        numbers = models.numbers(connection, [*beside, *(whose or ()), *firm])
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
            either=Either([numbers[each] for each in firm], named) if firm else None,
        )
        as_of = None if query.as_of is None else at
        if beside:
            gone = tx.forgotten(members[0] for members in families)
            told = (
                each
                for members in families
                if members[0] not in gone
                for each in listed_tickets(ticket_timelines(session, tx, viewpoint, members, as_of), members[0], at)
            )
            some = (each for each in told if whose is None or each.customer_id in whose)
            some = (each for each in some if not firm or each.customer_id in firm or each.key in named)
            found += (each for each in some if _is_wanted(each, wanted, until, query.after))
            found = sorted(found, key=lambda each: each.key)[: query.limit]
        if query.as_of is not None and until is None:
            found = _as_of_then(session, tx, viewpoint, models, found, at)
        now = tx.families((listed.customer_id for listed in found), viewpoint.until)
        found = [replace(listed, customer_id=now.root(listed.customer_id)) for listed in found]
        behind = events_behind(session.store, models, connection, viewpoint.until, beside=beside)
        until = FOREVER if viewpoint.until is None else viewpoint.until
        return TicketPage(
            tickets=view_tickets(session, tx, found, viewpoint.rules, at, until),
            after=found[-1].key if len(found) == query.limit else None,
            behind=behind,
            held_back_by=session.held_back_by(tx, models) if behind else None,
            following=partial(_following, session, replace(query, at=at)) if query.goes_on else None,
        )


def _following(session: Session, query: TicketQuery, after: str) -> TicketPage:
    return find_tickets(session, replace(query, after=after, limit=MAX_PAGE), None)


def _wanted(query: TicketQuery) -> dict[str, tuple[str, ...]]:
    given = {"status": query.status, "first_response": query.first_response, "resolution": query.resolution}
    return {column: (value,) for column, value in given.items() if value is not None}


def _as_of_then(
    session: Session, tx: Transaction, viewpoint: Viewpoint, models: ReadModels, found: list[ListedKey], at: int
) -> list[ListedKey]:
    """Tickets with what was due for them then, as if nothing had happened since."""
    whose = sorted({each.customer_id for each in found})
    families, then = tx.families(whose, models.checkpoint(tx.connection)), dict[str, ListedKey]()
    for each in changed_among(models, tx.connection, whose, at):
        timelines = ticket_timelines(session, tx, viewpoint, families.members(families.root(each)), at)
        then |= {listed.key: listed for listed in listed_tickets(timelines, each, at)}
    return [then.get(each.key, each) for each in found]


def ticket_timelines(
    session: Session, tx: Transaction, viewpoint: Viewpoint, members: tuple[str, ...], as_of: int | None
) -> dict[str, list[Interval]]:
    """A customer's tickets over time, by their ids: of all that is recorded, or as if nothing had happened after an
    instant.
    """
    store = session.store
    if as_of is None:
        return by_key(history_of(store, tx, viewpoint, members).timelines[TICKETS])
    history = read_facts(store, tx.connection, members, viewpoint.rules, viewpoint.until)
    _, timelines = fold_until(history.happened, viewpoint.rules, as_of, (TICKET_QUEUE,))
    return by_key(timelines[TICKETS])


def listed_tickets(timelines: Mapping[str, list[Interval]], customer_id: str, at: int) -> Iterator[ListedKey]:
    """A customer's tickets as of an instant; none of those that were not opened by then."""
    for ticket_id, intervals in timelines.items():
        now = verdict_at(intervals, at)
        if now is not None:
            later = (each for each in intervals if each.valid_from > at)
            breaches = (each.valid_from for each in later if _is_breached(each.verdict, now.verdict))
            yield ListedKey(key=ticket_id, customer_id=customer_id, interval=now, turns_at=min(breaches, default=None))


def _is_breached(later: TicketVerdict, now: TicketVerdict) -> bool:
    """Whether a clock is breached that isn't yet."""
    clocks = ((later.first_response, now.first_response), (later.resolution, now.resolution))
    return any(then == BREACHED != before for then, before in clocks)


def _is_wanted(listed: ListedKey, wanted: Mapping[str, tuple[str, ...]], until: int | None, after: str | None) -> bool:
    verdict = listed.interval.verdict
    values = {
        "status": str(verdict.status),
        "first_response": verdict.first_response,
        "resolution": verdict.resolution,
    }
    is_due = until is None or (listed.turns_at is not None and listed.turns_at <= until)
    is_following = after is None or listed.key > after
    return is_due and is_following and all(values[name] in allowed for name, allowed in wanted.items())


def ticket_events(session: Session, tx: Transaction, ticket_ids: Iterable[str]) -> dict[str, list[_Recorded]]:
    """What happened to some tickets, by their ids, each in the order in which it happened."""
    streams = {session.store.stream_of(ticket.CATEGORY, each): each for each in ticket_ids}
    found: dict[str, list[_Recorded]] = {each: [] for each in streams.values()}
    for recorded in tx.log.streams(streams):
        if isinstance(recorded.event, TicketEvent):
            found[streams[recorded.stream_id]].append(cast("_Recorded", recorded))
    for events in found.values():
        events.sort(key=lambda each: (each.occurred_at, each.position))
    return found


def said_on(events: Iterable[Recorded[Event]]) -> Iterator[tuple[datetime, Literal["customer", "agent"], str | None]]:
    """What was said on a ticket: when, by whom, and the words, None where they aren't written down or are forgotten."""
    for recorded in events:
        match recorded.event:
            case AgentReplied(message=message):
                yield to_datetime(recorded.occurred_at), "agent", message
            case CustomerReplied(message=message):
                yield to_datetime(recorded.occurred_at), "customer", message
            case _:
                pass


def ticket_at(events: Iterable[_Recorded], at: int) -> ticket.Ticket:
    """What is known of a ticket as of an instant, from what happened to it."""
    happened = ticket.CHRONOLOGY.in_order(each for each in events if each.occurred_at <= at)
    return reduce(ticket.TICKET.evolve, (each.event for each in happened), ticket.Ticket())


def tickets_naming(session: Session, tx: Transaction, firm: Sequence[str], until: int | None) -> dict[str, str]:
    """The tickets that were opened on behalf of a firm, or of who is one with it, as far as they were known: by their
    ids, each with its customer's.
    """
    positions = naming(tx.connection, session.store.schema, firm, ticket.CATEGORY, until)
    opened = ((each.event, each.customer_id) for each in tx.log.at(positions))
    return {event.ticket_id: customer_id for event, customer_id in opened if isinstance(event, TicketOpened)}


def _states(
    session: Session, tx: Transaction, ticket_ids: Sequence[str], at: int, until: int
) -> dict[str, ticket.Ticket]:
    """What is known of some tickets as of an instant; nothing of those that can't be read."""
    try:
        told = ticket_events(session, tx, ticket_ids)
        return {key: ticket_at((each for each in told[key] if each.position <= until), at) for key in told}
    except StoreUnusable:  # one that can't be read is no reason to be silent about the others
        if len(ticket_ids) <= 1:
            return dict.fromkeys(ticket_ids, ticket.Ticket())
        return {key: state for each in ticket_ids for key, state in _states(session, tx, [each], at, until).items()}


def view_tickets(
    session: Session, tx: Transaction, found: Sequence[ListedKey], rules: Rules, at: int, until: int = FOREVER
) -> tuple[TicketView, ...]:
    """Tickets as people read them, by what was recorded up to a position."""
    states = _states(session, tx, [each.key for each in found], at, until)
    refs = read_refs(tx, {each.customer_id for each in found}, states.values())
    return tuple(view_ticket(each, refs, states[each.key], rules, at) for each in found)


#: The references of customers, by the ids of survivors and by those that tickets name.
Refs = Mapping[str, tuple[str, str | None]]


def read_refs(tx: Transaction, customer_ids: Iterable[str], states: Iterable[ticket.Ticket]) -> Refs:
    """For some customers, and for firms that some tickets name, the survivor's id and reference."""
    firm_ids = {each.opened.firm_id for each in states if each.opened is not None and each.opened.firm_id is not None}
    families = tx.families(firm_ids)
    roots = {each: each for each in customer_ids} | {each: families.root(each) for each in firm_ids}
    contacts = read_contacts(tx, set(roots.values()))
    return {each: (root, contacts[root].ref) for each, root in roots.items()}


def view_ticket(listed: ListedKey, refs: Refs, state: ticket.Ticket, rules: Rules, at: int) -> TicketView:
    """A ticket as people read it."""
    interval, turns_at = listed.interval, listed.turns_at
    is_settled = interval.verdict.status in SETTLED
    runs_until = state.resolved_at or interval.valid_from if is_settled else max(at, turns_at or at)
    opened_at = runs_until if state.opened is None else state.opened.at
    named = None if state.opened is None else state.opened.firm_id
    firm = None if named is None else refs[named]
    return TicketView(
        ticket_id=listed.key,
        customer_id=CustomerId(listed.customer_id),
        ref=refs[listed.customer_id][1],
        status=str(interval.verdict.status),
        first_response=interval.verdict.first_response,
        resolution=interval.verdict.resolution,
        since=to_datetime(interval.valid_from),
        until=None if interval.valid_to == FOREVER else to_datetime(interval.valid_to),
        breaches_at=None if turns_at is None else to_datetime(turns_at),
        subject=None if state.opened is None else state.opened.subject,
        priority=state.priority,
        agent=state.agent,
        topic=state.topic,
        holidays_unknown=rules.tickets.calendar.unlisted(opened_at, runs_until),
        firm_id=None if firm is None else CustomerId(firm[0]),
        firm_ref=None if firm is None else firm[1],
        left=None if turns_at is None else rules.tickets.calendar.between(at, turns_at) * MICROSECOND,
    )


@traced("points")
def find_points(
    session: Session, who: str | CustomerId, as_of: datetime | date | None, known_at: datetime | date | None
) -> Points:
    """A member's points as of an instant. Raises NotFound."""
    store = session.store
    with store.reading() as tx:
        viewpoint = session.viewpoint(tx, known_at)
        members = session.members(tx, who, viewpoint.until)
        rules = viewpoint.rules
        at = session.now() if as_of is None else instant_of(as_of, rules.zone)
        history = read_facts(store, tx.connection, members, rules, viewpoint.until)
        folded, _ = fold_until(history.happened, rules, at, ())
    return view_points(members[0], tuple(folded.facts.memberships.values()), at)


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
