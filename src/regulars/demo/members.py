"""The simulated membership program: some regulars enroll, and some of those spend points with an order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

from regulars.crm_domain.command import Command
from regulars.crm_domain.membership import EnrollMember, RedeemPoints
from regulars.crm_domain.purchase import RecordPurchase
from regulars.demo.timing import when

PROGRAM = "bean-club"

_REGULAR = 3
_STEP = 50
# What is counted on for sure: past the time in which points are pending, and well before they expire.
_PENDING = timedelta(days=20)
_FRESH = timedelta(days=350)
_AT_THE_TILL = timedelta(minutes=2)


def take_part(random: Random, orders: Sequence[RecordPurchase], returned: frozenset[str]) -> Iterator[Command]:
    """What one customer does in the program, from their orders in order of time and the ids of those returned."""
    if len(orders) < _REGULAR or random.random() >= 0.4:
        return
    first = random.randrange(_REGULAR - 1, min(len(orders), _REGULAR + 3))
    enrolled = when(orders[first]) + _AT_THE_TILL
    yield EnrollMember(customer=orders[first].customer, program=PROGRAM, occurred_at=enrolled)
    earning = [order for order in orders[first + 1 :] if order.order_id not in returned]
    spent = 0
    for order in orders[first + 1 :]:
        at = when(order) + _AT_THE_TILL
        steps = (_points(earning, at) - spent) // _STEP
        if steps > 0 and random.random() < 0.35:
            points = _STEP * random.randint(1, steps)
            spent += points
            yield RedeemPoints(
                customer=order.customer, points=points, redemption_id=f"voucher/{order.order_id}", occurred_at=at
            )


def _points(earning: Sequence[RecordPurchase], at: datetime) -> int:
    """Points that can be spent at least, if all that was ever spent came from these orders."""
    return sum(int(order.amount) for order in earning if at - _FRESH <= when(order) <= at - _PENDING)
