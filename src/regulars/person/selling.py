"""The quotes and contracts of one person, as they are told in the export."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from regulars.crm_domain.contract import Contract as ContractState
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.money import exact_price, from_minor_units
from regulars.crm_domain.quote import Offer, QuoteRevised, QuoteSent, number_of, totals_of
from regulars.crm_domain.quote import Quote as QuoteState
from regulars.person.values import Contract, Quote, QuotedLine, QuoteRevision
from regulars.projections.engine.fold import by_key, verdict_at
from regulars.projections.verdict import Interval


def statuses_at(intervals: Iterable[Interval], at: int) -> Mapping[str, str]:
    """What each quote or contract is at an instant, by its id."""
    held = {key: verdict_at(told, at) for key, told in by_key(intervals).items()}
    return {key: each.verdict.value for key, each in held.items() if each is not None}


def quotes_of(
    streams: Iterable[tuple[list[Recorded[Event]], QuoteState]], statuses: Mapping[str, str]
) -> Iterator[Quote]:
    """Quotes with all their revisions, from the events and the state of each stream."""
    for events, state in streams:
        if state.sent is None:
            continue
        offers = [(each.occurred_at, each.event) for each in events if isinstance(each.event, QuoteSent | QuoteRevised)]
        declined = state.declined
        yield Quote(
            quote_id=state.sent.quote_id,
            status=statuses.get(state.sent.quote_id, "sent"),
            revisions=tuple(_revision(at, offer) for at, offer in sorted(offers, key=lambda each: number_of(each[1]))),
            accepted=None if state.accepted is None else state.accepted.revision,
            cause=None if declined is None else declined.cause,
            detail=None if declined is None else declined.detail,
        )


def _revision(at: int, offer: Offer) -> QuoteRevision:
    descriptions = offer.descriptions or [None] * len(offer.lines)
    return QuoteRevision(
        revision=number_of(offer),
        at=to_datetime(at),
        gross=from_minor_units(totals_of(offer).gross, offer.currency),
        currency=offer.currency,
        prices=offer.prices,
        valid_until=offer.valid_until,
        exemption=offer.exemption,
        note=offer.note,
        lines=tuple(
            QuotedLine(
                description=description,
                sku=line.sku,
                quantity=Decimal(line.quantity),
                unit_price=exact_price(line.unit_price, offer.currency),
                tax_rate=Decimal(line.tax_rate),
                amount=from_minor_units(line.amount, offer.currency),
            )
            for line, description in zip(offer.lines, descriptions, strict=True)
        ),
    )


def contracts_of(states: Iterable[ContractState], statuses: Mapping[str, str]) -> Iterator[Contract]:
    """Contracts as they stand."""
    for state in states:
        signed, terms, ended = state.signed, state.terms, state.ended
        if signed is None or terms is None:
            continue
        yield Contract(
            contract_id=signed.contract_id,
            signed_at=to_datetime(signed.at),
            status=statuses.get(signed.contract_id, "upcoming"),
            start=terms.start,
            end=terms.end,
            renewal_months=terms.renewal_months,
            notice_days=terms.notice_days,
            amount=from_minor_units(terms.amount, signed.currency),
            currency=signed.currency,
            subject=signed.subject,
            cause=None if ended is None else ended.cause,
            detail=None if ended is None else ended.detail,
        )
