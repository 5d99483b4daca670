"""Events as sentences: who did what to whom."""

from __future__ import annotations

from crm_domain.customer import (
    AccountClosed,
    AccountReopened,
    CancellationRequested,
    CancellationWithdrawn,
    ChurnReasonRecorded,
    ConsentGiven,
    ConsentWithdrawn,
    ContactDetailsChanged,
    CustomerEvent,
    CustomerMerged,
    CustomerRegistered,
    CustomerTagged,
    CustomerUntagged,
    LeadQualified,
    MergeUndone,
    OwnerAssigned,
    PersonalDataErased,
    PreferenceRecorded,
    ReferralMade,
)
from crm_domain.event import Event
from crm_domain.interaction import InteractionEvent, InteractionRecorded, NoteAdded, SurveyAnswered
from crm_domain.membership import (
    MembershipCancelled,
    MembershipEnrolled,
    MembershipEvent,
    MembershipResumed,
    MembershipSuspended,
    PointsAdjusted,
    PointsEarned,
    PointsRedeemed,
    PointsReversed,
    RedemptionCancelled,
    TierOverrideGranted,
    TierOverrideLifted,
)
from crm_domain.money import from_minor_units
from crm_domain.purchase import PurchaseEvent, PurchaseRecorded, ReturnRecorded
from crm_domain.rulebook import RulebookEvent, RulesPublished, RulesRolledBack
from crm_domain.ticket import (
    AgentReplied,
    CustomerReplied,
    TicketAssigned,
    TicketAwaitingCustomer,
    TicketClassified,
    TicketClosed,
    TicketEscalated,
    TicketEvent,
    TicketOpened,
    TicketPriorityChanged,
    TicketPutOnHold,
    TicketRated,
    TicketReopened,
    TicketResolved,
    TicketResumed,
)
from regulars.sentences import say_points, short

_FIELDS = {"email": "e-mail", "phone": "phone number", "name": "name", "birthday": "birthday", "locale": "language"}


def narrate(event: Event, actor: str, who: str, other: str | None = None) -> str:
    """What happened as a sentence such as "Li changed the e-mail of shop:42"; nothing personal but the references.

    `other` is how the second customer is called whom an event speaks of, if it does.
    """
    return f"{actor[:1].upper()}{actor[1:]} {_deed(event, who, other or 'another customer')}"


def other_id(event: Event) -> str | None:
    """The id of the second customer whom an event speaks of."""
    match event:
        case CustomerMerged(into_id=customer_id) | MergeUndone(into_id=customer_id):
            return customer_id
        case ReferralMade(referred_id=customer_id):
            return customer_id
        case _:
            return None


def _deed(event: Event, who: str, other: str) -> str:
    # Each of these is total over its events, so a new event without a sentence is an error of types.
    if isinstance(event, CustomerEvent):
        return _customer_deed(event, who, other)
    if isinstance(event, PurchaseEvent):
        return _purchase_deed(event, who)
    if isinstance(event, InteractionEvent):
        return _interaction_deed(event, who)
    if isinstance(event, MembershipEvent):
        return _membership_deed(event, who)
    if isinstance(event, TicketEvent):
        return _ticket_deed(event, who)
    if isinstance(event, RulebookEvent):
        return _rulebook_deed(event)
    return f"recorded {type(event).__name__} for {who}"


def _customer_deed(event: CustomerEvent, who: str, other: str) -> str:
    match event:
        case CustomerRegistered():
            return f"registered {who}"
        case ContactDetailsChanged(changed=changed):
            return f"changed the {_listed([_FIELDS.get(field, field) for field in changed])} of {who}"
        case LeadQualified():
            return f"qualified {who} as a lead"
        case PreferenceRecorded(key=key):
            return f"recorded what {who} prefers for {key}"
        case CustomerTagged(label=label):
            return f"tagged {who} as {label}"
        case CustomerUntagged(label=label):
            return f"took the tag {label} off {who}"
        case OwnerAssigned(owner=owner):
            return f"gave {who} to {owner} to look after"
        case ConsentGiven(channel=channel, purpose=purpose):
            return f"recorded that {who} may be contacted by {channel} for {purpose}"
        case ConsentWithdrawn(channel=channel, purpose=purpose):
            return f"recorded that {who} may no longer be contacted by {channel} for {purpose}"
        case ReferralMade():
            return f"recorded that {who} brought {other}"
        case ChurnReasonRecorded(cause=cause):
            return f"recorded why {who} is leaving: {cause}"
        case CancellationRequested():
            return f"recorded that {who} asked to cancel"
        case CancellationWithdrawn():
            return f"recorded that {who} stays after all"
        case AccountClosed():
            return f"closed the account of {who}"
        case AccountReopened():
            return f"reopened the account of {who}"
        case PersonalDataErased():
            return f"forgot {who}"
        case CustomerMerged():
            return f"merged {who} into {other}"
        case MergeUndone():
            return f"told {who} and {other} apart again"


