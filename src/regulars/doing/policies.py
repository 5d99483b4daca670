"""Policies: the events that an event of one aggregate causes in others, within the same transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from regulars.adapters.indexes.links import families_of
from regulars.adapters.vault.mentions import Names, details_of
from regulars.crm_domain.command import Command
from regulars.crm_domain.customer import (
    CUSTOMER,
    AccountStatus,
    CustomerMerged,
    MergeUndone,
    PersonalDataErased,
    ReferralMade,
)
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event
from regulars.crm_domain.membership import (
    PointsEarned,
    PointsReversed,
    Terms,
    earn,
    follow_net,
    lot_earned,
    terms_by,
    was_in_force,
)
from regulars.crm_domain.merge import require_mergeable
from regulars.crm_domain.purchase import PurchaseRecorded, PurchaseVoided, ReturnedTotalRecorded, ReturnRecorded
from regulars.doing.identities import ever_one_with, family_of, merging
from regulars.doing.memberships import first_membership
from regulars.doing.orders import placed_in
from regulars.doing.unit_of_work import Target, UnitOfWork


def require_allowed(work: UnitOfWork, event: Event, customer_id: str) -> None:
    """Raise Rejected for a merge of two families that can't be one, for a referral of somebody by themselves, and for a
    forgetting whose reason names one.
    """
    if isinstance(event, ReferralMade) and event.referred_id in family_of(work, customer_id):
        raise Rejected("self_referral", "these two are one customer, who can't refer themselves")
    if isinstance(event, CustomerMerged):
        require_mergeable(merging(work, customer_id), merging(work, event.into_id))
    if isinstance(event, PersonalDataErased) and event.cause is not None:
        _require_nameless(work, event.cause, customer_id)


def _require_nameless(work: UnitOfWork, cause: str, customer_id: str) -> None:
    """Refuse a reason for forgetting that names one of those who are forgotten, by anything they were ever called."""
    family = family_of(work, customer_id)
    said = [draft.event for draft in work.pending.drafts if draft.stream_id in family]
    said += [each.event for each in work.tx.log.contact_events(family)]
    found = Names(details_of(said)).betrayed_by(cause)
    if found is not None:
        sentence = f"why somebody is forgotten is kept in the clear, and must not name them; {found}"
        raise Rejected("names_the_forgotten", sentence)


def move_points(
    work: UnitOfWork,
    event: Event,
    before: Any,
    command: Command,
    target: Target,
    at: int,
    *,
    placed_at: int | None = None,
    terms: Terms | None = None,
) -> None:
    """A purchase earns points; a return or a correction takes them back; `before` is the state before the event.

    An order that is recorded anew was `placed_at` another instant, and earns on the `terms` of its first record.
    """
    if not isinstance(event, PurchaseRecorded | ReturnRecorded | ReturnedTotalRecorded | PurchaseVoided):
        return
    pending = work.pending
    points, digest = pending.context.points, pending.context.rules_digest
    placed_at = at if placed_at is None else placed_at
    moved: tuple[PointsEarned | PointsReversed, ...] = ()
    if isinstance(event, PurchaseRecorded):
        family = family_of(work, target.customer_id)
        to = first_membership(work, target.customer_id, family, lambda state: was_in_force(state, placed_at))
        if not was_in_force(work.state(to), placed_at):
            return
        if terms is None and points is not None:
            terms = terms_by(points, placed_at)
        if terms is not None:
            moved = earn(work.state(to), event, placed_at, at, terms, digest)
    else:
        family = ever_one_with(work, target.customer_id)
        to = membership_that_earned(work, target.customer_id, family, event.order_id, event.number)
        if not was_in_force(work.state(to), placed_in(work, target.stream_id)):
            return
        nets = (before.net, work.state(target).net)
        return_id = event.return_id if isinstance(event, ReturnRecorded) else None
        is_voided = isinstance(event, PurchaseVoided)
        moved = follow_net(work.state(to), before.recorded, nets, return_id, at, digest, correction=is_voided)
    cause = len(pending.drafts) - 1
    for each in moved:
        work.keep(each, command, to, each.at, caused_by=cause)


def membership_that_earned(
    work: UnitOfWork, customer_id: str, family: Iterable[str], order_id: str, number: int
) -> Target:
    """Where an order's points are: where they were earned, also when the customers have been told apart since, and so
    in the membership of one of a `family` of `ever_one_with`.
    """
    return first_membership(work, customer_id, family, lambda state: lot_earned(state, order_id, number) is not None)


def follow_links(work: UnitOfWork, event: Event, command: Command, customer_id: str, at: int) -> None:
    """Apply a merge, its undoing or an erasure to the customers who are merged with a customer."""
    pending = work.pending
    match event:
        case CustomerMerged(into_id=into_id):
            pending.put(pending.into, customer_id, into_id)
            pending.merged_here |= {*family_of(work, customer_id), *family_of(work, into_id)}
            pending.families = families_of(pending.into)
        case MergeUndone():
            pending.drop(pending.into, customer_id)
            pending.families = families_of(pending.into)
        case PersonalDataErased():
            cause = len(pending.drafts) - 1
            for each in family_of(work, customer_id):
                target = Target(stream_id=each, decider=CUSTOMER, customer_id=each)
                if each != customer_id and work.state(target).status is not AccountStatus.ERASED:
                    work.keep(event, command, target, at, caused_by=cause)
        case _:
            pass
