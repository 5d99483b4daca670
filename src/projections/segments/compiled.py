"""Segments made ready for judging: conditions in the units of what is found, spans of days in microseconds."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import DAY
from regulars.projections.conditions.compiled import When, compile_when
from regulars.projections.facts.fact import Condition
from regulars.projections.facts.table import SEGMENT
from regulars.projections.segments import rules


class Segment(Struct, frozen=True, kw_only=True):
    """A segment. Without a `leave` they go out where `enter` doesn't hold; `stay` and `pause` are in microseconds.

    `is_asked` is whether a later segment asks for it.
    """

    id: str
    enter: When
    leave: When | None
    stay: int
    pause: int
    is_asked: bool

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All conditions that it has."""
        return (*self.enter.conditions, *(self.leave.conditions if self.leave else ()))


class Segments(Struct, frozen=True, kw_only=True):
    """The segments in the order of the rules, and their `places` in it, in alphabetical order of their ids.

    `events` are the types that can change the facts that they ask, `reads` the other projections that they ask;
    `ask_each_other` is whether one asks for an earlier one.
    """

    each: tuple[Segment, ...]
    places: tuple[int, ...]
    names: tuple[str, ...]
    events: frozenset[type[Event]]
    reads: frozenset[str]
    ask_each_other: bool


def compile_segments(given: Sequence[rules.SegmentRule], exponent: int) -> Segments:
    """Make the segments ready, for a currency of so many digits."""
    asked = {word for each in given for word in rules.asked_by(each)}
    segments = tuple(_segment(each, exponent, is_asked=each.id in asked) for each in given)
    facts = {condition.fact.name: condition.fact for each in segments for condition in each.conditions}
    read = {fact.reads for fact in facts.values() if fact.reads}
    places = sorted(range(len(segments)), key=lambda place: segments[place].id)
    return Segments(
        each=segments,
        places=tuple(places),
        names=tuple(segments[place].id for place in places),
        events=frozenset().union(*(fact.events for fact in facts.values())),
        reads=frozenset(read - {SEGMENT.reads}),
        ask_each_other=SEGMENT.reads in read,
    )


def _segment(rule: rules.SegmentRule, exponent: int, *, is_asked: bool) -> Segment:
    return Segment(
        id=rule.id,
        enter=compile_when(rule.enter, exponent),
        leave=None if rule.leave is None else compile_when(rule.leave, exponent),
        stay=rule.stay_days * DAY,
        pause=rule.pause_days * DAY,
        is_asked=is_asked,
    )
