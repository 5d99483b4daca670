"""The one fold: events in, intervals out. It serves the catch-up, the rebuild, any "as of", and explain.

A customer's events come in order of (occurred_at, position). All events of one instant are taken in together and then
judged once. Between instants each projector is judged where it said that its verdict may change; after the last event
that chain runs on until nothing is due any more, so the future is stored with the past.

What is saved between two runs is what each projector held *before* its last judgement: a further event of the same
instant is then judged with the first one, as if they had come together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar
from zlib import crc32

import msgspec
from msgspec import Struct, field

from crm_domain.errors import InvalidRules
from crm_domain.event import Event
from crm_domain.instant import END_OF_TIME, FOREVER
from projections.churn_risk import CHURN_RISK
from projections.compiled import Rules
from projections.facts import VERSION as FACTS_VERSION
from projections.facts import Facts, evolve
from projections.lifecycle_stage import LIFECYCLE_STAGE
from projections.loyalty_tier import LOYALTY_TIER
from projections.points import POINTS
from projections.projector import Projector
from projections.ticket_queue import TICKET_QUEUE
from projections.verdict import Reason

PROJECTORS: tuple[Projector, ...] = (LIFECYCLE_STAGE, LOYALTY_TIER, CHURN_RISK, POINTS, TICKET_QUEUE)

#: The key of the one timeline that a customer has where a projector has no keys.
WHOLE = ""

# Beside what follows from how much there is of a customer, which no rule can bound.
MAX_FUTURE_CHANGES = 64


class Happened(Struct, frozen=True, gc=False):
    """An event as the fold needs it; `identity` says which of the merged customers it happened to."""

    at: int
    position: int
    event: Event
    identity: int = 0


class Interval(Struct, frozen=True, gc=False):
    """A verdict and the span [valid_from, valid_to) in which it holds; FOREVER is no end. `key` says of what it is."""

    valid_from: int
    valid_to: int
    verdict: Any
    key: str = WHOLE


class Track(Struct, array_like=True):
    """One timeline's place: what it held just before `judged_at`, the instant of its last event.

    `since` is when `verdict` began to hold.
    """

    standing: Any
    verdict: Any = None
    since: int = 0
    judged_at: int | None = None


#: One projector's tracks by their keys.
Tracks = dict[str, Track]


class Folded(Struct):
    """One customer's fold, ready to go on: the facts, and each projector's tracks by its name."""

    facts: Facts = field(default_factory=Facts)
    tracks: dict[str, Tracks] = field(default_factory=dict)
    last_at: int | None = None
    last_position: int = 0


#: By projector, the intervals of each key in order of time, one key after the other.
Timelines = dict[str, list[Interval]]


def fold(
    folded: Folded, events: Iterable[Happened], rules: Rules, projectors: Sequence[Projector] = PROJECTORS
) -> Timelines:
    """Take in events and return, for each projector by name, the intervals from its last settled one on.

    `folded` is changed in place. Events at or below `folded.last_position` have been taken in before and are passed
    over. Raises ValueError for an event earlier than the last one: that customer must be folded afresh.
    """
    running = [_Running(each, folded.tracks.setdefault(each.name, {}), rules) for each in projectors]
    by_type: dict[type[Event], list[_Running]] = {}
    facts, newest, last_at = folded.facts, folded.last_position, folded.last_at
    for at, group in groupby((each for each in events if each.position > folded.last_position), key=_at):
        if last_at is not None and at < last_at:
            raise ValueError(f"an event at {at} came after one at {last_at}")
        together = list(group)
        for happened in together:
            event = happened.event
            event_type = type(event)
            if event_type not in by_type:
                by_type[event_type] = [run for run in running if run.minds(event_type)]
            for run in by_type[event_type]:
                run.arrive(event, facts, rules, at)
        for happened in together:
            evolve(facts, happened.event, at, happened.position, happened.identity)
            newest = max(newest, happened.position)
        last_at = at
    folded.last_at, folded.last_position = last_at, newest
    return {run.projector.name: run.finish(facts, rules) for run in running}


def fold_some(events: Iterable[Happened], rules: Rules, projectors: Sequence[Projector]) -> tuple[Folded, Timelines]:
    """The fold of some events from the beginning, judged by some projectors."""
    folded = Folded()
    return folded, fold(folded, events, rules, projectors)


def concerned(old: Rules, new: Rules, projectors: Sequence[Projector] = PROJECTORS) -> tuple[Projector, ...]:
    """The projectors that may judge otherwise under other rules."""
    return tuple(projector for projector in projectors if projector.judges_by(old) != projector.judges_by(new))


_at = attrgetter("at")


def came_late(folded: Folded, events: Sequence[Happened]) -> bool:
    """Whether any of some events, in order, happened before the last one taken in: then all must be folded afresh."""
    return bool(events) and folded.last_at is not None and events[0].at < folded.last_at


class _Running:
    """A projector under way. Mutable, and never seen outside one call of `fold`."""

    __slots__ = ("_facts_of", "_heeded", "_key_of", "intervals", "projector", "tracks")

    def __init__(self, projector: Projector, tracks: Tracks, rules: Rules) -> None:
        self.projector = projector
        self.tracks = tracks
        self.intervals: dict[str, list[Interval]] = {}
        self._heeded = projector.heeds(rules)
        self._key_of = projector.key.of if projector.key else None
        self._facts_of = projector.key.facts if projector.key else None

    def minds(self, event_type: type[Event]) -> bool:
        """Whether events of a type bear on the answer; those that are only heeded don't begin it."""
        return event_type in self.projector.handles or event_type in self._heeded

    def arrive(self, event: Event, facts: Facts, rules: Rules, at: int) -> None:
        """Settle everything before `at`, at which an event is about to be taken in."""
        key = self._key_of(event) if self._key_of else WHOLE
        track = self.tracks.get(key)
        if track is None:
            if type(event) not in self.projector.handles:
                return
            track = self.tracks[key] = Track(self.projector.standing())
        self.intervals.setdefault(key, [])
        if track.judged_at == at:
            return
        if track.judged_at is not None:
            track.standing, track.verdict, track.since = self._settle(key, track, facts, rules, at)
        track.judged_at = at

    def finish(self, facts: Facts, rules: Rules) -> list[Interval]:
        """For each timeline all intervals from its last settled one on, with the future that is already due.

        Where there are keys, of those to which something happened.
        """
        found: list[Interval] = []
        for key, settled in sorted(self.intervals.items()) if self._key_of else self._one():
            _, verdict, since = self._settle(key, self.tracks[key], facts, rules, END_OF_TIME + 1)
            found += settled
            if verdict is not None:
                found.append(Interval(since, FOREVER, verdict, key))
        return found

    def _one(self) -> Iterable[tuple[str, list[Interval]]]:
        """The one timeline that there is without keys, also where nothing happened to it."""
        return [(WHOLE, self.intervals.setdefault(WHOLE, []))] if self.tracks else []

    def _settle(self, key: str, track: Track, facts: Facts, rules: Rules, end: int) -> tuple[Any, Any, int]:
        """The standing and verdict just before `end`, and since when it holds.

        Judged at the last event and wherever time alone changes the verdict.
        """
        intervals = self.intervals.setdefault(key, [])
        carried, verdict, since = track.standing, track.verdict, track.since
        begin = track.judged_at
        assert begin is not None
        judged_of = self._facts_of(facts, key) if self._facts_of else facts
        for changes, (at, standing, judged) in enumerate(self.projector.judge(carried, judged_of, rules, begin, end)):
            carried = standing
            if judged is not verdict and judged != verdict:
                if verdict is not None:
                    intervals.append(Interval(since, at, verdict, key))
                verdict, since = judged, at
            if changes > MAX_FUTURE_CHANGES and changes > MAX_FUTURE_CHANGES + _own_changes(facts):
                raise InvalidRules(f"{self.projector.name} changes again and again with no event in between")
        return carried, verdict, since


