"""That whom an event names as a firm is one."""

from __future__ import annotations

from regulars.crm_domain.contract import ContractSigned
from regulars.crm_domain.customer import (
    CUSTOMER,
    FIRM,
    AccountStatus,
    CustomerRegistered,
    EmploymentRecorded,
    KindChanged,
)
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event
from regulars.crm_domain.opportunity import OpportunityChanged, OpportunityOpened
from regulars.crm_domain.quote import QuoteSent
from regulars.crm_domain.ticket import TicketOpened
from regulars.doing.identities import family_of
from regulars.doing.stream import Stream
from regulars.doing.unit_of_work import UnitOfWork


def require_firm(work: UnitOfWork, event: Event, at: int) -> None:
    """Raise Rejected `not_a_firm` where an event names a customer as a firm who is none at its instant, and
    `firm_erased` for one who was forgotten.
    """
    firm_id = firm_named(event)
    if firm_id is not None:
        _require(work.stream(family_of(work, firm_id)[0], CUSTOMER), at)


def firm_named(event: Event) -> str | None:
    """The id of the customer whom an event names as a firm."""
    match event:
        case (
            EmploymentRecorded(firm_id=str(firm_id))
            | TicketOpened(firm_id=str(firm_id))
            | OpportunityOpened(firm_id=str(firm_id))
            | OpportunityChanged(firm_id=str(firm_id))
            | QuoteSent(firm_id=str(firm_id))
            | ContractSigned(firm_id=str(firm_id))
        ):
            return firm_id
        case _:
            return None


def _require(firm: Stream, at: int) -> None:
    if firm.state.status is AccountStatus.ERASED:
        raise Rejected("firm_erased", "this firm was forgotten; nothing more can name it")
    if not _is_firm(firm, at):
        sentence = "whom it names as a firm is a person; ChangeKind says so where that is wrong"
        raise Rejected("not_a_firm", sentence)


def _is_firm(customer: Stream, at: int) -> bool:
    """What a customer is at an instant. What they become later refuses nothing that was so, in whatever order it is
    told.
    """
    kind = None
    for (instant, *_), event in customer.told:
        if isinstance(event, CustomerRegistered) or (isinstance(event, KindChanged) and instant <= at):
            kind = event.kind
    return kind == FIRM
