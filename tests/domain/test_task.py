"""Tasks: invariants of their decider, and the days of what repeats."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import ValidationError

from given import NOW, given
from regulars.crm_domain.instant import DAY, to_datetime, to_instant
from regulars.crm_domain.task import (
    AddTask,
    CompleteTask,
    DropTask,
    ReassignTask,
    Recurrence,
    ReopenTask,
    SnoozeTask,
    TaskAdded,
    TaskCompleted,
    TaskDropped,
    TaskReassigned,
    TaskReopened,
    TaskSnoozed,
    upcoming,
)
from regulars.crm_domain.task.schedule import day_at, places_until

TODAY = date(2026, 3, 1)
YESTERDAY = to_datetime(NOW - DAY)
BEFORE = NOW - 9 * DAY

ADD = AddTask(task_id="K-1", customer="shop:1", what="Call back", due=date(2026, 3, 2), owner="li")
ADDED = TaskAdded(task_id="K-1", at=NOW, what="Call back", due_day=date(2026, 3, 2), owner="li")
WAITING = replace(ADDED, at=BEFORE)
WEEKLY = replace(WAITING, due_day=date(2026, 2, 23), every=1, unit="week")
COMPLETED = TaskCompleted(task_id="K-1", at=NOW, day=TODAY)
DROPPED = TaskDropped(task_id="K-1", at=NOW)
REOPENED = TaskReopened(task_id="K-1", at=NOW)


def at(command: Any, moment: datetime) -> Any:
    return command.model_copy(update={"occurred_at": moment})


# ------------------------------------------------------------------------------------------------------------- adding


def test_what_is_to_be_done_is_written_down_and_the_same_again_changes_nothing() -> None:
    given().when(ADD).then(ADDED)
    given(ADDED).when(ADD).then_nothing()
    given(ADDED).when(at(ADD, YESTERDAY)).then_nothing()


@pytest.mark.parametrize("other", [{"what": "Write"}, {"due": None}, {"customer": None}, {"owner": None}])
def test_an_id_that_is_taken_is_refused(other: dict[str, Any]) -> None:
    given(ADDED).when(ADD.model_copy(update=other)).then_rejected("task_id_taken")


def test_what_is_nobodys_stands_in_the_clear_and_what_is_a_customers_never_does() -> None:
    ours = AddTask(task_id="K-2", what="Order paper")
    given().when(ours).then(TaskAdded(task_id="K-2", at=NOW, title="Order paper"))
    assert ADDED.title is None


def test_what_is_due_at_a_time_is_due_at_its_instant() -> None:
    moment = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    due = AddTask(task_id="K-2", what="Order paper", due=moment)
    given().when(due).then(TaskAdded(task_id="K-2", at=NOW, title="Order paper", due_at=to_instant(moment)))


REPEATS = {
    "every day": Recurrence(every=1, unit="day"),
    "every 10 days": Recurrence(every=10, unit="day"),
    "every 2 weeks": Recurrence(every=2, unit="week"),
    "every month": Recurrence(every=1, unit="month"),
    "last day of the month": Recurrence(every=1, unit="month_end"),
    "last day of every 3 months": Recurrence(every=3, unit="month_end"),
}


@pytest.mark.parametrize("words", REPEATS)
def test_how_a_task_repeats_is_said_in_words(words: str) -> None:
    last = date(2026, 3, 31)
    command = AddTask(task_id="K-2", what="Count the till", due=last, repeats=words, until=date(2027, 1, 1))
    found = TaskAdded(task_id="K-2", at=NOW, title="Count the till", due_day=last, ends=date(2027, 1, 1))
    step = REPEATS[words]
    given().when(command).then(replace(found, every=step.every, unit=step.unit))


@pytest.mark.parametrize("words", ["every 0 days", "every 1001 weeks", "daily", "every -1 days", "every 2 years", ""])
def test_what_is_no_way_to_repeat_is_refused_with_what_is_expected(words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        AddTask(task_id="K-2", what="Count", due=TODAY, repeats=words)
    assert len(refused.value.errors()) == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"repeats": "every day"}, "repeat_without_day"),
        ({"repeats": "every day", "due": datetime(2026, 3, 2, tzinfo=UTC)}, "repeat_without_day"),
        ({"until": TODAY, "due": TODAY}, "no_repeat"),
        ({"repeats": "every day", "due": TODAY, "until": date(2026, 2, 28)}, "ends_too_early"),
        ({"repeats": "last day of the month", "due": date(2026, 3, 30)}, "not_a_last_day"),
    ],
)
def test_what_cant_repeat_is_refused(fields: dict[str, Any], code: str) -> None:
    given().when(AddTask(task_id="K-2", what="Count", **fields)).then_rejected(code)


@pytest.mark.parametrize("due", ["soon", "2026-02-30", "2026-03-01T12:00:00", "0001-01-01", "9999-12-31", 7])
def test_a_due_day_is_a_day_or_a_time_with_a_zone_in_years_that_there_are(due: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        AddTask.model_validate({"task_id": "K-2", "what": "Count", "due": due})
    assert [each["loc"] for each in refused.value.errors()] == [("due",)]


# ------------------------------------------------------------------------------------------------------------ settling


def test_only_what_was_added_can_be_spoken_of_and_nothing_happens_to_it_before() -> None:
    for command in (CompleteTask(task_id="K-1"), ReopenTask(task_id="K-1"), ReassignTask(task_id="K-1", owner="max")):
        given().when(command).then_rejected("unknown_task")
        given(ADDED).when(at(command, YESTERDAY)).then_rejected("out_of_order")


def test_what_was_done_is_done_and_reopened_it_is_open_again() -> None:
    complete, reopen = CompleteTask(task_id="K-1"), ReopenTask(task_id="K-1")
    given(WAITING).when(complete).then(COMPLETED)
    given(WAITING, COMPLETED).when(complete).then_nothing()
    given(WAITING, COMPLETED).when(reopen).then(REOPENED)
    given(WAITING, COMPLETED, REOPENED).when(reopen).then_nothing()
    given(WAITING, COMPLETED, REOPENED).when(complete).then(COMPLETED)


def test_what_was_dropped_is_not_to_be_done_until_it_is_reopened() -> None:
    drop = DropTask(task_id="K-1")
    given(WAITING).when(drop).then(DROPPED)
    given(WAITING, DROPPED).when(drop).then_nothing()
    given(WAITING, DROPPED).when(CompleteTask(task_id="K-1")).then_rejected("task_dropped")
    given(WAITING, DROPPED).when(ReopenTask(task_id="K-1")).then(REOPENED)


@pytest.mark.parametrize("settled", [COMPLETED, DROPPED], ids=["done", "dropped"])
def test_what_is_settled_is_neither_snoozed_nor_reassigned(settled: Any) -> None:
    code = "task_done" if settled is COMPLETED else "task_dropped"
    given(WAITING, settled).when(SnoozeTask(task_id="K-1", until=date(2026, 3, 9))).then_rejected(code)
    given(WAITING, settled).when(ReassignTask(task_id="K-1", owner="max")).then_rejected(code)
    given(WAITING, COMPLETED).when(DropTask(task_id="K-1")).then_rejected("task_done")


def test_what_is_told_with_its_time_is_written_down_also_where_it_changes_nothing() -> None:
    happened = (WAITING, replace(COMPLETED, at=NOW - 2 * DAY, day=TODAY - timedelta(days=2)))
    told = TaskCompleted(task_id="K-1", at=NOW - DAY, day=TODAY - timedelta(days=1))
    given(*happened).when(at(CompleteTask(task_id="K-1"), YESTERDAY)).then(told)


def test_a_task_has_one_owner_or_none() -> None:
    given(WAITING).when(ReassignTask(task_id="K-1", owner="li")).then_nothing()
    given(WAITING).when(ReassignTask(task_id="K-1", owner=None)).then(TaskReassigned(task_id="K-1", at=NOW))


def test_a_task_is_snoozed_until_what_is_still_to_come() -> None:
    def snooze(until: Any) -> SnoozeTask:
        return SnoozeTask(task_id="K-1", until=until)

    given(WAITING).when(snooze(TODAY)).then(TaskSnoozed(task_id="K-1", at=NOW, due_day=TODAY))
    given(WAITING).when(snooze(YESTERDAY.date())).then_rejected("snoozed_to_the_past")
    given(WAITING).when(snooze(to_datetime(NOW))).then_rejected("snoozed_to_the_past")
    later = TaskSnoozed(task_id="K-1", at=NOW, due_at=NOW + 1)
    given(WAITING).when(snooze(to_datetime(NOW + 1))).then(later)
    given(WAITING, later).when(snooze(to_datetime(NOW + 1))).then_nothing()


# ----------------------------------------------------------------------------------------------------------- repeating


def test_a_retry_doesnt_complete_what_comes_next() -> None:
    complete = CompleteTask(task_id="K-1")
    given(WEEKLY).when(complete).then(COMPLETED)
    given(WEEKLY, COMPLETED).when(complete).then_nothing()  # the next one is due tomorrow
    given(WEEKLY, COMPLETED).when(at(complete, to_datetime(NOW))).then(COMPLETED)
    tomorrow = replace(COMPLETED, at=NOW + DAY, day=date(2026, 3, 2))
    given(WEEKLY, COMPLETED, now=NOW + DAY).when(complete).then(tomorrow)


def test_reopening_what_repeats_takes_back_what_was_settled_last_and_nothing_before() -> None:
    reopen = ReopenTask(task_id="K-1")
    given(WEEKLY).when(reopen).then_nothing()
    given(WEEKLY, COMPLETED).when(reopen).then(REOPENED)
    given(WEEKLY, COMPLETED, REOPENED).when(reopen).then_nothing()
    given(WEEKLY, COMPLETED, DROPPED, REOPENED).when(reopen).then_nothing()


def test_what_repeats_is_done_when_no_day_is_left() -> None:
    ending = replace(WEEKLY, ends=date(2026, 3, 1))
    given(ending, COMPLETED).when(SnoozeTask(task_id="K-1", until=date(2026, 3, 9))).then_rejected("task_done")


def test_from_the_31st_a_month_falls_on_its_last_day() -> None:
    monthly, ends = Recurrence(every=1, unit="month"), Recurrence(every=1, unit="month_end")
    first = date(2028, 1, 31)
    days = ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]
    assert [str(day_at(first, monthly, place)) for place in range(4)] == days
    assert [str(day_at(date(2028, 2, 29), ends, place)) for place in range(3)] == days[1:]
    assert str(day_at(date(2028, 2, 29), monthly, 1)) == "2028-03-29"
    quarters = upcoming(first, Recurrence(every=3, unit="month"), first, date(2029, 1, 31))
    assert [str(each) for each in quarters] == ["2028-04-30", "2028-07-31", "2028-10-31", "2029-01-31"]


@drawn(
    st.dates(date(2023, 1, 1), date(2030, 12, 31)),
    st.sampled_from(["day", "week", "month", "month_end"]),
    st.integers(1, 14),
    st.integers(-40, 1_500),
)
def test_the_place_of_the_next_day_is_how_many_there_were(first: date, unit: Any, every: int, off: int) -> None:
    step, day = Recurrence(every=every, unit=unit), first + timedelta(days=off)
    place = places_until(first, step, day)
    following = day_at(first, step, place)
    assert following is not None
    assert following > day
    before = None if place == 0 else day_at(first, step, place - 1)
    assert before is None or before <= day


def test_no_day_lies_beyond_the_calendar() -> None:
    far = Recurrence(every=1_000, unit="month")
    place = places_until(date(2026, 1, 1), far, date(9990, 1, 1))
    assert day_at(date(2026, 1, 1), far, place + 1) is None
    assert upcoming(date(9998, 12, 1), Recurrence(every=1, unit="week"), date(9998, 12, 25), date.max) == [
        date(9998, 12, 29)
    ]
