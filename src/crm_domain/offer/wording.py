"""How what became of an offer is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from regulars.crm_domain.offer.decider import (
    HeldOut,
    Offer,
    OfferAssigned,
    OfferBounced,
    OfferClicked,
    OfferEvent,
    OfferNotSent,
    OfferOpened,
    OfferSending,
    OfferSent,
    OfferSkipped,
    Unsubscribed,
)
from regulars.crm_domain.wording import Field, Wording

#: Why somebody is passed over, in words.
WHY: Mapping[str, str] = MappingProxyType(
    {
        "no_consent": "no consent for its channel and purpose",
        "too_many": "too many offers of late",
        "no_address": "no address that works",
        "closed": "the account is closed, or they were forgotten",
        "held_out_of_all": "held out of all campaigns for a while",
    }
)


def what(event: OfferEvent) -> str:
    """What became of an offer, in a few words."""
    return f"campaign {event.campaign_id}: {_what(event)}"


def _what(event: OfferEvent) -> str:
    match event:
        case OfferAssigned():
            return "gets the offer, by the draw"
        case HeldOut():
            return "held out, by the draw"
        case OfferSkipped(why=why):
            return f"skipped, {WHY[why]}"
        case OfferSending():
            return "offer about to be sent"
        case OfferNotSent():
            return "offer not sent after all"
        case OfferSent(channel=channel):
            return f"offer sent by {channel}"
        case OfferOpened():
            return "offer opened"
        case OfferClicked():
            return "link in the offer followed"
        case OfferBounced(hard=hard):
            return "offer bounced, as the address doesn't work" if hard else "offer bounced"
        case Unsubscribed(channel=channel, purpose=purpose):
            return f"unsubscribed from {channel} for {purpose}"


def deed(event: OfferEvent, who: str, other: str) -> str:
    """What became of an offer, as somebody did it."""
    of = f"of campaign {event.campaign_id}"
    match event:
        case OfferAssigned():
            return f"drew {who} to get the offer {of}"
        case HeldOut():
            return f"drew {who} to be held out {of}"
        case OfferSkipped(why=why):
            return f"skipped {who} in campaign {event.campaign_id}: {WHY[why]}"
        case OfferSending():
            return f"was about to send {who} the offer {of}"
        case OfferNotSent():
            return f"recorded that the offer {of} wasn't sent to {who} after all"
        case OfferSent(channel=channel):
            return f"sent {who} the offer {of} by {channel}"
        case OfferOpened():
            return f"recorded that {who} opened the offer {of}"
        case OfferClicked():
            return f"recorded that {who} followed a link in the offer {of}"
        case OfferBounced(hard=hard):
            how = ", as the address doesn't work" if hard else ""
            return f"recorded that the offer {of} to {who} bounced{how}"
        case Unsubscribed(channel=channel, purpose=purpose):
            return f"recorded that {who} unsubscribed from {channel} for {purpose}, {of}"


def fields(state: Offer) -> Iterator[Field]:
    """What the audit compares of an offer."""
    yield "campaign", state.campaign_id
    yield "arm", None if state.arm is None else state.arm.replace("_", " ")
    yield "skipped", None if state.skipped is None else WHY[state.skipped]
    yield "message", state.sending
    yield "not sent", ", ".join(state.not_sent) or None
    yield "sent", None if state.sent is None else state.sent.channel
    yield "opened", "yes" if state.opened else None
    yield "clicked", "yes" if state.clicked else None
    yield "bounced", None if state.bounced is None else "hard" if state.bounced else "yes"
    yield "unsubscribed", ", ".join(f"{channel} for {purpose}" for channel, purpose in state.unsubscribed) or None


WORDING = Wording(what=what, deed=deed, fields=fields)
