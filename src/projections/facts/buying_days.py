"""The days on which a customer bought: orders of one day, in the zone of the business, are one."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import groupby
from zoneinfo import ZoneInfo

from regulars.crm_domain.instant import to_datetime
from regulars.projections.facts.shared import BuyingDays, Facts


def buying_days(facts: Facts, zone: ZoneInfo) -> list[int]:
    """For each order on how many days there was an order up to it.

    They are worked out as orders come, and kept with the facts as long as those are in memory: orders only come after
    those that are there.
    """
    known = facts.buying_days
    if known is None or known.zone != zone.key:
        known = facts.buying_days = BuyingDays(zone=zone.key)
    counts, last = known.counts, known.last
    for instant in facts.order_instants[len(counts) :]:
        day = to_datetime(instant).astimezone(zone).toordinal()
        counts.append((counts[-1] if counts else 0) + (day != last))
        last = day
    known.last = last
    return counts


def days_given_back(facts: Facts, zone: ZoneInfo, first: int = 0) -> list[int]:
    """The buying days, by the numbers that `buying_days` gives them, of whose orders from an index on all came back."""
    counts, returned, found = buying_days(facts, zone), facts.returned_orders, list[int]()
    if not returned:  # as with most customers
        return found
    for day, together in groupby(returned[bisect_left(returned, first) :], key=counts.__getitem__):
        orders = bisect_right(counts, day) - max(bisect_left(counts, day), first)
        if sum(1 for _ in together) == orders:
            found.append(day)
    return found


def days_kept(facts: Facts, zone: ZoneInfo, first: int) -> int:
    """On how many days there was an order, from that with an index on, of which not everything came back."""
    counts = buying_days(facts, zone)
    if first == len(counts):
        return 0
    return counts[-1] - counts[first] + 1 - len(days_given_back(facts, zone, first))
