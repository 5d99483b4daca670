"""What became of a quote? Sent, accepted, declined, or run out with its last day, and what its revision comes to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal, get_args

from msgspec import Struct, field
from msgspec.structs import replace

from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import after_day
from regulars.crm_domain.quote import (
    CHRONOLOGY,
    QuoteAccepted,
    QuoteDeclined,
    QuoteEvent,
    QuoteRevised,
    QuoteSent,
    number_of,
    totals_of,
)
from regulars.projections.engine.projector import Judgement, Key, Projector
from regulars.projections.facts.fact_set import FactSet
from regulars.projections.rules.compiled import Rules

VERSION = 1

QuoteStatus = Literal["sent", "accepted", "declined", "expired"]


class QuoteFacts(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What is known of one quote: its revision in force, what that comes to in minor units, and what came of it."""

    revision: int
    sent_at: int
    net: int
    tax: int
    gross: int
    valid_until: date | None
    opportunity_id: str | None
    firm_id: str | None
    outcome: Literal["accepted", "declined"] | None = None


class Quotes(Struct, array_like=True):
    """What is known of a customer's quotes, by their ids."""

    by_id: dict[str, QuoteFacts] = field(default_factory=dict)


def evolve(facts: Quotes, event: Event, at: int, position: int, identity: int) -> None:
    """Take in an event of a quote. Those of one that wasn't sent are passed over: no decision makes such a history."""
    assert isinstance(event, QuoteEvent)
    known = facts.by_id.get(event.quote_id)
    if known is None and isinstance(event, QuoteSent):
        facts.by_id[event.quote_id] = _offered(event, at, event.opportunity_id, event.firm_id)
    elif known is not None:
        facts.by_id[event.quote_id] = _after(known, event, at)


def _after(known: QuoteFacts, event: QuoteEvent, at: int) -> QuoteFacts:
    if known.outcome == "accepted":  # and is never changed
        return known
    match event:
        case QuoteRevised(revision=revision) if revision > known.revision:
            return _offered(event, at, known.opportunity_id, known.firm_id)
        case QuoteAccepted():
            return replace(
                known,
                revision=event.revision,
                net=event.net,
                tax=event.tax,
                gross=event.gross,
                outcome="accepted",
            )
        case QuoteDeclined():
            return replace(known, outcome="declined")
        case _:
            return known


def _offered(event: QuoteSent | QuoteRevised, at: int, opportunity_id: str | None, firm_id: str | None) -> QuoteFacts:
    found = totals_of(event)
    return QuoteFacts(
        revision=number_of(event),
        sent_at=at,
        net=found.net,
        tax=found.tax,
        gross=found.gross,
        valid_until=event.valid_until,
        opportunity_id=opportunity_id,
        firm_id=firm_id,
    )


class QuoteVerdict(Struct, frozen=True, kw_only=True, gc=False):
    """What a quote is, and what the revision in force, or the accepted one, comes to in minor units.

    `sent_at` is when that was sent, and `valid_until` the instant at which it runs out, or would have.
    """

    value: QuoteStatus
    revision: int
    net: int
    tax: int
    gross: int
    sent_at: int
    valid_until: int | None
    opportunity_id: str | None
    firm_id: str | None


def judge(standing: None, facts: QuoteFacts | None, rules: Rules, at: int, until: int) -> Iterator[Judgement]:
    """What a quote is from an instant on; what is open runs out with its last day."""
    if facts is None:
        return
    over = None if facts.valid_until is None else after_day(facts.valid_until, rules.zone)
    if facts.outcome is not None:
        yield at, None, _verdict(facts, facts.outcome, over)
    elif over is None or at < over:
        yield at, None, _verdict(facts, "sent", over)
        if over is not None and over < until:
            yield over, None, _verdict(facts, "expired", over)
    else:
        yield at, None, _verdict(facts, "expired", over)


def _verdict(facts: QuoteFacts, value: QuoteStatus, over: int | None) -> QuoteVerdict:
    return QuoteVerdict(
        value=value,
        revision=facts.revision,
        net=facts.net,
        tax=facts.tax,
        gross=facts.gross,
        sent_at=facts.sent_at,
        valid_until=over,
        opportunity_id=facts.opportunity_id,
        firm_id=facts.firm_id,
    )


HANDLES: frozenset[type[Event]] = frozenset(get_args(QuoteEvent))

QUOTE_FACTS = FactSet(
    name="quote_facts",
    version=VERSION,
    beginning=Quotes,
    handles=HANDLES,
    order=(QuoteSent, *CHRONOLOGY.order),
    evolve=evolve,
)

QUOTES = Projector(
    name="quotes",
    question="What became of this quote?",
    version=VERSION,
    handles=HANDLES,
    standing=type(None),
    judges_by=("business",),
    judge=judge,
    verdict=QuoteVerdict,
    key=Key(name="quote_id", of=lambda event: event.quote_id, facts=lambda facts, quote_id: facts.by_id.get(quote_id)),
    lists_by=("value", "due"),
    facts=QUOTE_FACTS,
)
