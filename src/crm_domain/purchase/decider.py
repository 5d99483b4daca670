"""A purchase with its returns: one stream an order, so a customer's thousandth is as quick as the first.

1. An order id counts once in a store, also when its order is voided: the same word of the same source changes nothing,
   and other content is a correction where that source said otherwise before; else it is refused.
2. Amounts are in the store's currency and never negative.
3. What is returned of an order never exceeds what was bought.
4. A return id counts once within its order.

**Corrections.** What never was is voided. What was otherwise (another amount, time or customer) is voided and recorded
anew under the next number, in a stream of its own, with its returns; so is what was voided by mistake. A record that is
voided counts nothing at any time, and neither does a return of it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Struct
from msgspec.structs import replace
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from regulars.crm_domain.chronology import Chronology
from regulars.crm_domain.command import (
    Amount,
    Command,
    Context,
    Currency,
    Decider,
    Label,
    Moment,
    Who,
    Whole,
    currency_of,
)
from regulars.crm_domain.coupon_code import Code
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event
from regulars.crm_domain.money import from_minor_units, to_minor_units
from regulars.crm_domain.persistent_map import PersistentMap

CATEGORY = "purchase"
MAX_LINES = 1_000

#: Why a record is voided: it never was, or it is recorded anew.
Voiding = Literal["void", "correction", "reassignment"]

# ---------------------------------------------------------------------------------------------------------- events


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of an order; `amount` is in minor units."""

    sku: str
    quantity: int = 1
    amount: int | None = None


class PurchaseRecorded(Event, frozen=True, kw_only=True, tag="PurchaseRecorded"):
    """A customer bought something; `amount` is in minor units of `currency`.

    `number` counts the records of an order: beyond 1 it was recorded anew. `source` says so, where one was named.
    `coupon` is the id of the series that it was bought with.
    """

    order_id: str
    amount: int
    currency: str
    lines: tuple[Line, ...] = ()
    channel: str | None = None
    number: int = 1
    source: str | None = None
    coupon: str | None = None


class PurchaseReported(Event, frozen=True, kw_only=True, tag="PurchaseReported"):
    """A source said this of an order that is recorded; it counts nothing, and the source's next word is held to it."""

    order_id: str
    amount: int
    currency: str
    lines: tuple[Line, ...] = ()
    channel: str | None = None
    source: str | None = None
    coupon: str | None = None


class ReturnRecorded(Event, frozen=True, kw_only=True, tag="ReturnRecorded"):
    """Part or all of an order came back; `amount` is what it was worth, in minor units."""

    order_id: str
    amount: int
    currency: str
    return_id: str | None = None
    number: int = 1


class ReturnedTotalRecorded(Event, frozen=True, kw_only=True, tag="ReturnedTotalRecorded"):
    """So much of an order had come back in all, in minor units, whatever was said of earlier returns."""

    order_id: str
    returned_so_far: int
    currency: str
    number: int = 1


class PurchaseVoided(Event, frozen=True, kw_only=True, tag="PurchaseVoided"):
    """A record of an order, of `amount` in minor units, counts nothing any more, at whatever time."""

    order_id: str
    number: int
    amount: int
    currency: str
    cause: Voiding = "void"


class PurchaseRestored(Event, frozen=True, kw_only=True, tag="PurchaseRestored"):
    """An order that was voided did happen; it is recorded anew under the next number."""

    order_id: str
    number: int


PurchaseEvent = (
    PurchaseRecorded | ReturnRecorded | ReturnedTotalRecorded | PurchaseReported | PurchaseVoided | PurchaseRestored
)

# ----------------------------------------------------------------------------------------------------------- state


class Content(Struct, frozen=True, kw_only=True):
    """What is said of an order; `amount` is in minor units."""

    amount: int
    lines: tuple[Line, ...] = ()
    channel: str | None = None
    coupon: str | None = None


class Purchase(Struct, frozen=True, kw_only=True):
    """What the next decision on one record of an order needs to know.

    `returned` is how many minor units had come back in all by the instant that is decided on, `returned_at_last` by the
    end of all that is known; `returned_apart` is the sum of the single returns, `returns` how many came back with each
    return that has an id; `is_totalled` says whether anything was said of all returns.
    `said` is what each source last said, by its name; "" is whoever named none.
    """

    recorded: PurchaseRecorded | None = None
    voided: PurchaseVoided | None = None
    returned: int = 0
    returned_at_last: int = 0
    returned_apart: int = 0
    is_totalled: bool = False
    returns: PersistentMap[str, int] = PersistentMap()
    said: PersistentMap[str, Content] = PersistentMap()

    @property
    def remaining(self) -> int:
        """Minor units that could still be returned."""
        bought = self.recorded.amount if self.recorded else 0
        return bought - (self.returned if self.is_totalled else self.returned_apart)

    @property
    def net(self) -> int:
        """Minor units that the order is worth: what was bought less what came back, nothing where it is voided."""
        return 0 if self.recorded is None or self.voided is not None else self.recorded.amount - self.returned

    @property
    def coupon(self) -> str | None:
        """The series of coupons that the record is to redeem: none where it is voided, or all of it came back."""
        recorded = self.recorded
        if recorded is None or self.voided is not None or (self.net == 0 and recorded.amount):
            return None
        return recorded.coupon


