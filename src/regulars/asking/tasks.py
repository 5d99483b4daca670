"""What is to be done: tasks in order of when they are due, one task in full, and the days on which they fall."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import cast, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from regulars.adapters.progress import Progress
from regulars.adapters.read_models.catch_up import events_behind
from regulars.adapters.read_models.histories import read_facts
from regulars.adapters.read_models.keyed_pages import HeldKey
from regulars.adapters.read_models.task_pages import WantedTasks, place_of, task_page
from regulars.adapters.store.horizon import OpenTransaction
from regulars.adapters.store.transaction import Transaction
from regulars.asking.audit import AuditEntry, entries_of
from regulars.asking.customers import folded_in
from regulars.asking.held import cursor_of, place_after
from regulars.asking.one_customer import Contact, history_of, read_clauses, read_contacts, span
from regulars.asking.paging import MAX_PAGE, Following, Paged
from regulars.asking.views import Clause, Span
from regulars.crm_domain import task
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.errors import NotFound, StoreUnusable
from regulars.crm_domain.event import Recorded
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.rulebook import NOBODY
from regulars.crm_domain.task import Recurrence, TaskAdded, TaskEvent, repeats_in_words, upcoming
from regulars.projections.engine.fold import by_key, fold_until, verdict_at
from regulars.projections.tasks.explain import explain
from regulars.projections.tasks.items import TASKS_KNOWN
from regulars.projections.tasks.judge import TaskValue, TaskVerdict
from regulars.projections.tasks.projector import TASKS
from regulars.projections.verdict import Interval
from regulars.session.freshness import Freshness
from regulars.session.instants import instant_of
from regulars.session.session import AnyRules, Session
from regulars.session.traced import traced
from regulars.session.viewpoint import Viewpoint

#: A task that isn't settled.
UNSETTLED: tuple[TaskValue, ...] = ("open", "snoozed", "overdue")
#: On so many days at most tasks are said to fall.
MAX_DAYS = 10_000


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task as of an instant: "open", "snoozed", "overdue", "done" or "dropped", `since` then.

    `due_at` is the instant from which it is overdue unless it is settled; what is due on a day is overdue from the end
    of that `due_day` in the business's zone. Both are None for what is due at no time. What repeats begins on `starts`
    by a `recurrence`, and `falls_on` is the day of the open occurrence before any snoozing. `what` is None once the
    customer is forgotten; `customer_id` is None for what is nobody's.
    """

    task_id: str
    customer_id: CustomerId | None
    ref: str | None
    what: str | None
    value: TaskValue
    since: datetime
    due_at: datetime | None
    due_day: date | None
    owner: str | None
    ticket_id: str | None
    opportunity_id: str | None
    starts: date | None
    recurrence: Recurrence | None
    falls_on: date | None

    @property
    def repeats(self) -> str | None:
        """How it repeats, in words: "every 2 weeks until 2026-12-31"; None for what is done once."""
        return None if self.recurrence is None else repeats_in_words(self.recurrence)


@dataclass(frozen=True, slots=True)
class TaskPage(Paged[TaskView]):
    """Some tasks, and where to go on: pass `after` to ask for the next page, None where this was the last.

    Iterating a page that `goes_on`, because no `limit` was given, goes through all that follow as well; `len` and
    indexes are about this page alone. `behind` and `held_back_by` are those of a page of customers.
    """

    tasks: tuple[TaskView, ...]
    after: str | None
    as_of: datetime
    behind: int = 0
    held_back_by: OpenTransaction | None = None
    goes_on: bool = field(init=False)
    following: InitVar[Following | None] = field(kw_only=True)

    def _items(self) -> tuple[TaskView, ...]:
        return self.tasks


@dataclass(frozen=True, slots=True)
class WholeTask:
    """One task as of an instant, why it stands where it does, and all that had happened to it by then, oldest first.

    `values` are over all of time, what is due by itself included.
    """

    task: TaskView
    as_of: datetime
    reasons: tuple[Clause, ...]
    values: tuple[Span, ...]
    events: tuple[AuditEntry, ...]


