"""What an order earns, and what a return or a correction takes back, in the transaction of the order's own event.

The invariants are those of the membership's `decider`.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from regulars.crm_domain.membership.decider import Membership, PointsEarned, PointsReversed, was_in_force
from regulars.crm_domain.membership.ledger import Lot, lot_of_order
from regulars.crm_domain.points import PointsPolicy, available_at, expires_at, points_for
from regulars.crm_domain.purchase import PurchaseRecorded


class Terms(Struct, frozen=True, kw_only=True):
    """What an order earns for each whole unit of currency, and when that can be spent."""

    per_unit: Decimal
    available_at: int
    expires_at: int


def terms_by(policy: PointsPolicy, bought_at: int) -> Terms:
    """The terms of an order that was placed at an instant."""
    return Terms(
        per_unit=policy.per_unit,
        available_at=available_at(bought_at, policy),
        expires_at=expires_at(bought_at, policy),
    )


def terms_of(lot: Lot) -> Terms | None:
    """The terms on which an order earned a lot; None for one that no order earned."""
    if lot.per_unit is None:
        return None
    return Terms(per_unit=Decimal(lot.per_unit), available_at=lot.available_at, expires_at=lot.expires_at)


def lot_earned(state: Membership, order_id: str, number: int) -> Lot | None:
    """The lot that the record of an order with this number earned in this membership."""
    return state.lots.get(lot_of_order(order_id, number))


def earn(
    state: Membership, purchase: PurchaseRecorded, bought_at: int, at: int, terms: Terms, rules_digest: str | None
) -> tuple[PointsEarned, ...]:
    """What a purchase earns at an instant, for its own transaction, if a membership was in force when it was placed.

    Invariants 2 and 3.
    """
    lot_id = lot_of_order(purchase.order_id, purchase.number)
    points = points_for(purchase.amount, purchase.currency, terms.per_unit)
    if not was_in_force(state, bought_at) or points <= 0 or lot_id in state.lots:
        return ()
    return (_earned(state, purchase, lot_id, points, at, terms, rules_digest),)


def follow_net(
    state: Membership,
    purchase: PurchaseRecorded,
    nets: tuple[int, int],
    return_id: str | None,
    at: int,
    rules_digest: str | None,
    *,
    correction: bool = False,
    outside: bool = False,
) -> tuple[PointsEarned | PointsReversed, ...]:
    """What is taken back where an order is worth less than before, or earned again where it is worth more.

    `nets` are the order's minor units before and after, of one that was placed while this membership was in force. What
    it earned nothing for isn't taken back; it loses all where it turns out to be placed `outside`. Invariants 2 and 6.
    """
    lot = lot_earned(state, purchase.order_id, purchase.number)
    terms = None if lot is None else terms_of(lot)
    if terms is None:
        return ()
    before, after = (points_for(net, purchase.currency, terms.per_unit) for net in nets)
    if after < before:
        reversed_ = PointsReversed(
            at=max(at, state.last_at),
            order_id=purchase.order_id,
            points=before - after,
            return_id=return_id,
            rules_digest=rules_digest,
            number=purchase.number,
            correction=correction,
            outside=outside,
        )
        return (reversed_,)
    if after == before:
        return ()
    return (_earned_again(state, purchase, after - before, at, terms, rules_digest),)


def follow_course(
    before: Membership,
    state: Membership,
    purchase: PurchaseRecorded,
    net: int,
    placed_at: int,
    rules_digest: str | None,
) -> tuple[PointsEarned | PointsReversed, ...]:
    """What an order loses that earned points in this membership, where that turns out not to have been in force when
    the order was placed; or what it gets back, where it was after all. `before` is the membership as it was known.

    `net` is what the order is worth, in minor units.
    """
    lot = lot_earned(state, purchase.order_id, purchase.number)
    terms, was = None if lot is None else terms_of(lot), was_in_force(before, placed_at)
    if terms is None or was == was_in_force(state, placed_at):
        return ()
    if was:
        return follow_net(state, purchase, (net, 0), None, placed_at, rules_digest, outside=True)
    points = points_for(net, purchase.currency, terms.per_unit)
    return (_earned_again(state, purchase, points, placed_at, terms, rules_digest),) if points else ()


def _earned_again(
    state: Membership, purchase: PurchaseRecorded, points: int, at: int, terms: Terms, rules_digest: str | None
) -> PointsEarned:
    again = 1
    while (lot_id := lot_of_order(purchase.order_id, purchase.number, again)) in state.lots:
        again += 1
    return _earned(state, purchase, lot_id, points, at, terms, rules_digest)


def _earned(
    state: Membership,
    purchase: PurchaseRecorded,
    lot_id: str,
    points: int,
    at: int,
    terms: Terms,
    rules_digest: str | None,
) -> PointsEarned:
    return PointsEarned(
        at=max(at, state.last_at),
        lot_id=lot_id,
        points=points,
        order_id=purchase.order_id,
        per_unit=str(terms.per_unit),
        available_at=terms.available_at,
        expires_at=terms.expires_at,
        rules_digest=rules_digest,
    )
