"""The customer: who they are, what they agreed to, and whether their account is open.

1. A reference names one customer for as long as that customer is remembered; registering it again with the same
   content changes nothing, with other content it is refused.
2. Only a registered customer can be spoken of.
3. An account moves as ALLOWED says: open and closed alternate, erased is final.
4. Personal data is taken only while the customer is remembered.
5. What is told with its time is written down, also where it seems to change nothing: what came between may be told
   later, and the last in time counts. Told without a time, what is so already changes nothing; but a consent, given or
   withdrawn for one channel and one purpose, is always written down.
6. A cancellation can be requested on an open account only, and withdrawn while it is requested.
7. Nobody refers themselves, and a referral counts once.
8. A customer can be merged into one other at a time, and the merge undone; what is merged is forgotten as a whole.
9. Nobody is told apart from themselves. That two were told apart keeps nobody from merging them.
10. A customer is a person, unless they are said to be a firm. The last word in time counts; one who was merged away is
    what the survivor is.
11. A person works for a firm, and for themselves nobody does. What is said speaks of days, and of each day the last
    word in time counts; what never began doesn't end.
12. Nobody is born in the future; of a year in two digits the century is that of the latest such day which isn't.

Why a customer was forgotten stays in the clear, so it must name nobody who is forgotten. That takes all that they were
ever called by, everyone who is one with them included, so it is held by whoever carries the command out. So is that
whom somebody works for is a firm.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args

from msgspec import Struct
from msgspec.structs import replace
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from regulars.crm_domain.birthday import BirthdayText, known_by, parse_birthday
from regulars.crm_domain.chronology import Chronology
from regulars.crm_domain.command import (
    Amount,
    BusinessDay,
    Channel,
    Command,
    Context,
    Day,
    Decider,
    Email,
    Label,
    Phone,
    Reference,
    Text,
    Who,
)
from regulars.crm_domain.customer.employment import EVER, STILL, Spells, ended, not_worked, worked
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event, Personal
from regulars.crm_domain.instant import SECOND, to_datetime
from regulars.crm_domain.persistent_map import PersistentMap

CATEGORY = "customer"

ContactField = Literal["name", "email", "phone", "birthday", "locale"]
CONTACT_FIELDS: tuple[ContactField, ...] = get_args(ContactField)

#: What a customer is.
Kind = Literal["person", "firm"]
PERSON: Kind = "person"
FIRM: Kind = "firm"

# ---------------------------------------------------------------------------------------------------------- events


class CustomerRegistered(Event, frozen=True, kw_only=True, tag="CustomerRegistered"):
    """The business met a customer. `source` says through what, `locale` is a language tag."""

    ref: Personal[str] = None
    name: Personal[str] = None
    email: Personal[str] = None
    phone: Personal[str] = None
    birthday: Personal[str] = None
    source: str | None = None
    locale: str | None = None
    kind: Kind = PERSON


class ContactDetailsChanged(Event, frozen=True, kw_only=True, tag="ContactDetailsChanged"):
    """`changed` lists the fields that changed; one that is listed and None was cleared."""

    changed: tuple[ContactField, ...]
    name: Personal[str] = None
    email: Personal[str] = None
    phone: Personal[str] = None
    birthday: Personal[str] = None
    locale: str | None = None


class KindChanged(Event, frozen=True, kw_only=True, tag="KindChanged"):
    """The customer is a person, or a firm, from now on."""

    kind: Kind


class EmploymentRecorded(Event, frozen=True, kw_only=True, tag="EmploymentRecorded"):
    """This person works for the firm with the id `firm_id`, in a role, from the day `since` to the day `until`.

    Without `since` it isn't known from when on, without `until` there is no end yet.
    """

    firm_id: str
    role: Personal[str] = None
    since: date | None = None
    until: date | None = None


class EmploymentEnded(Event, frozen=True, kw_only=True, tag="EmploymentEnded"):
    """`until` was this person's last day at the firm with the id `firm_id`."""

    firm_id: str
    until: date


class EmploymentVoided(Event, frozen=True, kw_only=True, tag="EmploymentVoided"):
    """This person never worked for the firm with the id `firm_id`, from the day `since` to the day `until`; without a
    day, from the beginning, or for good.
    """

    firm_id: str
    since: date | None = None
    until: date | None = None


