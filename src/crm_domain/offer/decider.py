"""An offer: what became of one customer in one campaign. One stream for each of both.

1. An offer id names one customer in one campaign. It is a keyed hash of both, so it can't be guessed, and may stand in
   a link.
2. At the launch they are treated, held out, or skipped before the draw. That is decided once, and never changed: what
   fails later leaves them in their arm.
3. Who is treated is skipped later at most before anything was sent, and the first reason counts.
4. It is being sent once: only to who is treated and neither skipped nor sent to, so that two senders send one message.
   In doubt it is not sent again, unless somebody knows that it wasn't: that settles the one message that was in doubt,
   whose id is never used again, and the offer may be sent as another.
5. What happened outside is never refused: that it was sent, also to somebody who is held out, that it was opened,
   clicked, bounced, or that somebody unsubscribed. Told with its time it is written down; told without a time, what is
   so already changes nothing.

That the campaign is there, and is launched in the same transaction, is looked up as the event is kept.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct
from msgspec.structs import replace
from pydantic import Field, StringConstraints

from regulars.crm_domain.chronology import Chronology
from regulars.crm_domain.command import Channel, Command, Context, Decider, Label, Who
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event
from regulars.crm_domain.persistent_map import PersistentMap

CATEGORY = "offer"

Arm = Literal["treated", "held_out", "skipped"]
#: Which gate somebody didn't pass: no consent for the channel and purpose, too many offers of late, no address that
#: works on the channel, a closed or forgotten account, or among those who are held out of all campaigns for a while.
WhySkipped = Literal["no_consent", "too_many", "no_address", "closed", "held_out_of_all"]

# ---------------------------------------------------------------------------------------------------------- events


class OfferAssigned(Event, frozen=True, kw_only=True, tag="OfferAssigned"):
    """The draw put them among those who are treated; `drawn_as` is the smallest id of their family then."""

    offer_id: str
    campaign_id: str
    drawn_as: str


class HeldOut(Event, frozen=True, kw_only=True, tag="HeldOut"):
    """The draw put them among those who are held out; `drawn_as` is the smallest id of their family then."""

    offer_id: str
    campaign_id: str
    drawn_as: str


class OfferSkipped(Event, frozen=True, kw_only=True, tag="OfferSkipped"):
    """They didn't pass a gate: before the draw they are in neither arm, after it they stay in theirs."""

    offer_id: str
    campaign_id: str
    why: WhySkipped


class OfferSending(Event, frozen=True, kw_only=True, tag="OfferSending"):
    """It is about to be sent as a message of this id; until it is known to be sent, it is in doubt."""

    offer_id: str
    campaign_id: str
    message_id: str


class OfferNotSent(Event, frozen=True, kw_only=True, tag="OfferNotSent"):
    """The message of this id, which was in doubt, was not sent; the offer may be sent as another one."""

    offer_id: str
    campaign_id: str
    message_id: str


class OfferSent(Event, frozen=True, kw_only=True, tag="OfferSent"):
    """It was sent."""

    offer_id: str
    campaign_id: str
    channel: Channel
    message_id: str | None = None


class OfferOpened(Event, frozen=True, kw_only=True, tag="OfferOpened"):
    """They opened it."""

    offer_id: str
    campaign_id: str


class OfferClicked(Event, frozen=True, kw_only=True, tag="OfferClicked"):
    """They followed a link in it."""

    offer_id: str
    campaign_id: str


class OfferBounced(Event, frozen=True, kw_only=True, tag="OfferBounced"):
    """It came back undelivered; after a `hard` bounce the address isn't written to again."""

    offer_id: str
    campaign_id: str
    hard: bool


class Unsubscribed(Event, frozen=True, kw_only=True, tag="Unsubscribed"):
    """They don't want to be contacted any more on a channel for a purpose."""

    offer_id: str
    campaign_id: str
    channel: Channel
    purpose: str


