"""Service is what counting the tickets one by one gives, on any day, as known on any day, and by any rules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from random import Random
from typing import Any, get_args

import pytest

from regulars import (
    AssignTicket,
    AwaitCustomer,
    ChangePriority,
    CloseTicket,
    Command,
    MergeCustomers,
    OpenTicket,
    RegisterCustomer,
    Regulars,
    Rejected,
    ReopenTicket,
    ReplyAsAgent,
    ReplyAsCustomer,
    ResolveTicket,
    Ruleset,
    ServiceBy,
    ServiceReport,
    TicketView,
    UndoMerge,
    parse_rules,
)
from shops import OFFICE_HOURS, Clock, default_text, opened

BEGIN = datetime(2026, 1, 5, 9, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)
END = BEGIN + timedelta(days=70)

HOURS = parse_rules(default_text() + OFFICE_HOURS.replace("2024", "2026"))


def drawn(seed: int) -> list[tuple[datetime, Command]]:
    """What happens to forty tickets within two months, whoever they are of, in order of time."""
    random, told = Random(seed), list[tuple[datetime, Any]]()
    for number in range(40):
        at, ticket = BEGIN + random.randrange(60 * 24) * HOUR, f"T-{number}"
        who, priority = f"shop:{random.randrange(6)}", random.choice(["urgent", "high", "normal", "low"])
        channel = random.choice(["email", "phone", None])
        told.append((at, OpenTicket(customer=who, ticket_id=ticket, priority=priority, channel=channel)))
        words = [
            AssignTicket(ticket_id=ticket, agent=random.choice(["ada", "bo"])),
            ReplyAsAgent(ticket_id=ticket),
            ChangePriority(ticket_id=ticket, priority=random.choice(["urgent", "low"])),
            AwaitCustomer(ticket_id=ticket),
            ReplyAsCustomer(ticket_id=ticket),
            ResolveTicket(ticket_id=ticket),
            random.choice([ReopenTicket, CloseTicket])(ticket_id=ticket),
        ]
        for word in words[: random.randrange(len(words) + 1)]:
            at += random.choice([0.1, 0.5, 2, 9, 30, 80]) * HOUR
            if random.random() < 0.8:
                told.append((at, word))
    return sorted(((at, word.model_copy(update={"occurred_at": at})) for at, word in told), key=lambda each: each[0])


def tell(crm: Regulars, clock: Clock, words: list[tuple[datetime, Command]]) -> None:
    crm.do([RegisterCustomer(ref=f"shop:{number}", occurred_at=BEGIN) for number in range(6)])
    for at, word in words:
        clock.now = max(clock.now, at)
        with suppress(Rejected):
            crm.do(word)
    clock.now = END


@pytest.fixture
def clock() -> Clock:
    return Clock(BEGIN)


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    with opened(database_url, clock) as crm:
        crm.rules.publish(HOURS, reason="business hours")
        tell(crm, clock, drawn(1))
        yield crm


def counted(found: ServiceReport) -> dict[str | None, tuple[Any, ...]]:
    lines = {each.group: each for each in found.lines} if found.by else {None: found.total}
    return {
        group: (each.opened, each.first_response, each.resolution, each.backlog, each.breached)
        for group, each in lines.items()
    }


def one_by_one(crm: Regulars, as_of: datetime | date, by: ServiceBy | None) -> dict[str | None, list[int]]:
    """Each group's tickets, and how many of them are open, from the list of tickets and each one in full."""
    found: dict[str | None, list[int]] = {}
    for each in crm.tickets(as_of=as_of, limit=1000):
        counts = found.setdefault(group_of(crm, each, as_of, by), [0] * 8)
        is_open = each.status not in ("resolved", "closed")
        counts[0] += 1
        for place, clock in ((1, each.first_response), (3, each.resolution)):
            counts[place] += clock == "met"
            counts[place + 1] += clock in ("met", "late", "breached")
        counts[5] += is_open
        counts[6] += is_open and "breached" in (each.first_response, each.resolution)
    return found


def group_of(crm: Regulars, each: TicketView, as_of: datetime | date, by: ServiceBy | None) -> str | None:
    whole = crm.ticket(each.ticket_id, as_of=as_of)
    match by:
        case "month":
            return f"{whole.opened_at.astimezone(crm.ruleset.zone):%Y-%m}"
        case "agent":
            return each.agent
        case "channel":
            return whole.channel
        case _:
            return None


