"""How what happened to a purchase is told."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.crm_domain.money import from_minor_units
from regulars.crm_domain.purchase.decider import (
    Purchase,
    PurchaseEvent,
    PurchaseRecorded,
    ReturnRecorded,
)
from regulars.crm_domain.wording import Field, Wording


def what(event: PurchaseEvent) -> str:
    """What happened to a purchase, in a few words."""
    match event:
        case PurchaseRecorded(order_id=order_id, amount=amount, currency=currency):
            return f"order {order_id} of {from_minor_units(amount, currency)} {currency}"
        case ReturnRecorded(order_id=order_id, amount=amount, currency=currency):
            return f"return of {from_minor_units(amount, currency)} {currency} on order {order_id}"


def deed(event: PurchaseEvent, who: str, other: str) -> str:
    """What happened to a purchase, as somebody did it."""
    match event:
        case PurchaseRecorded(order_id=order_id, amount=amount, currency=currency):
            return f"recorded order {order_id} of {from_minor_units(amount, currency)} {currency} for {who}"
        case ReturnRecorded(order_id=order_id, amount=amount, currency=currency):
            return f"took back {from_minor_units(amount, currency)} {currency} of order {order_id} from {who}"


def fields(state: Purchase) -> Iterator[Field]:
    """What the audit compares of a purchase."""
    if state.recorded is not None:
        bought, currency = state.recorded, state.recorded.currency
        returned = state.returned
        yield "order", bought.order_id
        yield "amount", f"{from_minor_units(bought.amount, currency)} {currency}"
        yield "lines", ", ".join(f"{line.quantity} x {line.sku}" for line in bought.lines) or None
        yield "channel", bought.channel
        yield "returned", f"{from_minor_units(returned, currency)} {currency}" if returned else None


WORDING = Wording(what=what, deed=deed, fields=fields)
