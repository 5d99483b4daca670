"""One campaign's two answers: what came of it as known when it was decided, and as known now."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from regulars.adapters.progress import Progress
from regulars.crm_domain.campaign import CampaignLaunched, CampaignPlan
from regulars.crm_domain.instant import to_datetime
from regulars.crm_domain.money import exponent_of
from regulars.effects.judging import Judged, Unit, judge_bought, judge_spend
from regulars.effects.outcomes import Arm, Arms, read_arms
from regulars.effects.values import ArmOutcome, CampaignReading
from regulars.measures.asked import Asked
from regulars.measures.revenue import money
from regulars.session.session import Session


class Campaign(Struct, frozen=True):
    """A campaign that was launched: its plan, and what its launch settled."""

    plan: CampaignPlan
    launched: CampaignLaunched

    def is_decided(self, asked: Asked) -> bool:
        """Whether its decision day is over, as known at the instant that is asked for.

        Now something may still be recorded at this very instant; at one that is past, nothing more can be.
        """
        is_past = asked.until is not None
        return self.launched.decide_at <= asked.now + is_past


class Compared(Struct, frozen=True, kw_only=True):
    """The arms of a campaign that is decided, as they were known then and are known now, and what each comes to."""

    then_arms: Arms
    now_arms: Arms
    then: CampaignReading
    now: CampaignReading


def watched(on_progress: Progress | None, campaigns: list[Campaign], asked: Asked) -> Callable[[int], None]:
    """Who is to be told how many customers more were read of some campaigns: those that are decided are read twice."""
    drawn = {each.launched.campaign_id: each.launched.treated + each.launched.held_out for each in campaigns}
    total = sum(drawn[each.launched.campaign_id] * (2 if each.is_decided(asked) else 1) for each in campaigns)
    done = 0

    def read(more: int) -> None:
        nonlocal done
        done += more
        if on_progress is not None:
            on_progress(done, total)

    return read


def arms_now(session: Session, asked: Asked, campaign: Campaign, read: Callable[[int], None]) -> Arms:
    """The arms of a campaign as they are known at the instant that is asked for."""
    return read_arms(session.store, asked.tx, session.rules(asked.tx), campaign.launched, asked.until, read)


def compare(session: Session, asked: Asked, campaign: Campaign, read: Callable[[int], None]) -> Compared:
    """Both answers of a campaign that is decided."""
    decide_at = campaign.launched.decide_at
    until = session.store.position_at(asked.tx.connection, decide_at - 1)
    then = read_arms(session.store, asked.tx, session.rules(asked.tx), campaign.launched, until, read)
    now = arms_now(session, asked, campaign, read)
    return Compared(
        then_arms=then,
        now_arms=now,
        then=_reading(then, campaign, decide_at - 1, asked.currency),
        now=_reading(now, campaign, asked.now, asked.currency),
    )


def _reading(arms: Arms, campaign: Campaign, known_at: int, currency: str | None) -> CampaignReading:
    judged = _judged(arms, campaign.launched, currency)
    return CampaignReading(
        known_at=to_datetime(known_at),
        treated=outcome_of([arms.treated], currency),
        held_out=outcome_of([arms.held_out], currency),
        crossed=arms.crossed,
        verdict=judged.verdict,
        difference=judged.difference,
        could_show=judged.could_show,
        sentence=judged.sentence,
    )


def _judged(arms: Arms, launched: CampaignLaunched, currency: str | None) -> Judged:
    treated, held_out = arms.treated, arms.held_out
    if launched.outcome == "bought":
        return judge_bought(treated.bought, treated.families, held_out.bought, held_out.families, launched.share)
    # The seed of the draw serves for the permutations, so that the same data always has the same interval.
    return judge_spend(treated.spend, held_out.spend, launched.share, launched.seed, _unit_of(currency))


def _unit_of(currency: str | None) -> Unit:
    """Minor units, told in the currency; before there is one, nothing was spent."""
    digits = exponent_of(currency) if currency else 0
    unit = 10.0**-digits
    return Unit(f"{currency or ''} a family".strip(), digits, said=unit, told=unit)


def outcome_of(arms: list[Arm], currency: str | None) -> ArmOutcome:
    """What some arms did together."""
    return ArmOutcome(
        families=sum(each.families for each in arms),
        bought=sum(each.bought for each in arms),
        spend=money(sum(sum(each.spend) for each in arms), currency),
    )
