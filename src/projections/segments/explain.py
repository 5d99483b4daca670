"""What a segment asks, and whether it holds: of those who are in, and of those who aren't."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from regulars.crm_domain.instant import DAY
from regulars.projections.facts.fact import NOTHING_TOLD, Condition, Subject
from regulars.projections.facts.shared import Facts
from regulars.projections.segments.compiled import Segment
from regulars.projections.segments.judge import NAME, Standing, State, memberships
from regulars.projections.verdict import Interval, Reason, Told, day_text, plural

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules

#: What a clause is about: coming in, going out, or the time for which neither is possible.
ENTER, LEAVE, STAY, PAUSE = "enter", "leave", "stay", "pause"


def explain(
    standing: Standing, facts: Facts, rules: Rules, at: int, told: Told = NOTHING_TOLD
) -> Mapping[str, tuple[Reason, ...]]:
    """By segment each of its conditions, with what it found and whether it holds; the order is that of the rules."""
    earlier, found = list[Interval](), dict[str, tuple[Reason, ...]]()
    subject = Subject(facts, rules, None, 0, at, {**told, NAME: earlier})
    for segment, state in zip(rules.segments.each, standing.states, strict=True):
        found[segment.id] = tuple(_reasons(segment, state, subject))
        earlier += memberships(segment.id, [state])
    return found


def _reasons(segment: Segment, state: State, subject: Subject) -> Iterator[Reason]:
    at = subject.at
    for condition in segment.enter.conditions:
        yield _reason(ENTER, condition, subject)
    for condition in segment.leave.conditions if segment.leave else ():
        yield _reason(LEAVE, condition, subject)
    if state.inside and at < state.since + segment.stay:
        yield _waiting(STAY, "stays in", segment.stay, state, subject)
    if state.inside is False and at < state.since + segment.pause:
        yield _waiting(PAUSE, "stays out", segment.pause, state, subject)


def _reason(clause: str, condition: Condition, subject: Subject) -> Reason:
    fact, at = condition.fact, subject.at
    found = fact.found(subject, condition.window, at)
    words = f"{fact.name} is undefined {fact.undefined}" if found is None else fact.words(subject, found)
    return Reason(
        clause=clause,
        sentence=words + condition.text,
        positions=() if found is None else fact.positions(subject, condition.window, at),
        holds=condition.demands(found),
    )


def named(condition: Condition) -> str:
    """A condition in words, whoever it is asked of."""
    if condition.fact.kind == "flag":
        return f"{condition.fact.name} is {str(condition.bound).lower()}"
    return condition.fact.name + condition.text


def _waiting(clause: str, what: str, span: int, state: State, subject: Subject) -> Reason:
    """What keeps somebody where they are until a span is over."""
    until = day_text(state.since + span, subject.rules.zone)
    return Reason(
        clause=clause, sentence=f"{what} for {plural(span // DAY, 'day')} at least, until {until}", holds=True
    )
