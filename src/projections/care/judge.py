"""Is somebody to be reminded of this customer, and of what?

For each care rule it is held while its cause lasts and its conditions hold. What is held says since when the cause has
lasted and how its days follow one another from there: one row, whose days whoever asks works out, so that what is
stored of the future is finite. What was settled is another question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from regulars.projections.care.compiled import Care, Repeats
from regulars.projections.conditions.compiled import spans
from regulars.projections.engine.projector import Judgement
from regulars.projections.facts.fact import NOTHING_TOLD, Span, Subject
from regulars.projections.facts.shared import Facts
from regulars.projections.verdict import Told

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules

NAME = "care"


class CareVerdict(Struct, frozen=True, gc=False):
    """Somebody is to be reminded: how the days follow one another, the instant at which the cause began, and for
    "every" after how many days it is repeated, else 0.
    """

    value: Repeats
    start: int
    step: int


class State(Struct, frozen=True, array_like=True, gc=False):
    """A care rule at an instant: since when its cause has lasted, None where it doesn't; what is held, and since when
    that is so.
    """

    began: int | None
    held: CareVerdict | None
    since: int


class Standing(Struct, frozen=True, array_like=True):
    """The states of all care rules, in the order of the rules; none before the first event."""

    states: tuple[State, ...] = ()


def judge(
    standing: Standing, facts: Facts, rules: Rules, at: int, until: int, told: Told = NOTHING_TOLD
) -> Iterator[Judgement]:
    """The states from an instant on, and wherever one of them turns by itself."""
    subject = Subject(facts, rules, None, 0, at, told)
    states = standing.states or (State(None, None, at),) * len(rules.care.each)
    now: list[State] = []
    turns: dict[int, list[tuple[int, State]]] = {}
    for place, care in enumerate(rules.care.each):
        (_, first), *following = _following(care, states[place], subject, at, until)
        now.append(first)
        for instant, state in following:
            turns.setdefault(instant, []).append((place, state))
    held = Standing(tuple(now))
    yield at, held, held
    for instant in sorted(turns):
        for place, state in turns[instant]:
            now[place] = state
        held = Standing(tuple(now))
        yield instant, held, held


def _following(care: Care, state: State, subject: Subject, at: int, until: int) -> Iterator[tuple[int, State]]:
    """The state of a care rule at an instant, and those that follow before `until`, each with its instant."""
    causes = [
        (spans(each.when, subject, at, until), spans(each.unless, subject, at, until) if each.unless else [], each.step)
        for each in care.causes
    ]
    when = spans(care.when, subject, at, until)
    turning = [*when, *(span for holds, excluded, _ in causes for span in (*holds, *excluded))]
    for instant in sorted({at, *(turn for span in turning for turn in span if at < turn < until)}):
        steps = (
            step for holds, excluded, step in causes if _lies_in(holds, instant) and not _lies_in(excluded, instant)
        )
        step = next(steps, None)
        began = None if step is None else instant if state.began is None else state.began
        held = None
        if began is not None and step is not None and _lies_in(when, instant):
            held = CareVerdict(care.repeats, began, step)
        following = State(began, held, state.since if held == state.held else instant)
        if instant == at or following != state:
            yield instant, following
        state = following


def _lies_in(some: Sequence[Span], instant: int) -> bool:
    return any(begins <= instant < ends for begins, ends in some)
