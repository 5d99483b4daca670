"""Purchases and returns: an order counts once, and no more of it comes back than was bought."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import ValidationError

from given import Decision, given
from regulars.crm_domain.purchase import (
    Line,
    OrderLine,
    PurchaseRecorded,
    RecordPurchase,
    RecordReturn,
    ReturnRecorded,
)


def order(amount: str = "59.90", **fields: object) -> RecordPurchase:
    return RecordPurchase.model_validate({"customer": "shop:1", "order_id": "A-1", "amount": amount, **fields})


def ordered(amount: int = 5990, **fields: object) -> PurchaseRecorded:
    return PurchaseRecorded(order_id="A-1", amount=amount, currency="EUR", **fields)


def send_back(amount: str | None = None, **fields: object) -> RecordReturn:
    return RecordReturn.model_validate({"order_id": "A-1", "amount": amount, **fields})


def came_back(amount: int, return_id: str = "R-1") -> ReturnRecorded:
    return ReturnRecorded(order_id="A-1", return_id=return_id, amount=amount, currency="EUR")


def worth(taken: Decision) -> list[int]:
    """What came back, whatever the returns are called."""
    assert taken.code is None, taken.sentence
    return [event.amount for event in taken.events if isinstance(event, ReturnRecorded)]


# ------------------------------------------------------------------------------------------------------ 1. order ids


def test_a_purchase_is_recorded() -> None:
    given().when(order()).then(ordered())


def test_a_purchase_keeps_its_lines_and_channel() -> None:
    command = order(
        lines=[{"sku": "tea", "quantity": 2, "amount": "40"}, {"sku": "gift wrap"}],
        channel="web",
    )
    lines = (Line(sku="tea", quantity=2, amount=4000), Line(sku="gift wrap", quantity=1))
    given().when(command).then(ordered(lines=lines, channel="web"))


def test_a_purchase_of_nothing_is_a_purchase() -> None:
    given().when(order("0.00")).then(ordered(0))


@pytest.mark.parametrize("amount", ["59.90", "59.9", "5.99E+1"])
def test_the_same_order_with_the_same_content_changes_nothing(amount: str) -> None:
    given(ordered()).when(order(amount)).then_nothing()


def test_the_same_order_changes_nothing_after_a_return_either() -> None:
    given(ordered(), came_back(5990)).when(order()).then_nothing()


@pytest.mark.parametrize(
    "other",
    [order("59.91"), order(lines=[{"sku": "tea"}]), order(channel="web")],
    ids=["amount", "lines", "channel"],
)
def test_the_same_order_with_other_content_is_refused(other: RecordPurchase) -> None:
    given(ordered()).when(other).then_rejected("order_id_taken")


# -------------------------------------------------------------------------------------------------------- 2. amounts


@pytest.mark.parametrize("amount", ["-0.01", "0.001", "10000000000.01"])
def test_an_amount_that_is_none_is_refused(amount: str) -> None:
    given().when(order(amount)).then_rejected("invalid_amount")
    given().when(order("1", lines=[{"sku": "tea", "amount": amount}])).then_rejected("invalid_amount")
    given(ordered()).when(send_back(amount)).then_rejected("invalid_amount")


def test_the_currency_of_the_store_is_meant_where_none_is_named() -> None:
    event = PurchaseRecorded(order_id="A-1", amount=1200, currency="JPY")
    given(currency="JPY").when(order("1200")).then(event)


def test_the_first_amount_may_name_the_currency_of_the_store() -> None:
    event = PurchaseRecorded(order_id="A-1", amount=1234, currency="KWD")
    given(currency=None).when(order("1.234", currency="KWD")).then(event)


def test_an_amount_in_no_currency_is_refused() -> None:
    given(currency=None).when(order()).then_rejected("no_currency")


def test_an_amount_in_another_currency_is_refused() -> None:
    given().when(order(currency="USD")).then_rejected("other_currency")
    given(ordered()).when(send_back("1", currency="USD")).then_rejected("other_currency")
    given(ordered()).when(send_back(currency="USD")).then_rejected("other_currency")


def test_what_comes_back_has_the_currency_it_was_bought_in() -> None:
    given(ordered(), currency=None).when(send_back("1", currency="USD")).then_rejected("other_currency")


def test_a_currency_that_nobody_knows_is_refused() -> None:
    given(currency=None).when(order(currency="XXX")).then_rejected("unknown_currency")


# -------------------------------------------------------------------------------------------------------- 3. returns


def test_part_of_an_order_can_come_back() -> None:
    given(ordered()).when(send_back("20", return_id="R-1")).then(came_back(2000, "R-1"))


def test_all_of_an_order_can_come_back() -> None:
    given(ordered()).when(send_back("59.90", return_id="R-1")).then(came_back(5990, "R-1"))
    given(ordered(), came_back(2000)).when(send_back("39.90", return_id="R-2")).then(came_back(3990, "R-2"))


def test_without_an_amount_all_that_is_left_comes_back() -> None:
    given(ordered()).when(send_back(return_id="R-1")).then(came_back(5990, "R-1"))
    given(ordered(), came_back(2000)).when(send_back(return_id="R-2")).then(came_back(3990, "R-2"))


def test_no_more_comes_back_than_was_bought() -> None:
    given(ordered()).when(send_back("59.91")).then_rejected("exceeds_purchase")
    given(ordered(), came_back(2000)).when(send_back("39.91")).then_rejected("exceeds_purchase")


def test_of_an_order_that_came_back_whole_nothing_more_does() -> None:
    given(ordered(), came_back(5990)).when(send_back("0.01")).then_rejected("exceeds_purchase")


def test_of_an_order_that_came_back_more_than_whole_nothing_more_does() -> None:
    assert given(ordered(), came_back(6000)).when(send_back()).events == ()
    assert given(ordered(), came_back(6000)).when(send_back(return_id="R-2")).events == ()


def test_a_return_of_nothing_is_none() -> None:
    given(ordered()).when(send_back("0")).then_rejected("exceeds_purchase")


def test_of_an_order_that_nobody_made_nothing_comes_back() -> None:
    given().when(send_back("1")).then_rejected("unknown_order")
    given().when(send_back()).then_rejected("unknown_order")


# ----------------------------------------------------------------------------------------------------- 4. return ids


@pytest.mark.parametrize("amount", ["20", "20.00", None])
def test_the_same_return_twice_changes_nothing(amount: str | None) -> None:
    given(ordered(), came_back(2000, "R-1")).when(send_back(amount, return_id="R-1")).then_nothing()


def test_the_same_return_twice_changes_nothing_where_nothing_is_left() -> None:
    given(ordered(), came_back(5990, "R-1")).when(send_back("59.90", return_id="R-1")).then_nothing()
    given(ordered(), came_back(5990, "R-1")).when(send_back(return_id="R-1")).then_nothing()


def test_the_same_return_with_another_amount_is_refused() -> None:
    given(ordered(), came_back(2000, "R-1")).when(send_back("20.01", return_id="R-1")).then_rejected("return_id_taken")


def test_sending_all_back_twice_changes_nothing() -> None:
    given(ordered(), came_back(5990)).when(send_back()).then_nothing()


def test_a_return_without_an_id_is_a_return_of_its_own() -> None:
    assert worth(given(ordered()).when(send_back("20"))) == [2000]
    first = given(ordered()).when(send_back("20")).events
    assert worth(given(ordered(), *first).when(send_back("20"))) == [2000]


def test_a_return_without_an_id_may_be_all_that_is_left() -> None:
    first = given(ordered()).when(send_back("20")).events
    assert worth(given(ordered(), *first).when(send_back())) == [3990]


@pytest.mark.parametrize("outside_id", ["1", "2", "3"])
def test_a_return_without_an_id_is_never_taken_for_one_with_an_id(outside_id: str) -> None:
    assert worth(given(ordered(), came_back(2000, outside_id)).when(send_back("20"))) == [2000]


@pytest.mark.parametrize("outside_id", ["1", "2", "3"])
def test_a_return_with_an_id_is_never_taken_for_one_without(outside_id: str) -> None:
    first = given(ordered()).when(send_back("20")).events
    assert worth(given(ordered(), *first).when(send_back("20", return_id=outside_id))) == [2000]


# ---------------------------------------------------------------------------------------------------- for any history

returns = st.builds(
    RecordReturn,
    order_id=st.just("A-1"),
    amount=st.none() | st.decimals("0.01", "30", places=2),
    return_id=st.none() | st.sampled_from(["1", "2", "R-1", "R-2"]),
)


@hypothesis.given(st.integers(0, 6000), st.lists(returns, max_size=12))
def test_however_much_is_sent_back_it_is_never_more_than_was_bought(bought: int, wishes: list[RecordReturn]) -> None:
    history, left, ids = [ordered(bought)], bought, set()
    for wish in wishes:
        for event in given(*history).when(wish).events:
            assert isinstance(event, ReturnRecorded)
            assert 0 < event.amount <= left
            assert wish.return_id is None or wish.return_id == event.return_id
            assert wish.return_id not in ids - {None}
            ids.add(wish.return_id)
            left -= event.amount
            history.append(event)


@hypothesis.given(st.lists(returns, max_size=12))
def test_a_return_without_an_id_that_fits_is_never_lost(wishes: list[RecordReturn]) -> None:
    history, left = [ordered(6000)], 6000
    for wish in wishes:
        taken = given(*history).when(wish)
        if wish.return_id is None and wish.amount is not None and wish.amount * 100 <= left:
            assert worth(taken) == [wish.amount * 100]
        left -= sum(event.amount for event in taken.events)
        history.extend(taken.events)


# ---------------------------------------------------------------------------------------------------------- the door


@pytest.mark.parametrize("quantity", [0, -1, 1_000_001, "two"])
def test_a_line_has_one_to_a_million_pieces(quantity: object) -> None:
    with pytest.raises(ValidationError):
        OrderLine.model_validate({"sku": "tea", "quantity": quantity})


def test_an_order_has_at_most_a_thousand_lines() -> None:
    lines = [{"sku": "tea"}] * 1000
    assert len(order(lines=lines).lines) == 1000
    with pytest.raises(ValidationError):
        order(lines=[*lines, {"sku": "tea"}])


@pytest.mark.parametrize("currency", ["eur", "EURO", "€", "", "EUR\n"])
def test_a_currency_is_three_capitals(currency: str) -> None:
    with pytest.raises(ValidationError):
        order(currency=currency)
