"""What a customer's tickets say together. By default a normal ticket is to be answered within 24 h, a high one in 4."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Literal, get_args

from hypothesis import given
from hypothesis import strategies as st

from histories import START
from regulars.crm_domain.instant import FOREVER, SECOND
from regulars.crm_domain.ticket import (
    AgentReplied,
    Priority,
    TicketClosed,
    TicketEvent,
    TicketOpened,
    TicketReopened,
    TicketResolved,
    TicketStatus,
)
from regulars.projections.engine.fold import Folded, Happened, fold
from regulars.projections.open_tickets import combine
from regulars.projections.registry import PROJECTORS
from regulars.projections.rules.compiled import compile_rules
from regulars.projections.rules.grammar import parse_rules
from regulars.projections.ticket_queue.judge import TicketVerdict, Timeliness
from regulars.projections.together import Together
from regulars.projections.verdict import Interval

DEFAULT = (Path(__file__).parents[2] / "src" / "regulars" / "rules.toml").read_text(encoding="utf-8")
RULES = compile_rules(parse_rules(DEFAULT), "EUR")
END = 60  # the last instant at which anything happens in a drawn story
Said = Literal["open", "breached"] | None


def hour(number: int) -> int:
    return START + number * 3_600 * SECOND


def told(ticket_id: str, priority: Priority, opened_at: int, *later: TicketEvent) -> list[Interval]:
    events = [TicketOpened(ticket_id=ticket_id, at=opened_at, priority=priority), *later]
    happened = [Happened(event.at, position, event) for position, event in enumerate(events, 1)]
    return fold(Folded(), happened, RULES, PROJECTORS)["ticket_queue"]


def steps(*tickets: list[Interval]) -> list[tuple[int, int, str]]:
    return [(each.valid_from, each.valid_to, each.value) for each in combine(tickets)]


# ------------------------------------------------------------------------------------------------------------ by hand


def test_without_a_ticket_there_is_nothing_to_tell() -> None:
    assert combine([]) == combine([[]]) == []


def test_a_ticket_that_nobody_touches_is_breached_from_its_first_target_on_for_ever() -> None:
    # 24 h to answer a normal one. That the 72 h to resolve it are over then, too, changes nothing.
    assert steps(told("T-1", "normal", hour(0))) == [(hour(0), hour(24), "open"), (hour(24), FOREVER, "breached")]


def test_what_is_settled_waits_for_nobody() -> None:
    # Answered 2 h late and resolved in time; what was answered late isn't breached, as there is nothing left to do.
    answered = AgentReplied(ticket_id="T-1", at=hour(26))
    for settles in (TicketResolved(ticket_id="T-1", at=hour(30)), TicketClosed(ticket_id="T-1", at=hour(30))):
        assert steps(told("T-1", "normal", hour(0), answered, settles)) == [
            (hour(0), hour(24), "open"),
            (hour(24), hour(26), "breached"),
            (hour(26), hour(30), "open"),
        ]


def test_between_being_settled_and_being_reopened_there_is_a_gap() -> None:
    # 10 of 72 h ran until it was resolved, so 62 are left when it is reopened at 100: breached at 162.
    resolved, reopened = TicketResolved(ticket_id="T-1", at=hour(10)), TicketReopened(ticket_id="T-1", at=hour(100))
    assert steps(told("T-1", "normal", hour(0), resolved, reopened)) == [
        (hour(0), hour(10), "open"),
        (hour(100), hour(162), "open"),
        (hour(162), FOREVER, "breached"),
    ]


def test_one_that_is_breached_speaks_for_all_and_neighbours_are_joined() -> None:
    # The first is open from 0 to 5; the second, to be answered within 4 h, is breached at 6 and resolved at 8; the
    # third is open from 5 to 20. So all three together are open from 0 to 6, breached to 8, open to 20.
    assert steps(
        told("T-1", "normal", hour(0), TicketResolved(ticket_id="T-1", at=hour(5))),
        told("T-2", "high", hour(2), TicketResolved(ticket_id="T-2", at=hour(8))),
        told("T-3", "normal", hour(5), TicketResolved(ticket_id="T-3", at=hour(20))),
    ) == [(hour(0), hour(6), "open"), (hour(6), hour(8), "breached"), (hour(8), hour(20), "open")]


# ------------------------------------------------------------------------------------------------------ for any tickets


@st.composite
def intervals(draw: st.DrawFn) -> list[Interval]:
    """One ticket's story, as free as the type allows: from some instant on without a break, and then for ever."""
    instants = sorted(draw(st.sets(st.integers(0, END), max_size=8)))
    clocks = st.sampled_from(get_args(Timeliness))
    verdicts = st.builds(TicketVerdict, st.sampled_from(TicketStatus), clocks, clocks)
    return [Interval(since, until, draw(verdicts)) for since, until in pairwise([*instants, FOREVER])]


stories = st.lists(intervals(), max_size=5)


def said_by_each(tickets: list[list[Interval]], at: int) -> Said:
    """What the tickets' own intervals say at an instant."""
    verdicts = [each.verdict for ticket in tickets for each in ticket if each.valid_from <= at < each.valid_to]
    unsettled = [verdict for verdict in verdicts if verdict.status not in ("resolved", "closed")]
    if any("breached" in (verdict.first_response, verdict.resolution) for verdict in unsettled):
        return "breached"
    return "open" if unsettled else None


def said_together(combined: list[Together], at: int) -> Said:
    found: list[Said] = [each.value for each in combined if each.valid_from <= at < each.valid_to]
    assert len(found) <= 1
    return found[0] if found else None


@given(stories)
def test_at_any_instant_they_say_together_what_each_of_them_says(tickets: list[list[Interval]]) -> None:
    combined = combine(tickets)
    for at in range(-1, END + 2):
        assert said_together(combined, at) == said_by_each(tickets, at)
    assert said_together(combined, FOREVER - 1) == said_by_each(tickets, END + 1)


@given(stories)
def test_they_come_in_order_of_time_and_every_one_is_a_change(tickets: list[list[Interval]]) -> None:
    combined = combine(tickets)
    assert all(each.valid_from < each.valid_to for each in combined)
    for before, after in pairwise(combined):
        assert before.valid_to <= after.valid_from
        assert before.valid_to < after.valid_from or before.value != after.value


@given(stories, st.randoms(use_true_random=False))
def test_in_which_order_the_tickets_are_told_makes_no_difference(tickets: list[list[Interval]], random: Random) -> None:
    shuffled = random.sample(tickets, len(tickets))
    assert combine(shuffled) == combine(tickets)
