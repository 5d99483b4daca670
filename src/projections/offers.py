"""What became of this customer in this campaign? A timeline for each campaign that drew or skipped them.

Customers who were merged are one: of several offers of one campaign the one that was drawn counts, and of two that were
drawn the one of the smaller customer id. Where the draw had put them into different arms, they have `crossed`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from regulars.crm_domain.event import Event
from regulars.crm_domain.offer import (
    CHRONOLOGY,
    Arm,
    HeldOut,
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
    WhySkipped,
)
from regulars.projections.engine.projector import Judgement, Key, Projector
from regulars.projections.facts.fact_set import FactSet
from regulars.projections.rules.compiled import Rules

VERSION = 2

OfferState = Literal[
    "assigned", "sending", "sent", "opened", "clicked", "bounced", "unsubscribed", "skipped", "held_out"
]

_HANDLES: frozenset[type[Event]] = frozenset(
    {
        OfferAssigned,
        HeldOut,
        OfferSkipped,
        OfferSending,
        OfferNotSent,
        OfferSent,
        OfferOpened,
        OfferClicked,
        OfferBounced,
        Unsubscribed,
    }
)


class OfferFacts(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What is known of one offer; `reached` is the furthest that it came, `drawn_as` the customer id in the draw.

    `sending` is the id of the message that it is sent as, and `not_sent` are those of messages that weren't.
    """

    arm: Arm | None = None
    drawn_at: int | None = None
    drawn_as: str = ""
    why: WhySkipped | None = None
    sending: str | None = None
    not_sent: tuple[str, ...] = ()
    reached: OfferState | None = None
    channel: str | None = None
    hard_bounce_at: int | None = None


class OffersMade(Struct, array_like=True):
    """A customer's offers, by campaign and then by offer id."""

    by_campaign: dict[str, dict[str, OfferFacts]] = field(default_factory=dict)


#: How far an offer comes: what was said last in this order counts, whatever was told first.
_FURTHER: tuple[OfferState, ...] = (
    "sent",
    "bounced",
    "opened",
    "clicked",
    "unsubscribed",
)


def evolve(offers: OffersMade, event: OfferEvent, at: int, position: int, identity: int) -> None:
    """Take in what became of an offer."""
    made = offers.by_campaign.setdefault(event.campaign_id, {})
    made[event.offer_id] = _after(made.get(event.offer_id, OfferFacts()), event, at)


def _after(known: OfferFacts, event: OfferEvent, at: int) -> OfferFacts:
    match event:
        case OfferAssigned(drawn_as=drawn_as):
            return _drawn(known, "treated", at, drawn_as)
        case HeldOut(drawn_as=drawn_as):
            return _drawn(known, "held_out", at, drawn_as)
        case OfferSkipped(why=why):
            return replace(known, arm=known.arm or "skipped", why=known.why or why)
        case OfferSending(message_id=message_id):
            return known if message_id in known.not_sent else replace(known, sending=message_id)
        case OfferNotSent(message_id=message_id):
            sending = None if known.sending == message_id else known.sending
            return replace(known, sending=sending, not_sent=(*known.not_sent, message_id))
        case OfferSent(channel=channel):
            return _further(replace(known, channel=known.channel or channel), "sent")
        case OfferOpened():
            return _further(known, "opened")
        case OfferClicked():
            return _further(known, "clicked")
        case OfferBounced(hard=hard):
            return _further(replace(known, hard_bounce_at=at if hard else known.hard_bounce_at), "bounced")
        case Unsubscribed():
            return _further(known, "unsubscribed")


def _drawn(known: OfferFacts, arm: Arm, at: int, drawn_as: str) -> OfferFacts:
    if known.arm in ("treated", "held_out"):
        return known
    return replace(known, arm=arm, drawn_at=at, drawn_as=drawn_as)


def _further(known: OfferFacts, state: OfferState) -> OfferFacts:
    further = known.reached is None or _FURTHER.index(state) > _FURTHER.index(known.reached)
    return replace(known, reached=state) if further else known


Crossed = Annotated[int, Meta(ge=0, lt=2)]


class OfferVerdict(Struct, frozen=True, kw_only=True, gc=False):
    """The arm that counts and how far the offer came; `why` is the gate that they didn't pass, then or later.

    `crossed` is 1 for merged customers whom the draw had put into different arms. `drawn_at` is when they were drawn,
    None where they were skipped before the draw. `channel` is that by which the offer was sent, `hard_bounce_at` the
    last instant at which any offer of theirs in the campaign bounced hard.
    """

    state: OfferState
    arm: Arm
    why: WhySkipped | None
    offer_id: str
    crossed: Crossed
    drawn_at: int | None
    channel: str | None
    hard_bounce_at: int | None


def judge(standing: None, made: dict[str, OfferFacts], rules: Rules, at: int, until: int) -> tuple[Judgement, ...]:
    """Events alone change it, so it is judged once; nothing of what was told before it was drawn."""
    known = {offer_id: each for offer_id, each in made.items() if each.arm is not None}
    return ((at, None, _verdict(known) if known else None),)


def _verdict(known: dict[str, OfferFacts]) -> OfferVerdict:
    drawn = {offer_id: each for offer_id, each in known.items() if each.arm != "skipped"}
    offer_id = min(drawn, key=lambda each: (drawn[each].drawn_as, each)) if drawn else min(known)
    counts = known[offer_id]
    assert counts.arm is not None
    bounces = [each.hard_bounce_at for each in known.values() if each.hard_bounce_at is not None]
    return OfferVerdict(
        state=_state(counts),
        arm=counts.arm,
        why=counts.why,
        offer_id=offer_id,
        crossed=int(len({each.arm for each in drawn.values()}) > 1),
        drawn_at=counts.drawn_at,
        channel=counts.channel,
        hard_bounce_at=max(bounces, default=None),
    )


def _state(counts: OfferFacts) -> OfferState:
    if counts.reached is not None:
        return counts.reached
    if counts.sending is not None:
        return "sending"
    if counts.why is not None:
        return "skipped"
    return "held_out" if counts.arm == "held_out" else "assigned"


FACTS = FactSet(
    name="offers_made",
    version=VERSION,
    beginning=OffersMade,
    handles=_HANDLES,
    order=(OfferAssigned, HeldOut, *CHRONOLOGY.order),
    evolve=evolve,
)

OFFERS = Projector(
    name="offers",
    question="What became of this customer in this campaign?",
    version=VERSION,
    facts=FACTS,
    handles=_HANDLES,
    standing=type(None),
    judges_by=(),
    judge=judge,
    verdict=OfferVerdict,
    key=Key(
        name="campaign_id",
        of=lambda event: event.campaign_id,
        facts=lambda offers, campaign_id: offers.by_campaign[campaign_id],
    ),
)
