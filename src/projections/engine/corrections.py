"""What stands of a customer's events: a correction acts on system time alone, so what is voided never was."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from regulars.crm_domain.event import Event
from regulars.crm_domain.purchase import PurchaseRecorded, PurchaseVoided, ReturnedTotalRecorded, ReturnRecorded

#: Events that change which others stand, at whatever time those happened. They themselves happen at no time.
CORRECTIONS: frozenset[type[Event]] = frozenset({PurchaseVoided})

#: Those, and the events that may belong to what was voided before.
BEAR_ON_THE_PAST: frozenset[type[Event]] = CORRECTIONS | {ReturnRecorded, ReturnedTotalRecorded}

#: A record of an order: its id and its number.
_Record = tuple[str, int]


def voided_by(events: Iterable[Event]) -> frozenset[_Record]:
    """The records of orders that some events void."""
    return frozenset((each.order_id, each.number) for each in events if isinstance(each, PurchaseVoided))


def stands(event: Event, voided: Collection[_Record]) -> bool:
    """Whether an event counts: it is no correction, and no part of a voided record."""
    match event:
        case PurchaseRecorded() | ReturnRecorded() | ReturnedTotalRecorded():
            return (event.order_id, event.number) not in voided
        case _:
            return type(event) not in CORRECTIONS


def bears_on_the_past(event: Event, order_ids: Collection[str]) -> bool:
    """Whether an event may change what stands of what happened before it, or doesn't stand itself.

    `order_ids` are those that are known to stand: a return of another may be of a voided one.
    """
    match event:
        case PurchaseVoided():
            return True
        case ReturnRecorded() | ReturnedTotalRecorded():
            return event.order_id not in order_ids
        case _:
            return False
