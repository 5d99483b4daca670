"""Collecting the page of one customer, in one snapshot: a gatherer for each section."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property, reduce
from typing import TypeVar, cast

from regulars.adapters.log.event_log import Search
from regulars.adapters.read_models.histories import read_facts
from regulars.adapters.read_models.keyed_pages import HeldKey
from regulars.adapters.schema.builds import SCORE
from regulars.adapters.store.transaction import Transaction
from regulars.asking.campaigns import OfferView, view_offer
from regulars.asking.consents import Consents, consents_of
from regulars.asking.contracts import ContractView
from regulars.asking.customers import view_folded
from regulars.asking.desk import Points, TicketView, listed_tickets, tickets_naming, view_points, view_tickets
from regulars.asking.due import view_item
from regulars.asking.employments import Employment, day_of, employments, working_for, works_for
from regulars.asking.firms import Desk
from regulars.asking.on_behalf import (
    OpenOpportunity,
    Selling,
    open_of,
    open_on_behalf,
    together,
    view_contracts,
    view_opportunities,
    view_quotes,
)
from regulars.asking.one_customer import history_of, span, timeline_of
from regulars.asking.quotes import QuoteView
from regulars.asking.reminders import reminders_of
from regulars.asking.tasks import UNSETTLED, TaskView, view_tasks
from regulars.asking.texts import SAID, texts_of
from regulars.asking.views import TICKETS, lanes_in
from regulars.asking.views import Customer as CustomerView
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.customer import CHRONOLOGY, CUSTOMER, Customer, CustomerEvent, PersonalDataErased
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import FOREVER, to_datetime
from regulars.crm_domain.interaction import NoteAdded
from regulars.profile.values import (
    CustomerPage,
    Details,
    Few,
    HeldSegment,
    HeldVerdict,
    Said,
    Standing,
)
from regulars.projections.due_again.projector import DUE_AGAIN
from regulars.projections.engine.fold import Folded, Timelines, by_key, fold_until, verdict_at
from regulars.projections.facts.tickets import SETTLED
from regulars.projections.offers import OFFERS
from regulars.projections.satisfaction.judge import SatisfactionVerdict
from regulars.projections.satisfaction.projector import SATISFACTION
from regulars.projections.segments.projector import SEGMENTS
from regulars.projections.tasks.projector import TASKS
from regulars.projections.verdict import Interval
from regulars.session.instants import instant_of
from regulars.session.session import AnyRules, Session
from regulars.session.traced import traced
from regulars.session.viewpoint import Viewpoint
from regulars.wording.sentences import describe

T = TypeVar("T")

#: So many of each kind are on the page.
SHOWN = 10


class Gathering:
    """What the sections of one page are gathered from: a customer as of an instant, in one snapshot."""

    def __init__(
        self, session: Session, tx: Transaction, viewpoint: Viewpoint, members: tuple[str, ...], at: int | None
    ) -> None:
        self.session, self.tx, self.viewpoint, self.members = session, tx, viewpoint, members
        store, rules = session.store, viewpoint.rules
        self.history = history_of(store, tx, viewpoint, members)
        # What is placed a little ahead of the clock has happened already.
        self.at = max(session.now(), self.history.folded.last_at or 0) if at is None else at
        self.up_to = FOREVER if at is None else at
        self.folded: Folded = self.history.folded
        self.timelines: Timelines = self.history.timelines
        if at is not None and self.history.poison is None:
            known = self.history.happened or read_facts(store, tx.connection, members, rules, viewpoint.until).happened
            self.folded, self.timelines = fold_until(known, rules, at, store.registry.projectors)

    @property
    def until(self) -> int:
        """The last position that was known."""
        return FOREVER if self.viewpoint.until is None else self.viewpoint.until

    @property
    def currency(self) -> str:
        """The store's currency; where it has none, there is no amount."""
        return self.tx.currency or "EUR"

    @cached_property
    def own_events(self) -> list[Recorded[Event]]:
        """The events of the customer's own streams, and of those who were merged into them."""
        return list(self.tx.log.streams(self.members))

    @cached_property
    def selling(self) -> Selling:
        """What is open, and of a firm what others have open in its name."""
        own = open_of(self.history.customer, self.members[0], self.timelines, self.at)
        as_of = None if self.up_to == FOREVER else self.up_to
        return together([own, open_on_behalf(self.session, self.tx, self.viewpoint, self.members, self.at, as_of)])

    def held(self, projection: str) -> dict[str, Interval]:
        """What holds of a projection, by its keys."""
        told = by_key(self.timelines.get(projection, []))
        current = {key: verdict_at(intervals, self.at) for key, intervals in told.items()}
        return {key: held for key, held in current.items() if held is not None and held.verdict is not None}


