"""The one fold: events in, intervals out. It serves the catch-up, the rebuild, any "as of", and explain.

A customer's events come in order of time. All events of one instant are taken in together, in the order that their
facts declare, and then judged once. Between instants each projector is judged where it said that its verdict may
change; after the last event that chain runs on until nothing is due any more, so the future is stored with the past.

A fold goes on with events of later instants only. An event of an instant that was taken in, or of an earlier one, has
come late: that customer is folded afresh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import Struct, field
from msgspec.json import encode

from regulars.crm_domain.errors import InvalidRules
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import END_OF_TIME, FOREVER
from regulars.crm_domain.purchase import PurchaseRecorded
from regulars.projections.engine.corrections import BEAR_ON_THE_PAST, bears_on_the_past
from regulars.projections.engine.projector import Key, Projector, RuledKey
from regulars.projections.engine.rules_digest import rules_digest
from regulars.projections.facts.fact_set import FactSet
from regulars.projections.facts.shared import SHARED, Facts
from regulars.projections.verdict import WHOLE, Interval, Reason, Told

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules

_Standing = TypeVar("_Standing")
_Verdict = TypeVar("_Verdict")

# Beside what follows from how much there is of a customer, which no rule can bound.
MAX_FUTURE_CHANGES = 64


class Happened(Struct, frozen=True, gc=False):
    """An event as the fold needs it; `identity` says which of the merged customers it happened to."""

    at: int
    position: int
    event: Event
    identity: int = 0


class Track(Struct, Generic[_Standing, _Verdict], array_like=True):
    """One timeline's place: what it held just before `judged_at`, the instant of its last event.

    `since` is when `verdict` began to hold.
    """

    standing: _Standing
    verdict: _Verdict | None = None
    since: int = 0
    judged_at: int | None = None


#: One projector's tracks by their keys.
Tracks = dict[str, Track[Any, Any]]


class Folded(Struct):
    """One customer's fold, ready to go on: the facts that are shared, those of other sets by their names, and each
    projector's tracks by its name.
    """

    facts: Facts = field(default_factory=Facts)
    own: dict[str, Any] = field(default_factory=dict)
    tracks: dict[str, Tracks] = field(default_factory=dict)
    last_at: int | None = None
    last_position: int = 0

    def facts_of(self, fact_set: FactSet) -> Any:
        """The facts of a set, as far as they are known."""
        if fact_set is SHARED:
            return self.facts
        known = self.own.get(fact_set.name)
        if known is None:
            known = self.own[fact_set.name] = fact_set.beginning()
        return known


#: By projector, the intervals of each key in order of time, one key after the other.
Timelines = dict[str, list[Interval]]


def fold(folded: Folded, events: Iterable[Happened], rules: Rules, projectors: Sequence[Projector]) -> Timelines:
    """Take in one customer's events as `FoldPlan.fold` does, by a plan of its own."""
    return FoldPlan(rules, projectors).fold(folded, events)


