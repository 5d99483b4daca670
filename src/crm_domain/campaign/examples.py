"""Examples of what happens to a campaign, and of commands to it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from regulars.crm_domain.aggregate import Examples
from regulars.crm_domain.campaign.decider import (
    CampaignChanged,
    CampaignEnded,
    CampaignLaunched,
    CampaignPaused,
    CampaignPlan,
    CampaignPlanned,
    CampaignResumed,
    ChangeCampaign,
    EndCampaign,
    LaunchCampaign,
    PauseCampaign,
    PlanCampaign,
    ResumeCampaign,
)
from regulars.crm_domain.command import CustomerId

_AT = 1_772_366_400_000_000  # 2026-03-01, noon
_DECIDE_AT = 1_775_001_600_000_000  # 2026-04-01
_DIGEST = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # SHA-256 of {}
_SEED = "0123456789abcdef0123456789abcdef"
_ADA, _BEN = CustomerId("0123456789abcdef0123456789abcdef"), CustomerId("fedcba9876543210fedcba9876543210")


def examples() -> Examples:
    """Examples of what happens to a campaign, and of commands to it."""
    plan = CampaignPlan(
        title="Spring teas",
        kind="offer",
        segment="leaving",
        channel="email",
        purpose="news",
        offer="10 % off first flush",
        coupon_id="SPRING10",
        offer_from=date(2026, 3, 1),
        offer_until=date(2026, 3, 31),
        held_out="0.2",
        decide_after_days=30,
    )
    listed = CampaignPlan(
        title="A call",
        kind="retention",
        customer_ids=(str(_ADA), str(_BEN)),
        channel="phone",
        purpose="care",
        outcome="spend",
        decision_day=date(2026, 3, 31),
    )
    return Examples(
        events=(
            CampaignPlanned(campaign_id="spring", at=_AT, plan=plan),
            CampaignPlanned(campaign_id="call", at=_AT, plan=listed),
            CampaignChanged(campaign_id="call", at=_AT, plan=plan),
            CampaignLaunched(
                campaign_id="spring",
                at=_AT,
                decide_at=_DECIDE_AT,
                seed=_SEED,
                share="0.2",
                outcome="bought",
                audience=330,
                eligible=300,
                skipped=30,
                treated=240,
                held_out=60,
                rules_digest=_DIGEST,
            ),
            CampaignPaused(campaign_id="spring", at=_AT),
            CampaignResumed(campaign_id="spring", at=_AT),
            CampaignEnded(campaign_id="spring", at=_AT),
        ),
        commands=(
            PlanCampaign(
                campaign_id="spring",
                title="Spring teas",
                kind="offer",
                segment="leaving",
                channel="email",
                purpose="news",
                offer="10 % off first flush",
                coupon_id="SPRING10",
                offer_from=date(2026, 3, 1),
                offer_until=date(2026, 3, 31),
                held_out=Decimal("0.2"),
                decide_after_days=30,
            ),
            PlanCampaign(
                campaign_id="call",
                title="A call",
                kind="retention",
                customers=(_ADA, "shop:2"),
                channel="phone",
                purpose="care",
                outcome="spend",
                decision_day=date(2026, 3, 31),
            ),
            ChangeCampaign(campaign_id="spring", held_out=Decimal("0.5"), offer="15 % off first flush"),
            LaunchCampaign(
                campaign_id="spring",
                seed=_SEED,
                share=Decimal("0.2"),
                audience=330,
                eligible=300,
                skipped=30,
                treated=240,
                held_out=60,
            ),
            PauseCampaign(campaign_id="spring"),
            ResumeCampaign(campaign_id="spring"),
            EndCampaign(campaign_id="spring"),
        ),
    )
