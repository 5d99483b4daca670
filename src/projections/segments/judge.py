"""Which segments is this customer in?

Somebody is in or out. Who is out comes in at the first instant at which `enter` holds, `leave` doesn't, and the pause
since they went out is over; who is in goes out at the first at which `leave` holds and the stay is over. So at one
instant nobody turns twice, and `leave` wins. Each segment is worked out for the whole span until the next event, in the
order of the rules, so that one may ask for those before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from regulars.crm_domain.instant import FOREVER
from regulars.projections.conditions.compiled import spans
from regulars.projections.engine.projector import Judgement
from regulars.projections.facts.fact import NOTHING_TOLD, Span, Subject
from regulars.projections.facts.shared import Facts
from regulars.projections.segments.compiled import Segment
from regulars.projections.verdict import Interval, Told

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules

#: The name of the projection, by which a segment finds the earlier ones.
NAME = "segments"


class SegmentVerdict(Struct, frozen=True, gc=False):
    """Somebody is in a segment; of those in which they aren't, nothing is held."""

    value: Literal["in"] = "in"


IN = SegmentVerdict()


class State(Struct, frozen=True, array_like=True, gc=False):
    """Whether somebody is in a segment, None before they first were, and since when."""

    inside: bool | None
    since: int


class Standing(Struct, frozen=True, array_like=True):
    """The states of all segments, in the order of the rules; none before the first event."""

    states: tuple[State, ...] = ()


def judge(
    standing: Standing, facts: Facts, rules: Rules, at: int, until: int, told: Told = NOTHING_TOLD
) -> Iterator[Judgement]:
    """The states from an instant on, and wherever one of them turns by itself."""
    segments, earlier = rules.segments, list[Interval]()
    subject = Subject(facts, rules, None, 0, at, {**told, NAME: earlier} if segments.ask_each_other else told)
    states = standing.states or (State(None, at),) * len(segments.each)
    now: list[State] = []
    turns: dict[int, list[tuple[int, State]]] = {}
    for place, segment in enumerate(segments.each):
        following = _following(segment, states[place], subject, at, until)
        now.append(following[0])
        if len(following) > 1:
            for state in following[1:]:
                turns.setdefault(state.since, []).append((place, state))
        if segment.is_asked:
            earlier += memberships(segment.id, following)
    held = Standing(tuple(now))
    yield at, held, held
    for instant in sorted(turns):
        for place, state in turns[instant]:
            now[place] = state
        held = Standing(tuple(now))
        yield instant, held, held


def memberships(name: str, states: Sequence[State]) -> Iterator[Interval]:
    """When somebody is in a segment, from its states in order of time."""
    for place, state in enumerate(states):
        if state.inside:
            until = states[place + 1].since if place + 1 < len(states) else FOREVER
            yield Interval(state.since, until, IN, name)


def _following(segment: Segment, state: State, subject: Subject, at: int, until: int) -> list[State]:
    """The state of a segment at an instant, and those that follow before `until`."""
    enter = spans(segment.enter, subject, at, until)
    if not (enter or state.inside):
        return [state]
    leave = _between(enter, at, until) if segment.leave is None else spans(segment.leave, subject, at, until)
    found = [state]
    while True:
        if state.inside:
            turns_at = _first_in(leave, max(at, state.since + segment.stay))
        else:
            pause_ends = state.since if state.inside is None else state.since + segment.pause
            turns_at = _first_in_without(enter, leave, max(at, pause_ends))
        if turns_at is None:
            return found
        state = State(not state.inside, turns_at)
        if turns_at == at:
            found.clear()
        found.append(state)


def _between(spans: Sequence[Span], at: int, until: int) -> list[Span]:
    """What of [at, until) is in none of some spans."""
    found, since = list[Span](), at
    for begins, ends in spans:
        if since < begins:
            found.append((since, begins))
        since = ends
    return [*found, (since, until)] if since < until else found


def _first_in(spans: Sequence[Span], at: int) -> int | None:
    """The first instant from one on that is in one of some spans."""
    for begins, ends in spans:
        if at < ends:
            return begins if begins > at else at
    return None


def _first_in_without(spans: Sequence[Span], others: Sequence[Span], at: int) -> int | None:
    """The first instant from one on that is in one of some spans and in none of others."""
    found = _first_in(spans, at)
    while found is not None:
        blocked_until = next((ends for begins, ends in others if begins <= found < ends), None)
        if blocked_until is None:
            return found
        found = _first_in(spans, blocked_until)
    return None
