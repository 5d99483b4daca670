"""What is known of one customer, free of any rule: instants and amounts, never sums over a window.

All projectors read the same facts, so an event is folded once however many verdicts it bears on. The struct is
mutable because a rebuild folds millions of events into it; it never leaves the fold that owns it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import get_args

from msgspec import Struct, field
from msgspec.structs import replace

from regulars.crm_domain import customer, membership, opportunity, purchase, survey, ticket
from regulars.crm_domain.assessment import AssessmentRecorded
from regulars.crm_domain.customer import (
    FIRM,
    PERSON,
    AccountClosed,
    AccountReopened,
    CancellationRequested,
    CancellationWithdrawn,
    CustomerRegistered,
    CustomerTagged,
    CustomerUntagged,
    KindChanged,
    LeadDisqualified,
    LeadQualified,
    OwnerAssigned,
)
from regulars.crm_domain.event import Event
from regulars.crm_domain.interaction import InteractionEvent, InteractionRecorded, SurveyAnswered
from regulars.crm_domain.membership import Membership, MembershipEvent
from regulars.crm_domain.opportunity import OpportunityEvent, OpportunityOpened
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnedTotalRecorded, ReturnRecorded
from regulars.crm_domain.survey import SurveyBounced, SurveyEvent, SurveySent
from regulars.crm_domain.ticket import TicketEvent, TicketOpened, TicketRated
from regulars.projections.facts import opportunities as opportunity_facts
from regulars.projections.facts import tickets as ticket_facts
from regulars.projections.facts.fact_set import FactSet
from regulars.projections.facts.opportunities import OpportunityFacts
from regulars.projections.facts.tickets import TicketFacts, TicketRules

VERSION = 10


class Mark(Struct, frozen=True, array_like=True, gc=False):
    """When something happened, and the position of the event that says so."""

    at: int
    position: int


class Named(Struct, frozen=True, array_like=True, gc=False):
    """A name that was given at an instant, or taken away, and the position of the event that says so."""

    at: int
    position: int
    name: str
    given: bool = True


class Answer(Struct, frozen=True, array_like=True, gc=False):
    """The latest answer to one kind of survey."""

    at: int
    position: int
    score: int


class Asked(Struct, frozen=True, array_like=True, gc=False):
    """A survey by its id: what was asked, and when it was sent, came back undelivered or was answered first.

    It was not `sent` as far as is known where an answer alone names it; `answers` is how many do, and `score` the first
    one's.
    """

    survey: str
    channel: str | None = None
    ticket_id: str | None = None
    sent: Mark | None = None
    bounced: Mark | None = None
    answered: Mark | None = None
    score: int | None = None
    answers: int = 0


class Assessed(Struct, frozen=True, array_like=True, gc=False):
    """The latest word of one kind on the text that was said last: when that was said, and the word."""

    said_at: int
    position: int
    value: str


class Return(Struct, frozen=True, array_like=True, gc=False):
    """Part of an order that came back: the order's index (-1 while its purchase is unknown), and minor units."""

    at: int
    position: int
    order: int
    order_id: str
    amount: int


class Lowered(Struct, frozen=True, array_like=True, gc=False):
    """Minor units of an order, by its index, that had come back in all until a later reading said less."""

    at: int
    until: int
    order: int
    amount: int


class Account(Struct, frozen=True, array_like=True, gc=False):
    """Whether one identity's account is closed, and whether they asked to leave."""

    closed: Mark | None = None
    cancelling: Mark | None = None


class BuyingDays(Struct):
    """What is worked out of the orders by the zone of some rules, as far as anybody asked: the days with an order, in
    order of time and numbered from 0. Never stored.

    Day `n` has the ordinal `ordinals[n]`, the orders from `bounds[n]` up to `bounds[n + 1]`, and the last one at
    `lasts[n]`. `given_back` are the numbers, rising, of the days of which everything came back, unless that `changed`.
    """

    zone: str
    ordinals: list[int] = field(default_factory=list)
    bounds: list[int] = field(default_factory=lambda: [0])
    lasts: list[int] = field(default_factory=list)
    given_back: list[int] = field(default_factory=list)
    changed: bool = True


class ServiceSpans(Struct):
    """What is worked out of tickets by some rules, but for those that `changed` since: what went wrong with each ticket
    and since when that counts, and for each kind of it these instants of all tickets, in order. Never stored.
    """

    by: TicketRules
    changed: set[str]
    of_ticket: dict[str, tuple[tuple[str, int, int], ...]] = field(default_factory=dict)
    since: dict[str, list[int]] = field(default_factory=dict)