DAYS = (date(2026, 1, 20), date(2026, 2, 11), END)


def test_service_is_what_counting_tickets_one_by_one_gives(crm: Regulars) -> None:
    groupings: tuple[ServiceBy | None, ...] = (None, "agent", "channel", "month")
    for as_of, by in product(DAYS, groupings):
        told, listed = crm.service(by=by, as_of=as_of), one_by_one(crm, as_of, by)
        lines = {each.group: each for each in told.lines} if by else {None: told.total}
        assert lines.keys() == listed.keys()
        for group, (opened_then, answered, answers, resolved, resolutions, backlog, breached, _) in listed.items():
            line = lines[group]
            assert (line.opened, line.first_response.kept, line.first_response.n) == (opened_then, answered, answers)
            assert (line.resolution.kept, line.resolution.n) == (resolved, resolutions)
            assert line.first_response.undecided == opened_then - answers
            if by != "month":  # whose backlog is of all tickets that were open at its end
                assert (line.backlog, line.breached) == (backlog, breached)
        assert told.total == crm.service(as_of=as_of).total
        assert told.total.opened == sum(each.opened for each in lines.values())


def test_the_backlog_of_a_month_is_that_of_its_last_day(crm: Regulars) -> None:
    by_month = {each.group: each for each in crm.service(by="month", as_of=date(2026, 3, 10)).lines}
    assert list(by_month) == ["2026-01", "2026-02", "2026-03"]
    for month, day in (("2026-01", date(2026, 1, 31)), ("2026-02", date(2026, 2, 28)), ("2026-03", date(2026, 3, 10))):
        then = crm.service(as_of=day).total
        assert (by_month[month].backlog, by_month[month].breached) == (then.backlog, then.breached)
        assert then.backlog > 0


def test_a_clock_counts_for_the_priority_that_it_is_held_against(crm: Regulars, clock: Clock) -> None:
    clock.now = END + 3 * HOUR
    before = {each.group: each for each in crm.service(by="priority").lines}
    crm.do(OpenTicket(customer="shop:1", ticket_id="again", priority="low", occurred_at=END))
    crm.do(ReplyAsAgent(ticket_id="again", occurred_at=END + HOUR))
    crm.do(ChangePriority(ticket_id="again", priority="urgent", occurred_at=END + 2 * HOUR))
    after = {each.group: each for each in crm.service(by="priority").lines}
    assert after["low"].first_response.kept == before["low"].first_response.kept + 1
    assert after["urgent"].first_response == before["urgent"].first_response
    assert after["urgent"].backlog == before["urgent"].backlog + 1
    assert list(after) == ["urgent", "high", "normal", "low"]


def test_only_tickets_opened_in_the_span_count_and_all_that_are_open_are_backlog(crm: Regulars) -> None:
    since, until = date(2026, 1, 12), date(2026, 2, 1)
    zone, found = crm.ruleset.zone, crm.service(since=since, until=until)
    opened_at = [crm.ticket(each.ticket_id).opened_at for each in crm.tickets(limit=1000)]
    assert found.total.opened == sum(since <= each.astimezone(zone).date() <= until for each in opened_at)
    assert found.total.backlog == crm.service().total.backlog
    with pytest.raises(ValueError, match="after its end at 2026-01-12"):
        crm.service(since=until, until=since)
    with pytest.raises(ValueError, match='month, agent, priority, channel, not by "topic"'):
        crm.service(by="topic")  # type: ignore[arg-type]


def test_service_by_other_rules_is_that_after_they_are_published(crm: Regulars) -> None:
    always = parse_rules(default_text())
    previewed = counted(crm.service(by="agent", rules=always))
    assert previewed != counted(crm.service(by="agent"))
    crm.rules.publish(always, reason="round the clock")
    assert counted(crm.service(by="agent")) == previewed
    assert counted(crm.service(by="agent", rules=2)) != previewed