class LeadQualified(Event, frozen=True, kw_only=True, tag="LeadQualified"):
    """Someone judged that this lead may well become a customer. `opportunity_id` is what was opened with it."""

    opportunity_id: str | None = None


class LeadDisqualified(Event, frozen=True, kw_only=True, tag="LeadDisqualified"):
    """Someone judged that this lead won't become a customer: a word to group by."""

    reason: str


class PreferenceRecorded(Event, frozen=True, kw_only=True, tag="PreferenceRecorded"):
    """A preference was set, or cleared where `value` is None."""

    key: str
    value: Personal[str] = None


class CustomerTagged(Event, frozen=True, kw_only=True, tag="CustomerTagged"):
    """A tag was put on."""

    label: str


class CustomerUntagged(Event, frozen=True, kw_only=True, tag="CustomerUntagged"):
    """A tag was taken off."""

    label: str


class OwnerAssigned(Event, frozen=True, kw_only=True, tag="OwnerAssigned"):
    """Someone in the business looks after this customer from now on."""

    owner: str


class ConsentGiven(Event, frozen=True, kw_only=True, tag="ConsentGiven"):
    """The customer agreed to be contacted on a channel for a purpose."""

    channel: str
    purpose: str


class ConsentWithdrawn(Event, frozen=True, kw_only=True, tag="ConsentWithdrawn"):
    """The customer no longer agrees."""

    channel: str
    purpose: str


class ReferralMade(Event, frozen=True, kw_only=True, tag="ReferralMade"):
    """This customer brought another, whose id is `referred_id`."""

    referred_id: str


class ChurnReasonRecorded(Event, frozen=True, kw_only=True, tag="ChurnReasonRecorded"):
    """Why they left or mean to: a word to group by, and their own words."""

    cause: str
    detail: Personal[str] = None


class CancellationRequested(Event, frozen=True, kw_only=True, tag="CancellationRequested"):
    """The customer said that they want to leave."""


class CancellationWithdrawn(Event, frozen=True, kw_only=True, tag="CancellationWithdrawn"):
    """The customer stays after all."""


class AccountClosed(Event, frozen=True, kw_only=True, tag="AccountClosed"):
    """The account was closed; what happened stays, and it can be reopened."""


class AccountReopened(Event, frozen=True, kw_only=True, tag="AccountReopened"):
    """The account is open again; a cancellation requested before is settled."""


class PersonalDataErased(Event, frozen=True, kw_only=True, tag="PersonalDataErased"):
    """The customer was forgotten: the key to their personal data is gone; counts and verdicts stay.

    `cause` is kept in the clear, as there is no key left to keep it under.
    """

    cause: str | None = None


class CustomerMerged(Event, frozen=True, kw_only=True, tag="CustomerMerged"):
    """This customer turned out to be the same as another, whose id is `into_id` and who owns the whole history."""

    into_id: str


class MergeUndone(Event, frozen=True, kw_only=True, tag="MergeUndone"):
    """This customer is not the same as the one with the id `into_id` after all; each has their own history again."""

    into_id: str


class DuplicateDismissed(Event, frozen=True, kw_only=True, tag="DuplicateDismissed"):
    """This customer is not the same as another, whose id is `other_id`, however much they look it."""

    other_id: str


class DismissalUndone(Event, frozen=True, kw_only=True, tag="DismissalUndone"):
    """This customer may be the same as the one with the id `other_id` after all."""

    other_id: str


CustomerEvent = (
    CustomerRegistered
    | ContactDetailsChanged
    | KindChanged
    | EmploymentRecorded
    | EmploymentEnded
    | EmploymentVoided
    | LeadQualified
    | LeadDisqualified
    | PreferenceRecorded
    | CustomerTagged
    | CustomerUntagged
    | OwnerAssigned
    | ConsentGiven
    | ConsentWithdrawn
    | ReferralMade
    | ChurnReasonRecorded
    | CancellationRequested
    | CancellationWithdrawn
    | AccountClosed
    | AccountReopened
    | PersonalDataErased
    | CustomerMerged
    | MergeUndone
    | DuplicateDismissed
    | DismissalUndone
)

# ----------------------------------------------------------------------------------------------------------- state


