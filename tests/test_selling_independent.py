"""A generated year of selling and of work to do, against a script that was written from the docs alone.

`independent/selling.py` reads what the store exports. It is asked on a day of each month, as it is known now,
and on one of every other month, as it was known then. What is told late, merged and forgotten is in the year.
"""

from __future__ import annotations

import random
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import regulars
from independent import selling as independent
from regulars import (
    AcceptQuote,
    AddTask,
    AmendContract,
    AssignOwner,
    AwaitCustomer,
    ChangeOpportunity,
    Command,
    CompleteTask,
    DeclineQuote,
    DropTask,
    EndContract,
    LoseOpportunity,
    MergeCustomers,
    MoveOpportunity,
    OpenOpportunity,
    OpenTicket,
    QuoteLine,
    ReassignTask,
    RecordInteraction,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    Rejected,
    RenewContract,
    ReopenOpportunity,
    ReopenTask,
    ReplyAsAgent,
    ReplyAsCustomer,
    ResolveTicket,
    ReviseQuote,
    SendQuote,
    SettleReminder,
    SignContract,
    SnoozeTask,
    UndoMerge,
    WinOpportunity,
    parse_rules,
)

BEGIN = datetime(2023, 1, 2, 8, tzinfo=UTC)
END = datetime(2025, 1, 1, 8, tzinfo=UTC)
SPAN = int((END - BEGIN).total_seconds())
PEOPLE = 24
STAGES = ("contacted", "qualified", "proposal", "negotiation")
DAYS = [date(2024, month, (10, 25)[month % 2]) for month in range(1, 13)]
CARE = """
[[care]]
id = "anniversary"
on = "first_order"
ahead_days = 3

[[care]]
id = "second"
on = "first_order"
ahead_days = 10
late_days = 5
owner = "mo"
"""

Words = list[tuple[datetime, datetime, Command]]


