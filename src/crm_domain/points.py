"""What points a purchase earns, which rules give bonus points, when points can be spent, and when they expire."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.crm_domain.instant import DAY, END_OF_TIME, FOREVER, to_datetime, to_instant
from regulars.crm_domain.money import exponent_of

# More than anyone earns at once, and so little that millions of such lots are summed within 64 bits.
MAX_POINTS = 10**12


class PointsPolicy(Struct, frozen=True, kw_only=True):
    """The rules of points in force: `per_unit` points for each whole unit of currency, net, rounded down.

    They can be spent after `pending_days`, and expire with the month that lies `expire_after_months` after the month
    of earning, as the calendar in `zone` has it.
    """

    per_unit: Decimal
    pending_days: int
    expire_after_months: int
    zone: str


#: On what occasion bonus points are earned.
Occasion = Literal["first_order", "birthday_month", "category", "survey_answered", "referral"]
#: Whom a referral rewards.
Rewarded = Literal["referrer", "referred", "both"]


class BonusRule(Struct, frozen=True, kw_only=True):
    """A rule of bonus points in force, by its `id`: so many `points` on an occasion, or `per_unit` for each whole unit
    of currency of an order, net, rounded down; of a category, of the order's lines with one of its `skus`, where
    `tea-*` is all that begin so. No order below the `minimum` counts.

    A referral rewards those it is `rewards_whom`, with points that can be spent `keep_days` after the order.
    """

    id: str
    on: Occasion
    points: int | None = None
    per_unit: Decimal | None = None
    skus: tuple[str, ...] = ()
    minimum: Decimal = Decimal(0)
    rewards_whom: Rewarded = "referrer"
    keep_days: int = 0


def points_for(amount_minor: int, currency: str, per_unit: Decimal) -> int:
    """The points of a net amount in minor units, rounded down; at most MAX_POINTS."""
    numerator, denominator = per_unit.as_integer_ratio()
    unit: int = 10 ** exponent_of(currency)
    return min(amount_minor * numerator // (denominator * unit), MAX_POINTS)


def available_at(at: int, policy: PointsPolicy) -> int:
    """The instant from which points earned at an instant can be spent."""
    return at + policy.pending_days * DAY


def expires_at(at: int, policy: PointsPolicy) -> int:
    """The instant from which points earned at an instant are lost: the first of a month that is too late for them."""
    zone = ZoneInfo(policy.zone)
    earned = to_datetime(at).astimezone(zone)
    year, month = divmod(earned.year * 12 + earned.month - 1 + policy.expire_after_months + 1, 12)
    if year > to_datetime(END_OF_TIME).year:
        return FOREVER
    return to_instant(datetime(year, month + 1, 1, tzinfo=zone))
