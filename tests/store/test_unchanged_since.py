"""A command may be meant for what was seen: where anything was recorded of the customer since, nothing is recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import regulars
from regulars import (
    AddNote,
    CustomerId,
    MergeCustomers,
    OpenTicket,
    RecordPurchase,
    RegisterCustomer,
    Regulars,
    Rejected,
    UndoMerge,
)
from shops import Clock

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def seen(crm: Regulars, who: str = "shop:1") -> int:
    return crm.version_of(who).position


def test_what_was_seen_may_be_changed_once(database_url: str) -> None:
    with regulars.open(database_url, currency="EUR") as crm:
        crm.do([RegisterCustomer(ref="shop:1"), RegisterCustomer(ref="shop:2")])
        at = seen(crm)
        crm.do(AddNote(customer="shop:2", text="of another"))
        crm.do(AddNote(customer="shop:1", text="first"), unchanged_since=at)
        for command in (
            AddNote(customer="shop:1", text="second"),
            RecordPurchase(customer="shop:1", order_id="A-1", amount="5"),
            OpenTicket(customer="shop:1", ticket_id="T-1"),
        ):
            with pytest.raises(Rejected) as error:
                crm.do([command, AddNote(customer="shop:2", text="beside")], unchanged_since=at)
            assert error.value.code == "changed_meanwhile"
        assert crm.event_count == 4
        crm.do(AddNote(customer="shop:1", text="second"), unchanged_since=seen(crm))


def test_whoever_was_merged_with_the_customer_counts(database_url: str) -> None:
    with regulars.open(database_url) as crm:
        crm.do([RegisterCustomer(ref="shop:1"), RegisterCustomer(ref="shop:2")])
        crm.do(MergeCustomers(customer="shop:2", into="shop:1"))
        at = seen(crm)
        assert at == seen(crm, "shop:2")
        crm.do(AddNote(customer="shop:2", text="of the same person"))
        with pytest.raises(Rejected, match="to be the last one"):
            crm.do(AddNote(customer="shop:1", text="late"), unchanged_since=at)


def test_an_undone_merge_counts_for_whoever_stays(database_url: str) -> None:
    with regulars.open(database_url) as crm:
        crm.do([RegisterCustomer(ref=f"shop:{number}") for number in (1, 2, 3)])
        second, third = crm.find("shop:2"), crm.find("shop:3")
        crm.do(MergeCustomers(customer=third, into=second))
        crm.do(MergeCustomers(customer=second, into="shop:1"))
        for leaves in (third, second):
            crm.do(AddNote(customer="shop:1", text="the last event of the family is not of who leaves"))
            at = seen(crm)
            crm.do(UndoMerge(customer=leaves))
            assert seen(crm) == at + 1
            with pytest.raises(Rejected, match="to be the last one"):
                crm.do(AddNote(customer="shop:1", text="late"), unchanged_since=at)


def test_a_retry_of_what_was_recorded_is_its_first_outcome(database_url: str) -> None:
    with regulars.open(database_url) as crm:
        crm.do(RegisterCustomer(ref="shop:1"))
        note, at = AddNote(customer="shop:1", text="called", command_id="1"), seen(crm)
        first = crm.do(note, unchanged_since=at)
        again = crm.do(note, unchanged_since=at)
        assert (again.replayed, again.position) == (True, first.position)


def test_time_and_rules_make_another_version_at_the_same_position(database_url: str) -> None:
    clock = Clock(NOW)
    with regulars.open(database_url, currency="EUR", clock=clock) as crm:
        crm.do(RegisterCustomer(ref="shop:1"))
        crm.do(RecordPurchase(customer="shop:1", order_id="A-1", amount="50"))
        first = crm.version_of("shop:1")
        clock.now += timedelta(days=900)
        later = crm.version_of(CustomerId(crm.find("shop:1")))
        assert first.valid_from is not None
        assert later.valid_from is not None
        assert (later.position, later.generation) == (first.position, first.generation)
        assert first.valid_from <= NOW < later.valid_from <= clock.now
        text = regulars.as_toml(crm.ruleset).replace('from = "150"', 'from = "100"')
        crm.rules.publish(regulars.parse_rules(text), reason="silver from 100")
        assert crm.version_of("shop:1").generation > later.generation
