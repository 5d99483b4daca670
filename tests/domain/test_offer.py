"""Offers: the invariants of their stream."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from given import given
from regulars.crm_domain.command import Command, CustomerId
from regulars.crm_domain.event import Event
from regulars.crm_domain.offer import (
    AssignOffer,
    HeldOut,
    HoldOut,
    OfferAssigned,
    OfferBounced,
    OfferClicked,
    OfferNotSent,
    OfferOpened,
    OfferSending,
    OfferSent,
    OfferSkipped,
    RecordOfferBounced,
    RecordOfferClicked,
    RecordOfferNotSent,
    RecordOfferOpened,
    RecordOfferSending,
    RecordOfferSent,
    RecordUnsubscribed,
    SkipOffer,
    Unsubscribed,
)

ID = "0123456789abcdef"
OF: dict[str, Any] = {"offer_id": ID, "campaign_id": "spring"}
WHO = CustomerId("5b0c1f9e7d1a4c3e8f60a2b4c6d8e0f1")
DRAWN = {"customer": WHO, **OF}
ASSIGNED, HELD_OUT = OfferAssigned(**OF, drawn_as=str(WHO)), HeldOut(**OF, drawn_as=str(WHO))
SKIPPED = OfferSkipped(**OF, why="no_consent")
SENDING = OfferSending(**OF, message_id="<1@shop.example>")
NOT_SENT = OfferNotSent(**OF, message_id="<1@shop.example>")
SENT = OfferSent(**OF, channel="email")
LATER = datetime(2026, 2, 1, tzinfo=UTC)

#: What happens outside, told by a command, and the event that it leads to.
OUTSIDE: list[tuple[Command, Event]] = [
    (RecordOfferSent(offer_id=ID, channel="email"), SENT),
    (RecordOfferOpened(offer_id=ID), OfferOpened(**OF)),
    (RecordOfferClicked(offer_id=ID), OfferClicked(**OF)),
    (RecordOfferBounced(offer_id=ID, hard=True), OfferBounced(**OF, hard=True)),
    (
        RecordUnsubscribed(offer_id=ID, channel="email", purpose="news"),
        Unsubscribed(**OF, channel="email", purpose="news"),
    ),
]


def test_the_draw_decides_once() -> None:
    given().when(AssignOffer(**DRAWN)).then(ASSIGNED)
    given().when(HoldOut(**DRAWN)).then(HELD_OUT)
    given(ASSIGNED).when(AssignOffer(**DRAWN)).then_nothing()
    given(ASSIGNED).when(HoldOut(**DRAWN)).then_rejected("offer_drawn")
    given(SKIPPED).when(AssignOffer(**DRAWN)).then_rejected("offer_drawn")


def test_an_offer_id_is_of_one_campaign_and_looks_like_one() -> None:
    given(ASSIGNED).when(AssignOffer(customer="shop:1", offer_id=ID, campaign_id="summer")).then_rejected(
        "offer_of_another_campaign"
    )
    with pytest.raises(ValidationError):
        AssignOffer(customer="shop:1", offer_id="spring-1", campaign_id="spring")


def test_who_fails_a_gate_is_skipped_before_the_draw_or_later_and_the_first_reason_counts() -> None:
    given().when(SkipOffer(**DRAWN, why="no_consent")).then(SKIPPED)
    given(ASSIGNED).when(SkipOffer(**DRAWN, why="no_consent")).then(SKIPPED)
    given(ASSIGNED, SKIPPED).when(SkipOffer(**DRAWN, why="closed")).then_nothing()
    given(HELD_OUT).when(SkipOffer(**DRAWN, why="closed")).then_rejected("offer_held_out")
    given(ASSIGNED, SENDING).when(SkipOffer(**DRAWN, why="closed")).then_rejected("offer_sent")


def test_one_message_is_sent_and_in_doubt_none() -> None:
    sending = RecordOfferSending(offer_id=ID, message_id="<1@shop.example>")
    given(ASSIGNED).when(sending).then(SENDING)
    given(ASSIGNED, SENDING).when(sending).then_nothing()
    other = RecordOfferSending(offer_id=ID, message_id="<2@shop.example>")
    for before in ((ASSIGNED, SENDING), (ASSIGNED, SENT)):
        given(*before).when(other).then_rejected("offer_sent")
    given(HELD_OUT).when(sending).then_rejected("offer_held_out")
    given(ASSIGNED, SKIPPED).when(sending).then_rejected("offer_skipped")


def test_what_is_in_doubt_is_settled_either_way_and_sent_again_only_where_it_was_not_sent() -> None:
    wasnt = RecordOfferNotSent(offer_id=ID)
    given(ASSIGNED, SENDING).when(wasnt).then(NOT_SENT)
    given(ASSIGNED, SENDING, NOT_SENT).when(wasnt).then_nothing()
    given(ASSIGNED).when(wasnt).then_rejected("offer_not_in_doubt")
    again = RecordOfferSending(offer_id=ID, message_id="<2@shop.example>")
    second = OfferSending(**OF, message_id="<2@shop.example>")
    given(ASSIGNED, SENDING, NOT_SENT).when(again).then(second)
    given(ASSIGNED, SENDING, NOT_SENT, second).when(wasnt).then(OfferNotSent(**OF, message_id="<2@shop.example>"))
    given(ASSIGNED, SENDING, NOT_SENT).when(SkipOffer(**DRAWN, why="no_consent")).then(SKIPPED)
    late = RecordOfferSending(offer_id=ID, message_id="<1@shop.example>")
    given(ASSIGNED, SENDING, NOT_SENT).when(late).then_rejected("message_not_sent")
    given(ASSIGNED, SENDING, NOT_SENT).when(RecordOfferSent(offer_id=ID, channel="email")).then(SENT)


@pytest.mark.parametrize("event", [each for _, each in OUTSIDE])
def test_what_something_came_of_was_sent(event: Event) -> None:
    given(ASSIGNED, SENDING, event).when(RecordOfferNotSent(offer_id=ID)).then_rejected("offer_sent")


@pytest.mark.parametrize(("command", "event"), OUTSIDE)
@pytest.mark.parametrize("arm", [ASSIGNED, HELD_OUT, SKIPPED])
def test_what_happened_outside_is_never_refused(command: Command, event: Event, arm: Event) -> None:
    given(arm).when(command).then(event)
    given(arm, event).when(command).then_nothing()
    given(arm, event).when(command.model_copy(update={"occurred_at": LATER})).then(event)


@pytest.mark.parametrize("command", [each for each, _ in OUTSIDE])
def test_nothing_is_told_of_an_offer_that_was_never_made(command: Command) -> None:
    given().when(command).then_rejected("unknown_offer")


def test_that_it_bounced_for_good_says_more_than_that_it_bounced() -> None:
    soft, hard = (OfferBounced(**OF, hard=each) for each in (False, True))
    given(ASSIGNED, soft).when(RecordOfferBounced(offer_id=ID, hard=True)).then(hard)
    given(ASSIGNED, hard).when(RecordOfferBounced(offer_id=ID, hard=False)).then_nothing()
