"""Queries about one customer: the stored fold, with the events since the checkpoint, in one snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter

from msgspec import Struct

from regulars.adapters.read_models.customer_numbers import BUSINESS
from regulars.adapters.read_models.histories import (
    History,
    Poison,
    read_facts,
    read_history,
    rows_of,
    take_in,
    types_of,
)
from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.schema.builds import SCORE
from regulars.adapters.sql.damage import DamagedReadModels
from regulars.adapters.store.store import Store
from regulars.adapters.store.transaction import Transaction
from regulars.adapters.vault.keyring import MasterKeyChanged
from regulars.asking.views import (
    OPTIONAL_LANES,
    TICKETS,
    Clause,
    EventLine,
    Explanation,
    SegmentView,
    Span,
    Timeline,
    VerdictView,
    lanes_in,
)
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.contact import clean_phone
from regulars.crm_domain.customer import CHRONOLOGY, ContactDetailsChanged, CustomerRegistered
from regulars.crm_domain.errors import NotFound, StoreUnusable
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import FOREVER, to_datetime
from regulars.crm_domain.rulebook import NOBODY
from regulars.projections import open_opportunities
from regulars.projections.contracts import CONTRACTS
from regulars.projections.engine import fold
from regulars.projections.engine.fold import Folded, Timelines
from regulars.projections.open_tickets import combine
from regulars.projections.pipeline.projector import PIPELINE
from regulars.projections.quotes import QUOTES
from regulars.projections.registry import Registry
from regulars.projections.segments.projector import SEGMENTS
from regulars.projections.segments.rules import SegmentRule
from regulars.projections.tasks.lane import combine_tasks
from regulars.projections.tasks.projector import TASKS
from regulars.projections.together import Together, together, worst
from regulars.projections.verdict import Interval, Reason
from regulars.session.session import AnyRules, Session
from regulars.session.traced import traced
from regulars.session.viewpoint import Viewpoint
from regulars.wording.sentences import describe


class Contact(Struct, frozen=True, kw_only=True):
    """How a customer is called and reached today; all None once they are forgotten."""

    ref: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    birthday: str | None = None


def read_contacts(tx: Transaction, customer_ids: Iterable[str]) -> dict[str, Contact]:
    """The contact details of some customers, decrypted; of several, those whose key doesn't open have none.

    Raises MasterKeyChanged where no key does, and for one customer alone.
    """
    contacts = dict.fromkeys(customer_ids, Contact())
    try:
        return _read_contacts(tx, contacts)
    except MasterKeyChanged:
        tx.require_master_unchanged()
        if len(contacts) == 1:
            raise
    except StoreUnusable:  # what one of them said can't be decoded: that is no reason to be silent about the others
        if len(contacts) == 1:
            return contacts
    for each in contacts:
        with suppress(MasterKeyChanged):
            contacts |= read_contacts(tx, [each])
    return contacts


def _read_contacts(tx: Transaction, unknown: Mapping[str, Contact]) -> dict[str, Contact]:
    contacts = dict(unknown)
    for recorded in _in_order_of_time(tx.log.contact_events(contacts)):
        event, known = recorded.event, contacts[recorded.customer_id]
        if isinstance(event, CustomerRegistered):
            known = Contact(
                ref=event.ref, name=event.name, email=event.email, phone=event.phone, birthday=event.birthday
            )
        elif isinstance(event, ContactDetailsChanged):
            known = Contact(
                ref=known.ref,
                name=event.name if "name" in event.changed else known.name,
                email=event.email if "email" in event.changed else known.email,
                phone=event.phone if "phone" in event.changed else known.phone,
                birthday=event.birthday if "birthday" in event.changed else known.birthday,
            )
        contacts[recorded.customer_id] = known
    return contacts


def _in_order_of_time(recorded: Iterable[Recorded[Event]]) -> Iterator[Recorded[Event]]:
    """Events that come customer by customer, each customer's as they happened."""
    for _, theirs in groupby(recorded, key=attrgetter("customer_id")):
        yield from CHRONOLOGY.in_order(theirs)


@traced("find")
def find_customer(session: Session, who: str) -> CustomerId:
    """The id of a customer, found by `id:<32 hexadecimal digits>`, by reference, by e-mail or by phone number, in this
    order.

    Raises NotFound where no customer is found, or several by that e-mail or number.
    """
    with session.store.reading() as tx:
        return _find(session, tx, who)


def _find(session: Session, tx: Transaction, who: str) -> CustomerId:
    if who.startswith("id:"):
        return CustomerId(session.resolve(tx, CustomerId(who.removeprefix("id:"))))
    for kind in _kinds_of(who):
        found = tx.find(kind, [who]).get(who, [])
        families = tx.families(found)
        roots = {families.root(customer_id) for customer_id in found}
        if len(roots) > 1:
            shared = "phone number" if kind == "phone" else "e-mail"
            raise NotFound(f'{len(roots)} customers have the {shared} "{who}"; name one by reference or id')
        if found:
            return CustomerId(found[0] if len(found) == 1 else roots.pop())
    raise NotFound(f'no customer has the reference, e-mail or phone number "{who}"')