@traced("page")
def gather_page(
    session: Session,
    who: str | CustomerId,
    as_of: datetime | date | None,
    known_at: datetime | date | None,
    rules: AnyRules | None,
) -> CustomerPage:
    """The page of one customer. Raises NotFound for an unknown one, or where nothing was known of them by then."""
    with session.store.reading() as tx:
        return _gather(session, tx, who, as_of, known_at, rules)


def _gather(
    session: Session,
    tx: Transaction,
    who: str | CustomerId,
    as_of: datetime | date | None,
    known_at: datetime | date | None,
    rules: AnyRules | None,
) -> CustomerPage:
    viewpoint = session.viewpoint(tx, known_at, rules)
    members = session.members(tx, who, viewpoint.until)
    at = None if as_of is None else instant_of(as_of, viewpoint.rules.zone)
    page = Gathering(session, tx, viewpoint, members, at)
    whole = page.history
    customer = view_folded(session, tx, viewpoint, whole, who, page.at)
    return CustomerPage(
        customer_id=customer.id,
        as_of=customer.as_of,
        zone=viewpoint.rules.zone.key,
        currency=tx.currency,
        rules_digest=viewpoint.ruleset.digest(),
        forgotten_at=_forgotten_at(page),
        customer=customer,
        details=_details(page),
        standing=_standing(page),
        consents=_consents(page, customer.ref),
        points=_points(page),
        works_for=tuple(_employments(page, of_firm=False)),
        people=_few(_employments(page, of_firm=True)),
        reminders=_few(reminders_of(session, tx, viewpoint, members, as_of)),
        tasks=_tasks(page),
        tickets=_tickets(page),
        opportunities=_opportunities(page),
        quotes=_quotes(page),
        contracts=_contracts(page),
        offers=_offers(page, customer),
        conversations=_latest(page, SAID),
        notes=_latest(page, (NoteAdded,)),
        timeline=timeline_of(session.store.registry, members[0], whole.folded, whole.timelines),
    )


# ------------------------------------------------------------------------------------------------------ who they are


def _forgotten_at(page: Gathering) -> datetime | None:
    """When they were forgotten. That stands outside what is asked for: what is gone is gone on every day."""
    erased = (each.occurred_at for each in page.own_events if isinstance(each.event, PersonalDataErased))
    found = min(erased, default=None)
    return None if found is None else to_datetime(found)


def _details(page: Gathering) -> Details:
    states = [_state_of(page, each) for each in page.members]
    first = states[0]
    preferences: dict[str, str] = {}
    for state in reversed(states):
        preferences.update(state.preferences.items())
    return Details(
        ref=None if first.registration is None else first.registration.ref,
        name=_first(state.name for state in states),
        email=_first(state.email for state in states),
        phone=_first(state.phone for state in states),
        birthday=next((state.birthday for state in states if state.birthday is not None), None),
        locale=_first(state.locale for state in states),
        status=str(first.status),
        preferences=tuple(sorted(preferences.items())),
    )


def _first(told: Iterable[str | None]) -> str | None:
    return next((each for each in told if each is not None), None)


