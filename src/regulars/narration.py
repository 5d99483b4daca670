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
from regulars.sentences import describe

_FIELDS = {"email": "e-mail", "phone": "phone number", "name": "name", "birthday": "birthday", "locale": "language"}


def narrate(event: Event, actor: str, who: str) -> str:
    """What happened as a sentence such as "Li changed the e-mail of shop:42"; nothing personal but the reference."""
    return f"{actor[:1].upper()}{actor[1:]} {_deed(event, who)}"


def _deed(event: Event, who: str) -> str:
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
            return f"recorded that {who} brought another customer"
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
        case PurchaseRecorded(order_id=order_id, amount=amount, currency=currency):
            return f"recorded order {order_id} of {from_minor_units(amount, currency)} {currency} for {who}"
        case ReturnRecorded(order_id=order_id, amount=amount, currency=currency):
            return f"took back {from_minor_units(amount, currency)} {currency} of order {order_id} from {who}"
        case InteractionRecorded(channel=channel, direction="inbound"):
            return f"heard from {who} by {channel}"
        case InteractionRecorded(channel=channel):
            return f"contacted {who} by {channel}"
        case SurveyAnswered(survey=survey, score=score):
            return f"recorded that {who} answered {survey.upper()} with {score}"
        case NoteAdded():
            return f"added a note on {who}"
        case _:
            return f"recorded for {who}: {describe(event)}"


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
