"""One campaign: its plan, what it would be, its launch, its arms, and what it did; who is in it, and why.

A launch writes of everybody in one transaction, so it is a job. What is asked of one campaign stands in its address:
`part=preview`, `part=people`, `part=file`, `part=effect`, `part=explain`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from pydantic import ValidationError

from regulars.asking.campaigns import CampaignView, WholeCampaign
from regulars.crm import Regulars
from regulars.crm_domain.campaign import ChangeCampaign, EndCampaign, LaunchCampaign, PauseCampaign, ResumeCampaign
from regulars.crm_domain.command import Command, CustomerId
from regulars.crm_domain.errors import NotFound, RegularsError
from regulars.crm_domain.explain_invalid import sentence
from regulars.crm_domain.offer import RecordOfferNotSent, RecordOfferSent
from regulars.web.access.permissions import allows
from regulars.web.console.acts import Act, done, require, said
from regulars.web.console.jobs import Moved
from regulars.web.console.page import Answer, Asked, GoTo, Page, Shown
from regulars.web.console.pages.campaign_effect import effect
from regulars.web.console.pages.campaign_people import ARMS, people, record_sent, to_send_to
from regulars.web.console.pages.campaigns import FIELDS, address_of, offered, typed_plan
from regulars.web.console.reading import one_of
from regulars.web.console.words import N_

ACTS: Mapping[str, Act] = {
    "pause": Act(PauseCampaign, (), frozenset({"running"})),
    "resume": Act(ResumeCampaign, (), frozenset({"paused"})),
    "end": Act(EndCampaign, (), frozenset({"planned", "running", "paused"}), for_good=True),
}
_PARTS = ("preview", "people", "file", "effect", "explain")
_ACTS = (*ACTS, "change", "effect", "launch", "sent", "not_sent", "all_sent", "explain")


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
            found = asked.crm.campaigns.campaign(campaign_id, as_of=asked.as_of, known_at=asked.known_at)
            return _shown(asked, found)


def _shown(asked: Asked, found: WholeCampaign, problem: str = "") -> Shown:
    campaign, is_now = found.campaign, asked.as_of is None and asked.known_at is None
    values = {
        "found": found,
        "campaign": campaign,
        "arms": {arm: [each for each in found.counts if each.arm == arm] for arm in ARMS},
        "acts": [name for name, act in ACTS.items() if is_now and campaign.status in act.states],
        "job": asked.beside.jobs.find(_working(campaign.campaign_id)),
        "problem": problem[:1].upper() + problem[1:],
        "changes": is_now and campaign.status == "planned" and asked.may("clerk"),
        "typed": asked.form if problem else _as_typed(campaign),
        **offered(asked),
    }
    return Shown(template="campaign.html", values=values, status=400 if problem else 200, fragment="work")


def _as_typed(campaign: CampaignView) -> dict[str, object]:
    """A plan as the fields of its form. Whom a list names isn't told here, only how many they are."""
    found = ((name, getattr(campaign, name)) for name in FIELDS)
    return {name: value for name, value in found if value is not None} | {"listed": campaign.customers or 0}


def _changed(asked: Asked, campaign_id: str) -> Answer:
    """What was left empty is taken out of the plan; a list of customers stays unless something takes its place."""
    campaigns = asked.crm.campaigns
    try:
        plan = typed_plan(asked)
        if plan["segment"] is None and "customers" not in plan:
            del plan["segment"]
        outcome = asked.do(ChangeCampaign.model_validate({**plan, "campaign_id": campaign_id}))
    except ValidationError as error:
        return _shown(asked, campaigns.campaign(campaign_id), sentence(error))
    except (RegularsError, ValueError) as error:
        return _shown(asked, campaigns.campaign(campaign_id), str(error))
    return GoTo(address=asked.links.to(address_of(campaign_id)), said=said(asked, outcome))


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
        case "change":
            return _changed(asked, campaign_id)
        case "effect":
            return effect(asked, campaign_id)
        case "launch":
            require(asked, LaunchCampaign)
            if asked.field("confirm") != "yes":
                raise ValueError(
                    asked._("Say that you mean it: a campaign is launched once, and who is in it stays so.")
                )
            work = partial(_launched, crm, campaign_id)
            jobs.begin(_working(campaign_id), "launch", asked.user, work)
            return GoTo(address=address)
        case "all_sent":
            require(asked, RecordOfferSent)
            jobs.begin(_working(campaign_id), "sent", asked.user, partial(record_sent, crm, campaign_id))
            return GoTo(address=address)
        case "sent":
            channel = crm.campaigns.campaign(campaign_id).campaign.channel
            given = {"offer_id": asked.field("offer"), "channel": channel}
            return _settled(asked, campaign_id, RecordOfferSent.model_validate(given))
        case "not_sent":
            return _settled(asked, campaign_id, RecordOfferNotSent(offer_id=asked.field("offer")))
        case _:
            return GoTo(address=address, said=said(asked, done(asked, ACTS, campaign_id=campaign_id)))


def _settled(asked: Asked, campaign_id: str, command: Command) -> GoTo:
    """What became of one offer is written down; then those that are still like it was are shown."""
    state = "sending" if asked.field("state") == "sending" else "assigned"
    outcome = asked.do(command)
    back = asked.links.to(address_of(campaign_id), part="people", arm="treated", state=state)
    return GoTo(address=back, said=said(asked, outcome))


def _launched(crm: Regulars, campaign_id: str, move: Moved) -> CampaignView:
    return crm.campaigns.launch(campaign_id, on_progress=move)


def _working(campaign_id: str) -> str:
    """One piece of work at a time for each campaign."""
    return f"campaign {campaign_id}"


PAGE = Page(path="/campaigns/{campaign:path}", title=N_("Campaign"), handler=show, sends=True)
