"""The offer as a value."""

from __future__ import annotations

from typing import get_args

from regulars.crm_domain.aggregate import Addressed, Aggregate, InTheClear, addressed
from regulars.crm_domain.offer.decider import (
    OFFER,
    AssignOffer,
    HeldOut,
    HoldOut,
    OfferAssigned,
    OfferEvent,
    OfferNotSent,
    OfferSending,
    OfferSent,
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
from regulars.crm_domain.offer.examples import examples
from regulars.crm_domain.offer.wording import WORDING

AGGREGATE = Aggregate(
    decider=OFFER,
    events=get_args(OfferEvent),
    commands=(
        *(Addressed(command=each, customer="customer", key="offer_id") for each in (AssignOffer, HoldOut, SkipOffer)),
        *addressed(
            RecordOfferSending,
            RecordOfferNotSent,
            RecordOfferSent,
            RecordOfferOpened,
            RecordOfferClicked,
            RecordOfferBounced,
            RecordUnsubscribed,
            key="offer_id",
        ),
    ),
    wording=WORDING,
    examples=examples,
    in_the_clear=(
        InTheClear(
            fields=("offer_id", "campaign_id"),
            events=get_args(OfferEvent),
            why="the id of the campaign, and a keyed hash that nobody can make without the key of the store",
        ),
        InTheClear(fields=("drawn_as",), events=(OfferAssigned, HeldOut), why="a random id, which says nothing"),
        InTheClear(
            fields=("message_id",),
            events=(OfferSending, OfferNotSent, OfferSent),
            why="the id that the sender gave the message, to be found by when it bounces",
        ),
        InTheClear(fields=("purpose",), events=(Unsubscribed,), why="a word of the business, as that of a consent is"),
    ),
)