class FoldPlan:
    """How events are folded by some projectors under some rules: worked out once, for any number of customers.

    What the projectors read under these rules is judged as well. Where the plan `takes` events of some types, others
    need not be read for it.
    """

    __slots__ = ("_by_type", "_courses", "_order", "_places", "_taking", "projectors", "rules", "takes")

    def __init__(
        self, rules: Rules, projectors: Sequence[Projector], *, takes: frozenset[type[Event]] | None = None
    ) -> None:
        self.rules = rules
        self.projectors = tuple(projectors)
        self.takes = takes
        self._courses: list[_Course] = []
        self._places: dict[str, int] = {}
        for projector in projectors:
            self._add(projector)
        fact_sets = [SHARED]
        for course in self._courses:
            if course.projector.facts not in fact_sets:
                fact_sets.append(course.projector.facts)
        self._taking = [(each, each.taking(rules)) for each in fact_sets]
        self._by_type: dict[type[Event], tuple[list[_Arrival], list[_TakeIn]]] = {}
        self._order = _order_of(fact_sets)

    def _add(self, projector: Projector) -> int:
        if projector.name not in self._places:
            sources = [self._add(each) for each in projector.sources(self.rules)]
            self._places[projector.name] = len(self._courses)
            read = frozenset[type[Event]]().union(*(self._courses[place].minded for place in sources))
            self._courses.append(_Course(projector, self.rules, sources, read))
        return self._places[projector.name]

    def fold(self, folded: Folded, events: Iterable[Happened]) -> Timelines:
        """Take in events and return, for each projector by name, the intervals from its last settled one on: of each
        timeline to which anything happened.

        `folded` is changed in place. Events at or below `folded.last_position` have been taken in before and are passed
        over. The tracks of what is read are in `folded` with the others, and are needed to go on. Raises ValueError for
        an event that isn't later than the last one: that customer must be folded afresh.
        """
        running, by_type = self.begin(folded), self._by_type
        newer = [each for each in events if each.position > folded.last_position]
        newest, last_at, first, count = folded.last_position, folded.last_at, 0, len(newer)
        while first < count:
            at, end = newer[first].at, first + 1
            if last_at is not None and at <= last_at:
                raise ValueError(f"an event at {at} came after one at {last_at}")
            while end < count and newer[end].at == at:
                end += 1
            together = newer[first:end]
            if end - first > 1:
                together.sort(key=self._place)
            for happened in together:
                event = happened.event
                event_type = type(event)
                if event_type not in by_type:
                    by_type[event_type] = self._reached_by(event_type)
                for place, key_of, arrive in by_type[event_type][0]:
                    run = running.begun[place] or running.at(place)
                    arrive(run, WHOLE if key_of is None else key_of(event), event, at)
            for happened in together:
                event, position = happened.event, happened.position
                for fact_set, take_in in by_type[type(event)][1]:
                    take_in(folded.facts_of(fact_set), event, at, position, happened.identity)
                if position > newest:
                    newest = position
            last_at, first = at, end
        folded.last_at, folded.last_position = last_at, newest
        found = running.finish()
        return {each.name: found.get(each.name) or [] for each in self.projectors}

    @property
    def minded(self) -> frozenset[type[Event]]:
        """The types of events that bear on any of the answers."""
        return frozenset[type[Event]]().union(*(each.minded for each in self._courses))

    def minding(self, types: Iterable[type[Event]]) -> frozenset[str]:
        """The projectors to which something happens with events of some types, and the sets of facts that take them in:
        of the others all stays as it is.
        """
        happening = set(types)
        facts = (each.name for each, take in self._taking if take and not each.handles.isdisjoint(happening))
        judged = (each.projector.name for each in self._courses if not each.minded.isdisjoint(happening))
        return frozenset((SHARED.name, *facts, *judged))

    def needed_by(self, minding: Iterable[str]) -> frozenset[str]:
        """What has to be in a fold to go on with what is `minding`: that, what it reads, and the facts of both."""
        needed = set(minding)
        for course in reversed(self._courses):  # readers come before what they read
            if course.projector.name in needed:
                needed.add(course.projector.facts.name)
                needed.update(self._courses[place].projector.name for place in course.sources)
        return frozenset(needed)

    def _place(self, happened: Happened) -> tuple[int, bytes, int]:
        """The place of an event among those of its instant."""
        rank, is_by_content = self._order.get(type(happened.event), _UNORDERED)
        return rank, encode(happened.event) if is_by_content else b"", happened.position

    def begin(self, folded: Folded) -> _AllRunning:
        """All that is judged of one customer."""
        return _AllRunning(self._courses, folded)

    def place_of(self, projector: Projector) -> int:
        """The place of one that is judged."""
        return self._places[projector.name]

    def _reached_by(self, event_type: type[Event]) -> tuple[list[_Arrival], list[_TakeIn]]:
        # Who reads others comes before them: it asks what they held until the event.
        readers_first = reversed(list(enumerate(self._courses)))
        return (
            [(place, *course.arrival(event_type)) for place, course in readers_first if event_type in course.minded],
            [(facts, take) for facts, take in self._taking if take is not None and event_type in facts.handles],
        )


#: Which place something that is judged has, which timeline an event is about (None where there is but one), and how it
#: arrives there: (running, key, event, at).
_Arrival = tuple[int, Callable[[Any], str] | None, Callable[[Any, str, Event, int], None]]
#: A set of facts, and how it takes in an event.
_TakeIn = tuple[FactSet, Callable[[Any, Event, int, int, int], None]]


_UNORDERED = (0, False)


