"""The projection: which tier a customer has earned."""

from __future__ import annotations

from regulars.crm_domain.customer import CustomerRegistered
from regulars.crm_domain.membership import (
    MembershipCancelled,
    MembershipEnrolled,
    MembershipResumed,
    MembershipSuspended,
    TierOverrideGranted,
    TierOverrideLifted,
)
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnedTotalRecorded, ReturnRecorded
from regulars.projections.engine.projector import Projector
from regulars.projections.loyalty_tier.explain import explain
from regulars.projections.loyalty_tier.judge import Standing, judge

VERSION = 2

_MEMBERSHIP = (
    MembershipEnrolled,
    MembershipSuspended,
    MembershipResumed,
    MembershipCancelled,
    TierOverrideGranted,
    TierOverrideLifted,
)


LOYALTY_TIER = Projector(
    name="loyalty_tier",
    question="Which tier has this customer earned by what they spent?",
    version=VERSION,
    handles=frozenset({CustomerRegistered, PurchaseRecorded, ReturnRecorded, ReturnedTotalRecorded, *_MEMBERSHIP}),
    standing=Standing,
    judges_by=("tier",),
    judge=judge,
    explain=explain,
    lists_by=("value", "due"),
)
