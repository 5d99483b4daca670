"""The kinds of facts that rules may ask: each makes a whole `Fact` of the few parts by which it differs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import FOREVER
from regulars.projections.facts.fact import (
    ALWAYS,
    NEVER,
    Condition,
    Fact,
    Found,
    Kind,
    Never,
    Often,
    Once,
    Span,
    Subject,
)
from regulars.projections.facts.shared import Facts, Mark, Named
from regulars.projections.verdict import days, plural


def counted(
    name: str,
    *,
    noun: str,
    of: Callable[[Facts], Sequence[Any]],
    instant: Callable[[Any], int],
    positions: Callable[[Facts, int], Sequence[int]],
    meaning: str,
    events: frozenset[type[Event]],
) -> Fact:
    """How many of something there are, at all or within a window.

    `of` gives them in order of time, `instant` when one happened, `positions` those of the events from an index on.
    """

    def first(subject: Subject, window: int | None, at: int) -> int:
        return 0 if window is None else bisect_right(of(subject.facts), at - window, key=instant)

    def found(subject: Subject, window: int | None, at: int) -> int:
        return len(of(subject.facts)) - (0 if window is None else first(subject, window, at))

    def span(subject: Subject, condition: Condition) -> Span:
        things, bound, window = of(subject.facts), condition.bound, condition.window
        if window is None or not 0 < bound <= len(things):  # no window ever holds more than there are
            return ALWAYS if condition.demands(len(things)) else NEVER
        leaves_at = instant(things[-bound]) + window
        return (-FOREVER, leaves_at) if condition.key == "from" else (leaves_at, FOREVER)

    return Fact(
        name=name,
        kind="count",
        windowed=True,
        undefined="never",
        found=found,
        flips=Once(span),
        positions=lambda subject, window, at: tuple(positions(subject.facts, first(subject, window, at))),
        words=lambda subject, found: plural(found, noun),
        meaning=meaning,
        events=events,
    )


def elapsed(
    name: str,
    *,
    undefined: str,
    since: Callable[[Subject], int | None],
    words: Callable[[Subject], str],
    positions: Callable[[Subject], Sequence[int]],
    meaning: str,
    events: frozenset[type[Event]],
) -> Fact:
    """How long ago something was: `since` an instant, None while it never was."""

    def found(subject: Subject, window: int | None, at: int) -> int | None:
        origin = since(subject)
        return None if origin is None else at - origin

    def span(subject: Subject, condition: Condition) -> Span:
        origin = since(subject)
        if origin is None:
            return NEVER
        reached_at = origin + condition.bound
        return (reached_at, FOREVER) if condition.key == "from" else (-FOREVER, reached_at)

    return Fact(
        name=name,
        kind="elapsed",
        windowed=False,
        undefined=undefined,
        found=found,
        flips=Once(span),
        positions=lambda subject, window, at: tuple(positions(subject)),
        words=lambda subject, found: f"{days(found)} {words(subject)}",
        meaning=meaning,
        events=events,
    )


def latest_answer(survey: str, *, meaning: str, events: frozenset[type[Event]]) -> Fact:
    """The score of the latest answer to a survey, while it lies within the window."""

    def found(subject: Subject, window: int | None, at: int) -> int | None:
        answer = subject.facts.answers.get(survey)
        return None if answer is None or (window is not None and at >= answer.at + window) else answer.score

    def span(subject: Subject, condition: Condition) -> Span:
        answer = subject.facts.answers.get(survey)
        if answer is None or not condition.demands(answer.score):
            return NEVER
        return ALWAYS if condition.window is None else (-FOREVER, answer.at + condition.window)

    def positions(subject: Subject, window: int | None, at: int) -> tuple[int, ...]:
        return () if found(subject, window, at) is None else (subject.facts.answers[survey].position,)

    return Fact(
        name=survey,
        kind="score",
        windowed=True,
        undefined="before the first answer, and where the latest lies outside the window",
        found=found,
        flips=Once(span),
        positions=positions,
        words=lambda subject, found: f"{survey} {found}",
        meaning=meaning,
        events=events,
    )


def steady(
    name: str,
    *,
    kind: Kind,
    undefined: str = "never",
    found: Found,
    words: Callable[[Any], str],
    positions: Callable[[Facts], Sequence[int]],
    meaning: str,
    events: frozenset[type[Event]],
) -> Fact:
    """What only events change."""
    return Fact(
        name=name,
        kind=kind,
        windowed=False,
        undefined=undefined,
        found=found,
        flips=Never(),
        positions=lambda subject, window, at: tuple(positions(subject.facts)),
        words=lambda subject, found: words(found),
        meaning=meaning,
        events=events,
    )


def flag(
    name: str,
    *,
    mark: Callable[[Facts], Mark | None],
    words: tuple[str, str],
    meaning: str,
    events: frozenset[type[Event]],
) -> Fact:
    """Whether something is so: it is while there is a mark. `words` are for yes and for no."""
    return steady(
        name,
        kind="flag",
        found=lambda subject, window, at: mark(subject.facts) is not None,
        words=lambda found: words[0] if found else words[1],
        positions=lambda facts: position_of(mark(facts)),
        meaning=meaning,
        events=events,
    )


def choice(
    name: str,
    *,
    undefined: str,
    named: Callable[[Facts], Named | None],
    words: str,
    meaning: str,
    events: frozenset[type[Event]],
) -> Fact:
    """One word of several."""

    def found(subject: Subject, window: int | None, at: int) -> str | None:
        given = named(subject.facts)
        return None if given is None else given.name

    return steady(
        name,
        kind="choice",
        undefined=undefined,
        found=found,
        words=lambda found: f"{words} {found}",
        positions=lambda facts: position_of(named(facts)),
        meaning=meaning,
        events=events,
    )


def verdict_of(
    projection: str,
    name: str,
    *,
    kind: Kind,
    of: Callable[[Any], Any],
    words: str,
    meaning: str,
    undefined: str = "before there is one",
) -> Fact:
    """What another projection holds, which has one timeline. Its own reasons tell of the events behind it."""

    def found(subject: Subject, window: int | None, at: int) -> Any:
        told = subject.told.get(projection, ())
        place = bisect_right(told, at, key=_begins) - 1
        return of(told[place].verdict) if place >= 0 else None

    def turns(subject: Subject, condition: Condition, at: int, until: int) -> list[int]:
        return [each.valid_from for each in subject.told.get(projection, ()) if at < each.valid_from < until]

    return Fact(
        name=name,
        kind=kind,
        windowed=False,
        undefined=undefined,
        found=found,
        flips=Often(turns),
        positions=lambda subject, window, at: (),
        words=lambda subject, found: f"{words} {found}",
        meaning=meaning,
        events=frozenset(),
        reads=projection,
    )


_begins = attrgetter("valid_from")


def position_of(said: Mark | Named | None) -> tuple[int, ...]:
    """The position of the event that says so, if any does."""
    return () if said is None else (said.position,)