def _own_changes(facts: Facts) -> int:
    """Orders leave a window one by one, lots begin and expire, clocks of tickets breach and are forgotten."""
    lots = sum(len(each.lots) for each in facts.memberships.values())
    return len(facts.order_instants) + 2 * lots + 8 * len(facts.tickets)


def verdict_at(intervals: Iterable[Interval], at: int) -> Interval | None:
    """The interval in which an instant lies; None before the first."""
    return next((each for each in intervals if each.valid_from <= at < each.valid_to), None)


def by_key(intervals: Iterable[Interval]) -> dict[str, list[Interval]]:
    """The intervals of a projector, told apart by their keys."""
    found: dict[str, list[Interval]] = {}
    for each in intervals:
        found.setdefault(each.key, []).append(each)
    return found


def joined(stored: list[Interval], newer: list[Interval]) -> list[Interval]:
    """What is stored of a projector, up to where newer intervals begin, and those; for each key by itself."""
    since = {key: intervals[0].valid_from for key, intervals in by_key(newer).items()}
    kept = (each for each in stored if each.key not in since or each.valid_from < since[each.key])
    return sorted([*kept, *newer], key=lambda each: (each.key, each.valid_from))


_T = TypeVar("_T")


class _Taken(Struct, array_like=True):
    """What is stored of the facts: they, and the last event that they know of."""

    facts: Facts
    last_at: int | None
    last_position: int


def dump_facts(folded: Folded) -> bytes:
    """The facts of a fold to go on with later: MessagePack, and the CRC-32 of that, as most damage leaves MessagePack
    behind.
    """
    return _sealed(_Taken(folded.facts, folded.last_at, folded.last_position))


