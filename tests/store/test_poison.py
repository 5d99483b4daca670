"""An event that can't be folded stops its customer and nobody else, however it is met, until it is mended."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from regulars import (
    MergeCustomers,
    OpenTicket,
    ParkedCustomer,
    RecordPurchase,
    RecordReturn,
    RegisterCustomer,
    Regulars,
    StoreUnusable,
    TagCustomer,
    UndoMerge,
)
from regulars.adapters.read_models import catch_up, replay
from regulars.crm_domain.purchase import PurchaseRecorded
from regulars.projections.facts import shared
from regulars.projections.facts.shared import Facts
from shops import BEGIN, DAY, HOUR, PEOPLE, Clock, opened, read_models_of, register, with_edits

VICTIM, OTHERS = PEOPLE[1], (PEOPLE[0], *PEOPLE[2:])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    with opened(database_url, clock) as crm:
        register(crm, clock)
        crm.do([buy(who, f"{who}-1", "200.00") for who in PEOPLE])
        crm.do(OpenTicket(customer=VICTIM, ticket_id="T-1"))
        clock.now += HOUR
        yield crm


def buy(who: str, order_id: str, amount: str, **more: Any) -> RecordPurchase:
    return RecordPurchase(customer=who, order_id=order_id, amount=amount, **more)


def go_on(crm: Regulars, clock: Clock, step: Callable[[], object]) -> int:
    """The order that goes bad, and what happens after it to everybody; the position of that order."""
    clock.now += DAY
    position = crm.do(buy(VICTIM, "bad", "700.00")).position
    assert position is not None
    step()
    for who in PEOPLE:
        clock.now += DAY
        crm.do(buy(who, f"{who}-2", "500.00"))
        step()
    crm.do(OpenTicket(customer=VICTIM, ticket_id="T-2"))
    crm.do(buy(VICTIM, "late", "1.00", occurred_at=BEGIN + 2 * DAY))
    step()
    return position


def payload_of(crm: Regulars, position: int) -> bytes:
    events = crm._store.schema.events
    with crm._store.reading() as tx:
        payload: bytes = tx.connection.execute(
            sa.select(events.c.payload).where(events.c.position == position)
        ).scalar_one()
        return payload


def write_payload(crm: Regulars, position: int, payload: bytes) -> None:
    events = crm._store.schema.events
    with crm._store.database.writing() as connection:
        connection.execute(events.update().where(events.c.position == position).values(payload=payload))


def damage(crm: Regulars, position: int) -> bytes:
    """Let an amount be a text; what was there."""
    whole = payload_of(crm, position)
    assert b'"amount":70000' in whole
    write_payload(crm, position, whole.replace(b'"amount":70000', b'"amount":"much"'))
    return whole


@pytest.fixture
def bad_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fold that fails on one order."""
    original = shared._add_order

    def add_order(known: Facts, event: PurchaseRecorded, at: int, position: int) -> None:
        if event.order_id == "bad":
            raise ZeroDivisionError("no gap")
        original(known, event, at, position)

    monkeypatch.setattr(shared, "_add_order", add_order)


def nothing() -> None:
    """Let nobody look meanwhile."""


def assert_parked_at(crm: Regulars, position: int, reason: str) -> None:
    """One customer is as they were before the order, everybody else is as they are now."""
    crm.catch_up()
    where = f"event #{position} (PurchaseRecorded) can't be folded ({reason}"
    [sentence] = crm.status().parked
    assert sentence.startswith(f"id:{crm.find(VICTIM)}: {where}")
    found = crm.customer(VICTIM)
    [listed] = (each for each in crm.customers() if each.ref == VICTIM)
    for said in (found.parked, found.explain().parked, listed.parked, listed.explain().parked):
        assert str(said).startswith(where)
    assert "parked: event" in str(found.explain())
    for each in (found, listed):
        assert (each.orders, str(each.net_spend), each.tier) == (1, "200.00", "silver")
        assert len(each.timeline().orders) == 1
    assert [each.ticket_id for each in crm.tickets(customer=VICTIM)] == ["T-1"]
    for who in OTHERS:
        well = crm.customer(who)
        assert (well.orders, str(well.net_spend), well.tier, well.parked) == (2, "700.00", "gold", None)
    assert [each.orders for each in crm.customers() if each.parked is None] == [2, 2, 2]
    verified = crm.projections.verify()
    assert not verified.holds
    assert (verified.different, verified.stored) == (0, verified.folded)
    assert [(each.position, each.type) for each in verified.parked] == [(position, "PurchaseRecorded")]