@dataclass(frozen=True, slots=True)
class TaskDay:
    """A day on which a task falls; one that `is_open` waits to be settled, others of the same task come after it."""

    day: date
    task: TaskView
    is_open: bool


class TaskQuery(Struct, frozen=True, kw_only=True):
    """What is asked of a list of tasks. See Regulars.tasks. `at` is the instant of the pages before."""

    value: str | None
    owner: str | None
    customer: str | CustomerId | None
    until: datetime | date | None
    as_of: datetime | date | None
    limit: int
    after: str | None
    freshness: Freshness
    goes_on: bool
    at: int | None = None

    @property
    def values(self) -> tuple[str, ...]:
        """The values that are wanted."""
        return UNSETTLED if self.value is None else (self.value,)


@traced("tasks")
def find_tasks(
    session: Session,
    query: TaskQuery,
    known_at: datetime | date | None,
    rules: AnyRules | None,
    on_progress: Progress | None,
) -> TaskPage:
    """A page of tasks. Read models are built first where there are none that answer. Raises NotFound for an unknown
    customer, and ValueError for what is no value of a task.
    """
    if query.value not in (None, *get_args(TaskValue)):
        raise ValueError(f'value is one of {", ".join(get_args(TaskValue))}, not "{query.value}"')
    following = partial(_following, session, query, known_at, rules)
    with folded_in(session, query.freshness, known_at, rules, on_progress) as (tx, viewpoint):
        return _page(session, tx, viewpoint, query, following)


def _following(
    session: Session,
    query: TaskQuery,
    known_at: datetime | date | None,
    rules: AnyRules | None,
    at: int,
    after: str,
) -> TaskPage:
    return find_tasks(session, replace(query, at=at, after=after, limit=MAX_PAGE), known_at, rules, None)


def _page(
    session: Session, tx: Transaction, viewpoint: Viewpoint, query: TaskQuery, following: Callable[[int, str], TaskPage]
) -> TaskPage:
    models, connection, zone = viewpoint.models, tx.connection, viewpoint.rules.zone
    assert models is not None
    at = query.at
    if at is None:
        at = session.now() if query.as_of is None else instant_of(query.as_of, zone)
    families = session.families_written(tx, viewpoint, query.freshness)
    beside = [each for members in families for each in members]
    whose = None if query.customer is None else session.members(tx, query.customer, viewpoint.until)
    numbers = models.numbers(connection, [*beside, *(whose or ())])
    wanted = WantedTasks(
        values=query.values,
        owner=query.owner,
        due_until=None if query.until is None else _due_by(query.until, zone),
        customers=None if whose is None else tuple(numbers[each] for each in whose if each in numbers),
        beside=[numbers[each] for each in beside if each in numbers],
    )
    after = None if query.after is None else place_after(query.after)
    found = task_page(models, connection, at, wanted, limit=query.limit, after=after)
    gone = tx.forgotten(members[0] for members in families)
    remembered = (members for members in families if members[0] not in gone)
    told = (each for members in remembered for each in _held(session, tx, viewpoint, members, at))
    some = [each for each in told if _is_wanted(each, wanted, whose) and (after is None or place_of(each) > after)]
    if some:
        found = sorted([*found, *some], key=place_of)[: query.limit]
    behind = events_behind(session.store, models, connection, viewpoint.until, beside=beside)
    return TaskPage(
        tasks=tuple(view_tasks(session, tx, found)),
        after=cursor_of(place_of(found[-1])) if len(found) == query.limit else None,
        as_of=to_datetime(at),
        behind=behind,
        held_back_by=session.held_back_by(tx, models) if behind else None,
        following=partial(following, at) if query.goes_on else None,
    )


def _due_by(until: datetime | date, zone: ZoneInfo) -> int:
    """The last instant from which what is due by then is overdue: of a day, its end, where the next begins."""
    at = instant_of(until, zone)
    return at if isinstance(until, datetime) else at + 1


