"""The query for one opportunity in full: where it stands and why, its stages over time, its events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import reduce
from typing import cast

from regulars.adapters.read_models.histories import read_facts
from regulars.adapters.store.transaction import Transaction
from regulars.asking.audit import AuditEntry, entries_of
from regulars.asking.one_customer import read_clauses, read_contacts
from regulars.asking.views import Clause, Span
from regulars.crm_domain import opportunity
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.errors import NotFound
from regulars.crm_domain.event import Recorded
from regulars.crm_domain.instant import FOREVER, to_datetime
from regulars.crm_domain.money import from_minor_units
from regulars.crm_domain.opportunity import Opportunity, OpportunityEvent
from regulars.projections.engine.fold import by_key, fold_until, verdict_at
from regulars.projections.pipeline.explain import explain
from regulars.projections.pipeline.projector import PIPELINE
from regulars.projections.verdict import Interval
from regulars.session.instants import instant_of
from regulars.session.session import AnyRules, Session
from regulars.session.traced import traced
from regulars.session.viewpoint import Viewpoint


@dataclass(frozen=True, slots=True)
class WholeOpportunity:
    """One opportunity as of an instant, with all that had happened to it by then, oldest first.

    `value` is its stage, or "won" or "lost", since `entered_at`; `probability` is from 0 to 1, by the rules. `amount`
    is in the store's currency, None where none was said. It `is_stale`, or comes to be so at `stale_at` unless
    something happens; None where it won't. `title` and `detail` are None where they weren't given, or were forgotten;
    `reason` is why it was lost. `stages` are over all of time until then; `reasons` say where it stands and what that
    counts.
    """

    opportunity_id: str
    customer_id: CustomerId
    ref: str | None
    as_of: datetime
    pipeline: str
    value: str
    entered_at: datetime
    opened_at: datetime
    title: str | None
    amount: Decimal | None
    currency: str | None
    probability: Decimal
    owner: str | None
    source: str | None
    expected_close: date | None
    firm_id: CustomerId | None
    quote_id: str | None
    reason: str | None
    detail: str | None
    is_stale: bool
    stale_at: datetime | None
    stages: tuple[Span, ...]
    reasons: tuple[Clause, ...]
    events: tuple[AuditEntry, ...]


@traced("opportunity")
def find_opportunity(
    session: Session,
    opportunity_id: str,
    as_of: datetime | date | None,
    known_at: datetime | date | None,
    rules: AnyRules | None,
) -> WholeOpportunity:
    """One opportunity, from a fold of just what had happened by then.

    Raises NotFound where there is none of that id, or it wasn't opened by then.
    """
    with session.store.reading() as tx:
        viewpoint = session.viewpoint(tx, known_at, rules)
        events = _events(session, tx, opportunity_id, viewpoint)
        if not events:
            raise NotFound(f'there is no opportunity "{opportunity_id}"{viewpoint.known_then}')
        zone = viewpoint.rules.zone
        at = max(session.now(), events[-1].occurred_at) if as_of is None else instant_of(as_of, zone)
        return _found(session, tx, viewpoint, opportunity_id, events, at)


def _found(
    session: Session,
    tx: Transaction,
    viewpoint: Viewpoint,
    opportunity_id: str,
    events: list[Recorded[OpportunityEvent]],
    at: int,
) -> WholeOpportunity:
    store = session.store
    members = session.members(tx, CustomerId(events[0].customer_id), viewpoint.until)
    history = read_facts(store, tx.connection, members, viewpoint.rules, viewpoint.until)
    folded, timelines = fold_until(history.happened, viewpoint.rules, at, (PIPELINE,))
    intervals = by_key(timelines[PIPELINE.name]).get(opportunity_id, [])
    held, happened = verdict_at(intervals, at), [each for each in events if each.occurred_at <= at]
    state = _state(happened)
    if held is None or state.opened is None:
        raise NotFound(f'opportunity "{opportunity_id}" was not open yet by {to_datetime(at).isoformat()}')
    verdict, facts = held.verdict, folded.facts.opportunities[opportunity_id]
    stale = next((each.valid_from for each in intervals if each.verdict.is_stale and each.valid_to > at), None)
    currency = store.currency(tx.connection)
    has_amount = state.amount is not None and currency is not None
    return WholeOpportunity(
        opportunity_id=opportunity_id,
        customer_id=CustomerId(members[0]),
        ref=read_contacts(tx, members[:1])[members[0]].ref,
        as_of=to_datetime(at),
        pipeline=verdict.pipeline,
        value=verdict.value,
        entered_at=to_datetime(verdict.entered_at),
        opened_at=to_datetime(verdict.opened_at),
        title=state.title,
        amount=from_minor_units(verdict.amount, currency) if has_amount and currency else None,
        currency=currency,
        probability=Decimal(verdict.probability).scaleb(-4),
        owner=state.owner,
        source=state.source,
        expected_close=state.expected_close,
        firm_id=None if state.firm_id is None else CustomerId(state.firm_id),
        quote_id=state.accepted_quote,
        reason=None if state.lost is None else state.lost.reason,
        detail=None if state.lost is None else state.lost.detail,
        is_stale=bool(verdict.is_stale),
        stale_at=None if stale is None else to_datetime(stale),
        stages=_stages(intervals, at),
        reasons=read_clauses(store, tx, explain(None, facts, viewpoint.rules, at)),
        events=entries_of(tx, store.registry.catalogue, happened),
    )


def _events(
    session: Session, tx: Transaction, opportunity_id: str, viewpoint: Viewpoint
) -> list[Recorded[OpportunityEvent]]:
    """What happened to it, as far as it was known, in order of time."""
    stream = session.store.stream_of(opportunity.CATEGORY, opportunity_id)
    known = (each for each in tx.log.streams([stream]) if viewpoint.knows(each.position))
    found = [cast("Recorded[OpportunityEvent]", each) for each in known if isinstance(each.event, OpportunityEvent)]
    return sorted(found, key=lambda each: (each.occurred_at, each.position))


def _state(happened: Iterable[Recorded[OpportunityEvent]]) -> Opportunity:
    in_order = opportunity.CHRONOLOGY.in_order(happened)
    return reduce(opportunity.OPPORTUNITY.evolve, (each.event for each in in_order), Opportunity())


def _stages(intervals: Iterable[Interval], at: int) -> tuple[Span, ...]:
    """What it was in from when to when, up to an instant; what holds then has no end."""
    found: list[Span] = []
    for each in intervals:
        if each.valid_from <= at:
            value, since = each.verdict.value, to_datetime(each.verdict.entered_at)
            until = None if each.valid_to == FOREVER or each.valid_to > at else to_datetime(each.valid_to)
            if found and (found[-1].value, found[-1].since) == (value, since):
                found.pop()
            found.append(Span(value=value, score=None, since=since, until=until))
    return tuple(found)
