"""Small shops for property tests: customers to whom things happen now or are told late, and other rules.

The histories of all laws that trade in real stores are put together from the commands here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

import regulars
from databases import fresh_postgres, fresh_sqlite, in_memory, prepared_postgres, prepared_sqlite
from histories import CARE, SEGMENTS
from regulars import (
    AcceptQuote,
    AddTask,
    AdjustPoints,
    CancelMembership,
    ChangeOpportunity,
    CloseAccount,
    Command,
    CompleteTask,
    CorrectPurchase,
    DeclineQuote,
    EndContract,
    EnrollMember,
    LoseOpportunity,
    MergeCustomers,
    MoveOpportunity,
    NotFound,
    OpenOpportunity,
    OpenTicket,
    OrderLine,
    QuoteLine,
    RateTicket,
    ReassignPurchase,
    RecordAssessment,
    RecordInteraction,
    RecordPurchase,
    RecordReturn,
    RecordSurveyAnswer,
    RecordSurveyBounced,
    RecordSurveySent,
    RedeemPoints,
    RegisterCustomer,
    Regulars,
    Rejected,
    RenewContract,
    ReopenAccount,
    ReopenOpportunity,
    ReopenTask,
    ReplyAsAgent,
    RequestCancellation,
    ResolveTicket,
    RestorePurchase,
    ReviseQuote,
    Ruleset,
    SendQuote,
    SettleReminder,
    SignContract,
    SnoozeTask,
    TagCustomer,
    UndoMerge,
    VoidPurchase,
    WinOpportunity,
    parse_rules,
)
from regulars.adapters.read_models.generations import read_generation
from regulars.adapters.read_models.verifying import projection_of
from regulars.adapters.sql.columns import as_stored

#: How many examples a law gets that opens no store. One that does gets a share of them: each takes up to a second.
EXAMPLES = settings.default.max_examples if settings.default else 50
BEGIN = datetime(2024, 1, 1, 12, tzinfo=UTC)
PEOPLE = ("shop:1", "shop:2", "shop:3", "shop:4")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Clock:
    """It stands still until somebody moves it."""

    def __init__(self, now: datetime = BEGIN) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def opened(url: str, clock: Callable[[], datetime], **options: Any) -> Regulars:
    return regulars.open(url, currency="EUR", actor="li", clock=clock, **options)


@contextmanager
def empty_file() -> Iterator[str]:
    """An empty store in a file; to copy one takes a third of the time that it takes to make one in memory."""
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        yield prepared_sqlite(Path(folder) / "shop.db")


@contextmanager
def fresh_store(kind: str, postgres_url: str) -> Iterator[str]:
    """An empty store in a database of a kind, for one example of a property."""
    if kind == "postgres":
        with prepared_postgres(postgres_url) as url:
            yield url
    else:
        with empty_file() as path:
            yield path


@contextmanager
def room_for_a_store(kind: str, postgres_url: str) -> Iterator[str]:
    """Where no store is yet: a new, empty database of a kind."""
    if kind == "postgres":
        with fresh_postgres(postgres_url) as url:
            yield url
    else:
        with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
            yield fresh_sqlite(Path(folder))


def in_each_database(
    examples: int, *drawn: st.SearchStrategy[Any], **named: st.SearchStrategy[Any]
) -> Callable[[Callable[..., None]], Callable[[str, str], None]]:
    """A law about a store in a database of a `kind`: so many examples of it in SQLite, and half as many in PostgreSQL.

    What is the same in both is tried often enough in the one where an example takes a third of the time. What differs
    is how statements are executed, and few histories execute them all.
    """

    def of(law: Callable[..., None]) -> Callable[[str, str], None]:
        @pytest.mark.parametrize("kind", ["sqlite", "postgres"])
        def test(kind: str, postgres_url: str) -> None:
            several = settings(max_examples=examples if kind == "sqlite" else (examples + 1) // 2)
            several(given(*drawn, **named)(law))(kind=kind, postgres_url=postgres_url)

        return test

    return of


# ------------------------------------------------------------------------------------------------------ what happens

#: What is on an order, in turn.
LINES = ((OrderLine(sku="coffee"), OrderLine(sku="filters", quantity=2)), (OrderLine(sku="coffee"),), ())
#: (whom, number, when) -> a command about a customer; the number makes ids unlike all others
CommandTo = Callable[[str, int, datetime], Command]
#: (number, now) -> a command about somebody who was drawn
CommandAt = Callable[[int, datetime], Command]
#: how long after the one before it, and what
Step = tuple[timedelta, CommandAt]

people = st.sampled_from(PEOPLE)
at_once = st.just(timedelta())
ago = st.sampled_from([0, 0, 0, 1, 30, 100, 300]).map(timedelta)
earlier = st.integers(1, 6)  # so many steps before, where there may have been an order or a ticket


def to(kind: Callable[..., Command], **fields: Any) -> CommandTo:
    """A command with the same fields whoever it is about."""
    return lambda who, number, at: kind(customer=who, occurred_at=at, **fields)


def buy(amount: str) -> CommandTo:
    return lambda who, number, at: RecordPurchase(
        customer=who, order_id=f"A-{number}", amount=amount, lines=LINES[number % len(LINES)], occurred_at=at
    )


def give_back(steps: int) -> CommandTo:
    """Return all that is left of the order of so many steps before."""
    return lambda who, number, at: RecordReturn(order_id=f"A-{number - steps}", occurred_at=at)


def on_order(kind: Callable[..., Command], steps: int, **fields: Any) -> CommandTo:
    """A command about the order of so many steps before."""
    return lambda who, number, at: kind(order_id=f"A-{number - steps}", occurred_at=at, **fields)


def give_order_to(steps: int) -> CommandTo:
    return lambda who, number, at: ReassignPurchase(order_id=f"A-{number - steps}", to=who)


def open_ticket(**fields: Any) -> CommandTo:
    return lambda who, number, at: OpenTicket(customer=who, ticket_id=f"T-{number}", occurred_at=at, **fields)


def on_ticket(kind: Callable[..., Command], steps: int, **fields: Any) -> CommandTo:
    """A command about the ticket of so many steps before."""
    return lambda who, number, at: kind(ticket_id=f"T-{number - steps}", occurred_at=at, **fields)


def redeem(points: int) -> CommandTo:
    return lambda who, number, at: RedeemPoints(
        customer=who, points=points, redemption_id=f"V-{number}", occurred_at=at
    )


def merge_into(other: str) -> CommandTo:
    return lambda who, number, at: MergeCustomers(customer=who, into=other)


def undo_merge(who: str, number: int, at: datetime) -> Command:
    return UndoMerge(customer=who)


def to_somebody(
    commands: CommandTo | st.SearchStrategy[CommandTo],
    late: st.SearchStrategy[timedelta] = ago,
    whom: st.SearchStrategy[str] = people,
) -> st.SearchStrategy[CommandAt]:
    """A command about somebody, told late or at once."""
    return st.builds(
        lambda command, who, late: lambda number, now: command(who, number, now - late),
        commands if isinstance(commands, st.SearchStrategy) else st.just(commands),
        whom,
        late,
    )


def purchases() -> st.SearchStrategy[CommandAt]:
    return to_somebody(st.sampled_from(["0.01", "20.00", "100.00", "200.00", "600.00", "1500.00"]).map(buy))


def others() -> st.SearchStrategy[CommandAt]:
    """Everything but purchases that bears on a verdict, as far as it is told late or at once."""
    return st.one_of(
        to_somebody(earlier.map(give_back), at_once),
        to_somebody(to(RecordInteraction, channel="phone", direction="inbound")),
        to_somebody(to(RecordSurveyAnswer, survey="nps", score=3)),
        to_somebody(to(RecordSurveyAnswer, survey="csat", score=5)),
        to_somebody(to(TagCustomer, label="vip")),
        to_somebody(to(CloseAccount)),
        to_somebody(to(ReopenAccount)),
        to_somebody(to(RequestCancellation)),
        to_somebody(to(SettleReminder, care="years", day="2025-01-01", how="done")),
    )


def corrections() -> st.SearchStrategy[CommandAt]:
    """What was said of orders, and is said otherwise now."""
    fields = st.sampled_from([{"amount": "19.99"}, {"amount": "450.00"}])
    return st.one_of(
        to_somebody(earlier.map(lambda steps: on_order(VoidPurchase, steps)), at_once),
        to_somebody(earlier.map(lambda steps: on_order(RestorePurchase, steps)), at_once),
        to_somebody(st.builds(lambda steps, some: on_order(CorrectPurchase, steps, **some), earlier, fields), at_once),
        to_somebody(earlier.map(give_order_to), at_once),
        to_somebody(
            st.builds(
                lambda steps, total: on_order(RecordReturn, steps, returned_so_far=total),
                earlier,
                st.sampled_from(["0", "15.00", "20.00", "100.00"]),
            ),
        ),
    )


def tickets() -> st.SearchStrategy[CommandAt]:
    return st.one_of(
        to_somebody(open_ticket()),
        to_somebody(earlier.map(lambda steps: on_ticket(ReplyAsAgent, steps)), at_once),
        to_somebody(earlier.map(lambda steps: on_ticket(ResolveTicket, steps)), at_once),
        to_somebody(earlier.map(lambda steps: on_ticket(RateTicket, steps, score=1)), at_once),
    )


def add_task(**fields: Any) -> CommandTo:
    """A task for somebody, every third for nobody."""
    return lambda who, number, at: AddTask(
        task_id=f"K-{number}", customer=who if number % 3 else None, what="call", occurred_at=at, **fields
    )


def on_task(kind: Callable[..., Command], steps: int, **fields: Any) -> CommandTo:
    """A command about the task of so many steps before."""
    return lambda who, number, at: kind(task_id=f"K-{number - steps}", occurred_at=at, **fields)


def snooze_task(steps: int) -> CommandTo:
    """Let the task of so many steps before rest for a fortnight."""
    return lambda who, number, at: SnoozeTask(
        task_id=f"K-{number - steps}", until=(at + 14 * DAY).date(), occurred_at=at
    )


def tasks() -> st.SearchStrategy[CommandAt]:
    kinds: list[dict[str, Any]] = [{}, {"due": date(2024, 2, 1)}, {"due": date(2024, 1, 31), "repeats": "every month"}]
    return st.one_of(
        to_somebody(st.sampled_from(kinds).map(lambda fields: add_task(**fields))),
        to_somebody(earlier.map(lambda steps: on_task(CompleteTask, steps)), at_once),
        to_somebody(earlier.map(lambda steps: on_task(ReopenTask, steps)), at_once),
        to_somebody(earlier.map(snooze_task), at_once),
    )


def open_opportunity(**fields: Any) -> CommandTo:
    return lambda who, number, at: OpenOpportunity(customer=who, opportunity_id=f"O-{number}", occurred_at=at, **fields)


def on_opportunity(kind: Callable[..., Command], steps: int, **fields: Any) -> CommandTo:
    """A command about the opportunity of so many steps before."""
    return lambda who, number, at: kind(opportunity_id=f"O-{number - steps}", occurred_at=at, **fields)


def opportunities() -> st.SearchStrategy[CommandAt]:
    def later(kind: Callable[..., Command], **fields: Any) -> st.SearchStrategy[CommandAt]:
        return to_somebody(earlier.map(lambda steps: on_opportunity(kind, steps, **fields)), at_once)

    return st.one_of(
        to_somebody(open_opportunity(amount="500.00", owner="li", source="fair")),
        to_somebody(open_opportunity(stage="proposal", title="Tea", expected_close=date(2025, 3, 30))),
        later(MoveOpportunity, stage="negotiation"),
        later(ChangeOpportunity, amount="80.00", owner="max"),
        later(WinOpportunity),
        later(LoseOpportunity, reason="price"),
        later(ReopenOpportunity),
    )


def send_survey(who: str, number: int, at: datetime) -> Command:
    return RecordSurveySent(
        customer=who, survey_id=f"S-{number}", survey="nps", channel="email", ticket_id=f"T-{number}", occurred_at=at
    )


def answer_survey(steps: int, score: int) -> CommandTo:
    """An answer to the survey of so many steps before, which may be another's, or none."""
    return lambda who, number, at: RecordSurveyAnswer(
        customer=who, survey="nps", score=score, survey_id=f"S-{number - steps}", occurred_at=at
    )


