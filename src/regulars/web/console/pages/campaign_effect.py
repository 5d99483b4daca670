"""What a campaign did: its arms until its decision day, then the difference as known on it and as known now; and what
those of one kind did together.

Of few people that is worked out as it is asked for, of many by a job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from msgspec import Struct

from regulars.asking.campaigns import CampaignView
from regulars.effects.values import CampaignEffect, CampaignEffects, CampaignReading, Difference
from regulars.web.console.interval import Placed, placed
from regulars.web.console.jobs import Moved
from regulars.web.console.page import Answer, Asked, GoTo, Page, Shown
from regulars.web.console.pages.campaigns import address_of
from regulars.web.console.words import N_

#: So many people are read while a page is asked for.
SOON = 1_000

R = TypeVar("R", CampaignEffect, CampaignEffects)


class _Question(Struct, frozen=True):
    """What is worked out: the subject of its job, of how many people it is, and how."""

    subject: str
    people: int
    work: Callable[[Moved], object]


def effect(asked: Asked, campaign_id: str) -> Answer:
    """The effect of one campaign, or that it is worked out."""
    campaign = asked.crm.campaigns.campaign(campaign_id).campaign
    question = _of_one(asked, campaign)
    if asked.sent:
        _begin(asked, question)
        return GoTo(address=asked.links.to(address_of(campaign_id), part="effect"))
    found = _found(asked, question, CampaignEffect)
    values = {
        "campaign": campaign,
        "effect": found,
        "readings": [] if found is None else _readings(found),
        "drawn": _drawn,
        "job": asked.beside.jobs.find(question.subject),
    }
    return Shown(template="campaign_effect.html", values=values, fragment="effect")


def effects(asked: Asked) -> Answer:
    """Those of each kind together, or that they are worked out."""
    question = _of_all(asked)
    if asked.sent:
        _begin(asked, question)
        return GoTo(address=asked.links.to("/effects"))
    values = {
        "found": _found(asked, question, CampaignEffects),
        "drawn": _drawn,
        "job": asked.beside.jobs.find(question.subject),
    }
    return Shown(template="campaign_effects.html", values=values, fragment="effect")


def _readings(found: CampaignEffect) -> list[tuple[str, CampaignReading]]:
    readings = [(N_("As known on the decision day"), found.then), (N_("As known now"), found.now)]
    return [(title, each) for title, each in readings if each is not None]


def _of_one(asked: Asked, campaign: CampaignView) -> _Question:
    ask, known_at = asked.crm.campaigns.effect, asked.known_at

    def work(move: Moved) -> CampaignEffect:
        return ask(campaign.campaign_id, known_at=known_at, on_progress=move)

    return _Question(f"effect of {campaign.campaign_id} known at {known_at}", _people([campaign]), work)


def _of_all(asked: Asked) -> _Question:
    ask, known_at = asked.crm.campaigns.effects, asked.known_at

    def work(move: Moved) -> CampaignEffects:
        return ask(known_at=known_at, on_progress=move)

    return _Question(f"effects known at {known_at}", _people(asked.crm.campaigns.history()), work)


def _people(campaigns: Iterable[CampaignView]) -> int:
    launches = (each.launch for each in campaigns)
    return sum(each.treated + each.held_out for each in launches if each is not None)


def _begin(asked: Asked, question: _Question) -> None:
    asked.beside.jobs.begin(question.subject, "effect", asked.user, question.work)


def _found(asked: Asked, question: _Question, kind: type[R]) -> R | None:
    """What was worked out, or is at once; None of many people, before there is a job that did."""
    if question.people <= SOON:
        found = question.work(lambda done, total: None)
    else:
        job = asked.beside.jobs.find(question.subject)
        found = None if job is None else job.result
    return found if isinstance(found, kind) else None


def _drawn(difference: Difference) -> Placed:
    return placed(difference.value, difference.low, difference.high)


PAGE = Page(path="/effects", title=N_("What campaigns did"), handler=effects, sends=True)
