"""The ladder of stages made ready for judging: conditions in the units of what is found, and those left to be asked.

What events alone decide is looked up, not asked: for each bracket of each count, and each flag, the ladder has the
rungs that can be reached then, with the conditions that are left. It is quicker, and changes no answer.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from regulars.crm_domain.event import Event
from regulars.projections.conditions.compiled import When, compile_when
from regulars.projections.facts.fact import Condition, Fact, Found, Never, Once, Subject
from regulars.projections.lifecycle_stage import rules
from regulars.projections.verdict import Verdict

# Rules may ask more counts than it takes memory to prepare for; those that come last are asked like anything else.
_MOST_BRACKETS = 1_000


class Rung(Struct, frozen=True, kw_only=True):
    """One rung of the ladder: its conditions as they were written, and those that are left to be asked."""

    id: str
    verdict: Verdict
    spell: frozenset[str]
    when: When


#: How a fact is found, and the bounds that conditions have: its brackets are below the first, from it on, and so on.
Brackets = tuple[Found, tuple[int, ...]]


class Ladder(Struct, frozen=True, kw_only=True):
    """The rungs, the types of events that can change the facts that they ask, and the other projections that they ask.

    `left` is nested, a level for each of `brackets`; innermost are the rungs that can be reached.
    """

    rungs: tuple[Rung, ...]
    events: frozenset[type[Event]]
    reads: frozenset[str]
    brackets: tuple[Brackets, ...]
    left: tuple[Any, ...]

    def reachable(self, subject: Subject) -> tuple[Rung, ...]:
        """The rungs that can be reached, each with the conditions that are left to be asked."""
        left, at = self.left, subject.at
        for found, starts in self.brackets:
            left = left[bisect_right(starts, found(subject, None, at))]
        return left


def compile_ladder(rule: rules.Lifecycle, exponent: int) -> Ladder:
    """Make the ladder ready, for a currency of so many digits."""
    rungs = tuple(_rung(stage, exponent) for stage in rule.stage)
    asked = {condition.fact.name: condition.fact for rung in rungs for condition in rung.when.conditions}
    bracketed = _bracketed(asked, rungs)
    return Ladder(
        rungs=rungs,
        events=frozenset().union(*(fact.events for fact in asked.values())),
        reads=frozenset(fact.reads for fact in asked.values() if fact.reads),
        brackets=tuple((fact.found, starts) for fact, starts in bracketed),
        left=_left(rungs, bracketed),
    )


def _rung(rule: rules.StageRule, exponent: int) -> Rung:
    return Rung(
        id=rule.id,
        verdict=Verdict(rule.stage),
        spell=frozenset(rule.spell),
        when=compile_when(rule.when, exponent),
    )


_Bracketed = tuple[tuple[Fact, tuple[int, ...]], ...]


def _bracketed(asked: Mapping[str, Fact], rungs: tuple[Rung, ...]) -> _Bracketed:
    bracketed: list[tuple[Fact, tuple[int, ...]]] = []
    for fact in asked.values():
        if not _events_alone_decide(fact):
            continue
        bounds = {each.bound for rung in rungs for each in rung.when.conditions if each.fact is fact}
        starts = (1,) if fact.kind == "flag" else tuple(sorted(bounds - {0}))
        if prod(len(each) + 1 for _, each in bracketed) * (len(starts) + 1) <= _MOST_BRACKETS:
            bracketed.append((fact, starts))
    return tuple(bracketed)


def _events_alone_decide(fact: Fact) -> bool:
    """Whether a fact, asked without a window, is one of few values that time alone doesn't change."""
    if fact.kind == "count" and fact.windowed:
        return isinstance(fact.flips, Once)
    return fact.kind in ("flag", "count") and isinstance(fact.flips, Never)


def _left(rungs: tuple[Rung, ...], bracketed: _Bracketed) -> tuple[Any, ...]:
    if not bracketed:
        return rungs
    (fact, starts), others = bracketed[0], bracketed[1:]
    return tuple(_left(tuple(_knowing(rungs, fact, value)), others) for value in (0, *starts))


def _knowing(rungs: tuple[Rung, ...], fact: Fact, value: int) -> Iterator[Rung]:
    """The rungs that can be reached where a fact lies in the bracket that begins with a value."""
    for rung in rungs:
        decided = {each: _holds_for_good(each, value) for each in rung.when.once if each.fact is fact}
        if False in decided.values():
            continue
        left = tuple(each for each in rung.when.once if decided.get(each) is None)
        yield replace(rung, when=replace(rung.when, once=left))


def _holds_for_good(condition: Condition, value: int) -> bool | None:
    """Whether a condition holds for good or never will; None where that depends on time."""
    if condition.window is not None and value >= condition.bound > 0:
        return None
    return condition.demands(value)  # no window ever holds more than there is
