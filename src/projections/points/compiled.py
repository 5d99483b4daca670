"""The rules of bonus points as decisions take them."""

from __future__ import annotations

from decimal import Decimal

from regulars.crm_domain.points import BonusRule
from regulars.projections.points.rules import EarnRule


def bonus_rule(rule: EarnRule) -> BonusRule:
    """A rule of [[earn]], ready for decisions."""
    return BonusRule(
        id=rule.id,
        on=rule.on,
        points=rule.points,
        per_unit=rule.per_unit,
        skus=rule.skus,
        minimum=rule.minimum or Decimal(0),
        rewards_whom=rule.for_ or "referrer",
        keep_days=rule.keep_days or 0,
    )