OfferEvent = (
    OfferAssigned
    | HeldOut
    | OfferSkipped
    | OfferSending
    | OfferNotSent
    | OfferSent
    | OfferOpened
    | OfferClicked
    | OfferBounced
    | Unsubscribed
)

# ----------------------------------------------------------------------------------------------------------- state


class Offer(Struct, frozen=True, kw_only=True):
    """What the next decision on an offer needs to know.

    `arm` is what was decided at the launch; `skipped` says why it failed, then or later, `sending` is the id of the
    message it is sent as, and `not_sent` are those of messages that weren't. `bounced` is whether it bounced hard, None
    where it didn't bounce.
    """

    campaign_id: str | None = None
    arm: Arm | None = None
    skipped: WhySkipped | None = None
    sending: str | None = None
    not_sent: PersistentMap[str, None] = PersistentMap()
    sent: OfferSent | None = None
    opened: bool = False
    clicked: bool = False
    bounced: bool | None = None
    unsubscribed: PersistentMap[tuple[str, str], None] = PersistentMap()


def evolve(state: Offer, event: OfferEvent) -> Offer:
    """The state after an event. Total: history is never argued with."""
    state = replace(state, campaign_id=event.campaign_id)
    match event:
        case OfferAssigned():
            return replace(state, arm=state.arm or "treated")
        case HeldOut():
            return replace(state, arm=state.arm or "held_out")
        case OfferSkipped(why=why):
            return replace(state, arm=state.arm or "skipped", skipped=state.skipped or why)
        case OfferSending(message_id=message_id):
            return state if message_id in state.not_sent else replace(state, sending=message_id)
        case OfferNotSent(message_id=message_id):
            sending = None if state.sending == message_id else state.sending
            return replace(state, sending=sending, not_sent=state.not_sent.put(message_id, None))
        case OfferSent():
            return replace(state, sent=state.sent or event)
        case OfferOpened():
            return replace(state, opened=True)
        case OfferClicked():
            return replace(state, clicked=True)
        case OfferBounced(hard=hard):
            return replace(state, bounced=bool(state.bounced) or hard)
        case Unsubscribed(channel=channel, purpose=purpose):
            return replace(state, unsubscribed=state.unsubscribed.put((channel, purpose), None))


# -------------------------------------------------------------------------------------------------------- commands

#: A keyed hash of a campaign and a customer: 16 hexadecimal digits.
OfferId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]


class DrawnOffer(Command):
    """What a launch decides of a customer."""

    customer: Who
    offer_id: OfferId
    campaign_id: Label


class AssignOffer(DrawnOffer):
    """Record that the draw of a campaign put a customer among the treated; `regulars campaign launch` gives it."""


class HoldOut(DrawnOffer):
    """Record that the draw of a campaign held a customer out; `regulars campaign launch` gives it."""


class SkipOffer(DrawnOffer):
    """Record that a customer didn't pass a gate; launching a campaign and sending it give it."""

    why: WhySkipped


class OfferCommand(Command):
    """A command to an offer, which knows its customer and its campaign."""

    offer_id: OfferId


class RecordOfferSending(OfferCommand):
    """Write down that an offer is about to be sent, e.g. offer_id=0123456789abcdef message_id=<1@shop.example>

    It is refused where it is being sent already, so that nothing is sent twice.
    """

    message_id: Label


class RecordOfferNotSent(OfferCommand):
    """Write down that an offer that is in doubt was not sent, e.g. offer_id=0123456789abcdef

    It is to be sent again then, as another message.
    """


class RecordOfferSent(OfferCommand):
    """Write down that an offer was sent, e.g. offer_id=0123456789abcdef channel=post"""

    channel: Channel
    message_id: Label | None = None


class RecordOfferOpened(OfferCommand):
    """Write down that a customer opened an offer, e.g. offer_id=0123456789abcdef"""


class RecordOfferClicked(OfferCommand):
    """Write down that a customer followed a link in an offer, e.g. offer_id=0123456789abcdef"""


