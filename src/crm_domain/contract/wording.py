"""How what happened to a contract is told."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.crm_domain.contract.decider import (
    Contract,
    ContractAmended,
    ContractEnded,
    ContractEvent,
    ContractRenewed,
    ContractSigned,
)
from regulars.crm_domain.money import from_minor_units
from regulars.crm_domain.wording import Field, Wording, listed


def what(event: ContractEvent) -> str:
    """What happened to a contract, in a few words."""
    match event:
        case ContractSigned():
            return f"contract {event.contract_id} signed, {_span(event)}"
        case ContractAmended():
            return f"contract {event.contract_id} amended{_changes(event)}"
        case ContractRenewed(until=until):
            return f"contract {event.contract_id} renewed until {until}"
        case ContractEnded(on=on, cause=cause):
            return f"contract {event.contract_id} ended with {on}" + ("" if cause is None else f": {cause}")


def deed(event: ContractEvent, who: str, other: str) -> str:
    """What happened to a contract, as somebody did it."""
    contract = f"contract {event.contract_id}"
    match event:
        case ContractSigned(quote_id=quote_id, opportunity_id=opportunity_id):
            amount = f"{from_minor_units(event.amount, event.currency)} {event.currency}"
            of = "" if quote_id is None else f", of quote {quote_id}"
            about = "" if opportunity_id is None else f", for opportunity {opportunity_id}"
            return f"signed {contract} of {amount} with {who}, {_span(event)}{of}{about}"
        case ContractAmended():
            return f"amended {contract} with {who}{_changes(event)}"
        case ContractRenewed(until=until):
            return f"renewed {contract} with {who} until {until}"
        case ContractEnded(on=on, cause=cause):
            return f"ended {contract} with {who} on {on}" + ("" if cause is None else f": {cause}")


def _span(event: ContractSigned) -> str:
    until = "without an end" if event.end is None else f"until {event.end}"
    renews = "" if event.renewal_months is None else f", then by {_months(event.renewal_months)}"
    return f"from {event.start} {until}{renews}"


def _changes(event: ContractAmended) -> str:
    amount = None
    if event.amount is not None and event.currency is not None:
        amount = f"worth {from_minor_units(event.amount, event.currency)} {event.currency}"
    renews = event.renewal_months
    said = [
        amount,
        None if event.end is None else f"until {event.end}",
        None if renews is None else f"renewed by {_months(renews)}" if renews else "not renewed",
        None if event.notice_days is None else f"notice {event.notice_days} days before",
    ]
    found = [each for each in said if each is not None]
    return f": {listed(found)}" if found else ""


def _months(count: int) -> str:
    return "1 month" if count == 1 else f"{count} months"


def fields(state: Contract) -> Iterator[Field]:
    """What the audit compares of a contract."""
    terms = state.terms
    if state.signed is None or terms is None:
        yield "contract", None
        return
    yield "contract", "signed" if state.ended is None else "ended"
    yield "start", terms.start.isoformat()
    yield "end", None if terms.end is None else terms.end.isoformat()
    yield "renews", None if terms.renewal_months is None else _months(terms.renewal_months)
    yield "notice", None if terms.notice_days is None else f"{terms.notice_days} days"
    yield "amount", f"{from_minor_units(terms.amount, state.signed.currency)} {state.signed.currency}"
    yield "subject", state.signed.subject
    if state.ended is not None:
        yield "cause", state.ended.cause
        yield "detail", state.ended.detail


WORDING = Wording(what=what, deed=deed, fields=fields)
