"""What is told of a campaign's effect: its arms, the difference between them, and what that is worth."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from regulars.crm_domain.campaign import OutcomeOfCampaign
from regulars.projections.offers import OfferState

#: What a comparison comes to: its interval excludes 0, it contains 0, or there is too little to tell.
EffectVerdict = Literal["difference", "no_difference", "cant_tell"]


class CampaignArm(Struct, frozen=True, kw_only=True):
    """The families of an arm, as they were drawn, and how far their offers came, whatever became of them.

    An offer that is skipped after the draw, that bounces, or that is sent to somebody held out changes no arm.
    """

    families: int
    offers: Mapping[OfferState, int]


class ArmOutcome(Struct, frozen=True, kw_only=True):
    """What the families of an arm did in the window: how many `bought`, and what they spent together, less what came
    back, in the store's currency.
    """

    families: int
    bought: int
    spend: Decimal


class Difference(Struct, frozen=True, kw_only=True):
    """The treated less those held out, with its 95 % interval: a difference of shares between -1 and 1, or of spend a
    family in the store's currency.
    """

    value: float
    low: float
    high: float


class CampaignReading(Struct, frozen=True, kw_only=True):
    """What came of a campaign, as it was known at an instant.

    `crossed` families have members whom the draw had put into different arms before they were merged. Where it can't be
    told, there is no `difference`. `could_show` is the least difference that arms of this size show 4 times out of 5,
    None where there is none, or it isn't known what they would spend. `sentence` says it all.
    """

    known_at: datetime
    treated: ArmOutcome
    held_out: ArmOutcome
    crossed: int
    verdict: EffectVerdict
    difference: Difference | None
    could_show: float | None
    sentence: str


class Exploratory(Struct, frozen=True, kw_only=True):
    """How many families of each arm were at a value on the decision day, such as the stage "regular".

    It is there to be looked at: nothing that wasn't named at the launch has a verdict, or an interval.
    """

    what: str
    value: str
    treated: int
    held_out: int


class Overlap(Struct, frozen=True, kw_only=True):
    """Two campaigns whose windows overlap, and how many families are in an arm of both; `treated` are so in both."""

    first: str
    second: str
    families: int
    treated: int


class CampaignEffect(Struct, frozen=True, kw_only=True):
    """What a campaign did to its outcome in the window [launched_at, decide_at).

    Before `decide_at` there are the arms alone: who looks at differences every day finds one that isn't there. From
    then on two answers stand: `then`, as known when it was decided, which nothing that is recorded later changes, and
    `now`, with returns and corrections that became known since. `currency` is that of spend.
    """

    campaign_id: str
    title: str
    kind: str
    outcome: OutcomeOfCampaign
    launched_at: datetime
    decide_at: datetime
    is_decided: bool
    currency: str | None
    treated: CampaignArm
    held_out: CampaignArm
    crossed: int
    skipped: int
    then: CampaignReading | None
    now: CampaignReading | None
    exploratory: tuple[Exploratory, ...]
    overlaps: tuple[Overlap, ...]
    sentence: str


class PooledReading(Struct, frozen=True, kw_only=True):
    """What the campaigns of a kind came to together; each is a stratum of its own (Mantel and Haenszel). Where there is
    one alone, it is what that came to by itself.
    """

    treated: ArmOutcome
    held_out: ArmOutcome
    verdict: EffectVerdict
    difference: Difference | None
    sentence: str


class PooledCampaign(Struct, frozen=True, kw_only=True):
    """A campaign of a kind: `then` and `now` are as CampaignEffect has them, None before it is decided."""

    campaign_id: str
    title: str
    outcome: OutcomeOfCampaign
    decide_at: datetime
    is_pooled: bool
    then: CampaignReading | None
    now: CampaignReading | None


class KindEffect(Struct, frozen=True, kw_only=True):
    """The campaigns of one kind, in order of their launch, and what those that are decided came to together.

    Pooled are those that are judged by who bought: `then` has each as known when it was decided, `now` all as known
    now. Both are None where there is none.
    """

    kind: str
    campaigns: tuple[PooledCampaign, ...]
    then: PooledReading | None
    now: PooledReading | None


class CampaignEffects(Struct, frozen=True, kw_only=True):
    """All kinds of campaigns by name, and who is in the arms of two campaigns whose windows overlap."""

    currency: str | None
    kinds: tuple[KindEffect, ...]
    overlaps: tuple[Overlap, ...]
