"""What did a campaign do? Its arms, from its decision day on the difference between them, and what stands beside it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from regulars.adapters.log.event_log import Search
from regulars.adapters.read_models.offers_beside import count_in_arms, count_in_both, holding
from regulars.adapters.store.transaction import Transaction
from regulars.crm_domain.campaign import CAMPAIGN, CampaignChanged, CampaignLaunched, CampaignPlanned, CampaignState
from regulars.crm_domain.errors import NotFound
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.rulebook import NOBODY
from regulars.effects.comparing import Campaign, Compared, arms_now, compare, watched
from regulars.effects.outcomes import Arm, Arms
from regulars.effects.values import CampaignArm, CampaignEffect, Exploratory, Overlap
from regulars.measures.asked import Asked, Axes, asking, dimension
from regulars.projections.segments.projector import SEGMENTS
from regulars.session.session import Session
from regulars.session.traced import traced

#: What families are looked at by on the decision day, beside the outcome that was named at the launch.
EXPLORED = ("stage", "risk", "segment", "tickets")
_LEFT = "bought and left the segment"

#: What says what a campaign is, and what its launch settled; pauses change nothing of its effect.
_SETTLING: frozenset[type[Event]] = frozenset({CampaignPlanned, CampaignChanged, CampaignLaunched})


@traced("campaign effect")
def find_effect(session: Session, campaign_id: str, axes: Axes) -> CampaignEffect:
    """The effect of a campaign.

    Raises NotFound for one that isn't there, or isn't launched yet.
    """
    with asking(session, axes) as asked:
        states = read_campaigns(asked.tx, asked.until)
        if campaign_id not in states:
            known = "; PlanCampaign plans one" if asked.until is None else " that was known then"
            raise NotFound(f'there is no campaign "{campaign_id}"{known}')
        campaigns = launched_of(states.values())
        campaign = next((each for each in campaigns if each.launched.campaign_id == campaign_id), None)
        if campaign is None:
            raise NotFound(f'campaign "{campaign_id}" isn\'t launched yet, so it has no effect')
        read = watched(axes.on_progress, [campaign], asked)
        compared = compare(session, asked, campaign, read) if campaign.is_decided(asked) else None
        arms = arms_now(session, asked, campaign, read) if compared is None else compared.now_arms
        return _effect(session, asked, campaign, arms, compared, campaigns)


def read_campaigns(tx: Transaction, until: int | None) -> dict[str, CampaignState]:
    """Where every campaign stands by its id, as known at a position."""
    settling = Search(customer_ids=(NOBODY,), types=_SETTLING, known_until=until, oldest_first=True)
    states: defaultdict[str, CampaignState] = defaultdict(CampaignState)
    for each in tx.log.every(settling):
        if isinstance(each.event, CampaignPlanned | CampaignChanged | CampaignLaunched):
            states[each.event.campaign_id] = CAMPAIGN.evolve(states[each.event.campaign_id], each.event)
    return dict(states)


def launched_of(states: Iterable[CampaignState]) -> list[Campaign]:
    """Those of some campaigns that were launched, in order of that."""
    found = [Campaign(each.plan, each.launched) for each in states if each.plan and each.launched]
    return sorted(found, key=lambda each: (each.launched.at, each.launched.campaign_id))


def _effect(
    session: Session,
    asked: Asked,
    campaign: Campaign,
    arms: Arms,
    compared: Compared | None,
    campaigns: list[Campaign],
) -> CampaignEffect:
    plan, launched = campaign.plan, campaign.launched
    others = [each for each in campaigns if each is not campaign]
    return CampaignEffect(
        campaign_id=launched.campaign_id,
        title=plan.title,
        kind=plan.kind,
        outcome=launched.outcome,
        launched_at=to_datetime(launched.at),
        decide_at=to_datetime(launched.decide_at),
        is_decided=compared is not None,
        currency=asked.currency,
        treated=_arm(arms.treated),
        held_out=_arm(arms.held_out),
        crossed=arms.crossed,
        skipped=launched.skipped,
        then=None if compared is None else compared.then,
        now=None if compared is None else compared.now,
        exploratory=() if compared is None else _exploratory(session, asked, campaign, arms),
        overlaps=overlaps_of(asked, [(campaign, each) for each in others]),
        sentence=_undecided(asked, campaign) if compared is None else compared.then.sentence,
    )


def _arm(arm: Arm) -> CampaignArm:
    return CampaignArm(families=arm.families, offers=dict(sorted(arm.offers.items())))


def _undecided(asked: Asked, campaign: Campaign) -> str:
    day = to_datetime(campaign.launched.decide_at - 1).astimezone(asked.zone).date()
    return f"Not decided yet: the difference is told once {day} is over, as who looks early finds one that isn't there."


def _exploratory(session: Session, asked: Asked, campaign: Campaign, arms: Arms) -> tuple[Exploratory, ...]:
    """How the families stood at the end of the decision day."""
    plan, launched, connection = campaign.plan, campaign.launched, asked.tx.connection
    at, found = launched.decide_at - 1, list[Exploratory]()
    for what in EXPLORED:
        projection, column = dimension(session.store.registry, what)
        counts = count_in_arms(asked.models, connection, launched.campaign_id, projection, column, at)
        texts = Counter(text for _, text in counts)
        found += [
            Exploratory(
                what=what,
                value=text,
                treated=counts.get(("treated", text), 0),
                held_out=counts.get(("held_out", text), 0),
            )
            for text in sorted(texts)
        ]
    if plan.segment is not None:
        left = (
            len(set(arm.buyers) - holding(asked.models, connection, SEGMENTS.name, plan.segment, at, arm.buyers))
            for arm in (arms.treated, arms.held_out)
        )
        treated, held_out = left
        found.append(Exploratory(what=_LEFT, value=plan.segment, treated=treated, held_out=held_out))
    return tuple(found)


def overlaps_of(asked: Asked, pairs: Iterable[tuple[Campaign, Campaign]]) -> tuple[Overlap, ...]:
    """Those pairs of campaigns whose windows overlap and that have families in common."""
    found = []
    for one, other in pairs:
        here, there = one.launched, other.launched
        if here.at < there.decide_at and there.at < here.decide_at:
            counts = count_in_both(asked.models, asked.tx.connection, here.campaign_id, there.campaign_id)
            if counts:
                found.append(
                    Overlap(
                        first=here.campaign_id,
                        second=there.campaign_id,
                        families=sum(counts.values()),
                        treated=counts.get(("treated", "treated"), 0),
                    )
                )
    return tuple(found)
