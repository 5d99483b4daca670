"""The membership as a value."""

from __future__ import annotations

from typing import get_args

from crm_domain.aggregate import Aggregate, addressed
from crm_domain.membership.decider import (
    MEMBERSHIP,
    AdjustPoints,
    CancelMembership,
    CancelRedemption,
    EnrollMember,
    GrantTierOverride,
    LiftTierOverride,
    MembershipEvent,
    RedeemPoints,
    ResumeMembership,
    SuspendMembership,
)
from crm_domain.membership.wording import WORDING

AGGREGATE = Aggregate(
    decider=MEMBERSHIP,
    events=get_args(MembershipEvent),
    commands=(
        *addressed(
            EnrollMember,
            SuspendMembership,
            ResumeMembership,
            CancelMembership,
            RedeemPoints,
            CancelRedemption,
            AdjustPoints,
            GrantTierOverride,
            LiftTierOverride,
            customer="customer",
            own=True,
        ),
    ),
    wording=WORDING,
)