def _held(
    session: Session, tx: Transaction, viewpoint: Viewpoint, members: tuple[str, ...], at: int
) -> Iterator[HeldKey]:
    """The tasks of one family as of an instant, with what isn't folded in yet."""
    whole = history_of(session.store, tx, viewpoint, members)
    for intervals in by_key(whole.timelines[TASKS.name]).values():
        held = verdict_at(intervals, at)
        if held is not None:
            yield HeldKey(customer=whole.customer, customer_id=members[0], interval=held)


def _is_wanted(held: HeldKey, wanted: WantedTasks, whose: Sequence[str] | None) -> bool:
    verdict: TaskVerdict = held.interval.verdict
    is_due = wanted.due_until is None or (verdict.due_at is not None and verdict.due_at <= wanted.due_until)
    is_theirs = whose is None or held.customer_id in whose
    return is_due and is_theirs and verdict.value in wanted.values and wanted.owner in (None, verdict.owner)


# ------------------------------------------------------------------------------------------------- as people read them


def view_tasks(session: Session, tx: Transaction, found: Sequence[HeldKey]) -> Iterator[TaskView]:
    """Tasks as people read them; the texts of these alone are decrypted."""
    contacts = read_contacts(tx, {each.customer_id for each in found if each.customer_id != NOBODY})
    texts = read_texts(session, tx, [each.interval.key for each in found])
    for each in found:
        yield _view(each, contacts.get(each.customer_id, Contact()), texts.get(each.interval.key))


def read_texts(session: Session, tx: Transaction, task_ids: Sequence[str]) -> dict[str, str | None]:
    """What is to be done, by the ids of tasks; nothing of those that can't be read."""
    try:
        return {
            each.event.task_id: each.event.what or each.event.title
            for events in task_events(session, tx, task_ids).values()
            for each in events
            if isinstance(each.event, TaskAdded)
        }
    except StoreUnusable:  # one that can't be read is no reason to be silent about the others
        if len(task_ids) <= 1:
            return {}
        return {key: text for each in task_ids for key, text in read_texts(session, tx, [each]).items()}


def task_events(session: Session, tx: Transaction, task_ids: Iterable[str]) -> dict[str, list[Recorded[TaskEvent]]]:
    """What happened to some tasks, by their ids, each in the order in which it happened."""
    streams = {session.store.stream_of(task.CATEGORY, each): each for each in task_ids}
    found: dict[str, list[Recorded[TaskEvent]]] = {each: [] for each in streams.values()}
    for recorded in tx.log.streams(streams):
        if isinstance(recorded.event, TaskEvent):
            found[streams[recorded.stream_id]].append(cast("Recorded[TaskEvent]", recorded))
    return {each: task.CHRONOLOGY.in_order(events) for each, events in found.items()}


def _view(held: HeldKey, contact: Contact, what: str | None) -> TaskView:
    interval: Interval = held.interval
    verdict: TaskVerdict = interval.verdict
    recurrence = None
    if verdict.every is not None and verdict.unit is not None:
        recurrence = Recurrence(every=verdict.every, unit=verdict.unit, ends=_day(verdict.ends))
    return TaskView(
        task_id=interval.key,
        customer_id=None if held.customer_id == NOBODY else CustomerId(held.customer_id),
        ref=contact.ref,
        what=what,
        value=verdict.value,
        since=to_datetime(interval.valid_from),
        due_at=None if verdict.due_at is None else to_datetime(verdict.due_at),
        due_day=_day(verdict.due_day),
        owner=verdict.owner,
        ticket_id=verdict.ticket_id,
        opportunity_id=verdict.opportunity_id,
        starts=_day(verdict.starts),
        recurrence=recurrence,
        falls_on=_day(verdict.falls_on),
    )


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


# ----------------------------------------------------------------------------------------------------------- one task


