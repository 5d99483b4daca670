"""That campaigns are for segments and with coupons that are there, and that offers are drawn at their launch."""

from __future__ import annotations

from regulars.crm_domain.campaign import CAMPAIGN, CampaignChanged, CampaignLaunched, CampaignPlanned
from regulars.crm_domain.coupon import COUPON, require_created
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.offer import HeldOut, Offer, OfferAssigned, OfferSkipped
from regulars.doing.unit_of_work import Target, UnitOfWork


def require_campaign(work: UnitOfWork, event: Event, target: Target) -> None:
    """Raise Rejected `no_such_segment` for a plan with a segment that the rules in force don't have, `unknown_coupon`
    for one with a coupon that isn't there, `unknown_campaign` for an offer of a campaign that isn't there,
    `campaign_not_launched` for one of a campaign that isn't launched yet, and `drawn_at_launch` for a customer who is
    drawn or skipped first in another transaction than that of the launch.
    """
    match event:
        case CampaignPlanned(plan=plan) | CampaignChanged(plan=plan):
            require_segment(plan.segment, work.pending.context.segments)
            _require_coupon(work, plan.coupon_id)
        case OfferAssigned() | HeldOut() | OfferSkipped():
            _require_launched(work, event, target)
        case _:
            pass


def require_segment(segment: str | None, segments: tuple[str, ...]) -> None:
    """Raise Rejected `no_such_segment` for a segment that is none of those of the rules."""
    if segment is not None and segment not in segments:
        there = ", ".join(segments) or "none"
        raise Rejected("no_such_segment", f'the rules have no segment "{segment}"; those they have: {there}')


def _require_coupon(work: UnitOfWork, coupon_id: str | None) -> None:
    if coupon_id is not None:
        require_created(work.stream(work.stream_of(COUPON, coupon_id), COUPON).state, coupon_id)


def _require_launched(work: UnitOfWork, event: OfferAssigned | HeldOut | OfferSkipped, target: Target) -> None:
    named = work.stream(work.stream_of(CAMPAIGN, event.campaign_id), CAMPAIGN)
    launched, campaign = named.state.launched, f'campaign "{event.campaign_id}"'
    if not named.version:
        raise Rejected("unknown_campaign", f"there is no {campaign}; PlanCampaign plans one")
    if launched is None:
        raise Rejected("campaign_not_launched", f"{campaign} isn't launched yet, and its launch draws who gets it")
    offer: Offer = work.state(target)
    if offer.arm is None and not _launches_now(work, event.campaign_id):
        what = "skipped for" if isinstance(event, OfferSkipped) else "drawn into"
        when = to_datetime(launched.at).isoformat()
        raise Rejected("drawn_at_launch", f"{campaign} was launched at {when}, and nobody is {what} it afterwards")


def _launches_now(work: UnitOfWork, campaign_id: str) -> bool:
    """Whether a campaign is launched in this transaction. Its launch comes first, so this is no long search."""
    launches = (each.event for each in work.pending.drafts if isinstance(each.event, CampaignLaunched))
    return any(each.campaign_id == campaign_id for each in launches)
