"""How what happened to a campaign is told."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.crm_domain.campaign.decider import (
    CampaignChanged,
    CampaignEnded,
    CampaignEvent,
    CampaignLaunched,
    CampaignPaused,
    CampaignPlan,
    CampaignPlanned,
    CampaignResumed,
    CampaignState,
)
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.wording import Field, Wording


def what(event: CampaignEvent) -> str:
    """What happened to a campaign, in a few words."""
    return f"campaign {event.campaign_id} {_what(event)}"


def _what(event: CampaignEvent) -> str:
    match event:
        case CampaignPlanned(plan=plan):
            return f"planned, {_plan(plan)}"
        case CampaignChanged(plan=plan):
            return f"changed: {_plan(plan)}"
        case CampaignLaunched():
            return f"launched, {_settled(event)}"
        case CampaignPaused():
            return "paused"
        case CampaignResumed():
            return "resumed"
        case CampaignEnded():
            return "ended"


def deed(event: CampaignEvent, who: str, other: str) -> str:
    """What happened to a campaign, as somebody did it."""
    campaign = f"campaign {event.campaign_id}"
    match event:
        case CampaignPlanned(plan=plan):
            return f"planned {campaign}, {_plan(plan)}"
        case CampaignChanged(plan=plan):
            return f"changed {campaign}: {_plan(plan)}"
        case CampaignLaunched():
            return f"launched {campaign}, {_settled(event)}"
        case CampaignPaused():
            return f"paused {campaign}"
        case CampaignResumed():
            return f"resumed {campaign}"
        case CampaignEnded():
            return f"ended {campaign}"


def _plan(plan: CampaignPlan) -> str:
    return f"{_audience(plan)} by {plan.channel} for {plan.purpose}"


def _audience(plan: CampaignPlan) -> str:
    if plan.segment is not None:
        return f"segment {plan.segment}"
    return "1 customer" if len(plan.customer_ids) == 1 else f"{len(plan.customer_ids):,} customers"


def _settled(event: CampaignLaunched) -> str:
    counts = f"{event.treated:,} treated, {event.held_out:,} held out, {event.skipped:,} skipped"
    return f"{counts}; decided at {to_datetime(event.decide_at):%Y-%m-%d %H:%M} UTC"


def fields(state: CampaignState) -> Iterator[Field]:
    """What the audit compares of a campaign."""
    plan, launched = state.plan, state.launched
    if plan is None:
        return
    yield "campaign", state.status
    yield "title", plan.title
    yield "kind", plan.kind
    yield "audience", _audience(plan)
    yield "channel", plan.channel
    yield "purpose", plan.purpose
    yield "offer", plan.offer
    yield "coupon", plan.coupon_id
    yield "offer from", None if plan.offer_from is None else plan.offer_from.isoformat()
    yield "offer until", None if plan.offer_until is None else plan.offer_until.isoformat()
    yield "held out", plan.held_out if launched is None else launched.share
    yield "outcome", plan.outcome
    yield (
        "decided",
        f"{plan.decide_after_days} days after the launch" if plan.decision_day is None else str(plan.decision_day),
    )
    if launched is not None:
        yield "arms", f"{launched.treated:,} treated, {launched.held_out:,} held out"


WORDING = Wording(what=what, deed=deed, fields=fields)