def test_service_as_known_then_leaves_out_what_was_told_later(crm: Regulars, clock: Clock) -> None:
    known = counted(crm.service(by="agent", as_of=date(2026, 2, 11)))
    known_at = clock.now
    clock.now = END + HOUR
    told = OpenTicket(customer="shop:1", ticket_id="late", occurred_at=BEGIN + HOUR)
    crm.do([told, AssignTicket(ticket_id="late", agent="ada", occurred_at=BEGIN + 2 * HOUR)])
    assert counted(crm.service(by="agent", as_of=date(2026, 2, 11))) != known
    assert counted(crm.service(by="agent", as_of=date(2026, 2, 11), known_at=known_at)) == known


def test_forgetting_merging_and_undoing_change_no_count(crm: Regulars) -> None:
    before = [counted(crm.service(by=by)) for by in get_args(ServiceBy)]
    crm.do(MergeCustomers(customer="shop:1", into="shop:2"))
    assert [counted(crm.service(by=by)) for by in get_args(ServiceBy)] == before
    crm.do(UndoMerge(customer="shop:1"))
    crm.forget("shop:3", reason="asked for it")
    assert [counted(crm.service(by=by)) for by in get_args(ServiceBy)] == before
    assert crm.projections.verify().holds


def test_in_whatever_order_it_is_told_service_is_the_same(database_url: str, tmp_path: Path) -> None:
    words = [each for each in drawn(2) if not isinstance(each[1], CloseTicket | ReopenTicket)]
    shuffled = list(words)
    Random(2).shuffle(shuffled)
    shuffled.sort(key=lambda each: type(each[1]) is not OpenTicket)  # a ticket is known before what happens to it
    clock, other = Clock(BEGIN), Clock(END)
    with opened(database_url, clock) as crm, opened(tmp_path / "other.db", other, rules=HOURS) as later:
        crm.rules.publish(HOURS, reason="business hours")
        tell(crm, clock, words)
        for _ in range(2):  # refused words are told again
            tell(later, other, shuffled)
        for by in get_args(ServiceBy):
            for as_of in DAYS:
                assert counted(crm.service(by=by, as_of=as_of)) == counted(later.service(by=by, as_of=as_of))


def test_years_without_a_list_of_holidays_are_said_beside_the_clocks_that_run_there(
    database_url: str, clock: Clock
) -> None:
    text = OFFICE_HOURS.replace("2024", "2026").replace("monday", 'holidays = ["DE-BY"]\nmonday', 1)
    lists = '[[business.holidays]]\nregion = "DE-BY"\nyear = 2026\ndays = [{ day = 2026-01-06 }]\n'
    rules: Ruleset = parse_rules(default_text() + text + lists)
    with opened(database_url, clock) as crm:
        crm.rules.publish(rules, reason="business hours")
        crm.do(RegisterCustomer(ref="ada"))
        crm.do(OpenTicket(customer="ada", ticket_id="T-1", occurred_at=BEGIN))
        assert crm.ticket("T-1").ticket.holidays_unknown == crm.service().holidays_unknown == ()
        next_year = date(2027, 2, 1)
        assert crm.ticket("T-1", as_of=next_year).ticket.holidays_unknown == (2027,)
        assert crm.service(as_of=next_year).holidays_unknown == (2027,)
        clock.now = END
        crm.do(ResolveTicket(ticket_id="T-1", occurred_at=BEGIN + HOUR))
        assert crm.tickets(as_of=next_year).tickets[0].holidays_unknown == ()


def test_a_ticket_tells_how_much_open_time_its_clocks_took(database_url: str, clock: Clock) -> None:
    with opened(database_url, clock) as crm:
        crm.rules.publish(HOURS, reason="business hours")
        crm.do(RegisterCustomer(ref="ada"))
        # On Monday from 9:00 UTC, which is 10:00: 2 h, and 4 h in the afternoon; Tuesday's night adds 8 h by Wednesday.
        crm.do(OpenTicket(customer="ada", ticket_id="T-1", priority="high", occurred_at=BEGIN))
        clock.now = BEGIN + 2.5 * HOUR
        crm.do(ReplyAsAgent(ticket_id="T-1"))
        clock.now = END
        times = crm.ticket("T-1", as_of=BEGIN + 46 * HOUR).times
        assert (times["first_response"].ran, times["first_response"].target) == (2 * HOUR, 4 * HOUR)
        assert (times["resolution"].ran, times["resolution"].target) == (14 * HOUR, 24 * HOUR)
        assert crm.ticket("T-1", as_of=BEGIN).times["resolution"].ran == timedelta(0)
