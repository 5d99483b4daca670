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
    return known


def _add_orders(known: BuyingDays, instants: list[int], zone: ZoneInfo) -> None:
    for instant in instants[known.bounds[-1] :]:
        ordinal = to_datetime(instant).astimezone(zone).toordinal()
        if known.ordinals and known.ordinals[-1] == ordinal:
            known.bounds[-1] += 1
            known.lasts[-1] = instant
        else:
            known.ordinals.append(ordinal)
            known.bounds.append(known.bounds[-1] + 1)
            known.lasts.append(instant)
    known.given_back = None


def days_given_back(facts: Facts, zone: ZoneInfo) -> list[int]:
    """The numbers, rising, of the buying days of whose orders all came back."""
    known = buying_days(facts, zone)
    if known.given_back is None:
        known.given_back = _given_back(known.bounds, facts.returned_orders)
    return known.given_back


def _given_back(bounds: list[int], returned: list[int]) -> list[int]:
    found: list[int] = []
    for day, together in groupby(returned, key=lambda order: bisect_right(bounds, order) - 1):
        if sum(1 for _ in together) == bounds[day + 1] - bounds[day]:
            found.append(day)
    return found


def days_kept(facts: Facts, zone: ZoneInfo, first: int) -> int:
    """On how many days, from that with a number on, there was an order of which not everything came back."""
    gone = days_given_back(facts, zone)
    there = len(buying_days(facts, zone).lasts) - first
    return there - len(gone) + bisect_left(gone, first)
