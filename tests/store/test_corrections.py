"""Corrections of orders: what was said of them is put right at every time, and what is said again undoes nothing.

The expected values come from `Book`, a plain book of orders in which a correction writes over what stood there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st

from regulars import (
    Command,
    CorrectPurchase,
    EnrollMember,
    ErasePersonalData,
    MergeCustomers,
    NotFound,
    ReassignPurchase,
    RecordPurchase,
    RecordReturn,
    RegisterCustomer,
    Regulars,
    Rejected,
    RestorePurchase,
    UndoMerge,
    VoidPurchase,
)
from shops import BEGIN, DAY, HOUR, Clock, fresh_store, in_each_database, opened

PEOPLE = ("ada", "bob")
LATER = BEGIN + 200 * DAY


@dataclass
class Order:
    """An order as it is known now; amounts are whole units of currency. `back` is what came back in all, by its day."""

    owner: str
    amount: int
    day: int
    said: dict[str, int]
    back: dict[int, int] = field(default_factory=dict)
    void: bool = False

    def returned(self, until: int) -> int:
        days = [day for day in self.back if day <= until]
        return self.back[max(days)] if days else 0


@dataclass
class Book:
    """What a shop knows of its orders."""

    orders: dict[str, Order] = field(default_factory=dict)

    def take(self, wish: tuple[Any, ...]) -> bool:
        """Write down what is said; False where it is refused."""
        match wish:
            case ("buy", name, who, amount, source, day):
                return self._buy(name, who, amount, source, day)
            case (_, name, *_) if name not in self.orders:
                return False
        order = self.orders[wish[1]]
        match wish:
            case ("back", _, total, day):
                if total > order.amount:
                    return False
                order.back[day] = max(total, order.back.get(day, 0))  # at one instant the larger reading counts
            case ("void", _):
                order.void = True
            case ("restore", _):
                order.void = False
            case ("correct", _, amount):
                if order.void or amount < order.returned(10**6):
                    return False
                order.amount = amount
            case ("move", _, day):
                if order.void:
                    return False
                order.day = day
            case ("give", _, who):
                if order.void and order.owner != who:
                    return False
                order.owner = who
        return True

    def _buy(self, name: str, who: str, amount: int, source: str, day: int) -> bool:
        order = self.orders.get(name)
        if order is None:
            self.orders[name] = Order(who, amount, day, {source: amount})
            return True
        before = order.said.get(source)
        if before == amount:
            return True
        if not source:
            return amount == order.amount and not order.void
        if before is None and amount != order.amount:
            return False
        if before is not None and not order.void and amount < order.returned(10**6):
            return False
        order.said[source] = amount
        if before is not None and not order.void:
            order.amount = amount
        return True

    def of(self, who: str, until: int) -> tuple[int, int, int | None]:
        """Orders of somebody up to a day, what they are worth, and the day of the last."""
        theirs = [each for each in self.orders.values() if each.owner == who and not each.void and each.day <= until]
        worth = sum(each.amount - each.returned(until) for each in theirs)
        return len(theirs), worth, max((each.day for each in theirs), default=None)


def on(day: int) -> datetime:
    return BEGIN + day * DAY


def command_of(wish: tuple[Any, ...]) -> Command:
    match wish:
        case ("buy", name, who, amount, source, day):
            return RecordPurchase(
                customer=who, order_id=name, amount=str(amount), source=source or None, occurred_at=on(day)
            )
        case ("back", name, total, day):
            return RecordReturn(order_id=name, returned_so_far=str(total), occurred_at=on(day) + HOUR)
        case ("void", name):
            return VoidPurchase(order_id=name)
        case ("restore", name):
            return RestorePurchase(order_id=name)
        case ("correct", name, amount):
            return CorrectPurchase(order_id=name, amount=str(amount))
        case ("move", name, day):
            return CorrectPurchase(order_id=name, bought_at=on(day))
        case ("give", name, who):
            return ReassignPurchase(order_id=name, to=who)
    raise AssertionError(wish)


names, amounts = st.sampled_from(["A", "B"]), st.sampled_from([10, 20, 50])
sources = st.sampled_from(["", "shop", "shop", "desk"])
wishes = st.one_of(
    # What is bought is bought on one day, whatever else is said of it.
    st.tuples(st.just("buy"), names, st.just("ada"), amounts, sources, st.just(5)),
    st.tuples(st.just("back"), names, st.sampled_from([0, 10, 20]), st.integers(20, 23)),
    st.tuples(st.just("void"), names),
    st.tuples(st.just("restore"), names),
    st.tuples(st.just("correct"), names, amounts),
    st.tuples(st.just("move"), names, st.integers(1, 12)),
    st.tuples(st.just("give"), names, st.sampled_from(PEOPLE)),
)


@contextmanager
def two_members(kind: str, postgres_url: str) -> Iterator[tuple[Regulars, Clock]]:
    clock = Clock(LATER)
    with fresh_store(kind, postgres_url) as url, opened(url, clock) as crm:
        for who in PEOPLE:
            crm.do([RegisterCustomer(ref=who, occurred_at=BEGIN), EnrollMember(customer=who, occurred_at=BEGIN)])
        yield crm, clock


def told(crm: Regulars, clock: Clock, wish: tuple[Any, ...]) -> bool:
    clock.now += HOUR
    try:
        crm.do(command_of(wish))
    except Rejected:
        return False
    return True


def known_of(crm: Regulars, who: str, until: int | None = None) -> tuple[int, int, int | None]:
    shown = crm.customer(who) if until is None else crm.customer(who, as_of=on(until) + 2 * HOUR)
    last = shown.last_order_at
    return shown.orders, int(shown.net_spend), None if last is None else (last - BEGIN).days


def test_a_source_that_says_less_than_what_came_back_is_refused_whenever_that_came_back(postgres_url: str) -> None:
    with two_members("sqlite", postgres_url) as (crm, clock):
        assert told(crm, clock, ("buy", "A", "ada", 20, "shop", 5))
        assert told(crm, clock, ("back", "A", 20, 21))
        assert not told(crm, clock, ("buy", "A", "ada", 10, "shop", 5))
        assert known_of(crm, "ada") == (1, 0, 5)


def test_a_later_reading_that_says_less_counts_from_its_own_day(postgres_url: str) -> None:
    with two_members("sqlite", postgres_url) as (crm, clock):
        for wish in (
            ("buy", "A", "ada", 50, "shop", 5),
            ("back", "A", 20, 20),
            ("back", "A", 5, 22),
            ("back", "A", 8, 25),
        ):
            assert told(crm, clock, wish)
        assert [known_of(crm, "ada", day)[1] for day in (19, 20, 21, 22, 24, 25)] == [50, 30, 30, 45, 45, 42]


@in_each_database(30, st.lists(wishes, min_size=2, max_size=10))
def test_what_is_known_of_orders_is_what_was_said_last(
    kind: str, postgres_url: str, history: list[tuple[Any, ...]]
) -> None:
    book = Book()
    with two_members(kind, postgres_url) as (crm, clock):
        for wish in history:
            assert told(crm, clock, wish) == book.take(wish), wish
            for who in PEOPLE:
                assert known_of(crm, who) == book.of(who, 10**6), wish
                assert crm.points(who).balance == book.of(who, 10**6)[1]  # a point for each whole unit
        said = [(known_of(crm, who, day), crm.customer(who).risk) for who in PEOPLE for day in (0, 4, 7, 21, 30)]
        assert [each for each, _ in said] == [book.of(who, day) for who in PEOPLE for day in (0, 4, 7, 21, 30)]
        crm.projections.rebuild()
        assert said == [
            (known_of(crm, who, day), crm.customer(who).risk) for who in PEOPLE for day in (0, 4, 7, 21, 30)
        ]
        assert crm.check_records().holds


@pytest.fixture
def clock() -> Clock:
    return Clock(LATER)


@pytest.fixture
def crm(database_url: str, clock: Clock) -> Iterator[Regulars]:
    with opened(database_url, clock) as crm:
        for who in PEOPLE:
            crm.do(RegisterCustomer(ref=who, name=who.title(), occurred_at=BEGIN))
        crm.do(RecordPurchase(customer="ada", order_id="A", amount="50", source="shop", occurred_at=on(5)))
        yield crm


def test_for_a_day_on_which_a_correction_was_not_known_it_never_was(crm: Regulars, clock: Clock) -> None:
    clock.now += DAY
    before = clock.now
    clock.now += DAY
    crm.do(CorrectPurchase(order_id="A", amount="20", reason="a typing error"))
    assert crm.customer("ada", as_of=on(9)).net_spend == 20
    assert crm.customer("ada", as_of=on(9), known_at=before).net_spend == 50


def test_a_correction_is_in_the_audit_with_its_reason_and_with_old_and_new_value(crm: Regulars) -> None:
    crm.do(CorrectPurchase(order_id="A", amount="20", reason="a typing error"))
    trail = crm.audit(customer="ada", oldest_first=True)
    told = [(each.sentence, each.reason) for each in trail if each.reason]
    assert told == [
        ("Li voided order A of 50.00 EUR for ada, to correct it", "a typing error"),
        ("Li recorded order A anew of 20.00 EUR for ada", "a typing error"),
        ("Li recorded that shop says 50.00 EUR of order A for ada", "a typing error"),
    ]


def test_what_follows_from_a_correction_names_it_as_its_cause(crm: Regulars) -> None:
    crm.do(EnrollMember(customer="ada", occurred_at=on(1)))
    first, *followed = crm.do(CorrectPurchase(order_id="A", amount="20")).events
    assert {each.causation_id for each in followed if type(each.event).__name__.startswith("Purchase")} == {
        first.position
    }


def test_nothing_is_reassigned_to_the_forgotten_and_of_them_no_reason_is_taken(crm: Regulars) -> None:
    crm.do(RecordPurchase(customer="bob", order_id="B", amount="20", occurred_at=on(6)))
    bob = crm.find("bob")
    crm.do(ErasePersonalData(customer="bob", confirm=True))
    for wish in (
        ReassignPurchase(order_id="A", to=bob),
        VoidPurchase(order_id="B", reason="asked for it"),
    ):
        with pytest.raises(Rejected) as refused:
            crm.do(wish)
        assert refused.value.code == "account_erased"
    crm.do(VoidPurchase(order_id="B"))
    assert crm.customer(bob).orders == 0
    assert crm.customer("ada").orders == 1


def test_an_undone_merge_leaves_an_order_with_the_identity_that_was_named(crm: Regulars) -> None:
    crm.do(MergeCustomers(customer="bob", into="ada"))
    crm.do(ReassignPurchase(order_id="A", to="bob"))
    assert crm.customer("ada").orders == 1
    crm.do(UndoMerge(customer="bob"))
    assert [crm.customer(who).orders for who in PEOPLE] == [0, 1]


def test_an_order_that_was_reassigned_is_still_said_of_whom_its_source_names(crm: Regulars) -> None:
    crm.do(ReassignPurchase(order_id="A", to="bob"))
    crm.do(RecordPurchase(customer="ada", order_id="A", amount="70", source="shop", occurred_at=on(5)))
    assert [int(crm.customer(who).net_spend) for who in PEOPLE] == [0, 70]
    with pytest.raises(Rejected) as refused:
        crm.do(RecordPurchase(customer="bob", order_id="A", amount="71", source="desk"))
    assert refused.value.code == "order_id_taken"


def test_a_change_of_one_thing_leaves_what_was_corrected_by_hand_elsewhere(crm: Regulars) -> None:
    crm.do(CorrectPurchase(order_id="A", amount="45"))
    crm.do(RecordPurchase(customer="ada", order_id="A", amount="50", channel="web", source="shop", occurred_at=on(5)))
    assert crm.customer("ada").net_spend == 45
    crm.do(RecordPurchase(customer="ada", order_id="A", amount="60", channel="web", source="shop", occurred_at=on(5)))
    assert crm.customer("ada").net_spend == 60


def test_a_correction_said_twice_is_one(crm: Regulars) -> None:
    for wish in (CorrectPurchase(order_id="A", amount="45", bought_at=on(3)), ReassignPurchase(order_id="A", to="bob")):
        assert crm.do(wish).events != ()
        assert crm.do(wish).events == ()


def test_when_an_order_was_is_no_later_than_now(crm: Regulars, clock: Clock) -> None:
    with pytest.raises(Rejected) as refused:
        crm.do(CorrectPurchase(order_id="A", bought_at=clock.now + timedelta(days=2)))
    assert refused.value.code == "in_the_future"


def test_somebody_is_not_known_since_an_order_that_never_was(crm: Regulars) -> None:
    crm.do(RegisterCustomer(ref="eve", occurred_at=on(50)))
    crm.do(RecordPurchase(customer="eve", order_id="E", amount="5", occurred_at=on(2)))
    crm.do(RecordPurchase(customer="eve", order_id="F", amount="5", occurred_at=on(40)))
    assert crm.customer("eve", as_of=on(10)).orders == 1
    crm.do(VoidPurchase(order_id="E"))
    for _ in ("as folded in", "rebuilt"):
        with pytest.raises(NotFound):
            crm.customer("eve", as_of=on(10))
        assert crm.customer("eve", as_of=on(45)).orders == 1
        crm.projections.rebuild()
