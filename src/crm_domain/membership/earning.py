"""What an order earns, and what a return takes back, in the transaction of the purchase or the return.

The invariants are those of the membership's `decider`.
"""

from __future__ import annotations

from decimal import Decimal

from regulars.crm_domain.membership.decider import Membership, PointsEarned, PointsReversed, was_in_force
from regulars.crm_domain.membership.ledger import lot_of_order
from regulars.crm_domain.points import PointsPolicy, available_at, expires_at, points_for
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnRecorded


def has_earned(state: Membership, order_id: str) -> bool:
    """Whether an order earned points in this membership."""
    return lot_of_order(order_id) in state.lots


def earn(
    state: Membership, purchase: PurchaseRecorded, at: int, policy: PointsPolicy, rules_digest: str | None
) -> tuple[PointsEarned, ...]:
    """What a purchase at an instant earns, for the purchase's own transaction. Invariants 2 and 3."""
    lot_id = lot_of_order(purchase.order_id)
    points = points_for(purchase.amount, purchase.currency, policy.per_unit)
    if not was_in_force(state, at) or points <= 0 or lot_id in state.lots:
        return ()
    event = PointsEarned(
        at=max(at, state.last_at),
        lot_id=lot_id,
        points=points,
        order_id=purchase.order_id,
        per_unit=str(policy.per_unit),
        available_at=available_at(at, policy),
        expires_at=expires_at(at, policy),
        rules_digest=rules_digest,
    )
    return (event,)


def reverse(
    state: Membership,
    purchase: PurchaseRecorded,
    returned: ReturnRecorded,
    returned_before_minor: int,
    at: int,
    rules_digest: str | None,
) -> tuple[PointsReversed, ...]:
    """What a return takes back, for the return's own transaction. Invariants 2 and 6.

    `returned_before_minor` is what earlier returns of the order were worth. What the order earned nothing for, because
    no membership was in force, isn't taken back.
    """
    lot = state.lots.get(lot_of_order(purchase.order_id))
    if lot is None or lot.per_unit is None:
        return ()
    per_unit, net = Decimal(lot.per_unit), purchase.amount - returned_before_minor
    before = points_for(net, purchase.currency, per_unit)
    points = before - points_for(net - returned.amount, purchase.currency, per_unit)
    if points <= 0:
        return ()
    event = PointsReversed(
        at=max(at, state.last_at),
        order_id=purchase.order_id,
        points=points,
        return_id=returned.return_id,
        rules_digest=rules_digest,
    )
    return (event,)
