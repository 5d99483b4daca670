"""Clocks that stand still while the business is closed: cases that people reported against help desks, worked out by
hand in local time, and rules that can't be.

By default, in hours: first response 1 (urgent), 4 (high), 24; resolution 8 (urgent), 24 (high), 72; due soon from 0.8.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from histories import START, cuts, histories
from regulars.crm_domain.errors import InvalidRules
from regulars.crm_domain.instant import DAY, to_datetime, to_instant
from regulars.crm_domain.ticket import (
    AgentReplied,
    Priority,
    TicketEvent,
    TicketOpened,
    TicketPriorityChanged,
    TicketPutOnHold,
    TicketResolved,
    TicketResumed,
    TicketStatus,
)
from regulars.projections.churn_risk.projector import CHURN_RISK
from regulars.projections.engine.fold import Folded, Happened, fold, fold_some, joined, verdicts_of_facts
from regulars.projections.engine.rules_digest import rules_digest
from regulars.projections.facts.tickets import ClockName, TicketFacts, breaches_at, evolve
from regulars.projections.registry import PROJECTORS
from regulars.projections.rules.compiled import Rules, compile_rules
from regulars.projections.rules.grammar import Ruleset, parse_rules, restore_rules
from regulars.projections.ticket_card import TICKET_CARD
from regulars.projections.ticket_queue.judge import verdict_of
from regulars.projections.ticket_queue.projector import TICKET_QUEUE
from shops import OFFICE_HOURS, default_text


def hours(since: str, *days: str, spans: str = '"09:00-12:00", "13:00-17:00"', holidays: str = "") -> str:
    """A table [[business.hours]] with the same spans on some days."""
    return "\n".join(["[[business.hours]]", f"from = {since}", holidays, *(f"{day} = [{spans}]" for day in days)])


WORKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
OFFICE = hours("2026-01-01", *WORKDAYS)
NO_FRIDAYS_FROM_2027 = OFFICE + "\n" + hours("2027-01-01", *WORKDAYS[:4])
HOLIDAYS = """
[[business.holidays]]
days = [{ day = 2026-12-24, open = ["10:00-11:00"] }, { day = 2026-12-25, name = "Weihnachten" }]
"""
SUNDAYS = hours("2026-01-01", "sunday", spans='"01:00-06:00"')
NIGHTS = hours("2026-01-01", *WORKDAYS, spans='"22:00-06:00"')
LATE = hours("2026-01-01", "thursday", spans='"22:00-02:00"')
EARLY = hours("2026-01-01", "friday", spans='"00:00-04:00"')


class Case(Struct, frozen=True, kw_only=True):
    """A ticket in local time, and when a clock is breached unless somebody acts; `then` are words and their times."""

    hours: str
    opened: str
    priority: Priority
    then: tuple[tuple[type[Any], str], ...] = ()
    clock: ClockName = "first_response"
    breached: str
    said: str = "on_time"
    zone: str = "Europe/Berlin"


CASES = {
    # 2026-11-27 is a Friday. It was opened as the doors closed: the hour runs on Monday from 9 to 10.
    "opened Friday 17:00, answered Monday 9:10": Case(
        hours=OFFICE,
        opened="2026-11-27 17:00",
        priority="urgent",
        then=((AgentReplied, "2026-11-30 09:10"),),
        breached="2026-11-30 10:00",
        said="met",
    ),
    "and answered Monday 10:00 it is late": Case(
        hours=OFFICE,
        opened="2026-11-27 17:00",
        priority="urgent",
        then=((AgentReplied, "2026-11-30 10:00"),),
        breached="2026-11-30 10:00",
        said="late",
    ),
    "opened on a Saturday it starts on Monday": Case(
        hours=OFFICE, opened="2026-11-28 15:00", priority="urgent", breached="2026-11-30 10:00"
    ),
    # 10:30 to 12 are 1.5 h; 2.5 h more from 13.
    "a lunch break": Case(hours=OFFICE, opened="2026-12-01 10:30", priority="high", breached="2026-12-01 15:30"),
    # 24 h: Friday 0, then 7 h a day: Monday to Wednesday 21, and 3 on Thursday.
    "three days and a morning": Case(
        hours=OFFICE, opened="2026-11-27 17:00", priority="normal", breached="2026-12-03 12:00"
    ),
    # 9 to 12 and 13 to 16 are 6 h; held from Monday 16 to Tuesday 11; 11 to 12 is 1 h, 13 to 14 another.
    "held across closed hours": Case(
        hours=OFFICE,
        opened="2026-11-30 09:00",
        priority="urgent",
        then=((TicketPutOnHold, "2026-11-30 16:00"), (TicketResumed, "2026-12-01 11:00")),
        clock="resolution",
        breached="2026-12-01 14:00",
    ),
    # 7 h on Monday, and 1 on Tuesday, as if it hadn't been held.
    "held while it was closed anyway": Case(
        hours=OFFICE,
        opened="2026-11-30 09:00",
        priority="urgent",
        then=((TicketPutOnHold, "2026-11-30 18:00"), (TicketResumed, "2026-12-01 08:00")),
        clock="resolution",
        breached="2026-12-01 10:00",
        said="due_soon",
    ),
    # 1 to 2, and 3 to 6, as 2 to 3 doesn't exist.
    "clocks go forward": Case(hours=SUNDAYS, opened="2027-03-28 00:00", priority="high", breached="2027-03-28 06:00"),
    # 1 to 2, 2 to 3, 2 to 3 once more, 3 to 4.
    "clocks go back": Case(hours=SUNDAYS, opened="2026-10-25 00:00", priority="high", breached="2026-10-25 04:00"),
    # In Cairo, Friday begins at 1:00: 22 to 24, 1 to 2, and an hour of the next Thursday.
    "clocks go forward at midnight, before it": Case(
        hours=LATE, opened="2027-04-29 12:00", priority="high", breached="2027-05-06 23:00", zone="Africa/Cairo"
    ),
    # 1 to 4, and an hour of the next Friday, from 0 to 1.
    "clocks go forward at midnight, after it": Case(
        hours=EARLY, opened="2027-04-29 12:00", priority="high", breached="2027-05-07 01:00", zone="Africa/Cairo"
    ),
    # 22 to 23, 23 to 24, 23 to 24 once more, 0 to 1.
    "clocks go back at midnight": Case(
        hours=LATE, opened="2027-10-28 12:00", priority="high", breached="2027-10-29 01:00", zone="Africa/Cairo"
    ),
    # 16 to 17 on Wednesday, 9 to 12 on Thursday.
    "before the holidays were added": Case(
        hours=OFFICE, opened="2026-12-23 16:00", priority="high", breached="2026-12-24 12:00"
    ),
    # 16 to 17, 10 to 11 on the 24th, nothing on Friday, 9 to 11 on Monday.
    "holidays added later": Case(
        hours=OFFICE + HOLIDAYS, opened="2026-12-23 16:00", priority="high", breached="2026-12-28 11:00"
    ),
    # 16 to 17, 9 to 12 on Friday, as in 2026 Fridays are open.
    "Fridays before they are closed": Case(
        hours=NO_FRIDAYS_FROM_2027, opened="2026-12-10 16:00", priority="high", breached="2026-12-11 12:00"
    ),
    # 2027-01-01 is a Friday: 16 to 17 on Thursday, 9 to 12 on Monday.
    "Fridays closed from next year on": Case(
        hours=NO_FRIDAYS_FROM_2027, opened="2026-12-31 16:00", priority="high", breached="2027-01-04 12:00"
    ),
    # Round the clock until Wednesday the 31st ends: 22 to 24; then 9 to 12 and 13 to 16 on Thursday.
    "opened before there were hours": Case(
        hours=OFFICE, opened="2025-12-31 22:00", priority="urgent", clock="resolution", breached="2026-01-01 16:00"
    ),
    # 13:59 is after 9 to 12 and 59 minutes; what is said on Wednesday changes nothing.
    "a later update doesn't overrule the first response": Case(
        hours=OFFICE,
        opened="2026-12-01 09:00",
        priority="high",
        then=((AgentReplied, "2026-12-01 13:59"), (AgentReplied, "2026-12-02 16:00")),
        breached="2026-12-01 14:00",
        said="met",
    ),
    # Friday 23 to 6 are 7 h, and the eighth is Monday's first.
    "nights that end on the next day": Case(
        hours=NIGHTS, opened="2026-11-27 23:00", priority="urgent", clock="resolution", breached="2026-11-30 23:00"
    ),
    # Urgent, it would have been late at 10 on Monday; it is from the change on.
    "nothing is breached before a change of priority": Case(
        hours=OFFICE,
        opened="2026-11-30 09:00",
        priority="normal",
        then=((TicketPriorityChanged, "2026-12-01 20:00"),),
        breached="2026-12-01 20:00",
        said="breached",
    ),
    # At the change 30 minutes have run since the opening, whatever they counted for: another 30 on Monday.
    "a change of priority measures from the opening": Case(
        hours=OFFICE,
        opened="2026-11-27 16:30",
        priority="normal",
        then=((TicketPriorityChanged, "2026-11-28 12:00"),),
        breached="2026-11-30 09:30",
    ),
}


def rules_with(text: str, zone: str = "Europe/Berlin") -> Rules:
    return compile_rules(ruleset_with(text, zone), "EUR")


def ruleset_with(text: str, zone: str = "Europe/Berlin") -> Ruleset:
    return parse_rules(default_text().replace("Europe/Berlin", zone) + text)


def local(text: str, zone: str = "Europe/Berlin") -> int:
    return to_instant(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def written(instant: int | None, zone: str = "Europe/Berlin") -> str:
    return "" if instant is None else f"{to_datetime(instant).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def happened(case: Case) -> TicketFacts:
    opened = TicketOpened(ticket_id="T-1", at=local(case.opened, case.zone), priority=case.priority)
    history: list[TicketEvent] = [opened]
    for event, at in case.then:
        more = {"priority": "urgent"} if event is TicketPriorityChanged else {}
        history.append(event(ticket_id="T-1", at=local(at, case.zone), **more))
    facts = TicketFacts()
    for position, each in enumerate(history, start=1):
        evolve(facts, each, position)
    return facts


@pytest.mark.parametrize("name", CASES)
def test_a_clock_is_breached_when_it_says(name: str) -> None:
    case = CASES[name]
    rules, facts = rules_with(case.hours, case.zone).tickets, happened(case)
    at = local(case.then[-1][1] if case.then else case.opened, case.zone)
    verdict, _ = verdict_of(facts, rules, at)
    said = {"first_response": verdict.first_response, "resolution": verdict.resolution}[case.clock]
    assert said == case.said
    if case.said != "met":
        assert written(breaches_at(facts, rules, case.clock), case.zone) == case.breached
    if case.said in ("on_time", "due_soon"):
        due = local(case.breached, case.zone)
        told = [verdict_of(facts, rules, instant)[0] for instant in (due - 1, due)]
        shown = [{"first_response": each.first_response, "resolution": each.resolution}[case.clock] for each in told]
        assert shown == ["due_soon", "breached"]


def test_it_is_due_soon_when_so_much_of_the_open_time_is_over() -> None:
    # 0.8 of 4 h are 3:12 h: 10:30 to 12 are 1:30, and 1:42 more from 13.
    facts = happened(CASES["a lunch break"])
    verdict, due = verdict_of(facts, rules_with(OFFICE).tickets, local("2026-12-01 10:30"))
    assert (verdict.first_response, written(due)) == ("on_time", "2026-12-01 14:42")


def test_what_is_resolved_is_closed_after_days_of_the_calendar() -> None:
    facts = TicketFacts()
    evolve(facts, TicketOpened(ticket_id="T-1", at=local("2026-11-27 09:00"), priority="normal"))
    evolve(facts, TicketResolved(ticket_id="T-1", at=local("2026-11-27 17:00")))
    rules = rules_with(OFFICE).tickets
    _, closes = verdict_of(facts, rules, local("2026-11-27 17:00"))
    assert written(closes) == "2026-12-04 17:00"
    assert verdict_of(facts, rules, local("2026-12-04 17:00"))[0].status is TicketStatus.CLOSED


# -------------------------------------------------------------------------------------------------------- for anybody

IN_HOURS = compile_rules(parse_rules(default_text() + OFFICE_HOURS), "EUR")
JUDGING = (TICKET_QUEUE, TICKET_CARD, CHURN_RISK)


@given(histories(), st.data())
def test_in_business_hours_a_fold_split_anywhere_equals_the_whole(history: list[Happened], data: st.DataObject) -> None:
    cut, folded = data.draw(cuts(history)), Folded()
    before = fold(folded, history[:cut], IN_HOURS, JUDGING)
    after = fold(folded, history[cut:], IN_HOURS, JUDGING)
    _, whole = fold_some(history, IN_HOURS, JUDGING)
    assert {name: joined(before[name], after[name]) for name in before} == whole


@given(histories(), st.integers(0, 2_000), st.integers(0, DAY))
def test_in_business_hours_a_verdict_asked_at_any_instant_is_that_of_its_interval(
    history: list[Happened], days: int, off: int
) -> None:
    at = START + days * DAY + off
    known = [each for each in history if each.at <= at]
    folded, timelines = fold_some(known, IN_HOURS, JUDGING)
    for projector in JUDGING:
        asked = verdicts_of_facts(projector, (each.event for each in known), folded.facts, IN_HOURS, at)
        held = {each.key: each.verdict for each in timelines[projector.name] if each.valid_from <= at < each.valid_to}
        assert asked == held


# -------------------------------------------------------------------------------------------------------------- digests


def test_rules_without_hours_are_what_they_were() -> None:
    assert '"hours"' not in parse_rules(default_text()).canonical()


def test_hours_concern_those_who_judge_tickets_and_nobody_else() -> None:
    without, with_hours = rules_with(""), rules_with(OFFICE)
    changed = {each.name for each in PROJECTORS if rules_digest(each, without) != rules_digest(each, with_hours)}
    assert changed == {TICKET_QUEUE.name, CHURN_RISK.name}
    # A list of holidays that no hours keep, and where there are no hours at all, changes no answer.
    assert rules_digest(TICKET_QUEUE, rules_with(HOLIDAYS)) == rules_digest(TICKET_QUEUE, without)


def test_a_ruleset_with_hours_is_restored_from_its_canonical_form() -> None:
    ruleset = ruleset_with(OFFICE + HOLIDAYS)
    assert restore_rules(ruleset.canonical()) == ruleset
    assert parse_rules(default_text() + OFFICE.replace("2026-01-01", '"2026-01-01"') + HOLIDAYS) == ruleset


# ------------------------------------------------------------------------------------------------------------- refusals

REGION = '[[business.holidays]]\nregion = "DE-BY"\nyear = 2027\ndays = [{ day = 2027-01-06 }]\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (hours("2026-01-01", "monday", spans='"9:00-12:00"'), 'monday[0]: found "9:00-12:00"; expected hours such as'),
        (hours("2026-01-01", "monday", spans='"09:00-24:30"'), 'expected hours such as "09:00-17:00"'),
        (hours("2026-01-01", "monday", spans='"09:00-09:00"'), 'a whole day is "00:00-24:00"'),
        (
            hours("2026-01-01", "monday", spans='"09:00-12:00", "11:00-15:00"'),
            'business.hours[0]: monday: "11:00-15:00" begins before "09:00-12:00" ends',
        ),
        (hours("2026-13-01", "monday").replace("2026-13-01", '"2026-13-01"'), "business.hours[0].from: found"),
        (hours('"next year"', "monday"), "expected a day, such as 2027-01-01"),
        (hours("2026-01-01T09:00:00", "monday"), "expected a day, such as 2027-01-01"),
        (hours("3126-01-01", "monday"), "expected a year from 1900 to 2999"),
        (hours("2027-01-01", "monday") + "\n" + hours("2026-01-01", "monday"), 'must be in order of "from"'),
        (hours("2026-01-01"), "from 2026-01-01 on it is closed for more than 400 days"),
        (OFFICE + "\n" + hours("2027-01-01"), "from 2027-01-01 on it is closed for more than 400 days"),
        (OFFICE + "\n" + REGION + REGION, 'the list of holidays "DE-BY 2027" is used twice'),
        (OFFICE + "\n" + REGION.replace("year = 2027", ""), "a region's holidays have a year"),
        (OFFICE + "\n" + REGION.replace("year = 2027", "year = 2026"), "2027-01-06 is not in 2026"),
        (OFFICE + HOLIDAYS + HOLIDAYS, 'the day off "2026-12-24" is used twice'),
    ],
)
def test_hours_that_cannot_be_are_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InvalidRules) as refused:
        ruleset_with(text)
    assert sentence in str(refused.value)


def test_who_closes_for_a_year_opens_again() -> None:
    text = "\n".join([OFFICE, hours("2027-01-01"), hours("2028-01-01", *WORKDAYS)])
    case = Case(hours=text, opened="2026-12-31 16:30", priority="urgent", breached="2028-01-03 09:30")
    assert written(breaches_at(happened(case), rules_with(text).tickets, "first_response")) == case.breached