def content_of(event: PurchaseRecorded | PurchaseReported) -> Content:
    """What an event says of its order."""
    return Content(amount=event.amount, lines=event.lines, channel=event.channel, coupon=event.coupon)


def reported(recorded: PurchaseRecorded, source: str | None, said: Content) -> PurchaseReported:
    """What a source says of an order that is recorded."""
    return PurchaseReported(
        order_id=recorded.order_id,
        amount=said.amount,
        currency=recorded.currency,
        lines=said.lines,
        channel=said.channel,
        source=source,
        coupon=said.coupon,
    )


def evolve(state: Purchase, event: PurchaseEvent) -> Purchase:
    """The state after an event. Total: history is never argued with."""
    match event:
        case PurchaseRecorded():
            said = state.said if event.number > 1 else state.said.put(event.source or "", content_of(event))
            return replace(state, recorded=event, said=said)
        case ReturnRecorded(return_id=return_id, amount=amount):
            returns = state.returns if return_id is None else state.returns.put(return_id, amount)
            bought = state.returned + amount if state.recorded is None else state.recorded.amount
            return replace(
                state,
                returned=min(state.returned + amount, bought),
                returned_at_last=min(state.returned + amount, bought),
                returned_apart=state.returned_apart + amount,
                returns=returns,
            )
        case ReturnedTotalRecorded(returned_so_far=returned_so_far):
            return replace(state, returned=returned_so_far, returned_at_last=returned_so_far, is_totalled=True)
        case PurchaseReported(source=source):
            return replace(state, said=state.said.put(source or "", content_of(event)))
        case PurchaseVoided():
            return replace(state, voided=event)
        case PurchaseRestored():
            return state


# -------------------------------------------------------------------------------------------------------- commands