def _order_of(fact_sets: Sequence[FactSet]) -> dict[type[Event], tuple[int, bool]]:
    """The rank that each type of event has at one instant, and whether events of it are told apart by their content.

    Where two sets declare an order of their own for a type, the first one's holds.
    """
    found: dict[type[Event], tuple[int, bool]] = {}
    for rank, types in enumerate((each for facts in fact_sets for each in facts.order), 1):
        for event_type in types if isinstance(types, frozenset) else (types,):
            found.setdefault(event_type, (rank, event_type is types))
    return found


def fold_some(events: Iterable[Happened], rules: Rules, projectors: Sequence[Projector]) -> tuple[Folded, Timelines]:
    """The fold of some events from the beginning, judged by some projectors."""
    folded = Folded()
    return folded, fold(folded, events, rules, projectors)


def concerned(old: Rules, new: Rules, projectors: Sequence[Projector]) -> tuple[Projector, ...]:
    """The projectors that may judge otherwise under other rules: by these themselves, or by what they read."""
    return tuple(each for each in projectors if rules_digest(each, old) != rules_digest(each, new))


def must_refold(folded: Folded, events: Sequence[Happened]) -> bool:
    """Whether some further events, in order, can't be taken in and all must be folded afresh: one isn't later than the
    last that was taken in, or bears on which of those stand.
    """
    if folded.last_at is None or not events:
        return False
    if events[0].at <= folded.last_at:
        return True
    bearing = [each.event for each in events if type(each.event) in BEAR_ON_THE_PAST]
    if not bearing:
        return False
    new = (each.event.order_id for each in events if isinstance(each.event, PurchaseRecorded))
    orders = {*folded.facts.order_ids, *new}
    return any(bears_on_the_past(each, orders) for each in bearing)


#: What follows for one timeline before an instant if nothing more happens: the standing and verdict just before it,
#: since when that holds, and the intervals that have ended by then.
_Ahead = tuple[Any, Any, int, list[Interval]]


class _Course:
    """How a projector is judged under some rules: what it reads by their places, and which event types bear on it."""

    __slots__ = (
        "among",
        "apart",
        "facts_of",
        "judge",
        "key_of",
        "minded",
        "names",
        "projector",
        "rules",
        "settled_by",
        "sources",
    )

    def __init__(
        self, projector: Projector, rules: Rules, sources: list[int], minded_by_sources: frozenset[type[Event]]
    ) -> None:
        self.projector = projector
        self.rules = rules
        self.sources = sources
        self.judge = projector.judge
        key = projector.key
        self.key_of = key.of if isinstance(key, Key) else None
        self.among = key.among(rules) if isinstance(key, Key) and key.among else None
        self.facts_of = key.facts if isinstance(key, Key) else None
        self.apart = key.apart if isinstance(key, RuledKey) else None
        self.names = key.names(rules) if isinstance(key, RuledKey) else (WHOLE,)
        # Those that bear on the answer by themselves; those that are only heeded don't begin it.
        self.settled_by = projector.handles | projector.heeds(rules)
        self.minded = self.settled_by | minded_by_sources
        if not self.names or (self.facts_of is not None and self.key_of is self.among is None):
            self.settled_by = self.minded = frozenset()  # the rules name no timeline

    def arrival(self, event_type: type[Event]) -> tuple[Callable[[Any], str] | None, Callable[..., None]]:
        """How events of a type arrive: at the timeline they are about, or at all where they bear on what is read."""
        if event_type in self.settled_by:
            return (self.key_of, _Running.arrive) if self.among is None else (None, _Running.arrive_at_some)
        return None, _Running.arrive if self.facts_of is None else _Running.arrive_at_all


class _AllRunning:
    """All projectors under way: each begins when it is first asked for, as nothing happens to most of them."""

    __slots__ = ("_courses", "_folded", "begun")

    def __init__(self, courses: Sequence[_Course], folded: Folded) -> None:
        self._courses = courses
        self._folded = folded
        #: By place; what is read has a lower place than who reads it.
        self.begun: list[_Running | None] = [None] * len(courses)

    def at(self, place: int) -> _Running:
        """The projector at a place."""
        run = self.begun[place]
        if run is None:
            course = self._courses[place]
            run = self.begun[place] = _Running(course, self._folded, [self.at(source) for source in course.sources])
        return run

    def finish(self) -> Timelines:
        """What `_Running.finish` gives for each that began, by name."""
        # Who reads others comes first: what it is told of them is then worked out.
        return {run.course.projector.name: run.finish() for run in reversed(self.begun) if run is not None}


