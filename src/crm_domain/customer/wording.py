"""How what happened to a customer is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from regulars.crm_domain.customer.decider import (
    PERSON,
    AccountClosed,
    AccountReopened,
    AccountStatus,
    CancellationRequested,
    CancellationWithdrawn,
    ChurnReasonRecorded,
    ConsentGiven,
    ConsentWithdrawn,
    ContactDetailsChanged,
    Customer,
    CustomerEvent,
    CustomerMerged,
    CustomerRegistered,
    CustomerTagged,
    CustomerUntagged,
    DismissalUndone,
    DuplicateDismissed,
    EmploymentEnded,
    EmploymentRecorded,
    EmploymentVoided,
    KindChanged,
    LeadDisqualified,
    LeadQualified,
    MergeUndone,
    OwnerAssigned,
    PersonalDataErased,
    PreferenceRecorded,
    ReferralMade,
)
from regulars.crm_domain.customer.employment import EVER, STILL, Spell
from regulars.crm_domain.wording import Field, Wording, listed, plain_fields

_CALLED = {"email": "e-mail", "phone": "phone number", "name": "name", "birthday": "birthday", "locale": "language"}


def what(event: CustomerEvent) -> str:
    """What happened to a customer, in a few words."""
    match event:
        case CustomerRegistered():
            return "registered" if event.kind == PERSON else "registered as a firm"
        case ContactDetailsChanged(changed=changed):
            return f"{', '.join(changed)} changed"
        case KindChanged(kind=kind):
            return f"now a {kind}"
        case EmploymentRecorded(since=since, until=until):
            return f"works for a firm{_days(since, until)}"
        case EmploymentEnded(until=until):
            return f"last day at a firm on {until}"
        case EmploymentVoided(since=since, until=until):
            return f"didn't work for a firm{_days(since, until)}"
        case LeadQualified(opportunity_id=opportunity_id):
            return f"lead qualified{_for(opportunity_id)}"
        case LeadDisqualified(reason=reason):
            return f"lead disqualified: {reason}"
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
        case DuplicateDismissed():
            return "not the same as another customer"
        case DismissalUndone():
            return "maybe the same as another customer after all"


def _for(opportunity_id: str | None) -> str:
    return "" if opportunity_id is None else f" for opportunity {opportunity_id}"


def deed(event: CustomerEvent, who: str, other: str) -> str:
    """What happened to a customer, as somebody did it."""
    match event:
        case CustomerRegistered():
            return f"registered {who}" if event.kind == PERSON else f"registered {who} as a firm"
        case ContactDetailsChanged(changed=changed):
            return f"changed the {listed([_CALLED.get(field, field) for field in changed])} of {who}"
        case KindChanged(kind=kind):
            return f"recorded that {who} is a {kind}"
        case EmploymentRecorded(since=since, until=until):
            return f"recorded that {who} works for {other}{_days(since, until)}"
        case EmploymentEnded(until=until):
            return f"recorded that the last day of {who} at {other} was {until}"
        case EmploymentVoided(since=since, until=until):
            return f"recorded that {who} didn't work for {other}{_days(since, until)}"
        case LeadQualified(opportunity_id=opportunity_id):
            return f"qualified {who} as a lead{_for(opportunity_id)}"
        case LeadDisqualified(reason=reason):
            return f"disqualified {who} as a lead: {reason}"
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
        case DuplicateDismissed():
            return f"said that {who} and {other} are not the same"
        case DismissalUndone():
            return f"said that {who} and {other} may be the same after all"


def other_id(event: CustomerEvent) -> str | None:
    """The id of the second customer whom an event speaks of."""
    match event:
        case CustomerMerged(into_id=customer_id) | MergeUndone(into_id=customer_id):
            return customer_id
        case ReferralMade(referred_id=customer_id):
            return customer_id
        case EmploymentRecorded(firm_id=firm_id) | EmploymentEnded(firm_id=firm_id) | EmploymentVoided(firm_id=firm_id):
            return firm_id
        case DuplicateDismissed(other_id=customer_id) | DismissalUndone(other_id=customer_id):
            return customer_id
        case _:
            return None


def _days(since: date | None, until: date | None) -> str:
    """From which day to which, as far as days are named."""
    begin = "" if since is None else f" from {since} on" if until is None else f" from {since}"
    return begin if until is None else f"{begin} to {until}" if begin else f" until {until}"


def reason(event: CustomerEvent) -> str | None:
    """Why somebody was forgotten or disqualified, which is in the clear: for the one there is no key left that it could
    be under, and the other is a word to group by.
    """
    match event:
        case PersonalDataErased(cause=why) | LeadDisqualified(reason=why):
            return why
        case _:
            return None


def fields(state: Customer) -> Iterator[Field]:
    """What the audit compares of a customer."""
    yield "status", None if state.status is AccountStatus.UNKNOWN else str(state.status)
    # What a customer was registered with stands in fields of its own.
    yield from plain_fields(state, without=("status", "registration", "employments"))
    for firm_id, spells in sorted(state.employments.items()):
        yield f"works for id:{firm_id}", ", ".join(map(_spell, spells)) or None


def _spell(spell: Spell) -> str:
    since, until = (None if spell.first == EVER else spell.first), (None if spell.last == STILL else spell.last)
    return f"{spell.role or 'in some role'}{_days(since, until)}"


WORDING = Wording(what=what, deed=deed, fields=fields, other_id=other_id, reason=reason)
