"""The campaigns: those that were planned, the latest first; and a new plan."""

from __future__ import annotations

from typing import get_args
from urllib.parse import quote

from pydantic import ValidationError

from regulars.crm_domain.campaign import OutcomeOfCampaign, PlanCampaign
from regulars.crm_domain.command import Channel
from regulars.crm_domain.errors import RegularsError
from regulars.crm_domain.explain_invalid import sentence
from regulars.web.console.acts import said
from regulars.web.console.page import Answer, Asked, GoTo, Page, Shown
from regulars.web.console.words import N_

CHANNELS: tuple[Channel, ...] = get_args(Channel)
OUTCOMES: tuple[OutcomeOfCampaign, ...] = get_args(OutcomeOfCampaign)
_FIELDS = (
    *("campaign_id", "title", "kind", "channel", "purpose", "segment", "offer", "coupon_id"),
    *("offer_from", "offer_until", "held_out", "outcome", "decision_day", "decide_after_days"),
)


def show(asked: Asked) -> Answer:
    """All of them, or what came of planning one."""
    problem = ""
    if asked.sent:
        try:
            return _planned(asked)
        except ValidationError as error:
            problem = sentence(error)
        except (RegularsError, ValueError) as error:
            problem = str(error)
    crm, is_now = asked.crm, asked.as_of is None and asked.known_at is None
    values = {
        "campaigns": tuple(reversed(crm.campaigns.history(as_of=asked.as_of))),
        "typed": asked.form,
        "problem": problem[:1].upper() + problem[1:],
        "plans": asked.may("clerk") and is_now,
        "channels": CHANNELS,
        "outcomes": OUTCOMES,
        "segments": crm.ruleset.segment,
        "coupons": [each.coupon_id for each in crm.coupons() if each.status != "over"] if is_now else (),
    }
    return Shown(template="campaigns.html", values=values, status=400 if problem else 200)


def _planned(asked: Asked) -> Answer:
    typed: dict[str, object] = {name: text for name in _FIELDS if (text := asked.form.get(name, "").strip())}
    listed = [each.strip() for each in asked.form.get("customers", "").splitlines() if each.strip()]
    if listed:
        typed["customers"] = [f"id:{asked.crm.find(each)}" for each in listed]
    command = PlanCampaign.model_validate(typed)
    outcome = asked.do(command)
    return GoTo(address=asked.links.to(address_of(command.campaign_id)), said=said(asked, outcome))


def address_of(campaign_id: str) -> str:
    """The path of the page of a campaign."""
    return f"/campaigns/{quote(campaign_id, safe='')}"


PAGE = Page(path="/campaigns", title=N_("Campaigns"), handler=show, in_navigation=True, sends=True)
