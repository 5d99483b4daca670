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
    CustomerRegistered,
    CustomerTagged,
    CustomerUntagged,
    LeadQualified,
    OwnerAssigned,
    PersonalDataErased,
    PreferenceRecorded,
    ReferralMade,
)
from crm_domain.event import Event
from crm_domain.interaction import InteractionRecorded, NoteAdded, SurveyAnswered
from crm_domain.money import from_minor_units
from crm_domain.purchase import PurchaseRecorded, ReturnRecorded


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
        case _:
            return type(event).__name__
