"""Collecting everything held about one person, in one snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import reduce
from typing import Any, TypeVar, cast

from msgspec import Struct

from regulars.adapters.log.event_log import Search
from regulars.adapters.read_models.histories import read_history
from regulars.adapters.sql.damage import FROM_A_BACKUP, Damaged
from regulars.adapters.store.person import read_command_ids, read_links_of, read_lookup_kinds, read_referrals_of
from regulars.adapters.store.transaction import Transaction
from regulars.adapters.vault.mentions import Names, details_of
from regulars.asking.consents import consents_of
from regulars.asking.desk import said_on, view_points
from regulars.asking.one_customer import explain_customer, timeline_of
from regulars.crm_domain import contract, customer, membership, opportunity, purchase, quote, task, ticket
from regulars.crm_domain.catalogue import Catalogue
from regulars.crm_domain.command import CustomerId, TicketPolicy
from regulars.crm_domain.coupon_code import shown
from regulars.crm_domain.customer import (
    CONTACT_FIELDS,
    PERSON,
    ContactDetailsChanged,
    Customer,
    CustomerRegistered,
    PersonalDataErased,
)
from regulars.crm_domain.customer.employment import EVER, STILL
from regulars.crm_domain.errors import StoreUnusable
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import FOREVER, to_datetime
from regulars.crm_domain.interaction import InteractionRecorded, NoteAdded, SurveyAnswered
from regulars.crm_domain.issued_coupon import CouponIssued
from regulars.crm_domain.money import from_minor_units
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnedTotalRecorded, ReturnRecorded
from regulars.crm_domain.ticket import status_at
from regulars.person.selling import contracts_of, quotes_of, statuses_at
from regulars.person.values import (
    Answer,
    CouponCode,
    Detail,
    Forgotten,
    Identity,
    Interaction,
    Line,
    Membership,
    Merge,
    Message,
    Note,
    Opportunity,
    PersonExport,
    Purchase,
    Return,
    Task,
    Ticket,
    WorksFor,
)
from regulars.projections.contracts import CONTRACTS
from regulars.projections.quotes import QUOTES
from regulars.session.session import Session
from regulars.session.traced import traced

E_co = TypeVar("E_co", bound=Event, covariant=True)


class _Stream(Struct, frozen=True):
    """The events of one stream in order of version, and the state they lead to."""

    customer_id: str
    events: list[Recorded[Event]]
    state: Any


@traced("export person")
def gather(session: Session, who: str | CustomerId) -> PersonExport:
    """Everything held about one person, and about everyone merged with them. Raises NotFound.

    Raises StoreUnusable where an event of theirs can't be read, or a key is missing: an incomplete export would look
    like a complete one.
    """
    with session.store.reading() as tx:
        session.store.access.require_keys()
        return _gather(session, tx, who)


def _gather(session: Session, tx: Transaction, who: str | CustomerId) -> PersonExport:
    store, connection, schema = session.store, tx.connection, session.store.schema
    viewpoint = session.viewpoint(tx)
    members = session.members(tx, who)
    events = list(tx.log.every(Search(customer_ids=members, oldest_first=True)))
    _require_keys(tx, members, events)
    streams = list(_streams(events, store.registry.catalogue))
    history = read_history(store, connection, members, store.registry.plan(viewpoint.rules))
    at = max(session.now(), history.folded.last_at or 0)
    explanation = explain_customer(store, tx, viewpoint, members, at)
    identities = tuple(_identities(tx, session, members, streams))
    memberships = _of(membership.CATEGORY, streams)
    return PersonExport(
        as_of=to_datetime(at),
        zone=viewpoint.rules.zone.key,
        currency=store.currency(connection),
        forgotten=_forgotten(events),
        identities=identities,
        rules_digest=viewpoint.ruleset.digest(),
        verdicts=explanation.verdicts,
        segments=explanation.segments,
        timeline=timeline_of(store.registry, members[0], history.folded, history.timelines),
        parked=explanation.parked,
        consents=consents_of(members[0], identities[0].ref, events, now=at),
        purchases=tuple(_purchases(_of(purchase.CATEGORY, streams))),
        coupons=tuple(map(_coupon, _all(CouponIssued, events))),
        interactions=tuple(map(_interaction, _all(InteractionRecorded, events))),
        answers=tuple(map(_answer, _all(SurveyAnswered, events))),
        notes=tuple(map(_note, _all(NoteAdded, events))),
        tickets=tuple(_tickets(_of(ticket.CATEGORY, streams), session.context(tx).tickets, at)),
        tasks=tuple(_tasks(_of(task.CATEGORY, streams))),
        opportunities=tuple(_opportunities(_of(opportunity.CATEGORY, streams))),
        quotes=tuple(
            quotes_of(
                ((each.events, each.state) for each in _of(quote.CATEGORY, streams)),
                statuses_at(history.timelines[QUOTES.name], at),
            )
        ),
        contracts=tuple(
            contracts_of(
                (each.state for each in _of(contract.CATEGORY, streams)),
                statuses_at(history.timelines[CONTRACTS.name], at),
            )
        ),
        memberships=tuple(map(_membership, memberships)),
        points=view_points(members[0], [each.state for each in memberships], at) if memberships else None,
        merges=tuple(
            Merge(
                customer_id=CustomerId(link.customer_id),
                into_id=CustomerId(link.into_id),
                merged_at=to_datetime(link.merged_at),
                undone_at=_moment(link.undone_at),
            )
            for link in read_links_of(tx, schema, members)
        ),
        referred_at=tuple(map(to_datetime, read_referrals_of(connection, schema, members))),
        rejects=tuple(tx.quarantine.about(Names(details_of(each.event for each in events)))),
        command_ids=tuple(read_command_ids(connection, schema, members)),
        events=tuple(events),
        _catalogue=store.registry.catalogue,
    )


def _require_keys(tx: Transaction, members: Iterable[str], events: Iterable[Recorded[Event]]) -> None:
    """Raise StoreUnusable for a customer who wasn't forgotten and has no key: their personal data would be left out."""
    forgotten = {each.customer_id for each in events if isinstance(each.event, PersonalDataErased)}
    for customer_id in sorted(set(members) - forgotten - tx.remembered(members)):
        raise StoreUnusable(
            f"the key of id:{customer_id} is missing, though they were not forgotten, so their personal data can't be "
            "decrypted; a backup may have the key, and `regulars verify` lists the customers without one"
        )