class AccountStatus(StrEnum):
    """The status of an account."""

    UNKNOWN = "unknown"
    OPEN = "open"
    CLOSED = "closed"
    ERASED = "erased"


ALLOWED: dict[AccountStatus, frozenset[AccountStatus]] = {
    AccountStatus.UNKNOWN: frozenset({AccountStatus.OPEN}),
    AccountStatus.OPEN: frozenset({AccountStatus.CLOSED, AccountStatus.ERASED}),
    AccountStatus.CLOSED: frozenset({AccountStatus.OPEN, AccountStatus.ERASED}),
    AccountStatus.ERASED: frozenset(),
}


class Customer(Struct, frozen=True, kw_only=True):
    """What the next decision on a customer needs to know. `kind` is None where nobody said that they are a firm, or a
    person after all; `employments` are by the ids of firms.
    """

    status: AccountStatus = AccountStatus.UNKNOWN
    registration: CustomerRegistered | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    birthday: str | None = None
    locale: str | None = None
    kind: Kind | None = None
    employments: PersistentMap[str, Spells] = PersistentMap()
    qualified: bool = False
    disqualified: str | None = None
    qualified_for: PersistentMap[str, None] = PersistentMap()
    cancelling: bool = False
    owner: str | None = None
    churn_reason: ChurnReasonRecorded | None = None
    preferences: PersistentMap[str, str] = PersistentMap()
    tags: PersistentMap[str, None] = PersistentMap()
    consents: PersistentMap[tuple[str, str], None] = PersistentMap()
    referred: PersistentMap[str, None] = PersistentMap()
    merged_into: str | None = None
    told_apart: PersistentMap[str, None] = PersistentMap()


def evolve(state: Customer, event: CustomerEvent) -> Customer:
    """The state after an event. Total: history is never argued with."""
    match event:
        case CustomerRegistered():
            contact = {field: getattr(event, field) for field in CONTACT_FIELDS}
            kind = FIRM if event.kind == FIRM else None
            return replace(state, status=AccountStatus.OPEN, registration=event, kind=kind, **contact)
        case ContactDetailsChanged():
            return replace(state, **{field: getattr(event, field) for field in event.changed})
        case KindChanged(kind=kind):
            return replace(state, kind=kind)
        case EmploymentRecorded() | EmploymentEnded() | EmploymentVoided():
            spells = employed(state.employments.get(event.firm_id, ()), event)
            return replace(state, employments=state.employments.put(event.firm_id, spells))
        case LeadQualified(opportunity_id=opportunity_id):
            opened = state.qualified_for
            opened = opened if opportunity_id is None else opened.put(opportunity_id, None)
            return replace(state, qualified=True, disqualified=None, qualified_for=opened)
        case LeadDisqualified(reason=reason):
            return replace(state, qualified=False, disqualified=reason)
        case PreferenceRecorded(key=key, value=value):
            known = state.preferences
            return replace(state, preferences=known.drop(key) if value is None else known.put(key, value))
        case CustomerTagged(label=label):
            return replace(state, tags=state.tags.put(label, None))
        case CustomerUntagged(label=label):
            return replace(state, tags=state.tags.drop(label))
        case OwnerAssigned(owner=owner):
            return replace(state, owner=owner)
        case ConsentGiven(channel=channel, purpose=purpose):
            return replace(state, consents=state.consents.put((channel, purpose), None))
        case ConsentWithdrawn(channel=channel, purpose=purpose):
            return replace(state, consents=state.consents.drop((channel, purpose)))
        case ReferralMade(referred_id=referred_id):
            return replace(state, referred=state.referred.put(referred_id, None))
        case ChurnReasonRecorded():
            return replace(state, churn_reason=event)
        case CancellationRequested():
            return replace(state, cancelling=True)
        case CancellationWithdrawn():
            return replace(state, cancelling=False)
        case AccountClosed():
            return replace(state, status=AccountStatus.CLOSED)
        case AccountReopened():
            return (
                replace(state, status=AccountStatus.OPEN, cancelling=False)
                if state.status is AccountStatus.CLOSED
                else state
            )
        case PersonalDataErased():
            return _forgotten(state)
        case CustomerMerged(into_id=into_id):
            return replace(state, merged_into=into_id)
        case MergeUndone():
            return replace(state, merged_into=None)
        case DuplicateDismissed(other_id=other_id):
            return replace(state, told_apart=state.told_apart.put(other_id, None))
        case DismissalUndone(other_id=other_id):
            return replace(state, told_apart=state.told_apart.drop(other_id))


