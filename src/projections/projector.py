"""A projector: one question that is answered for every instant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from crm_domain.event import Event
from projections.compiled import Rules
from projections.facts import Facts
from projections.verdict import Reason, Verdict

#: An instant, the standing from then on, and the verdict that goes with it.
Judgement = tuple[int, Any, Verdict]
#: (standing, facts, rules, at, until) -> the judgement at `at`, and one for each later instant before `until` at which
#: time alone may change it, in order
Judge = Callable[[Any, Facts, Rules, int, int], Iterable[Judgement]]
#: (standing, facts, rules, at), with the standing that `judge` gave for that instant
Explain = Callable[[Any, Facts, Rules, int], tuple[Reason, ...]]


def _none_more(rules: Rules) -> frozenset[type[Event]]:
    return frozenset()


class Projector(Struct, frozen=True, kw_only=True):
    """One question that is answered for every instant.

    `handles` are the event types that can change the answer, and with the first of which it begins; `heeds` are those
    that can change it, once it has begun, because these rules ask for what they tell. `standing` is what is carried
    from verdict to verdict; `judges_by` gives the part of the rules on which the answer depends.
    Raise `version` whenever the same events and rules may give other answers.
    """

    name: str
    question: str
    version: int
    handles: frozenset[type[Event]]
    standing: Any
    judges_by: Callable[[Rules], object]
    heeds: Callable[[Rules], frozenset[type[Event]]] = _none_more
    judge: Judge
    explain: Explain