def _kinds_of(who: str) -> tuple[str, ...]:
    """The kinds of look-ups that a text may be."""
    with suppress(ValueError):
        clean_phone(who)
        return ("ref", "email", "phone")
    return ("ref", "email")


@traced("business timeline")
def business_timeline(session: Session, known_at: datetime | date | None, rules: AnyRules | None) -> Timeline:
    """The business's own timeline, from the events that belong to no customer."""
    with session.store.reading() as tx:
        history = history_of(session.store, tx, session.viewpoint(tx, known_at, rules), (NOBODY,))
    return timeline_of(session.store.registry, NOBODY, history.folded, history.timelines)


class Holding(Struct, frozen=True, kw_only=True):
    """What is asked of a customer where not all intervals are: those of `shown` projections that hold `at` an instant,
    which may depend on the fold.
    """

    shown: tuple[str, ...]
    at: Callable[[Folded], int]


def history_of(
    store: Store, tx: Transaction, viewpoint: Viewpoint, members: tuple[str, ...], holding: Holding | None = None
) -> History:
    """One customer's whole fold: what is stored, and what has come since the checkpoint, without writing anything.

    `members` are the customer and those who were merged into them. The events themselves are in it only where nothing
    stored was of use. Of intervals there are at least those that are asked for by `holding`, by default all.
    """
    connection, models = tx.connection, viewpoint.models
    if models is None:
        return read_history(store, connection, members, store.registry.plan(viewpoint.rules), viewpoint.until)
    plan = models.plan(viewpoint.rules) if models.has_all else store.registry.plan(viewpoint.rules)
    checkpoint, customer_id = models.checkpoint(connection), members[0]
    customer = models.numbers(connection, [customer_id]).get(customer_id, BUSINESS)
    pending = rows_of(store, connection, members, after=checkpoint)
    needed = plan.needed_by(plan.minding(types_of(store, pending))) if pending else frozenset[str]()
    stored = models.load(connection, [customer], needed)
    folded = models.opened(stored, customer, needed) if stored else None
    if (
        not models.has_all
        or folded is None
        or tx.is_relinked(members, after=checkpoint)
        or models.parked(connection, [customer_id])
    ):
        return read_history(store, connection, members, plan)
    newer = take_in(store, folded, pending, members, plan) if pending else {}
    if newer is None:
        return read_history(store, connection, members, plan)
    try:
        timelines = _joined(models, tx, customer, folded, newer, holding)
    except DamagedReadModels:  # the log says it all the same
        return read_history(store, connection, members, plan)
    return History(members=members, customer=customer, happened=[], folded=folded, timelines=timelines)


def _joined(
    models: ReadModels,
    tx: Transaction,
    customer: int,
    folded: Folded,
    newer: Timelines,
    holding: Holding | None,
) -> Timelines:
    """The stored intervals of a customer and newer ones: all, or at least those that are asked for.

    Raises DamagedReadModels where a stored one can't be read.
    """
    if holding is not None:
        at = holding.at(folded)
        if not newer:
            return models.holding(tx.connection, customer, holding.shown, at)
        as_stored = [name for name in holding.shown if not newer[name]]
        if all(name in as_stored or fold.verdict_at(newer[name], at) for name in holding.shown):
            return newer | models.holding(tx.connection, customer, as_stored, at)
    timelines = models.intervals(tx.connection, customer)
    return {name: fold.joined(timelines[name], newer[name]) for name in timelines} if newer else timelines


def explain_customer(
    store: Store, tx: Transaction, viewpoint: Viewpoint, members: tuple[str, ...], at: int
) -> Explanation:
    """Every verdict as of an instant, from a fold of just what had happened by then."""
    # What is stored says what keeps them from being folded on: it needn't be found out by a fold of everything.
    history = history_of(store, tx, viewpoint, members, Holding(shown=(), at=lambda folded: at))
    happened = history.happened or read_facts(store, tx.connection, members, viewpoint.rules, viewpoint.until).happened
    _, explained = fold.explain(happened, viewpoint.rules, at, store.registry.projectors)
    lanes = lanes_in(store.registry)
    lines = _lines(store, tx, (reason for each in explained for reason in each.reasons))
    verdicts = {each.projection: each for each in explained}
    segments = {each.key: each for each in explained if each.projection == SEGMENTS.name}
    return Explanation(
        customer_id=CustomerId(members[0]),
        as_of=to_datetime(at),
        verdicts=tuple(_verdict(lane, verdicts[name], lines) for lane, name in lanes.items() if name in verdicts),
        parked=None if history.poison is None else describe_poison(history.poison),
        segments=tuple(
            _segment(each, segments[each.id], lines) for each in viewpoint.ruleset.segment if each.id in segments
        ),
    )


