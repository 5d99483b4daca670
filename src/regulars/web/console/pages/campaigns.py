"""The campaigns: those that were planned, the latest first; and a new plan."""

from __future__ import annotations

from typing import get_args
from urllib.parse import quote

from pydantic import ValidationError

from regulars.asking.campaigns import CampaignView
from regulars.crm_domain.campaign import PlanCampaign
from regulars.crm_domain.command import Channel
from regulars.crm_domain.errors import RegularsError
from regulars.crm_domain.explain_invalid import sentence
from regulars.web.console.acts import said
from regulars.web.console.page import Answer, Asked, GoTo, Page, Shown
from regulars.web.console.pages import returned_mail
from regulars.web.console.words import N_

CHANNELS: tuple[Channel, ...] = get_args(Channel)
FIELDS = (
    *("title", "kind", "channel", "purpose", "segment", "offer", "coupon_id"),
    *("offer_from", "offer_until", "held_out", "outcome", "decision_day", "decide_after_days"),
)
#: What another page may say of a plan that is begun there.
_BEGUN = ("segment", "coupon_id")


def show(asked: Asked) -> Answer:
    """All of them, or what came of planning one, or of mail that came back."""
    problem, is_plan = "", asked.form.get("act") != "returned"
    if asked.sent:
        try:
            return _planned(asked) if is_plan else _returned(asked)
        except ValidationError as error:
            problem = sentence(error)
        except (RegularsError, ValueError) as error:
            problem = str(error)
    values = {
        "campaigns": tuple(reversed(asked.crm.campaigns.history(as_of=asked.as_of, known_at=asked.known_at))),
        "typed": (asked.form if is_plan else {}) if asked.sent else _begun(asked),
        "problem": problem[:1].upper() + problem[1:],
        "plans": asked.may("clerk") and asked.as_of is None and asked.known_at is None,
        "job": returned_mail.job_of(asked),
        **offered(asked),
    }
    return Shown(template="campaigns.html", values=values, status=400 if problem else 200, fragment="returned")


def _begun(asked: Asked) -> dict[str, str]:
    return {name: asked.query[name] for name in _BEGUN if name in asked.query}


def _returned(asked: Asked) -> Answer:
    returned_mail.begin(asked)
    return GoTo(address=asked.links.to("/campaigns"))


def offered(asked: Asked) -> dict[str, object]:
    """What there is to choose from in the form of a plan."""
    return {
        "channels": CHANNELS,
        "segments": asked.crm.ruleset.segment,
        "coupons": [each.coupon_id for each in asked.crm.coupons() if each.status != "over"],
    }


def typed_plan(asked: Asked) -> dict[str, object]:
    """The fields of a plan as they were typed; None for what was left empty. Raises NotFound for a customer whom nobody
    is.
    """
    plan: dict[str, object] = {name: asked.form.get(name, "").strip() or None for name in FIELDS}
    listed = [each.strip() for each in asked.form.get("customers", "").splitlines() if each.strip()]
    return plan | ({"customers": [f"id:{asked.crm.find(each)}" for each in listed]} if listed else {})


def _planned(asked: Asked) -> Answer:
    given = {name: value for name, value in typed_plan(asked).items() if value is not None}
    command = PlanCampaign.model_validate({**given, "campaign_id": asked.form.get("campaign_id", "").strip()})
    outcome = asked.do(command)
    return GoTo(address=asked.links.to(address_of(command.campaign_id)), said=said(asked, outcome))


def campaigns_of(asked: Asked, *, segment: str | None = None, coupon_id: str | None = None) -> list[CampaignView]:
    """The campaigns to a segment, or that offer a coupon, the latest first."""
    found = reversed(asked.crm.campaigns.history(as_of=asked.as_of, known_at=asked.known_at))
    return [each for each in found if segment in (None, each.segment) and coupon_id in (None, each.coupon_id)]


def address_of(campaign_id: str) -> str:
    """The path of the page of a campaign."""
    return f"/campaigns/{quote(campaign_id, safe='')}"


PAGE = Page(path="/campaigns", title=N_("Campaigns"), handler=show, in_navigation=True, sends=True, takes_files=True)