class OrderLine(BaseModel):
    """One line of an order as it is told to us."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    sku: Label
    quantity: Annotated[Whole, Field(ge=1, le=1_000_000)] = 1
    amount: Amount | None = None


class RecordPurchase(Command):
    """Write down an order, e.g. customer=shop:42 order_id=A-1 amount=59.90

    Where `source` names who says so, such as a shop, what it says otherwise later corrects the order. `amount` is what
    was paid; the code of a `coupon` is redeemed with it.
    """

    customer: Who
    order_id: Label
    amount: Amount
    currency: Currency | None = None
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=MAX_LINES)] = ()
    channel: Label | None = None
    source: Label | None = None
    coupon: Code | None = None


class RecordReturn(Command):
    """Write down what came back of an order; without an amount, all of it that is left, if anything is.

    `returned_so_far` is what came back in all, where that is what is known; a lower one corrects a higher one.
    """

    order_id: Label
    amount: Amount | None = None
    returned_so_far: Amount | None = None
    currency: Currency | None = None
    return_id: Label | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> RecordReturn:
        if self.returned_so_far is not None and (self.amount is not None or self.return_id is not None):
            raise ValueError("a return is told by its amount, or by returned_so_far alone")
        return self


class VoidPurchase(Command):
    """Take an order as one that never was, e.g. order_id=A-1 reason="a test order"; its id stays taken."""

    order_id: Label


class RestorePurchase(Command):
    """Take back that an order was voided, e.g. order_id=A-1"""

    order_id: Label


class CorrectPurchase(Command):
    """Put right what an order was, e.g. order_id=A-1 amount=49.90 reason="a typing error"

    What isn't given stays. `bought_at` is when it was placed; null clears the channel or the coupon.
    """

    order_id: Label
    amount: Amount | None = None
    lines: Annotated[tuple[OrderLine, ...] | None, Field(max_length=MAX_LINES)] = None
    channel: Label | None = None
    bought_at: Moment | None = None
    coupon: Code | None = None

    @model_serializer(mode="wrap")
    def _write_what_was_given(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Left out and null are different wishes, so what was left out stays out.
        return {name: value for name, value in write(self).items() if name in self.model_fields_set}

    @model_validator(mode="after")
    def _corrects_something(self) -> CorrectPurchase:
        is_given = any(each is not None for each in (self.amount, self.lines, self.bought_at))
        if not is_given and not self.model_fields_set & {"channel", "coupon"}:
            raise ValueError("a correction gives at least one of amount, lines, channel, bought_at and coupon")
        return self


class ReassignPurchase(Command):
    """Give an order and its returns to the customer whose it is, e.g. order_id=A-1 to=shop:43"""

    order_id: Label
    to: Who


# ------------------------------------------------------------------------------------------------------- decisions


def record_purchase(command: RecordPurchase, state: Purchase, context: Context) -> tuple[Event, ...]:
    """Invariants 1 and 2."""
    currency = currency_of(command.currency, context)
    said = _told(command, currency)
    event = PurchaseRecorded(
        order_id=command.order_id,
        amount=said.amount,
        currency=currency,
        lines=said.lines,
        channel=said.channel,
        source=command.source,
        coupon=said.coupon,
    )
    return (event,) if state.recorded is None else _said_again(event, state, state.recorded)


def _said_again(event: PurchaseRecorded, state: Purchase, recorded: PurchaseRecorded) -> tuple[Event, ...]:
    """What follows where more is said of an order that is recorded."""
    before, now = state.said.get(event.source or ""), content_of(event)
    is_as_recorded = now == content_of(recorded)
    if now == before or (event.source is None and is_as_recorded and state.voided is None):
        return ()
    if event.source is None or (before is None and not is_as_recorded):
        raise Rejected("order_id_taken", _taken(event.order_id, state))
    said = reported(recorded, event.source, now)
    after = content_of(recorded) if before is None else _changed_as(before, now, content_of(recorded))
    if state.voided is not None or after == content_of(recorded):
        return (said,)
    _require_no_less_than_returned(after, state, recorded)
    return (said, _voided(recorded, "correction"))


def _taken(order_id: str, state: Purchase) -> str:
    if state.voided is not None:
        return f'order "{order_id}" was voided, and its id stays taken; RestorePurchase takes that back'
    return f'order "{order_id}" is recorded already with other content; CorrectPurchase puts it right'


def _changed_as(before: Content, now: Content, recorded: Content) -> Content:
    """What is recorded, with what a source says otherwise than before: a correction by hand of the rest stays."""
    said = {name: (getattr(before, name), getattr(now, name)) for name in Content.__struct_fields__}
    return replace(recorded, **{name: after for name, (earlier, after) in said.items() if earlier != after})


def record_return(command: RecordReturn, state: Purchase, context: Context) -> tuple[Event, ...]:
    """Invariants 3 and 4."""
    recorded = _recorded(command.order_id, state)
    currency = recorded.currency
    if command.currency not in (None, currency):
        raise Rejected("other_currency", f"this order was paid in {currency}, not in {command.currency}")
    if command.returned_so_far is not None:
        return _returned_total(command, to_minor_units(command.returned_so_far, currency), state, recorded)
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
    event = ReturnRecorded(
        order_id=command.order_id,
        return_id=command.return_id,
        amount=amount,
        currency=currency,
        number=recorded.number,
    )
    return (event,)


def _returned_total(
    command: RecordReturn, returned_so_far: int, state: Purchase, recorded: PurchaseRecorded
) -> tuple[Event, ...]:
    """What came back in all; without a time it is news only where it is otherwise than known."""
    if command.occurred_at is None and returned_so_far == state.returned:
        return ()
    if returned_so_far > recorded.amount:
        bought = f"{from_minor_units(recorded.amount, recorded.currency)} {recorded.currency}"
        sentence = f'order "{command.order_id}" was of {bought}; no more than that can have come back in all'
        raise Rejected("exceeds_purchase", sentence)
    event = ReturnedTotalRecorded(
        order_id=command.order_id,
        returned_so_far=returned_so_far,
        currency=recorded.currency,
        number=recorded.number,
    )
    return (event,)


def void(command: VoidPurchase, state: Purchase, context: Context) -> tuple[Event, ...]:
    """Take the record as one that never was."""
    recorded = _recorded(command.order_id, state)
    return () if state.voided is not None else (_voided(recorded, "void"),)


def restore(command: RestorePurchase, state: Purchase, context: Context) -> tuple[Event, ...]:
    """Take back that an order was voided."""
    recorded = _recorded(command.order_id, state)
    return () if state.voided is None else (PurchaseRestored(order_id=command.order_id, number=recorded.number),)


def correct(command: CorrectPurchase, state: Purchase, context: Context) -> tuple[Event, ...]:
    """Void a record that is to be recorded anew as it was; what came back of it is never more than it was."""
    recorded = _standing(command.order_id, state)
    after = _corrected(command, recorded)
    if after == content_of(recorded) and command.bought_at is None:
        return ()
    _require_no_less_than_returned(after, state, recorded)
    return (_voided(recorded, "correction"),)


def reassign(command: ReassignPurchase, state: Purchase, context: Context) -> tuple[Event, ...]:
    """Void a record that is to be recorded anew as another customer's."""
    return (_voided(_standing(command.order_id, state), "reassignment"),)


