"""How what happened to a purchase is told."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.crm_domain.money import from_minor_units
from regulars.crm_domain.purchase.decider import (
    Purchase,
    PurchaseEvent,
    PurchaseRecorded,
    PurchaseReported,
    PurchaseRestored,
    PurchaseVoided,
    ReturnedTotalRecorded,
    ReturnRecorded,
)
from regulars.crm_domain.wording import Field, Wording

_VOIDED = {
    "void": "voided",
    "correction": "voided, to be corrected",
    "reassignment": "voided, as it is another customer's",
}


def _money(amount: int, currency: str) -> str:
    return f"{from_minor_units(amount, currency)} {currency}"


def what(event: PurchaseEvent) -> str:
    """What happened to a purchase, in a few words."""
    order = f"order {event.order_id}"
    match event:
        case PurchaseRecorded(amount=amount, currency=currency, number=number):
            with_coupon = "" if event.coupon is None else f" with coupon {event.coupon}"
            return f"{order} of {_money(amount, currency)}{with_coupon}{'' if number == 1 else ', recorded anew'}"
        case ReturnRecorded(amount=amount, currency=currency):
            return f"return of {_money(amount, currency)} on {order}"
        case ReturnedTotalRecorded(returned_so_far=total, currency=currency):
            return f"{_money(total, currency)} of {order} returned in all"
        case PurchaseReported(amount=amount, currency=currency):
            return f"{order} reported as of {_money(amount, currency)}"
        case PurchaseVoided(amount=amount, currency=currency, cause=cause):
            return f"{order} of {_money(amount, currency)} {_VOIDED[cause]}"
        case PurchaseRestored():
            return f"{order} restored"


def deed(event: PurchaseEvent, who: str, other: str) -> str:
    """What happened to a purchase, as somebody did it."""
    order = f"order {event.order_id}"
    match event:
        case PurchaseRecorded(amount=amount, currency=currency, number=number):
            anew = "" if number == 1 else "anew "
            with_coupon = "" if event.coupon is None else f" with coupon {event.coupon}"
            return f"recorded {order} {anew}of {_money(amount, currency)}{with_coupon} for {who}"
        case ReturnRecorded(amount=amount, currency=currency):
            return f"took back {_money(amount, currency)} of {order} from {who}"
        case ReturnedTotalRecorded(returned_so_far=total, currency=currency):
            return f"recorded that {_money(total, currency)} of {order} came back from {who} in all"
        case PurchaseReported(amount=amount, currency=currency, source=source):
            return f"recorded that {source or 'somebody'} says {_money(amount, currency)} of {order} for {who}"
        case PurchaseVoided(amount=amount, currency=currency, cause=cause):
            why = {"void": "", "correction": ", to correct it", "reassignment": ", as it is another customer's"}[cause]
            return f"voided {order} of {_money(amount, currency)} for {who}{why}"
        case PurchaseRestored():
            return f"restored {order} for {who}"


def fields(state: Purchase) -> Iterator[Field]:
    """What the audit compares of a purchase."""
    if state.recorded is not None:
        bought, currency = state.recorded, state.recorded.currency
        returned = state.returned
        yield "order", bought.order_id
        yield "amount", _money(bought.amount, currency)
        yield "lines", ", ".join(f"{line.quantity} x {line.sku}" for line in bought.lines) or None
        yield "channel", bought.channel
        yield "coupon", bought.coupon
        yield "returned", _money(returned, currency) if returned else None
        yield "voided", "yes" if state.voided else None
        for source, said in sorted(state.said.items()):
            if said.amount != bought.amount:
                yield f"said by {source or 'hand'}", _money(said.amount, currency)


WORDING = Wording(what=what, deed=deed, fields=fields)
