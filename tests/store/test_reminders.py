"""Reminders in stores: asked as a plain script expands the rules day by day, settled, moved, forgotten, merged."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from borax.calendars.lunardate import LunarDate
from hypothesis import strategies as st

import regulars
from regulars import (
    ChangeContactDetails,
    Command,
    ErasePersonalData,
    MergeCustomers,
    NotFound,
    RecordInteraction,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    Reminders,
    Ruleset,
    SettleReminder,
    UndoMerge,
    VoidPurchase,
)
from regulars.crm_domain.reminder import ReminderSettled
from shops import (
    BEGIN,
    DAY,
    END,
    EXAMPLES,
    PEOPLE,
    Clock,
    Step,
    fresh_store,
    in_each_database,
    opened,
    play,
    read_models_of,
    register,
    trade,
    with_edits,
)

ADA, BOB, CY = PEOPLE[:3]
CARE = """
[[care]]
id = "anniversary"
title = "Thank them"
on = "first_order"
ahead_days = 3
late_days = 5
[[care]]
id = "birthday"
on = "birthday"
ahead_days = 2
late_days = 5
[[care]]
id = "fair"
on = "holiday"
holidays = ["Fair"]
ahead_days = 1
late_days = 5
[[care]]
id = "silent"
on = "no_contact"
days = 30
late_days = 5
owner = "li"
"""
FAIRS = (date(2024, 5, 1), date(2025, 5, 2), date(2026, 5, 1))
HOLIDAYS = "\n[[business.holidays]]\ndays = [" + ", ".join(f'{{ day = {day}, name = "Fair" }}' for day in FAIRS) + "]\n"
AHEAD, LATE = {"anniversary": 3, "birthday": 2, "fair": 1, "silent": 0}, 5
ZONE = ZoneInfo("Europe/Berlin")


def ruled(care: str = CARE) -> Ruleset:
    return with_edits([(END, END + HOLIDAYS + care)])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    with opened(database_url, clock) as crm:
        crm.rules.publish(ruled(), reason="a call now and then")
        crm.do([RegisterCustomer(ref=who, name=who.title(), occurred_at=BEGIN) for who in PEOPLE])
        clock.now = BEGIN + 900 * DAY
        yield crm


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def buy(who: str, day: date, order_id: str = "") -> RecordPurchase:
    return RecordPurchase(customer=who, order_id=order_id or f"{who} {day}", amount="20.00", occurred_at=noon(day))


def called(who: str, day: date) -> RecordInteraction:
    return RecordInteraction(customer=who, channel="phone", direction="outbound", occurred_at=noon(day))


def settle(who: str, care: str, day: date, how: str = "done", **fields: Any) -> SettleReminder:
    return SettleReminder.model_validate({"customer": who, "care": care, "day": day, "how": how} | fields)


def told(found: Reminders) -> list[tuple[str | None, str, date]]:
    return sorted((each.ref, each.care, each.due) for each in found)


def on(crm: Regulars, day: date, **asked: Any) -> list[tuple[str | None, str, date]]:
    """Of whom one is to be reminded as of the end of a day."""
    return told(crm.reminders(as_of=day, **asked))


# ------------------------------------------------------------------------------------------ by expanding day by day


class Life:
    """What happened to one customer, as a plain script knows it: nothing of it is ours."""

    def __init__(self, orders: list[date], contacts: list[date], born: tuple[int, int], words: list[Any]) -> None:
        self.orders, self.contacts, self.born, self.words = sorted(orders), sorted(contacts), born, words

    def days(self, care: str, at: date) -> list[date]:
        """All days of a care rule, as of one, in order; by what is known by then."""
        years = range(2024, 2029)
        match care:
            case "anniversary":
                known = [day for day in self.orders if day <= at]
                return [in_year(known[0], year) for year in years if year > known[0].year] if known else []
            case "birthday":
                return [in_year(date(2024, *self.born), year) for year in years]
            case "fair":
                return list(FAIRS)
            case _:
                last = max([BEGIN.date(), *(day for day in self.contacts if day <= at)])
                begins = last + timedelta(days=30)
                return [begins + timedelta(days=30 * number) for number in range(40)] if begins <= at else []

    def open(self, care: str, at: date) -> set[date]:
        """The days on which reminders of a care rule are due that are open as of a day."""
        found, days = set(), self.days(care, at)
        for place, day in enumerate(days):
            due, ahead = day, timedelta(days=AHEAD[care])
            following = days[place + 1] if place + 1 < len(days) else date.max
            first, end = day - ahead, following - ahead if following != date.max else date.max
            if care == "birthday":
                first, end, ahead = date(day.year, 1, 1), date(day.year + 1, 1, 1), ahead
            said = [word for word in self.words if word[0] == care and word[1] <= at and first <= word[2] < end]
            if said:
                _, _, _, how, to = max(said, key=lambda word: (word[1], word[2]))
                if how != "moved":
                    continue
                due, ahead = to, timedelta()
            if due - ahead <= at <= due + timedelta(days=LATE):
                found.add(due)
        return found


def in_year(day: date, year: int) -> date:
    if (day.month, day.day) == (2, 29) and not calendar.isleap(year):
        return date(year, 2, 28)
    return date(year, day.month, day.day)


days = st.builds(lambda number: date(2024, 2, 1) + timedelta(days=number), st.integers(0, 700))
births = st.sampled_from([(2, 28), (2, 29), (3, 1), (12, 31), (1, 1), (7, 4)])


@st.composite
def lives(draw: st.DrawFn) -> Life:
    life = Life(draw(st.lists(days, max_size=3)), draw(st.lists(days, max_size=4)), draw(births), [])
    for said_at in sorted(draw(st.sets(days, max_size=4))):
        due = [(care, day) for care in AHEAD for day in life.days(care, said_at) if abs((day - said_at).days) < 40]
        if due:
            care, day = draw(st.sampled_from(due))
            how = draw(st.sampled_from(["done", "skipped", "moved"]))
            to = day + timedelta(days=draw(st.sampled_from([1, 7, 20]))) if how == "moved" else None
            named = date(day.year, 1, 1) if care == "birthday" else day
            life.words.append((care, said_at, named, how, to))
    return life


def telling(who: str, life: Life) -> list[Command]:
    """All that happened, as commands that say when."""
    commands: list[Command] = [buy(who, day, f"{who} {number}") for number, day in enumerate(life.orders)]
    commands += [called(who, day) for day in life.contacts]
    commands += [
        settle(who, care, named, how, moved_to=to, occurred_at=noon(said_at))
        for care, said_at, named, how, to in life.words
    ]
    return commands


@in_each_database(
    max(4, EXAMPLES // 5),
    lives(),
    lives(),
    st.randoms(use_true_random=False),
    st.lists(days, min_size=6, max_size=6),
    st.booleans(),
)
def test_reminders_are_those_that_a_plain_script_expands_day_by_day(
    kind: str, postgres_url: str, life: Life, other: Life, order: Any, asked: list[date], is_folded: bool
) -> None:
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        crm.rules.publish(ruled(), reason="a call now and then")
        known = {ADA: life, BOB: other}
        for who, of in known.items():
            born = f"--{of.born[0]:02}-{of.born[1]:02}"
            crm.do(RegisterCustomer(ref=who, birthday=born, occurred_at=BEGIN))
        clock.now = BEGIN + 900 * DAY
        commands = [command for who, of in known.items() for command in telling(who, of)]
        order.shuffle(commands)  # in which order it is told decides nothing
        for command in commands:
            crm.do(command)
            if is_folded:
                crm.catch_up()
        words = [day for of in known.values() for word in of.words for day in (word[1], word[4] or word[1])]
        for day in [*asked, *words]:
            expected = {(who, care, due) for who, of in known.items() for care in AHEAD for due in of.open(care, day)}
            assert on(crm, day) == sorted(expected)
        crm.catch_up()
        now = clock.now.astimezone(ZONE).date()
        stored = told(crm.reminders())
        assert stored == sorted(
            (who, care, due) for who, of in known.items() for care in AHEAD for due in of.open(care, now)
        )


@in_each_database(max(3, EXAMPLES // 10), trade())
def test_what_was_folded_as_it_came_is_what_a_rebuild_gives(kind: str, postgres_url: str, steps: list[Step]) -> None:
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        register(crm, clock)
        crm.rules.publish(ruled(), reason="a call now and then")
        for number, step in enumerate(steps):
            play(crm, clock, [step], number)
            crm.catch_up()
        crm.do(settle(ADA, "anniversary", date(2025, 1, 1)))
        crm.catch_up()
        live = crm.status().generation
        assert crm.projections.verify().holds
        stored = read_models_of(crm, live)
        assert read_models_of(crm, crm.projections.rebuild()) == stored


# ------------------------------------------------------------------------------------------------------- in the open

FIRST = date(2024, 3, 1)


def test_a_settled_anniversary_comes_back_next_year(crm: Regulars) -> None:
    crm.do(buy(ADA, FIRST))
    due = date(2025, 3, 1)
    assert on(crm, due - timedelta(days=4), care="anniversary") == []
    [line] = crm.reminders(as_of=due - timedelta(days=3), care="anniversary")
    assert (line.day, line.due, line.is_overdue, line.title) == (due, due, False, "Thank them")
    assert line.why == "first order on 2024-03-01, 1 year before"
    assert line.how_to_settle == f"regulars do SettleReminder customer={ADA} care=anniversary day=2025-03-01 how=done"
    assert crm.reminders(as_of=due + timedelta(days=5), care="anniversary").reminders[0].is_overdue
    assert on(crm, due + timedelta(days=6), care="anniversary") == []
    crm.do(line.settling.model_copy(update={"occurred_at": noon(due - timedelta(days=2))}))
    assert on(crm, due - timedelta(days=3), care="anniversary") == [(ADA, "anniversary", due)]  # not yet settled
    assert on(crm, due, care="anniversary") == []
    assert on(crm, date(2026, 3, 1), care="anniversary") == [(ADA, "anniversary", date(2026, 3, 1))]


def test_what_was_settled_stays_so_where_an_earlier_order_is_told_later(crm: Regulars) -> None:
    crm.do([buy(ADA, FIRST), settle(ADA, "anniversary", date(2025, 3, 1), occurred_at=noon(date(2025, 3, 1)))])
    crm.do(buy(ADA, date(2024, 2, 27)))
    assert on(crm, date(2025, 3, 2), care="anniversary") == []
    assert on(crm, date(2026, 2, 27), care="anniversary") == [(ADA, "anniversary", date(2026, 2, 27))]


def test_a_voided_order_is_no_first_one(crm: Regulars) -> None:
    crm.do([buy(ADA, FIRST, "A-1"), buy(ADA, date(2024, 4, 1), "A-2")])
    crm.do(VoidPurchase(order_id="A-1", reason="never was"))
    assert on(crm, date(2025, 3, 1), care="anniversary") == []
    assert on(crm, date(2025, 4, 1), care="anniversary") == [(ADA, "anniversary", date(2025, 4, 1))]


def test_moved_it_comes_back_on_its_day(crm: Regulars) -> None:
    crm.do(buy(ADA, FIRST))
    due, later = date(2025, 3, 1), date(2025, 3, 20)
    crm.do(settle(ADA, "anniversary", due, "moved", moved_to=later, occurred_at=noon(due)))
    assert on(crm, later - timedelta(days=1), care="anniversary") == []
    assert on(crm, due, care="anniversary", until=later) == [(ADA, "anniversary", later)]
    [line] = crm.reminders(as_of=later, care="anniversary")
    assert (line.day, line.due) == (due, later)
    crm.do(line.settling.model_copy(update={"occurred_at": noon(later)}))
    assert on(crm, later, care="anniversary") == []


def test_a_span_is_answered_as_if_nothing_more_happened(crm: Regulars, clock: Clock) -> None:
    crm.do(buy(ADA, FIRST))
    asked = {"since": date(2025, 1, 1), "until": date(2026, 12, 31), "customer": ADA, "as_of": date(2024, 6, 1)}
    found = [(each.care, each.due) for each in crm.reminders(**asked)]  # type: ignore[arg-type]
    assert [due for care, due in found if care == "anniversary"] == [date(2025, 3, 1), date(2026, 3, 1)]
    assert [due for care, due in found if care == "fair"] == [*FAIRS[1:]]
    silent = [due for care, due in found if care == "silent"]
    assert {(after - before).days for before, after in pairwise(silent)} == {30}
    crm.do(called(ADA, date(2024, 12, 20)))
    assert [each.due for each in crm.reminders(**asked) if each.care == "silent"] == silent  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="before it begins"):
        crm.reminders(since=date(2026, 1, 2), until=date(2026, 1, 1))
    with pytest.raises(ValueError, match="longer than 3,660 days"):
        crm.reminders(since=date(2026, 1, 2), until=date(2046, 1, 1))
    with pytest.raises(NotFound, match='no \\[\\[care\\]\\] "birthdays"; did you mean "birthday"'):
        crm.reminders(care="birthdays")


def test_it_is_the_owners_of_the_rule_else_of_the_customer(crm: Regulars) -> None:
    crm.do([buy(ADA, FIRST), regulars.AssignOwner(customer=ADA, owner="max", occurred_at=noon(FIRST))])
    day = date(2025, 3, 1)
    assert on(crm, day, owner="max", customer=ADA) == [(ADA, "anniversary", day)]
    assert {care for _, care, _ in on(crm, day, owner="li", customer=ADA)} <= {"silent"}
    assert on(crm, day, owner="nobody") == []
    some = crm.reminders(as_of=FAIRS[1], limit=1)
    assert (len(some), some.total) == (1, len(crm.reminders(as_of=FAIRS[1])))


def test_a_verdict_that_begins_is_told_ahead_and_settled_until_it_begins_again(crm: Regulars, clock: Clock) -> None:
    rule = '[[care]]\nid = "slips"\non = "verdict"\nverdict = "stage"\nbecomes = ["at_risk"]\nahead_days = 7\n'
    crm.rules.publish(ruled(rule), reason="call them")
    crm.do(buy(ADA, FIRST))
    begins = next(
        span.since.astimezone(ZONE).date()
        for span in crm.customer(ADA).timeline().lanes["stage"]
        if span.value == "at_risk"
    )
    assert on(crm, begins - timedelta(days=9)) == []
    [line] = crm.reminders(as_of=begins - timedelta(days=6))
    assert (line.due, line.why) == (begins, f"stage at_risk from {begins} on")
    crm.do(line.settling.model_copy(update={"occurred_at": noon(begins - timedelta(days=5))}))
    assert on(crm, begins) == []
    back = begins + timedelta(days=3)
    crm.do(buy(ADA, back))
    again = [each.due for each in crm.reminders(as_of=back, until=back + timedelta(days=200))]
    assert len(again) == 1
    assert again[0] > back


def test_known_earlier_it_is_not_settled_yet(crm: Regulars, clock: Clock) -> None:
    crm.do(buy(ADA, FIRST))
    before, day = clock.now, date(2025, 3, 1)
    clock.now += DAY
    crm.do(settle(ADA, "anniversary", day, occurred_at=noon(day)))
    assert on(crm, day, care="anniversary") == []
    assert on(crm, day, care="anniversary", known_at=before) == [(ADA, "anniversary", day)]


# ---------------------------------------------------------------------------------------------- birthdays, by look-up


def born(crm: Regulars, day: date) -> list[str | None]:
    return [each.ref for each in crm.birthdays(since=day)]


def test_birthdays_are_found_under_the_solar_and_the_lunar_date(crm: Regulars) -> None:
    crm.do(
        [
            ChangeContactDetails(customer=ADA, birthday="1990-12-10"),
            RegisterCustomer(ref="mei", birthday="lunar:--08-15"),
        ]
    )
    assert born(crm, date(2026, 12, 10)) == [ADA]
    mid_autumn = LunarDate(2027, 8, 15).to_solar_date()
    assert born(crm, mid_autumn) == ["mei"]
    assert [each.ref for each in crm.birthdays(since=date(2027, 1, 1), until=date(2027, 12, 31))] == ["mei", ADA]
    [line] = crm.reminders(as_of=date(2026, 12, 9), care="birthday")
    assert (line.ref, line.due, line.why) == (ADA, date(2026, 12, 10), "birthday, 36 years")


def test_of_the_lunar_calendar_a_thirtieth_falls_on_the_29th_and_a_leap_month_is_its_month(crm: Regulars) -> None:
    crm.do(
        [RegisterCustomer(ref=who, birthday=f"lunar:--{day}") for who, day in (("last", "05-30"), ("leap", "06-10"))]
    )
    found = crm.birthdays(since=date(2025, 1, 1), until=date(2026, 12, 31))
    assert LunarDate(2025, 6, 10, 1).to_solar_date() in {each.day for each in found if each.ref == "leap"}
    ends = [LunarDate(year, 6, 1).to_solar_date() - timedelta(days=1) for year in (2025, 2026)]
    assert [LunarDate.from_solar(each).day for each in ends] == [29, 29]  # both lack a 30th
    assert [each.day for each in found if each.ref == "last"] == ends


def test_a_day_that_the_table_of_the_lunar_calendar_lacks_is_said_where_it_matters(
    crm: Regulars,
) -> None:
    beyond = {"since": date(2101, 6, 1), "until": date(2101, 6, 2)}
    assert crm.birthdays(**beyond).missing == ()
    crm.do(RegisterCustomer(ref="mei", birthday="lunar:--08-15"))
    assert crm.birthdays(**beyond).missing != ()
    assert "the table ends in 2100" in crm.birthdays(**beyond).missing[0]
    assert len(crm.birthdays(since=date(2101, 1, 1), until=date(2101, 3, 1)).missing) == 1


def test_a_birthday_is_settled_by_its_year_so_the_day_stays_out_of_the_clear(crm: Regulars, clock: Clock) -> None:
    crm.do(ChangeContactDetails(customer=ADA, birthday="--07-04"))
    [line] = crm.reminders(as_of=date(2025, 7, 3), care="birthday")
    assert line.settling.day == date(2025, 1, 1)
    crm.do(line.settling.model_copy(update={"occurred_at": noon(date(2025, 7, 3))}))
    assert on(crm, date(2025, 7, 4), care="birthday") == []
    assert on(crm, date(2026, 7, 4), care="birthday") == [(ADA, "birthday", date(2026, 7, 4))]


def test_a_birthday_that_is_settled_by_its_real_day_keeps_the_year_alone(crm: Regulars) -> None:
    crm.do(ChangeContactDetails(customer=ADA, birthday="--07-04"))
    outcome = crm.do(settle(ADA, "birthday", date(2025, 7, 4), occurred_at=noon(date(2025, 7, 3))))
    assert [each.event for each in outcome.events] == [
        ReminderSettled(care="birthday", day=date(2025, 1, 1), how="done")
    ]
    assert on(crm, date(2025, 7, 4), care="birthday") == []
    other = crm.do(settle(ADA, "anniversary", date(2025, 7, 4)))
    assert [each.event for each in other.events] == [
        ReminderSettled(care="anniversary", day=date(2025, 7, 4), how="done")
    ]


@pytest.mark.parametrize("is_folded", [True, False])
def test_a_birthday_that_is_moved_far_away_comes_back_on_its_day(crm: Regulars, clock: Clock, is_folded: bool) -> None:
    clock.now = noon(date(2026, 6, 2))
    crm.do(ChangeContactDetails(customer=ADA, birthday="--12-20"))
    moved = {"moved_to": date(2026, 11, 30), "occurred_at": noon(date(2026, 6, 1))}
    crm.do(settle(ADA, "birthday", date(2026, 1, 1), "moved", **moved))
    if is_folded:
        crm.catch_up()
    asked = [crm.reminders(as_of=date(2026, 11, 30), care="birthday", **whose) for whose in ({}, {"customer": ADA})]
    for [line] in asked:
        assert (line.ref, line.day, line.due) == (ADA, date(2026, 12, 20), date(2026, 11, 30))
    assert on(crm, date(2026, 12, 20), care="birthday") == []


def test_merged_they_have_one_birthday_the_survivor_s_if_that_is_known(crm: Regulars) -> None:
    crm.do([ChangeContactDetails(customer=who, birthday=day) for who, day in ((BOB, "--12-20"), (CY, "--12-21"))])
    crm.do([MergeCustomers(customer=each, into=ADA) for each in (BOB, CY)])
    year = {"since": date(2026, 1, 1), "until": date(2026, 12, 31)}
    [one] = crm.birthdays(**year)
    assert (one.ref, one.birthday) in ((ADA, "--12-20"), (ADA, "--12-21"))
    crm.do(ChangeContactDetails(customer=ADA, birthday="1990-12-10"))
    [own] = crm.birthdays(**year)
    assert (own.ref, own.day, own.birthday) == (ADA, date(2026, 12, 10), "1990-12-10")
    assert on(crm, date(2026, 12, 20), care="birthday") == []


def test_the_latest_birthday_counts_and_a_cleared_one_is_none(crm: Regulars) -> None:
    crm.do(ChangeContactDetails(customer=ADA, birthday="--07-04", occurred_at=BEGIN + DAY))
    crm.do(ChangeContactDetails(customer=ADA, birthday="--08-04", occurred_at=BEGIN + 3 * DAY))
    crm.do(ChangeContactDetails(customer=ADA, birthday="--09-04", occurred_at=BEGIN + 2 * DAY))
    assert (born(crm, date(2026, 7, 4)), born(crm, date(2026, 8, 4)), born(crm, date(2026, 9, 4))) == ([], [ADA], [])
    crm.do(ChangeContactDetails(customer=ADA, birthday=None))
    assert born(crm, date(2026, 8, 4)) == []


def test_look_ups_of_birthdays_are_verified_and_written_again(crm: Regulars) -> None:
    crm.do(ChangeContactDetails(customer=ADA, birthday="--07-04"))
    table = crm._store.schema.lookups
    with crm._store.database.writing() as connection:
        connection.execute(table.delete().where(table.c.kind == "birthday"))
    [fault] = crm.check_records().faults
    assert "isn't found by the birthday that was recorded" in str(fault)
    crm.projections.rebuild()
    assert born(crm, date(2026, 7, 4)) == [ADA]
    assert crm.projections.verify().holds


# ------------------------------------------------------------------------------------------------ forgetting, merging


def test_forgetting_somebody_empties_their_entries_and_keeps_what_was_counted(crm: Regulars) -> None:
    crm.do([buy(ADA, FIRST), buy(BOB, FIRST), ChangeContactDetails(customer=ADA, birthday="--03-01")])
    day = date(2025, 3, 1)
    assert [who for who, care, _ in on(crm, day) if care in ("anniversary", "birthday")] == [ADA, ADA, BOB]
    ada = crm.find(ADA)
    crm.do(ErasePersonalData(customer=ADA, confirm=True))
    crm.catch_up()
    assert [who for who, care, _ in on(crm, day) if care in ("anniversary", "birthday")] == [BOB]
    assert born(crm, day) == []
    assert crm.projections.verify().holds
    assert not any(str(ada) in entry.uid for entry in crm.calendar(since=day, until=day + 30 * DAY))


def test_merged_they_are_one_and_undone_they_are_two(crm: Regulars) -> None:
    crm.do([buy(ADA, FIRST), buy(BOB, date(2024, 2, 1)), ChangeContactDetails(customer=BOB, birthday="--02-03")])
    crm.do(settle(BOB, "anniversary", date(2025, 2, 1), occurred_at=noon(date(2025, 2, 1))))
    crm.do(MergeCustomers(customer=BOB, into=ADA))
    years = (date(2025, 2, 2), date(2025, 3, 1), date(2026, 2, 1))
    for _ in range(2):
        assert [on(crm, day, care="anniversary") for day in years] == [[], [], [(ADA, "anniversary", date(2026, 2, 1))]]
        assert born(crm, date(2026, 2, 3)) == [ADA]
        assert on(crm, date(2026, 2, 3), care="birthday") == [(ADA, "birthday", date(2026, 2, 3))]
        crm.catch_up()
    crm.do(UndoMerge(customer=BOB))
    assert on(crm, date(2025, 3, 1), care="anniversary") == [(ADA, "anniversary", date(2025, 3, 1))]
    assert born(crm, date(2026, 2, 3)) == [BOB]


def test_other_care_rules_can_be_asked_before_they_are_published(crm: Regulars) -> None:
    crm.do(buy(ADA, FIRST))
    crm.catch_up()
    wish = ruled(CARE.replace("ahead_days = 3", "ahead_days = 9"))
    day = date(2025, 2, 22)
    assert on(crm, day, care="anniversary", rules=wish) == [(ADA, "anniversary", date(2025, 3, 1))]
    assert on(crm, day, care="anniversary") == []
    crm.rules.publish(wish, reason="earlier")
    assert on(crm, day, care="anniversary") == [(ADA, "anniversary", date(2025, 3, 1))]
