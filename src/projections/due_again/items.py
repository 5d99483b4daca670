"""The facts of items: when a customer bought each of those that the rules name, and which of it came back whole.

A return says of which order something came back, and what that was worth, but not which lines. So a purchase counts
until all that its order was worth has come back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field

from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnedTotalRecorded, ReturnRecorded
from regulars.projections.facts.fact_set import Evolve, FactSet

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules

VERSION = 1

HANDLES: frozenset[type[Event]] = frozenset({PurchaseRecorded, ReturnRecorded, ReturnedTotalRecorded})


class Bought(Struct, frozen=True, array_like=True, gc=False):
    """An item was bought: when, by which event and order, and the day of it in the business's zone, as an ordinal."""

    at: int
    position: int
    order_id: str
    day: int


class Items(Struct, array_like=True):
    """What is known of a customer's items: by item its purchases in order of time; by order, what it was worth and what
    came back of it, in minor units. Of returns, those of all orders are kept, as one may come before its purchase.
    """

    bought: dict[str, list[Bought]] = field(default_factory=dict)
    worth: dict[str, int] = field(default_factory=dict)
    returned: dict[str, int] = field(default_factory=dict)


class OfItem(Struct, frozen=True, gc=False):
    """One item of a customer: the purchases of it that count, in order of time, and on how many days they were."""

    item: str
    bought: Sequence[Bought]
    days: int


def evolve_under(rules: Rules) -> Evolve | None:
    """How an order or a return is taken in, of the items those that the rules name; None where they name none."""
    named_in, zone = items_under(rules), rules.due_again.zone
    if named_in is None:
        return None

    def evolve(items: Items, event: Event, at: int, position: int, identity: int) -> None:
        match event:
            case PurchaseRecorded():
                found = named_in(event)
                if found:
                    day = to_datetime(at).astimezone(zone).toordinal()
                    items.worth[event.order_id] = event.amount
                    for item in found:
                        items.bought.setdefault(item, []).append(Bought(at, position, event.order_id, day))
            case ReturnRecorded():
                items.returned[event.order_id] = items.returned.get(event.order_id, 0) + event.amount
            case ReturnedTotalRecorded():
                items.returned[event.order_id] = event.returned_so_far
            case _:
                pass

    return evolve


def items_under(rules: Rules) -> Callable[[Event], tuple[str, ...] | None] | None:
    """The items of an order that the rules name, each once, and None for a return, which bears on all; None where they
    name none.
    """
    cadences = rules.due_again.cadences

    def named_in(event: Event) -> tuple[str, ...] | None:
        if not isinstance(event, PurchaseRecorded):
            return None
        return tuple(dict.fromkeys(line.sku for line in event.lines if line.sku in cadences))

    return named_in if cadences else None


def of_item(items: Items, item: str) -> OfItem:
    """What counts of one item."""
    bought: Sequence[Bought] = items.bought.get(item, ())
    if items.returned:
        bought = [each for each in bought if not _came_back(items, each.order_id)]
    return OfItem(item, bought, len({each.day for each in bought}))


def _came_back(items: Items, order_id: str) -> bool:
    return 0 < items.worth[order_id] <= items.returned.get(order_id, 0)


#: The facts of items. They are folded by the table that names these, so that a store keeps of no other.
ITEMS = FactSet(
    name="items",
    version=VERSION,
    beginning=Items,
    handles=HANDLES,
    evolve_under=evolve_under,
    folded_by=("due_again",),
)
