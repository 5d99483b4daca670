"""The gaps of items made ready for judging, as exact ratios of microseconds."""

from __future__ import annotations

from fractions import Fraction
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.projections.due_again import rules
from regulars.projections.facts.cadence import Cadence, cadence_of


class DueItems(Struct, frozen=True, kw_only=True):
    """By its code, the cadence of each item; and after how many expected gaps, N/D, it is due and has lapsed.

    Days on which it was bought are counted in the `zone`.
    """

    cadences: dict[str, Cadence]
    due_from: tuple[int, int]
    lapsed_from: tuple[int, int]
    zone: ZoneInfo


def compile_due_items(rule: rules.DueAgain, zone: ZoneInfo) -> DueItems:
    """Make the gaps ready, for a business in a zone."""
    return DueItems(
        cadences={
            item: cadence_of(days, rule.prior_weight, rule.min_gap_days, zone) for item, days in rule.gaps.items()
        },
        due_from=Fraction(rule.due_from_gaps).as_integer_ratio(),
        lapsed_from=Fraction(rule.lapsed_from_gaps).as_integer_ratio(),
        zone=zone,
    )
