"""A purchase with its returns: one stream an order, so a customer's thousandth is as quick as the first.

1. An order id counts once in a store: the same order with the same content changes nothing, with other content it is
   refused.
2. Amounts are in the store's currency and never negative.
3. What is returned of an order never exceeds what was bought.
4. A return id counts once within its order.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field

from regulars.crm_domain.command import (
    Amount,
    Command,
    Context,
    Currency,
    Decider,
    Label,
    Who,
    Whole,
)
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event
from regulars.crm_domain.money import from_minor_units, to_minor_units
from regulars.crm_domain.persistent_map import PersistentMap

CATEGORY = "purchase"
MAX_LINES = 1_000

# ---------------------------------------------------------------------------------------------------------- events


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of an order; `amount` is in minor units."""

    sku: str
    quantity: int = 1
    amount: int | None = None


class PurchaseRecorded(Event, frozen=True, kw_only=True, tag="PurchaseRecorded"):
    """A customer bought something; `amount` is in minor units of `currency`."""

    order_id: str
    amount: int
    currency: str
    lines: tuple[Line, ...] = ()
    channel: str | None = None


class ReturnRecorded(Event, frozen=True, kw_only=True, tag="ReturnRecorded"):
    """Part or all of an order came back; `amount` is what it was worth, in minor units."""

    order_id: str
    amount: int
    currency: str
    return_id: str | None = None


PurchaseEvent = PurchaseRecorded | ReturnRecorded

# ----------------------------------------------------------------------------------------------------------- state


class Purchase(Struct, frozen=True, kw_only=True):
    """What the next decision on an order needs to know.

    `returned` is how many minor units came back in all, `returns` how many with each return that has an id.
    """

    recorded: PurchaseRecorded | None = None
    returned: int = 0
    returns: PersistentMap[str, int] = PersistentMap()

    @property
    def remaining(self) -> int:
        """Minor units that could still be returned."""
        bought = self.recorded.amount if self.recorded else 0
        return bought - self.returned


def evolve(state: Purchase, event: PurchaseEvent) -> Purchase:
    """The state after an event. Total: history is never argued with."""
    match event:
        case PurchaseRecorded():
            return replace(state, recorded=event)
        case ReturnRecorded(return_id=return_id, amount=amount):
            returns = state.returns if return_id is None else state.returns.put(return_id, amount)
            return replace(state, returned=state.returned + amount, returns=returns)


# -------------------------------------------------------------------------------------------------------- commands


class OrderLine(BaseModel):
    """One line of an order as it is told to us."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    sku: Label
    quantity: Annotated[Whole, Field(ge=1, le=1_000_000)] = 1
    amount: Amount | None = None


class RecordPurchase(Command):
    """Write down an order, e.g. customer=shop:42 order_id=A-1 amount=59.90"""

    customer: Who
    order_id: Label
    amount: Amount
    currency: Currency | None = None
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=MAX_LINES)] = ()
    channel: Label | None = None


class RecordReturn(Command):
    """Write down what came back of an order; without an amount, all of it that is left, if anything is."""

    order_id: Label
    amount: Amount | None = None
    currency: Currency | None = None
    return_id: Label | None = None


# ------------------------------------------------------------------------------------------------------- decisions


def record_purchase(command: RecordPurchase, state: Purchase, context: Context) -> tuple[Event, ...]:
    """Invariants 1 and 2."""
    currency = _currency(command.currency, context)
    event = PurchaseRecorded(
        order_id=command.order_id,
        amount=to_minor_units(command.amount, currency),
        currency=currency,
        lines=tuple(_line(line, currency) for line in command.lines),
        channel=command.channel,
    )
    if state.recorded == event:
        return ()
    if state.recorded is not None:
        raise Rejected("order_id_taken", f'order "{command.order_id}" is recorded already with other content')
    return (event,)


def record_return(command: RecordReturn, state: Purchase, context: Context) -> tuple[Event, ...]:
    """Invariants 3 and 4."""
    if state.recorded is None:
        raise Rejected("unknown_order", f'there is no order "{command.order_id}"')
    currency = state.recorded.currency
    if command.currency not in (None, currency):
        raise Rejected("other_currency", f"this order was paid in {currency}, not in {command.currency}")
    amount = None if command.amount is None else to_minor_units(command.amount, currency)
    known = None if command.return_id is None else state.returns.get(command.return_id)
    if known is not None and amount in (None, known):
        return ()
    if known is not None:
        raise Rejected("return_id_taken", f'return "{command.return_id}" is recorded already with another amount')
    if amount is None and state.remaining <= 0:
        return ()
    amount = state.remaining if amount is None else amount
    if not 0 < amount <= state.remaining:
        raise Rejected("exceeds_purchase", _what_is_left(command.order_id, state, currency))
    event = ReturnRecorded(order_id=command.order_id, return_id=command.return_id, amount=amount, currency=currency)
    return (event,)


def _what_is_left(order_id: str, state: Purchase, currency: str) -> str:
    left: Decimal = from_minor_units(state.remaining, currency)
    return f'of order "{order_id}" {left} {currency} can still be returned; a return is more than zero and no more'


def _line(line: OrderLine, currency: str) -> Line:
    amount = None if line.amount is None else to_minor_units(line.amount, currency)
    return Line(sku=line.sku, quantity=line.quantity, amount=amount)


def _currency(stated: str | None, context: Context) -> str:
    currency = stated or context.currency
    if currency is None:
        raise Rejected("no_currency", "this store has no currency yet; give one with the amount or when opening it")
    if context.currency not in (None, currency):
        raise Rejected("other_currency", f"this store keeps its books in {context.currency}, not in {currency}")
    return currency


def decide(command: Command, state: Purchase, context: Context) -> tuple[Event, ...]:
    """Hand a command to its decision. Raises Rejected where an invariant would break."""
    match command:
        case RecordPurchase():
            return record_purchase(command, state, context)
        case RecordReturn():
            return record_return(command, state, context)
        case _:
            raise TypeError(f"{type(command).__name__} is not a command to a purchase")


PURCHASE = Decider(category=CATEGORY, initial=Purchase(), evolve=evolve, decide=decide)
