"""Quotes: invariants of the decider."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from given import NOW, fold, given
from regulars.crm_domain.quote import (
    QUOTE,
    AcceptQuote,
    DeclineQuote,
    QuoteAccepted,
    QuoteDeclined,
    QuotedLine,
    QuoteLine,
    QuoteRevised,
    QuoteSent,
    ReviseQuote,
    SendQuote,
)

LAST = date(2026, 3, 31)
LINES = (QuoteLine(sku="tea", description="Green tea", quantity="2", unit_price="9.50", tax_rate="7"),)
LINE = QuotedLine(sku="tea", quantity="2", unit_price="9.5", tax_rate="7", amount=1_900)
CUP = QuotedLine(sku="cup", quantity="1", unit_price="5", tax_rate="19", amount=500)

SEND = SendQuote(customer="shop:1", quote_id="Q-1", lines=LINES, valid_until=LAST)
SENT = QuoteSent(quote_id="Q-1", at=NOW, currency="EUR", lines=(LINE,), valid_until=LAST, descriptions=("Green tea",))
REVISE = ReviseQuote(quote_id="Q-1", lines=(QuoteLine(sku="cup", unit_price="5", tax_rate="19"),), valid_until=LAST)
REVISED = QuoteRevised(quote_id="Q-1", at=NOW, revision=2, currency="EUR", lines=(CUP,), valid_until=LAST)
ACCEPT = AcceptQuote(quote_id="Q-1")
ACCEPTED = QuoteAccepted(quote_id="Q-1", at=NOW, revision=1, currency="EUR", net=1_900, tax=133, gross=2_033)
DECLINE = DeclineQuote(quote_id="Q-1", cause="price")
DECLINED = QuoteDeclined(quote_id="Q-1", at=NOW, cause="price")
EARLIER = datetime(2026, 2, 1, tzinfo=UTC)
OVER = 1_775_001_600_000_000  # 2026-04-01, midnight in UTC


def test_what_was_offered_is_written_down_and_the_same_again_changes_nothing() -> None:
    given().when(SEND).then(SENT)
    given(SENT).when(SEND).then_nothing()
    given(SENT).when(SEND.model_copy(update={"occurred_at": EARLIER})).then_nothing()


@pytest.mark.parametrize(
    "other", [{"lines": REVISE.lines}, {"prices": "gross"}, {"note": "Hello"}, {"valid_until": None}]
)
def test_the_same_id_with_other_content_is_refused(other: dict[str, Any]) -> None:
    given(SENT).when(SEND.model_copy(update=other)).then_rejected("quote_id_taken")


def test_a_revision_has_the_next_number_and_the_same_again_changes_nothing() -> None:
    given(SENT).when(REVISE).then(REVISED)
    given(SENT, REVISED).when(REVISE).then_nothing()
    again = REVISE.model_copy(update={"lines": LINES})
    third = replace(REVISED, revision=3, lines=(LINE,), descriptions=("Green tea",))
    given(SENT, REVISED).when(again).then(third)


def test_a_number_names_one_revision() -> None:
    given(SENT, REVISED).when(REVISE.model_copy(update={"revision": 2})).then_nothing()
    other = REVISE.model_copy(update={"revision": 2, "lines": LINES})
    given(SENT, REVISED).when(other).then_rejected("revision_taken")


def test_the_revision_in_force_is_the_highest_number_in_any_order_of_telling() -> None:
    third = replace(REVISED, revision=3, lines=(LINE,))
    assert fold(QUOTE, SENT, third, REVISED).revision == fold(QUOTE, SENT, REVISED, third).revision == 3


def test_a_revision_that_is_told_with_its_time_is_told_with_its_number() -> None:
    with pytest.raises(ValidationError, match="with its number"):
        ReviseQuote(quote_id="Q-1", lines=LINES, occurred_at=EARLIER)


def test_the_revision_in_force_is_accepted_as_it_stands() -> None:
    given(SENT).when(ACCEPT).then(ACCEPTED)
    given(SENT, REVISED).when(ACCEPT).then(replace(ACCEPTED, revision=2, net=500, tax=95, gross=595))


def test_what_was_superseded_or_never_sent_is_not_accepted() -> None:
    first = ACCEPT.model_copy(update={"revision": 1})
    given(SENT, REVISED).when(first).then_rejected("revision_superseded")
    given(SENT).when(ACCEPT.model_copy(update={"revision": 3})).then_rejected("unknown_revision")
    given().when(ACCEPT).then_rejected("unknown_quote")  # which an import tells again


def test_a_quote_is_accepted_up_to_the_end_of_its_last_day() -> None:
    given(SENT, now=OVER - 1).when(ACCEPT).then(replace(ACCEPTED, at=OVER - 1))
    given(SENT, now=OVER).when(ACCEPT).then_rejected("quote_expired")
    decision = given(SENT, now=OVER).when(ACCEPT)
    assert decision.sentence == 'quote "Q-1" was valid until 2026-03-31; revise it first'
    endless = replace(SENT, valid_until=None)
    given(endless, now=OVER).when(ACCEPT).then(replace(ACCEPTED, at=OVER))


def test_it_is_accepted_once_and_nothing_changes_it_afterwards() -> None:
    given(SENT, ACCEPTED).when(ACCEPT).then_nothing()
    given(SENT, REVISED, ACCEPTED).when(ACCEPT.model_copy(update={"revision": 2})).then_rejected(
        "quote_accepted_already"
    )
    given(SENT, ACCEPTED).when(REVISE).then_rejected("quote_accepted")
    given(SENT, ACCEPTED).when(DECLINE).then_rejected("quote_accepted")


def test_what_happened_before_the_acceptance_can_still_be_told() -> None:
    sent = replace(SENT, at=NOW - 90 * 86_400_000_000)
    told = REVISE.model_copy(update={"revision": 2, "occurred_at": EARLIER})
    assert given(sent, ACCEPTED).when(told).code is None


def test_what_was_declined_is_accepted_only_after_a_revision() -> None:
    given(SENT).when(DECLINE).then(DECLINED)
    given(SENT, DECLINED).when(DECLINE).then_nothing()
    given(SENT, DECLINED).when(ACCEPT).then_rejected("quote_declined")
    given(SENT, DECLINED, REVISED).when(ACCEPT).then(replace(ACCEPTED, revision=2, net=500, tax=95, gross=595))


def test_nothing_happens_before_a_quote_was_sent() -> None:
    before = {"occurred_at": EARLIER}
    given(SENT).when(ACCEPT.model_copy(update=before)).then_rejected("out_of_order")
    given(SENT).when(DECLINE.model_copy(update=before)).then_rejected("out_of_order")


def test_a_quote_has_lines_a_last_day_to_come_and_a_reason_only_for_what_is_free_of_tax() -> None:
    given().when(SEND.model_copy(update={"lines": ()})).then_rejected("no_lines")
    given().when(SEND.model_copy(update={"valid_until": date(2026, 2, 28)})).then_rejected("valid_too_short")
    given().when(SEND.model_copy(update={"exemption": "Sold abroad"})).then_rejected("nothing_exempt")
    free = (QuoteLine(sku="tea", unit_price="9.50", tax_rate="0"),)
    assert given().when(SEND.model_copy(update={"lines": free, "exemption": "Sold abroad"})).code is None
    huge = (QuoteLine(sku="tea", quantity=10**9, unit_price="10000", tax_rate="0"),)
    given().when(SEND.model_copy(update={"lines": huge})).then_rejected("invalid_amount")
    given().when(SEND.model_copy(update={"currency": "USD"})).then_rejected("other_currency")
    given(currency=None).when(SEND).then_rejected("no_currency")


WRONG: tuple[dict[str, Any], ...] = (
    {"unit_price": "-1"},
    {"unit_price": 9.5},
    {"unit_price": "1_000"},
    {"unit_price": "NaN"},
    {"quantity": "0"},
    {"quantity": "0.0000001"},
    {"tax_rate": "101"},
    {"tax_rate": "-1"},
    {"sku": None},
)


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_line_has_plain_exact_numbers_within_bounds_and_says_what_it_is(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        QuoteLine(**({"sku": "tea", "quantity": "1", "unit_price": "9.50", "tax_rate": "7"} | wrong))


def test_numbers_are_kept_exactly_and_written_in_one_way() -> None:
    lines = (QuoteLine(sku="tea", quantity=Decimal("2.50"), unit_price="0.0150", tax_rate="07.0"),)
    (event,) = given().when(SEND.model_copy(update={"lines": lines})).events
    assert isinstance(event, QuoteSent)
    assert event.lines == (QuotedLine(sku="tea", quantity="2.5", unit_price="0.015", tax_rate="7", amount=4),)


def test_a_contract_that_comes_with_an_acceptance_begins_on_a_day() -> None:
    with pytest.raises(ValidationError, match="give its start"):
        AcceptQuote(quote_id="Q-1", contract_id="C-1")
    with pytest.raises(ValidationError, match="a contract_id goes with it"):
        AcceptQuote(quote_id="Q-1", start=LAST)