def _lines(store: Store, tx: Transaction, reasons: Iterable[Reason]) -> dict[int, EventLine]:
    """The events behind some reasons, by their positions."""
    return {
        recorded.position: EventLine(
            position=recorded.position,
            occurred_at=to_datetime(recorded.occurred_at),
            what=describe(recorded.event, store.registry.catalogue),
        )
        for recorded in tx.log.at(sorted({position for reason in reasons for position in reason.positions}))
    }


def read_clauses(store: Store, tx: Transaction, reasons: Sequence[Reason]) -> tuple[Clause, ...]:
    """Reasons as people read them, with the events behind each."""
    lines = _lines(store, tx, reasons)
    return tuple(_clause(reason, lines) for reason in reasons)


def _clause(reason: Reason, lines: Mapping[int, EventLine]) -> Clause:
    return Clause(
        id=reason.clause,
        sentence=reason.sentence,
        contribution=reason.contribution,
        events=tuple(lines[position] for position in reason.positions),
        holds=reason.holds,
    )


def describe_parked(poison: Poison) -> str:
    """Who is parked, and by what, as a sentence."""
    return f"id:{poison.customer_id}: event #{poison.position} ({poison.type}) can't be folded ({poison.reason})"


def describe_poison(poison: Poison) -> str:
    """What keeps a customer from being folded on, as a sentence."""
    return (
        f"event #{poison.position} ({poison.type}) can't be folded ({poison.reason}); "
        "what is said here is what was known before it"
    )


def _verdict(lane: str, explained: fold.Explanation, lines: dict[int, EventLine]) -> VerdictView:
    following = None if explained.next_change is None else span(explained.next_change)
    return VerdictView(
        lane=lane,
        value=explained.verdict.value,
        score=getattr(explained.verdict, SCORE, None),
        since=to_datetime(explained.since),
        until=None if following is None else following.since,
        reasons=_clauses(explained, lines),
        next=following,
    )


def _clauses(explained: fold.Explanation, lines: Mapping[int, EventLine]) -> tuple[Clause, ...]:
    return tuple(_clause(reason, lines) for reason in explained.reasons)


def _segment(rule: SegmentRule, explained: fold.Explanation, lines: Mapping[int, EventLine]) -> SegmentView:
    following = explained.next_change
    return SegmentView(
        id=rule.id,
        title=rule.title,
        inside=explained.verdict is not None,
        since=to_datetime(explained.since),
        until=None if following is None else to_datetime(following.valid_from),
        clauses=_clauses(explained, lines),
    )


def timeline_of(registry: Registry, customer_id: str, folded: Folded, timelines: Timelines) -> Timeline:
    """The lanes of one customer, from the verdicts' intervals and those of each ticket."""
    there = {lane: name for lane, name in lanes_in(registry).items() if name in timelines}
    shown = {lane: name for lane, name in there.items() if timelines[name] or lane not in OPTIONAL_LANES}
    lanes = {lane: _spans(timelines[name]) for lane, name in shown.items()}
    orders = tuple(to_datetime(instant) for instant in folded.facts.order_instants)
    tickets = fold.by_key(timelines[TICKETS]).values()
    tasks = fold.by_key(timelines[TASKS.name]).values()
    opportunities = fold.by_key(timelines[PIPELINE.name]).values()
    return Timeline(
        customer_id=CustomerId(customer_id),
        lanes=lanes,
        orders=orders,
        tickets=tuple(map(_span_of, combine(tickets))),
        tasks=tuple(map(_span_of, combine_tasks(tasks))),
        opportunities=tuple(map(_span_of, open_opportunities.combine(opportunities))),
        quotes=tuple(map(_span_of, _together(timelines, QUOTES.name, "sent"))),
        contracts=tuple(map(_span_of, _together(timelines, CONTRACTS.name, "active", "upcoming"))),
    )


def _together(timelines: Timelines, projection: str, *first: str) -> list[Together]:
    """The first of some values that any of a projection's keys has, in order of time."""
    return together(fold.by_key(timelines[projection]).values(), attrgetter("value"), worst(*first))


def _span_of(each: Together) -> Span:
    return _span(each.value, None, each.valid_from, each.valid_to)


def _spans(intervals: Iterable[Interval]) -> tuple[Span, ...]:
    """Intervals as people read them: neighbours of one value and score are one span, whatever else they have."""
    found: list[Span] = []
    for each in map(span, intervals):
        last = found[-1] if found else None
        if last is not None and (last.until, last.value, last.score) == (each.since, each.value, each.score):
            found[-1] = replace(last, until=each.until)
        else:
            found.append(each)
    return tuple(found)


def span(interval: Interval) -> Span:
    """An interval as people read it."""
    score = getattr(interval.verdict, SCORE, None)
    return _span(interval.verdict.value, score, interval.valid_from, interval.valid_to)


def _span(value: str, score: int | None, valid_from: int, valid_to: int) -> Span:
    until = None if valid_to == FOREVER else to_datetime(valid_to)
    return Span(value=value, score=score, since=to_datetime(valid_from), until=until)