def bounce_survey(steps: int) -> CommandTo:
    return lambda who, number, at: RecordSurveyBounced(survey_id=f"S-{number - steps}", occurred_at=at)


def assess_text(steps: int, value: str) -> CommandTo:
    """A word on an event that may hold a text."""
    return lambda who, number, at: RecordAssessment(
        about=str(4 + max(1, number - steps)), kind="sentiment", value=value, version="1", occurred_at=at
    )


def surveys() -> st.SearchStrategy[CommandAt]:
    return st.one_of(
        to_somebody(send_survey),
        to_somebody(st.builds(answer_survey, earlier, st.sampled_from([0, 8, 10]))),
        to_somebody(earlier.map(bounce_survey), at_once),
        to_somebody(st.builds(assess_text, earlier, st.sampled_from(["good", "bad"]))),
    )


def day_of(at: datetime, days: int) -> date:
    return at.date() + timedelta(days=days)


def send_quote(days: int) -> CommandTo:
    lines = (QuoteLine(sku="coffee", description="Beans", quantity="3", unit_price="12.345", tax_rate="7"),)
    return lambda who, number, at: SendQuote(
        customer=who, quote_id=f"Q-{number}", lines=lines, valid_until=day_of(at, days), occurred_at=at
    )


def revise_quote(steps: int) -> CommandTo:
    lines = (QuoteLine(description="Beans", quantity="2.5", unit_price="99.99", tax_rate="19"),)
    return lambda who, number, at: ReviseQuote(
        quote_id=f"Q-{number - steps}", revision=2, lines=lines, prices="gross", occurred_at=at
    )


