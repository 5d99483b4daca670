"""Events in a few words, for people."""

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
from crm_domain.interaction import InteractionRecorded, NoteAdded, SurveyAnswered
from crm_domain.membership import (
    MembershipCancelled,
    MembershipEnrolled,
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
from crm_domain.purchase import PurchaseRecorded, ReturnRecorded
from crm_domain.rulebook import RulesPublished, RulesRolledBack
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


def describe(event: Event) -> str:
    """What happened, in a few words without anything personal."""
    match event:
        case PurchaseRecorded(order_id=order_id, amount=amount, currency=currency):
            return f"order {order_id} of {from_minor_units(amount, currency)} {currency}"
        case ReturnRecorded(order_id=order_id, amount=amount, currency=currency):
            return f"return of {from_minor_units(amount, currency)} {currency} on order {order_id}"
        case InteractionRecorded(channel=channel, direction=direction):
            return f"{direction} {channel}"
        case SurveyAnswered(survey=survey, score=score):
            return f"{survey.upper()} answer {score}"
        case NoteAdded():
            return "note added"
        case CustomerRegistered():
            return "registered"
        case ContactDetailsChanged(changed=changed):
            return f"{', '.join(changed)} changed"
        case LeadQualified():
            return "lead qualified"
        case PreferenceRecorded(key=key):
            return f"preference {key}"
        case CustomerTagged(label=label):
            return f"tagged {label}"
        case CustomerUntagged(label=label):
            return f"tag {label} taken off"
        case OwnerAssigned(owner=owner):
            return f"now looked after by {owner}"
        case ConsentGiven(channel=channel, purpose=purpose):
            return f"consent to {purpose} by {channel}"
        case ConsentWithdrawn(channel=channel, purpose=purpose):
            return f"no more consent to {purpose} by {channel}"
        case ReferralMade():
            return "brought another customer"
        case ChurnReasonRecorded(cause=cause):
            return f"reason for leaving: {cause}"
        case CancellationRequested():
            return "asked to cancel"
        case CancellationWithdrawn():
            return "stays after all"
        case AccountClosed():
            return "account closed"
        case AccountReopened():
            return "account reopened"
        case PersonalDataErased():
            return "forgotten"
        case CustomerMerged():
            return "merged into another customer"
        case MergeUndone():
            return "told apart from another customer again"
        case MembershipEnrolled(program=program):
            return "membership begun" if program is None else f"membership in {program} begun"
        case MembershipSuspended():
            return "membership suspended"
        case MembershipResumed():
            return "membership resumed"
        case MembershipCancelled():
            return "membership cancelled"
        case PointsEarned(points=points, order_id=order_id):
            return f"{say_points(points)} earned on order {order_id}"
        case PointsRedeemed(points=points, redemption_id=redemption_id):
            return f"{say_points(points)} redeemed ({redemption_id})"
        case RedemptionCancelled(redemption_id=redemption_id):
            return f"redemption {redemption_id} cancelled"
        case PointsReversed(points=points, order_id=order_id):
            return f"{say_points(points)} taken back on order {order_id}"
        case PointsAdjusted(points=points):
            return f"{say_points(abs(points))} {'added' if points > 0 else 'removed'} by hand"
        case TierOverrideGranted(tier=tier):
            return f"tier {tier} given by hand"
        case TierOverrideLifted():
            return "tier given by hand lifted"
        case RulesPublished(digest=digest):
            return f"rules {short(digest)} published"
        case RulesRolledBack(digest=digest):
            return f"back to rules {short(digest)}"
        case _ if isinstance(event, TicketEvent):
            return f"ticket {event.ticket_id} {_ticket(event)}"
        case _:
            return type(event).__name__


def say_points(points: int) -> str:
    """So many points, in words."""
    return "1 point" if points == 1 else f"{points} points"


def short(digest: str) -> str:
    """As much of a ruleset's digest as people need to tell it from others."""
    return digest[:12]


def _ticket(event: TicketEvent) -> str:
    match event:
        case TicketOpened(priority=priority, follows=follows):
            return f"opened as {priority}" if follows is None else f"opened as {priority}, following {follows}"
        case TicketClassified(topic=topic, complaint=complaint):
            return f"classified as {topic}, a complaint" if complaint else f"classified as {topic}"
        case TicketPriorityChanged(priority=priority):
            return f"now {priority}"
        case TicketAssigned(agent=agent):
            return f"assigned to {agent}"
        case AgentReplied():
            return "answered"
        case CustomerReplied():
            return "replied to by the customer"
        case TicketAwaitingCustomer():
            return "awaits the customer"
        case TicketPutOnHold():
            return "put on hold"
        case TicketResumed():
            return "resumed"
        case TicketEscalated(level=level):
            return f"escalated to level {level}"
        case TicketResolved():
            return "resolved"
        case TicketReopened():
            return "reopened"
        case TicketClosed():
            return "closed"
        case TicketRated(score=score):
            return f"rated {score} of 5"
