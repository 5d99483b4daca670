"""The days on which a customer bought: orders of one day, in the zone of the business, are one."""

from __future__ import annotations

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
