"""Eight processes write, one follows, two more catch up: nobody misses anything, and nothing is counted twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.managers import ValueProxy
from multiprocessing.synchronize import Event as Signal
from pathlib import Path

import pytest
import sqlalchemy as sa

import regulars
from processes import forked
from regulars import (
    EnrollMember,
    OpenTicket,
    RecordPurchase,
    RecordReturn,
    RegisterCustomer,
    Regulars,
    ReplyAsAgent,
    TagCustomer,
)
from regulars.adapters.read_models.comparing import stored_rows
from regulars.adapters.read_models.histories import read_history
from regulars.adapters.read_models.updates import new_update
from regulars.adapters.schema.builds import FACTS
from regulars.adapters.schema.positions import settled
from regulars.adapters.store.store import Store
from regulars.projections.rules.compiled import compile_rules

WRITERS = 8
ROUNDS = 12
CUSTOMERS = 5


def write(url: str, writer: int) -> list[int]:
    """Orders, returns, tags and tickets of members that all writers share; the positions that were acknowledged."""
    acknowledged: list[int] = []
    with regulars.open(url, actor=f"writer-{writer}") as crm:
        for number in range(ROUNDS):
            customer, order = f"shop:{number % CUSTOMERS}", f"{writer}-{number}"
            outcomes = crm.do(
                [
                    RecordPurchase(customer=customer, order_id=order, amount="10.00"),
                    RecordReturn(order_id=order, amount="4.00"),
                ]
            )
            outcomes.append(crm.do(TagCustomer(customer=customer, label=f"tag-{writer}-{number}")))
            ticket = f"T-{writer}-{number}"
            outcomes += crm.do([OpenTicket(customer=customer, ticket_id=ticket), ReplyAsAgent(ticket_id=ticket)])
            # Everyone tries to register the same newcomer: one does, the others find it done.
            outcomes.append(crm.do(RegisterCustomer(ref=f"newcomer:{number}")))
            acknowledged += [event.position for outcome in outcomes for event in outcome.events]
    return acknowledged


def catch_up_until(url: str, stop: Signal) -> int:
    """Catch up again and again; how often."""
    rounds = 0
    with regulars.open(url) as crm:
        while not stop.is_set():
            crm.catch_up()
            rounds += 1
    return rounds


def follow_until(url: str, stop: Signal, last: ValueProxy[int]) -> list[int]:
    """What a reader in position order sees, from the first event to the last one that was acknowledged.

    On PostgreSQL the last ones become readable a moment later: when no older transaction runs any more.
    """
    store, seen = Store(url), list[int]()
    position = store.schema.events.c.position
    while not stop.is_set() or seen[-1] < last.value:
        with store.reading() as tx:
            after = seen[-1] if seen else 0
            statement = sa.select(position).where(position > after, settled(store.schema.events)).order_by(position)
            seen += tx.connection.execute(statement).scalars()
    store.close()
    return seen


@contextmanager
def processes(count: int) -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(count, mp_context=forked()) as pool:
        yield pool


@pytest.fixture
def crm(database_url: str) -> Iterator[Regulars]:
    with regulars.open(database_url, currency="EUR", actor="li") as opened:
        opened.do([RegisterCustomer(ref=f"shop:{number}") for number in range(CUSTOMERS)])
        opened.do([EnrollMember(customer=f"shop:{number}") for number in range(CUSTOMERS)])
        yield opened


def test_eight_writers_a_follower_and_two_projections(crm: Regulars, database_url: str) -> None:
    with forked().Manager() as manager, processes(WRITERS + 3) as pool:
        stop, last = manager.Event(), manager.Value("q", 0)
        follower = pool.submit(follow_until, database_url, stop, last)
        projections = [pool.submit(catch_up_until, database_url, stop) for _ in range(2)]
        writers = [pool.submit(write, database_url, writer) for writer in range(WRITERS)]
        acknowledged = sorted(position for writer in writers for position in writer.result())
        last.value = acknowledged[-1]
        stop.set()
        followed = follower.result(timeout=60)
        assert all(projection.result() for projection in projections)

    assert len(set(acknowledged)) == len(acknowledged)
    assert followed == [*range(1, 2 * CUSTOMERS + 1), *acknowledged]
    if crm.files:
        assert followed == list(range(1, len(followed) + 1))
    # An order and a return, and the points of each; a tag; a ticket and a reply; and each newcomer once.
    assert len(acknowledged) == WRITERS * ROUNDS * 7 + ROUNDS

    shoppers = [crm.customer(f"shop:{number}") for number in range(CUSTOMERS)]
    assert sum(shopper.orders for shopper in shoppers) == WRITERS * ROUNDS
    assert sum(shopper.net_spend for shopper in shoppers) == WRITERS * ROUNDS * 6
    assert sum(len(shopper.tags) for shopper in shoppers) == WRITERS * ROUNDS
    # 10 points for each order, 4 of them taken back: what is left is pending for 14 days.
    members = [crm.points(f"shop:{number}") for number in range(CUSTOMERS)]
    assert sum(member.pending for member in members) == WRITERS * ROUNDS * 6
    assert len(crm.tickets(first_response="met", limit=1000)) == WRITERS * ROUNDS
    assert_stored_is_what_a_fresh_fold_gives(crm)


def test_a_bulk_of_late_events_is_folded_as_if_it_had_come_in_time(crm: Regulars) -> None:
    crm.catch_up()
    for year in (2025, 2023, 2024):
        crm.do(
            [
                RecordPurchase(
                    customer=f"shop:{number % CUSTOMERS}",
                    order_id=f"{year}-{number}",
                    amount="99.00",
                    occurred_at=f"{year}-{number % 12 + 1:02d}-03T10:00:00+00:00",
                )
                for number in range(40)
            ]
        )
        crm.catch_up()
    assert_stored_is_what_a_fresh_fold_gives(crm)


def assert_stored_is_what_a_fresh_fold_gives(crm: Regulars) -> None:
    crm.catch_up()
    rules = compile_rules(crm.ruleset, "EUR")
    with crm._store.reading() as tx:
        ids = list(tx.connection.execute(sa.select(crm._store.schema.events.c.customer_id).distinct()).scalars())
        models = crm._session.models(tx)
        numbers = models.numbers(tx.connection, ids)
        assert models.load(tx.connection, numbers.values(), frozenset())[FACTS].keys() == set(numbers.values())
        for customer_id in ids:
            fresh = read_history(crm._store, tx.connection, (customer_id,), crm._store.registry.plan(rules))
            assert models.intervals(tx.connection, numbers[customer_id]) == fresh.timelines
            told = models.customer_rows([new_update(fresh)])
            for table, rows in stored_rows(models, tx.connection, [numbers[customer_id]]).items():
                assert sorted(rows, key=str) == sorted(told[table], key=str)


def test_two_processes_may_make_the_same_store_at_once(tmp_path: Path) -> None:
    path = str(tmp_path / "new.db")
    with processes(4) as pool:
        list(pool.map(open_and_close, [path] * 8))
    with regulars.open(path) as crm:
        assert crm.status().generation == 1


def open_and_close(url: str) -> None:
    regulars.open(url, currency="EUR").close()
