"""What the simulated business sells beside its web shop: coffee for offices, by quotes and under contract.

Most offices buy for a firm. Whoever got a quote is to be called, and the shop has some chores of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from random import Random

from regulars.crm_domain.command import Command
from regulars.crm_domain.contract import EndContract
from regulars.crm_domain.customer import RecordEmployment, RegisterCustomer
from regulars.crm_domain.opportunity import LoseOpportunity, MoveOpportunity, OpenOpportunity
from regulars.crm_domain.quote import AcceptQuote, QuoteLine, ReviseQuote, SendQuote
from regulars.crm_domain.task import AddTask, CompleteTask
from regulars.demo.people import LAST_NAMES, Person

_OWNERS = ("mara", "jonas")
_TRADES = ("Architects", "Dental Practice", "Logistics", "Law Office", "Studio", "Engineering")
_ROLES = ("office manager", "owner", "assistant")
_FIRMS = 0.6  # of the offices; the others buy in their own name
_LOST = ("price", "no reply", "another roaster", "no budget")
_WON = 0.45  # of the opportunities
_QUOTED = 0.75  # of those that reach a proposal
_EACH_OFFICE = 4  # opportunities in two years, at most


def sell(random: Random, offices: Sequence[Person], end: datetime) -> list[Command]:
    """All that is sold to the offices, and the tasks of the shop itself; some of it after the end."""
    happened: list[Command] = []
    number = count(1)
    for place, office in enumerate(offices):
        firm = f"firm:{201 + place}" if random.random() < _FIRMS else None
        if firm is not None:
            happened += _employed(random, office, firm)
        at = office.arrives + timedelta(days=random.uniform(1, 20))
        for _ in range(random.randint(1, _EACH_OFFICE)):
            if at <= end:
                happened += _offer(random, office.ref, firm, next(number), at, end)
            at += timedelta(days=random.uniform(60, 260))
    return [*happened, *_chores(end)]


def _employed(random: Random, office: Person, firm: str) -> Iterator[Command]:
    """The firm that somebody buys for."""
    name = f"{random.choice(LAST_NAMES)} {random.choice(_TRADES)}"
    since = (office.arrives - timedelta(days=random.randint(100, 2_000))).date()
    role = random.choice(_ROLES)
    yield RegisterCustomer(ref=firm, name=name, kind="firm", source=office.source, occurred_at=office.arrives)
    yield RecordEmployment(customer=office.ref, firm=firm, role=role, since=since, occurred_at=office.arrives)


def _offer(random: Random, who: str, firm: str | None, number: int, at: datetime, end: datetime) -> Iterator[Command]:
    """One opportunity, from the first word to what became of it; what lies after the end hasn't happened."""
    opportunity, quote = f"O-{number:03}", f"Q-{number:03}"
    owner, kilos = random.choice(_OWNERS), random.randint(4, 30)
    yield OpenOpportunity(
        customer=who,
        opportunity_id=opportunity,
        amount=Decimal(kilos * 12 * 20),
        title="Coffee for the office, by the year",
        owner=owner,
        source=random.choice(("fair", "web shop", "friend")),
        expected_close=_days_later(at, random.randint(30, 75)),
        firm=firm,
        occurred_at=at,
    )
    at += timedelta(days=random.uniform(1, 12))
    if random.random() < 0.2:
        yield LoseOpportunity(opportunity_id=opportunity, reason=random.choice(_LOST), occurred_at=at)
        return
    yield MoveOpportunity(opportunity_id=opportunity, stage="qualified", occurred_at=at)
    at += timedelta(days=random.uniform(2, 15))
    yield MoveOpportunity(opportunity_id=opportunity, stage="proposal", occurred_at=at)
    won = random.random() < _WON
    if random.random() < _QUOTED or won:
        yield _quote(who, firm, quote, opportunity, kilos, at)
        yield from _called_back(random, who, number, at, owner)
    at += timedelta(days=random.uniform(5, 30))
    if random.random() < 0.5:
        yield MoveOpportunity(opportunity_id=opportunity, stage="negotiation", occurred_at=at)
        if won:
            yield ReviseQuote(
                quote_id=quote,
                revision=2,
                lines=_lines(kilos, Decimal("18.50")),
                valid_until=_days_later(at, 30),
                occurred_at=at,
            )
        at += timedelta(days=random.uniform(3, 25))
    if won:
        yield from _agreed(random, number, at, end)
    else:
        yield LoseOpportunity(opportunity_id=opportunity, reason=random.choice(_LOST), occurred_at=at)


def _quote(who: str, firm: str | None, quote_id: str, opportunity_id: str, kilos: int, at: datetime) -> SendQuote:
    return SendQuote(
        customer=who,
        quote_id=quote_id,
        lines=_lines(kilos, Decimal(20)),
        valid_until=_days_later(at, 90),
        opportunity_id=opportunity_id,
        firm=firm,
        occurred_at=at,
    )


def _lines(kilos: int, price: Decimal) -> tuple[QuoteLine, ...]:
    coffee = QuoteLine(
        sku="house-1000",
        description="House blend, for a year",
        quantity=Decimal(kilos * 12),
        unit_price=price,
        tax_rate=Decimal(7),
    )
    return (coffee, QuoteLine(description="Care of the machine", unit_price=Decimal(180), tax_rate=Decimal(19)))


def _agreed(random: Random, number: int, at: datetime, end: datetime) -> Iterator[Command]:
    """A quote that is accepted, and the contract that is signed with it."""
    start = _days_later(at, 14)
    renews = random.random() < 0.7
    yield AcceptQuote(
        quote_id=f"Q-{number:03}",
        contract_id=f"C-{number:03}",
        start=start,
        end=start + timedelta(days=364),
        renewal_months=12 if renews else None,
        notice_days=60 if renews else None,
        occurred_at=at,
    )
    if random.random() < 0.15:
        over = at + timedelta(days=random.uniform(150, 300))
        if over < end:
            yield EndContract(contract_id=f"C-{number:03}", on=_days_later(over, 30), cause="price", occurred_at=over)


def _called_back(random: Random, who: str, number: int, at: datetime, owner: str) -> Iterator[Command]:
    """Whoever got a quote is called; most of the time somebody does."""
    yield AddTask(
        task_id=f"K-{number:03}",
        customer=who,
        what="Ask what they think of the quote",
        due=_days_later(at, 7),
        owner=owner,
        opportunity_id=f"O-{number:03}",
        occurred_at=at,
    )
    if random.random() < 0.9:
        done = at + timedelta(days=random.uniform(4, 11))
        yield CompleteTask(task_id=f"K-{number:03}", occurred_at=done)


def _chores(end: datetime) -> Iterator[Command]:
    """What the shop does again and again, for nobody."""
    first = end - timedelta(days=40)
    yield AddTask(
        task_id="VAT",
        what="File the VAT return",
        due=first.date().replace(day=10),
        repeats="every month",
        owner="mara",
        occurred_at=first,
    )
    yield CompleteTask(task_id="VAT", occurred_at=end - timedelta(days=10))
    bags = AddTask(task_id="BAGS", what="Order bags", due=_days_later(end, 2), repeats="every 3 weeks", owner="jonas")
    yield bags.model_copy(update={"occurred_at": first})


def _days_later(at: datetime, days: int) -> date:
    return (at + timedelta(days=days)).date()