def answer_quote(steps: int, *, accepted: bool) -> CommandTo:
    """A quote of so many steps before is declined, or accepted with an order and a contract."""
    if not accepted:
        return lambda who, number, at: DeclineQuote(quote_id=f"Q-{number - steps}", cause="price", occurred_at=at)
    return lambda who, number, at: AcceptQuote(
        quote_id=f"Q-{number - steps}",
        order_id=f"A-{number}",
        contract_id=f"C-{number}",
        start=day_of(at, 10),
        end=day_of(at, 60),
        occurred_at=at,
    )


def sign_contract(days: int, months: int | None) -> CommandTo:
    return lambda who, number, at: SignContract(
        customer=who,
        contract_id=f"C-{number}",
        start=day_of(at, 5),
        end=day_of(at, days),
        renewal_months=months,
        notice_days=30,
        amount="90.00",
        occurred_at=at,
    )


def change_contract(kind: str, steps: int, days: int) -> CommandTo:
    """A contract of so many steps before goes on, or ends, on a day."""
    if kind == "renew":
        return lambda who, number, at: RenewContract(
            contract_id=f"C-{number - steps}", until=day_of(at, days), occurred_at=at
        )
    return lambda who, number, at: EndContract(contract_id=f"C-{number - steps}", on=day_of(at, days), occurred_at=at)