@traced("task")
def find_task(
    session: Session,
    task_id: str,
    as_of: datetime | date | None,
    known_at: datetime | date | None,
    rules: AnyRules | None,
) -> WholeTask:
    """One task, from a fold of just what had happened by then. Raises NotFound where there is none of that id, or it
    wasn't added by then.
    """
    with session.store.reading() as tx:
        viewpoint = session.viewpoint(tx, known_at, rules)
        events = [each for each in task_events(session, tx, [task_id])[task_id] if viewpoint.knows(each.position)]
        if not events:
            raise NotFound(f'there is no task "{task_id}"{viewpoint.known_then}')
        last = max(each.occurred_at for each in events)
        at = max(session.now(), last) if as_of is None else instant_of(as_of, viewpoint.rules.zone)
        whose = events[0].customer_id
        members = (NOBODY,) if whose == NOBODY else session.members(tx, CustomerId(whose), viewpoint.until)
        history = read_facts(session.store, tx.connection, members, viewpoint.rules, viewpoint.until)
        folded, timelines = fold_until(history.happened, viewpoint.rules, at, (TASKS,))
        intervals = by_key(timelines[TASKS.name]).get(task_id, [])
        held = verdict_at(intervals, at)
        if held is None:
            raise NotFound(f'task "{task_id}" was not added yet by {to_datetime(at).isoformat()}')
        reasons = explain(None, folded.facts_of(TASKS_KNOWN).known[task_id], viewpoint.rules, at)
        found = HeldKey(customer=history.customer, customer_id=members[0], interval=held)
        (view,) = view_tasks(session, tx, [found])
        happened = [each for each in events if each.occurred_at <= at]
        return WholeTask(
            task=view,
            as_of=to_datetime(at),
            reasons=read_clauses(session.store, tx, reasons),
            values=tuple(map(span, intervals)),
            events=entries_of(tx, session.store.registry.catalogue, happened),
        )


# ------------------------------------------------------------------------------------------------------- a span of days


@traced("task days")
def find_task_days(
    session: Session,
    query: TaskQuery,
    known_at: datetime | date | None,
    rules: AnyRules | None,
    since: date,
    before: date,
) -> tuple[TaskDay, ...]:
    """The days in [since, before) on which tasks fall that aren't settled as of an instant, in order of time.

    Raises ValueError for a span without a day, and for more than 10,000 days of tasks.
    """
    if before <= since:
        raise ValueError(f"the span begins on {since}, and so ends after that, not before {before}")
    with session.store.reading() as tx:
        zone = session.viewpoint(tx, known_at, rules).rules.zone
    page = find_tasks(session, replace(query, until=before - timedelta(days=1), goes_on=True), known_at, rules, None)
    today = page.as_of.astimezone(zone).date()
    found: list[TaskDay] = []
    for each in page:
        found += _days_of(each, since, before, today, zone)
        if len(found) > MAX_DAYS:
            raise ValueError(f"tasks fall on more than {MAX_DAYS:,} days from {since} to {before}; ask for fewer days")
    return tuple(sorted(found, key=_in_order))


def _in_order(each: TaskDay) -> tuple[date, bool, str, str]:
    """By day, and within one first what is due at a time."""
    at = each.task.due_at if each.task.due_day is None else None
    return each.day, at is None, "" if at is None else at.isoformat(), each.task.task_id


def _days_of(each: TaskView, since: date, before: date, today: date, zone: ZoneInfo) -> Iterator[TaskDay]:
    """The open occurrence of a task, and those after it: the next comes when that is settled, today at the earliest."""
    if each.due_at is None:
        return
    day = each.due_day or each.due_at.astimezone(zone).date()
    if since <= day < before:
        yield TaskDay(day=day, task=each, is_open=True)
    if each.starts is None or each.recurrence is None or each.falls_on is None:
        return
    after = max(each.falls_on, day, today, since - timedelta(days=1))
    for later in upcoming(each.starts, each.recurrence, after, before - timedelta(days=1)):
        yield TaskDay(day=later, task=each, is_open=False)