def _state_of(page: Gathering, customer_id: str) -> Customer:
    """What was known of one identity then. What stands outside time holds from when it is known."""
    known = [
        cast("Recorded[CustomerEvent]", each)
        for each in page.own_events
        if each.stream_id == customer_id
        and each.position <= page.until
        and (each.occurred_at <= page.up_to or not CHRONOLOGY.is_timed(each.event))
    ]
    return reduce(CUSTOMER.evolve, (each.event for each in CHRONOLOGY.in_order(known)), CUSTOMER.initial)


def _consents(page: Gathering, ref: str | None) -> Consents:
    return consents_of(page.members[0], ref, page.own_events, page.session.now(), page.up_to, page.until)


# --------------------------------------------------------------------------------------------------- where they stand


def _standing(page: Gathering) -> Standing:
    said = cast("SatisfactionVerdict | None", _verdict(page, SATISFACTION.name))
    due = sorted(
        (each for each in page.held(DUE_AGAIN.name).values() if each.verdict.value == "due"),
        key=lambda each: (each.valid_from, each.key),
    )
    return Standing(
        verdicts=tuple(_verdicts(page)),
        segments=tuple(_segments(page)),
        nps=None if said is None else said.nps,
        csat=None if said is None else said.csat,
        ask_again_at=None if said is None or said.ask_again_at is None else to_datetime(said.ask_again_at),
        due=tuple(view_item(page.members[0], None, each) for each in due[:SHOWN]),
        due_more=max(0, len(due) - SHOWN),
    )


def _verdict(page: Gathering, projection: str) -> object:
    held = verdict_at(page.timelines.get(projection, []), page.at)
    return None if held is None else held.verdict


def _verdicts(page: Gathering) -> Iterable[HeldVerdict]:
    """The verdict of each lane, since when it has had that value, and the next other one."""
    for lane, projection in lanes_in(page.session.store.registry).items():
        intervals = page.timelines.get(projection, [])
        now = next((n for n, each in enumerate(intervals) if each.valid_from <= page.at < each.valid_to), None)
        if now is None or intervals[now].verdict is None:
            continue
        value, first = intervals[now].verdict.value, now
        while first and intervals[first - 1].verdict is not None and intervals[first - 1].verdict.value == value:
            first -= 1
        later = (each for each in intervals[now + 1 :] if each.verdict is not None and each.verdict.value != value)
        following = next(later, None)
        yield HeldVerdict(
            lane=lane,
            value=value,
            score=getattr(intervals[now].verdict, SCORE, None),
            since=to_datetime(intervals[first].valid_from),
            next=None if following is None else span(following),
        )


def _segments(page: Gathering) -> Iterable[HeldSegment]:
    """The segments that they are in, in the order of the rules."""
    held = page.held(SEGMENTS.name)
    for rule in page.viewpoint.ruleset.segment:
        if rule.id in held:
            interval = held[rule.id]
            until = None if interval.valid_to == FOREVER else to_datetime(interval.valid_to)
            yield HeldSegment(id=rule.id, title=rule.title, since=to_datetime(interval.valid_from), until=until)


def _points(page: Gathering) -> Points | None:
    memberships = tuple(page.folded.facts.memberships.values())
    return view_points(page.members[0], memberships, page.at) if memberships else None


# ------------------------------------------------------------------------------------------------------ what is open


def _few(found: Sequence[T]) -> Few[T]:
    return Few(found=tuple(found[:SHOWN]), more=max(0, len(found) - SHOWN))