class Year:
    """Words of two years, each with when it happened and when it was told, drawn from one seed."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.words: Words = []
        self.number = 0

    def say(self, at: datetime, command: Callable[..., Command], **fields: Any) -> None:
        """One word in six is told up to 30 days late."""
        late = self.draw.choice((0, 0, 0, 0, 0, 1)) * self.draw.randrange(30 * 86_400)
        if at < END:
            told = min(at + timedelta(seconds=1 + late), END)
            self.words.append((told, at, command(occurred_at=at, **fields)))

    def on_time(self, at: datetime, command: Callable[..., Command], **fields: Any) -> None:
        if at < END:
            self.words.append((at + timedelta(seconds=1), at, command(occurred_at=at, **fields)))

    def moment(self, since: datetime = BEGIN, seconds: int = SPAN) -> datetime:
        """No two are the same, as what happened at one instant has an order of its own."""
        self.number += 1
        return since + timedelta(seconds=self.draw.randrange(1, seconds), microseconds=self.number)

    def soon(self, at: datetime, days: int) -> datetime:
        return self.moment(at, days * 86_400)

    def somebody(self) -> str:
        return f"c:{self.draw.randrange(PEOPLE)}"

    def amount(self) -> str:
        return f"{self.draw.randrange(100, 200_000) / 100:.2f}"

    def day(self, at: datetime, least: int, most: int) -> date:
        return (at + timedelta(days=self.draw.randrange(least, most))).date()


def people(year: Year) -> None:
    for number in range(PEOPLE):
        who, met = f"c:{number}", BEGIN - timedelta(days=1, minutes=number)
        year.on_time(met, RegisterCustomer, ref=who, name=f"N{number}")
        if number % 3 == 0:
            year.say(year.soon(met, 400), AssignOwner, customer=who, owner=year.draw.choice(("li", "mo")))
        bought, often = year.soon(met, 300), year.draw.choice((60, 120, 300))
        if number % 5 == 0:
            bought = datetime(2024, 2, 29 - number % 2, 10, 0, 0, number, tzinfo=UTC) - timedelta(
                days=365 * (number % 2)
            )
        while bought < END:
            year.number += 1
            spent = f"{year.draw.randrange(500, 12_000) / 100:.2f}"
            year.say(bought, RecordPurchase, customer=who, order_id=f"A-{year.number}", amount=spent)
            bought = year.soon(bought, often)
    for _ in range(40):
        direction = year.draw.choice(("inbound", "outbound"))
        year.say(year.moment(), RecordInteraction, customer=year.somebody(), channel="phone", direction=direction)


def opportunities(year: Year) -> None:
    for number in range(210):
        at, which = year.moment(BEGIN, SPAN * 9 // 10), {"opportunity_id": f"O-{number}"}
        fields: dict[str, Any] = {"customer": year.somebody(), "owner": year.draw.choice(("li", "mo", None))}
        fields |= {"source": year.draw.choice(("fair", "web", None)), "stage": year.draw.choice((None, None, *STAGES))}
        fields["amount"] = year.draw.choice((None, *[year.amount()] * 6))
        fields["expected_close"] = year.draw.choice((None, year.day(at, 1, 160), year.day(at, 1, 60)))
        year.say(at, OpenOpportunity, **which, **fields)
        for _ in range(year.draw.randrange(7)):
            at = year.soon(at, 40)
            kind = year.draw.randrange(11)
            if kind < 4:
                year.say(at, MoveOpportunity, **which, stage=year.draw.choice(STAGES))
            elif kind < 6:
                year.say(at, ChangeOpportunity, **which, amount=year.draw.choice((None, year.amount(), year.amount())))
            elif kind == 6:
                year.say(at, ChangeOpportunity, **which, owner=year.draw.choice(("li", "mo", None)))
            elif kind == 7:
                year.say(at, ChangeOpportunity, **which, expected_close=year.day(at, 0, 90))
            elif kind == 8:
                year.say(at, WinOpportunity, **which, amount=year.draw.choice((None, year.amount())))
            elif kind == 9:
                year.say(at, LoseOpportunity, **which, reason="price")
            else:
                year.say(at, ReopenOpportunity, **which, stage=year.draw.choice((None, *STAGES)))
        if year.draw.random() < 0.6:
            at = year.soon(at, 60)
            won = year.draw.random() < 0.5
            year.say(at, WinOpportunity if won else LoseOpportunity, **which, **({} if won else {"reason": "time"}))
        if year.draw.random() < 0.2:
            at = year.soon(at, 60)
            year.say(at, ReopenOpportunity, **which)


def tasks(year: Year) -> None:
    for number in range(70):
        at, which = year.moment(), {"task_id": f"K-{number}"}
        fields: dict[str, Any] = {"customer": year.draw.choice((None, *[year.somebody()] * 4)), "what": "call"}
        fields |= {"owner": year.draw.choice((None, "li", "mo")), "due": year.day(at, 0, 60)}
        if number % 4 == 0:
            fields["repeats"] = year.draw.choice(("every 10 days", "every 2 weeks", "every month", "every 3 months"))
            fields["until"] = year.draw.choice((None, year.day(at, 70, 400)))
        elif number % 8 == 1:
            ends = date(at.year, at.month, 1) + timedelta(days=62)
            fields |= {"due": ends.replace(day=1) - timedelta(days=1), "repeats": "last day of the month"}
        elif number % 8 == 2:
            fields["due"] = year.soon(at, 50)
        elif number % 8 == 3:
            fields["due"] = None
        year.say(at, AddTask, **which, **fields)
        for _ in range(year.draw.randrange(1, 7)):
            at = year.soon(at, 50)
            kind = year.draw.randrange(8)
            if kind < 3:
                year.say(at, CompleteTask, **which)
            elif kind < 5:
                until = year.draw.choice((year.day(at, 1, 30), year.soon(at, 20)))
                year.say(at, SnoozeTask, **which, until=until)
            elif kind == 5:
                year.say(at, DropTask, **which)
            elif kind == 6:
                year.say(at, ReopenTask, **which)
            else:
                year.say(at, ReassignTask, **which, owner=year.draw.choice((None, "li", "mo")))
        if number % 9:
            year.on_time(year.soon(at + timedelta(days=10), 60), CompleteTask if number % 2 else DropTask, **which)


def quotes(year: Year) -> None:
    def lines() -> list[QuoteLine]:
        rates = ("19", "7", "0")
        return [
            QuoteLine(sku="tea", quantity="3", unit_price=year.amount(), tax_rate=year.draw.choice(rates))
            for _ in range(year.draw.randrange(1, 4))
        ]

    for number in range(80):
        at, which = year.moment(), {"quote_id": f"Q-{number}"}
        prices = year.draw.choice(("net", "gross"))
        about = year.draw.choice((None, f"O-{year.draw.randrange(210)}"))
        valid = year.draw.choice((None, *[year.day(at, 5, 50)] * 5))
        fields: dict[str, Any] = {"customer": year.somebody(), "valid_until": valid, "opportunity_id": about}
        year.say(at, SendQuote, **which, **fields, lines=lines(), prices=prices)
        for revision in range(2, 2 + year.draw.randrange(3)):
            at = year.soon(at, 20)
            valid = year.day(at, 5, 40)
            year.say(at, ReviseQuote, **which, revision=revision, lines=lines(), prices=prices, valid_until=valid)
        if number % 3 == 0:
            year.on_time(year.soon(at, 15), AcceptQuote, **which)
        elif number % 3 == 1:
            year.say(year.soon(at, 15), DeclineQuote, **which, cause="price")


def contracts(year: Year) -> None:
    for number in range(44):
        at, which = year.moment(BEGIN, SPAN * 3 // 4), {"contract_id": f"V-{number}"}
        starts = year.day(at, -5, 20)
        fields: dict[str, Any] = {"customer": year.somebody(), "start": starts, "amount": year.amount()}
        fields["end"] = starts + timedelta(days=year.draw.randrange(20, 300))
        if number % 2:
            months = year.draw.choice((1, 3, 12))
            fields |= {"renewal_months": months, "notice_days": year.draw.choice((0, 14, 30))}
        elif number % 10 == 0:
            fields["end"] = None
        year.say(at, SignContract, **which, **fields)
        at = year.soon(at, 150)
        kind = year.draw.randrange(5)
        if kind == 0:
            year.say(at, AmendContract, **which, amount=year.amount(), notice_days=year.draw.choice((None, 7)))
        elif kind == 1 and fields["end"]:
            year.say(at, RenewContract, **which, until=fields["end"] + timedelta(days=200))
        elif kind == 2:
            year.say(
                at,
                EndContract,
                **which,
                on=year.day(max(at, datetime(starts.year, starts.month, starts.day, tzinfo=UTC)), 1, 40),
            )
        elif kind == 3 and fields.get("renewal_months"):
            year.say(at, AmendContract, **which, renewal_months=0)


def tickets(year: Year) -> None:
    for number in range(80):
        at, which = year.moment(), {"ticket_id": f"T-{number}"}
        priority = year.draw.choice(("urgent", "high", "normal", "low"))
        year.say(at, OpenTicket, **which, customer=year.somebody(), priority=priority)
        for command in (ReplyAsAgent, AwaitCustomer, ReplyAsCustomer):
            at = year.soon(at, 2)
            if year.draw.random() < 0.7:
                year.say(at, command, **which)
        if number % 16:
            year.on_time(year.soon(at, 14), ResolveTicket, **which)


def bonds(year: Year) -> None:
    for away, into, month, undone in ((1, 2, 3, None), (3, 4, 6, 10), (5, 6, 9, None), (2, 8, 11, None)):
        who = {"customer": f"c:{away}", "into": f"c:{into}"}
        year.on_time(datetime(2024, month, 3, 9, tzinfo=UTC), MergeCustomers, **who)
        if undone:
            year.on_time(datetime(2024, undone, 3, 9, tzinfo=UTC), UndoMerge, customer=f"c:{away}")


def settlements(year: Year, firsts: dict[str, date]) -> None:
    """Of every second first order: its reminders are settled, some of them late or by a day that isn't quite theirs."""
    for number, (who, first) in enumerate(sorted(firsts.items())):
        for years in (1, 2):
            day = independent.months_later(first, 12 * years)
            if number % 2 or day.year > 2024:
                continue
            fields: dict[str, Any] = {"how": year.draw.choice(("done", "skipped"))}
            if number % 6 == 0:
                fields = {"how": "moved", "moved_to": day + timedelta(days=year.draw.randrange(1, 20))}
            at = year.moment(datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=3), 10 * 86_400)
            care = year.draw.choice(("anniversary", "second"))
            shown = day + timedelta(days=year.draw.choice((0, 0, 0, 1, -1)))
            if fields.get("moved_to") == shown:
                continue
            year.say(at, SettleReminder, customer=who, care=care, day=shown, **fields)


