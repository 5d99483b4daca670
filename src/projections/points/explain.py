"""The lots behind a balance of points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.crm_domain.membership import Lot, balance
from regulars.projections.facts.shared import Facts
from regulars.projections.points.judge import Standing
from regulars.projections.verdict import Reason, day_text

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules


def explain(standing: Standing, facts: Facts, rules: Rules, at: int) -> tuple[Reason, ...]:
    """Each lot that is left, in the order in which it expires; the contributions add up to what can be spent."""
    reasons = [_reason(lot, rules, at) for lot in _lots(facts)]
    owed = sum(balance(state, at).debt for state in facts.memberships.values())
    if owed:
        reasons.append(Reason(clause="debt", sentence=f"{owed} points are owed", contribution=-owed))
    return tuple(reasons) or (Reason(clause="none", sentence="no points are left", contribution=0),)


def _reason(lot: Lot, rules: Rules, at: int) -> Reason:
    begins, ends = day_text(lot.available_at, rules.zone), day_text(lot.expires_at, rules.zone)
    return Reason(
        clause=lot.lot_id,
        sentence=f"{lot.remaining} from {begins} until {ends}",
        contribution=lot.remaining if lot.available_at <= at < lot.expires_at else 0,
    )


def _lots(facts: Facts) -> list[Lot]:
    """What is left of each lot's points, in the order in which they expire."""
    left = [lot for state in facts.memberships.values() for lot in state.lots.values() if lot.remaining]
    return sorted(left, key=lambda lot: (lot.expires_at, lot.lot_id))
