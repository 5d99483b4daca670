"""What is this customer worth, by what they bought within the window?

Their net spend on the orders of the window, and on how many days they placed them. What came back is taken off, and a
day of which everything came back is no buying day. Orders of one day leave the window together, with the last of them:
a basket that was split is one, and nobody's future has more steps than they have buying days.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from regulars.projections.customer_value.compiled import Bands
from regulars.projections.engine.projector import Judgement
from regulars.projections.facts.buying_days import buying_days, days_kept
from regulars.projections.facts.shared import BuyingDays, Facts

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules


class Worth(Struct, frozen=True, kw_only=True, gc=False):
    """The band, and what it follows from: net spend in minor units, and buying days, both within the window."""

    value: str
    net_spend: int
    buying_days: Annotated[int, Meta(ge=0, lt=2**31)]


def judge(standing: None, facts: Facts, rules: Rules, at: int, until: int) -> Iterator[Judgement]:
    """The worth from an instant on. It changes by itself whenever a day's orders leave the window."""
    bands = rules.value
    if bands is None:
        yield at, None, None
        return
    days = buying_days(facts, bands.zone)
    first, lasts = first_in_window(days, bands, at), days.lasts
    yield at, None, worth(facts, days, bands, first)
    for day in range(first, len(lasts)):
        due = lasts[day] + bands.window
        if due >= until:
            return
        yield due, None, worth(facts, days, bands, day + 1)


def first_in_window(days: BuyingDays, bands: Bands, at: int) -> int:
    """The number of the first buying day in the window that ends at an instant: all orders of it are in the window."""
    return bisect_right(days.lasts, at - bands.window)


def worth(facts: Facts, days: BuyingDays, bands: Bands, first: int) -> Worth:
    """What a customer is worth while the buying day with a number is the first one in the window."""
    totals, before = facts.order_totals, days.bounds[first]
    net_spend = totals[-1] - (totals[before - 1] if before else 0) if totals else 0
    kept = days_kept(days, first)
    return Worth(value=bands.ids[bands.of(net_spend, kept)], net_spend=net_spend, buying_days=kept)