@dataclass
class Told:
    """A store, what it exports, and its rules."""

    crm: Regulars
    events: list[dict[str, Any]]
    rules: dict[str, Any]
    refused: int

    def world(self, known: datetime) -> independent.World:
        return independent.World(self.events, self.rules, independent.instant(known))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    year = Year(18)
    for part in (people, opportunities, tasks, quotes, contracts, tickets, bonds):
        part(year)
    firsts: dict[str, date] = {}
    for _, at, command in year.words:
        if isinstance(command, RecordPurchase):
            firsts[str(command.customer)] = min(at.date(), firsts.get(str(command.customer), date.max))
    settlements(year, firsts)
    now = [BEGIN - timedelta(days=9)]
    url = f"sqlite:///{tmp_path_factory.mktemp('year') / 'year.db'}"
    with regulars.open(url, currency="EUR", actor="mara", clock=lambda: now[0]) as crm:
        text = regulars.as_toml(crm.rules.in_force).replace("hold_days = 365", "hold_days = 3650") + CARE
        crm.rules.publish(parse_rules(text), reason="care")
        refused = 0
        for told_at, _, command in sorted(year.words, key=lambda word: word[0]):
            now[0] = max(now[0], told_at)
            try:
                crm.do(command)
            except Rejected:
                refused += 1
        now[0] = END + timedelta(days=1)
        crm.forget("c:7", reason="asked for it")
        crm.catch_up()
        parts: list[bytes] = []
        crm.export_events(parts.append)
        events, rules = independent.read(b"".join(parts).decode()), tomllib.loads(regulars.as_toml(crm.rules.in_force))
        yield Told(crm, events, rules, refused)


