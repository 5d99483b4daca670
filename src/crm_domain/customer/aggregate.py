"""The customer as a value."""

from __future__ import annotations

from typing import get_args

from crm_domain.aggregate import Aggregate, addressed
from crm_domain.customer.decider import (
    CUSTOMER,
    AssignOwner,
    ChangeContactDetails,
    CloseAccount,
    CustomerEvent,
    ErasePersonalData,
    GiveConsent,
    MakeReferral,
    MergeCustomers,
    QualifyLead,
    RecordChurnReason,
    RecordPreference,
    RegisterCustomer,
    ReopenAccount,
    RequestCancellation,
    TagCustomer,
    UndoMerge,
    UntagCustomer,
    WithdrawCancellation,
    WithdrawConsent,
)
from crm_domain.customer.wording import WORDING

AGGREGATE = Aggregate(
    decider=CUSTOMER,
    events=get_args(CustomerEvent),
    commands=(
        *addressed(RegisterCustomer, customer="ref"),
        *addressed(
            ChangeContactDetails,
            QualifyLead,
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
            ErasePersonalData,
            customer="customer",
        ),
    ),
    wording=WORDING,
)