def selling() -> st.SearchStrategy[CommandAt]:
    days = st.sampled_from([7, 30, 200])
    return st.one_of(
        to_somebody(days.map(send_quote)),
        to_somebody(earlier.map(revise_quote)),
        to_somebody(st.builds(lambda steps, yes: answer_quote(steps, accepted=yes), earlier, st.booleans()), at_once),
        to_somebody(st.builds(sign_contract, days, st.sampled_from([None, 1]))),
        to_somebody(st.builds(change_contract, st.sampled_from(["renew", "end"]), earlier, days)),
    )


def memberships() -> st.SearchStrategy[CommandAt]:
    return st.one_of(
        to_somebody(to(EnrollMember)),
        to_somebody(to(CancelMembership), at_once),
        to_somebody(redeem(15), at_once),
        to_somebody(to(AdjustPoints, points=20, reason="sorry"), at_once),
    )


def merges(whom: st.SearchStrategy[str] = people) -> st.SearchStrategy[CommandAt]:
    return st.one_of(to_somebody(whom.map(merge_into), at_once, whom), to_somebody(undo_merge, at_once, whom))


def one_by_one(
    commands: st.SearchStrategy[CommandAt], *, gaps: Iterable[timedelta], max_size: int
) -> st.SearchStrategy[list[Step]]:
    """A history of a shop: what happens to its customers, one after another."""
    return st.lists(st.tuples(st.sampled_from([*gaps]), commands), max_size=max_size)


