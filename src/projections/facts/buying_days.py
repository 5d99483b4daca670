"""The days on which a customer bought: orders of one day, in the zone of the business, are one."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import groupby
from zoneinfo import ZoneInfo

from regulars.crm_domain.instant import to_datetime
from regulars.projections.facts.shared import BuyingDays, Facts


def buying_days(facts: Facts, zone: ZoneInfo) -> BuyingDays:
    """The days with an order.

    They are worked out as orders come, and kept with the facts as long as those are in memory: orders only come after
    those that are there.
    """
    known = facts.buying_days
    if known is None or known.zone != zone.key:
        known = facts.buying_days = BuyingDays(zone.key)
    if known.bounds[-1] < len(facts.order_instants):
        _add_orders(known, facts.order_instants, zone)
    if known.changed:
        known.given_back, known.changed = _given_back(known.bounds, facts.returned_orders), False
    return known


def _add_orders(known: BuyingDays, instants: list[int], zone: ZoneInfo) -> None:
    for instant in instants[known.bounds[-1] :]:
        ordinal = to_datetime(instant).astimezone(zone).toordinal()
        if known.ordinals and known.ordinals[-1] == ordinal:
            known.bounds[-1] += 1
            known.lasts[-1] = instant
            known.changed = True
        else:
            known.ordinals.append(ordinal)
            known.bounds.append(known.bounds[-1] + 1)
            known.lasts.append(instant)


def _given_back(bounds: list[int], returned: list[int]) -> list[int]:
    found: list[int] = []
    for day, together in groupby(returned, key=lambda order: bisect_right(bounds, order) - 1):
        if sum(1 for _ in together) == bounds[day + 1] - bounds[day]:
            found.append(day)
    return found


def days_kept(days: BuyingDays, first: int) -> int:
    """On how many days, from that with a number on, there was an order of which not everything came back."""
    gone = days.given_back
    return len(days.lasts) - first - (len(gone) - bisect_left(gone, first))
