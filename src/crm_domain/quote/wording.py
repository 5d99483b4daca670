"""How what happened to a quote is told."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.crm_domain.money import from_minor_units
from regulars.crm_domain.quote.decider import (
    Offer,
    Quote,
    QuoteAccepted,
    QuoteDeclined,
    QuoteEvent,
    QuoteRevised,
    QuoteSent,
    totals_of,
)
from regulars.crm_domain.wording import Field, Wording


def what(event: QuoteEvent) -> str:
    """What happened to a quote, in a few words."""
    match event:
        case QuoteSent():
            return f"quote {event.quote_id} of {_amount(event)} sent"
        case QuoteRevised(revision=revision):
            return f"quote {event.quote_id} revised to {_amount(event)}, revision {revision}"
        case QuoteAccepted(revision=revision):
            gross = from_minor_units(event.gross, event.currency)
            return f"quote {event.quote_id} accepted, revision {revision} of {gross} {event.currency}"
        case QuoteDeclined(cause=cause):
            return f"quote {event.quote_id} declined" if cause is None else f"quote {event.quote_id} declined: {cause}"


def deed(event: QuoteEvent, who: str, other: str) -> str:
    """What happened to a quote, as somebody did it."""
    match event:
        case QuoteSent(valid_until=until, opportunity_id=opportunity_id):
            about = "" if opportunity_id is None else f" for opportunity {opportunity_id}"
            valid = "" if until is None else f", valid until {until}"
            return f"sent quote {event.quote_id} of {_amount(event)} to {who}{about}{valid}"
        case QuoteRevised(revision=revision, valid_until=until):
            valid = "" if until is None else f", valid until {until}"
            return f"revised quote {event.quote_id} for {who} to {_amount(event)}, revision {revision}{valid}"
        case QuoteAccepted(revision=revision):
            return f"recorded that {who} accepted revision {revision} of quote {event.quote_id}{_with_it(event)}"
        case QuoteDeclined(cause=cause):
            because = "" if cause is None else f": {cause}"
            return f"recorded that {who} declined quote {event.quote_id}{because}"


def _with_it(event: QuoteAccepted) -> str:
    made = [
        None if event.order_id is None else f"order {event.order_id}",
        None if event.contract_id is None else f"contract {event.contract_id}",
    ]
    named = " and ".join(each for each in made if each is not None)
    return f", as {named}" if named else ""


def _amount(offer: Offer) -> str:
    return f"{from_minor_units(totals_of(offer).gross, offer.currency)} {offer.currency}"


def fields(state: Quote) -> Iterator[Field]:
    """What the audit compares of a quote."""
    offer = state.revisions.get(state.revision)
    yield "quote", _status(state)
    yield "revision", None if offer is None else str(state.revision)
    if offer is None:
        return
    yield "gross", _amount(offer)
    yield "valid until", None if offer.valid_until is None else offer.valid_until.isoformat()
    yield "exemption", offer.exemption
    yield "note", offer.note
    if state.declined is not None:
        yield "cause", state.declined.cause
        yield "detail", state.declined.detail


def _status(state: Quote) -> str | None:
    if state.sent is None:
        return None
    if state.accepted is not None:
        return "accepted"
    return "sent" if state.declined is None else "declined"


WORDING = Wording(what=what, deed=deed, fields=fields)