def trade(*, max_size: int = 16) -> st.SearchStrategy[list[Step]]:
    """What usually happens to the customers of a shop."""
    commands = st.one_of(
        purchases(),
        purchases(),
        tasks(),
        others(),
        corrections(),
        tickets(),
        surveys(),
        selling(),
        memberships(),
        opportunities(),
        merges(),
    )
    return one_by_one(commands, gaps=[timedelta(), HOUR, DAY, 20 * DAY, 70 * DAY], max_size=max_size)


def register(crm: Regulars, clock: Clock) -> None:
    """Let everybody be known, a day after each other."""
    for ref in PEOPLE:
        crm.do(RegisterCustomer(ref=ref, name=ref.title(), occurred_at=clock.now))
        clock.now += DAY


def carry_out(crm: Regulars, clock: Clock, step: Step, number: int) -> None:
    """Do the next thing, unless a rule of the domain speaks against it."""
    gap, command_at = step
    clock.now += gap
    tell(crm, command_at(number, clock.now))


def tell(crm: Regulars, command: Command) -> None:
    with suppress(Rejected, NotFound):
        crm.do(command)


def play(crm: Regulars, clock: Clock, steps: Iterable[Step], first: int = 0) -> None:
    """Do one thing after another."""
    for number, step in enumerate(steps, first):
        carry_out(crm, clock, step, number)


# ------------------------------------------------------------------------------------------------------- other rules


@cache
def default_text() -> str:
    return resources.files("regulars").joinpath("rules.toml").read_text(encoding="utf-8")


def with_edits(edits: Iterable[tuple[str, str]]) -> Ruleset:
    """The default rules with some places of their text changed."""
    text = default_text()
    for old, new in edits:
        assert text.count(old) == 1, f"{old!r} is no longer one place of the rules"
        text = text.replace(old, new)
    return parse_rules(text)


GOLD = '{ name = "gold",     from = "500.00" }'
END = 'expire_at = "end_of_month"'
SILVER = '{ name = "silver",   from = "150.00" }'


#: Hours of a business that rests at noon, and works one night a week, from a day on which shops here are open already.
OFFICE_HOURS = """
[[business.hours]]
from = 2024-01-02
monday = ["09:00-12:00", "13:00-17:00"]
tuesday = ["22:00-06:00"]
wednesday = ["09:00-12:00", "13:00-17:00"]
thursday = ["09:00-12:00", "13:00-17:00"]
[[business.holidays]]
days = [{ day = 2024-01-04 }, { day = 2024-02-14, open = ["10:00-11:30"] }]

"""


