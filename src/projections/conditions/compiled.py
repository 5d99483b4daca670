"""Conditions made ready to be asked, in the units of what is found, and when several of them hold together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from types import MappingProxyType

from msgspec import Struct

from regulars.crm_domain.instant import DAY
from regulars.projections.conditions import rules
from regulars.projections.facts import table as fact_table
from regulars.projections.facts.fact import Bound, Condition, Key, Kind, Often, Once, Span, Subject, for_good
from regulars.projections.verdict import money_text


def compile_conditions(given: Iterable[rules.ConditionRule], exponent: int) -> tuple[Condition, ...]:
    """Conditions with one bound each, in the order in which they were written, for a currency of so many digits."""
    return tuple(condition for each in given for condition in _conditions(each, exponent))


def _holding_in_one_span(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """Those that hold in one span, what is quickest to work out first: where one fails, the rest isn't asked."""
    once = (each for each in conditions if not isinstance(each.fact.flips, Often))
    return tuple(sorted(once, key=lambda each: _QUICKEST_FIRST.index(each.fact.kind)))


def _flipping_often(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """The others."""
    return tuple(each for each in conditions if isinstance(each.fact.flips, Often))


_QUICKEST_FIRST: tuple[Kind, ...] = ("flag", "elapsed", "score", "choice", "ratio", "count", "amount", "set")


class When(Struct, frozen=True, kw_only=True):
    """Conditions that must hold together, as they were written, and as they are asked: `once` are those that hold in
    one span, what is quickest to work out first; `often` are the others.
    """

    conditions: tuple[Condition, ...]
    once: tuple[Condition, ...]
    often: tuple[Condition, ...]


def compile_when(given: Iterable[rules.ConditionRule], exponent: int) -> When:
    """Make conditions that must hold together ready, for a currency of so many digits."""
    conditions = compile_conditions(given, exponent)
    return When(conditions=conditions, once=_holding_in_one_span(conditions), often=_flipping_often(conditions))


def spans(when: When, subject: Subject, at: int, until: int) -> list[Span]:
    """The spans in [at, until) in which all conditions hold if nothing more happens, in order."""
    begins, ends = at, until
    for condition in when.once:
        since, till = condition.span(subject, condition)
        if since > begins:
            begins = since
        if till < ends:
            ends = till
        if begins >= ends:
            return []
    return _stepped(when.often, subject, begins, ends) if when.often else [(begins, ends)]


def _stepped(conditions: Sequence[Condition], subject: Subject, at: int, until: int) -> list[Span]:
    """The spans in [at, until) in which all of some conditions hold, by asking wherever one of them may flip."""
    found: list[Span] = []
    if at >= until:
        return found
    flips: set[int] = set()
    for condition in conditions:
        flips.update(condition.flips(subject, at, until))
    since: int | None = None
    for instant in sorted({at, *flips}) if flips else (at,):
        for condition in conditions:
            if not condition.holds(subject, instant):
                if since is not None:
                    found.append((since, instant))
                    since = None
                break
        else:
            since = instant if since is None else since
    if since is not None:
        found.append((since, until))
    return found


def _conditions(rule: rules.ConditionRule, exponent: int) -> Iterator[Condition]:
    fact = fact_table.FACTS[rule.fact]
    within = f" within {rule.within_days} days" if rule.within_days else ""
    for key, given in rule.bounds:
        bound, text = _bound(key, given, fact.kind, exponent)
        yield Condition(
            fact=fact,
            span=fact.flips.span if isinstance(fact.flips, Once) else for_good,
            key="from" if key == "above" else key,
            bound=bound,
            window=None if rule.within_days is None else rule.within_days * DAY,
            text=f"{within} ({text})" if text else within,
        )


def _bound(key: Key, given: rules.Given, kind: Kind, exponent: int) -> tuple[Bound, str]:
    """A bound in the unit of what is found, and in words. A bound between two units is reached with the next one, and
    more than a bound is the next unit above it.
    """
    match given:
        case bool():
            return given, ""
        case Decimal() if kind == "amount":
            minor = ceil(Fraction(given) * 10**exponent)
            return minor, f"{_SAID[key]} {money_text(minor, exponent)}"
        case Decimal():
            exact, text = Fraction(given), f"{_SAID[key]} {given.normalize():f}"
            if kind == "elapsed":
                return floor(exact * DAY) + 1 if key == "above" else ceil(exact * DAY), text
            return exact if kind == "ratio" else int(exact), text
        case _:
            return frozenset(given), f"{_SAID[key]} {', '.join(given)}"


_SAID: Mapping[Key, str] = MappingProxyType(
    {
        "from": "at least",
        "above": "more than",
        "below": "below",
        "in": "one of",
        "not_in": "none of",
        "has": "each of",
        "any": "any of",
        "lacks": "none of",
    }
)
