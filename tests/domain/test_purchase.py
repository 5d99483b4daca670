"""Purchases and returns: an order counts once, and no more of it comes back than was bought."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import ValidationError

from given import Decision, given
from regulars.crm_domain.purchase import (
    CorrectPurchase,
    Line,
    OrderLine,
    PurchaseRecorded,
    PurchaseReported,
    PurchaseRestored,
    PurchaseVoided,
    ReassignPurchase,
    RecordPurchase,
    RecordReturn,
    RestorePurchase,
    ReturnedTotalRecorded,
    ReturnRecorded,
    Voiding,
    VoidPurchase,
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


# ------------------------------------------------------------------------------------------------------- corrections


def voided(amount: int = 5990, number: int = 1, cause: Voiding = "void") -> PurchaseVoided:
    return PurchaseVoided(order_id="A-1", number=number, amount=amount, currency="EUR", cause=cause)


def reported(amount: int, source: str | None = "shop", **fields: object) -> PurchaseReported:
    return PurchaseReported(order_id="A-1", amount=amount, currency="EUR", source=source, **fields)  # type: ignore[arg-type]


def returned_in_all(amount: int) -> ReturnedTotalRecorded:
    return ReturnedTotalRecorded(order_id="A-1", returned_so_far=amount, currency="EUR")


VOID, RESTORE = VoidPurchase(order_id="A-1"), RestorePurchase(order_id="A-1")


def test_what_never_was_is_voided_once() -> None:
    given(ordered()).when(VOID).then(voided())
    given(ordered(), voided()).when(VOID).then_nothing()
    given().when(VOID).then_rejected("unknown_order")


def test_only_a_void_is_taken_back() -> None:
    given(ordered(), voided()).when(RESTORE).then(PurchaseRestored(order_id="A-1", number=1))
    given(ordered()).when(RESTORE).then_nothing()


def test_a_voided_order_is_neither_corrected_nor_reassigned() -> None:
    for wish in (CorrectPurchase(order_id="A-1", amount="5"), ReassignPurchase(order_id="A-1", to="shop:2")):
        given(ordered(), voided()).when(wish).then_rejected("order_voided")


def test_the_id_of_a_voided_order_stays_taken() -> None:
    given(ordered(), voided()).when(order()).then_nothing()
    given(ordered(), voided()).when(order("20.00")).then_rejected("order_id_taken")


def test_a_correction_to_what_it_is_changes_nothing() -> None:
    given(ordered()).when(CorrectPurchase(order_id="A-1", amount="59.90")).then_nothing()
    given(ordered()).when(CorrectPurchase(order_id="A-1", amount="49.90")).then(voided(cause="correction"))


def test_an_order_was_of_no_less_than_what_came_back() -> None:
    lower, same = (CorrectPurchase(order_id="A-1", amount=amount) for amount in ("19.99", "20.00"))
    for returned in (came_back(2000), returned_in_all(2000)):
        given(ordered(), returned).when(lower).then_rejected("below_returned")
        given(ordered(), returned).when(same).then(voided(cause="correction"))


def test_a_correction_corrects_something() -> None:
    with pytest.raises(ValidationError, match="at least one of amount, lines, channel, bought_at and coupon"):
        CorrectPurchase(order_id="A-1")


def test_what_a_source_says_otherwise_corrects_and_what_it_says_again_does_not() -> None:
    by_shop = ordered(source="shop")
    given(by_shop).when(order(source="shop")).then_nothing()
    given(by_shop).when(order("49.90", source="shop")).then(reported(4990), voided(cause="correction"))
    given(by_shop).when(order("49.90", source="till")).then_rejected("order_id_taken")
    given(by_shop).when(order(source="till")).then(reported(5990, "till"))
    given(by_shop, voided()).when(order(source="shop")).then_nothing()
    given(by_shop, voided()).when(order("49.90", source="shop")).then(reported(4990))


def test_a_source_that_says_less_than_what_came_back_is_refused() -> None:
    given(ordered(source="shop"), came_back(5000)).when(order("49.90", source="shop")).then_rejected("below_returned")


def test_a_source_that_says_what_was_corrected_by_hand_changes_nothing_more() -> None:
    anew = ordered(4990, number=2)
    given(anew, reported(5990)).when(order(source="shop")).then_nothing()
    given(anew, reported(5990)).when(order("49.90", source="shop")).then(reported(4990))


def test_what_came_back_so_far_is_a_reading() -> None:
    def so_far(amount: str, **fields: object) -> RecordReturn:
        return RecordReturn.model_validate({"order_id": "A-1", "returned_so_far": amount, **fields})

    given(ordered()).when(so_far("20.00")).then(returned_in_all(2000))
    given(ordered(), returned_in_all(2000)).when(so_far("20.00")).then_nothing()
    given(ordered(), came_back(2000)).when(so_far("20.00")).then_nothing()
    given(ordered(), returned_in_all(2000)).when(so_far("0")).then(returned_in_all(0))
    given(ordered()).when(so_far("59.91")).then_rejected("exceeds_purchase")
    given(ordered(), returned_in_all(5000)).when(send_back("9.91")).then_rejected("exceeds_purchase")
    given(ordered(), came_back(5000), returned_in_all(2000)).when(send_back("39.90")).then(
        ReturnRecorded(order_id="A-1", amount=3990, currency="EUR")
    )
    with pytest.raises(ValidationError, match="or by returned_so_far alone"):
        RecordReturn(order_id="A-1", amount="1", returned_so_far="1")