class Facts(Struct, array_like=True):
    """One customer's facts. All lists are in order of time; the `order_*` lists run in parallel.

    `order_totals[i]` is what the orders up to and including `i` are worth, less what came back of them, in minor
    units: so any window's spend is a difference of two of them. `returned_orders` holds the indexes, rising, of the
    orders of which everything came back. `returns` hold what counts as come back by now, `lowered` what did before.

    `asked` are surveys by their ids, `unasked` counts the answers that name none, and `assessed` is by kind.

    A customer is one identity, number 0, and after merges several. `accounts` and `memberships` are by identity;
    `closed` and `cancelling` follow from all accounts: a customer has left when every one of them is closed.

    `kinds` are the words on what the survivor is; without one, a person.
    """

    order_instants: list[int] = field(default_factory=list)
    order_positions: list[int] = field(default_factory=list)
    order_ids: list[str] = field(default_factory=list)
    order_amounts: list[int] = field(default_factory=list)
    order_totals: list[int] = field(default_factory=list)
    returned_orders: list[int] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)
    unasked: int = 0
    assessed: dict[str, Assessed] = field(default_factory=dict)
    engagements: list[int] = field(default_factory=list)
    tags: list[Named] = field(default_factory=list)
    owners: list[Named] = field(default_factory=list)
    tickets: dict[str, TicketFacts] = field(default_factory=dict)
    accounts: dict[int, Account] = field(default_factory=dict)
    memberships: dict[int, Membership] = field(default_factory=dict)
    engaged: Mark | None = None
    contacted: Mark | None = None
    qualified: Mark | None = None
    cancelling: Mark | None = None
    closed: Mark | None = None
    source: Named | None = None
    kinds: list[Named] = field(default_factory=list)
    buying_days: BuyingDays | None = None
    service_spans: ServiceSpans | None = None
    registered: Mark | None = None
    disqualified: Named | None = None
    opportunities: dict[str, OpportunityFacts] = field(default_factory=dict)
    lowered: list[Lowered] = field(default_factory=list)


HANDLES: frozenset[type[Event]] = frozenset(
    {
        CustomerRegistered,
        KindChanged,
        LeadQualified,
        LeadDisqualified,
        CustomerTagged,
        CustomerUntagged,
        OwnerAssigned,
        CancellationRequested,
        CancellationWithdrawn,
        AccountClosed,
        AccountReopened,
        PurchaseRecorded,
        ReturnRecorded,
        ReturnedTotalRecorded,
        InteractionRecorded,
        SurveyAnswered,
        AssessmentRecorded,
        *get_args(SurveyEvent),
        *get_args(MembershipEvent),
        *get_args(TicketEvent),
        *get_args(OpportunityEvent),
    }
)

#: At one instant, in this order. What happens to a membership was decided one after the other, and stays so.
ORDER: tuple[type[Event] | frozenset[type[Event]], ...] = (
    CustomerRegistered,
    *customer.CHRONOLOGY.order,
    *purchase.CHRONOLOGY.order,
    SurveySent,
    *survey.CHRONOLOGY.order,
    *get_args(InteractionEvent),
    frozenset(get_args(MembershipEvent)),
    TicketOpened,
    *ticket.CHRONOLOGY.order,
    AssessmentRecorded,
    OpportunityOpened,
    *opportunity.CHRONOLOGY.order,
)