def assert_well(crm: Regulars) -> None:
    assert crm.status().parked == ()
    found = crm.customer(VICTIM)
    assert (found.parked, found.explain().parked, found.orders, found.tier) == (None, None, 4, "platinum")
    assert {each.ticket_id for each in crm.tickets(customer=VICTIM)} == {"T-1", "T-2"}
    assert crm.projections.verify().holds


# ------------------------------------------------------------------------------------------------- the same anyhow


@pytest.mark.parametrize("way", ["one by one", "all at once", "in threes", "customer by customer"])
@pytest.mark.usefixtures("bad_order")
def test_only_the_customer_of_a_bad_event_stays_behind(
    crm: Regulars, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    if way == "in threes":
        monkeypatch.setattr(catch_up, "BATCH", 3)
    if way == "customer by customer":
        monkeypatch.setattr(catch_up, "REPLAY_FROM", 1)
        monkeypatch.setattr(replay, "CUSTOMERS_AT_ONCE", 1)
    position = go_on(crm, clock, crm.catch_up if way == "one by one" else nothing)
    assert_parked_at(crm, position, "ZeroDivisionError: no gap")
    sentence = f"parked id:{crm.find(VICTIM)} at event #{position}, which can't be folded"
    assert {each.getMessage() for each in caplog.records if each.levelno == logging.WARNING} == {sentence}
    beside = crm.projections.rebuild(park=True)
    assert read_models_of(crm, beside) == read_models_of(crm, 1)
    assert_parked_at(crm, position, "ZeroDivisionError: no gap")


@pytest.mark.parametrize("replay_from", [1, 1000])
def test_so_it_is_with_an_event_that_cannot_be_read(
    crm: Regulars, clock: Clock, monkeypatch: pytest.MonkeyPatch, replay_from: int
) -> None:
    monkeypatch.setattr(catch_up, "REPLAY_FROM", replay_from)
    position = go_on(crm, clock, nothing)
    whole = damage(crm, position)
    assert_parked_at(crm, position, "ValidationError: Expected `int`, got `str`")
    write_payload(crm, position, whole)
    assert not crm.projections.verify().holds
    assert crm.projections.repair(customer=VICTIM) > 0
    assert_well(crm)


@pytest.mark.parametrize("replay_from", [1, 1000])
def test_of_whom_nothing_can_be_read_nothing_is_known_and_it_is_said(
    crm: Regulars, clock: Clock, monkeypatch: pytest.MonkeyPatch, replay_from: int
) -> None:
    monkeypatch.setattr(catch_up, "REPLAY_FROM", replay_from)
    write_payload(crm, 2, b"?")
    assert [each.ref for each in crm.customers()] == list(OTHERS)
    assert [each.startswith(f"id:{crm.find(VICTIM)}: event #2 (CustomerRegistered)") for each in crm.status().parked]
    assert [each.position for each in crm.projections.verify().parked] == [2]
    with pytest.raises(ParkedCustomer, match="event #2"):
        crm.projections.rebuild()
    crm.projections.rebuild(park=True)
    assert len(crm.status().parked) == 1


def test_a_name_that_cannot_be_read_silences_nobody(crm: Regulars) -> None:
    crm.catch_up()
    write_payload(crm, 2, b"?")
    assert {each.name for each in crm.customers()} == {None, *(ref.title() for ref in OTHERS)}


def test_a_bad_ticket_leaves_a_timeline_up_to_it(crm: Regulars, clock: Clock) -> None:
    clock.now += DAY
    position = crm.do(OpenTicket(customer=VICTIM, ticket_id="T-2", priority="high")).position
    assert position is not None
    crm.do(buy(VICTIM, "after", "1.00"))
    write_payload(crm, position, payload_of(crm, position).replace(b'"T-2"', b"[]"))
    for found in (crm.customer(VICTIM), next(each for each in crm.customers() if each.ref == VICTIM)):
        assert found.parked is not None
        assert (len(found.timeline().tickets) > 0, found.orders) == (True, 1)
    assert [each.ticket_id for each in crm.tickets()] == ["T-1"]


def test_what_goes_bad_after_it_was_folded_is_found(crm: Regulars, clock: Clock) -> None:
    position = go_on(crm, clock, nothing)
    crm.catch_up()
    assert crm.projections.verify().holds
    damage(crm, position)
    verified = crm.projections.verify()
    assert not verified.holds
    assert {each.projection for each in verified.differences} >= {"customer_card", "loyalty_tier", "ticket_queue"}
    # Once somebody folds them afresh, they are as they were before it, without the ticket that was opened later.
    crm.do(buy(VICTIM, "later", "1.00", occurred_at=BEGIN + 2 * DAY))
    assert_parked_at(crm, position, "ValidationError")


@pytest.mark.usefixtures("bad_order")
def test_who_is_merged_with_the_parked_is_parked_until_they_are_told_apart(crm: Regulars, clock: Clock) -> None:
    go_on(crm, clock, nothing)
    crm.catch_up()
    crm.do(MergeCustomers(customer=PEOPLE[0], into=VICTIM))
    assert [each.orders for each in crm.customers() if each.parked] == [2]
    crm.do(TagCustomer(customer=PEOPLE[0], label="vip"))
    assert len(crm.status().parked) == 1
    parked_at = crm.projections.verify().parked
    crm.projections.rebuild(park=True)
    assert crm.projections.verify().parked == parked_at
    crm.do(UndoMerge(customer=PEOPLE[0]))
    assert crm.customer(PEOPLE[0]).orders == 2
    assert [each.ref for each in crm.customers() if each.parked] == [VICTIM]


# --------------------------------------------------------------------------------------------- building and mending


@pytest.mark.parametrize("replay_from", [1, 1000])
def test_a_rebuild_stops_at_a_bad_event_and_leaves_the_answers_alone(
    crm: Regulars, clock: Clock, monkeypatch: pytest.MonkeyPatch, replay_from: int
) -> None:
    monkeypatch.setattr(catch_up, "REPLAY_FROM", replay_from)
    position = go_on(crm, clock, nothing)
    crm.catch_up()
    before, answers = read_models_of(crm, 1), list(crm.customers())
    whole = damage(crm, position)
    named = rf"event #{position} \(PurchaseRecorded\) of id:{crm.find(VICTIM)} can't be folded: ValidationError"
    shorter = with_edits([("hold_days = 365", "hold_days = 30")])
    for work in (crm.projections.rebuild, lambda: crm.rules.publish(shorter, reason="?")):
        with pytest.raises(ParkedCustomer, match=named):
            work()
        assert crm.status().generation == 1
        assert crm.status().parked == ()
        assert (read_models_of(crm, 1), list(crm.customers())) == (before, answers)
    number = crm.projections.rebuild(park=True)
    assert_parked_at(crm, position, "ValidationError")
    with pytest.raises(ParkedCustomer, match=named):
        crm.projections.rebuild()
    assert crm.status().generation == number
    write_payload(crm, position, whole)
    assert crm.projections.rebuild() > number
    assert_well(crm)
    assert {name: len(rows) for name, rows in read_models_of(crm, crm.status().generation).items()} == {
        name: len(rows) for name, rows in before.items()
    }


def test_what_was_built_for_a_question_is_not_published_with_somebody_parked(crm: Regulars, clock: Clock) -> None:
    position = go_on(crm, clock, nothing)
    whole = damage(crm, position)
    shorter = with_edits([("hold_days = 365", "hold_days = 30")])
    assert [each.orders for each in crm.customers(rules=shorter) if each.parked] == [1]
    with pytest.raises(ParkedCustomer):
        crm.rules.publish(shorter, reason="?")
    assert crm.rules.publish(shorter, reason="?", park=True).changed
    write_payload(crm, position, whole)
    # Back to a generation in which they were parked as well, before it was mended.
    crm.rules.rollback(reason="!")
    assert_well(crm)


def test_what_was_begun_with_somebody_parked_is_gone_on_with_once_it_is_mended(crm: Regulars, clock: Clock) -> None:
    position = go_on(crm, clock, nothing)
    whole = damage(crm, position)

    def cut_off(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crm.projections.rebuild(park=True, on_progress=cut_off)
    write_payload(crm, position, whole)
    assert crm.projections.rebuild() == 2
    assert_well(crm)


def test_an_unknown_type_stops_everybody(crm: Regulars, clock: Clock) -> None:
    crm.catch_up()
    position = crm.do(RecordReturn(order_id=f"{VICTIM}-1")).position
    crm.do(RegisterCustomer(ref="shop:9"))
    events = crm._store.schema.events
    with crm._store.database.writing() as connection:
        connection.execute(events.update().where(events.c.position == position).values(type="FromTheFuture"))
    for work in (crm.catch_up, crm.projections.rebuild, crm.projections.verify):
        with pytest.raises(StoreUnusable, match='an event of type "FromTheFuture"'):
            work()
    assert crm.status().parked == ()
    assert crm.customers(fresh=False).behind == 2
