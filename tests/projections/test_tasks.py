"""Tasks over time, held against a plain walk over all days, and against the words that can be told of them."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from histories import rules
from regulars.crm_domain import task
from regulars.crm_domain.instant import DAY, FOREVER, to_datetime, to_instant
from regulars.crm_domain.task import (
    Recurrence,
    TaskAdded,
    TaskCompleted,
    TaskDropped,
    TaskEvent,
    TaskReassigned,
    TaskReopened,
    TaskSnoozed,
)
from regulars.projections.engine.fold import Folded, Happened, fold, verdict_at
from regulars.projections.tasks.projector import TASKS
from regulars.projections.verdict import Interval

ZONE = rules().zone
BEGIN = to_instant(datetime(2026, 1, 29, 9, tzinfo=ZONE))
FIRST = date(2026, 1, 31)
WALK = 800  # days that are walked over


def told(events: Sequence[TaskEvent]) -> list[Interval]:
    happened = [Happened(each.at, position, each) for position, each in enumerate(events, 1)]
    return fold(Folded(), sorted(happened, key=lambda each: each.at), rules(), (TASKS,))["tasks"]


def said(events: Sequence[TaskEvent]) -> list[tuple[str, str | None]]:
    """What holds one after another, and on which day it is due."""
    return [(each.verdict.value, each.verdict.due_day) for each in told(events)]


def local(year: int, month: int, day: int, hour: int = 0) -> int:
    return to_instant(datetime(year, month, day, hour, tzinfo=ZONE))


def added(step: Recurrence | None = None, due: date | None = FIRST) -> TaskAdded:
    once = TaskAdded(task_id="K", at=BEGIN, due_day=due)
    return once if step is None else replace(once, every=step.every, unit=step.unit, ends=step.ends)


def completed(at: int) -> TaskCompleted:
    return TaskCompleted(task_id="K", at=at, day=to_datetime(at).astimezone(ZONE).date())


# ------------------------------------------------------------------------------------------------------------- by hand


def test_what_is_due_on_a_day_is_overdue_from_its_end_in_the_business_zone() -> None:
    opened, overdue = told([added()])
    assert (opened.verdict.value, overdue.verdict.value) == ("open", "overdue")
    assert opened.valid_to == overdue.valid_from == opened.verdict.due_at == local(2026, 2, 1)
    assert overdue.valid_to == FOREVER


def test_what_is_due_at_no_time_is_open_for_ever() -> None:
    assert said([added(due=None)]) == [("open", None)]


def test_what_is_snoozed_rests_until_its_day_begins_and_is_due_by_its_end() -> None:
    snoozed = TaskSnoozed(task_id="K", at=local(2026, 2, 3, 9), due_day=date(2026, 2, 9))
    found = told([added(), snoozed])
    assert [(each.valid_from, each.verdict.value) for each in found[2:]] == [
        (local(2026, 2, 3, 9), "snoozed"),
        (local(2026, 2, 9), "open"),
        (local(2026, 2, 10), "overdue"),
    ]


def test_a_monthly_task_that_was_left_for_months_comes_back_once() -> None:
    monthly = Recurrence(every=1, unit="month")
    late = completed(local(2026, 5, 2, 10))
    assert said([added(monthly), late]) == [
        ("open", "2026-01-31"),
        ("overdue", "2026-01-31"),
        ("open", "2026-05-31"),
        ("overdue", "2026-05-31"),
    ]


def test_what_was_done_a_day_early_comes_back_after_its_own_day() -> None:
    weekly = Recurrence(every=1, unit="week")
    early = completed(local(2026, 1, 30, 10))
    assert said([added(weekly), early])[-1] == ("overdue", "2026-02-07")


def test_snoozing_moves_the_open_one_alone() -> None:
    weekly = Recurrence(every=1, unit="week")
    snoozed = TaskSnoozed(task_id="K", at=local(2026, 1, 31, 9), due_day=date(2026, 2, 4))
    assert said([added(weekly), snoozed, completed(local(2026, 2, 4, 9))])[-1] == ("overdue", "2026-02-07")
    assert said([added(weekly), snoozed, completed(local(2026, 2, 9, 9))])[-1] == ("overdue", "2026-02-14")


def test_it_is_done_when_no_day_is_left_and_reopened_the_last_one_is_open() -> None:
    weekly = Recurrence(every=1, unit="week", ends=date(2026, 2, 7))
    done = [added(weekly), completed(local(2026, 1, 31, 9)), completed(local(2026, 2, 7, 9))]
    assert said(done)[-1] == ("done", "2026-02-07")
    reopened = TaskReopened(task_id="K", at=local(2026, 2, 7, 10))
    assert said([*done, reopened])[-2:] == [("open", "2026-02-07"), ("overdue", "2026-02-07")]


def test_reopening_takes_back_what_was_settled_last() -> None:
    weekly = Recurrence(every=1, unit="week")
    reopened = TaskReopened(task_id="K", at=local(2026, 1, 31, 10))
    assert said([added(weekly), completed(local(2026, 1, 31, 9)), reopened])[-1] == ("overdue", "2026-01-31")


# ------------------------------------------------------------------------------------------------------------- for any


class Plain(Struct):
    """A task as a plain walk sees it."""

    status: str = "open"
    open_day: date | None = None
    snoozed: date | None = None
    owner: str | None = None
    settled: date | None = None  # the day of the occurrence that reopening takes back


def all_days(first: date, step: Recurrence) -> list[date]:
    """Every day on which it falls, found by looking at each day of the calendar in turn."""
    found = []
    for day in (first + timedelta(days=off) for off in range(WALK)):
        months = (day.year - first.year) * 12 + day.month - first.month
        last = monthrange(day.year, day.month)[1]
        falls = {
            "day": (day - first).days % step.every == 0,
            "week": (day - first).days % (7 * step.every) == 0,
            "month": months % step.every == 0 and day.day == min(first.day, last),
            "month_end": months % step.every == 0 and day.day == last,
        }
        if falls[step.unit] and (step.ends is None or day <= step.ends):
            found.append(day)
    return found


def walk(events: Sequence[TaskEvent], at: int) -> tuple[str, str | None, str | None]:
    """What holds at an instant, on which day it is due, and whose it is: from one event to the next."""
    first, *later = [each for each in events if each.at <= at]
    assert isinstance(first, TaskAdded)
    plain = Plain(open_day=first.due_day, owner=first.owner)
    days = [] if first.due_day is None or first.recurrence is None else all_days(first.due_day, first.recurrence)
    for event in later:
        match event:
            case TaskReopened():
                if plain.status == "dropped":
                    plain.status, plain.settled = "open", None
                elif plain.settled is not None:
                    if plain.open_day != plain.settled:
                        plain.open_day, plain.snoozed = plain.settled, None
                    plain.status, plain.settled = "open", None
                elif plain.status == "done":
                    plain.status = "open"
            case _ if plain.status != "open":
                pass
            case TaskCompleted(day=day):
                plain.settled = plain.open_day
                after = [each for each in days if plain.open_day is not None and each > max(plain.open_day, day)]
                if after:
                    plain.open_day, plain.snoozed = after[0], None
                else:
                    plain.status = "done"
            case TaskDropped():
                plain.status = "dropped"
            case TaskSnoozed(due_day=day):
                plain.snoozed = day
            case TaskReassigned(owner=owner):
                plain.owner = owner
    due = plain.snoozed or plain.open_day
    today = to_datetime(at).astimezone(ZONE).date()
    value = plain.status
    if value == "open" and plain.snoozed is not None and today < plain.snoozed:
        value = "snoozed"
    elif value == "open" and due is not None and today > due:
        value = "overdue"
    return value, None if due is None else due.isoformat(), plain.owner


steps = st.builds(
    Recurrence,
    every=st.integers(1, 5),
    unit=st.sampled_from(["day", "week", "month", "month_end"]),
    ends=st.sampled_from([None, None, date(2026, 3, 15), date(2026, 6, 30)]),
)
instants = st.builds(lambda hours: BEGIN + hours * DAY // 24, st.integers(1, 24 * 160))


def words(at: int) -> st.SearchStrategy[TaskEvent]:
    today = to_datetime(at).astimezone(ZONE).date()
    return st.one_of(
        st.just(completed(at)),
        st.just(completed(at)),
        st.just(TaskReopened(task_id="K", at=at)),
        st.just(TaskDropped(task_id="K", at=at)),
        st.sampled_from([TaskReassigned(task_id="K", at=at, owner=each) for each in ("li", None)]),
        st.integers(0, 40).map(lambda off: TaskSnoozed(task_id="K", at=at, due_day=today + timedelta(days=off))),
    )


@st.composite
def lives(draw: st.DrawFn) -> list[TaskEvent]:
    """A task from when it was added on, each word at an instant of its own."""
    step = draw(st.one_of(st.none(), steps))
    due = FIRST if step is not None else draw(st.sampled_from([None, FIRST]))
    moments = draw(st.lists(instants, unique=True, max_size=12))
    return [added(step, due), *(draw(words(at)) for at in sorted(moments))]


@given(lives(), st.lists(instants, min_size=1, max_size=8))
def test_what_is_asked_at_any_instant_is_what_a_plain_walk_over_all_days_finds(
    events: list[TaskEvent], moments: list[int]
) -> None:
    intervals = told(events)
    for at in [*moments, *(each.at for each in events), *(each.valid_from for each in intervals)]:
        held = verdict_at(intervals, at)
        assert held is not None
        assert (held.verdict.value, held.verdict.due_day, held.verdict.owner) == walk(events, at)


@given(lives())
def test_a_task_that_was_settled_never_comes_back_unless_it_repeats_or_is_reopened(events: list[TaskEvent]) -> None:
    settled: str | None = None
    for held in told(events):
        here = {type(each) for each in events if each.at == held.valid_from}
        value = held.verdict.value
        if settled is not None and value not in ("done", "dropped"):
            assert TaskReopened in here
        settled = value if value in ("done", "dropped") else None
    first = events[0]
    assert isinstance(first, TaskAdded)
    if first.recurrence is None and {TaskCompleted} == {type(each) for each in events[1:]}:
        assert told(events)[-1].verdict.value == "done"


@given(lives().filter(lambda events: len(events) < 5))
def test_in_which_order_they_are_told_makes_no_difference(events: list[TaskEvent]) -> None:
    expected = told(events)
    for order in permutations(events):
        assert told(order) == expected


def test_what_happens_at_one_instant_is_taken_in_as_declared() -> None:
    at = local(2026, 1, 31, 9)
    together = (TaskReopened(task_id="K", at=at), completed(at), TaskSnoozed(task_id="K", at=at, due_day=FIRST))
    expected = told([added(), *together])
    assert expected[-1].verdict.value == "done"
    assert all(told([added(), *order]) == expected for order in permutations(together))
    assert task.CHRONOLOGY.order[0] is TaskReopened


def test_what_is_known_of_a_task_is_nothing_of_its_text() -> None:
    folded = Folded()
    fold(folded, [Happened(BEGIN, 1, TaskAdded(task_id="K", at=BEGIN, what="Ada", title="Bo"))], rules(), (TASKS,))
    assert "Ada" not in repr(folded.own)
    assert "Bo" not in repr(folded.own)
    assert to_datetime(BEGIN).tzinfo is UTC
