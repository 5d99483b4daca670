"""How many points can this customer spend, how many are pending, and when does that change?

The score is what can be spent, below zero what is owed; the value is what is pending, as text.
"""

from __future__ import annotations

from typing import get_args

from msgspec import Struct

from crm_domain.instant import to_datetime
from crm_domain.membership import Membership, MembershipEvent, balance
from projections.compiled import Rules
from projections.facts import Facts
from projections.verdict import Projector, Reason, Verdict

VERSION = 1


class Standing(Struct, frozen=True, array_like=True):
    """Nothing is carried: the balance follows from the facts alone."""


def judge(standing: Standing, facts: Facts, rules: Rules, at: int) -> tuple[Standing, Verdict, int | None]:
    """The balance at an instant. It changes by itself when a lot becomes available, and when one expires."""
    state = facts.membership or Membership()
    found = balance(state, at)
    due = (
        instant
        for lot in state.lots.values()
        if lot.remaining
        for instant in (lot.available_at, lot.expires_at)
        if instant > at
    )
    return standing, Verdict(str(found.pending), found.net), min(due, default=None)


def explain(standing: Standing, facts: Facts, rules: Rules, at: int) -> tuple[Reason, ...]:
    """Each lot that is left, in the order in which it expires; the contributions add up to what can be spent."""
    state = facts.membership or Membership()
    lots = sorted((lot for lot in state.lots.values() if lot.remaining), key=lambda lot: (lot.expires_at, lot.lot_id))
    reasons = [
        Reason(
            clause=lot.lot_id,
            sentence=f"{lot.remaining} from {_day(lot.available_at, rules)} until {_day(lot.expires_at, rules)}",
            contribution=lot.remaining if lot.available_at <= at < lot.expires_at else 0,
        )
        for lot in lots
    ]
    owed = sum(state.debts.values())
    if owed:
        reasons.append(Reason(clause="debt", sentence=f"{owed} points are owed", contribution=-owed))
    return tuple(reasons) or (Reason(clause="none", sentence="no points are left", contribution=0),)


def _day(instant: int, rules: Rules) -> str:
    return to_datetime(instant).astimezone(rules.zone).date().isoformat()


POINTS = Projector(
    name="points",
    question="How many points can this customer spend, how many are pending, and when does that change?",
    version=VERSION,
    handles=frozenset(get_args(MembershipEvent)),
    standing=Standing,
    judge=judge,
    explain=explain,
)