def evolve(facts: Facts, event: Event, at: int, position: int, identity: int = 0) -> None:
    """Take in one event of one of the customer's identities.

    Events come in order of time, and at one instant in ORDER; a return may come before its purchase.
    """
    match event:
        case PurchaseRecorded():
            _add_order(facts, event, at, position)
        case ReturnRecorded():
            _add_return(facts, event, at, position)
        case ReturnedTotalRecorded():
            _add_returned_total(facts, event, at, position)
        case InteractionRecorded(direction="inbound"):
            _engage(facts, at, position)
        case InteractionRecorded():
            facts.contacted = Mark(at, position)
        case SurveyAnswered():
            _engage(facts, at, position)
            facts.answers[event.survey] = Answer(at, position, event.score)
            _take_in_answer(facts, event, at, position)
        case SurveySent() | SurveyBounced():
            _take_in_survey(facts, event, at, position)
        case AssessmentRecorded(kind=kind, said_at=said_at, value=value):
            known = facts.assessed.get(kind)
            if known is None or said_at >= known.said_at:
                facts.assessed[kind] = Assessed(said_at, position, value)
        case CustomerRegistered(source=source, kind=kind):
            if kind == FIRM and identity == 0:
                facts.kinds.append(Named(at, position, kind))
            _engage(facts, at, position)
            facts.registered = facts.registered or Mark(at, position)
            _settle_account(facts, identity, _account(facts, identity))
            if source is not None and (identity == 0 or facts.source is None):
                facts.source = Named(at, position, source)
        case KindChanged(kind=kind):
            if identity == 0:
                facts.kinds.append(Named(at, position, kind))
        case LeadQualified():
            facts.qualified, facts.disqualified = facts.qualified or Mark(at, position), None
        case LeadDisqualified(reason=reason):
            facts.qualified, facts.disqualified = None, Named(at, position, reason)
        case AccountClosed():
            account = _account(facts, identity)
            _settle_account(facts, identity, replace(account, closed=account.closed or Mark(at, position)))
        case AccountReopened():
            if _account(facts, identity).closed:
                _settle_account(facts, identity, Account())
        case CancellationRequested():
            account = _account(facts, identity)
            _settle_account(facts, identity, replace(account, cancelling=account.cancelling or Mark(at, position)))
        case CancellationWithdrawn():
            _settle_account(facts, identity, replace(_account(facts, identity), cancelling=None))
        case CustomerTagged(label=label):
            facts.tags.append(Named(at, position, label))
        case CustomerUntagged(label=label):
            facts.tags.append(Named(at, position, label, given=False))
        case OwnerAssigned(owner=owner):
            facts.owners.append(Named(at, position, owner))
        case _ if isinstance(event, MembershipEvent):
            facts.memberships[identity] = membership.evolve(facts.memberships.get(identity, Membership()), event)
        case _ if isinstance(event, TicketEvent):
            _take_in_ticket(facts, event, at, position)
        case _ if isinstance(event, OpportunityEvent):
            its = facts.opportunities.setdefault(event.opportunity_id, OpportunityFacts())
            opportunity_facts.evolve(its, event, at, position)
        case _:
            pass  # the rest bears on no verdict and on nothing that a card shows


def _account(facts: Facts, identity: int) -> Account:
    return facts.accounts.get(identity, Account())


def _settle_account(facts: Facts, identity: int, account: Account) -> None:
    facts.accounts[identity] = account
    accounts = facts.accounts.values()
    open_ones = [each for each in accounts if each.closed is None]
    facts.closed = None if open_ones else _latest(each.closed for each in accounts)
    facts.cancelling = _latest(each.cancelling for each in open_ones or accounts)


def _latest(marks: Iterable[Mark | None]) -> Mark | None:
    known = [mark for mark in marks if mark is not None]
    return max(known, key=lambda mark: (mark.at, mark.position), default=None)


def kind_at(facts: Facts, at: int) -> str:
    """Whether a customer is a person or a firm at an instant; facts may reach beyond it."""
    return next((named.name for named in reversed(facts.kinds) if named.at <= at), PERSON)


def orders_since(facts: Facts, instant: int) -> int:
    """The index of the first order after an instant: a window that ends at `at` begins with `at` less its length."""
    return bisect_right(facts.order_instants, instant)


def spend_within(facts: Facts, window: int | None, at: int) -> int:
    """Minor units of net spend on the orders of the window that ends at `at`; an order leaves it when it is over."""
    return spend_by(facts, window, at, len(facts.order_totals))


def spend_by(facts: Facts, window: int | None, at: int, count: int) -> int:
    """What `spend_within` gives for the first `count` orders alone."""
    if not count:
        return 0
    first = 0 if window is None else bisect_right(facts.order_instants, at - window, 0, count)
    return facts.order_totals[count - 1] - (facts.order_totals[first - 1] if first else 0)


def _take_in_survey(facts: Facts, event: SurveySent | SurveyBounced, at: int, position: int) -> None:
    known = facts.asked.get(event.survey_id)
    match event:
        case SurveySent(survey=survey, channel=channel, ticket_id=ticket_id):
            if known is None or known.sent is None:
                facts.asked[event.survey_id] = replace(
                    known or Asked(survey), survey=survey, channel=channel, ticket_id=ticket_id, sent=Mark(at, position)
                )
        case SurveyBounced():
            known = known or Asked("")
            facts.asked[event.survey_id] = replace(known, bounced=known.bounced or Mark(at, position))


def _take_in_answer(facts: Facts, event: SurveyAnswered, at: int, position: int) -> None:
    if event.survey_id is None:
        facts.unasked += 1
        return
    known = facts.asked.get(event.survey_id) or Asked(event.survey)
    if known.answered is None:
        known = replace(known, answered=Mark(at, position), score=event.score)
    facts.asked[event.survey_id] = replace(known, answers=known.answers + 1)


