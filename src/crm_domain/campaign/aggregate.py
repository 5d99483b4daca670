"""The campaign as a value."""

from __future__ import annotations

from typing import get_args

from regulars.crm_domain.aggregate import Aggregate, InTheClear, addressed
from regulars.crm_domain.campaign.decider import (
    CAMPAIGN,
    CampaignChanged,
    CampaignEvent,
    CampaignLaunched,
    CampaignPlanned,
    ChangeCampaign,
    EndCampaign,
    LaunchCampaign,
    PauseCampaign,
    PlanCampaign,
    ResumeCampaign,
)
from regulars.crm_domain.campaign.examples import examples
from regulars.crm_domain.campaign.wording import WORDING

_PLANS = (CampaignPlanned, CampaignChanged)

AGGREGATE = Aggregate(
    decider=CAMPAIGN,
    events=get_args(CampaignEvent),
    commands=addressed(
        PlanCampaign, ChangeCampaign, LaunchCampaign, PauseCampaign, ResumeCampaign, EndCampaign, key="campaign_id"
    ),
    wording=WORDING,
    examples=examples,
    in_the_clear=(
        InTheClear(
            fields=("campaign_id",), events=get_args(CampaignEvent), why="the id that it has outside, to be found by"
        ),
        InTheClear(
            fields=("plan.title", "plan.kind", "plan.purpose", "plan.offer"),
            events=_PLANS,
            why="it is nobody's, so there is no key that it could be under; what is offered to many names no person",
        ),
        InTheClear(
            fields=("plan.segment", "plan.channel", "plan.coupon_id", "plan.held_out"),
            events=_PLANS,
            why="words of the business, by which the audience is found and the draw is made",
        ),
        InTheClear(fields=("plan.customer_ids",), events=_PLANS, why="ids of customers, random in themselves"),
        InTheClear(
            fields=("plan.offer_from", "plan.offer_until", "plan.decision_day"),
            events=_PLANS,
            why="days that the business named",
        ),
        InTheClear(
            fields=("seed", "share", "rules_digest"),
            events=(CampaignLaunched,),
            why="what the draw was made with, so that it can be made again",
        ),
    ),
    of_nobody=True,
)
