"""What did the campaigns of one kind do together? A small firm sees anything only so.

Each campaign that is decided is a stratum: nobody is compared with somebody of another campaign. Only those are pooled
that are judged by who bought: spend has another outcome, named at its launch, and keeps it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

from regulars.crm_domain.errors import NotFound
from regulars.crm_domain.instant import to_datetime
from regulars.effects.comparing import Campaign, Compared, compare, outcome_of, watched
from regulars.effects.effect import launched_of, overlaps_of, read_campaigns
from regulars.effects.judging import judge_pooled
from regulars.effects.outcomes import Arms
from regulars.effects.values import CampaignEffects, CampaignReading, KindEffect, PooledCampaign, PooledReading
from regulars.measures.asked import Asked, Axes, asking
from regulars.session.session import Session
from regulars.session.traced import traced


@traced("campaign effects")
def find_effects(session: Session, kind: str | None, axes: Axes) -> CampaignEffects:
    """The effects of all campaigns that were launched, or those of one kind, by kind.

    Raises NotFound for a kind that no campaign is of.
    """
    with asking(session, axes) as asked:
        states = read_campaigns(asked.tx, asked.until).values()
        kinds = sorted({each.plan.kind for each in states if each.plan})
        if kind is not None and kind not in kinds:
            raise NotFound(f'no campaign is of the kind "{kind}"; kinds there are: {", ".join(kinds) or "none"}')
        everything = launched_of(states)
        campaigns = [each for each in everything if kind in (None, each.plan.kind)]
        read = watched(axes.on_progress, [each for each in campaigns if each.is_decided(asked)], asked)
        by_kind: defaultdict[str, list[tuple[Campaign, Compared | None]]] = defaultdict(list)
        for each in campaigns:
            compared = compare(session, asked, each, read) if each.is_decided(asked) else None
            by_kind[each.plan.kind].append((each, compared))
        pairs = (
            pair for pair in combinations(everything, 2) if kind is None or kind in {each.plan.kind for each in pair}
        )
        return CampaignEffects(
            currency=asked.currency,
            kinds=tuple(_kind(name, by_kind[name], asked) for name in sorted(by_kind)),
            overlaps=overlaps_of(asked, pairs),
        )


def _kind(kind: str, campaigns: Sequence[tuple[Campaign, Compared | None]], asked: Asked) -> KindEffect:
    pooled = [compared for each, compared in campaigns if compared and _is_pooled(each)]
    return KindEffect(
        kind=kind,
        campaigns=tuple(
            PooledCampaign(
                campaign_id=each.launched.campaign_id,
                title=each.plan.title,
                outcome=each.launched.outcome,
                decide_at=to_datetime(each.launched.decide_at),
                is_pooled=compared is not None and _is_pooled(each),
                then=None if compared is None else compared.then,
                now=None if compared is None else compared.now,
            )
            for each, compared in campaigns
        ),
        then=_pooled([(each.then_arms, each.then) for each in pooled], asked),
        now=_pooled([(each.now_arms, each.now) for each in pooled], asked),
    )


def _is_pooled(campaign: Campaign) -> bool:
    return campaign.launched.outcome == "bought"


def _pooled(strata: Sequence[tuple[Arms, CampaignReading]], asked: Asked) -> PooledReading | None:
    """What some campaigns come to together. One alone is judged as it is by itself: two intervals for one difference
    could be two verdicts.
    """
    if not strata:
        return None
    judged = strata[0][1] if len(strata) == 1 else judge_pooled([_stratum(arms) for arms, _ in strata])
    return PooledReading(
        treated=outcome_of([arms.treated for arms, _ in strata], asked.currency),
        held_out=outcome_of([arms.held_out for arms, _ in strata], asked.currency),
        verdict=judged.verdict,
        difference=judged.difference,
        sentence=judged.sentence,
    )


def _stratum(arms: Arms) -> tuple[int, int, int, int]:
    return arms.treated.bought, arms.treated.families, arms.held_out.bought, arms.held_out.families
