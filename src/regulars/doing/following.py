"""Commands that follow from an event, carried out in its transaction as if somebody had given them with it."""

from __future__ import annotations

from regulars.crm_domain.command import Command, CustomerId
from regulars.crm_domain.contract import SignContract
from regulars.crm_domain.customer import Customer, LeadQualified, QualifyLead, WithdrawConsent
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.money import from_minor_units
from regulars.crm_domain.offer import Unsubscribed
from regulars.crm_domain.opportunity import OpenOpportunity, WinOpportunity
from regulars.crm_domain.purchase import OrderLine, RecordPurchase
from regulars.crm_domain.quote import AcceptQuote, Quote, QuoteAccepted, QuotedLine, stated
from regulars.doing.unit_of_work import Target, UnitOfWork


def commands_after(work: UnitOfWork, event: Event, command: Command, target: Target) -> tuple[Command, ...]:
    """What follows from an event that a command led to: of a qualified lead, the opportunity that was asked for; an
    accepted quote wins its opportunity, and is the order and the contract that were asked for; who unsubscribed no
    longer consents.
    """
    match event, command:
        case LeadQualified(opportunity_id=str(opportunity_id)), QualifyLead():
            return (_opened_by(work.state(target), opportunity_id, command, target),)
        case QuoteAccepted(), AcceptQuote():
            return tuple(_after_acceptance(work.state(target), event, command, target))
        case Unsubscribed(), _:
            return (_withdrawn_by(event, command, target),)
        case _:
            return ()


def _withdrawn_by(event: Unsubscribed, command: Command, target: Target) -> WithdrawConsent:
    return WithdrawConsent(
        customer=CustomerId(target.customer_id),
        channel=event.channel,
        purpose=event.purpose,
        occurred_at=command.occurred_at,
        reason=command.reason,
    )


def _opened_by(lead: Customer, opportunity_id: str, command: QualifyLead, target: Target) -> OpenOpportunity:
    return OpenOpportunity(
        customer=CustomerId(target.customer_id),
        opportunity_id=opportunity_id,
        pipeline=command.pipeline,
        amount=command.amount,
        title=command.title,
        owner=command.owner,
        source=None if lead.registration is None else lead.registration.source,
        expected_close=command.expected_close,
        occurred_at=command.occurred_at,
        reason=command.reason,
    )


def _after_acceptance(quote: Quote, event: QuoteAccepted, command: AcceptQuote, target: Target) -> list[Command]:
    """All that follows is worth what the quote comes to as its prices are stated, net or gross."""
    assert quote.sent is not None
    offer, found = quote.known[event.revision], list[Command]()
    amount = from_minor_units(stated(offer), event.currency)
    at = to_datetime(event.at)
    if quote.sent.opportunity_id is not None:
        found.append(
            WinOpportunity(
                opportunity_id=quote.sent.opportunity_id,
                amount=amount,
                quote_id=event.quote_id,
                occurred_at=at,
                reason=command.reason,
            )
        )
    if command.order_id is not None:
        lines = tuple(_ordered(line, event.currency) for line in offer.lines if line.sku is not None)
        found.append(
            RecordPurchase(
                customer=CustomerId(target.customer_id),
                order_id=command.order_id,
                amount=amount,
                currency=event.currency,
                lines=lines,
                occurred_at=at,
                reason=command.reason,
            )
        )
    if command.contract_id is not None and command.start is not None:
        found.append(
            SignContract(
                customer=CustomerId(target.customer_id),
                contract_id=command.contract_id,
                start=command.start,
                end=command.end,
                renewal_months=command.renewal_months,
                notice_days=command.notice_days,
                amount=amount,
                currency=event.currency,
                quote_id=event.quote_id,
                opportunity_id=quote.sent.opportunity_id,
                firm=None if quote.sent.firm_id is None else CustomerId(quote.sent.firm_id),
                occurred_at=at,
                reason=command.reason,
            )
        )
    return found


def _ordered(line: QuotedLine, currency: str) -> OrderLine:
    """A line of an order; of what isn't whole, such as hours, it is one."""
    assert line.sku is not None
    quantity = int(line.quantity) if line.quantity.isdigit() else 1
    return OrderLine(sku=line.sku, quantity=quantity, amount=from_minor_units(line.amount, currency))