def _purchase_deed(event: PurchaseEvent, who: str) -> str:
    match event:
        case PurchaseRecorded(order_id=order_id, amount=amount, currency=currency):
            return f"recorded order {order_id} of {from_minor_units(amount, currency)} {currency} for {who}"
        case ReturnRecorded(order_id=order_id, amount=amount, currency=currency):
            return f"took back {from_minor_units(amount, currency)} {currency} of order {order_id} from {who}"


def _interaction_deed(event: InteractionEvent, who: str) -> str:
    match event:
        case InteractionRecorded(channel=channel, direction="inbound"):
            return f"heard from {who} by {channel}"
        case InteractionRecorded(channel=channel):
            return f"contacted {who} by {channel}"
        case SurveyAnswered(survey=survey, score=score):
            return f"recorded that {who} answered {survey.upper()} with {score}"
        case NoteAdded():
            return f"added a note on {who}"


def _membership_deed(event: MembershipEvent, who: str) -> str:
    match event:
        case MembershipEnrolled(program=program):
            return f"enrolled {who}" if program is None else f"enrolled {who} in {program}"
        case MembershipSuspended():
            return f"suspended the membership of {who}"
        case MembershipResumed():
            return f"resumed the membership of {who}"
        case MembershipCancelled():
            return f"cancelled the membership of {who}"
        case PointsEarned(points=points, order_id=order_id):
            return f"gave {who} {say_points(points)} for order {order_id}"
        case PointsRedeemed(points=points, redemption_id=redemption_id):
            return f"redeemed {say_points(points)} of {who} as {redemption_id}"
        case RedemptionCancelled(redemption_id=redemption_id):
            return f"cancelled redemption {redemption_id} of {who}"
        case PointsReversed(points=points, order_id=order_id):
            return f"took {say_points(points)} back from {who} for a return on order {order_id}"
        case PointsAdjusted(points=points) if points > 0:
            return f"gave {who} {say_points(points)} by hand"
        case PointsAdjusted(points=points):
            return f"took {say_points(-points)} from {who} by hand"
        case TierOverrideGranted(tier=tier):
            return f"gave {who} the tier {tier} by hand"
        case TierOverrideLifted():
            return f"lifted the tier that {who} was given by hand"


def _ticket_deed(event: TicketEvent, who: str) -> str:
    ticket = f"ticket {event.ticket_id}"
    match event:
        case TicketOpened(priority=priority, follows=follows, complaint=complaint):
            nature = ", a complaint" if complaint else ""
            earlier = "" if follows is None else f", following {follows}"
            return f"opened {ticket} for {who} as {priority}{nature}{earlier}"
        case TicketClassified(topic=topic, complaint=complaint):
            return f"classified {ticket} of {who} as {topic}{', a complaint' if complaint else ''}"
        case TicketPriorityChanged(priority=priority):
            return f"changed the priority of {ticket} of {who} to {priority}"
        case TicketAssigned(agent=agent):
            return f"assigned {ticket} of {who} to {agent}"
        case AgentReplied():
            return f"replied to {who} on {ticket}"
        case CustomerReplied():
            return f"recorded that {who} replied on {ticket}"
        case TicketAwaitingCustomer():
            return f"left {ticket} for {who} to answer"
        case TicketPutOnHold():
            return f"put {ticket} of {who} on hold"
        case TicketResumed():
            return f"resumed {ticket} of {who}"
        case TicketEscalated(level=level):
            return f"escalated {ticket} of {who} to level {level}"
        case TicketResolved():
            return f"resolved {ticket} of {who}"
        case TicketReopened():
            return f"reopened {ticket} of {who}"
        case TicketClosed():
            return f"closed {ticket} of {who}"
        case TicketRated(score=score):
            return f"recorded that {who} rated {ticket} with {score} of 5"


def _rulebook_deed(event: RulebookEvent) -> str:
    match event:
        case RulesPublished(digest=digest):
            return f"published rules {short(digest)}"
        case RulesRolledBack(digest=digest):
            return f"went back to rules {short(digest)}"


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
