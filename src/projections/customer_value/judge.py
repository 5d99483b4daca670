"""What is this customer worth, by what they bought within the window?

Their net spend on the orders of the window, and on how many days they placed them. An order leaves the window when that
is over; what came back is taken off, and a day of which everything came back is no buying day.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from regulars.projections.customer_value.compiled import Bands
from regulars.projections.engine.projector import Judgement
from regulars.projections.facts.buying_days import days_kept
from regulars.projections.facts.shared import Facts, orders_since, spend_within

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules


class Worth(Struct, frozen=True, kw_only=True, gc=False):
    """The band, and what it follows from: net spend in minor units, and buying days, both within the window."""

    value: str
    net_spend: int
    buying_days: Annotated[int, Meta(ge=0, lt=2**31)]


def judge(standing: None, facts: Facts, rules: Rules, at: int, until: int) -> Iterator[Judgement]:
    """The worth from an instant on. It changes by itself whenever an order leaves the window."""
    if rules.value is None:
        yield at, None, None
        return
    yield at, None, worth(facts, rules.value, at)
    due = at
    for instant in facts.order_instants[orders_since(facts, at - rules.value.window) :]:
        earlier, due = due, instant + rules.value.window
        if due >= until:
            return
        if due > earlier:
            yield due, None, worth(facts, rules.value, due)


def worth(facts: Facts, bands: Bands, at: int) -> Worth:
    """What a customer is worth at an instant."""
    net_spend = spend_within(facts, bands.window, at)
    buying_days = days_kept(facts, bands.zone, orders_since(facts, at - bands.window))
    return Worth(value=bands.ids[bands.of(net_spend, buying_days)], net_spend=net_spend, buying_days=buying_days)