def load_facts(data: bytes) -> Folded:
    """The fold whose facts `dump_facts` wrote, without tracks. Raises ValueError for anything else."""
    taken = _opened(data, _Taken)
    return Folded(facts=taken.facts, last_at=taken.last_at, last_position=taken.last_position)


def dump_tracks(tracks: Tracks) -> bytes:
    """One projector's tracks to go on with later, as `dump_facts` does it."""
    return _sealed(tracks)


def load_tracks(projector: Projector, data: bytes) -> Tracks:
    """The tracks of a projector that `dump_tracks` wrote. Raises ValueError for anything else."""
    return _typed(projector, _opened(data, Tracks))


def dump(folded: Folded, projectors: Sequence[Projector] = PROJECTORS) -> bytes:
    """A whole fold to go on with later, as `dump_facts` does it."""
    tracks = [folded.tracks.get(projector.name, {}) for projector in projectors]
    return _sealed(_Whole(folded.facts, tracks, folded.last_at, folded.last_position))


def load(data: bytes, projectors: Sequence[Projector] = PROJECTORS) -> Folded:
    """The fold that `dump` wrote for these projectors. Raises ValueError for anything else."""
    whole = _opened(data, _Whole)
    if len(whole.tracks) != len(projectors):
        raise ValueError("a stored fold is one of other projectors")
    tracks = {each.name: _typed(each, held) for each, held in zip(projectors, whole.tracks, strict=True)}
    return Folded(facts=whole.facts, tracks=tracks, last_at=whole.last_at, last_position=whole.last_position)


class _Whole(Struct):
    """What is stored of a whole fold: the tracks in the order of the projectors."""

    facts: Facts
    tracks: list[Tracks]
    last_at: int | None
    last_position: int


def _sealed(value: object) -> bytes:
    packed = msgspec.msgpack.encode(value)
    return packed + _checksum(packed)


def _opened(data: bytes, kind: type[_T]) -> _T:
    packed = data[:-_CHECKSUM_BYTES]
    if data[-_CHECKSUM_BYTES:] != _checksum(packed):
        raise ValueError("the checksum of a stored fold is not that of the fold")
    try:
        return msgspec.msgpack.decode(packed, type=kind)
    except msgspec.DecodeError as error:
        raise ValueError(f"a stored fold can't be decoded: {error}") from None


def _typed(projector: Projector, tracks: Tracks) -> Tracks:
    try:
        for track in tracks.values():
            track.standing = msgspec.convert(track.standing, projector.standing)
            track.verdict = msgspec.convert(track.verdict, projector.verdict | None)
    except msgspec.ValidationError as error:
        raise ValueError(f"the tracks of {projector.name} can't be read: {error}") from None
    return tracks


_CHECKSUM_BYTES = 4


def _checksum(packed: bytes) -> bytes:
    return crc32(packed).to_bytes(_CHECKSUM_BYTES, "big")


def code_versions() -> dict[str, int]:
    """What is stored depends on: the versions of the facts, of the ticket queue and of each projector."""
    return {"facts": FACTS_VERSION} | {projector.name: projector.version for projector in PROJECTORS}


class Explanation(Struct, frozen=True, kw_only=True):
    """A verdict at an instant with its reasons, and what it turns into next if nothing more happens."""

    projection: str
    verdict: Any
    since: int
    reasons: tuple[Reason, ...]
    next_change: Interval | None


def fold_until(
    events: Iterable[Happened], rules: Rules, at: int, projectors: Sequence[Projector] = PROJECTORS
) -> tuple[Folded, Timelines]:
    """The fold of what had happened by an instant, as if nothing more did."""
    return fold_some((happened for happened in events if happened.at <= at), rules, projectors)


def explain(
    events: Iterable[Happened], rules: Rules, at: int, projectors: Sequence[Projector] = PROJECTORS
) -> tuple[Folded, list[Explanation]]:
    """Each projector's verdict of the whole customer as of an instant, explained; and the fold of all that had happened
    by then.
    """
    folded, timelines = fold_until(events, rules, at, projectors)
    explanations = []
    for projector in projectors:
        current = verdict_at(timelines[projector.name], at) if projector.key is None else None
        if current is None or projector.explain is None:
            continue
        standing = _standing_at(projector, folded.tracks[projector.name][WHOLE], folded.facts, rules, at)
        explanations.append(
            Explanation(
                projection=projector.name,
                verdict=current.verdict,
                since=current.valid_from,
                reasons=projector.explain(standing, folded.facts, rules, at),
                next_change=verdict_at(timelines[projector.name], current.valid_to),
            )
        )
    return folded, explanations


def _standing_at(projector: Projector, track: Track, facts: Facts, rules: Rules, at: int) -> Any:
    if track.judged_at is None:
        return track.standing
    *_, (_, standing, _) = projector.judge(track.standing, facts, rules, track.judged_at, at + 1)
    return standing
