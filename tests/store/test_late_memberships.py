"""A membership that is told late is one all the same: the orders that were placed in it earn what they would have."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regulars import (
    CancelMembership,
    Command,
    EnrollMember,
    MergeCustomers,
    RecordPurchase,
    RecordReturn,
    RegisterCustomer,
    Regulars,
    VoidPurchase,
)
from shops import BEGIN, DAY, Clock, fresh_store, opened

NOW = BEGIN + 300 * DAY


def bought(day: int, amount: int, customer: str = "ada") -> RecordPurchase:
    return RecordPurchase(
        customer=customer, order_id=f"O-{day}", amount=str(amount), currency="EUR", occurred_at=BEGIN + day * DAY
    )


def enrolled(day: int) -> EnrollMember:
    return EnrollMember(customer="ada", occurred_at=BEGIN + day * DAY)


def balance(crm: Regulars, clock: Clock) -> int:
    clock.now += DAY
    return crm.points("ada").balance


def told(kind: str, postgres_url: str, commands: list[Command], *, together: bool = False) -> int:
    clock = Clock(NOW)
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        crm.do(RegisterCustomer(ref="ada", occurred_at=BEGIN))
        for some in [commands] if together else [[each] for each in commands]:
            crm.do(some)
        return balance(crm, clock)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@settings(max_examples=15)
@given(
    enrolment=st.integers(0, 60),
    orders=st.dictionaries(st.integers(0, 60), st.integers(1, 100), min_size=1, max_size=4),
    random=st.randoms(use_true_random=False),
    together=st.booleans(),
)
def test_when_a_membership_is_told_changes_no_points(
    *, kind: str, postgres_url: str, enrolment: int, orders: dict[int, int], random: Random, together: bool
) -> None:
    words: list[Command] = [enrolled(enrolment)]
    for day, amount in orders.items():
        words.append(bought(day, amount))
    random.shuffle(words)
    # Told once more after its order, as a return of an order that isn't known yet is refused.
    words += [RecordReturn(order_id=f"O-{day}", amount="1", return_id="R") for day in list(orders)[:2]]
    returned = dict.fromkeys(list(orders)[:2], 1)
    expected = sum(amount - returned.get(day, 0) for day, amount in orders.items() if day >= enrolment)
    assert told(kind, postgres_url, words, together=together) == expected


def test_what_came_back_or_never_was_earns_nothing_late(database_url: str) -> None:
    clock = Clock(NOW)
    with opened(database_url, clock) as crm:
        crm.do(RegisterCustomer(ref="ada", occurred_at=BEGIN))
        crm.do([bought(1, 10), bought(2, 80), bought(3, 50), bought(4, 30)])
        crm.do([RecordReturn(order_id="O-2", amount="20"), RecordReturn(order_id="O-3"), VoidPurchase(order_id="O-4")])
        crm.do(enrolled(2))
        assert balance(crm, clock) == 60
        assert crm.do(enrolled(2)).events == ()
        crm.do(RecordReturn(order_id="O-2"))
        assert balance(crm, clock) == 0


def test_it_is_the_membership_of_all_who_are_one(database_url: str) -> None:
    clock = Clock(NOW)
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref=who, occurred_at=BEGIN) for who in ("ada", "bob")])
        crm.do([bought(5, 40, "bob"), MergeCustomers(customer="bob", into="ada"), enrolled(1)])
        assert balance(crm, clock) == 40


def test_only_what_was_placed_since_it_went_on_earns(database_url: str) -> None:
    clock = Clock(NOW)
    with opened(database_url, clock) as crm:
        crm.do([RegisterCustomer(ref="ada", occurred_at=BEGIN), enrolled(1)])
        crm.do([CancelMembership(customer="ada", occurred_at=BEGIN + 10 * DAY), bought(12, 40), bought(20, 7)])
        crm.do(enrolled(15))
        assert balance(crm, clock) == 7
