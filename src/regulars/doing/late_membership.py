"""Moves of a membership that are told late: orders placed while it was in force earn, and others lose what they had."""

from __future__ import annotations

from collections.abc import Iterable

from regulars.adapters.log.event_log import Search
from regulars.crm_domain.command import Command
from regulars.crm_domain.event import Event
from regulars.crm_domain.membership import (
    MOVE_KINDS,
    earn,
    follow_course,
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


def follow_late_move(work: UnitOfWork, event: Event, command: Command, target: Target, at: int, cause: int) -> None:
    """After a move of a membership at an instant: what known orders earn or lose that were placed since.

    `cause` is the index of that event's draft.
    """
    if command.occurred_at is None or type(event) not in MOVE_KINDS:
        return
    orders = _placed_since(work, family_of(work, target.customer_id), at)
    work.load({stream_of_record(work, order_id, number) for _, order_id, number in orders})
    ever = ever_one_with(work, target.customer_id)
    for placed_at, order_id, number in orders:
        order: Purchase = work.stream(stream_of_record(work, order_id, number), PURCHASE).state
        if order.recorded is None or order.net == 0:
            continue
        holder = membership_that_earned(work, target.customer_id, ever, order_id, number)
        if lot_earned(work.state(holder), order_id, number) is None:
            _earn(work, order.recorded, order.net, placed_at, command, target, cause)
        elif holder.stream_id == target.stream_id:
            digest = work.pending.context.rules_digest
            for each in follow_course(work.state(target), order.recorded, order.net, placed_at, digest):
                work.keep(each, command, target, each.at, caused_by=cause)


def _earn(
    work: UnitOfWork,
    order: PurchaseRecorded,
    net: int,
    placed_at: int,
    command: Command,
    target: Target,
    cause: int,
) -> None:
    """What an order earns that earned nothing yet, less what came back of it."""
    points, digest = work.pending.context.points, work.pending.context.rules_digest
    if points is None:
        return
    terms = terms_by(points, placed_at)
    for earned in earn(work.state(target), order, placed_at, placed_at, terms, digest):
        work.keep(earned, command, target, earned.at, caused_by=cause)
    for taken in follow_net(work.state(target), order, (order.amount, net), None, placed_at, digest):
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
