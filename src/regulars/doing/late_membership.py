"""A membership that is told late: orders that were placed while it was in force earn what they would have."""

from __future__ import annotations

from collections.abc import Iterable

from regulars.adapters.log.event_log import Search
from regulars.crm_domain.command import Command
from regulars.crm_domain.event import Event
from regulars.crm_domain.membership import (
    MembershipEnrolled,
    MembershipResumed,
    earn,
    follow_net,
    lot_earned,
    terms_by,
)
from regulars.crm_domain.purchase import PURCHASE, Purchase, PurchaseRecorded
from regulars.doing.corrections import stream_of_record
from regulars.doing.identities import family_of
from regulars.doing.policies import ever_one_with, membership_that_earned
from regulars.doing.unit_of_work import Target, UnitOfWork

#: When an order was placed, its id, and the number of its record.
_Placed = tuple[int, str, int]


def earn_late(work: UnitOfWork, event: Event, command: Command, target: Target, cause: int) -> None:
    """After a membership began, or went on: what orders earn that were placed since and are known already.

    `cause` is the index of that event's draft.
    """
    points, digest = work.pending.context.points, work.pending.context.rules_digest
    if points is None or command.occurred_at is None or not isinstance(event, MembershipEnrolled | MembershipResumed):
        return
    orders = _placed_since(work, family_of(work, target.customer_id), event.at)
    work.load({stream_of_record(work, order_id, number) for _, order_id, number in orders})
    ever = ever_one_with(work, target.customer_id)
    for placed_at, order_id, number in orders:
        state: Purchase = work.stream(stream_of_record(work, order_id, number), PURCHASE).state
        earned_in = membership_that_earned(work, target.customer_id, ever, order_id, number)
        if state.recorded is None or state.net == 0 or lot_earned(work.state(earned_in), order_id, number):
            continue
        terms = terms_by(points, placed_at)
        for earned in earn(work.state(target), state.recorded, placed_at, placed_at, terms, digest):
            work.keep(earned, command, target, earned.at, caused_by=cause)
        nets = (state.recorded.amount, state.net)
        for taken in follow_net(work.state(target), state.recorded, nets, None, placed_at, digest):
            work.keep(taken, command, target, taken.at, caused_by=cause)


def _placed_since(work: UnitOfWork, family: Iterable[str], at: int) -> list[_Placed]:
    """The orders of a family that were placed at an instant or later, in order of time."""
    whose = tuple(family)
    found = {
        (each.occurred_at, each.event.order_id, each.event.number)
        for each in work.tx.log.every(Search(customer_ids=whose, types=frozenset({PurchaseRecorded}), since=at))
        if isinstance(each.event, PurchaseRecorded)
    }
    for draft in work.pending.drafts:
        if isinstance(draft.event, PurchaseRecorded) and draft.customer_id in whose and draft.occurred_at >= at:
            found.add((draft.occurred_at, draft.event.order_id, draft.event.number))
    return sorted(found)
