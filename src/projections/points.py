"""How many points can this customer spend, how many are pending, and when does that change?

The score is what can be spent, below zero what is owed; the value is what is pending, as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import get_args

from msgspec import Struct

from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.membership import Balance, Lot, MembershipEvent, balance
from regulars.projections.engine.projector import Judgement, Projector
from regulars.projections.facts.shared import Facts
from regulars.projections.rules.compiled import Rules
from regulars.projections.verdict import Reason, Verdict

VERSION = 1


class Standing(Struct, frozen=True, array_like=True):
    """Nothing is carried: the balance follows from the facts alone."""


def judge(standing: Standing, facts: Facts, rules: Rules, at: int, until: int) -> Iterator[Judgement]:
    """The balance from an instant on. It changes by itself when a lot becomes available, and when one expires."""
    pending, net = 0, -sum(owed for state in facts.memberships.values() for owed in state.debts.values())
    turns: list[tuple[int, int, int]] = []
    for state in facts.memberships.values():
        for lot in state.lots.values():
            if lot.expires_at <= at or not lot.remaining:
                continue
            left = lot.remaining
            if at < lot.available_at:
                pending += left
                turns.append((min(lot.available_at, lot.expires_at), -left, left))
            else:
                net += left
            turns.append((lot.expires_at, 0, -left))
    yield at, standing, Verdict(str(pending), net)
    for instant, together in groupby(sorted(turn for turn in turns if turn[0] < until), key=itemgetter(0)):
        for _, more_pending, more_net in together:
            pending, net = pending + more_pending, net + more_net
        yield instant, standing, Verdict(str(pending), net)


def balances(facts: Facts, at: int) -> list[Balance]:
    """Where the points are at an instant, by membership: merged customers may have one that was cancelled beside."""
    return [balance(state, at) for state in facts.memberships.values()]


def _lots(facts: Facts) -> list[Lot]:
    """What is left of each lot's points, in the order in which they expire."""
    left = [lot for state in facts.memberships.values() for lot in state.lots.values() if lot.remaining]
    return sorted(left, key=lambda lot: (lot.expires_at, lot.lot_id))


def explain(standing: Standing, facts: Facts, rules: Rules, at: int) -> tuple[Reason, ...]:
    """Each lot that is left, in the order in which it expires; the contributions add up to what can be spent."""
    reasons = [
        Reason(
            clause=lot.lot_id,
            sentence=f"{lot.remaining} from {_day(lot.available_at, rules)} until {_day(lot.expires_at, rules)}",
            contribution=lot.remaining if lot.available_at <= at < lot.expires_at else 0,
        )
        for lot in _lots(facts)
    ]
    owed = sum(each.debt for each in balances(facts, at))
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
    judges_by=(),
    judge=judge,
    explain=explain,
)