# ----------------------------------------------------------------------------------------------------------- questions


def end_of(day: date) -> datetime:
    """The last instant of a day in the business's zone."""
    zone = independent.ZoneInfo("Europe/Berlin")
    following = day + timedelta(days=1)
    return datetime(following.year, following.month, following.day, tzinfo=zone).astimezone(UTC) - timedelta(
        microseconds=1
    )


#: When each is asked. As it was known then, a question folds a store of its own, so that is asked every other month.
VIEWS = {"known then": DAYS[1::2], "known now": DAYS}


def seen(told: Told, view: str, day: date) -> tuple[independent.World, int, dict[str, Any]]:
    """What the script knows, the instant of the question, and how the store is asked."""
    moment = end_of(day)
    known = moment if view == "known then" else END + timedelta(days=7)
    asked: dict[str, Any] = {"known_at": moment} if view == "known then" else {}
    return told.world(known), independent.instant(moment), {"as_of": moment, **asked}


def minor(amount: Decimal | None) -> int | None:
    return None if amount is None else int(amount * 100)


def is_rounded(said: Decimal | None, exact: Fraction | None) -> bool:
    if said is None or exact is None:
        return said is exact
    return abs(Fraction(said) * 100 - exact) <= Fraction(1, 2)


def differing_sums(where: object, found: regulars.selling.Sums, wanted: independent.Sums) -> list[str]:
    counted = (found.opportunities, minor(found.amount), found.unpriced, found.untold)
    expected = (wanted.count, wanted.amount, wanted.unpriced, wanted.untold)
    exact = is_rounded(found.by_rules, wanted.expected) and is_rounded(found.by_history, wanted.by_history)
    return [] if counted == expected and exact else [f"{where}: {found}, by the script {wanted}"]


def differing_lines(found: regulars.selling.Pipeline, wanted: dict[Any, independent.Sums]) -> list[str]:
    differences = []
    lines = {(line.pipeline, line.group) if found.by == "stage" else line.group: line for line in found.lines}
    for group in lines.keys() | wanted.keys():
        sums, line = wanted.get(group, independent.Sums()), lines.get(group)
        counted = line and (line.opportunities, minor(line.amount), line.unpriced, line.stale, minor(line.stale_amount))
        if counted != (sums.count, sums.amount, sums.unpriced, sums.stale, sums.stale_amount):
            differences.append(f"{group}: {line}, by the script {sums}")
        elif line and not is_rounded(line.expected, sums.expected):
            differences.append(f"{group}: {line.expected}, by the script {float(sums.expected)}")
    return differences