class _Running:
    """A projector under way. Mutable, and never seen outside one call of `fold` or `explain`."""

    __slots__ = ("_told", "course", "facts", "intervals", "sources", "tracks")

    def __init__(self, course: _Course, folded: Folded, sources: list[_Running]) -> None:
        self.course = course
        self.facts = folded.facts_of(course.projector.facts)
        self.tracks = folded.tracks.setdefault(course.projector.name, {})
        self.intervals: dict[str, list[Interval]] = {}
        self.sources = sources
        # By key, what those who read this were told, and until when.
        self._told: dict[str, tuple[int, _Ahead]] = {}

    def arrive_at_all(self, _: str, event: Event, at: int) -> None:
        """Settle all timelines before `at`."""
        for key in list(self.tracks):
            self.arrive(key, event, at)

    def arrive_at_some(self, _: str, event: Event, at: int) -> None:
        """Settle the timelines that an event is about before `at`."""
        assert self.course.among is not None
        keys = self.course.among(event)
        for key in list(self.tracks) if keys is None else keys:
            self.arrive(key, event, at)

    def arrive(self, key: str, event: Event, at: int) -> None:
        """Settle a timeline before `at`, at which an event is about to be taken in."""
        track = self.tracks.get(key)
        if track is None:
            projector = self.course.projector
            if type(event) in projector.handles:
                self.tracks[key] = Track(projector.standing(), None, 0, at)
                self.intervals[key] = []
            return
        settled = self.intervals.get(key)
        if settled is None:
            settled = self.intervals[key] = []
        if track.judged_at != at:
            track.standing, track.verdict, track.since, ended = self.ahead(key, at, track)
            track.judged_at = at
            if ended:
                settled += ended

    def finish(self) -> list[Interval]:
        """For each timeline to which something happened, all intervals from its last settled one on, with the future
        that is already due.
        """
        found: list[Interval] = []
        for key, settled in sorted(self.intervals.items()) if len(self.intervals) > 1 else self.intervals.items():
            _, verdict, since, ended = self.ahead(key, END_OF_TIME + 1, self.tracks[key])
            found += settled
            found += ended
            if verdict is not None:
                found.append(Interval(since, FOREVER, verdict, key))
        return self._apart(found)

    def _apart(self, found: list[Interval]) -> list[Interval]:
        """Intervals as others see them: of what the rules name, those of each name."""
        apart = self.course.apart
        return found if apart is None else apart(found, self.course.rules)

    def ahead(self, key: str, end: int, track: Track[Any, Any]) -> _Ahead:
        """What follows for a timeline before `end`: judged at the last event and wherever time alone changes it."""
        if self._told and key in self._told and self._told[key][0] == end:
            return self._told[key][1]
        course, carried, verdict, since = self.course, track.standing, track.verdict, track.since
        begin, ended = track.judged_at, []
        assert begin is not None
        judged_of = self.facts if course.facts_of is None else course.facts_of(self.facts, key)
        if self.sources:
            judgements = course.judge(carried, judged_of, course.rules, begin, end, *self.told(begin, end))
        else:
            judgements = course.judge(carried, judged_of, course.rules, begin, end)
        for changes, (at, standing, judged) in enumerate(judgements):
            carried = standing
            if judged is not verdict and judged != verdict:
                if verdict is not None:
                    ended.append(Interval(since, at, verdict, key))
                verdict, since = judged, at
            if changes > MAX_FUTURE_CHANGES:
                self._require_end(changes, begin, end)
        return carried, verdict, since, ended

    def _require_end(self, changes: int, begin: int, end: int) -> None:
        """Raise InvalidRules after more changes than there may be: by how much there is of a customer, and by what is
        read; of timelines that are judged together, so many for each.
        """
        most = MAX_FUTURE_CHANGES + self.course.projector.facts.future_changes(self.facts)
        most += sum(len(each) for told in self.told(begin, end) for each in told.values())
        if changes > most * len(self.course.names):
            raise InvalidRules(f"{self.course.projector.name} changes again and again with no event in between")

    def told(self, begin: int, end: int) -> Sequence[Told]:
        """What is read in [begin, end), as `judge` and `explain` take it: nothing where these rules read nothing."""
        if not self.sources:
            return ()
        return ({source.course.projector.name: source.held(begin, end) for source in self.sources},)

    def held(self, begin: int, end: int) -> list[Interval]:
        """What holds in [begin, end) on all timelines, if nothing more happens."""
        found: list[Interval] = []
        for key in sorted(self.tracks):
            ahead = self.ahead(key, end, self.tracks[key])
            self._told[key] = end, ahead
            _, verdict, since, ended = ahead
            found += (each for each in ended if each.valid_to > begin)
            if verdict is not None:
                found.append(Interval(since, FOREVER, verdict, key))
        if self.course.apart is not None:
            return [each for each in self._apart(found) if each.verdict is not None]
        return found


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