def _streams(events: Iterable[Recorded[Event]], catalogue: Catalogue) -> Iterator[_Stream]:
    """The streams of some events, but for unexplained ones, in the order in which they begin.

    Within a stream positions grow with versions.
    """
    by_stream: dict[str, list[Recorded[Event]]] = {}
    for recorded in events:
        by_stream.setdefault(recorded.stream_id, []).append(recorded)
    for found in by_stream.values():
        aggregate = catalogue.owners.get(type(found[0].event))
        if aggregate is None:
            continue
        decider = aggregate.decider
        in_order = found if decider.chronology is None else decider.chronology.in_order(found)
        state = reduce(decider.evolve, (recorded.event for recorded in in_order), decider.initial)
        yield _Stream(found[0].customer_id, found, state)


def _of(category: str, streams: Iterable[_Stream]) -> list[_Stream]:
    """The streams of a category, in order of their first event's time."""
    found = (each for each in streams if each.events[0].category == category)
    return sorted(found, key=lambda each: _key(each.events[0]))


def _all(kind: type[E_co], events: Iterable[Recorded[Event]]) -> list[Recorded[E_co]]:
    """The events of a type, in order of time."""
    found = (recorded for recorded in events if isinstance(recorded.event, kind))
    return cast("list[Recorded[E_co]]", sorted(found, key=_key))


def _key(recorded: Recorded[Event]) -> tuple[int, int]:
    return recorded.occurred_at, recorded.position


def _moment(instant: int | None) -> datetime | None:
    return None if instant is None or instant == FOREVER else to_datetime(instant)


# ------------------------------------------------------------------------------------------------------ who they are


