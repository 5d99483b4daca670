"""The shapes that every projector shares: a verdict, the reasons for it, and the projector itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from crm_domain.event import Event
from crm_domain.instant import DAY
from projections.compiled import Rules
from projections.facts import Facts


class Verdict(Struct, frozen=True):
    """What a projector holds of a customer: a value, and a score where it has one (0 to 100)."""

    value: str
    score: int | None = None


class Reason(Struct, frozen=True, kw_only=True):
    """One clause of a verdict: its id in the rules, a sentence, and the positions of the events behind it.

    `contribution` is the clause's share of the score; the contributions of a verdict add up to its score.
    """

    clause: str
    sentence: str
    positions: tuple[int, ...] = ()
    contribution: int | None = None


#: An instant, the standing from then on, and the verdict that goes with it.
Judgement = tuple[int, Any, Verdict]
#: (standing, facts, rules, at, until) -> the judgement at `at`, and one for each later instant before `until` at which
#: time alone may change it, in order
Judge = Callable[[Any, Facts, Rules, int, int], Iterable[Judgement]]
#: (standing, facts, rules, at), with the standing that `judge` gave for that instant
Explain = Callable[[Any, Facts, Rules, int], tuple[Reason, ...]]


class Projector(Struct, frozen=True, kw_only=True):
    """One question that is answered for every instant.

    `handles` are the event types that can change the answer; `standing` is what is carried from verdict to verdict;
    `judges_by` gives the part of the rules on which the answer depends.
    Raise `version` whenever the same events and rules may give other answers.
    """

    name: str
    question: str
    version: int
    handles: frozenset[type[Event]]
    standing: Any
    judges_by: Callable[[Rules], object]
    judge: Judge
    explain: Explain


def days(elapsed: int) -> str:
    """Whole days of an elapsed time in microseconds, for a sentence."""
    return plural(elapsed // DAY, "day")


def plural(count: int, noun: str) -> str:
    """A count with its noun, for a sentence."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
