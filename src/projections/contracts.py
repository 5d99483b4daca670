"""Is this contract in force? From its first day to its last one, by time alone; one that renews goes on by itself.

What renews is held as one row: the end of its first term and the months of the others. Terms and deadlines for notice
are worked out where somebody asks, so that the future that is stored is finite.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal, get_args

from msgspec import Struct, field
from msgspec.structs import replace

from regulars.crm_domain.contract import CHRONOLOGY, ContractEvent, ContractSigned, Terms, terms_after
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import after_day
from regulars.projections.engine.projector import Judgement, Key, Projector
from regulars.projections.facts.fact_set import FactSet
from regulars.projections.rules.compiled import Rules

VERSION = 1

ContractStatus = Literal["upcoming", "active", "ended"]


class ContractFacts(Struct, frozen=True, array_like=True):
    """What is known of one contract: its terms as they stand, and what it came of."""

    terms: Terms
    quote_id: str | None
    opportunity_id: str | None
    firm_id: str | None


class Contracts(Struct, array_like=True):
    """What is known of a customer's contracts, by their ids."""

    by_id: dict[str, ContractFacts] = field(default_factory=dict)


def evolve(facts: Contracts, event: Event, at: int, position: int, identity: int) -> None:
    """Take in an event of a contract. Those of one that wasn't signed are passed over."""
    assert isinstance(event, ContractEvent)
    known = facts.by_id.get(event.contract_id)
    if known is None and isinstance(event, ContractSigned):
        terms = terms_after(None, event)
        assert terms is not None
        facts.by_id[event.contract_id] = ContractFacts(terms, event.quote_id, event.opportunity_id, event.firm_id)
    elif known is not None and not isinstance(event, ContractSigned):
        terms = terms_after(known.terms, event)
        assert terms is not None
        facts.by_id[event.contract_id] = replace(known, terms=terms)


class ContractVerdict(Struct, frozen=True, kw_only=True, gc=False):
    """Whether a contract is in force, from `starts_at` to just before `ends_at`, which is None where it has no end, as
    where it renews by itself.

    `amount` is what a term is worth, in minor units. What renews has `renewal_months`, and `first_term_ends_at`.
    """

    value: ContractStatus
    starts_at: int
    ends_at: int | None
    amount: int
    first_term_ends_at: int | None
    renewal_months: int | None
    notice_days: int | None
    quote_id: str | None
    opportunity_id: str | None
    firm_id: str | None


def judge(standing: None, facts: ContractFacts | None, rules: Rules, at: int, until: int) -> Iterator[Judgement]:
    """Whether a contract is in force from an instant on, and when that changes by time alone."""
    if facts is None:
        return
    terms = facts.terms
    begins = after_day(terms.start - timedelta(days=1), rules.zone)
    over = None if terms.end is None else after_day(terms.end, rules.zone)
    ends = None if terms.renewal_months is not None else over
    turns: list[tuple[int, ContractStatus]] = []
    if ends is None or begins < ends:
        turns.append((begins, "active"))
    if ends is not None:
        turns.append((ends, "ended"))
    value: ContractStatus = "upcoming"
    for instant, following in turns:
        if instant <= at:
            value = following
    yield at, None, _verdict(facts, value, begins, ends, over)
    for instant, following in turns:
        if at < instant < until:
            yield instant, None, _verdict(facts, following, begins, ends, over)


def _verdict(
    facts: ContractFacts, value: ContractStatus, begins: int, ends: int | None, over: int | None
) -> ContractVerdict:
    return ContractVerdict(
        value=value,
        starts_at=begins,
        ends_at=ends,
        amount=facts.terms.amount,
        first_term_ends_at=over if facts.terms.renewal_months is not None else None,
        renewal_months=facts.terms.renewal_months,
        notice_days=facts.terms.notice_days,
        quote_id=facts.quote_id,
        opportunity_id=facts.opportunity_id,
        firm_id=facts.firm_id,
    )


HANDLES: frozenset[type[Event]] = frozenset(get_args(ContractEvent))

CONTRACT_FACTS = FactSet(
    name="contract_facts",
    version=VERSION,
    beginning=Contracts,
    handles=HANDLES,
    order=(ContractSigned, *CHRONOLOGY.order),
    evolve=evolve,
)


CONTRACTS = Projector(
    name="contracts",
    question="Is this contract in force?",
    version=VERSION,
    handles=HANDLES,
    standing=type(None),
    judges_by=("business",),
    judge=judge,
    verdict=ContractVerdict,
    key=Key(
        name="contract_id",
        of=lambda event: event.contract_id,
        facts=lambda facts, contract_id: facts.by_id.get(contract_id),
    ),
    lists_by=("value", "due"),
    facts=CONTRACT_FACTS,
)
