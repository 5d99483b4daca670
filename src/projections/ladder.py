"""The ladder of stages made ready for judging: conditions in the units of what is found, and those left to be asked.

What events alone decide is looked up, not asked: for each bracket of each count, and each flag, the ladder has the
rungs that can be reached then, with the conditions that are left. It is quicker, and changes no answer.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from math import ceil, prod
from types import MappingProxyType
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from crm_domain.event import Event
from crm_domain.instant import DAY
from projections import fact_table
from projections import rules as grammar
from projections.fact import Bound, Condition, Fact, Key, Kind, Never, Often, Once, Subject, for_good
from projections.verdict import Verdict, money_text

# Rules may ask more counts than it takes memory to prepare for; those that come last are asked like anything else.
_MOST_BRACKETS = 1_000


class Rung(Struct, frozen=True, kw_only=True):
    """One rung of the ladder: its conditions as they were written, and those that are asked.

    `once` are those that hold in one span, what is quickest to work out first; `often` are the others.
    """

    id: str
    verdict: Verdict
    spell: frozenset[str]
    conditions: tuple[Condition, ...]
    once: tuple[Condition, ...]
    often: tuple[Condition, ...]


class Brackets(Struct, frozen=True):
    """The values of a fact, by the bounds that conditions have: below the first, from the first on, and so on."""

    fact: Fact
    starts: tuple[int, ...]


class Ladder(Struct, frozen=True, kw_only=True):
    """The rungs, and the types of events that can change the facts that they ask.

    `left` is nested, a level for each of `brackets`; innermost are the rungs that can be reached.
    """

    rungs: tuple[Rung, ...]
    events: frozenset[type[Event]]
    brackets: tuple[Brackets, ...]
    left: tuple[Any, ...]

    def reachable(self, subject: Subject) -> tuple[Rung, ...]:
        """The rungs that can be reached, each with the conditions that are left to be asked."""
        left = self.left
        for each in self.brackets:
            left = left[bisect_right(each.starts, each.fact.found(subject, None, subject.at))]
        return left


def compile_ladder(rule: grammar.Lifecycle, exponent: int) -> Ladder:
    """Make the ladder ready, for a currency of so many digits."""
    rungs = tuple(_rung(stage, exponent) for stage in rule.stage)
    asked = {condition.fact.name: condition.fact for rung in rungs for condition in rung.conditions}
    brackets = _brackets(asked, rungs)
    return Ladder(
        rungs=rungs,
        events=frozenset().union(*(fact.events for fact in asked.values())),
        brackets=brackets,
        left=_left(rungs, brackets),
    )


def _rung(rule: grammar.StageRule, exponent: int) -> Rung:
    conditions = tuple(condition for each in rule.when for condition in _conditions(each, exponent))
    quickest_first = sorted(conditions, key=lambda each: _QUICKEST_FIRST.index(each.fact.kind))
    return Rung(
        id=rule.id,
        verdict=Verdict(rule.stage),
        spell=frozenset(rule.spell),
        conditions=conditions,
        once=tuple(each for each in quickest_first if not isinstance(each.fact.flips, Often)),
        often=tuple(each for each in conditions if isinstance(each.fact.flips, Often)),
    )


# Where one condition fails, the rest of a rung isn't asked.
_QUICKEST_FIRST: tuple[Kind, ...] = ("flag", "elapsed", "score", "choice", "ratio", "count", "amount", "set")


def _brackets(asked: Mapping[str, Fact], rungs: tuple[Rung, ...]) -> tuple[Brackets, ...]:
    found: list[Brackets] = []
    for fact in asked.values():
        if not _events_alone_decide(fact):
            continue
        bounds = {each.bound for rung in rungs for each in rung.conditions if each.fact is fact}
        starts = (1,) if fact.kind == "flag" else tuple(sorted(bounds - {0}))
        if prod(len(each.starts) + 1 for each in found) * (len(starts) + 1) <= _MOST_BRACKETS:
            found.append(Brackets(fact, starts))
    return tuple(found)


def _events_alone_decide(fact: Fact) -> bool:
    """Whether a fact, asked without a window, is one of few values that time alone doesn't change."""
    if fact.kind == "count" and fact.windowed:
        return isinstance(fact.flips, Once)
    return fact.kind in ("flag", "count") and isinstance(fact.flips, Never)


def _left(rungs: tuple[Rung, ...], brackets: tuple[Brackets, ...]) -> tuple[Any, ...]:
    if not brackets:
        return rungs
    first, *others = brackets
    least = (0, *first.starts)
    return tuple(_left(tuple(_knowing(rungs, first.fact, value)), tuple(others)) for value in least)


def _knowing(rungs: tuple[Rung, ...], fact: Fact, value: int) -> Iterator[Rung]:
    """The rungs that can be reached where a fact lies in the bracket that begins with a value."""
    for rung in rungs:
        decided = {each: _holds_for_good(each, value) for each in rung.once if each.fact is fact}
        if False in decided.values():
            continue
        yield replace(rung, once=tuple(each for each in rung.once if decided.get(each) is None))


def _holds_for_good(condition: Condition, value: int) -> bool | None:
    """Whether a condition holds for good or never will; None where that depends on time."""
    if condition.window is not None and value >= condition.bound > 0:
        return None
    return condition.demands(value)  # no window ever holds more than there is


def _conditions(rule: grammar.ConditionRule, exponent: int) -> Iterator[Condition]:
    fact = fact_table.FACTS[rule.fact]
    within = f" within {rule.within_days} days" if rule.within_days else ""
    for key, given in rule.bounds:
        bound, text = _bound(key, given, fact.kind, exponent)
        yield Condition(
            fact=fact,
            span=fact.flips.span if isinstance(fact.flips, Once) else for_good,
            key=key,
            bound=bound,
            window=None if rule.within_days is None else rule.within_days * DAY,
            text=f"{within} ({text})" if text else within,
        )


def _bound(key: Key, given: grammar.Given, kind: Kind, exponent: int) -> tuple[Bound, str]:
    """A bound in the unit of what is found, and in words. A bound between two units is reached with the next one."""
    match given:
        case bool():
            return given, ""
        case Decimal() if kind == "amount":
            minor = ceil(Fraction(given) * 10**exponent)
            return minor, f"{_SAID[key]} {money_text(minor, exponent)}"
        case Decimal():
            exact = Fraction(given)
            bound = ceil(exact * DAY) if kind == "elapsed" else exact if kind == "ratio" else int(exact)
            return bound, f"{_SAID[key]} {given.normalize():f}"
        case _:
            return frozenset(given), f"{_SAID[key]} {', '.join(given)}"


_SAID: Mapping[Key, str] = MappingProxyType(
    {
        "from": "at least",
        "below": "below",
        "in": "one of",
        "not_in": "none of",
        "has": "each of",
        "lacks": "none of",
    }
)
