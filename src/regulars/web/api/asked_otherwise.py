"""Questions that are asked of a store otherwise than by a method of its own: by one of a value, or in pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from regulars.asking.campaign_preview import CampaignPreview, WhyOffered
from regulars.asking.campaigns import CampaignView, OfferPage, WholeCampaign
from regulars.asking.dicts import plain
from regulars.asking.views import Explanation, Timeline
from regulars.crm import Regulars
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.event import Event, Recorded, tag_of
from regulars.crm_domain.offer import Arm
from regulars.doing.rewards import RewardsForecast, line_of
from regulars.effects import CampaignEffect, CampaignEffects
from regulars.measures.flow import Mover
from regulars.projections.offers import OfferState
from regulars.projections.rules.grammar import Ruleset, parse_rules
from regulars.rules_door.estimating import SAMPLE, RulesEstimate
from regulars.rules_door.publishing import RulesVersion
from regulars.sending.values import OutgoingOffer
from regulars.session.session import AnyRules
from regulars.web.api.parameters import RulesText

EVENTS = 100
OFFERS = 100


class ToldEvent(Struct, frozen=True, kw_only=True):
    """An event with its envelope. `event` is as it is stored: money in minor units, its instants in microseconds."""

    position: int
    type: str
    customer_id: str
    occurred_at: str
    recorded_at: str
    actor: str
    event: Mapping[str, Any]


class EventsPage(Struct, frozen=True, kw_only=True):
    """Events in order of position; `after` is that of the last one, to go on from. It is None where nothing is new."""

    events: tuple[ToldEvent, ...]
    after: int | None


def find(crm: Regulars, who: str) -> CustomerId:
    """The id of a customer, found by reference, by e-mail or by phone number, in this order."""
    return crm.find(who)


def explain(
    crm: Regulars,
    who: str | CustomerId,
    *,
    as_of: datetime | date | None = None,
    known_at: datetime | date | None = None,
    rules: AnyRules | None = None,
) -> Explanation:
    """Every verdict of a customer with the clauses that decided it, the events behind each, and what comes next."""
    return crm.customer(who, as_of=as_of, known_at=known_at, rules=rules).explain()


def timeline(
    crm: Regulars, who: str | CustomerId, *, known_at: datetime | date | None = None, rules: AnyRules | None = None
) -> Timeline:
    """Every verdict of a customer from the first event on, and their tickets, tasks and opportunities, with the future
    that is already due.
    """
    return crm.customer(who, known_at=known_at, rules=rules).timeline()


def rewards_forecast(
    crm: Regulars, who: str | CustomerId, amount: Decimal, *, skus: Sequence[str] = (), coupon: str | None = None
) -> RewardsForecast:
    """What an order of an amount would bring a customer now: points, bonus points, the tier, and what coupons take off.

    An item is such as "tea-100", or "tea-100=24.90" with what its line comes to; a coupon is named by its id.
    """
    return crm.rewards_forecast(who, amount, lines=[line_of(each) for each in skus], coupon=coupon)


def movers(
    crm: Regulars,
    lane: str,
    first: datetime | date,
    second: datetime | date,
    *,
    old: str | None = None,
    new: str | None = None,
    where: Mapping[str, str] = MappingProxyType({}),
    known_at: datetime | date | None = None,
    rules: AnyRules | None = None,
    limit: int | None = None,
) -> tuple[Mover, ...]:
    """The customers behind one number of a flow: those who went from `old` to `new`, where leaving one out stands for
    no verdict.
    """
    return crm.movers(lane, first, second, (old, new), where=where, known_at=known_at, rules=rules, limit=limit)


def events(
    crm: Regulars, *, after: int = 0, customer: str | CustomerId | None = None, limit: int = EVENTS
) -> EventsPage:
    """What was recorded after a position and is settled by now, oldest first, at most 1,000 events at once."""
    _require_limit(limit)
    found = tuple(map(_told, islice(crm.events(after=after, customer=customer), limit)))
    return EventsPage(events=found, after=found[-1].position if found else None)


def _require_limit(limit: int) -> None:
    if not 1 <= limit <= 1_000:
        raise ValueError(f"limit is a number from 1 to 1000, not {limit}")


def _told(each: Recorded[Event]) -> ToldEvent:
    envelope = plain(each)
    return ToldEvent(
        position=each.position,
        type=tag_of(type(each.event)),
        customer_id=f"id:{each.customer_id}" if each.customer_id else "",
        occurred_at=envelope["occurred_at"],
        recorded_at=envelope["recorded_at"],
        actor=each.actor,
        event=plain(each.event),
    )


def rules_in_force(crm: Regulars) -> Ruleset:
    """The rules in force."""
    return crm.rules.in_force


def rules_version(crm: Regulars, number: int) -> Ruleset:
    """The version of the rules with this number, counted from 1."""
    return crm.rules.version(number)


def rules_history(crm: Regulars) -> tuple[RulesVersion, ...]:
    """All versions of the rules, oldest first."""
    return crm.rules.history()


def rules_estimate(
    crm: Regulars, toml: RulesText, *, customers: int = SAMPLE, as_of: datetime | date | None = None
) -> RulesEstimate:
    """About how many would move if these rules were published, from a sample; exact where everybody is in it.

    `toml` is the whole ruleset. Nothing is published.
    """
    return crm.rules.estimate(parse_rules(toml, grammar=crm.grammar), customers=customers, as_of=as_of)


def campaigns(
    crm: Regulars, *, as_of: datetime | date | None = None, known_at: datetime | date | None = None
) -> tuple[CampaignView, ...]:
    """All campaigns that were planned by an instant, in order of planning."""
    return crm.campaigns.history(as_of=as_of, known_at=known_at)


def campaign(
    crm: Regulars,
    campaign_id: str,
    *,
    as_of: datetime | date | None = None,
    known_at: datetime | date | None = None,
) -> WholeCampaign:
    """One campaign in full: its plan, its launch, how its offers stand, and its events."""
    return crm.campaigns.campaign(campaign_id, as_of=as_of, known_at=known_at)


def campaign_preview(crm: Regulars, campaign_id: str, *, as_of: datetime | date | None = None) -> CampaignPreview:
    """What a campaign would be if it were launched: who is in it, who isn't and why, and what it could show."""
    return crm.campaigns.preview(campaign_id, as_of=as_of)


