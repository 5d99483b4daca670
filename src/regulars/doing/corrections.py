"""Corrections of orders: what is voided is recorded anew where it was otherwise, in the order's next stream.

Each record of an order, from number 1 on, is a stream, so it may belong to another customer than the one before it.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import count, takewhile

from msgspec.structs import replace

from regulars.crm_domain.catalogue import Address
from regulars.crm_domain.command import Command, instant_told, strictly_after
from regulars.crm_domain.customer import CUSTOMER, AccountStatus
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import to_instant
from regulars.crm_domain.membership import Terms, lot_earned, terms_of
from regulars.crm_domain.purchase import (
    PURCHASE,
    CorrectPurchase,
    Purchase,
    PurchaseRecorded,
    PurchaseReported,
    PurchaseRestored,
    PurchaseVoided,
    ReassignPurchase,
    RecordPurchase,
    ReturnedTotalRecorded,
    ReturnRecorded,
    recorded_anew,
    reported,
)
from regulars.doing.bonuses import move_bonuses
from regulars.doing.identities import ever_one_with, resolve
from regulars.doing.orders import placed_at, stream_of_record
from regulars.doing.policies import membership_that_earned, move_points
from regulars.doing.stream import Stream
from regulars.doing.unit_of_work import Target, UnitOfWork


def stream_of_last_record(work: UnitOfWork, order_id: str) -> str:
    """The stream of the record that holds, or of the first where there is none."""
    number, stream_id = 1, stream_of_record(work, order_id, 1)
    while work.stream(stream_id, PURCHASE).state.voided is not None:
        number, following = number + 1, stream_of_record(work, order_id, number + 1)
        if not work.stream(following, PURCHASE).version:
            break
        stream_id = following
    return stream_id


def was_theirs(work: UnitOfWork, where: Address, family: Collection[str]) -> bool:
    """Whether what a command is about is an order of which an earlier record belongs to one of some customers."""
    if where.decider is not PURCHASE or where.key is None:
        return False
    order_id = where.key
    streams = (work.stream(stream_of_record(work, order_id, number), PURCHASE) for number in count(1))
    owners = takewhile(lambda owner: owner is not None, (each.customer_id for each in streams))
    return any(owner in family for owner in owners)


def is_so_already(work: UnitOfWork, command: Command, stream: Stream) -> bool:
    """Whether an order belongs already to whom it is to be reassigned."""
    return isinstance(command, ReassignPurchase) and resolve(work, command.to) == stream.customer_id


def with_news_alone(command: Command, stream: Stream) -> Command:
    """A correction without a time of which the order is already."""
    if not isinstance(command, CorrectPurchase) or command.bought_at is None:
        return command
    is_news = to_instant(command.bought_at) != placed_at(stream)
    return command if is_news else command.model_copy(update={"bought_at": None})


def corrected_at(event: Event, command: Command, stream: Stream, at: int, now: int) -> int:
    """When what a command leads to happens: a correction by what a source says of an order happens now, not with it."""
    if isinstance(command, RecordPurchase) and isinstance(event, PurchaseVoided | PurchaseReported):
        return strictly_after(stream.last_at, now)
    return at


def record_anew(
    work: UnitOfWork, event: Event, before: Purchase, command: Command, target: Target, at: int, cause: int
) -> None:
    """After a record was voided or restored: record under the next number what holds instead, with its returns.

    `before` is the state that the command was decided on, `cause` the index of the event's draft. Raises Rejected where
    it would be a forgotten customer's, and NotFound where it would be an unknown one's.
    """
    if not isinstance(event, PurchaseVoided | PurchaseRestored):
        return
    anew = recorded_anew(command, before)
    if anew is None:
        return
    stream = work.stream(target.stream_id, PURCHASE)
    following = Target(
        stream_id=stream_of_record(work, anew.order_id, anew.number),
        decider=PURCHASE,
        customer_id=_owner(work, command, target),
    )
    told_at, terms = placed_at(stream), _first_terms(work, target.customer_id, anew)
    assert told_at is not None
    bought_at = told_at
    if isinstance(command, CorrectPurchase) and command.bought_at is not None:
        bought_at = instant_told(command.bought_at, work.pending.context.now)
    work.keep(anew, command, following, bought_at, caused_by=cause)
    recorded = len(work.pending.drafts) - 1
    move_points(work, anew, None, command, following, at, placed_at=bought_at, terms=terms)
    move_bonuses(work, anew, None, command, following, at, recorded, placed_at=bought_at)
    for (returned_at, *_), each in stream.told:
        if isinstance(each, ReturnRecorded | ReturnedTotalRecorded):
            before_it = work.state(following)
            returned = replace(each, number=anew.number)
            work.keep(returned, command, following, returned_at, caused_by=cause)
            its = len(work.pending.drafts) - 1
            move_points(work, returned, before_it, command, following, at)
            move_bonuses(work, returned, before_it, command, following, at, its)
    for source, said in stream.state.said.items():
        work.keep(reported(anew, source or None, said), command, following, at, caused_by=cause)


def _owner(work: UnitOfWork, command: Command, target: Target) -> str:
    if not isinstance(command, ReassignPurchase):
        return target.customer_id
    owner = resolve(work, command.to)
    if work.stream(owner, CUSTOMER).state.status is AccountStatus.ERASED:
        raise Rejected("account_erased", "this customer was forgotten; no order can be reassigned to them")
    return owner


def _first_terms(work: UnitOfWork, customer_id: str, anew: PurchaseRecorded) -> Terms | None:
    """The terms on which an earlier record of an order earned points; None where none did."""
    family = ever_one_with(work, customer_id)
    for number in range(anew.number - 1, 0, -1):
        held = work.state(membership_that_earned(work, customer_id, family, anew.order_id, number))
        lot = lot_earned(held, anew.order_id, number)
        if lot is not None:
            return terms_of(lot)
    return None