class RecordOfferBounced(OfferCommand):
    """Write down that an offer came back, e.g. offer_id=0123456789abcdef hard=true where the address doesn't work"""

    hard: bool


class RecordUnsubscribed(OfferCommand):
    """Write down that a customer unsubscribed, e.g. offer_id=0123456789abcdef channel=email purpose=news

    Their consent for that channel and purpose is withdrawn with it.
    """

    channel: Channel
    purpose: Label = Field(description="What they no longer want to be contacted for, as consents have it.")


# ------------------------------------------------------------------------------------------------------- decisions


def draw(command: AssignOffer | HoldOut, state: Offer) -> tuple[Event, ...]:
    """Invariants 1 and 2."""
    arm: Arm = "treated" if isinstance(command, AssignOffer) else "held_out"
    _require_same(command, state)
    if state.arm == arm:
        return ()
    if state.arm is not None:
        said = state.arm.replace("_", " ")
        raise Rejected("offer_drawn", f'offer "{command.offer_id}" is {said} already, which is decided once')
    kind = OfferAssigned if arm == "treated" else HeldOut
    drawn_as = str(command.customer)
    return (kind(offer_id=command.offer_id, campaign_id=command.campaign_id, drawn_as=drawn_as),)


def skip(command: SkipOffer, state: Offer) -> tuple[Event, ...]:
    """Invariants 2 and 3."""
    _require_same(command, state)
    if state.skipped is not None and command.occurred_at is None:
        return ()
    if state.arm == "held_out":
        raise Rejected("offer_held_out", f'offer "{command.offer_id}" is held out: there is nothing to skip')
    if state.sending is not None or state.sent is not None:
        raise Rejected("offer_sent", f'offer "{command.offer_id}" was sent; it can\'t be skipped any more')
    return (OfferSkipped(offer_id=command.offer_id, campaign_id=command.campaign_id, why=command.why),)


def record_sending(command: RecordOfferSending, state: Offer) -> tuple[Event, ...]:
    """Invariant 4."""
    campaign_id = _require_known(command, state)
    if state.sending == command.message_id:
        return ()
    if state.sending is not None or state.sent is not None:
        sentence = f'offer "{command.offer_id}" is being sent already; in doubt it isn\'t sent again'
        raise Rejected("offer_sent", sentence)
    if command.message_id in state.not_sent:
        sentence = f"message \"{command.message_id}\" wasn't sent, and its id isn't used again"
        raise Rejected("message_not_sent", sentence)
    if state.arm != "treated" or state.skipped is not None:
        said = "held out" if state.arm == "held_out" else "skipped"
        raise Rejected(f"offer_{said.replace(' ', '_')}", f'offer "{command.offer_id}" is {said}: it isn\'t sent')
    return (OfferSending(offer_id=command.offer_id, campaign_id=campaign_id, message_id=command.message_id),)


def record_not_sent(command: RecordOfferNotSent, state: Offer) -> tuple[Event, ...]:
    """Invariant 4. Whatever came of it says that it was sent."""
    campaign_id = _require_known(command, state)
    if _is_known_to_be_sent(state):
        raise Rejected("offer_sent", f'offer "{command.offer_id}" was sent, by what is recorded of it')
    if state.sending is None:
        if state.not_sent:
            return ()
        raise Rejected("offer_not_in_doubt", f'offer "{command.offer_id}" isn\'t in doubt: nobody was about to send it')
    return (OfferNotSent(offer_id=command.offer_id, campaign_id=campaign_id, message_id=state.sending),)


def _is_known_to_be_sent(state: Offer) -> bool:
    came_of_it = state.opened or state.clicked or state.bounced is not None or bool(state.unsubscribed)
    return state.sent is not None or came_of_it


def record_sent(command: RecordOfferSent, state: Offer) -> tuple[Event, ...]:
    """Invariant 5."""
    campaign_id = _require_known(command, state)
    event = OfferSent(
        offer_id=command.offer_id, campaign_id=campaign_id, channel=command.channel, message_id=command.message_id
    )
    return _unless(state.sent is not None, command, event)


