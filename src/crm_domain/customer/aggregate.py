"""The customer as a value."""

from __future__ import annotations

from typing import get_args

from regulars.crm_domain.aggregate import Aggregate, InTheClear, addressed
from regulars.crm_domain.customer.decider import (
    CUSTOMER,
    AssignOwner,
    ChangeContactDetails,
    ChurnReasonRecorded,
    CloseAccount,
    ConsentGiven,
    ConsentWithdrawn,
    ContactDetailsChanged,
    CustomerEvent,
    CustomerMerged,
    CustomerRegistered,
    CustomerTagged,
    CustomerUntagged,
    DismissalUndone,
    DismissDuplicate,
    DisqualifyLead,
    DuplicateDismissed,
    ErasePersonalData,
    GiveConsent,
    LeadDisqualified,
    LeadQualified,
    MakeReferral,
    MergeCustomers,
    MergeUndone,
    OwnerAssigned,
    PersonalDataErased,
    PreferenceRecorded,
    QualifyLead,
    RecordChurnReason,
    RecordPreference,
    ReferralMade,
    RegisterCustomer,
    ReopenAccount,
    RequestCancellation,
    TagCustomer,
    UndoDismissal,
    UndoMerge,
    UntagCustomer,
    WithdrawCancellation,
    WithdrawConsent,
)
from regulars.crm_domain.customer.examples import examples
from regulars.crm_domain.customer.wording import WORDING

AGGREGATE = Aggregate(
    decider=CUSTOMER,
    events=get_args(CustomerEvent),
    commands=(
        *addressed(RegisterCustomer, customer="ref"),
        *addressed(
            ChangeContactDetails,
            QualifyLead,
            DisqualifyLead,
            RecordPreference,
            TagCustomer,
            UntagCustomer,
            AssignOwner,
            GiveConsent,
            WithdrawConsent,
            MakeReferral,
            RecordChurnReason,
            RequestCancellation,
            WithdrawCancellation,
            CloseAccount,
            ReopenAccount,
            MergeCustomers,
            UndoMerge,
            DismissDuplicate,
            UndoDismissal,
            ErasePersonalData,
            customer="customer",
        ),
    ),
    wording=WORDING,
    examples=examples,
    in_the_clear=(
        InTheClear(
            fields=("source",),
            events=(CustomerRegistered,),
            why="a word for where customers come from, to group them by",
        ),
        InTheClear(
            fields=("locale",), events=(CustomerRegistered, ContactDetailsChanged), why="a language tag, to group by"
        ),
        InTheClear(fields=("opportunity_id",), events=(LeadQualified,), why="the number of an opportunity"),
        InTheClear(fields=("reason",), events=(LeadDisqualified,), why="a word to group by"),
        InTheClear(
            fields=("key",),
            events=(PreferenceRecorded,),
            why="what a preference is about; what is preferred is personal",
        ),
        InTheClear(fields=("label",), events=(CustomerTagged, CustomerUntagged), why="a word to group customers by"),
        InTheClear(fields=("owner",), events=(OwnerAssigned,), why="who in the business looks after them, to group by"),
        InTheClear(
            fields=("channel", "purpose"),
            events=(ConsentGiven, ConsentWithdrawn),
            why="who may be contacted is found without keys",
        ),
        InTheClear(fields=("referred_id",), events=(ReferralMade,), why="a random id, which says nothing"),
        InTheClear(
            fields=("cause",), events=(ChurnReasonRecorded,), why="a word to group by; their own words are personal"
        ),
        InTheClear(
            fields=("cause",),
            events=(PersonalDataErased,),
            why="there is no key left to keep it under, so it may name nobody who is forgotten",
        ),
        InTheClear(fields=("into_id",), events=(CustomerMerged, MergeUndone), why="a random id, which says nothing"),
        InTheClear(
            fields=("other_id",),
            events=(DuplicateDismissed, DismissalUndone),
            why="a random id, which says nothing",
        ),
    ),
)
