"""Examples of what happens to a customer, and of commands to it."""

from __future__ import annotations

from datetime import date

from regulars.crm_domain.aggregate import Examples
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.customer.decider import (
    AccountClosed,
    AccountReopened,
    AssignOwner,
    CancellationRequested,
    CancellationWithdrawn,
    ChangeContactDetails,
    ChurnReasonRecorded,
    CloseAccount,
    ConsentGiven,
    ConsentWithdrawn,
    ContactDetailsChanged,
    CustomerMerged,
    CustomerRegistered,
    CustomerTagged,
    CustomerUntagged,
    ErasePersonalData,
    GiveConsent,
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
    UndoMerge,
    UntagCustomer,
    WithdrawCancellation,
    WithdrawConsent,
)

_ANOTHER = "fedcba9876543210" * 2


def examples() -> Examples:
    """Examples of what happens to a customer, and of commands to it."""
    return Examples(
        events=(
            CustomerRegistered(
                ref="shop:1",
                name="Ada",
                email="ada@example.com",
                phone="+49 30 123456",
                birthday=date(1990, 12, 10),
                source="fair",
                locale="de-DE",
            ),
            ContactDetailsChanged(
                changed=("name", "email", "phone", "birthday", "locale"),
                name="Ada King",
                email="ada@example.org",
                phone="+49 30 654321",
                birthday=date(1990, 12, 11),
                locale="en",
            ),
            LeadQualified(),
            PreferenceRecorded(key="tea", value="oolong"),
            CustomerTagged(label="vip"),
            CustomerUntagged(label="vip"),
            OwnerAssigned(owner="li"),
            ConsentGiven(channel="email", purpose="news"),
            ConsentWithdrawn(channel="email", purpose="news"),
            ReferralMade(referred_id=_ANOTHER),
            ChurnReasonRecorded(cause="price", detail="Too dear"),
            CancellationRequested(),
            CancellationWithdrawn(),
            AccountClosed(),
            AccountReopened(),
            PersonalDataErased(cause="asked by letter"),
            CustomerMerged(into_id=_ANOTHER),
            MergeUndone(into_id=_ANOTHER),
        ),
        commands=(
            RegisterCustomer(
                ref="shop:1",
                name="Ada",
                email="ada@example.com",
                phone="+49 (0)30 12/34-5.6",
                birthday=date(1990, 12, 10),
                source="fair",
                locale="de-DE",
            ),
            RegisterCustomer(),
            ChangeContactDetails(customer="shop:1", name="Ada King", email=None),
            QualifyLead(customer="shop:1"),
            RecordPreference(customer="shop:1", key="tea", value="oolong"),
            TagCustomer(customer="shop:1", label="vip"),
            UntagCustomer(customer="shop:1", label="vip"),
            AssignOwner(customer="shop:1", owner="li"),
            GiveConsent(customer="shop:1", channel="email", purpose="news"),
            WithdrawConsent(customer="shop:1", channel="email", purpose="news"),
            MakeReferral(customer="shop:1", referred="shop:2"),
            MakeReferral(customer="shop:1", referred=CustomerId(_ANOTHER)),
            RecordChurnReason(customer="shop:1", cause="price", detail="Too dear"),
            RequestCancellation(customer="shop:1"),
            WithdrawCancellation(customer="shop:1"),
            CloseAccount(customer="shop:1"),
            ReopenAccount(customer="shop:1"),
            MergeCustomers(customer="shop:1", into="shop:2"),
            UndoMerge(customer="shop:1"),
            ErasePersonalData(customer="shop:1", confirm=True, cause="asked by letter"),
        ),
    )