def _take_in_ticket(facts: Facts, event: TicketEvent, at: int, position: int) -> None:
    ticket_facts.evolve(facts.tickets.setdefault(event.ticket_id, TicketFacts()), event, position)
    if facts.service_spans is not None:
        facts.service_spans.changed.add(event.ticket_id)
    match event:
        case TicketOpened():
            _engage(facts, at, position)
        case TicketRated(score=score):
            _engage(facts, at, position)
            facts.answers["csat"] = Answer(at, position, score)
        case _:
            pass


def _engage(facts: Facts, at: int, position: int) -> None:
    facts.engaged = facts.contacted = Mark(at, position)
    facts.engagements.append(at)


def _add_order(facts: Facts, event: PurchaseRecorded, at: int, position: int) -> None:
    total = facts.order_totals[-1] if facts.order_totals else 0
    facts.order_instants.append(at)
    facts.order_positions.append(position)
    facts.order_ids.append(event.order_id)
    facts.order_amounts.append(event.amount)
    facts.order_totals.append(total + event.amount)
    index, early = len(facts.order_ids) - 1, facts.returns
    if early and any(each.order_id == event.order_id for each in early):
        facts.returns = []
        for each in early:
            if each.order_id == event.order_id:
                each = replace(each, order=index, amount=min(each.amount, _left_of(facts, index)))
                _take_off(facts, index, each.amount)
            facts.returns.append(each)


def _add_return(facts: Facts, event: ReturnRecorded, at: int, position: int) -> None:
    index = _last_index(facts.order_ids, event.order_id)
    _add_returned(facts, index, event.order_id, event.amount, at, position)


def _add_returned_total(facts: Facts, event: ReturnedTotalRecorded, at: int, position: int) -> None:
    """What came back since the last return that is known; less than that takes off what was said before."""
    index, order_id = _last_index(facts.order_ids, event.order_id), event.order_id
    more = event.returned_so_far - sum(each.amount for each in facts.returns if each.order_id == order_id)
    if more > 0:
        _add_returned(facts, index, order_id, more, at, position)
        return
    if index >= 0:
        _take_off(facts, index, more)
    kept: list[Return] = []
    for each in reversed(facts.returns):
        if each.order_id == order_id and more < 0:
            part = min(each.amount, -more)
            more += part
            if index >= 0:
                facts.lowered.append(Lowered(each.at, at, index, part))
            each = replace(each, amount=each.amount - part)
        if each.amount:
            kept.append(each)
    facts.returns = kept[::-1]


def _add_returned(facts: Facts, index: int, order_id: str, amount: int, at: int, position: int) -> None:
    amount = amount if index < 0 else min(amount, _left_of(facts, index))
    if amount > 0:
        facts.returns.append(Return(at, position, index, order_id, amount))
    if index >= 0:
        _take_off(facts, index, amount)


def _left_of(facts: Facts, index: int) -> int:
    """What an order is worth, less what came back of it."""
    return facts.order_totals[index] - (facts.order_totals[index - 1] if index else 0)


def _take_off(facts: Facts, index: int, amount: int) -> None:
    """Take off so much of an order; below zero, give it back."""
    for i in range(index, len(facts.order_totals)):
        facts.order_totals[i] -= amount
    place = bisect_left(facts.returned_orders, index)
    was_returned = facts.returned_orders[place : place + 1] == [index]
    if was_returned != (_left_of(facts, index) == 0):
        if was_returned:
            del facts.returned_orders[place]
        else:
            facts.returned_orders.insert(place, index)
        if facts.buying_days is not None:
            facts.buying_days.changed = True


def _last_index(ids: list[str], order_id: str) -> int:
    for index in range(len(ids) - 1, -1, -1):
        if ids[index] == order_id:
            return index
    return -1


def _future_changes(facts: Facts) -> int:
    """Orders leave a window one by one, lots begin and expire, clocks of tickets breach and are forgotten, wins leave a
    window.
    """
    lots = sum(len(each.lots) for each in facts.memberships.values())
    return len(facts.order_instants) + 2 * lots + 8 * len(facts.tickets) + len(facts.opportunities)


#: The facts that most projectors share, so that an event is folded once however many verdicts it bears on.
SHARED = FactSet(
    name="facts",
    version=VERSION,
    beginning=Facts,
    handles=HANDLES,
    order=ORDER,
    evolve=evolve,
    future_changes=_future_changes,
)
