"""Examples of what happens to a membership, and of commands to it."""

from __future__ import annotations

from datetime import datetime

from regulars.crm_domain.aggregate import Examples
from regulars.crm_domain.instant import DAY
from regulars.crm_domain.membership.decider import (
    AdjustPoints,
    BonusEarned,
    BonusReversed,
    CancelMembership,
    CancelRedemption,
    EnrollMember,
    GrantTierOverride,
    LiftTierOverride,
    MembershipCancelled,
    MembershipEnrolled,
    MembershipResumed,
    MembershipSuspended,
    PointsAdjusted,
    PointsEarned,
    PointsRedeemed,
    PointsReversed,
    RedeemPoints,
    RedemptionCancelled,
    ResumeMembership,
    SuspendMembership,
    TierOverrideGranted,
    TierOverrideLifted,
)
from regulars.crm_domain.membership.ledger import Taken

_AT = 1_772_366_400_000_000  # 2026-03-01, noon
_ORDER, _SURVEY = "5f1d7a84db00d2fce00b31a7fc73224f", "0c92aa1ab8b1d1d4a5b7d1f1c9b1a0d3"
_ANOTHER = "8f14e45fceea167a5a36dedd4bea2543"
_DIGEST = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def examples() -> Examples:
    """Examples of what happens to a membership, and of commands to it."""
    return Examples(
        events=(
            MembershipEnrolled(at=_AT, program="tea-club"),
            MembershipSuspended(at=_AT),
            MembershipResumed(at=_AT),
            MembershipCancelled(at=_AT),
            PointsEarned(
                at=_AT,
                lot_id="order:A-1",
                points=59,
                order_id="A-1",
                per_unit="1",
                available_at=_AT + 14 * DAY,
                expires_at=_AT + 365 * DAY,
                rules_digest=_DIGEST,
            ),
            PointsRedeemed(
                at=_AT, redemption_id="V-1", points=50, taken=(Taken(lot_id="order:A-1", points=50),), elsewhere=10
            ),
            PointsRedeemed(
                at=_AT, redemption_id="V-1", points=10, taken=(Taken(lot_id="order:B-1", points=10),), part=True
            ),
            RedemptionCancelled(at=_AT, redemption_id="V-1"),
            PointsReversed(at=_AT, order_id="A-1", points=20, return_id="R-1", rules_digest=_DIGEST),
            PointsReversed(at=_AT, order_id="A-1", points=5, number=2, correction=True),
            PointsReversed(at=_AT, order_id="A-1", points=5, outside=True),
            BonusEarned(
                at=_AT,
                lot_id=f"bonus:tea:{_ORDER}",
                points=59,
                rule="tea",
                occasion="category",
                order_id="A-1",
                per_unit="1",
                skus=("tea-*",),
                minimum="20.00",
                available_at=_AT + 14 * DAY,
                expires_at=_AT + 365 * DAY,
                rules_digest=_DIGEST,
            ),
            BonusEarned(
                at=_AT,
                lot_id=f"bonus:answer:{_SURVEY}",
                points=20,
                rule="answer",
                occasion="survey_answered",
                survey_id="S-1",
                available_at=_AT,
                expires_at=_AT + 365 * DAY,
            ),
            BonusEarned(
                at=_AT,
                lot_id=f"bonus:friend:{_ORDER}",
                points=100,
                rule="friend",
                occasion="referral",
                referred_id=_ANOTHER,
                available_at=_AT + 30 * DAY,
                expires_at=_AT + 395 * DAY,
            ),
            BonusReversed(
                at=_AT, lot_id=f"bonus:tea:{_ORDER}", points=20, rule="tea", occasion="category", order_id="A-1"
            ),
            BonusReversed(
                at=_AT,
                lot_id=f"bonus:friend:{_ORDER}",
                points=100,
                rule="friend",
                occasion="referral",
                referred_id=_ANOTHER,
                rules_digest=_DIGEST,
                outside=True,
            ),
            BonusReversed(
                at=_AT,
                lot_id=f"bonus:answer:{_ORDER}",
                points=20,
                rule="answer",
                occasion="survey_answered",
                survey_id="S-1",
                outside=True,
            ),
            PointsAdjusted(
                at=_AT,
                points=25,
                adjustment_id="J-1",
                lot_id="adjustment:J-1",
                available_at=_AT,
                expires_at=_AT + 365 * DAY,
                rules_digest=_DIGEST,
            ),
            PointsAdjusted(at=_AT, points=-5, adjustment_id="J-2", taken=(Taken(lot_id="order:A-1", points=5),)),
            TierOverrideGranted(at=_AT, tier="gold", until=_AT + 365 * DAY),
            TierOverrideLifted(at=_AT),
        ),
        commands=(
            EnrollMember(customer="shop:1", program="tea-club"),
            SuspendMembership(customer="shop:1"),
            ResumeMembership(customer="shop:1"),
            CancelMembership(customer="shop:1"),
            RedeemPoints(customer="shop:1", points=50, redemption_id="V-1"),
            CancelRedemption(customer="shop:1", redemption_id="V-1"),
            AdjustPoints(customer="shop:1", points=-5, adjustment_id="J-2", reason="Counted twice"),
            GrantTierOverride(
                customer="shop:1", tier="gold", until=datetime.fromisoformat("2027-03-01T12:00:00+00:00")
            ),
            LiftTierOverride(customer="shop:1"),
        ),
    )