def _identities(
    tx: Transaction, session: Session, members: tuple[str, ...], streams: Iterable[_Stream]
) -> Iterator[Identity]:
    own = {each.customer_id: each for each in streams if each.events[0].category == customer.CATEGORY}
    kinds = read_lookup_kinds(tx.connection, session.store.schema, members)
    for customer_id in members:
        if customer_id not in own:
            raise Damaged(f"id:{customer_id} is linked to this customer, and no customer has that id; {FROM_A_BACKUP}")
        yield _identity(own[customer_id], tuple(kinds.get(customer_id, ())))


def _identity(stream: _Stream, lookups: tuple[str, ...]) -> Identity:
    state: Customer = stream.state
    why = state.churn_reason
    registered = next(each for each in stream.events if isinstance(each.event, CustomerRegistered))
    registration = cast("CustomerRegistered", registered.event)
    return Identity(
        id=CustomerId(stream.customer_id),
        ref=registration.ref,
        name=state.name,
        email=state.email,
        phone=state.phone,
        birthday=state.birthday,
        locale=state.locale,
        source=registration.source,
        kind=state.kind or PERSON,
        works_for=tuple(_works_for(state)),
        registered_at=to_datetime(registered.occurred_at),
        status=str(state.status),
        qualified=state.qualified,
        cancelling=state.cancelling,
        owner=state.owner,
        tags=tuple(sorted(state.tags)),
        preferences=tuple(sorted(state.preferences.items())),
        churn_cause=None if why is None else why.cause,
        churn_detail=None if why is None else why.detail,
        details=tuple(_details(stream.events)),
        lookups=lookups,
    )


def _works_for(state: Customer) -> Iterator[WorksFor]:
    for firm_id, spells in sorted(state.employments.items()):
        for each in spells:
            yield WorksFor(
                firm_id=CustomerId(firm_id),
                role=each.role,
                since=None if each.first == EVER else each.first,
                until=None if each.last == STILL else each.last,
            )


def _details(events: Iterable[Recorded[Event]]) -> Iterator[Detail]:
    for recorded in events:
        match recorded.event:
            case CustomerRegistered() as event:
                known = {field: getattr(event, field) for field in ("ref", *CONTACT_FIELDS)}
                given = {field: value for field, value in known.items() if value is not None}
            case ContactDetailsChanged(changed=changed) as event:
                given = {field: getattr(event, field) for field in changed}
            case _:
                continue
        for field, value in given.items():
            yield Detail(field=field, value=value, at=to_datetime(recorded.occurred_at), position=recorded.position)


def _forgotten(events: Iterable[Recorded[Event]]) -> Forgotten | None:
    for recorded in events:
        if isinstance(recorded.event, PersonalDataErased):
            return Forgotten(at=to_datetime(recorded.occurred_at), cause=recorded.event.cause)
    return None


# --------------------------------------------------------------------------------------------------- what they did


def _purchases(streams: Iterable[_Stream]) -> Iterator[Purchase]:
    """The orders that stand. A voided one, and a return whose order is missing, is among the events alone."""
    for stream in streams:
        if stream.state.voided is None:
            for bought in _all(PurchaseRecorded, stream.events):
                yield _purchase(bought, tuple(_returns(stream.events, bought.event.currency)))


def _returns(events: Iterable[Recorded[Event]], currency: str) -> Iterator[Return]:
    """What came back each time; below zero where a later word corrects an earlier one."""
    so_far = 0
    for each in sorted(events, key=_key):
        match each.event:
            case ReturnRecorded(amount=amount, return_id=return_id):
                pass
            case ReturnedTotalRecorded(returned_so_far=total):
                amount, return_id = total - so_far, None
            case _:
                continue
        so_far += amount
        yield Return(at=to_datetime(each.occurred_at), amount=from_minor_units(amount, currency), return_id=return_id)


def _purchase(bought: Recorded[PurchaseRecorded], returns: tuple[Return, ...]) -> Purchase:
    order, currency = bought.event, bought.event.currency
    return Purchase(
        order_id=order.order_id,
        at=to_datetime(bought.occurred_at),
        amount=from_minor_units(order.amount, currency),
        currency=currency,
        channel=order.channel,
        lines=tuple(
            Line(
                sku=line.sku,
                quantity=line.quantity,
                amount=None if line.amount is None else from_minor_units(line.amount, currency),
            )
            for line in order.lines
        ),
        returns=returns,
        coupon=order.coupon,
    )


