"""Moves of a membership that are told late: orders placed while it was in force earn, and others lose what they had; so
do answers to surveys, and orders of those who were referred.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from regulars.crm_domain.command import Command
from regulars.crm_domain.event import Event
from regulars.crm_domain.membership import (
    MOVE_KINDS,
    Membership,
    earn,
    follow_course,
    follow_net,
    has_bonuses,
    lot_earned,
    terms_by,
)
from regulars.crm_domain.purchase import Purchase, PurchaseRecorded
from regulars.doing.bonuses import OF_ORDERS, follow_late_answers, follow_late_bonuses
from regulars.doing.identities import ever_one_with, family_of
from regulars.doing.orders import Placed, placed_within, record_of
from regulars.doing.policies import membership_that_earned
from regulars.doing.referrals import referred_by
from regulars.doing.unit_of_work import Target, UnitOfWork


def follow_late_move(
    work: UnitOfWork, event: Event, before: Membership, command: Command, target: Target, at: int, cause: int
) -> None:
    """After a move of a membership at an instant: what is earned or lost by what happened since, as far as it is known.

    `before` is the membership as it was known, `cause` the index of that event's draft.
    """
    if command.occurred_at is None or type(event) not in MOVE_KINDS:
        return
    family, ever = family_of(work, target.customer_id), ever_one_with(work, target.customer_id)
    for placed, order in _orders(work, family, at):
        assert order.recorded is not None
        holder = membership_that_earned(work, target.customer_id, ever, placed.order_id, placed.number)
        if lot_earned(work.state(holder), placed.order_id, placed.number) is None:
            _earn(work, order.recorded, order.net, placed.at, command, target, cause)
        elif holder.stream_id == target.stream_id:
            digest = work.pending.context.rules_digest
            for each in follow_course(before, work.state(target), order.recorded, order.net, placed.at, digest):
                work.keep(each, command, target, each.at, caused_by=cause)
        follow_late_bonuses(work, placed, order, before, command, target, cause, *OF_ORDERS)
    if not work.pending.context.earn and not has_bonuses(work.state(target)):
        return  # as of most shops, whose imports tell many enrolments late
    for referred_id in referred_by(work, family):
        for placed, order in _orders(work, family_of(work, referred_id), at):
            follow_late_bonuses(work, placed, order, before, command, target, cause, "referral")
    follow_late_answers(work, before, command, target, at, cause)


def _orders(work: UnitOfWork, family: Iterable[str], since: int) -> Iterator[tuple[Placed, Purchase]]:
    """A family's orders that stand and were placed at an instant or later, in order of time."""
    orders = sorted(set(placed_within(work, family, since=since)))
    work.load({each.stream_id for each in orders})
    for placed in orders:
        order = record_of(work, placed.stream_id)
        if order.recorded is not None and order.voided is None:
            yield placed, order


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
