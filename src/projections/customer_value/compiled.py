"""The bands made ready for judging: amounts in minor units, the window in microseconds."""

from __future__ import annotations

from bisect import bisect_right
from math import ceil
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.crm_domain.instant import DAY
from regulars.projections.customer_value import rules


class Bands(Struct, frozen=True, kw_only=True):
    """The bands in rising order: their ids, and from which net spend and how many buying days on each is reached."""

    ids: tuple[str, ...]
    spends: tuple[int, ...]
    days: tuple[int, ...]
    window: int
    zone: ZoneInfo

    def of(self, net_spend: int, buying_days: int) -> int:
        """The index of the highest band that is reached. No threshold falls, so those reached are the first ones."""
        return min(bisect_right(self.spends, net_spend), bisect_right(self.days, buying_days)) - 1


def compile_bands(rule: rules.Value, exponent: int, zone: ZoneInfo) -> Bands:
    """Make the bands ready, for a currency of so many digits and the zone in which days are counted."""
    return Bands(
        ids=tuple(band.id for band in rule.bands),
        spends=tuple(ceil(band.net_spend.scaleb(exponent)) for band in rule.bands),
        days=tuple(band.buying_days for band in rule.bands),
        window=rule.window_days * DAY,
        zone=zone,
    )