def _coupon(recorded: Recorded[CouponIssued]) -> CouponCode:
    event = recorded.event
    code = None if event.code is None else shown(event.code)
    return CouponCode(at=to_datetime(recorded.occurred_at), coupon_id=event.coupon_id, code=code)


def _interaction(recorded: Recorded[InteractionRecorded]) -> Interaction:
    event = recorded.event
    return Interaction(
        at=to_datetime(recorded.occurred_at),
        channel=event.channel,
        direction=event.direction,
        summary=event.summary,
        interaction_id=event.interaction_id,
    )


def _answer(recorded: Recorded[SurveyAnswered]) -> Answer:
    event = recorded.event
    return Answer(
        at=to_datetime(recorded.occurred_at),
        survey=event.survey,
        score=event.score,
        comment=event.comment,
        interaction_id=event.interaction_id,
    )


def _note(recorded: Recorded[NoteAdded]) -> Note:
    event = recorded.event
    return Note(at=to_datetime(recorded.occurred_at), text=event.text, interaction_id=event.interaction_id)


def _tasks(streams: Iterable[_Stream]) -> Iterator[Task]:
    for stream in streams:
        added, schedule = stream.state.added, stream.state.schedule
        if added is None:
            continue
        day, at = schedule.due
        yield Task(
            task_id=added.task_id,
            added_at=to_datetime(added.at),
            status=schedule.status,
            what=added.what,
            due=day if at is None else to_datetime(at),
            repeats=None if schedule.repeats is None else task.repeats_in_words(schedule.repeats),
            owner=schedule.owner,
            ticket_id=schedule.ticket_id,
            opportunity_id=schedule.opportunity_id,
        )


def _tickets(streams: Iterable[_Stream], policy: TicketPolicy | None, at: int) -> Iterator[Ticket]:
    for stream in streams:
        state: ticket.Ticket = stream.state
        if state.opened is not None:
            yield _ticket(stream.events, state, state.opened, status_at(state, policy, at))


def _ticket(
    events: Iterable[Recorded[Event]], state: ticket.Ticket, opened: ticket.TicketOpened, status: ticket.TicketStatus
) -> Ticket:
    rated = state.rating
    return Ticket(
        ticket_id=opened.ticket_id,
        opened_at=to_datetime(opened.at),
        status=str(status),
        priority=str(state.priority),
        channel=opened.channel,
        subject=opened.subject,
        topic=state.topic,
        complaint=state.complaint,
        agent=state.agent,
        follows=opened.follows,
        rating=None if rated is None else rated.score,
        comment=None if rated is None else rated.comment,
        messages=tuple(Message(at=said_at, by=by, message=message) for said_at, by, message in said_on(events)),
    )


def _opportunities(streams: Iterable[_Stream]) -> Iterator[Opportunity]:
    for stream in streams:
        state: opportunity.Opportunity = stream.state
        if state.opened is not None:
            yield _opportunity(state, state.opened)


def _opportunity(state: opportunity.Opportunity, opened: opportunity.OpportunityOpened) -> Opportunity:
    amount, currency = state.amount, state.currency
    return Opportunity(
        opportunity_id=opened.opportunity_id,
        opened_at=to_datetime(opened.at),
        status=str(state.status),
        pipeline=opened.pipeline,
        stage=state.stage or opened.stage,
        title=state.title,
        amount=None if amount is None or currency is None else from_minor_units(amount, currency),
        currency=None if amount is None else currency,
        owner=state.owner,
        source=state.source,
        expected_close=state.expected_close,
        firm_id=None if state.firm_id is None else CustomerId(state.firm_id),
        quote_id=state.accepted_quote,
        reason=None if state.lost is None else state.lost.reason,
        detail=None if state.lost is None else state.lost.detail,
    )


def _membership(stream: _Stream) -> Membership:
    state: membership.Membership = stream.state
    override = state.override
    return Membership(
        customer_id=CustomerId(stream.customer_id),
        status=str(state.status),
        program=state.program,
        tier=None if override is None else override.tier,
        tier_until=None if override is None else _moment(override.until),
    )
