"""Identities within one unit of work: references become ids, and customers who were merged are one family."""

from __future__ import annotations

from collections.abc import Iterable

from regulars.adapters.indexes.links import families_of
from regulars.crm_domain.campaign import ChangeCampaign, PlanCampaign
from regulars.crm_domain.command import Command, CustomerId
from regulars.crm_domain.contract import SignContract
from regulars.crm_domain.customer import (
    CUSTOMER,
    FIRM,
    AccountStatus,
    DismissDuplicate,
    EndEmployment,
    MakeReferral,
    MergeCustomers,
    RecordEmployment,
    UndoDismissal,
    VoidEmployment,
)
from regulars.crm_domain.errors import NotFound
from regulars.crm_domain.membership import is_in_force
from regulars.crm_domain.merge import Family
from regulars.crm_domain.offer import AssignOffer, HoldOut
from regulars.crm_domain.opportunity import ChangeOpportunity, OpenOpportunity
from regulars.crm_domain.quote import SendQuote
from regulars.crm_domain.ticket import OpenTicket
from regulars.doing.memberships import own_membership
from regulars.doing.unit_of_work import UnitOfWork


def find(work: UnitOfWork, references: Iterable[str]) -> None:
    """Look up the references that weren't looked up yet."""
    wanted = {each for each in references if not isinstance(each, CustomerId)} - work.pending.sought
    work.pending.sought |= wanted
    if wanted:
        work.pending.ids |= {reference: ids[0] for reference, ids in work.tx.find("ref", wanted).items()}


def known(work: UnitOfWork, reference: str) -> str | None:
    """The customer who has a reference, those registered in this transaction included."""
    if reference not in work.pending.sought:
        find(work, [reference])
    return work.pending.ids.get(reference)


def id_of(work: UnitOfWork, who: CustomerId | str) -> str | None:
    """The customer id of a reference or an id, if it was looked up."""
    return str(who) if isinstance(who, CustomerId) else work.pending.ids.get(who)


def resolve(work: UnitOfWork, who: CustomerId | str) -> str:
    """The customer id of a reference or an id. Raises NotFound."""
    if isinstance(who, CustomerId):
        work.load({who})
        if who not in work.pending.streams:
            raise NotFound(f"no customer has the id {who}")
        return str(who)
    found = known(work, who)
    if found is None:
        raise NotFound(f'no customer has the reference "{who}"')
    return found


def with_ids(work: UnitOfWork, command: Command) -> Command:
    """The command with ids in place of references, where it names two customers, or a firm beside its customer.

    So it is where a campaign names a list of them, and where the id by which somebody was drawn is written down.

    What is said of two alike is said of the one whose id comes first, so that it is kept in one place.
    """
    match command:
        case MakeReferral(customer=customer, referred=other):
            ids = {"customer": customer, "referred": other}
        case MergeCustomers(customer=customer, into=other):
            ids = {"customer": customer, "into": other}
        case RecordEmployment() | EndEmployment() | VoidEmployment():
            ids = {"customer": command.customer, "firm": command.firm}
        case DismissDuplicate(customer=customer, other=other) | UndoDismissal(customer=customer, other=other):
            first, second = sorted((resolve(work, customer), resolve(work, other)))
            ids = {"customer": CustomerId(first), "other": CustomerId(second)}
        case (
            OpenTicket(firm=firm)
            | OpenOpportunity(firm=firm)
            | ChangeOpportunity(firm=firm)
            | SendQuote(firm=firm)
            | SignContract(firm=firm)
        ) if firm is not None:
            ids = {"firm": firm}
        case AssignOffer(customer=customer) | HoldOut(customer=customer):
            ids = {"customer": customer}
        case PlanCampaign(customers=tuple(customers)) | ChangeCampaign(customers=tuple(customers)):
            return command.model_copy(update={"customers": _resolved(work, customers)})
        case _:
            return command
    return command.model_copy(update={name: CustomerId(resolve(work, who)) for name, who in ids.items()})


def _resolved(work: UnitOfWork, customers: tuple[CustomerId | str, ...]) -> tuple[CustomerId, ...]:
    """The ids of many, looked up and loaded in two queries. Raises NotFound."""
    find(work, customers)
    work.load({each for each in customers if isinstance(each, CustomerId)})
    return tuple(CustomerId(resolve(work, each)) for each in customers)


def link(work: UnitOfWork, customer_ids: set[str]) -> None:
    """Read the links (merges) of some customers that weren't read yet."""
    pending = work.pending
    missing = customer_ids - pending.linked
    if missing:
        found = work.tx.links(missing)
        pending.linked |= missing | {*found, *found.values()}
        if not found.keys() <= pending.into.keys():
            pending.into |= {away: into for away, into in found.items() if away not in pending.into}
            pending.families = families_of(pending.into)


def family_of(work: UnitOfWork, customer_id: str) -> tuple[str, ...]:
    """The customers who are merged with a customer, the survivor first."""
    if customer_id not in work.pending.linked:
        link(work, {customer_id})
    return work.pending.families.members(customer_id)


def ever_one_with(work: UnitOfWork, customer_id: str) -> tuple[str, ...]:
    """The customers who are or were merged with a customer, that one's family first."""
    ever = (*work.tx.ever_linked(customer_id), *sorted(work.pending.merged_here))
    return (*family_of(work, customer_id), *ever)


def merging(work: UnitOfWork, customer_id: str) -> Family:
    """The properties of a family that decide whether it may be merged."""
    members = family_of(work, customer_id)
    memberships = (work.state(own_membership(work, each)) for each in members)
    accounts = [work.stream(each, CUSTOMER).state for each in members]
    return Family(
        root_id=members[0],
        is_member=any(is_in_force(state) for state in memberships),
        is_erased=any(state.status is AccountStatus.ERASED for state in accounts),
        is_firm=accounts[0].kind == FIRM,
    )