@pytest.mark.parametrize("view", VIEWS)
def test_pipelines_by_stage_owner_and_source_are_those_of_the_script(told: Told, view: str) -> None:
    differences = []
    for day in VIEWS[view]:
        world, as_of, asked = seen(told, view, day)
        for by in ("stage", ("owner", "source")[day.month // 2 % 2]):
            for where in ({}, {"owner": "li"}) if by == "stage" else ({},):
                found = told.crm.pipeline(by=by, where=where, **asked)
                wanted = world.pipeline(as_of, by, where)
                differences += [f"{day} {by} {where} {each}" for each in differing_lines(found, wanted)]
    assert differences == []


@pytest.mark.parametrize("view", VIEWS)
def test_forecasts_by_the_rules_and_by_own_history_are_those_of_the_script(told: Told, view: str) -> None:
    differences, told_by_history = [], 0
    for day in VIEWS[view]:
        world, as_of, asked = seen(told, view, day)
        found, shares, stages = told.crm.pipeline_forecast(**asked), world.shares(as_of), world.pipeline(as_of, "stage")
        for line in found.stages:
            place = (line.pipeline, line.stage)
            if (line.won, line.entered) != shares.get(place, (0, 0)):
                differences.append(f"{day} {place}: {line.won} of {line.entered}, by the script {shares.get(place)}")
            told_by_history += line.share is not None
            differences += differing_sums((day, place), line.sums, stages.get(place, independent.Sums()))
        months, wanted = {(each.month, each.is_overdue): each.sums for each in found.months}, world.by_month(as_of)
        for month in months.keys() | wanted.keys():
            if month not in months:
                differences.append(f"{day} {month}: None, by the script {wanted[month]}")
            else:
                differences += differing_sums((day, month), months[month], wanted.get(month, independent.Sums()))
        late = [each for each in world.open_at(as_of, {}) if (each[0].expected_close or day) < day]
        differences += differing_sums((day, "overdue"), found.overdue, world.summed(late, shares))
        differences += differing_sums((day, "all"), found.total, world.grouped(as_of, lambda _: 0)[0])
    assert differences == []
    assert told_by_history > 2 * len(VIEWS[view])


@pytest.mark.parametrize("view", VIEWS)
def test_waterfalls_are_those_of_the_script(told: Told, view: str) -> None:
    differences = []
    for first, second in [*pairwise(VIEWS[view]), *zip(VIEWS[view], VIEWS[view][3:], strict=False)]:
        world, as_of, asked = seen(told, view, second)
        begin = end_of(first)
        del asked["as_of"]
        found = told.crm.pipeline_waterfall(begin, end_of(second), **asked)
        wanted = world.waterfall(independent.instant(begin), as_of)
        parts = {
            each.part: (each.opportunities, minor(each.amount))
            for each in found.parts
            if each.part not in ("in", "out")
        }
        parts |= {"before": (found.before.opportunities, minor(found.before.amount))}
        parts |= {"after": (found.after.opportunities, minor(found.after.amount))}
        differences += [
            f"{first} {second} {part}: {parts.get(part)}, by the script {wanted.get(part)}"
            for part in parts.keys() | wanted.keys()
            if parts.get(part, (0, 0)) != wanted.get(part, (0, 0))
        ]
        moves = {
            (each.pipeline, each.before, each.after): (each.opportunities, minor(each.amount))
            for each in found.moves
            if each.before != each.after
        }
        if moves != (wanted_moves := world.moves(independent.instant(begin), as_of)):
            differences.append(f"{first} {second}: {sorted(map(str, set(moves.items()) ^ set(wanted_moves.items())))}")
    assert differences == []


@pytest.mark.parametrize("view", VIEWS)
def test_waterfalls_of_an_owner_begin_and_end_with_what_the_script_finds_and_add_up(told: Told, view: str) -> None:
    for first, second in pairwise(VIEWS[view]):
        world, as_of, asked = seen(told, view, second)
        del asked["as_of"]
        found = told.crm.pipeline_waterfall(end_of(first), end_of(second), where={"owner": "li"}, **asked)
        wanted = world.waterfall(independent.instant(end_of(first)), as_of, {"owner": "li"})
        assert (found.before.opportunities, minor(found.before.amount)) == wanted["before"]
        assert (found.after.opportunities, minor(found.after.amount)) == wanted["after"]
        added = sum((-each.amount if each.takes else each.amount for each in found.parts), found.before.amount)
        assert added == found.after.amount


#: The kinds of which the docs say whose they are.
OWNED = ("task", "reminder", "at_risk")


def due_of(line: regulars.today.DueLine) -> date | int:
    return independent.instant(line.due) if isinstance(line.due, datetime) else line.due


def plain(line: regulars.today.DueLine) -> tuple[Any, ...]:
    due, customer = due_of(line), None if line.customer_id is None else str(line.customer_id).replace("-", "")
    worth = (minor(line.stake), None if line.stake is not None else minor(line.net_spend))
    owner = line.owner if line.kind in OWNED else None
    return line.kind, line.key, customer, due, line.overdue, *worth, owner


def of_the_script(line: independent.Line) -> tuple[Any, ...]:
    worth = (line.stake, None if line.stake is not None else line.net_spend)
    return line.kind, line.key, line.customer, line.due, line.overdue, *worth, line.owner


def first_ten(lines: list[independent.Line]) -> list[independent.Line]:
    """Of each kind ten lines at most."""
    shown: dict[str, int] = defaultdict(int)
    found = []
    for line in lines:
        shown[line.kind] += 1
        if shown[line.kind] <= 10:
            found.append(line)
    return found


def test_a_deadline_is_the_instant_that_the_rules_give(tmp_path: Path) -> None:
    opened = datetime(2024, 1, 1, 9, 0, 0, 500_000, tzinfo=UTC)
    url = f"sqlite:///{tmp_path / 'one.db'}"
    with regulars.open(url, currency="EUR", actor="mara", clock=lambda: opened) as crm:
        crm.do(RegisterCustomer(ref="c:1", occurred_at=opened))
        crm.do(OpenTicket(customer="c:1", ticket_id="T-1", priority="urgent", occurred_at=opened))
        (line,) = crm.today().lines
    assert line.due == opened + timedelta(hours=1)


def test_a_reminder_that_was_moved_comes_when_an_order_is_told_that_was_earlier(tmp_path: Path) -> None:
    """ADR 43: a word settles the day in whose turn it falls, so it stays with its reminder where news of the past moves
    that."""
    now = datetime(2025, 1, 1, tzinfo=UTC)
    with regulars.open(f"sqlite:///{tmp_path / 'one.db'}", currency="EUR", actor="mara", clock=lambda: now) as crm:
        crm.rules.publish(parse_rules(regulars.as_toml(crm.rules.in_force) + CARE), reason="care")
        for day in (datetime(2023, 3, 1, 9, tzinfo=UTC), datetime(2023, 2, 9, 9, tzinfo=UTC)):
            crm.do(RegisterCustomer(ref="c:1", occurred_at=datetime(2023, 1, 1, tzinfo=UTC)))
            crm.do(RecordPurchase(customer="c:1", order_id=f"A-{day:%m}", amount="10", occurred_at=day))
            if day.month == 3:
                fields: dict[str, Any] = {"day": date(2024, 3, 1), "how": "moved", "moved_to": date(2024, 6, 26)}
                at = datetime(2024, 3, 1, 9, tzinfo=UTC)
                crm.do(SettleReminder(customer="c:1", care="anniversary", occurred_at=at, **fields))
                assert [each.due for each in crm.reminders(care="anniversary", as_of=date(2024, 6, 26))] == [
                    date(2024, 6, 26)
                ]
        assert [each.due for each in crm.reminders(care="anniversary", as_of=date(2024, 6, 26))] == [date(2024, 6, 26)]


@pytest.mark.parametrize("view", VIEWS)
def test_what_is_to_be_done_today_is_what_the_script_says(told: Told, view: str) -> None:
    differences, kinds = [], set()
    for day in VIEWS[view]:
        world, as_of, asked = seen(told, view, day)
        found, wanted = told.crm.today(**asked), world.today(as_of)
        kinds |= {line.kind for line in found.lines}
        counts = Counter(line.kind for line in wanted)
        if counts != {each.kind: each.count for each in found.kinds}:
            differences.append(f"{day}: { ({each.kind: each.count for each in found.kinds}) }, by the script {counts}")
        theirs = {of_the_script(line): line for line in wanted}
        ours = [plain(line) for line in found.lines]
        differences += [f"{day} ours alone: {line}" for line in ours if line not in theirs]
        shown = first_ten(wanted)
        differences += [
            f"{day} theirs alone: {line}"
            for line in shown
            if counts[line.kind] <= 10 and of_the_script(line) not in ours
        ]
        order = [independent.order(theirs[line]) for line in ours if line in theirs]
        if order != [independent.order(line) for line in shown]:
            differences.append(f"{day}: in another order")
    assert differences == []
    assert kinds == {"task", "reminder", "ticket", "quote", "contract", "notice", "at_risk"}
