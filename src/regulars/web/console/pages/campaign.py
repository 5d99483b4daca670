"""One campaign: its plan, what it would be, its launch, its arms, and what it did; who is in it, and why.

A launch writes of everybody in one transaction, so it is a job. What is asked of one campaign stands in its address:
`part=preview`, `part=people`, `part=file`, `part=effect`, `part=explain`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from regulars.asking.campaigns import CampaignView, WholeCampaign
from regulars.crm import Regulars
from regulars.crm_domain.campaign import EndCampaign, LaunchCampaign, PauseCampaign, ResumeCampaign
from regulars.crm_domain.command import Command, CustomerId
from regulars.crm_domain.errors import NotFound
from regulars.crm_domain.offer import RecordOfferSent
from regulars.web.access.permissions import allows
from regulars.web.console.acts import Act, done, said
from regulars.web.console.jobs import Moved
from regulars.web.console.page import Answer, Asked, GoTo, Page, Refused, Shown
from regulars.web.console.pages.campaign_effect import effect
from regulars.web.console.pages.campaign_people import ARMS, people, record_sent, to_send_to
from regulars.web.console.pages.campaigns import address_of
from regulars.web.console.reading import one_of
from regulars.web.console.words import N_

ACTS: Mapping[str, Act] = {
    "pause": Act(PauseCampaign, (), frozenset({"running"})),
    "resume": Act(ResumeCampaign, (), frozenset({"paused"})),
    "end": Act(EndCampaign, (), frozenset({"planned", "running", "paused"})),
}
_PARTS = ("preview", "people", "file", "effect", "explain")
_ACTS = (*ACTS, "launch", "sent", "all_sent", "explain")


def show(asked: Asked) -> Answer:
    """The campaign as of an instant, a part of it, or what was done about it."""
    campaign_id = asked.at["campaign"]
    if asked.sent:
        return _done(asked, campaign_id)
    match one_of(asked, "part", _PARTS):
        case "preview":
            return _previewed(asked, campaign_id)
        case "people":
            return people(asked, campaign_id)
        case "file":
            return to_send_to(asked, campaign_id)
        case "effect":
            return effect(asked, campaign_id)
        case "explain":
            return _explained(asked, campaign_id)
        case _:
            return _shown(asked, asked.crm.campaigns.campaign(campaign_id, as_of=asked.as_of))


def _shown(asked: Asked, found: WholeCampaign) -> Shown:
    campaign, is_now = found.campaign, asked.as_of is None and asked.known_at is None
    values = {
        "found": found,
        "campaign": campaign,
        "arms": {arm: [each for each in found.counts if each.arm == arm] for arm in ARMS},
        "acts": [name for name, act in ACTS.items() if is_now and campaign.status in act.states],
        "job": asked.beside.jobs.find(_working(campaign.campaign_id)),
    }
    return Shown(template="campaign.html", values=values, fragment="work")


def _previewed(asked: Asked, campaign_id: str) -> Shown:
    preview = asked.crm.campaigns.preview(campaign_id, as_of=asked.as_of)
    is_now = asked.as_of is None and asked.known_at is None
    values = {
        "preview": preview,
        "campaign": preview.campaign,
        "launches": is_now and preview.refusal is None and allows(asked.role, LaunchCampaign.__name__),
    }
    return Shown(template="campaign_preview.html", values=values)


def _explained(asked: Asked, campaign_id: str) -> Shown:
    """Why one person gets the offer or doesn't; somebody is asked for by a form, as addresses name nobody."""
    who, problem = asked.query.get("who", ""), ""
    try:
        whom = CustomerId(who) if who else asked.crm.find(asked.form.get("customer", "").strip())
        found = asked.crm.campaigns.explain(campaign_id, whom, as_of=asked.as_of)
    except NotFound as error:
        found, problem = None, str(error)
    campaign = asked.crm.campaigns.campaign(campaign_id, as_of=asked.as_of).campaign
    values = {"campaign": campaign, "found": found, "problem": problem}
    return Shown(template="campaign_explained.html", values=values, status=404 if problem else 200)


def _done(asked: Asked, campaign_id: str) -> Answer:
    address, jobs, crm = asked.links.to(address_of(campaign_id)), asked.beside.jobs, asked.crm
    match one_of(asked, "act", _ACTS):
        case "explain":
            return _explained(asked, campaign_id)
        case "launch":
            _require(asked, LaunchCampaign)
            if asked.field("confirm") != "yes":
                raise ValueError(
                    asked._("Say that you mean it: a campaign is launched once, and who is in it stays so.")
                )
            work = partial(_launched, crm, campaign_id)
            jobs.begin(_working(campaign_id), "launch", asked.user, work)
            return GoTo(address=address)
        case "all_sent":
            _require(asked, RecordOfferSent)
            jobs.begin(_working(campaign_id), "sent", asked.user, partial(record_sent, crm, campaign_id))
            return GoTo(address=address)
        case "sent":
            channel = crm.campaigns.campaign(campaign_id).campaign.channel
            given = {"offer_id": asked.field("offer"), "channel": channel}
            outcome = asked.do(RecordOfferSent.model_validate(given))
            back = asked.links.to(address_of(campaign_id), part="people", arm="treated", state="assigned")
            return GoTo(address=back, said=said(asked, outcome))
        case _:
            return GoTo(address=address, said=said(asked, done(asked, ACTS, campaign_id=campaign_id)))


def _require(asked: Asked, command: type[Command]) -> None:
    """Raise Refused where the user's role may not."""
    if not allows(asked.role, command.__name__):
        raise Refused(asked._("Your role may not record this."))


def _launched(crm: Regulars, campaign_id: str, move: Moved) -> CampaignView:
    return crm.campaigns.launch(campaign_id, on_progress=move)


def _working(campaign_id: str) -> str:
    """One piece of work at a time for each campaign."""
    return f"campaign {campaign_id}"


PAGE = Page(path="/campaigns/{campaign:path}", title=N_("Campaign"), handler=show, sends=True)
