"""Tasks in stores: asked as they are folded, for customers and for nobody, merged, forgotten, and told in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars import (
    AddTask,
    CompleteTask,
    DropTask,
    ErasePersonalData,
    MergeCustomers,
    NotFound,
    ReassignTask,
    RegisterCustomer,
    Regulars,
    Rejected,
    ReopenTask,
    SnoozeTask,
    TaskView,
    UndoMerge,
)
from shops import (
    BEGIN,
    DAY,
    EXAMPLES,
    HOUR,
    PEOPLE,
    Clock,
    Step,
    fresh_store,
    in_each_database,
    merges,
    one_by_one,
    opened,
    play,
    read_models_of,
    register,
    tasks,
    with_edits,
)

ADA, BOB = PEOPLE[:2]
ZONE = ZoneInfo("Europe/Berlin")  # that of the default rules
TODAY = date(2024, 3, 1)
AT_ONCE = timedelta()  # nothing is folded in for a list, so what this process wrote is folded for it


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref=who, name=who.title(), occurred_at=BEGIN) for who in PEOPLE])
        clock.now = datetime(2024, 3, 1, 12, tzinfo=UTC)
        yield crm


def add(crm: Regulars, task_id: str, due: Any = None, **fields: Any) -> None:
    crm.do(AddTask(task_id=task_id, what=f"do {task_id}", due=due, **fields))


def ids(found: Any) -> list[str]:
    return [each.task_id for each in found]


def days(found: Any) -> list[tuple[str, str, bool]]:
    return [(str(each.day), each.task.task_id, each.is_open) for each in found]


# ----------------------------------------------------------------------------------------------------------------- laws


def all_of(crm: Regulars, at: datetime | None = None, **asked: Any) -> list[TaskView]:
    """Every task there is as of a moment, settled or not."""
    values = ("open", "snoozed", "overdue", "done", "dropped")
    return [each for value in values for each in crm.tasks(value=value, as_of=at, **asked)]


def busy(max_size: int = 10) -> st.SearchStrategy[list[Step]]:
    """A shop in which there is a lot to do, and whose customers turn out to be one."""
    return one_by_one(st.one_of(tasks(), tasks(), tasks(), merges()), gaps=[HOUR, 9 * DAY, 20 * DAY], max_size=max_size)


@in_each_database(EXAMPLES // 6, busy(), st.integers(0, 10))
def test_what_is_asked_is_what_is_folded_and_what_a_rebuild_gives(
    kind: str, postgres_url: str, steps: list[Step], cut: int
) -> None:
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        register(crm, clock)
        play(crm, clock, steps[:cut])
        crm.catch_up()
        play(crm, clock, steps[cut:], len(steps[:cut]))
        unfolded = all_of(crm, fresh=AT_ONCE)
        crm.catch_up()
        assert all_of(crm) == unfolded
        for moment in (clock.now - 20 * DAY, clock.now, clock.now + 40 * DAY):
            for each in all_of(crm, moment):
                assert crm.task(each.task_id, as_of=moment).task == each
        assert crm.projections.verify().holds
        stored = read_models_of(crm, crm.status().generation)
        assert read_models_of(crm, crm.projections.rebuild()) == stored


@settings(max_examples=EXAMPLES // 6)
@given(busy())
def test_publishing_another_zone_is_as_if_the_store_had_folded_by_it_always(steps: list[Step]) -> None:
    clock = Clock()
    zone = [('timezone = "Europe/Berlin"', 'timezone = "Pacific/Auckland"')]
    with fresh_store("sqlite", "") as url, opened(url, clock) as crm:
        register(crm, clock)
        play(crm, clock, steps)
        asked = all_of(crm, clock.now, rules=with_edits(zone))
        crm.rules.publish(with_edits(zone), reason="we moved")
        assert all_of(crm, clock.now) == asked
        for each in asked:
            assert crm.task(each.task_id, as_of=clock.now).task == each


# ------------------------------------------------------------------------------------------------------------- a list


def test_what_is_due_first_comes_first_and_last_what_is_due_at_no_time(crm: Regulars) -> None:
    add(crm, "someday")
    add(crm, "monday", date(2024, 3, 4), customer=ADA)
    add(crm, "at noon", datetime(2024, 3, 4, 12, tzinfo=UTC))
    add(crm, "late", date(2024, 2, 28), customer=BOB, owner="li")
    assert ids(crm.tasks()) == ["late", "at noon", "monday", "someday"]
    assert ids(crm.tasks(value="overdue")) == ["late"]
    assert ids(crm.tasks(owner="li")) == ["late"]
    assert ids(crm.tasks(customer=ADA)) == ["monday"]
    assert ids(crm.tasks(until=date(2024, 3, 4))) == ["late", "at noon", "monday"]
    assert ids(crm.tasks(until=datetime(2024, 3, 4, 12, tzinfo=UTC))) == ["late", "at noon"]
    assert ids(crm.tasks(as_of=date(2024, 2, 29))) == []
    assert [(each.ref, each.what, each.value) for each in crm.tasks()][:2] == [
        (BOB, "do late", "overdue"),
        (None, "do at noon", "open"),
    ]


def test_it_is_read_page_after_page_with_nothing_twice(crm: Regulars) -> None:
    for number in range(9):
        add(crm, f"K-{number}", None if number % 2 else date(2024, 3, 1 + number), customer=ADA if number % 3 else None)
    expected = ids(crm.tasks())
    for fresh in (True, AT_ONCE):
        found, after = list[str](), None
        while (page := crm.tasks(limit=2, after=after, fresh=fresh)).after is not None:
            found += ids(page)
            after = page.after
        assert [*found, *ids(page)] == expected
    with pytest.raises(ValueError, match="is not the `after` of a page"):
        crm.tasks(after="K-1")


def test_what_this_process_wrote_is_in_it_at_once_and_what_was_known_then_stays(crm: Regulars, clock: Clock) -> None:
    add(crm, "K-1", date(2024, 3, 4))
    clock.now += DAY
    crm.do(CompleteTask(task_id="K-1", occurred_at=clock.now - DAY / 2))
    assert ids(crm.tasks(fresh=AT_ONCE)) == []
    assert ids(crm.tasks(value="done", fresh=AT_ONCE)) == ["K-1"]
    assert ids(crm.tasks(known_at=date(2024, 3, 1))) == ["K-1"]
    assert ids(crm.tasks(as_of=date(2024, 3, 1))) == ["K-1"]


def test_a_value_that_there_is_not_is_refused(crm: Regulars) -> None:
    with pytest.raises(ValueError, match="value is one of open, snoozed, overdue, done, dropped"):
        crm.tasks(value="late")
    with pytest.raises(NotFound):
        crm.tasks(customer="nobody")


# ---------------------------------------------------------------------------------------------------------- whose it is


def test_the_tasks_of_customers_who_are_one_are_one_list_until_they_are_told_apart(crm: Regulars) -> None:
    add(crm, "K-1", TODAY, customer=ADA)
    add(crm, "K-2", TODAY, customer=BOB)
    crm.do(MergeCustomers(customer=BOB, into=ADA))
    assert ids(crm.tasks(customer=ADA)) == ids(crm.tasks(customer=BOB)) == ["K-1", "K-2"]
    assert {each.ref for each in crm.tasks()} == {ADA}
    assert crm.task("K-2").task.ref == ADA
    crm.catch_up()
    assert ids(crm.tasks(customer=BOB)) == ["K-1", "K-2"]
    crm.do(UndoMerge(customer=BOB))
    assert (ids(crm.tasks(customer=ADA)), ids(crm.tasks(customer=BOB))) == (["K-1"], ["K-2"])


def test_of_who_was_forgotten_nothing_is_to_be_done_and_what_was_stays_without_its_text(crm: Regulars) -> None:
    add(crm, "K-0", TODAY, customer=BOB)
    add(crm, "K-1", TODAY, customer=ADA, owner="li")
    ada = crm.find(ADA)
    crm.do(ErasePersonalData(customer=ada, confirm=True))
    for fresh in (AT_ONCE, True):
        assert ids(all_of(crm, fresh=fresh)) == ["K-0"]
        found = crm.task("K-1").task
        assert (found.task_id, found.what, found.ref, found.owner) == ("K-1", None, None, "li")
    crm.do([SnoozeTask(task_id="K-1", until=date(2024, 3, 9)), DropTask(task_id="K-1")])
    with pytest.raises(Rejected) as refused:
        add(crm, "K-2", customer=ada)
    assert refused.value.code == "account_erased"
    assert crm.task("K-1").task.value == "dropped"
    assert ids(all_of(crm)) == ["K-0"]


def test_a_task_of_nobody_is_the_business_own_and_never_becomes_a_customers(crm: Regulars) -> None:
    outcome = crm.do(AddTask(task_id="K-1", what="order paper"))
    assert outcome.customer_id == ""
    with pytest.raises(Rejected, match='"K-1" belongs to another customer'):
        add(crm, "K-1", customer=ADA)
    crm.do(AddTask(task_id="K-2", what="call", customer=ADA))
    with pytest.raises(Rejected, match='task "K-2" is known already'):
        crm.do(AddTask(task_id="K-2", what="call"))
    with pytest.raises(Rejected, match="has no key to keep a reason by"):
        crm.do(DropTask(task_id="K-1", reason="too dear"))
    crm.do([ReassignTask(task_id="K-1", owner="li"), DropTask(task_id="K-2", reason="she called")])
    assert crm.task("K-1").task.customer_id is None
    assert [span.value for span in crm.business_timeline().tasks] == ["open"]
    assert [each.sentence for each in crm.audit(limit=4)] == [
        f"Li dropped task K-2 of {ADA}",
        "Li assigned task K-1 to li",
        f"Li added task K-2 for {ADA}",
        "Li added task K-1",
    ]


def test_a_task_for_who_isnt_known_is_refused_and_nothing_is_recorded(crm: Regulars) -> None:
    before = crm.event_count
    with pytest.raises(NotFound, match='no customer has the reference "shop:99"'):
        add(crm, "K-1", customer="shop:99")
    with pytest.raises(Rejected, match='there is no task "K-1"'):
        crm.do(CompleteTask(task_id="K-1"))
    assert crm.event_count == before


# --------------------------------------------------------------------------------------------------------- one of them


def test_one_task_is_told_with_its_reasons_its_values_over_time_and_its_events(crm: Regulars, clock: Clock) -> None:
    add(crm, "K-1", date(2024, 3, 1), customer=ADA, repeats="every 2 weeks", until=date(2024, 12, 31))
    clock.now += 2 * DAY
    crm.do(CompleteTask(task_id="K-1"))
    found = crm.task("K-1")
    assert (found.task.due_day, found.task.repeats) == (date(2024, 3, 15), "every 2 weeks until 2024-12-31")
    assert [each.sentence for each in found.reasons] == [
        "it is due on 2024-03-15",
        "it repeats, every 2 weeks until 2024-12-31; the open one is that of 2024-03-15",
    ]
    assert [line.position for each in found.reasons for line in each.events] == [5, 5, 6]
    assert [each.value for each in found.values] == ["open", "overdue", "open", "overdue"]
    assert [each.sentence for each in found.events] == [
        f"Li added task K-1 for {ADA}, due 2024-03-01, every 2 weeks until 2024-12-31",
        f"Li completed task K-1 of {ADA}",
    ]
    assert [(each.field, each.new) for each in found.events[1].changes] == [("due", "2024-03-15")]
    assert crm.task("K-1", as_of=TODAY).task.due_day == TODAY
    with pytest.raises(NotFound, match='task "K-1" was not added yet'):
        crm.task("K-1", as_of=date(2024, 2, 1))
    with pytest.raises(NotFound, match='there is no task "K-9"'):
        crm.task("K-9")


def test_tasks_are_a_lane_of_a_customers_timeline_and_rest_while_they_are_snoozed(crm: Regulars) -> None:
    add(crm, "K-1", date(2024, 3, 4), customer=ADA)
    crm.do(SnoozeTask(task_id="K-1", until=date(2024, 3, 11)))
    spans = crm.customer(ADA).timeline().tasks
    assert [(each.value, str(each.since.astimezone(ZONE).date())) for each in spans[1:]] == [
        ("open", "2024-03-11"),
        ("overdue", "2024-03-12"),
    ]
    assert list(crm.customer(ADA).timeline().spans)[-1] == "tasks"
    assert crm.customer(BOB).timeline().tasks == ()


# ------------------------------------------------------------------------------------------------------- a span of days


def test_a_span_of_days_has_the_open_ones_and_what_comes_after_them(crm: Regulars, clock: Clock) -> None:
    add(crm, "weekly", date(2024, 2, 20), repeats="every week", until=date(2024, 3, 19), owner="li")
    add(crm, "once", date(2024, 3, 5), customer=ADA)
    add(crm, "at nine", datetime(2024, 3, 12, 9, tzinfo=UTC))
    add(crm, "someday")
    # It is open since 20 February; settled today, it falls on 5 March next.
    assert days(crm.task_days(date(2024, 2, 1), date(2024, 4, 1))) == [
        ("2024-02-20", "weekly", True),
        ("2024-03-05", "once", True),
        ("2024-03-05", "weekly", False),
        ("2024-03-12", "at nine", True),
        ("2024-03-12", "weekly", False),
        ("2024-03-19", "weekly", False),
    ]
    assert days(crm.task_days(date(2024, 3, 5), date(2024, 3, 6), customer=ADA)) == [("2024-03-05", "once", True)]
    assert days(crm.task_days(date(2024, 3, 6), date(2024, 3, 13), owner="li")) == [("2024-03-12", "weekly", False)]
    clock.now += HOUR
    crm.do([CompleteTask(task_id="weekly"), SnoozeTask(task_id="weekly", until=date(2024, 3, 13))])
    clock.now += HOUR
    assert days(crm.task_days(date(2024, 3, 1), date(2024, 4, 1), owner="li")) == [
        ("2024-03-13", "weekly", True),
        ("2024-03-19", "weekly", False),
    ]


def test_a_span_without_a_day_and_one_of_too_many_are_refused(crm: Regulars) -> None:
    with pytest.raises(ValueError, match="ends after that"):
        crm.task_days(TODAY, TODAY)
    add(crm, "daily", TODAY, repeats="every day")
    assert len(crm.task_days(TODAY, TODAY + timedelta(days=3_650))) == 3_650
    with pytest.raises(ValueError, match="more than 10,000 days"):
        crm.task_days(TODAY, date(2100, 1, 1))


def test_a_settled_task_is_reopened_in_a_store_as_it_was(crm: Regulars, clock: Clock) -> None:
    add(crm, "K-1", TODAY, customer=ADA)
    clock.now += DAY
    crm.do(CompleteTask(task_id="K-1"))
    assert ids(crm.tasks()) == []
    clock.now += DAY
    crm.do(ReopenTask(task_id="K-1"))
    assert [(each.task_id, each.value) for each in crm.tasks()] == [("K-1", "overdue")]
