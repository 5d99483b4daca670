"""Queries for segments: how many are in each, who is, who comes in and goes out soon, and what leaves how many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import InitVar, dataclass, field
from datetime import date, datetime, timedelta
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from regulars.adapters.progress import Progress
from regulars.adapters.read_models.catch_up import events_behind
from regulars.adapters.read_models.histories import History, read_facts
from regulars.adapters.read_models.membership_pages import Asked, Member, Membership, count_members, members_page
from regulars.adapters.read_models.replay import replay
from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.schema.positions import LAST_POSITION
from regulars.adapters.store.horizon import OpenTransaction
from regulars.adapters.store.transaction import Transaction
from regulars.asking.customers import folded_in, parse_cursor, require_segment
from regulars.asking.listed import families_changed
from regulars.asking.one_customer import history_of, read_contacts
from regulars.asking.paging import MAX_PAGE, Following, Paged
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.instant import FOREVER, MICROSECOND, to_datetime
from regulars.projections.engine.fold import FoldPlan, Timelines, explain, fold_until, verdict_at
from regulars.projections.rules.compiled import Rules
from regulars.projections.segments.compiled import Segment
from regulars.projections.segments.explain import ENTER, LEAVE, named
from regulars.projections.segments.projector import SEGMENTS
from regulars.projections.verdict import Interval
from regulars.session.freshness import Freshness
from regulars.session.instants import instant_of
from regulars.session.session import AnyRules, Session
from regulars.session.traced import traced
from regulars.session.viewpoint import Viewpoint


@dataclass(frozen=True, slots=True)
class SegmentCount:
    """How many customers are in a segment as of an instant, and how many come in and go out within a time by
    themselves. Forgotten customers are counted.
    """

    id: str
    title: str | None
    as_of: datetime
    members: int
    entering: int
    leaving: int


@dataclass(frozen=True, slots=True)
class SegmentMember:
    """One customer who is in a segment, or comes in: `since` when, and `until` when, None where they stay in if nothing
    happens. `ref` and `name` are today's, None once the customer is forgotten.
    """

    customer_id: CustomerId
    ref: str | None
    name: str | None
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class SegmentPage(Paged[SegmentMember]):
    """A page of the members of a segment: pass `after` to ask for the next page; it is None on the last one.

    Iterating a page that `goes_on`, because no `limit` was given, reads all pages that follow as well; `len` and
    indexes are about this page alone. `behind` and `held_back_by` are those of a page of customers.
    """

    members: tuple[SegmentMember, ...]
    as_of: datetime
    after: str | None
    behind: int = 0
    held_back_by: OpenTransaction | None = None
    goes_on: bool = field(init=False)
    following: InitVar[Following | None] = field(kw_only=True)

    def _items(self) -> tuple[SegmentMember, ...]:
        return self.members


@dataclass(frozen=True, slots=True)
class AttritionStep:
    """How many customers are left once a condition is asked as well; for a condition of `leave`, of whom not all of
    them hold.
    """

    clause: str
    condition: str
    customers: int


@dataclass(frozen=True, slots=True)
class Attrition:
    """How a segment comes to its members, condition by condition, as of an instant.

    `customers` are all there are. After the last step, `kept_in` are members who don't meet the conditions (any more),
    and `kept_out` customers who meet them and are no members: those who haven't met `leave`, by their stay, and by
    their pause. Forgotten customers are counted.
    """

    id: str
    as_of: datetime
    customers: int
    steps: tuple[AttritionStep, ...]
    kept_in: int
    kept_out: int
    members: int


class SegmentQuery(Struct, frozen=True, kw_only=True):
    """What is asked of the members of a segment. See Regulars.segment. `at` is the instant of the pages before."""

    segment: str
    asked: Asked
    within: timedelta
    as_of: datetime | date | None
    forgotten: bool
    limit: int
    after: str | None
    freshness: Freshness
    goes_on: bool
    at: int | None = None


@traced("segment")
def find_members(
    session: Session,
    query: SegmentQuery,
    known_at: datetime | date | None,
    rules: AnyRules | None,
    on_progress: Progress | None,
) -> SegmentPage:
    """A page of members: those that are stored, and customers of whom this process wrote since.

    Raises NotFound for a segment that the rules don't have.
    """
    with folded_in(session, query.freshness, known_at, rules, on_progress) as (tx, viewpoint):
        require_segment(viewpoint.ruleset, query.segment)
        found = _Asking(session, tx, viewpoint, query.freshness, query.as_of, query.at, query.within)
        page = found.page(query)
        now = tx.families(each.customer_id for each in page)
        page_ids = {each.customer_id: now.root(each.customer_id) for each in page}
        contacts = read_contacts(tx, set(page_ids.values()))
        models, last = found.models, page[-1] if len(page) == query.limit else None
        behind = events_behind(session.store, models, tx.connection, viewpoint.until, beside=found.beside_ids)
        following = partial(_following, session, replace(query, at=found.at), known_at, rules)
        place = None if last is None else found.asking(query.asked).place(last)
        return SegmentPage(
            members=tuple(
                SegmentMember(
                    customer_id=CustomerId(page_ids[each.customer_id]),
                    ref=contacts[page_ids[each.customer_id]].ref,
                    name=contacts[page_ids[each.customer_id]].name,
                    since=to_datetime(each.since),
                    until=None if each.until == FOREVER else to_datetime(each.until),
                )
                for each in page
            ),
            as_of=to_datetime(found.at),
            after=None if place is None else f"{place[0]}:{place[1]}",
            behind=behind,
            held_back_by=session.held_back_by(tx, models) if behind else None,
            following=following if query.goes_on else None,
        )


def _following(
    session: Session, query: SegmentQuery, known_at: datetime | date | None, rules: AnyRules | None, after: str
) -> SegmentPage:
    return find_members(session, replace(query, after=after, limit=MAX_PAGE), known_at, rules, None)


@traced("segments")
def count_segments(
    session: Session,
    as_of: datetime | date | None,
    within: timedelta,
    known_at: datetime | date | None,
    rules: AnyRules | None,
    freshness: Freshness,
    on_progress: Progress | None,
) -> tuple[SegmentCount, ...]:
    """How many are in each segment, come in and go out, in the order of the rules."""
    with folded_in(session, freshness, known_at, rules, on_progress) as (tx, viewpoint):
        found = _Asking(session, tx, viewpoint, freshness, as_of, None, within)
        counts = (
            {asked: found.counts(asked) for asked in ("in", "entering", "leaving")} if viewpoint.ruleset.segment else {}
        )
        return tuple(
            SegmentCount(
                id=each.id,
                title=each.title,
                as_of=to_datetime(found.at),
                members=counts["in"][each.id],
                entering=counts["entering"][each.id],
                leaving=counts["leaving"][each.id],
            )
            for each in viewpoint.ruleset.segment
        )


class _Asking:
    """One question in one snapshot. Who turns as of a day after which more happened with them is folded as of that day,
    as if nothing had happened since.
    """

    def __init__(
        self,
        session: Session,
        tx: Transaction,
        viewpoint: Viewpoint,
        freshness: Freshness,
        as_of: datetime | date | None,
        at: int | None,
        within: timedelta,
    ) -> None:
        assert viewpoint.models is not None
        self.models: ReadModels = viewpoint.models
        self._session, self._tx, self._viewpoint = session, tx, viewpoint
        self._is_then = as_of is not None
        asked_at = session.now() if as_of is None else instant_of(as_of, viewpoint.rules.zone)
        self.at = asked_at if at is None else at
        self._until = min(self.at + within // MICROSECOND, FOREVER)
        self._written = session.families_written(tx, viewpoint, freshness)
        self.beside_ids = frozenset(each for members in self._written for each in members)
        self._histories = [history_of(session.store, tx, viewpoint, members) for members in self._written]

    def asking(self, asked: Asked, beside: Iterable[str] = ()) -> Membership:
        """Who is asked for, without some customers."""
        numbers = self.models.numbers(self._tx.connection, beside)
        unchanged = self._is_then and asked != "in"
        return Membership(
            asked=asked, at=self.at, until=self._until, unchanged=unchanged, beside=frozenset(numbers.values())
        )

    def page(self, query: SegmentQuery) -> list[Member]:
        """Those who are stored and those who were folded beside them, in order."""
        question, after = self.asking(query.asked, self.beside_ids), parse_cursor(query.after)
        stored = members_page(
            self.models,
            self._tx.connection,
            SEGMENTS.name,
            query.segment,
            question,
            remembered_only=not query.forgotten,
            limit=query.limit,
            after=after,
        )
        rest = [each for key, each in self._folded(query.asked) if key == query.segment]
        left_out = frozenset() if query.forgotten else self._tx.forgotten(each.customer_id for each in rest)
        found = [
            each
            for each in rest
            if each.customer_id not in left_out and (after is None or question.place(each) > after)
        ]
        return sorted([*found, *stored], key=question.place)[: query.limit]

    def counts(self, asked: Asked) -> Counter[str]:
        """How many there are, by segment."""
        question = self.asking(asked, self.beside_ids)
        keys = [each.id for each in self._viewpoint.ruleset.segment]
        stored = count_members(self.models, self._tx.connection, SEGMENTS.name, keys, question)
        return Counter(stored) + Counter(key for key, _ in self._folded(asked))

    def _folded(self, asked: Asked) -> Iterator[tuple[str, Member]]:
        """Those who were folded beside the read models, each with the segment that they are in or turn in."""
        for history in self._histories:
            yield from _members(history, history.timelines, asked, self.at, self._until)
        if self._is_then and asked != "in":
            families = families_changed(
                self.models, self._tx, self.at, self.beside_ids, "who comes into a segment or goes out"
            )
            for members in families:
                yield from self._as_of_then(members, asked)

    def _as_of_then(self, members: tuple[str, ...], asked: Asked) -> Iterator[tuple[str, Member]]:
        rules, store = self._viewpoint.rules, self._session.store
        history = read_facts(store, self._tx.connection, members, rules, self.models.checkpoint(self._tx.connection))
        _, timelines = fold_until(history.happened, rules, self.at, (SEGMENTS,))
        yield from _members(history, timelines, asked, self.at, self._until)


def _members(history: History, timelines: Timelines, asked: Asked, at: int, until: int) -> Iterator[tuple[str, Member]]:
    spans = [each for each in timelines[SEGMENTS.name] if each.verdict is not None]
    for key in sorted({each.key for each in spans}):
        theirs = [each for each in spans if each.key == key]
        found = _span(theirs, asked, at, until)
        if found is not None:
            yield (
                key,
                Member(
                    customer=history.customer,
                    customer_id=history.members[0],
                    since=found.valid_from,
                    until=found.valid_to,
                ),
            )


def _span(spans: list[Interval], asked: Asked, at: int, until: int) -> Interval | None:
    """The span of a segment that somebody is asked for by, if they are."""
    held = verdict_at(spans, at)
    match asked:
        case "in":
            return held
        case "leaving":
            return held if held is not None and held.valid_to <= until else None
        case "entering":
            following = (each for each in spans if at < each.valid_from <= until)
            return next(following, None) if held is None else None


@traced("attrition")
def count_attrition(
    session: Session,
    segment: str,
    as_of: datetime | date | None,
    known_at: datetime | date | None,
    rules: AnyRules | None,
    on_progress: Progress | None,
) -> Attrition:
    """How many customers are left after each condition of a segment; everybody is folded for that.

    Raises NotFound for a segment that the rules don't have.
    """
    with session.store.reading() as tx:
        viewpoint = session.viewpoint(tx, known_at, rules)
        require_segment(viewpoint.ruleset, segment)
        at = session.now() if as_of is None else instant_of(as_of, viewpoint.rules.zone)
        compiled = next(each for each in viewpoint.rules.segments.each if each.id == segment)
        counting = _Attrition(viewpoint.rules, compiled, at)
        total = session.store.count_events(tx.connection)
        until = LAST_POSITION if viewpoint.until is None else viewpoint.until
        plan = FoldPlan(viewpoint.rules, (), takes=FoldPlan(viewpoint.rules, (SEGMENTS,)).minded)
        for each in replay(session.store, tx.connection, plan, until):
            counting.take(each.history)
            if on_progress and counting.customers % 1_000 == 0:
                on_progress(each.events_read, total)
        return counting.found()


class _Attrition:
    """Counts customers, one after the other, by the first condition that doesn't hold of them."""

    def __init__(self, rules: Rules, segment: Segment, at: int) -> None:
        self._rules, self._segment, self._at = rules, segment, at
        self._left = [0] * len(segment.enter.conditions)
        self._not_leaving = self._kept_in = self._kept_out = self._members = 0
        self.customers = 0

    def take(self, history: History) -> None:
        """Count one more, if anything was known of them by then."""
        _, explained = explain(history.happened, self._rules, self._at, (SEGMENTS,))
        told = next((each for each in explained if each.key == self._segment.id), None)
        if told is None:
            return
        self.customers += 1
        entering = [each.holds for each in told.reasons if each.clause == ENTER]
        leaving = [each.holds for each in told.reasons if each.clause == LEAVE]
        first_failing = entering.index(False) if False in entering else len(entering)
        for place in range(first_failing):
            self._left[place] += 1
        qualifies = all(entering) and not (leaving and all(leaving))
        is_in = told.verdict is not None
        self._not_leaving += qualifies
        self._members += is_in
        self._kept_in += is_in and not qualifies
        self._kept_out += qualifies and not is_in

    def found(self) -> Attrition:
        """What was counted."""
        enter, leave = self._segment.enter.conditions, self._segment.leave
        steps = [
            AttritionStep(ENTER, named(condition), count) for condition, count in zip(enter, self._left, strict=True)
        ]
        if leave is not None:
            together = " and ".join(map(named, leave.conditions))
            steps.append(AttritionStep(LEAVE, f"not {together}", self._not_leaving))
        return Attrition(
            id=self._segment.id,
            as_of=to_datetime(self._at),
            customers=self.customers,
            steps=tuple(steps),
            kept_in=self._kept_in,
            kept_out=self._kept_out,
            members=self._members,
        )
