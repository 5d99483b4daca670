"""Campaigns as of any day: a list of them, one in full, and what became of each customer in one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import InitVar, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import partial, reduce
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from regulars.adapters.log.event_log import Search
from regulars.adapters.read_models.keyed_pages import HeldKey
from regulars.adapters.read_models.offer_counts import count_offers
from regulars.adapters.store.horizon import OpenTransaction
from regulars.adapters.store.transaction import Transaction
from regulars.asking.audit import AuditEntry, entries_of
from regulars.asking.customers import folded_in
from regulars.asking.held import HeldQuery, find_held
from regulars.asking.one_customer import read_contacts
from regulars.asking.paging import MAX_PAGE, Following, Paged
from regulars.crm_domain import campaign
from regulars.crm_domain.campaign import CampaignEvent, CampaignState, OutcomeOfCampaign
from regulars.crm_domain.command import CustomerId
from regulars.crm_domain.errors import NotFound
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import FOREVER, to_datetime
from regulars.crm_domain.offer import Arm, WhySkipped
from regulars.crm_domain.rulebook import NOBODY
from regulars.projections.offers import OFFERS, OfferState
from regulars.session.freshness import Freshness
from regulars.session.instants import instant_asked, instant_of
from regulars.session.session import Session
from regulars.session.traced import traced

CampaignStatus = Literal["planned", "running", "paused", "ended"]


@dataclass(frozen=True, slots=True)
class CampaignLaunch:
    """What was settled when a campaign was launched, in families: `audience` are those `skipped` and those `eligible`,
    of whom the draw by `seed` held `held_out` out, a `share` of them, and `treated` get the offer.

    Its effect is that of the window [at, decide_at). `rules_digest` is that of the rules of the gates.
    """

    at: datetime
    by: str
    decide_at: datetime
    seed: str
    share: Decimal
    audience: int
    eligible: int
    skipped: int
    treated: int
    held_out: int
    rules_digest: str | None


@dataclass(frozen=True, slots=True)
class CampaignView:
    """A campaign as of an instant: "planned", "running", "paused" or "ended", its plan, and what its launch settled.

    Its audience is a `segment`, or so many `customers`. `held_out` is the share that the plan names. It is decided on
    `decision_day`, or `decide_after_days` after the launch.
    """

    campaign_id: str
    status: CampaignStatus
    title: str
    kind: str
    segment: str | None
    customers: int | None
    channel: str
    purpose: str
    offer: str | None
    coupon_id: str | None
    offer_from: date | None
    offer_until: date | None
    held_out: Decimal | None
    outcome: OutcomeOfCampaign
    decision_day: date | None
    decide_after_days: int | None
    planned_at: datetime
    planned_by: str
    launch: CampaignLaunch | None


@dataclass(frozen=True, slots=True)
class OfferCount:
    """How many families are in an arm, or skipped before the draw, and how far their offers came."""

    arm: Arm
    state: OfferState
    why: WhySkipped | None
    families: int


@dataclass(frozen=True, slots=True)
class WholeCampaign:
    """One campaign as of an instant, how its offers stand, and all that had happened to it, oldest first.

    `crossed` counts families whose members the draw had put into different arms before they were merged.
    """

    campaign: CampaignView
    as_of: datetime
    counts: tuple[OfferCount, ...]
    crossed: int
    events: tuple[AuditEntry, ...]


@dataclass(frozen=True, slots=True)
class OfferView:
    """What became of one customer in a campaign: the arm, how far the offer came, and since when.

    `why` is the gate that they didn't pass; skipped after the draw, they stay in their arm. They have `crossed` where
    they were merged, and the draw had put them into different arms: then that of the smaller customer id counts.
    `ref` and `name` are today's.
    """

    campaign_id: str
    customer_id: CustomerId
    ref: str | None
    name: str | None
    arm: Arm
    state: OfferState
    why: WhySkipped | None
    offer_id: str
    crossed: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class OfferPage(Paged[OfferView]):
    """A page of what became of the customers of a campaign: pass `after` to ask for the next one; it is None on the
    last.

    Iterating a page that `goes_on`, because no `limit` was given, reads all pages that follow as well; `len` and
    indexes are about this page alone. `behind` and `held_back_by` are those of a page of customers.
    """

    offers: tuple[OfferView, ...]
    as_of: datetime
    after: str | None
    behind: int = 0
    held_back_by: OpenTransaction | None = None
    goes_on: bool = field(init=False)
    following: InitVar[Following | None] = field(kw_only=True)

    def _items(self) -> tuple[OfferView, ...]:
        return self.offers


class OfferQuery(Struct, frozen=True, kw_only=True):
    """What is asked of the customers of a campaign. See Campaigns.who. `at` is the instant of the pages before."""

    campaign_id: str
    arm: str | None
    state: str | None
    as_of: datetime | date | None
    limit: int
    after: str | None
    freshness: Freshness
    goes_on: bool
    known_at: datetime | date | None = None
    at: int | None = None


def campaign_events(session: Session, tx: Transaction, campaign_id: str) -> list[Recorded[Event]]:
    """All that happened to a campaign, in order of recording. Raises NotFound for one that isn't there."""
    events = list(tx.log.streams([session.store.stream_of(campaign.CATEGORY, campaign_id)]))
    if not events:
        raise NotFound(f'there is no campaign "{campaign_id}"; PlanCampaign plans one')
    return events


