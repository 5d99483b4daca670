"""Examples of what becomes of an offer, and of commands to it."""

from __future__ import annotations

from regulars.crm_domain.aggregate import Examples
from regulars.crm_domain.offer.decider import (
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

_ID = "0123456789abcdef"
_DRAWN = "5b0c1f9e7d1a4c3e8f60a2b4c6d8e0f1"
_MESSAGE = "<0123456789abcdef@shop.example>"


def examples() -> Examples:
    """Examples of what becomes of an offer, and of commands to it."""
    return Examples(
        events=(
            OfferAssigned(offer_id=_ID, campaign_id="spring", drawn_as=_DRAWN),
            HeldOut(offer_id=_ID, campaign_id="spring", drawn_as=_DRAWN),
            OfferSkipped(offer_id=_ID, campaign_id="spring", why="no_consent"),
            OfferSending(offer_id=_ID, campaign_id="spring", message_id=_MESSAGE),
            OfferNotSent(offer_id=_ID, campaign_id="spring", message_id=_MESSAGE),
            OfferSent(offer_id=_ID, campaign_id="spring", channel="email", message_id=_MESSAGE),
            OfferOpened(offer_id=_ID, campaign_id="spring"),
            OfferClicked(offer_id=_ID, campaign_id="spring"),
            OfferBounced(offer_id=_ID, campaign_id="spring", hard=True),
            Unsubscribed(offer_id=_ID, campaign_id="spring", channel="email", purpose="news"),
        ),
        commands=(
            AssignOffer(customer="shop:1", offer_id=_ID, campaign_id="spring"),
            HoldOut(customer="shop:1", offer_id=_ID, campaign_id="spring"),
            SkipOffer(customer="shop:1", offer_id=_ID, campaign_id="spring", why="no_consent"),
            RecordOfferSending(offer_id=_ID, message_id=_MESSAGE),
            RecordOfferNotSent(offer_id=_ID),
            RecordOfferSent(offer_id=_ID, channel="email", message_id=_MESSAGE),
            RecordOfferOpened(offer_id=_ID),
            RecordOfferClicked(offer_id=_ID),
            RecordOfferBounced(offer_id=_ID, hard=True),
            RecordUnsubscribed(offer_id=_ID, channel="email", purpose="news"),
        ),
    )