def other_rules() -> st.SearchStrategy[Ruleset]:
    """Other thresholds, times and weights; sometimes the default ones."""
    places: dict[str, list[str]] = {
        SILVER: [SILVER, SILVER.replace("150.00", "20.00"), SILVER.replace("150.00", "300.00")],
        GOLD: [GOLD, GOLD.replace("500.00", "700.00")],
        "hold_days = 365": ["hold_days = 365", "hold_days = 60"],
        '{ fact = "gap", from = 2.0 }': ['{ fact = "gap", from = 2.0 }', '{ fact = "gap", from = 0.5 }'],
        "prior_gap_days = 30": ["prior_gap_days = 30", "prior_gap_days = 90"],
        "medium = 25, high = 50": ["medium = 25, high = 50", "medium = 10, high = 30"],
        "account_closed = 100": ["account_closed = 100", "account_closed = 60"],
        "members_only = false": ["members_only = false", "members_only = true"],
        "buying_days = true": ["buying_days = true", "buying_days = false"],
        "returns_take_back = true": ["returns_take_back = true", "returns_take_back = false"],
        'net_spend = "75.00"': ['net_spend = "75.00"', 'net_spend = "20.00"'],
        "buying_days = 3 }": ["buying_days = 3 }", "buying_days = 1 }"],
        "nps_detractor_to = 6": ["nps_detractor_to = 6", "nps_detractor_to = 2"],
        "csat_low_to = 2": ["csat_low_to = 2", "csat_low_to = 3"],
        "normal = 24, low = 24": ["normal = 24, low = 24", "normal = 900, low = 24"],
        "auto_close_days = 7": ["auto_close_days = 7", "auto_close_days = 300"],
        END: [
            END,
            END + SEGMENTS + CARE,
            f"{END}\n[due_again]\ngaps = {{ coffee = 30 }}",
            f"{END}\n[due_again]\ngaps = {{ filters = 50 }}",
        ],
        "probability = 0.5, stale_days = 30": [
            "probability = 0.5, stale_days = 30",
            "probability = 0.25, stale_days = 7",
        ],
        '{ id = "contacted",   probability': [
            '{ id = "contacted",   probability',
            '{ id = "met",   probability',
        ],
        "[satisfaction]": ["[satisfaction]", f"{OFFICE_HOURS}[satisfaction]"],
    }
    return st.fixed_dictionaries({old: st.sampled_from(new) for old, new in places.items()}).map(
        lambda chosen: with_edits(chosen.items())
    )


# ---------------------------------------------------------------------------------------------------- what is stored

Rows = dict[str, list[tuple[Any, ...]]]


def tables_of(crm: Regulars, number: int) -> dict[str, sa.Table]:
    """A generation's tables by the names of what they hold, without numbers."""
    with crm._store.reading() as tx:
        models = read_generation(crm._store, tx.connection, number).read_models(crm._store)
    return {projection_of(table): table for table in models.tables.tables}


def number_of(crm: Regulars, who: str) -> int:
    """The number by which read models know a customer: the position of the first event of their stream."""
    events, customer_id = crm._store.schema.events, str(crm.find(who))
    with crm._store.reading() as tx:
        first = sa.select(sa.func.min(events.c.position)).where(events.c.stream_id == customer_id)
        return int(tx.connection.execute(first).scalar_one())


def read_models_of(crm: Regulars, number: int) -> Rows:
    """Every row of a generation's tables, in one order, but for bounds, which may be lower than they need to be."""
    tables = tables_of(crm, number)
    with crm._store.reading() as tx:
        return {
            name: sorted(map(tuple, tx.connection.execute(as_stored(table))), key=repr)
            for name, table in tables.items()
            if not name.endswith("_earliest")
        }


def everything_of(crm: Regulars) -> Rows:
    """Every row of every table there is."""
    with crm._store.reading() as tx:
        names = sa.inspect(tx.connection).get_table_names()
        return {
            name: sorted(map(tuple, tx.connection.exec_driver_sql(f"SELECT * FROM {name}")), key=repr) for name in names
        }


# ------------------------------------------------------------------------------------------------------------ telling


def accepted(crm: Regulars, words: list[Command]) -> list[Command]:
    """Tell words one after the other; those that weren't refused."""
    taken = []
    for word in words:
        try:
            crm.do(word)
            taken.append(word)
        except Rejected:
            pass
    return taken


def until_none_is_taken(crm: Regulars, words: list[Command]) -> list[Command]:
    """Tell words again and again; those that are refused in the end."""
    left = words
    while left:
        taken = accepted(crm, left)
        if not taken:
            break
        left = [word for word in left if word not in taken]
    return left
