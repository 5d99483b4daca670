"""What others have open in the name of a firm: opportunities, quotes and contracts, as of any day.

The index of firms says whose events name it; these customers are folded, and what names it then is picked.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import reduce
from types import MappingProxyType
from typing import cast

from msgspec import Struct

from regulars.adapters.indexes.firms import naming
from regulars.adapters.read_models.histories import read_facts
from regulars.adapters.read_models.keyed_pages import HeldKey
from regulars.adapters.store.transaction import Transaction
from regulars.asking.contracts import ContractView, view_contract
from regulars.asking.one_customer import history_of, read_contacts
from regulars.asking.quotes import QuoteView, last_day, view_quote
from regulars.crm_domain import contract, opportunity, quote
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import FOREVER, to_datetime
from regulars.crm_domain.money import from_minor_units
from regulars.projections.contracts import CONTRACTS
from regulars.projections.engine.fold import Timelines, by_key, fold_until, verdict_at
from regulars.projections.pipeline.compiled import BASIS_POINTS
from regulars.projections.pipeline.judge import PipelineVerdict
from regulars.projections.pipeline.projector import PIPELINE
from regulars.projections.pipeline.rules import CLOSED
from regulars.projections.quotes import QUOTES
from regulars.projections.rules.compiled import Rules
from regulars.session.session import Session
from regulars.session.viewpoint import Viewpoint

_SOLD = (PIPELINE, QUOTES, CONTRACTS)
_CATEGORIES = (opportunity.CATEGORY, quote.CATEGORY, contract.CATEGORY)
_OVER = MappingProxyType(
    {
        PIPELINE.name: frozenset(CLOSED),
        QUOTES.name: frozenset({"accepted", "declined", "expired"}),
        CONTRACTS.name: frozenset({"ended"}),
    }
)


class OpenOpportunity(Struct, frozen=True, kw_only=True):
    """An opportunity that is neither won nor lost. Its `probability` is that of the rules, from 0 to 1.

    `amount` is in the store's currency, `entered_at` when it came into its stage. `ref` and `title` are decrypted.
    """

    opportunity_id: str
    customer_id: CustomerId
    ref: str | None
    title: str | None
    pipeline: str
    stage: str
    amount: Decimal
    probability: Decimal
    owner: str | None
    entered_at: datetime
    expected_close: date | None
    is_stale: bool


class Selling(Struct, frozen=True, kw_only=True):
    """What is open at an instant: opportunities that are neither won nor lost, the latest in their stage first; quotes
    without an answer and contracts that haven't ended, what runs out first.
    """

    opportunities: Sequence[HeldKey]
    quotes: Sequence[HeldKey]
    contracts: Sequence[HeldKey]


def open_of(customer: int, customer_id: str, timelines: Timelines, at: int) -> Selling:
    """What one customer has open, of their timelines."""
    found = {each.name: list[HeldKey]() for each in _SOLD}
    for name, held in found.items():
        for intervals in by_key(timelines.get(name, [])).values():
            now = verdict_at(intervals, at)
            if now is not None and now.verdict is not None and now.verdict.value not in _OVER[name]:
                held.append(HeldKey(customer=customer, customer_id=customer_id, interval=now))
    return _in_order(found[PIPELINE.name], found[QUOTES.name], found[CONTRACTS.name])


def together(some: Sequence[Selling]) -> Selling:
    """What several customers have open."""
    return _in_order(
        *([each for one in some for each in getattr(one, name)] for name in ("opportunities", "quotes", "contracts"))
    )


def _in_order(opportunities: list[HeldKey], quotes: list[HeldKey], contracts: list[HeldKey]) -> Selling:
    return Selling(
        opportunities=sorted(opportunities, key=lambda each: (-each.interval.verdict.entered_at, each.interval.key)),
        quotes=sorted(quotes, key=_runs_out),
        contracts=sorted(contracts, key=_runs_out),
    )


def _runs_out(held: HeldKey) -> tuple[int, str]:
    return held.interval.valid_to, held.interval.key


def open_on_behalf(
    session: Session, tx: Transaction, viewpoint: Viewpoint, firm: Sequence[str], at: int, as_of: int | None
) -> Selling:
    """What others have open in the name of a firm, or of who is one with it, but for those who are forgotten by now.

    With `as_of` it is as if nothing had happened after that instant.
    """
    schema = session.store.schema
    positions = [
        each for category in _CATEGORIES for each in naming(tx.connection, schema, firm, category, viewpoint.until)
    ]
    named = {each.customer_id for each in tx.log.at(sorted(positions))}
    families = tx.families(named, viewpoint.until)
    roots = {families.root(each) for each in named} - {firm[0]}
    remembered = sorted(roots - set(tx.forgotten(roots)))
    own = (open_own(session, tx, viewpoint, families.members(root), at, as_of) for root in remembered)
    return together([_of_firm(each, firm) for each in own])


def open_own(
    session: Session, tx: Transaction, viewpoint: Viewpoint, members: tuple[str, ...], at: int, as_of: int | None
) -> Selling:
    """What a customer has open, of the log; with `as_of` as if nothing had happened after that instant."""
    if as_of is None:
        whole = history_of(session.store, tx, viewpoint, members)
        return open_of(whole.customer, members[0], whole.timelines, at)
    history = read_facts(session.store, tx.connection, members, viewpoint.rules, viewpoint.until)
    _, timelines = fold_until(history.happened, viewpoint.rules, as_of, _SOLD)
    return open_of(history.customer, members[0], timelines, at)


def _of_firm(selling: Selling, firm: Collection[str]) -> Selling:
    def theirs(held: Sequence[HeldKey]) -> list[HeldKey]:
        return [each for each in held if each.interval.verdict.firm_id in firm]

    return Selling(
        opportunities=theirs(selling.opportunities),
        quotes=theirs(selling.quotes),
        contracts=theirs(selling.contracts),
    )


# ---------------------------------------------------------------------------------------------------- as people read it


def view_opportunities(
    session: Session, tx: Transaction, rules: Rules, found: Sequence[HeldKey], at: int, until: int | None
) -> tuple[OpenOpportunity, ...]:
    """Open opportunities as people read them, with what they were called at an instant."""
    titles = _titles(session, tx, [each.interval.key for each in found], at, FOREVER if until is None else until)
    contacts, currency = read_contacts(tx, {each.customer_id for each in found}), tx.currency or "EUR"
    return tuple(
        _opportunity(each, contacts[each.customer_id].ref, titles.get(each.interval.key), currency, rules)
        for each in found
    )


def view_quotes(tx: Transaction, rules: Rules, found: Sequence[HeldKey]) -> tuple[QuoteView, ...]:
    """Quotes as people read them."""
    contacts = read_contacts(tx, {each.customer_id for each in found})
    return tuple(view_quote(each, contacts[each.customer_id].ref, tx.currency or "EUR", rules.zone) for each in found)


def view_contracts(tx: Transaction, rules: Rules, found: Sequence[HeldKey], at: int) -> tuple[ContractView, ...]:
    """Contracts as people read them."""
    contacts = read_contacts(tx, {each.customer_id for each in found})
    return tuple(
        view_contract(each, contacts[each.customer_id].ref, tx.currency or "EUR", rules.zone, at) for each in found
    )


def _titles(
    session: Session, tx: Transaction, opportunity_ids: Sequence[str], at: int, until: int
) -> dict[str, str | None]:
    """What opportunities were called then, by their ids."""
    streams = {session.store.stream_of(opportunity.CATEGORY, each): each for each in opportunity_ids}
    told: dict[str, list[Recorded[Event]]] = {}
    for each in tx.log.streams(streams):
        if each.position <= until and each.occurred_at <= at:
            told.setdefault(streams[each.stream_id], []).append(each)
    decider, in_order = opportunity.AGGREGATE.decider, opportunity.CHRONOLOGY.in_order
    states = {
        key: reduce(decider.evolve, (each.event for each in in_order(its)), decider.initial)
        for key, its in told.items()
    }
    return {key: state.title for key, state in states.items()}


def _opportunity(held: HeldKey, ref: str | None, title: str | None, currency: str, rules: Rules) -> OpenOpportunity:
    verdict = cast("PipelineVerdict", held.interval.verdict)
    return OpenOpportunity(
        opportunity_id=held.interval.key,
        customer_id=CustomerId(held.customer_id),
        ref=ref,
        title=title,
        pipeline=verdict.pipeline,
        stage=verdict.value,
        amount=from_minor_units(verdict.amount, currency),
        probability=Decimal(verdict.probability) / BASIS_POINTS,
        owner=verdict.owner,
        entered_at=to_datetime(verdict.entered_at),
        expected_close=last_day(verdict.expected_close, rules.zone),
        is_stale=bool(verdict.is_stale),
    )