def state_of(events: Iterable[Recorded[Event]]) -> CampaignState:
    """Where some events leave a campaign."""
    return reduce(campaign.CAMPAIGN.evolve, (_of_campaign(each) for each in events), CampaignState())


def _of_campaign(recorded: Recorded[Event]) -> CampaignEvent:
    event = recorded.event
    assert isinstance(event, CampaignEvent)
    return event


@traced("campaigns")
def find_campaigns(
    session: Session, as_of: datetime | date | None, known_at: datetime | date | None
) -> tuple[CampaignView, ...]:
    """All campaigns that were planned by an instant, in order of planning."""
    with session.store.reading() as tx:
        viewpoint = session.viewpoint(tx, known_at)
        at = FOREVER if as_of is None else instant_of(as_of, viewpoint.rules.zone)
        by_id: dict[str, list[Recorded[Event]]] = {}
        types = frozenset[type[Event]](get_args(CampaignEvent))
        for each in tx.log.every(Search(customer_ids=(NOBODY,), types=types, oldest_first=True)):
            if each.occurred_at <= at and viewpoint.knows(each.position):
                by_id.setdefault(_of_campaign(each).campaign_id, []).append(each)
        return tuple(view_campaign(events) for events in by_id.values())


@traced("campaign")
def find_campaign(
    session: Session,
    campaign_id: str,
    as_of: datetime | date | None,
    freshness: Freshness,
    known_at: datetime | date | None = None,
) -> WholeCampaign:
    """One campaign in full. Raises NotFound where there is none of that id, or it wasn't planned by then."""
    with folded_in(session, freshness, known_at, None, None) as (tx, viewpoint):
        at = instant_asked(session.now(), viewpoint.rules.zone, as_of, known_at)
        every = [each for each in campaign_events(session, tx, campaign_id) if viewpoint.knows(each.position)]
        events = [each for each in every if as_of is None or each.occurred_at <= at]
        if not events:
            raise NotFound(f'campaign "{campaign_id}" wasn\'t planned yet by {to_datetime(at).isoformat()}')
        assert viewpoint.models is not None
        found = count_offers(viewpoint.models, tx.connection, campaign_id, max(at, events[-1].occurred_at))
        return WholeCampaign(
            campaign=view_campaign(events),
            as_of=to_datetime(at),
            counts=_counts(found),
            crossed=sum(count for (_, _, _, crossed), count in found.items() if crossed),
            events=entries_of(tx, session.store.registry.catalogue, events),
        )


def _counts(found: Mapping[tuple[str, str, str | None, int], int]) -> tuple[OfferCount, ...]:
    together: dict[tuple[str, str, str | None], int] = {}
    for (arm, state, why, _), count in found.items():
        together[arm, state, why] = together.get((arm, state, why), 0) + count
    order = sorted(together.items(), key=lambda item: (_ARMS.index(item[0][0]), item[0][1], item[0][2] or ""))
    return tuple(OfferCount(arm, state, why, count) for (arm, state, why), count in order)  # type: ignore[arg-type]


_ARMS = ("treated", "held_out", "skipped")