def _tickets(page: Gathering) -> Few[TicketView]:
    listed = listed_tickets(by_key(page.timelines[TICKETS]), page.members[0], page.at)
    unsettled = [each for each in listed if each.interval.verdict.status not in SETTLED]
    unsettled.sort(key=lambda each: (FOREVER if each.turns_at is None else each.turns_at, each.key))
    shown = view_tickets(page.session, page.tx, unsettled[:SHOWN], page.viewpoint.rules, page.at, page.until)
    named = tickets_naming(page.session, page.tx, page.members, page.viewpoint.until)
    as_of = None if page.up_to == FOREVER else page.up_to
    desk = Desk(page.session, page.tx, page.viewpoint, page.at, as_of)
    others = sorted(desk.open_on_behalf(page.members[0], named), key=lambda each: each.ticket_id)
    found = (*shown, *others)[:SHOWN]
    return Few(found=found, more=len(unsettled) + len(others) - len(found))


def _tasks(page: Gathering) -> Few[TaskView]:
    unsettled = [each for each in page.held(TASKS.name).values() if each.verdict.value in UNSETTLED]
    unsettled.sort(key=lambda each: (FOREVER if each.verdict.due_at is None else each.verdict.due_at, each.key))
    first = [HeldKey(customer=page.history.customer, customer_id=page.members[0], interval=each) for each in unsettled]
    shown = view_tasks(page.session, page.tx, first[:SHOWN])
    return Few(found=tuple(shown), more=max(0, len(unsettled) - SHOWN))


# ---------------------------------------------------------------------------------------------- firms, and what is sold


def _employments(page: Gathering, *, of_firm: bool) -> list[Employment]:
    """The firms that a person works for, or who works for a firm, on the day of the page."""
    day = day_of(page.at, page.viewpoint.rules.zone)
    asked = working_for if of_firm else works_for
    return list(employments(page.tx, asked(page.session, page.tx, page.viewpoint, page.members, day)))


def _opportunities(page: Gathering) -> Few[OpenOpportunity]:
    found = page.selling.opportunities
    until = page.viewpoint.until
    shown = view_opportunities(page.session, page.tx, page.viewpoint.rules, found[:SHOWN], page.up_to, until)
    return Few(found=shown, more=len(found) - len(shown))


def _quotes(page: Gathering) -> Few[QuoteView]:
    found = page.selling.quotes
    shown = view_quotes(page.tx, page.viewpoint.rules, found[:SHOWN])
    return Few(found=shown, more=len(found) - len(shown))


def _contracts(page: Gathering) -> Few[ContractView]:
    found = page.selling.contracts
    shown = view_contracts(page.tx, page.viewpoint.rules, found[:SHOWN], page.at)
    return Few(found=shown, more=len(found) - len(shown))


def _offers(page: Gathering, customer: CustomerView) -> Few[OfferView]:
    """What became of them in campaigns, the latest first."""
    held = sorted(page.held(OFFERS.name).values(), key=lambda each: (-each.valid_from, each.key))
    shown = [HeldKey(customer=page.history.customer, customer_id=page.members[0], interval=each) for each in held]
    return _few([view_offer(each, customer.ref, customer.name) for each in shown])


# ---------------------------------------------------------------------------------------------------- what was said


def _latest(page: Gathering, types: Sequence[type[Event]]) -> Few[Said]:
    """The latest events of some types, with the words in them."""
    wanted = Search(
        customer_ids=page.members, types=frozenset(types), until=page.up_to, known_until=page.viewpoint.until
    )
    places = page.tx.log.latest(wanted, SHOWN)
    events = {each.position: each for each in page.tx.log.at(position for _, position in places)}
    more = page.tx.log.count(wanted) - len(places)
    fields = texts_of(page.session.store.registry.catalogue)
    return Few(found=tuple(_said(page, events[position], fields) for _, position in places), more=more)


def _said(page: Gathering, recorded: Recorded[Event], fields: Mapping[type[Event], tuple[str, ...]]) -> Said:
    texts = (getattr(recorded.event, name) for name in fields[type(recorded.event)])
    return Said(
        position=recorded.position,
        at=to_datetime(recorded.occurred_at),
        actor=recorded.actor,
        what=describe(recorded.event, page.session.store.registry.catalogue),
        text=next((each for each in texts if isinstance(each, str)), None),
    )
