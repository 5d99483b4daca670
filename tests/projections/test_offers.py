"""What became of a customer in a campaign: how far the offer came, and which one counts of merged customers."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import hypothesis
from hypothesis import strategies as st

from histories import offers, rules
from regulars.crm_domain.event import Event
from regulars.crm_domain.offer import (
    HeldOut,
    OfferAssigned,
    OfferBounced,
    OfferClicked,
    OfferNotSent,
    OfferOpened,
    OfferSending,
    OfferSent,
    OfferSkipped,
    Unsubscribed,
)
from regulars.projections.engine.fold import Folded, Happened, fold
from regulars.projections.offers import OFFERS, OfferVerdict

ONE: dict[str, Any] = {"offer_id": "0" * 16, "campaign_id": "spring"}
OTHER: dict[str, Any] = {"offer_id": "f" * 16, "campaign_id": "spring"}
#: The customer ids under which both are drawn; the smaller one is that of the larger offer id.
ONE_DRAWN, OTHER_DRAWN = ONE | {"drawn_as": "b" * 32}, OTHER | {"drawn_as": "a" * 32}


def last(*told: Event) -> OfferVerdict | None:
    """What is held of the campaign "spring" once all of some events have happened, one after the other."""
    happened = [Happened(number, number, event) for number, event in enumerate(told, 1)]
    intervals = [each for each in fold(Folded(), happened, rules(), (OFFERS,))[OFFERS.name] if each.key == "spring"]
    verdict = intervals[-1].verdict if intervals else None
    assert verdict is None or isinstance(verdict, OfferVerdict)
    return verdict


def test_an_offer_comes_as_far_as_anything_that_was_told_of_it() -> None:
    told = (OfferSent(**ONE, channel="email"), OfferOpened(**ONE), OfferClicked(**ONE))
    for some in permutations(told):
        found = last(OfferAssigned(**ONE_DRAWN), *some)
        assert found is not None
        assert (found.arm, found.state, found.channel) == ("treated", "clicked", "email")
    left = last(OfferAssigned(**ONE_DRAWN), Unsubscribed(**ONE, channel="email", purpose="news"), OfferClicked(**ONE))
    assert left is not None
    assert left.state == "unsubscribed"


def test_a_message_that_was_not_sent_counts_for_nothing_and_another_one_does() -> None:
    first, second = (OfferSending(**ONE, message_id=each) for each in ("<1@shop.example>", "<2@shop.example>"))
    wasnt = OfferNotSent(**ONE, message_id="<1@shop.example>")
    for told, state in (
        ((first,), "sending"),
        ((first, wasnt), "assigned"),
        ((wasnt, first), "assigned"),
        ((first, wasnt, second), "sending"),
        ((first, wasnt, OfferSkipped(**ONE, why="no_consent")), "skipped"),
        ((first, wasnt, OfferSent(**ONE, channel="email")), "sent"),
    ):
        found = last(OfferAssigned(**ONE_DRAWN), *told)
        assert found is not None
        assert (found.arm, found.state) == ("treated", state)


def test_what_fails_after_the_draw_stays_in_its_arm() -> None:
    found = last(OfferAssigned(**ONE_DRAWN), OfferSkipped(**ONE, why="no_consent"))
    assert found is not None
    assert (found.arm, found.state, found.why, found.drawn_at) == ("treated", "skipped", "no_consent", 1)
    bounced = last(OfferAssigned(**ONE_DRAWN), OfferBounced(**ONE, hard=True), OfferBounced(**ONE, hard=False))
    assert bounced is not None
    assert (bounced.state, bounced.hard_bounce_at) == ("bounced", 2)


def test_nothing_is_held_of_an_offer_that_nobody_drew() -> None:
    assert last(OfferSent(**ONE, channel="email")) is None


def test_of_two_that_were_drawn_the_smaller_customer_id_counts_and_one_that_was_skipped_never_does() -> None:
    for told in permutations((HeldOut(**ONE_DRAWN), OfferAssigned(**OTHER_DRAWN))):
        found = last(*told)
        assert found is not None
        assert (found.arm, found.offer_id, found.crossed) == ("treated", "f" * 16, 1)
    beside = last(OfferSkipped(**ONE, why="closed"), OfferAssigned(**OTHER_DRAWN))
    assert beside is not None
    assert (beside.arm, beside.offer_id, beside.crossed) == ("treated", "f" * 16, 0)


@hypothesis.given(st.lists(offers(), max_size=12))
def test_an_arm_is_what_was_drawn_first_whatever_is_told_later(told: list[Event]) -> None:
    """Held against a plain reading of the same events."""
    drawn, offered = dict[str, str](), dict[str, str]()
    for each in told:
        if isinstance(each, OfferAssigned | HeldOut) and each.campaign_id == "spring":
            drawn.setdefault(each.drawn_as, "treated" if isinstance(each, OfferAssigned) else "held_out")
            offered[each.drawn_as] = each.offer_id
    found = last(*told)
    if not drawn:
        assert found is None or found.arm == "skipped"
        return
    assert found is not None
    assert (found.arm, found.offer_id) == (drawn[min(drawn)], offered[min(drawn)])
    assert found.crossed == int(len({*drawn.values()}) > 1)