_NOTHING_YET = (0, None, None)


def verdicts_of_facts(
    projector: Projector, history: Iterable[Event], facts: Any, rules: Rules, at: int
) -> dict[str, Any]:
    """By key, the verdicts at an instant of a projector that carries nothing, and reads no other under these rules.

    `facts` are those of the whole `history`, of which nothing is later.
    """
    assert not isinstance(projector.key, RuledKey)  # which carries
    key, found = projector.key, dict[str, Any]()
    begun = (each for each in history if type(each) in projector.handles)
    keys = ((WHOLE,) if key is None else key.begun_by(event, rules) for event in begun)
    for of in dict.fromkeys(each for some in keys for each in some):
        judged = facts if key is None else key.facts(facts, of)
        _, _, verdict = next(iter(projector.judge(projector.standing(), judged, rules, at, at + 1)), _NOTHING_YET)
        if verdict is not None:
            found[of] = verdict
    return found


class Explanation(Struct, frozen=True, kw_only=True):
    """A verdict at an instant with its reasons, and what it turns into next if nothing more happens.

    Of timelines that the rules name, `key` says which one; the verdict is None where nothing is held. `since` and
    `next_change` are about its value and score; numbers beside them may have changed meanwhile.
    """

    projection: str
    verdict: Any
    since: int
    reasons: tuple[Reason, ...]
    next_change: Interval | None
    key: str = WHOLE


def fold_until(
    events: Iterable[Happened], rules: Rules, at: int, projectors: Sequence[Projector]
) -> tuple[Folded, Timelines]:
    """The fold of what had happened by an instant, as if nothing more did."""
    return fold_some((happened for happened in events if happened.at <= at), rules, projectors)


def explain(
    events: Iterable[Happened], rules: Rules, at: int, projectors: Sequence[Projector]
) -> tuple[Folded, list[Explanation]]:
    """Each projector's verdict of the whole customer as of an instant, and of each timeline that the rules name,
    explained; and the fold of all that had happened by then.
    """
    plan, folded, explanations = FoldPlan(rules, projectors), Folded(), list[Explanation]()
    timelines = plan.fold(folded, (happened for happened in events if happened.at <= at))
    running = plan.begin(folded)
    for projector in projectors:
        if projector.explain is None or isinstance(projector.key, Key):
            continue
        told = by_key(timelines[projector.name])
        current = {key: held for key, intervals in told.items() if (held := verdict_at(intervals, at)) is not None}
        if not current:
            continue
        run = running.at(plan.place_of(projector))
        standing, *_ = run.ahead(WHOLE, at + 1, run.tracks[WHOLE])
        reasons = projector.explain(standing, run.facts, rules, at, *run.told(at, at + 1))
        for key, held in current.items():
            explanations.append(
                Explanation(
                    projection=projector.name,
                    verdict=held.verdict,
                    since=_since(told[key], held),
                    reasons=reasons[key] if isinstance(reasons, Mapping) else reasons,
                    next_change=_next_change(told[key], held),
                    key=key,
                )
            )
    return folded, explanations


def _since(intervals: Iterable[Interval], current: Interval) -> int:
    """Since when a verdict has had its value and score."""
    since = current.valid_from
    for each in intervals:
        if each.valid_to <= current.valid_from:
            since = min(since, each.valid_from) if _looks(each) == _looks(current) else current.valid_from
    return since


def _next_change(intervals: Iterable[Interval], current: Interval) -> Interval | None:
    """The next verdict of another value or score; None where there is none."""
    later = (each for each in intervals if each.valid_from >= current.valid_to)
    return next((each for each in later if _looks(each) != _looks(current)), None)


def _looks(interval: Interval) -> tuple[object, object]:
    return getattr(interval.verdict, "value", None), getattr(interval.verdict, "score", None)
