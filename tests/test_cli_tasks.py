"""What is to be done, at the command line."""

from __future__ import annotations

import csv
import io

import pytest

from saying import Once, Say


@pytest.fixture
def shop(say: Say, once: Once) -> Say:
    """Ada is to be called, ribbon to be ordered each month; it is asked at noon of 1 June 2024."""

    def trade() -> None:
        then = "occurred_at=2024-05-20T09:00:00Z"
        say("do", "RegisterCustomer", "ref=ada", "occurred_at=2024-01-01T11:00:00Z")
        tasks = (
            ("task_id=K-1", "customer=ada", "what=Call about the parcel", "due=2024-05-30", "owner=li"),
            ("task_id=K-2", "what=Order ribbon", "due=2024-06-30", "repeats=last day of the month"),
            ("task_id=K-3", "customer=ada", "what=Write to her", "due=2024-06-03T09:30"),
        )
        for fields in tasks:
            assert say("do", "AddTask", *fields, then).status == 0

    once(trade)
    return say


def test_what_is_to_be_done_is_a_table_of_80_columns(shop: Say) -> None:
    said = shop("tasks")
    title, first, second, *third = said.out.splitlines()
    assert title.split() == ["Due", "Is", "Task", "What", "For", "Owner"]
    assert first.split() == ["2024-05-30", "overdue", "K-1", "Call", "about", "the", "parcel", "ada", "li"]
    assert second.split()[:5] == ["2024-06-03", "09:30", "CEST", "open", "K-3"]
    assert "Order ribbon" in third[0]
    assert said.widest <= 80
    assert shop("tasks", "--owner", "max").out == "No task is like that.\n"


def test_a_bare_day_is_a_day_and_a_time_without_an_offset_is_in_the_business_zone(shop: Say) -> None:
    due = {each["task_id"]: (each["due_day"], each["due_at"]) for each in shop("tasks", "--json").json}
    assert due["K-2"] == ("2024-06-30", "2024-06-30T22:00:00+00:00")
    assert due["K-3"] == (None, "2024-06-03T07:30:00+00:00")


def test_what_is_overdue_of_a_customer_due_by_a_day_and_as_it_was_known(shop: Say) -> None:
    def ids(*words: str) -> list[str]:
        return [each["task_id"] for each in shop("tasks", *words, "--json").json]

    assert ids("--overdue") == ids("--value", "overdue") == ids("--until", "2024-06-02") == ["K-1"]
    assert ids("--for", "ada") == ["K-1", "K-3"]
    assert ids("--as-of", "2024-05-01") == ids("--known-at", "2024-05-31") == []
    said = shop("tasks", "--overdue", "--value", "done")
    assert (said.status, "choose one of them" in said.err) == (2, True)


def test_what_is_to_be_done_as_csv(shop: Say) -> None:
    rows = list(csv.DictReader(io.StringIO(shop("tasks", "--csv").out)))
    assert [(each["task_id"], each["ref"], each["repeats"]) for each in rows] == [
        ("K-1", "ada", ""),
        ("K-3", "ada", ""),
        ("K-2", "", "last day of the month"),
    ]


def test_a_task_is_settled_and_shown_in_full(shop: Say) -> None:
    complete = ("CompleteTask", "task_id=K-2", "occurred_at=2024-06-01T09:00:00Z")
    assert shop("do", *complete).out.startswith("Recorded: task K-2 completed")
    assert "Nothing changed" in shop("do", *complete).out
    said = shop("task", "K-2")
    assert "last day of the month" in said.out
    assert "it is due on 2024-07-31" in said.out
    assert said.widest <= 80
    found = shop("task", "K-2", "--json").json
    assert (found["falls_on"], found["starts"], found["customer_id"]) == ("2024-07-31", "2024-06-30", None)
    assert [each["type"] for each in found["events"]] == ["TaskAdded", "TaskCompleted"]


WRONG = {
    "AddTask task_id=K-9 what=x due=soon": "expected a day such as 2026-03-01",
    "AddTask task_id=K-9 what=x due=2024-06-09 repeats=daily": 'expected "every day"',
    "AddTask task_id=K-9 what=x due=2024-06-09 repeats=every_0_days": "every 1 to 1,000 days, weeks or months, not",
    "AddTask task_id=K-9 what=x repeats=every_week": "a task that repeats begins on a day",
    "AddTask task_id=K-1 what=x": 'task "K-1" is known already with other content',
    "AddTask task_id=K-9 what=x customer=bo": 'no customer has the reference "bo"',
    "SnoozeTask task_id=K-1 until=2024-05-31": "until a day or a time that is still to come",
    "CompleteTask task_id=K-9": 'there is no task "K-9"',
}


@pytest.mark.parametrize("words", WRONG)
def test_what_cant_be_is_refused_in_one_sentence_and_nothing_is_recorded(shop: Say, words: str) -> None:
    before = shop("status", "--json").json["events"]
    fields = (each.replace("_0_", " 0 ").replace("every_", "every ") for each in words.split(" "))
    said = shop("do", *fields)
    assert said.status == 1
    assert WRONG[words] in " ".join(said.err.split())
    assert len(said.err.strip().split("\n\n")) == 1
    assert shop("status", "--json").json["events"] == before


def test_what_is_settled_cant_be_snoozed(shop: Say) -> None:
    shop("do", "DropTask", "task_id=K-1", "reason=she called")
    said = shop("do", "SnoozeTask", "task_id=K-1", "until=2024-06-09")
    assert (said.status, 'task "K-1" is dropped; reopen it first' in said.err) == (1, True)


def test_tasks_are_a_lane_of_the_timeline_drawn_as_text_and_as_a_picture(shop: Say) -> None:
    drawn = shop("timeline", "ada").out
    assert [line for line in drawn.splitlines() if line.startswith("tasks ")]
    assert shop("timeline", "ada", "--svg", "ada.svg").status == 0
    with open("ada.svg", encoding="utf-8") as file:
        assert "tasks: overdue from 2024-05-31" in file.read()


def test_tasks_are_in_what_is_held_about_a_person(shop: Say) -> None:
    held = shop("export-person", "ada", "--json").json["tasks"]
    assert [(each["task_id"], each["what"], each["due"]) for each in held] == [
        ("K-1", "Call about the parcel", "2024-05-30"),
        ("K-3", "Write to her", "2024-06-03T07:30:00+00:00"),
    ]