def employed(spells: Spells, event: EmploymentRecorded | EmploymentEnded | EmploymentVoided) -> Spells:
    """The spells at a firm after one more word on them."""
    match event:
        case EmploymentRecorded(role=role, since=since, until=until):
            return worked(spells, since or EVER, until or STILL, role)
        case EmploymentEnded(until=until):
            return ended(spells, until)
        case EmploymentVoided(since=since, until=until):
            return not_worked(spells, since or EVER, until or STILL)


def _forgotten(state: Customer) -> Customer:
    contact = dict.fromkeys(CONTACT_FIELDS)
    reason = state.churn_reason and replace(state.churn_reason, detail=None)
    erased = replace(
        state, status=AccountStatus.ERASED, registration=None, preferences=PersistentMap(), churn_reason=reason
    )
    return replace(erased, employments=_without_roles(state.employments), **contact)


def _without_roles(employments: PersistentMap[str, Spells]) -> PersistentMap[str, Spells]:
    for firm_id, spells in employments.items():
        employments = employments.put(firm_id, tuple(replace(each, role=None) for each in spells))
    return employments


# -------------------------------------------------------------------------------------------------------- commands


class RegisterCustomer(Command):
    """Write down a customer the business has met, e.g. ref=shop:42 name=Ada email=ada@example.com"""

    ref: Reference | None = None
    name: Label | None = None
    email: Email | None = None
    phone: Phone | None = None
    birthday: BirthdayText | None = None
    source: Label | None = None
    locale: Label | None = None
    kind: Kind = PERSON

    @model_serializer(mode="wrap")
    def _write_firms_alone(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A person is written as before there were firms, so that a command id goes on standing for the same command.
        return {name: value for name, value in write(self).items() if (name, value) != ("kind", PERSON)}


class CustomerCommand(Command):
    """A command to one customer: a bare string is an outside reference, a CustomerId an id."""

    customer: Who


class ChangeContactDetails(CustomerCommand):
    """Change the details that are given; null clears one, what is left out stays as it is."""

    name: Label | None = None
    email: Email | None = None
    phone: Phone | None = None
    birthday: BirthdayText | None = None
    locale: Label | None = None

    @model_serializer(mode="wrap")
    def _write_what_was_given(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Left out and null are different wishes, so what was left out stays out.
        return {name: value for name, value in write(self).items() if name in self.model_fields_set}

    @model_validator(mode="after")
    def _names_a_field(self) -> ChangeContactDetails:
        if not self.model_fields_set & set(CONTACT_FIELDS):
            raise ValueError(f"expected at least one of {', '.join(CONTACT_FIELDS)}")
        return self


class ChangeKind(CustomerCommand):
    """Say that a customer is a person, or a firm: kind=firm; as of the time of the registration, they always were."""

    kind: Kind


class RecordEmployment(CustomerCommand):
    """Write down that a person works for a firm, up to a last day if any: firm=acme role=buyer since=2024-03-01"""

    firm: Who
    role: Label | None = None
    since: BusinessDay | None = None
    until: BusinessDay | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> RecordEmployment:
        _require_in_order(self.since, self.until)
        return self


class EndEmployment(CustomerCommand):
    """Write down a person's last day at a firm: firm=acme until=2026-06-30"""

    firm: Who
    until: BusinessDay


class VoidEmployment(CustomerCommand):
    """Take back that a person works for a firm: they never did, or not from one day to another."""

    firm: Who
    since: BusinessDay | None = None
    until: BusinessDay | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> VoidEmployment:
        _require_in_order(self.since, self.until)
        return self


def _require_in_order(since: date | None, until: date | None) -> None:
    if since is not None and until is not None and until < since:
        raise ValueError(f"the last day, {until}, lies before the first, {since}")


class QualifyLead(CustomerCommand):
    """Mark a lead as one that may well become a customer; with an opportunity_id, one is opened for them as well.

    It begins as OpenOpportunity says, in the first stage of its pipeline.
    """

    opportunity_id: Label | None = None
    pipeline: Label | None = None
    amount: Amount | None = None
    title: Label | None = None
    owner: Label | None = None
    expected_close: Day | None = None

    @model_validator(mode="after")
    def _names_what_is_opened(self) -> QualifyLead:
        named = [name for name in _OF_OPPORTUNITY if getattr(self, name) is not None]
        if self.opportunity_id is None and named:
            raise ValueError(f"{', '.join(named)} is said of an opportunity; give its opportunity_id, too")
        return self


_OF_OPPORTUNITY = ("pipeline", "amount", "title", "owner", "expected_close")


class DisqualifyLead(CustomerCommand):
    """Mark a lead as one that won't become a customer, and say why: a word to group by."""

    reason: Label = Field(description="a word to group by, kept in the clear")


class RecordPreference(CustomerCommand):
    """Set a preference, or clear it by leaving `value` out."""

    key: Label
    value: Text | None = None


class TagCustomer(CustomerCommand):
    """Put a tag on a customer."""

    label: Label


class UntagCustomer(CustomerCommand):
    """Take a tag off a customer."""

    label: Label


class AssignOwner(CustomerCommand):
    """Say who in the business looks after a customer."""

    owner: Label


class GiveConsent(CustomerCommand):
    """Write down that a customer agrees to be contacted on a channel for a purpose."""

    channel: Channel
    purpose: Label


class WithdrawConsent(CustomerCommand):
    """Write down that a customer no longer agrees."""

    channel: Channel
    purpose: Label


class MakeReferral(CustomerCommand):
    """Write down that a customer brought another, who must be registered already."""

    referred: Who


class RecordChurnReason(CustomerCommand):
    """Write down why a customer left or means to leave."""

    cause: Label
    detail: Text | None = None


class RequestCancellation(CustomerCommand):
    """Write down that a customer wants to leave."""


class WithdrawCancellation(CustomerCommand):
    """Write down that a customer who wanted to leave stays."""


class CloseAccount(CustomerCommand):
    """Close a customer's account."""


class ReopenAccount(CustomerCommand):
    """Open a closed account again."""


class MergeCustomers(CustomerCommand):
    """Say that a customer is the same as another, who owns both histories from now on; nothing is moved."""

    into: Who


class UndoMerge(CustomerCommand):
    """Take a merge back: there are two customers again, as if they had never been merged."""


class DismissDuplicate(CustomerCommand):
    """Say that a customer is not the same as another, however much they look it: they are suspected no more."""

    other: Who


class UndoDismissal(CustomerCommand):
    """Say that a customer may be the same as another after all, from whom they were told apart."""

    other: Who


class ErasePersonalData(CustomerCommand):
    """Forget who a customer is; what was counted stays. There is no way back."""

    confirm: Annotated[Literal[True], Field(description="must be true: this can't be undone")]
    cause: Label | None = None

    @model_validator(mode="after")
    def _gives_no_reason(self) -> ErasePersonalData:
        if self.reason is not None:
            raise ValueError("a reason would be erased with the rest; give a cause, which is kept and must name nobody")
        return self


# ------------------------------------------------------------------------------------------------------- decisions


def register(command: RegisterCustomer, state: Customer, context: Context) -> tuple[Event, ...]:
    """Invariant 1."""
    event = CustomerRegistered(
        ref=command.ref,
        name=command.name,
        email=command.email,
        phone=command.phone,
        birthday=_birthday(command.birthday, context),
        source=command.source,
        locale=command.locale,
        kind=command.kind,
    )
    if state.registration == event:
        return ()
    if state.status is not AccountStatus.UNKNOWN:
        raise Rejected("ref_taken", f'the reference "{command.ref}" belongs to a customer with other details')
    return (event,)


def change_contact_details(command: ChangeContactDetails, state: Customer, context: Context) -> tuple[Event, ...]:
    """Told without a time, only what differs from what is known is a change."""
    _require_remembered(state)
    changes: dict[ContactField, Any] = {
        field: getattr(command, field) for field in CONTACT_FIELDS if field in command.model_fields_set
    }
    if "birthday" in changes:
        changes["birthday"] = _birthday(command.birthday, context)
    if command.occurred_at is None:
        changes = {field: value for field, value in changes.items() if value != getattr(state, field)}
    return (ContactDetailsChanged(changed=tuple(changes), **changes),) if changes else ()


def change_kind(command: ChangeKind, state: Customer, context: Context) -> tuple[Event, ...]:
    """Invariant 10."""
    if state.merged_into is not None:
        raise Rejected("merged_away", "this customer was merged into another, and is what that one is")
    return _unless(command.kind == (state.kind or PERSON), command, KindChanged(kind=command.kind))


def record_employment(command: RecordEmployment, state: Customer, context: Context) -> tuple[Event, ...]:
    """Invariants 4 and 11. Both references have been resolved to ids before."""
    _require_remembered(state)
    if command.firm == command.customer:
        raise Rejected("self_employment", "nobody works for themselves; name a firm")
    if state.kind == FIRM:
        raise Rejected("firm_employed", "a firm works for no other; a person does")
    event = EmploymentRecorded(firm_id=str(command.firm), role=command.role, since=command.since, until=command.until)
    return _unless_so(event, command, state)


def end_employment(command: EndEmployment, state: Customer, context: Context) -> tuple[Event, ...]:
    """Invariant 11. Both references have been resolved to ids before."""
    spells = state.employments.get(str(command.firm), ())
    if not any(each.first <= command.until for each in spells):
        raise Rejected("not_employed", f"they didn't work for this firm by {command.until}, as far as is known")
    return _unless_so(EmploymentEnded(firm_id=str(command.firm), until=command.until), command, state)


def void_employment(command: VoidEmployment, state: Customer, context: Context) -> tuple[Event, ...]:
    """Where nobody worked, nothing has to be taken back. Both references have been resolved to ids before."""
    event = EmploymentVoided(firm_id=str(command.firm), since=command.since, until=command.until)
    return _unless_so(event, command, state)


def _unless_so(
    event: EmploymentRecorded | EmploymentEnded | EmploymentVoided, command: Command, state: Customer
) -> tuple[Event, ...]:
    spells = state.employments.get(event.firm_id, ())
    return _unless(employed(spells, event) == spells, command, event)


def qualify(command: QualifyLead, state: Customer, context: Context) -> tuple[Event, ...]:
    """Once is enough, by whoever said it first; and once for each opportunity that is opened with it."""
    opened = command.opportunity_id
    is_so = state.qualified and (opened is None or opened in state.qualified_for)
    return _unless(is_so, command, LeadQualified(opportunity_id=opened))


def disqualify(command: DisqualifyLead, state: Customer, context: Context) -> tuple[Event, ...]:
    """A lead may be qualified after all, and disqualified for another reason."""
    return _unless(state.disqualified == command.reason, command, LeadDisqualified(reason=command.reason))


def record_preference(command: RecordPreference, state: Customer, context: Context) -> tuple[Event, ...]:
    """Invariant 4."""
    _require_remembered(state)
    event = PreferenceRecorded(key=command.key, value=command.value)
    return _unless(state.preferences.get(command.key) == command.value, command, event)


def tag(command: TagCustomer, state: Customer, context: Context) -> tuple[Event, ...]:
    """A tag is there or it isn't."""
    return _unless(command.label in state.tags, command, CustomerTagged(label=command.label))


def untag(command: UntagCustomer, state: Customer, context: Context) -> tuple[Event, ...]:
    """A tag is there or it isn't."""
    return _unless(command.label not in state.tags, command, CustomerUntagged(label=command.label))


def assign_owner(command: AssignOwner, state: Customer, context: Context) -> tuple[Event, ...]:
    """One owner at a time."""
    return _unless(command.owner == state.owner, command, OwnerAssigned(owner=command.owner))


def give_consent(command: GiveConsent, state: Customer, context: Context) -> tuple[Event, ...]:
    """Invariants 4 and 5: nobody can be contacted once they are forgotten."""
    _require_remembered(state)
    return (ConsentGiven(channel=command.channel, purpose=command.purpose),)


def withdraw_consent(command: WithdrawConsent, state: Customer, context: Context) -> tuple[Event, ...]:
    """Invariant 5."""
    return (ConsentWithdrawn(channel=command.channel, purpose=command.purpose),)


def record_churn_reason(command: RecordChurnReason, state: Customer, context: Context) -> tuple[Event, ...]:
    """A customer may change their mind about why."""
    if command.detail is not None:
        _require_remembered(state)
    event = ChurnReasonRecorded(cause=command.cause, detail=command.detail)
    return _unless(event == state.churn_reason, command, event)


def request_cancellation(command: RequestCancellation, state: Customer, context: Context) -> tuple[Event, ...]:
    """Invariant 6."""
    if state.status is not AccountStatus.OPEN:
        raise Rejected(f"account_{state.status}", f"the account is {state.status}; only an open one can be cancelled")
    return _unless(state.cancelling, command, CancellationRequested())


def withdraw_cancellation(command: WithdrawCancellation, state: Customer, context: Context) -> tuple[Event, ...]:
    """Invariant 6."""
    if state.cancelling and state.status is not AccountStatus.OPEN:
        raise Rejected(f"account_{state.status}", f"the account is {state.status}; reopen it to go on")
    return _unless(not state.cancelling, command, CancellationWithdrawn())


def make_referral(command: MakeReferral, state: Customer, context: Context) -> tuple[Event, ...]:
    """Invariant 7. Both references have been resolved to ids before."""
    if command.referred == command.customer:
        raise Rejected("self_referral", "a customer can't refer themselves")
    return _unless(command.referred in state.referred, command, ReferralMade(referred_id=str(command.referred)))


def merge(command: MergeCustomers, state: Customer, context: Context) -> tuple[Event, ...]:
    """Invariant 8. Both references have been resolved to ids before; `merge.require_mergeable` looks at both sides."""
    _require_remembered(state)
    if state.merged_into == command.into:
        return ()
    if state.merged_into is not None:
        raise Rejected("already_merged", "this customer was merged into another before; undo that first")
    return (CustomerMerged(into_id=str(command.into)),)


def undo_merge(command: UndoMerge, state: Customer, context: Context) -> tuple[Event, ...]:
    """Invariant 8."""
    return () if state.merged_into is None else (MergeUndone(into_id=state.merged_into),)


def dismiss(command: DismissDuplicate, state: Customer, context: Context) -> tuple[Event, ...]:
    """Invariant 9. Both references have been resolved to ids before, in one order, whoever was named first."""
    if command.other == command.customer:
        raise Rejected("same_customer", "these two are one customer; UndoMerge tells merged ones apart")
    return () if command.other in state.told_apart else (DuplicateDismissed(other_id=str(command.other)),)


def undo_dismissal(command: UndoDismissal, state: Customer, context: Context) -> tuple[Event, ...]:
    """What wasn't dismissed needs no undoing."""
    return (DismissalUndone(other_id=str(command.other)),) if command.other in state.told_apart else ()


def close(command: CloseAccount, state: Customer, context: Context) -> tuple[Event, ...]:
    """Invariant 3."""
    return _move(state, AccountStatus.CLOSED, command, AccountClosed())


def reopen(command: ReopenAccount, state: Customer, context: Context) -> tuple[Event, ...]:
    """Invariant 3."""
    return _move(state, AccountStatus.OPEN, command, AccountReopened())


def erase(command: ErasePersonalData, state: Customer, context: Context) -> tuple[Event, ...]:
    """Invariants 3 and 8."""
    if state.merged_into is not None:
        sentence = (
            "this customer was merged into another; forget that one and with it this one, or undo the merge first"
        )
        raise Rejected("merged_away", sentence)
    if state.status is AccountStatus.ERASED:
        return ()
    return _move(state, AccountStatus.ERASED, command, PersonalDataErased(cause=command.cause))


def _birthday(given: date | str | None, context: Context) -> str | None:
    """Invariant 10, by a day that has begun somewhere on Earth."""
    if given is None:
        return None
    try:
        return str(known_by(parse_birthday(str(given)), to_datetime(context.now + _EASTERNMOST).date()))
    except ValueError as error:
        raise Rejected("birthday_in_the_future", str(error)) from None


_EASTERNMOST = 14 * 3_600 * SECOND  # where a day begins first


def _move(state: Customer, target: AccountStatus, command: Command, event: Event) -> tuple[Event, ...]:
    if state.status is not target and target not in ALLOWED[state.status]:
        raise Rejected(f"account_{state.status}", f"the account is {state.status} and can't become {target}")
    return _unless(state.status is target, command, event)


def _unless(is_so: bool, command: Command, event: Event) -> tuple[Event, ...]:
    """Invariant 5: the event, unless it was told without a time and all is so already."""
    return () if is_so and command.occurred_at is None else (event,)


def _require_remembered(state: Customer) -> None:
    if state.status is AccountStatus.ERASED:
        raise Rejected("account_erased", "this customer was forgotten; no personal data can be added")


def decide(command: Command, state: Customer, context: Context) -> tuple[Event, ...]:
    """Hand a command to its decision. Raises Rejected where an invariant would break."""
    if state.status is AccountStatus.UNKNOWN and not isinstance(command, RegisterCustomer):
        raise Rejected("unknown_customer", "this customer is not registered")  # invariant 2
    events = _decided(command, state, context)
    if events and command.reason is not None and not isinstance(command, DisqualifyLead):
        _require_remembered(state)  # invariant 4: a reason is free text
    return events


def _decided(command: Command, state: Customer, context: Context) -> tuple[Event, ...]:
    match command:
        case RegisterCustomer():
            return register(command, state, context)
        case ChangeContactDetails():
            return change_contact_details(command, state, context)
        case ChangeKind():
            return change_kind(command, state, context)
        case RecordEmployment():
            return record_employment(command, state, context)
        case EndEmployment():
            return end_employment(command, state, context)
        case VoidEmployment():
            return void_employment(command, state, context)
        case QualifyLead():
            return qualify(command, state, context)
        case DisqualifyLead():
            return disqualify(command, state, context)
        case RecordPreference():
            return record_preference(command, state, context)
        case TagCustomer():
            return tag(command, state, context)
        case UntagCustomer():
            return untag(command, state, context)
        case AssignOwner():
            return assign_owner(command, state, context)
        case GiveConsent():
            return give_consent(command, state, context)
        case WithdrawConsent():
            return withdraw_consent(command, state, context)
        case MakeReferral():
            return make_referral(command, state, context)
        case RecordChurnReason():
            return record_churn_reason(command, state, context)
        case RequestCancellation():
            return request_cancellation(command, state, context)
        case WithdrawCancellation():
            return withdraw_cancellation(command, state, context)
        case CloseAccount():
            return close(command, state, context)
        case ReopenAccount():
            return reopen(command, state, context)
        case MergeCustomers():
            return merge(command, state, context)
        case UndoMerge():
            return undo_merge(command, state, context)
        case DismissDuplicate():
            return dismiss(command, state, context)
        case UndoDismissal():
            return undo_dismissal(command, state, context)
        case ErasePersonalData():
            return erase(command, state, context)
        case _:
            raise TypeError(f"{type(command).__name__} is not a command to a customer")


# At one instant what ends something comes after what begins it, and an account that was closed is open again.
CHRONOLOGY = Chronology(
    first=(CustomerRegistered,),
    words=(
        (ChangeContactDetails, ContactDetailsChanged),
        (ChangeKind, KindChanged),
        (VoidEmployment, EmploymentVoided),
        (RecordEmployment, EmploymentRecorded),
        (EndEmployment, EmploymentEnded),
        (QualifyLead, LeadQualified),
        (DisqualifyLead, LeadDisqualified),
        (RecordPreference, PreferenceRecorded),
        (TagCustomer, CustomerTagged),
        (UntagCustomer, CustomerUntagged),
        (AssignOwner, OwnerAssigned),
        (GiveConsent, ConsentGiven),
        (WithdrawConsent, ConsentWithdrawn),
        (MakeReferral, ReferralMade),
        (RecordChurnReason, ChurnReasonRecorded),
        (RequestCancellation, CancellationRequested),
        (WithdrawCancellation, CancellationWithdrawn),
        (CloseAccount, AccountClosed),
        (ReopenAccount, AccountReopened),
    ),
    last=(CustomerMerged, MergeUndone, DuplicateDismissed, DismissalUndone, PersonalDataErased),
)

CUSTOMER = Decider(category=CATEGORY, initial=Customer(), evolve=evolve, decide=decide, chronology=CHRONOLOGY)
