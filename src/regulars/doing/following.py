"""Commands that follow from an event, carried out in its transaction as if somebody had given them with it."""

from __future__ import annotations

from regulars.crm_domain.command import Command, CustomerId
from regulars.crm_domain.customer import LeadQualified, QualifyLead
from regulars.crm_domain.event import Event
from regulars.crm_domain.opportunity import OpenOpportunity
from regulars.doing.unit_of_work import Target, UnitOfWork


def commands_after(work: UnitOfWork, event: Event, command: Command, target: Target) -> tuple[Command, ...]:
    """What follows from an event that a command led to: of a qualified lead, the opportunity that was asked for."""
    if not (isinstance(event, LeadQualified) and isinstance(command, QualifyLead)) or event.opportunity_id is None:
        return ()
    registered = work.state(target).registration
    opportunity = OpenOpportunity(
        customer=CustomerId(target.customer_id),
        opportunity_id=event.opportunity_id,
        pipeline=command.pipeline,
        amount=command.amount,
        title=command.title,
        owner=command.owner,
        source=None if registered is None else registered.source,
        expected_close=command.expected_close,
        occurred_at=command.occurred_at,
        reason=command.reason,
    )
    return (opportunity,)
