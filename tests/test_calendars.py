"""Calendars as files, read back by the library, and by its rules of zones rather than ours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

import regulars
from databases import fresh_sqlite
from regulars import (
    AddTask,
    CalendarEntries,
    CalendarEntry,
    QuoteLine,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    SendQuote,
    SettleReminder,
    SignContract,
    SnoozeTask,
    calendar_ics,
)
from shops import BEGIN, DAY, END, Clock, opened, with_edits

CARE = '\n[[care]]\nid = "years"\ntitle = "Thank them"\non = "first_order"\n[[care]]\nid = "born"\non = "birthday"\n'
SAID = datetime(2026, 1, 1, 12, 30, 15, 5, tzinfo=UTC)


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[Regulars]:
    clock = Clock()
    with opened(fresh_sqlite(tmp_path), clock) as crm:
        crm.rules.publish(with_edits([(END, END + CARE)]), reason="a call now and then")
        crm.do(RegisterCustomer(ref="shop:1", name="Ada", birthday="1990-03-04", occurred_at=BEGIN))
        crm.do(RecordPurchase(customer="shop:1", order_id="A-1", amount="20.00", occurred_at=BEGIN))
        clock.now = BEGIN + 60 * DAY
        yield crm


def events(written: bytes) -> dict[str, Any]:
    """The events of a file by their ids."""
    return {str(each["UID"]): each for each in Calendar.from_ical(written).walk("VEVENT")}


def test_reminders_and_birthdays_are_whole_days(crm: Regulars) -> None:
    found = events(calendar_ics(crm.calendar(until=date(2026, 1, 31))))
    assert sorted((str(each["SUMMARY"]), each["DTSTART"].dt, each["DTEND"].dt) for each in found.values()) == [
        ("Birthday: Ada", date(2024, 3, 4), date(2024, 3, 5)),
        ("Birthday: Ada", date(2025, 3, 4), date(2025, 3, 5)),
        ("Thank them: Ada", date(2025, 1, 1), date(2025, 1, 2)),
        ("Thank them: Ada", date(2026, 1, 1), date(2026, 1, 2)),
    ]
    assert all(each["DTSTART"].params["VALUE"] == "DATE" for each in found.values())


def test_written_again_it_is_the_same_and_what_moved_keeps_its_id(crm: Regulars) -> None:
    before = calendar_ics(crm.calendar(until=date(2025, 6, 30)))
    assert calendar_ics(crm.calendar(until=date(2025, 6, 30))) == before
    moved = {"customer": "shop:1", "care": "years", "day": "2025-01-01", "how": "moved", "moved_to": "2025-01-07"}
    crm.do(SettleReminder.model_validate(moved))
    after = events(calendar_ics(crm.calendar(until=date(2025, 6, 30))))
    assert after.keys() == events(before).keys()
    changed = [uid for uid, each in after.items() if each != events(before)[uid]]
    assert [after[uid]["DTSTART"].dt for uid in changed] == [date(2025, 1, 7)]


def test_tasks_quotes_and_contracts_stand_on_their_days(crm: Regulars) -> None:
    today = (BEGIN + 60 * DAY).date()
    crm.do(AddTask(task_id="K-1", customer="shop:1", what="Call about the lease", due=today + timedelta(days=1)))
    crm.do(AddTask(task_id="K-2", what="Order bags", due=today + timedelta(days=3), repeats="every week"))
    line = QuoteLine.model_validate({"sku": "tea", "unit_price": "9.50", "tax_rate": "7"})
    crm.do(SendQuote(customer="shop:1", quote_id="Q-1", lines=(line,), valid_until=today + timedelta(days=5)))
    ends = {"customer": "shop:1", "contract_id": "C-1", "start": today - timedelta(days=9), "amount": "90.00"}
    crm.do(SignContract.model_validate(ends | {"end": today + timedelta(days=6)}))
    found = crm.calendar(since=today, until=today + timedelta(days=12))
    assert sorted((each.at - today, each.title) for each in found if isinstance(each.at, date)) == [
        (timedelta(days=1), "Call about the lease: shop:1"),
        (timedelta(days=3), "Birthday: Ada"),
        (timedelta(days=3), "Order bags"),
        (timedelta(days=5), "Quote Q-1 runs out: shop:1"),
        (timedelta(days=6), "Contract C-1 ends: shop:1"),
        (timedelta(days=10), "Order bags"),
    ]
    assert len({each.uid for each in found}) == 6
    nameless = crm.calendar(since=today, until=today + timedelta(days=12), names=False)
    assert not any("lease" in each.title or "shop:1" in each.title for each in nameless)


def test_a_task_that_moves_keeps_its_id_and_an_overdue_one_is_there_until_its_customer_is_forgotten(
    crm: Regulars,
) -> None:
    today = (BEGIN + 60 * DAY).date()
    crm.do(AddTask(task_id="K-1", customer="shop:1", what="Call", due=today - timedelta(days=9), occurred_at=BEGIN))
    [before] = [each for each in crm.calendar() if each.uid.startswith("task-")]
    crm.do(SnoozeTask(task_id="K-1", until=today + timedelta(days=2)))
    [after] = [each for each in crm.calendar() if each.uid.startswith("task-")]
    assert (before.uid, before.at, after.uid) == ("task-K-1@regulars", today - timedelta(days=9), before.uid)
    assert after.at == today + timedelta(days=2)
    crm.forget("shop:1", reason="asked to be")
    assert [each for each in crm.calendar() if each.uid.startswith("task-")] == []


def test_without_names_nobody_is_named_and_nothing_is_said_of_them(crm: Regulars) -> None:
    written = calendar_ics(crm.calendar(until=date(2026, 1, 31), names=False)).decode()
    assert f"id:{crm.find('shop:1')}" in written.replace("\r\n ", "")
    for personal in ("Ada", "shop:1", "first order", "1990"):
        assert personal not in written


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Shanghai", "UTC"])
def test_times_are_those_of_their_zone_on_each_side_of_a_change_of_clocks(zone: str) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    instants = [begin + timedelta(hours=hours) for hours in range(0, 366 * 24, 91)]
    entries = tuple(
        CalendarEntry(uid=f"{number}@test", at=at, title="Call", said_at=SAID, until=at + timedelta(minutes=30))
        for number, at in enumerate(instants)
    )
    written = calendar_ics(CalendarEntries(entries, zone, ()))
    found = events(written)
    for entry in entries:
        event = found[entry.uid]
        assert event["DTSTART"].dt.astimezone(UTC) == entry.at
        assert event["DTEND"].dt.astimezone(UTC) == entry.until
        assert event["DTSTAMP"].dt == SAID.replace(microsecond=0)
    if zone == "UTC":
        assert b"VTIMEZONE" not in written
        return
    assert f"TZID={zone}".encode() in written
    [told] = Calendar.from_ical(written).walk("VTIMEZONE")
    by_its_own_rules = told.to_tz(lookup_tzid=False)  # as a program reads it that knows no zone by its name
    for at in instants:
        local = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        assert local.replace(tzinfo=by_its_own_rules).utcoffset() == at.astimezone(ZoneInfo(zone)).utcoffset()


def test_a_calendar_without_anything_is_a_calendar() -> None:
    assert Calendar.from_ical(calendar_ics(CalendarEntries((), "Europe/Berlin", ()))).walk("VEVENT") == []


def test_what_is_no_day_of_the_calendar_is_refused(crm: Regulars) -> None:
    with pytest.raises(ValueError, match="before it begins"):
        crm.calendar(since=date(2026, 1, 2), until=date(2026, 1, 1))
    with pytest.raises(ValueError, match=r"^a calendar goes back to 1900-01-01, not to 1800-01-01$"):
        crm.calendar(since=date(1800, 1, 1))


def test_without_the_library_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "icalendar", None)
    with pytest.raises(regulars.StoreUnusable, match=r"pip install 'regulars\[calendar\]'"):
        calendar_ics(CalendarEntries((), "UTC", ()))


def test_without_the_library_lunar_birthdays_are_said_to_be_missing_where_there_are_any(
    crm: Regulars, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "borax.calendars.lunardate", None)
    assert crm.birthdays(since=date(2026, 3, 4)).missing == ()
    crm.do(RegisterCustomer(ref="mei", birthday="lunar:--08-15"))
    found = crm.birthdays(since=date(2026, 3, 4))
    assert [each.ref for each in found] == ["shop:1"]
    assert "pip install 'regulars[lunar]'" in found.missing[0]