def explain_offer(
    crm: Regulars, campaign_id: str, who: str | CustomerId, *, as_of: datetime | date | None = None
) -> WhyOffered:
    """Why somebody gets the offer of a campaign or doesn't, gate by gate."""
    return crm.campaigns.explain(campaign_id, who, as_of=as_of)


def offers(
    crm: Regulars,
    campaign_id: str,
    *,
    arm: Arm | None = None,
    state: OfferState | None = None,
    as_of: datetime | date | None = None,
    known_at: datetime | date | None = None,
    limit: int | None = None,
    after: str | None = None,
) -> OfferPage:
    """What became of the customers of a campaign: their arm, and how far the offer came. By default 100 of them."""
    limit = OFFERS if limit is None else limit
    return crm.campaigns.who(
        campaign_id, arm=arm, state=state, as_of=as_of, known_at=known_at, limit=limit, after=after
    )


def to_send(
    crm: Regulars, campaign_id: str, *, in_doubt: bool = False, limit: int = OFFERS
) -> tuple[OutgoingOffer, ...]:
    """The offers of a campaign that are still to be sent, with addresses and texts; or those in doubt, which may have
    been sent. At most `limit` of them, up to 1,000: what is recorded as sent is no longer among them.
    """
    _require_limit(limit)
    return tuple(islice(crm.campaigns.to_send(campaign_id, in_doubt=in_doubt), limit))


def campaign_effect(crm: Regulars, campaign_id: str, *, known_at: datetime | date | None = None) -> CampaignEffect:
    """What a campaign did, from its decision day on: as known then, and as known now."""
    return crm.campaigns.effect(campaign_id, known_at=known_at)


def campaign_effects(
    crm: Regulars, *, kind: str | None = None, known_at: datetime | date | None = None
) -> CampaignEffects:
    """What all campaigns did, those of one kind together, and who is in two at once."""
    return crm.campaigns.effects(kind, known_at=known_at)


def launch_campaign(crm: Regulars, campaign_id: str) -> CampaignView:
    """Launch a campaign: draw who gets the offer and who is held out, for good. Nothing is sent."""
    return crm.campaigns.launch(campaign_id)