def view_campaign(events: list[Recorded[Event]]) -> CampaignView:
    """A campaign as its events leave it; there is at least one."""
    state = state_of(events)
    plan, planned = state.plan, events[0]
    assert plan is not None
    return CampaignView(
        campaign_id=_of_campaign(planned).campaign_id,
        status=state.status,
        title=plan.title,
        kind=plan.kind,
        segment=plan.segment,
        customers=len(plan.customer_ids) if plan.segment is None else None,
        channel=plan.channel,
        purpose=plan.purpose,
        offer=plan.offer,
        coupon_id=plan.coupon_id,
        offer_from=plan.offer_from,
        offer_until=plan.offer_until,
        held_out=None if plan.held_out is None else Decimal(plan.held_out),
        outcome=plan.outcome,
        decision_day=plan.decision_day,
        decide_after_days=plan.decide_after_days,
        planned_at=to_datetime(planned.occurred_at),
        planned_by=planned.actor,
        launch=_launch(events),
    )


def launch_of(events: Iterable[Recorded[Event]]) -> Recorded[Event] | None:
    """The launch among the events of a campaign."""
    return next((each for each in events if isinstance(each.event, campaign.CampaignLaunched)), None)


def _launch(events: Iterable[Recorded[Event]]) -> CampaignLaunch | None:
    found = launch_of(events)
    if found is None:
        return None
    event = found.event
    assert isinstance(event, campaign.CampaignLaunched)
    return CampaignLaunch(
        at=to_datetime(event.at),
        by=found.actor,
        decide_at=to_datetime(event.decide_at),
        seed=event.seed,
        share=Decimal(event.share),
        audience=event.audience,
        eligible=event.eligible,
        skipped=event.skipped,
        treated=event.treated,
        held_out=event.held_out,
        rules_digest=event.rules_digest,
    )


@traced("offers")
def find_offers(session: Session, query: OfferQuery) -> OfferPage:
    """A page of what became of the customers of a campaign; forgotten ones are left out.

    Raises NotFound for a campaign that isn't there, ValueError for an arm or a state that there isn't.
    """
    _require_word("arm", query.arm, _ARMS)
    _require_word("state", query.state, get_args(OfferState))
    with folded_in(session, query.freshness, query.known_at, None, None) as (tx, viewpoint):
        campaign_events(session, tx, query.campaign_id)
        at = query.at
        if at is None:
            at = instant_asked(session.now(), viewpoint.rules.zone, query.as_of, query.known_at)
        wanted = {"arm": query.arm, "state": query.state}
        page = find_held(
            session,
            tx,
            viewpoint,
            HeldQuery(
                projector=OFFERS,
                at=at,
                customer=None,
                value=None,
                limit=query.limit,
                after=query.after,
                freshness=query.freshness,
                keys=(query.campaign_id,),
                equal={name: word for name, word in wanted.items() if word is not None},
            ),
        )
        contacts = read_contacts(tx, {each.customer_id for each in page.found})
        following = partial(_following, session, replace(query, at=at))
        return OfferPage(
            offers=tuple(
                view_offer(each, contacts[each.customer_id].ref, contacts[each.customer_id].name) for each in page.found
            ),
            as_of=to_datetime(at),
            after=page.after,
            behind=page.behind,
            held_back_by=page.held_back_by,
            following=following if query.goes_on else None,
        )


def _following(session: Session, query: OfferQuery, after: str) -> OfferPage:
    return find_offers(session, replace(query, after=after, limit=MAX_PAGE))


def view_offer(held: HeldKey, ref: str | None, name: str | None) -> OfferView:
    """What became of a customer in the campaign of an interval."""
    verdict = held.interval.verdict
    return OfferView(
        campaign_id=held.interval.key,
        customer_id=CustomerId(held.customer_id),
        ref=ref,
        name=name,
        arm=verdict.arm,
        state=verdict.state,
        why=verdict.why,
        offer_id=verdict.offer_id,
        crossed=bool(verdict.crossed),
        since=to_datetime(held.interval.valid_from),
    )


def _require_word(what: str, word: str | None, words: Iterable[str]) -> None:
    words = tuple(words)
    if word is not None and word not in words:
        raise ValueError(f'there is no {what} "{word}"; it is one of {", ".join(words)}')
