"""What is to be done today: the same as an independent script finds, in order, bounded, as of any day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email import message_from_bytes
from email.policy import default
from random import Random
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from independent import today as independent
from regulars import (
    AcceptQuote,
    AddTask,
    AssignOwner,
    AssignTicket,
    Command,
    CompleteTask,
    EnrollMember,
    LoseOpportunity,
    MergeCustomers,
    OpenOpportunity,
    OpenTicket,
    QuoteLine,
    RecordInteraction,
    RecordPurchase,
    RecordSurveySent,
    RegisterCustomer,
    Regulars,
    ReplyAsAgent,
    ResolveTicket,
    SendQuote,
    SignContract,
    WinOpportunity,
)
from regulars.today.mail import today_mail
from regulars.today.values import DueLine, Today
from shops import (
    BEGIN,
    DAY,
    END,
    EXAMPLES,
    HOUR,
    Clock,
    Step,
    fresh_store,
    in_each_database,
    opened,
    play,
    register,
    trade,
    with_edits,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgres"])


@pytest.fixture
def clock() -> Clock:
    return Clock(BEGIN + 3 * HOUR)


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    with opened(database_url, clock) as crm:
        yield crm


# --------------------------------------------------------------------------------------------------- as somebody else


def moment(at: int) -> datetime:
    return EPOCH + timedelta(microseconds=at)


def at_of(day: float) -> int:
    return independent.instant(BEGIN + day * DAY)


def a_year(random: Random, people: int) -> list[independent.Word]:
    """What is said in a shop's year: who orders, calls, has tickets, is asked, earned points a year ago."""
    words: list[independent.Word] = []
    for person in range(people):
        who = f"shop:{person}"
        if random.random() < 0.3:
            words.append((at_of(0.5), who, "owner", random.choice(("mara", "jonas"))))
        if random.random() < 0.3:
            words.append((at_of(0.25), who, "member"))
            words += [(at_of(random.uniform(1, 40)), who, "order", random.randint(50, 20_00))]
        day = random.uniform(200, 340)
        while day < 395 and random.random() < 0.8:
            words.append((at_of(day), who, "order", random.randint(10_00, 300_00)))
            day += random.uniform(2, 40)
        if random.random() < 0.2:
            words.append((at_of(random.uniform(330, 395)), who, "call"))
        for number in range(random.choice((0, 0, 1, 2))):
            words += a_ticket(random, who, f"T-{person}-{number}")
        if random.random() < 0.1:
            words.append((at_of(random.uniform(250, 395)), who, "survey", None))
        words += what_is_sold(random, who, person)
    words += [task for number in range(people // 5) for task in a_task(random, "", f"K-nobody-{number}")]
    return [word for word in words if word[0] < at_of(395.9)]


def what_is_sold(random: Random, who: str, person: int) -> Iterator[independent.Word]:
    """A task, a quote and a contract, or none."""
    if random.random() < 0.3:
        yield from a_task(random, who, f"K-{person}")
    if random.random() < 0.3:
        day = random.uniform(340, 392)
        yield (
            at_of(day),
            who,
            "quote",
            f"Q-{person}",
            last_day(day + random.randint(1, 40)),
            random.randint(1, 9) * 1000,
        )
        if random.random() < 0.4:
            yield at_of(day + 0.5), who, "accepted", f"Q-{person}"
    if random.random() < 0.3:
        months, notice = random.choice(((0, 0), (1, 10), (3, 30), (12, 90)))
        last = date(2024 + random.randint(0, 1), random.randint(1, 12), random.randint(1, 27))
        amount = random.randint(1_000, 99_999)
        yield at_of(random.uniform(1, 20)), who, "contract", f"C-{person}", max(last, DAY_20), months, notice, amount


DAY_20 = date(2024, 1, 25)


def last_day(day: float) -> date:
    return (BEGIN + day * DAY).date()


def a_task(random: Random, who: str, task: str) -> Iterator[independent.Word]:
    day = random.uniform(330, 390)
    owner = random.choice((None, "mara", "jonas"))
    yield at_of(day), who, "task", task, last_day(day + random.randint(0, 40)), owner
    if random.random() < 0.4:
        yield at_of(day + random.uniform(0.1, 9)), who, "done", task


def a_ticket(random: Random, who: str, ticket: str) -> Iterator[independent.Word]:
    day = random.uniform(360, 394)
    yield at_of(day), who, "ticket", ticket, random.choice(tuple(independent.RESOLUTION))
    for what, likely in (("answered", 0.7), ("resolved", 0.6)):
        if random.random() < likely:
            day += random.uniform(0.01, 3)
            yield at_of(day), who, what, ticket


def commands_of(words: list[independent.Word]) -> list[Command]:
    people = sorted({word[1] for word in words} - {""})
    known = [RegisterCustomer(ref=who, name=f"Name of {who}", occurred_at=BEGIN) for who in people]
    return [*known, *(command_of(place, word) for place, word in enumerate(sorted(words, key=lambda word: word[:3])))]


def command_of(place: int, word: independent.Word) -> Command:
    at, who, what, *rest = word
    when, first = moment(at), str(rest[0]) if rest else ""
    match what:
        case "order":
            amount = Decimal(first).scaleb(-2)
            return RecordPurchase(customer=who, order_id=f"A-{place}", amount=amount, occurred_at=when)
        case "call":
            return RecordInteraction(customer=who, channel="phone", direction="outbound", occurred_at=when)
        case "ticket":
            return OpenTicket(customer=who, ticket_id=first, priority=str(rest[1]), occurred_at=when)  # type: ignore[arg-type]
        case "answered":
            return ReplyAsAgent(ticket_id=first, occurred_at=when)
        case "resolved":
            return ResolveTicket(ticket_id=first, occurred_at=when)
        case "survey":
            survey = {"survey_id": f"S-{place}", "survey": "nps", "channel": "email"}
            return RecordSurveySent(customer=who, occurred_at=when, **survey)  # type: ignore[arg-type]
        case "task":
            fields = {"task_id": first, "what": f"see to {first}", "due": rest[1], "owner": rest[2]}
            return AddTask(customer=who or None, occurred_at=when, **fields)
        case "done":
            return CompleteTask(task_id=first, occurred_at=when)
        case "quote":
            line = QuoteLine(sku="tea", unit_price=str(Decimal(rest[2]).scaleb(-2)), tax_rate="0")
            return SendQuote(customer=who, quote_id=first, lines=[line], valid_until=rest[1], occurred_at=when)
        case "accepted":
            return AcceptQuote(quote_id=first, occurred_at=when)
        case "contract":
            last, months, notice, amount = rest[1:]
            terms = {"renewal_months": months or None, "notice_days": notice or None}
            terms |= {"start": date(2024, 1, 5), "end": last, "amount": Decimal(amount).scaleb(-2)}
            return SignContract(customer=who, contract_id=first, occurred_at=when, **terms)
        case "member":
            return EnrollMember(customer=who, occurred_at=when)
        case _:
            return AssignOwner(customer=who, owner=first, occurred_at=when)


def shown(lines: list[independent.Line]) -> list[tuple[object, ...]]:
    """The first ten of each kind, in the order of all."""
    counts: dict[str, int] = {}
    found = []
    for each in lines:
        counts[each.kind] = counts.get(each.kind, 0) + 1
        if counts[each.kind] <= independent.SHOWN:
            found.append((each.kind, each.key, each.who, each.overdue, Decimal(each.worth).scaleb(-2), each.owner))
    return found


def how_many(found: Today) -> list[tuple[str, int, int]]:
    return [(each.kind, each.count, each.shown) for each in found.kinds]


def listed(found: Today) -> list[tuple[object, ...]]:
    worth = [each.net_spend if each.stake is None else each.stake for each in found.lines]
    return [
        (each.kind, each.key, each.ref or "", each.overdue, amount or Decimal("0.00"), each.owner)
        for each, amount in zip(found.lines, worth, strict=True)
    ]


def counted(lines: list[independent.Line]) -> dict[str, int]:
    kinds = [each.kind for each in lines]
    return {kind: kinds.count(kind) for kind in kinds}


@KINDS
@pytest.mark.parametrize(("seed", "people", "days"), [(1, 9, 1), (2, 60, 7), (3, 90, 30)])
def test_an_independent_script_finds_the_same_lines_on_every_day_that_is_checked(
    kind: str, postgres_url: str, seed: int, people: int, days: int
) -> None:
    words = a_year(Random(seed), people)
    clock = Clock(BEGIN + 396 * DAY)
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        crm.do(commands_of(words))
        for day in (396.0, 390.3, 371.0, 365.9):
            expected = independent.today(words, at_of(day), days)
            found = crm.today(days=days, as_of=None if day == 396 else BEGIN + day * DAY)
            assert {each.kind: each.count for each in found.kinds} == counted(expected)
            assert listed(found) == shown(expected)
            mine = crm.today(days=days, as_of=BEGIN + day * DAY, owner="mara")
            assert listed(mine) == shown([each for each in expected if "mara" in (each.owner, each.of_customer)])


# ---------------------------------------------------------------------------------------------------------------- laws


@in_each_database(EXAMPLES // 10, trade(max_size=12), st.integers(0, 12), trade(max_size=4))
def test_as_of_a_day_it_is_what_was_answered_on_that_day(
    kind: str, postgres_url: str, steps: list[Step], stop: int, more: list[Step]
) -> None:
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        register(crm, clock)
        play(crm, clock, steps[:stop])
        clock.now += HOUR
        answered, at = crm.today(days=60), clock.now
        clock.now += HOUR
        play(crm, clock, [*steps[stop:], *more], stop)
        asked = crm.today(days=60, as_of=at, known_at=at)
        # The command beside a kind asks as of the same moment, so that is another one.
        assert (asked.lines, how_many(asked)) == (answered.lines, how_many(answered))


@settings(max_examples=EXAMPLES // 10)
@given(trade(max_size=14), st.integers(-100, 100))
def test_lines_are_the_same_from_a_rebuild_and_from_what_was_folded_as_it_came(steps: list[Step], days: int) -> None:
    clock = Clock()
    with fresh_store("sqlite", "") as url, opened(url, clock) as crm:
        register(crm, clock)
        for number, step in enumerate(steps):
            play(crm, clock, [step], number)
            crm.catch_up()
        as_of = clock.now + days * DAY
        found = crm.today(as_of=as_of)
        crm.projections.rebuild()
        assert crm.today(as_of=as_of).lines == found.lines
        assert list(found.lines) == sorted(found.lines, key=place)


def place(each: DueLine) -> tuple[bool, date, Decimal]:
    day = each.due.date() if isinstance(each.due, datetime) else each.due
    worth = each.net_spend if each.stake is None else each.stake
    return not each.overdue, day, -(worth or Decimal(0))


# -------------------------------------------------------------------------------------------------------------- bounds


def late_tickets(crm: Regulars, count: int, first: int = 1) -> None:
    """So many customers, each with an order worth as many euros as their number, and a ticket due in one night."""
    for number in range(first, first + count):
        who = f"shop:{number}"
        crm.do(
            [
                RegisterCustomer(ref=who, occurred_at=BEGIN),
                RecordPurchase(customer=who, order_id=str(number), amount=Decimal(number), occurred_at=BEGIN + HOUR),
                OpenTicket(customer=who, ticket_id=f"T-{number}", occurred_at=BEGIN + 2 * HOUR),
            ]
        )


def test_ten_lines_of_a_kind_are_shown_those_worth_most_and_the_rest_is_counted(crm: Regulars, clock: Clock) -> None:
    late_tickets(crm, 34)
    found = crm.today()
    assert [each.key for each in found.lines] == [f"T-{number}" for number in range(34, 24, -1)]
    (tickets,) = found.kinds
    assert (tickets.count, tickets.shown, tickets.more) == (34, 10, 24)
    assert {each.due for each in found.lines} == {BEGIN + 26 * HOUR}


def test_the_command_beside_what_is_not_shown_lists_just_that_kind(crm: Regulars, clock: Clock) -> None:
    late_tickets(crm, 12)
    crm.do(AddTask(task_id="K-1", what="Tea", due=BEGIN.date()))
    (kind,) = (each for each in crm.today().kinds if each.more)
    assert kind.listed_by == "regulars today --kind ticket --days 7"
    alone = crm.today(kind="ticket")
    assert [each.key for each in alone.lines] == [f"T-{number}" for number in range(12, 0, -1)]
    assert [(each.count, each.more) for each in alone.kinds] == [(12, 0)]
    with pytest.raises(ValueError, match=r'^a kind of line is one of task, .*, not "tea"$'):
        crm.today(kind="tea")


def test_of_many_lines_no_more_is_read_than_of_few(sqlite_database_url: str, clock: Clock) -> None:
    read = []
    with opened(sqlite_database_url, clock) as crm:
        for first, count in ((1, 12), (13, 120)):
            late_tickets(crm, count, first)
            crm.catch_up()
            read.append(selected(crm))
    few, many = read
    assert many == few
    assert few
    # Whose notice is due, no database works out; there are few contracts.
    unbounded = [each for each in few if not each.startswith("SELECT count(*)") and " LIMIT " not in each]
    assert all("first_term_ends_at" in each for each in unbounded)


def selected(crm: Regulars) -> list[str]:
    """The statements that ask for what is to be done, without their parameters."""
    asked: list[str] = []

    def note(connection: object, cursor: object, statement: str, *given: object) -> None:
        if " AS line" in statement:
            asked.append(" ".join(statement.split()))

    with crm._store.reading() as tx:
        engine = tx.connection.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    crm.today()
    sa.event.remove(engine, "before_cursor_execute", note)
    return asked


# ------------------------------------------------------------------------------------------------------------ the rest


def test_nothing_is_to_be_done_in_an_empty_store(crm: Regulars) -> None:
    found = crm.today()
    assert (found.lines, found.kinds) == ((), ())


@pytest.mark.parametrize("days", [0, 367])
def test_days_out_of_bounds_are_refused(crm: Regulars, days: int) -> None:
    with pytest.raises(ValueError, match=f"days is a number from 1 to 366, not {days}"):
        crm.today(days=days)


CARE = """
[[care]]
id = "quiet"
title = "Say hello"
on = "no_contact"
days = 30
[[care]]
id = "year"
on = "first_order"
"""


@in_each_database(max(2, EXAMPLES // 25), trade(max_size=10), st.integers(-60, 400))
def test_reminders_are_those_of_their_own_question(kind: str, postgres_url: str, steps: list[Step], days: int) -> None:
    clock = Clock()
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        register(crm, clock)
        crm.rules.publish(with_edits([(END, f"{END}{CARE}")]), reason="to keep in touch")
        play(crm, clock, steps)
        as_of = clock.now + days * DAY
        found = crm.today(as_of=as_of, days=30)
        until = as_of.astimezone(ZoneInfo("Europe/Berlin")).date() + timedelta(days=30)
        asked = crm.reminders(until=until, as_of=as_of)
        lines = [each for each in found.lines if each.kind == "reminder"]
        assert sorted((each.customer_id, each.due, each.overdue, each.settle) for each in lines) == sorted(
            (each.customer_id, each.due, each.is_overdue, each.how_to_settle) for each in asked
        )


def test_a_call_that_was_recorded_settles_the_line_and_the_settling_command_is_that(
    crm: Regulars, clock: Clock
) -> None:
    buys = [
        RecordPurchase(customer="ada", order_id=str(day), amount=Decimal(100), occurred_at=BEGIN + day * DAY)
        for day in (1, 11, 21)
    ]
    clock.now = BEGIN + 57 * DAY
    crm.do([RegisterCustomer(ref="ada", name="Ada", occurred_at=BEGIN), *buys])
    # The expected gap is (20 + 2 * 30) / (2 + 2) = 20 days, so at risk from 21 + 2 * 20 days on.
    (line,) = crm.today().lines
    assert line.settle == "regulars do RecordInteraction customer=ada channel=phone direction=outbound"
    assert (line.kind, line.name, line.overdue) == ("at_risk", "Ada", False)
    clock.now += HOUR
    crm.do(RecordInteraction(customer="ada", channel="phone", direction="outbound"))
    assert crm.today().lines == ()
    assert crm.today(as_of=BEGIN + 57 * DAY).lines == (line,)


def test_a_ticket_of_somebody_s_is_theirs_and_so_is_one_of_their_customer(crm: Regulars, clock: Clock) -> None:
    late_tickets(crm, 3)
    crm.do([AssignOwner(customer="shop:1", owner="mara"), AssignTicket(ticket_id="T-2", agent="mara")])
    clock.now += HOUR
    assert {each.key: each.owner for each in crm.today(owner="mara").lines} == {"T-2": "mara", "T-1": "mara"}
    assert [each.key for each in crm.today(owner="jonas").lines] == []


def test_birthdays_are_told_where_no_rule_makes_reminders_of_them(crm: Regulars, clock: Clock) -> None:
    mei = RegisterCustomer(ref="mei", birthday="lunar:--08-15", occurred_at=BEGIN)
    late = RegisterCustomer(ref="late", birthday="--01-03", occurred_at=BEGIN + 2 * HOUR)
    crm.do([RegisterCustomer(ref="ada", name="Ada", birthday="1990-01-04", occurred_at=BEGIN), mei, late])
    found = crm.today()
    lines = [(each.kind, each.ref, each.due, each.overdue, each.why, each.settle) for each in found.lines]
    assert lines == [
        ("birthday", "late", date(2024, 1, 3), False, "birthday on 2024-01-03", ""),
        ("birthday", "ada", date(2024, 1, 4), False, "birthday on 2024-01-04", ""),
    ]
    assert [each.ref for each in crm.today(as_of=BEGIN + HOUR).lines] == ["ada"]
    assert crm.today(days=1).lines == ()
    assert "$" not in today_mail(found, sender="s@example.com", recipient="l@example.com").decode().split("Ada")[1]
    care = '\n[[care]]\nid = "born"\non = "birthday"\n'
    crm.rules.publish(with_edits([(END, f"{END}{care}")]), reason="to call them")
    assert [each.kind for each in crm.today().lines] == ["reminder", "reminder"]


def test_it_says_what_may_be_missing(crm: Regulars, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    care = '[[care]]\nid = "fair"\non = "holiday"\nholidays = ["Fair"]\n'
    listed = '\n[[business.holidays]]\ndays = [{ day = 2023-05-01, name = "Fair" }]\n'
    crm.rules.publish(with_edits([(END, f"{END}{listed}{care}")]), reason="to call them")
    assert any('no holiday "Fair" in 2024' in each for each in crm.today().missing)
    crm.do(RegisterCustomer(ref="mei", birthday="lunar:--08-15"))
    monkeypatch.setitem(__import__("sys").modules, "borax.calendars.lunardate", None)
    found = crm.today(days=30)
    (lunar,) = [each for each in found.missing if "lunar" in each]
    mail = message_from_bytes(today_mail(found, sender="s@example.com", recipient="l@example.com"), policy=default)
    assert all(lunar in " ".join(part.get_content().replace("&#x27;", "'").split()) for part in mail.iter_parts())


def test_an_opportunity_that_is_won_or_lost_is_no_longer_at_stake(crm: Regulars, clock: Clock) -> None:
    crm.do(RegisterCustomer(ref="ada", occurred_at=BEGIN))
    for name in ("O-1", "O-2", "O-3"):
        crm.do(OpenOpportunity(customer="ada", opportunity_id=name, amount="120.00"))
        crm.do(AddTask(task_id=f"K-{name}", what="Call", customer="ada", due=BEGIN.date(), opportunity_id=name))
    clock.now += HOUR
    crm.do([WinOpportunity(opportunity_id="O-1"), LoseOpportunity(opportunity_id="O-2", reason="price")])
    clock.now += HOUR
    stakes = {each.key: each.stake for each in crm.today().lines}
    assert stakes == {"K-O-1": None, "K-O-2": None, "K-O-3": Decimal("120.00")}
    assert [each.stake for each in crm.today(as_of=BEGIN + 3.5 * HOUR).lines] == [Decimal("120.00")] * 3


def test_of_a_forgotten_customer_there_is_nothing_and_merged_ones_are_one(crm: Regulars, clock: Clock) -> None:
    late_tickets(crm, 4)
    crm.do(MergeCustomers(customer="shop:2", into="shop:1"))
    crm.forget("shop:4", reason="asked to be")
    found = crm.today()
    assert [(each.key, each.ref, each.net_spend) for each in found.lines] == [
        ("T-1", "shop:1", Decimal("3.00")),
        ("T-2", "shop:1", Decimal("3.00")),
        ("T-3", "shop:3", Decimal("3.00")),
    ]
    assert crm.today(as_of=BEGIN + 3 * HOUR).lines == found.lines
    assert {each.ref for each in crm.today(names=False).lines} == {None}


def test_a_mail_is_the_same_each_time_and_can_be_read_by_others(crm: Regulars, clock: Clock) -> None:
    late_tickets(crm, 12)
    crm.do(RegisterCustomer(ref="ada", name="<Ada>"))
    crm.do(OpenTicket(customer="ada", ticket_id="<b>&", occurred_at=BEGIN + 2 * HOUR))
    found = crm.today()
    written = today_mail(found, sender="shop@example.com", recipient="li@example.com", business="Beans")
    assert written == today_mail(crm.today(), sender="shop@example.com", recipient="li@example.com", business="Beans")
    message = message_from_bytes(written, policy=default)
    assert message["Subject"] == "Beans: Monday, 2024-01-01: 13 to do"
    assert message["Date"].datetime == found.as_of.replace(microsecond=0)
    assert message["Bcc"] is None
    assert all(len(each) <= 998 for each in written.split(b"\r\n"))
    plain, html = message.iter_parts()
    assert "and 3 more" in plain.get_content()
    assert "ticket &lt;b&gt;&amp;, new" not in html.get_content()  # who spent nothing comes last, and isn't shown
    assert "<b>" not in html.get_content()


@pytest.mark.parametrize("address", ["nobody", "a@b\r\nBcc: c@d"])
def test_what_is_no_address_is_refused(crm: Regulars, address: str) -> None:
    with pytest.raises(ValueError, match="is no address to mail"):
        today_mail(crm.today(), sender=address, recipient="li@example.com")
