"""The clocks of a ticket, by hand. By default, in hours, for urgent, high, normal and low: first response 1, 4, 24, 24;
resolution 8, 24, 72, 168; due soon from 0.8 of that; closed 7 days after it was resolved.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from histories import START
from regulars.crm_domain.command import Context, TicketPolicy
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.instant import DAY, SECOND, to_datetime
from regulars.crm_domain.ticket import (
    TICKET,
    AgentReplied,
    AwaitCustomer,
    ChangePriority,
    CloseTicket,
    CustomerReplied,
    EscalateTicket,
    OpenTicket,
    Priority,
    PutOnHold,
    ReopenTicket,
    ReplyAsAgent,
    ReplyAsCustomer,
    ResolveTicket,
    ResumeTicket,
    TicketAssigned,
    TicketAwaitingCustomer,
    TicketClassified,
    TicketClosed,
    TicketEscalated,
    TicketEvent,
    TicketOpened,
    TicketPriorityChanged,
    TicketPutOnHold,
    TicketRated,
    TicketReopened,
    TicketResolved,
    TicketResumed,
    TicketStatus,
)
from regulars.projections.facts.calendar import Week, calendar_of
from regulars.projections.facts.tickets import (
    ClockName,
    Target,
    TicketFacts,
    TicketRules,
    breaches_at,
    evolve,
    running_time,
)
from regulars.projections.rules.compiled import compile_rules
from regulars.projections.rules.grammar import parse_rules
from regulars.projections.ticket_queue.compiled import compile_ticket_rules
from regulars.projections.ticket_queue.judge import verdict_of
from regulars.projections.ticket_queue.rules import Ticket as TicketTable
from strategies import events

DEFAULT = (Path(__file__).parents[2] / "src" / "regulars" / "rules.toml").read_text(encoding="utf-8")
RULES = compile_rules(parse_rules(DEFAULT), "EUR").tickets
HOUR = 3_600 * SECOND


def hour(number: float, microseconds: int = 0) -> int:
    return START + int(number * HOUR) + microseconds


def opened(priority: Priority = "normal", **fields: Any) -> TicketOpened:
    return TicketOpened(ticket_id="T-1", at=START, priority=priority, **fields)


def then(event: type[Any], at: int, **fields: Any) -> TicketEvent:
    made = event(ticket_id="T-1", at=at, **fields)
    assert isinstance(made, TicketEvent)
    return made


def known(*history: TicketEvent) -> TicketFacts:
    facts = TicketFacts()
    for position, event in enumerate(history, start=1):
        evolve(facts, event, position)
    return facts


def steps(*history: TicketEvent, by: TicketRules = RULES) -> list[tuple[int, str, str, str]]:
    """From when what is shown of a ticket with this history, each with its instant, up to the last change."""
    facts, shown = TicketFacts(), []
    for number, event in enumerate(history):
        evolve(facts, event)
        upcoming = history[number + 1].at if number + 1 < len(history) else None
        at: int | None = event.at
        while at is not None and (upcoming is None or at < upcoming):
            verdict, next_change_at = verdict_of(facts, by, at)
            shown.append((at, verdict.status.value, verdict.first_response, verdict.resolution))
            assert next_change_at is None or next_change_at > at
            at = next_change_at
    return [step for before, step in pairwise([None, *shown]) if step is not None and (before or ())[1:] != step[1:]]


def clock(name: ClockName, *history: TicketEvent) -> list[tuple[int, str]]:
    """From when what one clock says."""
    index = 2 if name == "first_response" else 3
    said = [(step[0], step[index]) for step in steps(*history)]
    return [step for before, step in pairwise([None, *said]) if step is not None and (before or ())[1:] != step[1:]]


# ------------------------------------------------------------------------------------------------------------ targets


def test_hours_become_microseconds() -> None:
    assert RULES.first_response == {
        "urgent": Target(soon=48 * 60 * SECOND, breach=HOUR),
        "high": Target(soon=192 * 60 * SECOND, breach=4 * HOUR),
        "normal": Target(soon=1_152 * 60 * SECOND, breach=24 * HOUR),
        "low": Target(soon=1_152 * 60 * SECOND, breach=24 * HOUR),
    }
    assert [RULES.resolution[priority].breach for priority in get_args(Priority)] == [
        8 * HOUR,
        24 * HOUR,
        72 * HOUR,
        168 * HOUR,
    ]
    assert RULES.auto_close == 7 * DAY


def test_a_target_between_two_microseconds_is_reached_at_the_later_one() -> None:
    # 0.000000001 h = 3.6 microseconds, so 4; 0.8 of it is 2.88, so 3 (and not 4, as it were for 0.8 of 4);
    # 0.000000002 h = 7.2 microseconds, so 8; 0.8 of it is 5.76, so 6.
    hours = dict.fromkeys(("urgent", "high", "normal"), "0.000000001") | {"low": "0.000000002"}
    table = {"first_response_hours": hours, "resolution_hours": hours, "due_soon_fraction": "0.8", "auto_close_days": 0}
    compiled = compile_ticket_rules(TicketTable.model_validate(table), RULES.calendar)
    assert (compiled.first_response["high"], compiled.resolution["low"]) == (Target(3, 4), Target(6, 8))


# ------------------------------------------------------------------------------------------------------ first response


def test_a_ticket_that_nobody_touches_runs_through_both_clocks() -> None:
    # 0.8 * 24 = 19.2; 0.8 * 72 = 57.6
    assert steps(opened()) == [
        (START, "new", "on_time", "on_time"),
        (hour(19.2), "new", "due_soon", "on_time"),
        (hour(24), "new", "breached", "on_time"),
        (hour(57.6), "new", "breached", "due_soon"),
        (hour(72), "new", "breached", "breached"),
    ]


@pytest.mark.parametrize(("at", "said"), [(hour(24, -1), "met"), (hour(24), "late"), (hour(24, 1), "late")])
def test_an_answer_is_in_time_before_its_target(at: int, said: str) -> None:
    assert clock("first_response", opened(), then(AgentReplied, at))[-1] == (at, said)


def test_only_our_first_reply_is_the_first_response() -> None:
    said = clock(
        "first_response",
        opened("high"),
        then(TicketAssigned, hour(1), agent="li"),
        then(CustomerReplied, hour(2)),
        then(AgentReplied, hour(3)),
        then(AgentReplied, hour(5)),
    )
    assert said == [(START, "on_time"), (hour(3), "met")]


@pytest.mark.parametrize("wait", [TicketAwaitingCustomer, TicketPutOnHold])
def test_nothing_pauses_the_first_response(wait: type[Any]) -> None:
    said = clock("first_response", opened("high"), then(wait, hour(1)), then(AgentReplied, hour(4)))
    assert said == [(START, "on_time"), (hour(3.2), "due_soon"), (hour(4), "late")]


@pytest.mark.parametrize("end", [TicketResolved, TicketClosed])
def test_what_is_settled_without_a_reply_is_answered_by_that(end: type[Any]) -> None:
    history = (opened("high"), then(end, hour(2)))
    assert clock("first_response", *history) == [(START, "on_time"), (hour(2), "met")]
    assert clock("first_response", opened("high"), then(end, hour(4)))[-1] == (hour(4), "late")
    reopened = (*history, then(TicketReopened, hour(3)), then(AgentReplied, hour(9)))
    assert clock("first_response", *reopened) == [(START, "on_time"), (hour(2), "met")]


# ---------------------------------------------------------------------------------------------------------- resolution


@pytest.mark.parametrize("end", [TicketResolved, TicketClosed])
@pytest.mark.parametrize(("at", "said"), [(hour(72, -1), "met"), (hour(72), "late")])
def test_a_resolution_is_in_time_before_its_target(end: type[Any], at: int, said: str) -> None:
    assert clock("resolution", opened(), then(AgentReplied, START), then(end, at))[-1] == (at, said)


@pytest.mark.parametrize("wait", [TicketAwaitingCustomer, TicketPutOnHold])
@pytest.mark.parametrize("end", [TicketResumed, CustomerReplied])
def test_the_resolution_stands_still_while_the_ticket_waits(wait: type[Any], end: type[Any]) -> None:
    # 10 h of 24 ran; 100 h wait; 9.2 h more make 19.2 = 0.8 * 24, 14 h more make 24.
    waited = (opened("high"), then(wait, hour(10)), then(end, hour(110)))
    assert clock("resolution", *waited) == [
        (START, "on_time"),
        (hour(119.2), "due_soon"),
        (hour(124), "breached"),
    ]
    assert clock("resolution", *waited, then(TicketResolved, hour(124, -1)))[-1] == (hour(124, -1), "met")
    assert clock("resolution", *waited, then(TicketResolved, hour(124)))[-1] == (hour(124), "late")


def test_two_waits_in_a_row_are_one() -> None:
    waited = (
        opened("high"),
        then(TicketAwaitingCustomer, hour(10)),
        then(TicketPutOnHold, hour(20)),
        then(AgentReplied, hour(25)),
        then(TicketEscalated, hour(26), level=1),
        then(TicketResumed, hour(30)),
    )
    assert clock("resolution", *waited)[-1] == (hour(44), "breached")  # 24 h and 20 h of waiting


def test_pauses_add_up() -> None:
    waited = (
        opened("high"),
        then(TicketAwaitingCustomer, hour(1)),
        then(TicketResumed, hour(4)),
        then(TicketPutOnHold, hour(5)),
        then(TicketResumed, hour(5.5)),
        then(TicketPutOnHold, hour(6)),
        then(TicketResumed, hour(6)),
    )
    assert clock("resolution", *waited)[-1] == (hour(27.5), "breached")  # 24 + 3 + 0.5 + 0
    assert running_time(known(*waited).resolution, hour(6), RULES.calendar) == int(2.5 * HOUR)


def test_what_waits_keeps_what_its_clock_said() -> None:
    # paused a microsecond before, and just when, it is due soon and breached
    soon, breach = hour(19.2), hour(24)
    for paused, said in [(soon - 1, "on_time"), (soon, "due_soon"), (breach - 1, "due_soon"), (breach, "breached")]:
        waits = (opened("high"), then(TicketAwaitingCustomer, paused))
        assert clock("resolution", *waits)[-1][1] == said
        assert verdict_of(known(*waits), RULES, paused + 1_000 * DAY)[0].resolution == said


@pytest.mark.parametrize("again", [TicketReopened, CustomerReplied])
def test_a_reopened_ticket_goes_on_where_its_clock_stopped(again: type[Any]) -> None:
    # 20 h ran until it was resolved; 2 days later 4 h are left
    back = (opened("high"), then(TicketResolved, hour(20)), then(again, hour(68)))
    assert steps(*back)[-3:] == [
        (hour(20), "resolved", "late", "met"),
        (hour(68), "open", "late", "due_soon"),
        (hour(72), "open", "late", "breached"),
    ]
    assert clock("resolution", *back, then(TicketResolved, hour(72, -1)))[-1] == (hour(72, -1), "met")
    assert clock("resolution", *back, then(TicketResolved, hour(72)))[-1] == (hour(72), "late")


def test_what_was_resolved_late_is_breached_as_soon_as_it_is_reopened() -> None:
    back = (opened("high"), then(TicketResolved, hour(30)), then(TicketReopened, hour(40)))
    assert clock("resolution", *back)[-3:] == [(hour(24), "breached"), (hour(30), "late"), (hour(40), "breached")]
    assert breaches_at(known(*back), RULES, "resolution") == hour(24)


def test_closing_what_is_resolved_leaves_its_clocks_alone() -> None:
    settled = (opened("high"), then(AgentReplied, hour(1)), then(TicketResolved, hour(2)))
    assert steps(*settled, then(TicketClosed, hour(100)))[-1] == (hour(100), "closed", "met", "met")
    assert known(*settled, then(TicketClosed, hour(100))).settled == known(*settled).settled


# ---------------------------------------------------------------------------------------------------------- priorities


def test_a_new_priority_counts_from_the_opening() -> None:
    # high at 2 h: first response due at 4, soon at 3.2; resolution at 24, soon at 19.2
    raised = (opened(), then(TicketPriorityChanged, hour(2), priority="high"))
    assert steps(*raised) == [
        (START, "new", "on_time", "on_time"),
        (hour(3.2), "new", "due_soon", "on_time"),
        (hour(4), "new", "breached", "on_time"),
        (hour(19.2), "new", "breached", "due_soon"),
        (hour(24), "new", "breached", "breached"),
    ]


def test_a_new_priority_breaches_nothing_before_the_change() -> None:
    # urgent at 10 h: due at 1 and at 8 h, both over
    raised = (opened(), then(TicketPriorityChanged, hour(10), priority="urgent"))
    assert steps(*raised) == [(START, "new", "on_time", "on_time"), (hour(10), "new", "breached", "breached")]
    for name in get_args(ClockName):
        assert breaches_at(known(*raised), RULES, name) == hour(10)


def test_a_lower_priority_gives_more_time() -> None:
    # high is breached at 24 h; low at 168 h, due soon at 134.4
    lowered = (opened("high"), then(AgentReplied, hour(1)), then(TicketPriorityChanged, hour(30), priority="low"))
    assert clock("resolution", *lowered) == [
        (START, "on_time"),
        (hour(19.2), "due_soon"),
        (hour(24), "breached"),
        (hour(30), "on_time"),
        (hour(134.4), "due_soon"),
        (hour(168), "breached"),
    ]


def test_a_new_priority_in_a_pause_counts_what_ran_before_it() -> None:
    # 10 h ran: under urgent that is more than 8 h, so it is breached at the change, pause or not
    waits = (opened(), then(TicketAwaitingCustomer, hour(10)))
    raised = (*waits, then(TicketPriorityChanged, hour(50), priority="urgent"))
    assert clock("resolution", *raised)[-1] == (hour(50), "breached")
    assert breaches_at(known(*raised), RULES, "resolution") == hour(50)
    # under high 14 h are left after the pause
    some = (*waits, then(TicketPriorityChanged, hour(50), priority="high"), then(TicketResumed, hour(60)))
    assert clock("resolution", *some)[-1] == (hour(74), "breached")


def test_an_answer_keeps_the_priority_under_which_it_was_given() -> None:
    answered = (opened(), then(AgentReplied, hour(5)), then(TicketPriorityChanged, hour(6), priority="urgent"))
    assert clock("first_response", *answered) == [(START, "on_time"), (hour(5), "met")]


def test_a_change_and_an_answer_at_one_instant_count_in_their_order() -> None:
    change = then(TicketPriorityChanged, hour(5), priority="high")
    answer = then(AgentReplied, hour(5))
    assert clock("first_response", opened(), answer, change)[-1] == (hour(5), "met")
    assert clock("first_response", opened(), change, answer)[-1] == (hour(5), "late")


# ------------------------------------------------------------------------------------------------------------- status


def test_what_is_resolved_counts_as_closed_after_its_days() -> None:
    settled = (opened("high"), then(AgentReplied, hour(1)), then(TicketResolved, hour(2)))
    assert steps(*settled)[-2:] == [
        (hour(2), "resolved", "met", "met"),
        (hour(2 + 7 * 24), "closed", "met", "met"),
    ]
    assert verdict_of(known(*settled), RULES, hour(170, -1))[0].status is TicketStatus.RESOLVED
    assert verdict_of(known(*settled), RULES, hour(170)) == (verdict_of(known(*settled), RULES, hour(171))[0], None)


def test_the_days_are_those_of_the_last_resolution() -> None:
    again = (
        opened(),
        then(TicketResolved, hour(1)),
        then(TicketReopened, hour(2)),
        then(TicketResolved, hour(50)),
        then(AgentReplied, hour(60)),
        then(TicketRated, hour(70), score=4),
    )
    assert steps(*again)[-1][:2] == (hour(50 + 168), "closed")


def test_before_it_is_opened_there_is_nothing_to_show() -> None:
    facts = known(then(AgentReplied, START), then(TicketResolved, START))
    assert facts == TicketFacts()
    verdict, next_change_at = verdict_of(facts, RULES, START)
    assert (verdict.status, next_change_at) == (TicketStatus.UNKNOWN, None)
    assert [breaches_at(facts, RULES, name) for name in get_args(ClockName)] == [None, None]


# -------------------------------------------------------------------------------------------------- what is known of it


def test_what_people_look_at_is_known_with_its_events() -> None:
    facts = known(
        opened("low", channel="email", follows="T-0", complaint=True),
        then(TicketClassified, hour(1), topic="post"),
        then(TicketAssigned, hour(2), agent="li"),
        then(TicketEscalated, hour(3), level=2),
        then(CustomerReplied, hour(4)),
        then(TicketResolved, hour(5)),
        then(CustomerReplied, hour(6)),
        then(TicketResolved, hour(7)),
        then(TicketReopened, hour(8)),
        then(TicketResolved, hour(9)),
        then(TicketRated, hour(10), score=2),
    )
    assert (facts.ticket_id, facts.channel, facts.follows) == ("T-1", "email", "T-0")
    assert (facts.topic, facts.complaint, facts.agent, facts.level) == ("post", False, "li", 2)
    assert [(each.at, each.position) for each in facts.reopened] == [(hour(6), 7), (hour(8), 9)]
    assert facts.settled is not None
    assert (facts.settled.at, facts.settled.position) == (hour(9), 10)
    assert facts.customer_replied is not None
    assert facts.customer_replied.at == hour(6)
    assert facts.rated is not None
    assert (facts.rated.position, facts.score) == (11, 2)


# ------------------------------------------------------------------------------------------------------- for any ticket

# A world in which everything falls due within a hundred microseconds, so that a test can go through them one by one.
SMALL = TicketRules(
    first_response={"urgent": Target(2, 3), "high": Target(4, 6), "normal": Target(9, 12), "low": Target(12, 13)},
    resolution={"urgent": Target(4, 6), "high": Target(9, 11), "normal": Target(16, 24), "low": Target(33, 41)},
    auto_close=10,
    calendar=calendar_of(ZoneInfo("UTC")),
)
# The same world ten minutes at a time, in a business that is open for some of them: which, by their number in a day.
UNIT = 600 * SECOND
OPEN = frozenset({*range(3), *range(6, 18), 20, *range(130, 144)})
HOURLY = TicketRules(
    first_response={name: Target(each.soon * UNIT, each.breach * UNIT) for name, each in SMALL.first_response.items()},
    resolution={name: Target(each.soon * UNIT, each.breach * UNIT) for name, each in SMALL.resolution.items()},
    auto_close=SMALL.auto_close * UNIT,
    calendar=calendar_of(
        ZoneInfo("UTC"),
        (Week(since=date(2023, 12, 31), weekdays=(((60, 180), (200, 210), (1_300, 1_470)),) * 7, special={}),),
    ),
)
ASKED: tuple[Any, ...] = (
    ReplyAsAgent,
    ReplyAsCustomer,
    AwaitCustomer,
    PutOnHold,
    ResumeTicket,
    EscalateTicket,
    ResolveTicket,
    ReopenTicket,
    CloseTicket,
)
wishes = st.sampled_from(ASKED).map(lambda command: command(ticket_id="T-1")) | st.builds(
    ChangePriority, ticket_id=st.just("T-1"), priority=st.sampled_from(get_args(Priority))
)


@st.composite
def tickets(draw: st.DrawFn) -> list[TicketEvent]:
    """What may happen to a ticket within some hundred microseconds, as its decisions allow it."""
    now = START
    wish: Any = OpenTicket(customer="shop:1", ticket_id="T-1", priority=draw(st.sampled_from(get_args(Priority))))
    state, history = TICKET.initial, list[TicketEvent]()
    for _ in range(draw(st.integers(0, 12)) + 1):
        try:
            moment = wish.model_copy(update={"occurred_at": to_datetime(now)})
            decided = TICKET.decide(moment, state, Context(now=now, tickets=TicketPolicy(auto_close_days=1)))
        except Rejected:
            decided = ()
        for event in decided:
            assert isinstance(event, TicketEvent)
            state = TICKET.evolve(state, event)
            history.append(event)
        wish, now = draw(wishes), now + draw(st.integers(0, 15))
    return history


def always(number: int) -> bool:
    return True


def step_by_step(
    history: list[TicketEvent], until: int, is_open: Callable[[int], bool] = always
) -> tuple[str, str, str]:
    """What is shown of a ticket at an instant, found by living through every microsecond up to it."""
    status, priority, answer, settled_at = "unknown", "normal", "", START
    resolution, elapsed, worked = "", 0, 0
    for now in range(START, until + 1):
        if now > START:
            counts = is_open(now - 1 - START)
            elapsed += counts
            worked += counts and status in ("new", "open")
        for event in (event for event in history if event.at == now):
            match event:
                case TicketOpened():
                    status, priority = "new", event.priority
                case TicketPriorityChanged():
                    priority = event.priority
                case TicketEscalated() if status == "new":
                    status = "open"
                case AgentReplied():
                    status = "open" if status == "new" else status
                    answer = answer or _ended(elapsed, SMALL.first_response[priority])
                case CustomerReplied() if status != "new":
                    status, resolution = "open", ""
                case TicketAwaitingCustomer():
                    status = "awaiting_customer"
                case TicketPutOnHold():
                    status = "on_hold"
                case TicketResumed() | TicketReopened():
                    status, resolution = "open", ""
                case TicketResolved() | TicketClosed():
                    answer = answer or _ended(elapsed, SMALL.first_response[priority])
                    if status != "resolved":
                        resolution, settled_at = _ended(worked, SMALL.resolution[priority]), now
                    status = "closed" if isinstance(event, TicketClosed) else "resolved"
                case _:
                    pass
    if status == "resolved" and until - settled_at >= SMALL.auto_close:
        status = "closed"
    running = _running(elapsed, SMALL.first_response[priority]), _running(worked, SMALL.resolution[priority])
    return status, answer or running[0], resolution or running[1]


def _ended(ran: int, target: Target) -> str:
    return "late" if ran >= target.breach else "met"


def _running(ran: int, target: Target) -> str:
    return "breached" if ran >= target.breach else "due_soon" if ran >= target.soon else "on_time"


def at_instant(history: list[TicketEvent], at: int, by: TicketRules = SMALL) -> tuple[str, str, str]:
    """What is shown at an instant, judged there and then."""
    verdict, _ = verdict_of(known(*(event for event in history if event.at <= at)), by, at)
    return verdict.status.value, verdict.first_response, verdict.resolution


@given(tickets(), st.integers(0, 250))
def test_what_is_shown_is_what_living_through_it_shows(history: list[TicketEvent], later: int) -> None:
    assert at_instant(history, START + later) == step_by_step(history, START + later)


def ten_minutes_at_a_time(history: list[TicketEvent]) -> list[TicketEvent]:
    return [replace(event, at=START + (event.at - START) * UNIT) for event in history]


@given(tickets(), st.integers(0, 400))
def test_with_business_hours_what_is_shown_is_what_living_through_them_shows(
    history: list[TicketEvent], later: int
) -> None:
    lived = step_by_step(history, START + later, lambda number: number % 144 in OPEN)
    slower = ten_minutes_at_a_time(history)
    assert at_instant(slower, START + later * UNIT, HOURLY) == lived
    held = [step for step in steps(*slower, by=HOURLY) if step[0] <= START + later * UNIT][-1]
    assert held[1:] == lived
    for name, shown in zip(get_args(ClockName), lived[1:], strict=True):
        instant = breaches_at(known(*(event for event in slower if event.at <= START + later * UNIT)), HOURLY, name)
        assert (instant is not None and instant <= START + later * UNIT) == (shown in ("breached", "late"))


@given(tickets(), st.integers(0, 250))
def test_judging_at_any_instant_agrees_with_the_steps(history: list[TicketEvent], later: int) -> None:
    # Events of one instant are judged together, as the fold does it; so only the last word of an instant counts.
    held = [step for step in steps(*history, by=SMALL) if step[0] <= START + later][-1]
    assert at_instant(history, START + later) == held[1:]


@given(tickets())
def test_every_step_is_a_change_and_there_are_few(history: list[TicketEvent]) -> None:
    facts, at, changes = known(*history), history[-1].at, 0
    verdict, next_change_at = verdict_of(facts, SMALL, at)
    while next_change_at is not None:
        before, at = verdict, next_change_at
        verdict, next_change_at = verdict_of(facts, SMALL, at)
        assert verdict != before
        assert next_change_at is None or next_change_at > at
        changes += 1
    assert changes <= 4


@given(tickets(), st.integers(0, 250))
def test_a_breach_is_foretold_for_just_the_instant_from_which_it_is_shown(
    history: list[TicketEvent], later: int
) -> None:
    facts, last = known(*history), history[-1].at
    verdict, _ = verdict_of(facts, SMALL, last + later)
    foretold = {"first_response": verdict.first_response, "resolution": verdict.resolution}
    for name in get_args(ClockName):
        instant = breaches_at(facts, SMALL, name)
        breached = instant is not None and instant <= last + later
        assert breached == (foretold[name] in ("breached", "late"))


@given(tickets(), st.integers(0, 250))
def test_what_ran_and_what_waited_make_up_the_whole_time(history: list[TicketEvent], later: int) -> None:
    until = history[-1].at + later
    waited, status = 0, "unknown"
    state = TICKET.initial
    for event, following in pairwise([*history, None]):
        assert event is not None
        state = TICKET.evolve(state, event)
        span = (following.at if following else until) - event.at
        status = state.status.value
        waited += span if status in ("awaiting_customer", "on_hold", "resolved", "closed") else 0
    assert running_time(known(*history).resolution, until, SMALL.calendar) + waited == until - START


@given(tickets(), st.data())
def test_a_fold_split_anywhere_equals_the_whole(history: list[TicketEvent], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(history)))
    stored = msgspec.msgpack.encode(known(*history[:cut]))
    resumed = msgspec.msgpack.decode(stored, type=TicketFacts)
    for position, event in enumerate(history[cut:], start=cut + 1):
        evolve(resumed, event, position)
    assert resumed == known(*history)


@given(st.lists(st.one_of(*(events(event_type) for event_type in get_args(TicketEvent))), max_size=20))
def test_any_history_can_be_folded_and_judged(history: list[TicketEvent]) -> None:
    facts = known(*history)
    before = deepcopy(facts)
    verdict_of(facts, SMALL, START)
    assert facts == before
