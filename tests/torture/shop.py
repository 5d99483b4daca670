"""A shop that several processes write to at once: the same customers, and what its books must say at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from random import Random

import sqlalchemy as sa

import regulars
from databases import fresh_postgres, fresh_sqlite
from regulars import (
    AddNote,
    Command,
    EnrollMember,
    OpenTicket,
    RecordPurchase,
    RecordReturn,
    RedeemPoints,
    RegisterCustomer,
    Regulars,
    ReplyAsAgent,
    TagCustomer,
)
from torture.journal import Told, positions_of

CUSTOMERS = 6


@contextmanager
def fresh_store(kind: str, server: str | None, folder: Path) -> Iterator[str]:
    """A new, empty database of a kind: a file in a folder, or a database of a PostgreSQL server."""
    if kind == "sqlite":
        yield fresh_sqlite(folder)
    else:
        assert server is not None
        with fresh_postgres(server) as url:
            yield url


def opened(url: str, *, actor: str = "li", lock_timeout: float = 60.0) -> Regulars:
    return regulars.open(url, currency="EUR", actor=actor, lock_timeout=lock_timeout)


def open_shop(url: str) -> None:
    """Customers who are members, with points that can be spent."""
    with opened(url) as crm:
        for number in range(CUSTOMERS):
            ref = f"shop:{number}"
            crm.do([RegisterCustomer(ref=ref, name=f"Customer {number}"), EnrollMember(customer=ref)])
            crm.do(regulars.AdjustPoints(customer=ref, points=1_000_000, reason="to begin with"))
        crm.catch_up()


def some_trade(dice: Random, name: str, number: int) -> list[Command]:
    """One to four commands that belong together, on a customer whom all share; each has an id of its own."""
    customer, key = f"shop:{dice.randrange(CUSTOMERS)}", f"{name}-{number}"
    amount = Decimal(dice.randint(1, 10_000)) / 100
    purchase = RecordPurchase(customer=customer, order_id=key, amount=amount)
    choices: list[list[Command]] = [
        [purchase],
        [purchase, RecordReturn(order_id=key, amount=amount / 2 if amount * 100 % 2 == 0 else amount)],
        [TagCustomer(customer=customer, label=key)],
        [RedeemPoints(customer=customer, points=dice.randint(1, 9), redemption_id=key)],
        [OpenTicket(customer=customer, ticket_id=key), ReplyAsAgent(ticket_id=key)],
        [AddNote(customer=customer, text=f"about {key}")],
        [
            RegisterCustomer(ref=f"new:{key}", name=f"Newcomer {key}", email=f"{key}@example.com"),
            EnrollMember(customer=f"new:{key}"),
            RecordPurchase(customer=f"new:{key}", order_id=f"{key}-first", amount=amount),
            TagCustomer(customer=customer, label=f"brought {key}"),
        ],
    ]
    commands = dice.choice(choices)
    return [each.model_copy(update={"command_id": f"{key}-{place}"}) for place, each in enumerate(commands)]


# ------------------------------------------------------------------------------------------------------ what is stored


def positions_by_command(crm: Regulars) -> dict[str, tuple[int, ...]]:
    """The positions of every event that was recorded for a command with an id, read past the library's questions."""
    events = crm._store.schema.events
    found: dict[str, list[int]] = {}
    with crm._store.reading() as tx:
        statement = sa.select(events.c.command_id, events.c.position).order_by(events.c.position)
        for command_id, position in tx.connection.execute(statement.where(events.c.command_id.is_not(None))):
            found.setdefault(command_id, []).append(position)
    return {command_id: tuple(positions) for command_id, positions in found.items()}


def known_commands(crm: Regulars) -> set[str]:
    """The ids of which an outcome is kept."""
    with crm._store.reading() as tx:
        return set(tx.connection.execute(sa.select(crm._store.schema.commands.c.id)).scalars())


def require_sound(crm: Regulars) -> None:
    """The database is whole, streams have no gap, nothing is left half, read models are what the events say, and seals
    hold.
    """
    with crm._store.reading() as tx:
        if crm._store.database.is_sqlite:
            assert tx.connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
            assert tx.connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        events, keys = crm._store.schema.events, crm._store.schema.keys
        per_stream = sa.select(sa.func.count(), sa.func.max(events.c.version)).group_by(events.c.stream_id)
        assert all(count == newest for count, newest in tx.connection.execute(per_stream))
        of_type = sa.select(events.c.customer_id)
        registered = set(tx.connection.execute(of_type.where(events.c.type == "CustomerRegistered")).scalars())
        forgotten = set(tx.connection.execute(of_type.where(events.c.type == "PersonalDataErased")).scalars())
        assert set(tx.connection.execute(sa.select(keys.c.customer_id)).scalars()) == registered - forgotten
    verification = crm.projections.verify()
    assert verification.holds, verification
    records = crm.check_records()
    assert records.holds, records.faults
    assert crm.check_seals().holds


def require_kept(crm: Regulars, journals: list[Told]) -> int:
    """What was acknowledged is there exactly once, nothing is there in part; how many commands were looked for.

    Then everything is asked for once more, as who lost an answer would: what was there is answered as the first time,
    and what wasn't is done now.
    """
    stored, known = positions_by_command(crm), known_commands(crm)
    checked = 0
    for told in journals:
        for number, answers in told.acknowledged.items():
            for command, positions in zip(told.asked[number], answers, strict=True):
                assert command.command_id in known
                assert stored.get(str(command.command_id), ()) == positions
                checked += 1
        for commands in told.unanswered.values():
            ids = {str(command.command_id) for command in commands}
            assert ids <= known or not ids & known.union(stored), "a transaction is there in part"
        for number in told.refused:
            assert not {str(command.command_id) for command in told.asked[number]} & known.union(stored)
    for told in journals:
        for number, commands in told.asked.items():
            if number not in told.refused:
                outcomes = crm.do(commands)
                was_there = {outcome.replayed for outcome in outcomes}
                assert was_there == {all(str(command.command_id) in known for command in commands)}
                answers = positions_of(outcomes)
                assert answers == told.acknowledged.get(number, answers)
    return checked


def require_books(crm: Regulars, journals: list[Told], *, others: int = 0) -> None:
    """Every order was counted once, as all that was asked for is done by now; `others` bought nothing."""
    done = [
        command
        for told in journals
        for number, commands in told.asked.items()
        if number not in told.refused
        for command in commands
    ]
    orders = [command for command in done if isinstance(command, RecordPurchase)]
    returns = [command for command in done if isinstance(command, RecordReturn)]
    spent = sum(Decimal(each.amount) for each in orders) - sum(Decimal(each.amount or 0) for each in returns)
    after, found = None, list[regulars.Customer]()
    while True:
        page = crm.customers(limit=1_000, after=after)
        found += page
        if (after := page.after) is None:
            break
    assert sum(each.orders for each in found) == len({each.order_id for each in orders}) == len(orders)
    assert sum(each.net_spend for each in found) == spent
    assert len(found) == CUSTOMERS + others + sum(isinstance(command, RegisterCustomer) for command in done)
    tags = sum(len(each.tags) for each in found)
    assert tags == sum(isinstance(command, TagCustomer) for command in done)
    redeemed = sum(command.points for command in done if isinstance(command, RedeemPoints))
    spendable = sum(crm.points(f"shop:{number}").balance for number in range(CUSTOMERS))
    assert spendable == CUSTOMERS * 1_000_000 - redeemed