def record_opened(command: RecordOfferOpened, state: Offer) -> tuple[Event, ...]:
    """Invariant 5."""
    campaign_id = _require_known(command, state)
    return _unless(state.opened, command, OfferOpened(offer_id=command.offer_id, campaign_id=campaign_id))


def record_clicked(command: RecordOfferClicked, state: Offer) -> tuple[Event, ...]:
    """Invariant 5."""
    campaign_id = _require_known(command, state)
    return _unless(state.clicked, command, OfferClicked(offer_id=command.offer_id, campaign_id=campaign_id))


def record_bounced(command: RecordOfferBounced, state: Offer) -> tuple[Event, ...]:
    """Invariant 5. That it bounced hard says more than that it bounced."""
    campaign_id = _require_known(command, state)
    is_so = state.bounced is not None and (state.bounced or not command.hard)
    return _unless(is_so, command, OfferBounced(offer_id=command.offer_id, campaign_id=campaign_id, hard=command.hard))


def record_unsubscribed(command: RecordUnsubscribed, state: Offer) -> tuple[Event, ...]:
    """Invariant 5."""
    campaign_id = _require_known(command, state)
    event = Unsubscribed(
        offer_id=command.offer_id, campaign_id=campaign_id, channel=command.channel, purpose=command.purpose
    )
    return _unless((command.channel, command.purpose) in state.unsubscribed, command, event)


def _unless(is_so: bool, command: Command, event: OfferEvent) -> tuple[Event, ...]:
    return () if is_so and command.occurred_at is None else (event,)


def _require_known(command: OfferCommand, state: Offer) -> str:
    """The campaign of an offer."""
    if state.campaign_id is None or state.arm is None:
        raise Rejected("unknown_offer", f'there is no offer "{command.offer_id}"; launching a campaign makes them')
    return state.campaign_id


def _require_same(command: DrawnOffer, state: Offer) -> None:
    """Invariant 1."""
    if state.campaign_id not in (None, command.campaign_id):
        sentence = f'offer "{command.offer_id}" is one of campaign "{state.campaign_id}", not "{command.campaign_id}"'
        raise Rejected("offer_of_another_campaign", sentence)


def decide(command: Command, state: Offer, context: Context) -> tuple[Event, ...]:
    """Hand a command to its decision. Raises Rejected where an invariant would break."""
    match command:
        case AssignOffer() | HoldOut():
            return draw(command, state)
        case SkipOffer():
            return skip(command, state)
        case RecordOfferSending():
            return record_sending(command, state)
        case RecordOfferNotSent():
            return record_not_sent(command, state)
        case RecordOfferSent():
            return record_sent(command, state)
        case RecordOfferOpened():
            return record_opened(command, state)
        case RecordOfferClicked():
            return record_clicked(command, state)
        case RecordOfferBounced():
            return record_bounced(command, state)
        case RecordUnsubscribed():
            return record_unsubscribed(command, state)
        case _:
            raise TypeError(f"{type(command).__name__} is not a command to an offer")


# What the draw decided holds from the beginning: a clock that is a little off doesn't send an offer before it. What is
# decided by us, such as that it is being sent, counts whole.
CHRONOLOGY = Chronology(
    first=(OfferAssigned, HeldOut),
    words=(
        (SkipOffer, OfferSkipped),
        (RecordOfferSending, OfferSending),
        (RecordOfferNotSent, OfferNotSent),
        (RecordOfferSent, OfferSent),
        (RecordOfferOpened, OfferOpened),
        (RecordOfferClicked, OfferClicked),
        (RecordOfferBounced, OfferBounced),
        (RecordUnsubscribed, Unsubscribed),
    ),
    whole=("campaign_id", "arm", "skipped", "sending", "not_sent", "sent"),
)

OFFER = Decider(category=CATEGORY, initial=Offer(), evolve=evolve, decide=decide, chronology=CHRONOLOGY)
