"""Care rules made ready for judging: causes and conditions in the units of what is found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from regulars.crm_domain.event import Event
from regulars.projections.care import rules
from regulars.projections.conditions.compiled import When, compile_when
from regulars.projections.conditions.rules import ConditionRule
from regulars.projections.facts.fact import Condition

#: How the days of a reminder follow one another: the one day on which it began, that and each so many days after it,
#: each year, or as the holidays and the birthdays come.
Repeats = Literal["once", "every", "yearly", "holiday", "birthday"]


class Cause(Struct, frozen=True, kw_only=True):
    """What a reminder comes from, while it lasts: conditions, and others that exclude it; `step` is that of "every", in
    days.
    """

    when: When
    unless: When | None = None
    step: int = 0


class Care(Struct, frozen=True, kw_only=True):
    """A care rule: it is about whichever of its `causes` lasts, while the conditions in `when` hold."""

    id: str
    repeats: Repeats
    causes: tuple[Cause, ...]
    when: When


class CareRules(Struct, frozen=True, kw_only=True):
    """The care rules in the order of the rules, and their `places` in it, in alphabetical order of their ids.

    `events` are the types that can change the facts that they ask, `reads` the other projections that they ask.
    """

    each: tuple[Care, ...]
    places: tuple[int, ...]
    names: tuple[str, ...]
    events: frozenset[type[Event]]
    reads: frozenset[str]


_REPEATS: dict[rules.On, Repeats] = {
    "first_order": "yearly",
    "birthday": "birthday",
    "holiday": "holiday",
    "verdict": "once",
    "no_contact": "every",
}


def compile_care(given: Sequence[rules.CareRule], exponent: int) -> CareRules:
    """Make the care rules ready, for a currency of so many digits."""
    every = tuple(_care(each, exponent) for each in given)
    facts = {condition.fact.name: condition.fact for each in every for condition in _conditions(each)}
    places = sorted(range(len(every)), key=lambda place: every[place].id)
    return CareRules(
        each=every,
        places=tuple(places),
        names=tuple(every[place].id for place in places),
        events=frozenset().union(*(fact.events for fact in facts.values())),
        reads=frozenset(fact.reads for fact in facts.values() if fact.reads),
    )


def _conditions(care: Care) -> Iterator[Condition]:
    for cause in care.causes:
        yield from cause.when.conditions
        yield from cause.unless.conditions if cause.unless else ()
    yield from care.when.conditions


def _care(rule: rules.CareRule, exponent: int) -> Care:
    return Care(
        id=rule.id,
        repeats=_REPEATS[rule.on],
        causes=tuple(_causes(rule, exponent)),
        when=compile_when(rule.when, exponent),
    )


def _causes(rule: rules.CareRule, exponent: int) -> Iterator[Cause]:
    match rule.on:
        case "verdict":
            yield Cause(when=compile_when(rule.begins, exponent))
        case "first_order":
            yield Cause(when=compile_when((_asks("orders", {"from": 1}),), exponent))
        case "no_contact":
            yield from _without_contact(rule, exponent)
        case _:
            yield Cause(when=compile_when((), exponent))


def _without_contact(rule: rules.CareRule, exponent: int) -> Iterator[Cause]:
    for days in sorted(set(rule.days_by_tier.values())):
        tiers = sorted(tier for tier, its in rule.days_by_tier.items() if its == days)
        asked = (_since_contact(days), _asks("tier", {"in": tiers}))
        yield Cause(when=compile_when(asked, exponent), step=days)
    if rule.days is not None:
        others = _asks("tier", {"in": sorted(rule.days_by_tier)}) if rule.days_by_tier else None
        yield Cause(
            when=compile_when((_since_contact(rule.days),), exponent),
            unless=None if others is None else compile_when((others,), exponent),
            step=rule.days,
        )


def _since_contact(days: int) -> ConditionRule:
    return _asks("days_since_contact", {"from": days})


def _asks(fact: str, bounds: dict[str, object]) -> ConditionRule:
    return ConditionRule.model_validate({"fact": fact, **bounds})
