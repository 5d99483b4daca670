"""How many points can this customer spend, how many are pending, and when does that change?

The score is what can be spent, below zero what is owed; the value is what is pending, as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from msgspec import Struct

from regulars.projections.engine.projector import Judgement
from regulars.projections.facts.shared import Facts
from regulars.projections.verdict import Verdict

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules


class Standing(Struct, frozen=True, array_like=True):
    """Nothing is carried: the balance follows from the facts alone."""


def judge(standing: Standing, facts: Facts, rules: Rules, at: int, until: int) -> Iterator[Judgement]:
    """The balance from an instant on. It changes by itself when a lot becomes available, and when one expires."""
    pending, net = 0, -sum(owed for state in facts.memberships.values() for owed in state.debts.values())
    turns: list[tuple[int, int, int]] = []
    for state in facts.memberships.values():
        for lot in state.lots.values():
            if lot.expires_at <= at:
                continue
            left = lot.remaining
            if not left:
                continue
            if at < lot.available_at:
                pending += left
                begins = min(lot.available_at, lot.expires_at)
                if begins < until:
                    turns.append((begins, -left, left))
            else:
                net += left
            if lot.expires_at < until:
                turns.append((lot.expires_at, 0, -left))
    yield at, standing, Verdict(str(pending), net)
    for instant, together in groupby(sorted(turns), key=itemgetter(0)):
        for _, more_pending, more_net in together:
            pending, net = pending + more_pending, net + more_net
        yield instant, standing, Verdict(str(pending), net)
