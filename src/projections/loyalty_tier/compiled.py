"""The tiers made ready for judging: amounts in minor units, spans in microseconds."""

from __future__ import annotations

from math import ceil

from msgspec import Struct

from regulars.crm_domain.instant import DAY
from regulars.projections.loyalty_tier import rules
from regulars.projections.verdict import Verdict


class Tiers(Struct, frozen=True, kw_only=True):
    """Levels in rising order: their names and verdicts, and the minor units from which each is reached."""

    names: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    starts: tuple[int, ...]
    window: int
    hold: int
    grace: int
    members_only: bool
    returns_take_back: bool


def compile_tiers(rule: rules.Tier, exponent: int) -> Tiers:
    """Make the tiers ready, for a currency of so many digits."""
    return Tiers(
        names=tuple(level.name for level in rule.levels),
        verdicts=tuple(Verdict(level.name) for level in rule.levels),
        starts=tuple(ceil(level.from_.scaleb(exponent)) for level in rule.levels),
        window=rule.window_days * DAY,
        hold=rule.hold_days * DAY,
        grace=rule.grace_days * DAY,
        members_only=rule.members_only,
        returns_take_back=bool(rule.returns_take_back),
    )