def recorded_anew(command: Command, state: Purchase) -> PurchaseRecorded | None:
    """What is recorded under the next number by a command that voids or restores a record; None where nothing is.

    `state` is the record's before that.
    """
    recorded = state.recorded
    if recorded is None:
        return None
    match command:
        case CorrectPurchase():
            after = _corrected(command, recorded)
        case RecordPurchase():
            before, now = state.said[command.source or ""], _told(command, recorded.currency)
            after = _changed_as(before, now, content_of(recorded))
        case ReassignPurchase() | RestorePurchase():
            after = content_of(recorded)
        case _:
            return None
    return PurchaseRecorded(
        order_id=recorded.order_id,
        amount=after.amount,
        currency=recorded.currency,
        lines=after.lines,
        channel=after.channel,
        number=recorded.number + 1,
        coupon=after.coupon,
    )


def _told(command: RecordPurchase, currency: str) -> Content:
    return Content(
        amount=to_minor_units(command.amount, currency),
        lines=_lines(command.lines, currency),
        channel=command.channel,
        coupon=command.coupon,
    )


def _corrected(command: CorrectPurchase, recorded: PurchaseRecorded) -> Content:
    currency = recorded.currency
    return Content(
        amount=recorded.amount if command.amount is None else to_minor_units(command.amount, currency),
        lines=recorded.lines if command.lines is None else _lines(command.lines, currency),
        channel=command.channel if "channel" in command.model_fields_set else recorded.channel,
        coupon=command.coupon if "coupon" in command.model_fields_set else recorded.coupon,
    )


def _voided(recorded: PurchaseRecorded, cause: Voiding) -> PurchaseVoided:
    return PurchaseVoided(
        order_id=recorded.order_id,
        number=recorded.number,
        amount=recorded.amount,
        currency=recorded.currency,
        cause=cause,
    )


def _recorded(order_id: str, state: Purchase) -> PurchaseRecorded:
    if state.recorded is None:
        raise Rejected("unknown_order", f'there is no order "{order_id}"')
    return state.recorded


def _standing(order_id: str, state: Purchase) -> PurchaseRecorded:
    recorded = _recorded(order_id, state)
    if state.voided is not None:
        raise Rejected("order_voided", f'order "{order_id}" was voided; RestorePurchase takes that back')
    return recorded


def _require_no_less_than_returned(after: Content, state: Purchase, recorded: PurchaseRecorded) -> None:
    if after.amount < state.returned_at_last:
        back = f"{from_minor_units(state.returned_at_last, recorded.currency)} {recorded.currency}"
        sentence = f'{back} of order "{recorded.order_id}" came back; it can\'t have been of less'
        raise Rejected("below_returned", sentence)


def _what_is_left(order_id: str, state: Purchase, currency: str) -> str:
    left: Decimal = from_minor_units(state.remaining, currency)
    return f'of order "{order_id}" {left} {currency} can still be returned; a return is more than zero and no more'


def _lines(lines: tuple[OrderLine, ...], currency: str) -> tuple[Line, ...]:
    return tuple(
        Line(
            sku=line.sku,
            quantity=line.quantity,
            amount=None if line.amount is None else to_minor_units(line.amount, currency),
        )
        for line in lines
    )


def decide(command: Command, state: Purchase, context: Context) -> tuple[Event, ...]:
    """Hand a command to its decision. Raises Rejected where an invariant would break."""
    match command:
        case RecordPurchase():
            return record_purchase(command, state, context)
        case RecordReturn():
            return record_return(command, state, context)
        case VoidPurchase():
            return void(command, state, context)
        case RestorePurchase():
            return restore(command, state, context)
        case CorrectPurchase():
            return correct(command, state, context)
        case ReassignPurchase():
            return reassign(command, state, context)
        case _:
            raise TypeError(f"{type(command).__name__} is not a command to a purchase")


CHRONOLOGY = Chronology(
    words=(
        (RecordPurchase, PurchaseRecorded),
        (RecordReturn, ReturnRecorded),
        (RecordReturn, ReturnedTotalRecorded),
    ),
    last=(PurchaseReported, PurchaseVoided, PurchaseRestored),
    whole=("recorded", "voided", "returned_at_last", "returned_apart", "is_totalled", "returns", "said"),
)

PURCHASE = Decider(category=CATEGORY, initial=Purchase(), evolve=evolve, decide=decide, chronology=CHRONOLOGY)
