"""What a campaign would be if it were launched as of some instant: who, who not and why, and what it could show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from statistics import fmean, pstdev

from msgspec import Struct
from msgspec.structs import replace

from regulars.adapters.progress import Progress
from regulars.adapters.read_models.catch_up import events_behind
from regulars.adapters.read_models.keyed_pages import values_at, verdicts_of
from regulars.adapters.read_models.rows import ReadModels
from regulars.adapters.store.transaction import Transaction
from regulars.asking.campaign_audience import (
    Members,
    Unit,
    count_skipped,
    find_alike,
    find_audience,
    launching,
    stand_before_gates,
)
from regulars.asking.campaign_coupon import coupon_of, require_coupon
from regulars.asking.campaign_gates import gates
from regulars.asking.campaigns import CampaignView, campaign_events, launch_of, state_of, view_campaign
from regulars.asking.one_customer import read_contacts
from regulars.crm_domain.campaign import (
    CAMPAIGN,
    DECIDED_AFTER_DAYS,
    LEAST_DRAWN,
    CampaignPlan,
    CampaignState,
    decided_at,
    how_many_held_out,
    share_by_default,
)
from regulars.crm_domain.command import Context, CustomerId
from regulars.crm_domain.coupon import Coupon
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.instant import DAY, MICROSECOND, to_datetime
from regulars.crm_domain.money import from_minor_units
from regulars.crm_domain.offer import Arm, WhySkipped
from regulars.projections.churn_risk.projector import CHURN_RISK
from regulars.projections.lifecycle_stage.projector import LIFECYCLE_STAGE
from regulars.projections.loyalty_tier.projector import LOYALTY_TIER
from regulars.projections.offers import OFFERS, OfferState, OfferVerdict
from regulars.projections.rfm_summary import RFM_SUMMARY, RfmSummary
from regulars.projections.segments.projector import SEGMENTS
from regulars.session.instants import instant_of
from regulars.session.session import Session
from regulars.session.traced import traced
from regulars.session.viewpoint import Viewpoint
from regulars.statistics.power import least_difference, least_difference_of_means, people_needed

#: How many of the audience a preview names.
SHOWN = 10
#: The differences for which it is said how many people would do: those that are less than what would be seen.
_DIFFERENCES = (Fraction(1, 10), Fraction(1, 20), Fraction(1, 50), Fraction(1, 100))
_NAMED = 2
#: A preview draws nobody: whom the draw holds out is decided by a seed that isn't there before the launch.
SEED_OF_NONE = "0" * 16


@dataclass(frozen=True, slots=True)
class PeopleNeeded:
    """How many people in all would show a difference of shares, 4 times out of 5."""

    difference: Decimal
    people: int


@dataclass(frozen=True, slots=True)
class AudienceMember:
    """One family of an audience, by its smallest id; `why` is the first gate that they don't pass. `ref` and `name` are
    today's.
    """

    customer_id: CustomerId
    ref: str | None
    name: str | None
    why: WhySkipped | None


@dataclass(frozen=True, slots=True)
class CampaignPreview:
    """A campaign if it were launched as of an instant. Everything is counted in families, as merged customers are one.

    The `audience` are those who are `skipped`, by the gate that they don't pass, and the `eligible`: a `share` of them
    would be `held_out`, and the others `treated`. With fewer than two there are no arms. `stages`, `tiers` and `risks`
    say how the eligible stand.

    What they would do anyway is told by the window of the same length before, and by those who were in the segment as
    it began, and pass the gates now; for a list by the eligible themselves. Of these `counted_before`, `bought_before`
    bought in it, and spent `spread` beside their mean there, as a standard deviation. From these follows the least
    difference that the arms would show 4 times out of 5: of shares, `shows`, from 0 to 1, or for the outcome "spend" of
    money, `shows_spend`; None where nothing would be enough. `people_needed` says how many people it takes to show
    less. `first` are some of the audience, and `refusal` says why the launch would be refused. `behind` is how many
    events aren't folded in yet.
    """

    campaign: CampaignView
    as_of: datetime
    audience: int
    eligible: int
    skipped: Mapping[str, int]
    share: Decimal
    treated: int
    held_out: int
    decide_at: datetime
    window: timedelta
    counted_before: int
    bought_before: int
    spread: Decimal | None
    shows: Decimal | None
    shows_spend: Decimal | None
    people_needed: tuple[PeopleNeeded, ...]
    stages: Mapping[str, int]
    tiers: Mapping[str, int]
    risks: Mapping[str, int]
    first: tuple[AudienceMember, ...]
    refusal: str | None
    behind: int


@dataclass(frozen=True, slots=True)
class GateView:
    """One gate, whether somebody passes it, and why in a sentence."""

    gate: WhySkipped
    passes: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class WhyOffered:
    """Why somebody gets an offer of a campaign or doesn't, as of an instant: gate by gate.

    `in_audience` says whether they are in the segment, or on the list, and `why` is the first gate that they don't
    pass. Where the campaign `is_launched` by then, `arm` and `state` are what became of them, and `why` is what was
    written down: at the launch, or as they were skipped after it. All three are None for whoever wasn't in it. The
    gates are as known now, so what was told later may have changed them since.
    """

    campaign_id: str
    customer_id: CustomerId
    ref: str | None
    name: str | None
    as_of: datetime
    in_audience: bool
    gates: tuple[GateView, ...]
    is_launched: bool
    why: WhySkipped | None
    arm: Arm | None
    state: OfferState | None


@traced("preview")
def preview_campaign(
    session: Session, campaign_id: str, as_of: datetime | date | None, on_progress: Progress | None
) -> CampaignPreview:
    """A campaign if it were launched as of an instant. Raises NotFound for one that isn't there, and for a segment that
    the rules don't have.
    """
    session.catch_up(on_progress)
    with session.store.reading() as tx:
        viewpoint = session.viewpoint(tx)
        events = campaign_events(session, tx, campaign_id)
        state = state_of(events)
        plan = state.plan
        assert plan is not None
        assert viewpoint.models is not None
        zone = viewpoint.rules.zone
        at = session.now() if as_of is None else instant_of(as_of, zone)
        units = find_audience(session, tx, viewpoint, campaign_id, plan, at)
        drawn = [each for each in units if each.why is None]
        share = plan.held_out or share_by_default(len(drawn))
        held_out = how_many_held_out(len(drawn), share) if len(drawn) >= LEAST_DRAWN else 0
        decide_at = decided_at(plan, at, zone.key)
        window = decide_at - at if decide_at > at else DECIDED_AFTER_DAYS * DAY
        numbers = _numbers(viewpoint.models, tx, drawn)
        alike = find_alike(session, tx, viewpoint, campaign_id, plan, at, at - window) if plan.segment else drawn
        counted = _numbers(viewpoint.models, tx, [each for each in alike if each.why is None])
        before = _bought_between(viewpoint.models, tx, counted, at - window, at)
        currency = session.store.currency(tx.connection) or "EUR"
        spread = pstdev(spend for _, spend in before) if before else None
        found = _shown(plan, len(drawn), held_out, before, spread)
        return CampaignPreview(
            campaign=view_campaign(events),
            as_of=to_datetime(at),
            audience=len(units),
            eligible=len(drawn),
            skipped=count_skipped(units),
            share=Decimal(share),
            treated=len(drawn) - held_out if held_out else 0,
            held_out=held_out,
            decide_at=to_datetime(decide_at),
            window=window * MICROSECOND,
            counted_before=len(before),
            bought_before=sum(bought for bought, _ in before),
            spread=None if spread is None else from_minor_units(round(spread), currency),
            shows=found.rate,
            shows_spend=None if found.spend is None else from_minor_units(found.spend, currency),
            people_needed=found.people,
            stages=_values(viewpoint.models, tx, LIFECYCLE_STAGE.name, numbers, at),
            tiers=_values(viewpoint.models, tx, LOYALTY_TIER.name, numbers, at),
            risks=_values(viewpoint.models, tx, CHURN_RISK.name, numbers, at),
            first=_first(tx, units),
            refusal=_refusal(
                campaign_id, state, units, share, Context(now=at, zone=zone.key), coupon_of(session, tx, plan)
            ),
            behind=events_behind(session.store, viewpoint.models, tx.connection),
        )


def _refusal(
    campaign_id: str,
    state: CampaignState,
    units: Sequence[Unit],
    share: str,
    context: Context,
    coupon: Coupon | None,
) -> str | None:
    """Why the launch would be refused, by what will decide that. A day before it was planned is as good as another."""
    command = launching(campaign_id, units, share, SEED_OF_NONE)
    before = replace(state, last_at=min(state.last_at or context.now, context.now))
    try:
        CAMPAIGN.decide(command, before, context)
        if state.plan is not None:
            require_coupon(state.plan, coupon, context.now, context.zone)
    except Rejected as refused:
        return str(refused)
    return None


def _numbers(models: ReadModels, tx: Transaction, units: Iterable[Unit]) -> dict[int, Members]:
    """The families of some units by the number under which they are folded."""
    members = [each.members for each in units]
    numbers = models.numbers(tx.connection, (each[0] for each in members))
    return {numbers[each[0]]: each for each in members if each[0] in numbers}


def _bought_between(
    models: ReadModels, tx: Transaction, numbers: Mapping[int, Members], since: int, at: int
) -> list[tuple[bool, int]]:
    """Of each family whether they bought after one instant and up to another, and for how much, less what came back."""
    then, now = (
        {
            number: interval.verdict
            for number, interval in verdicts_of(models, tx.connection, RFM_SUMMARY.name, numbers, instant)
        }
        for instant in (since, at)
    )
    return [_difference(then.get(number), now.get(number)) for number in numbers]


def _difference(then: RfmSummary | None, now: RfmSummary | None) -> tuple[bool, int]:
    days = (0 if now is None else now.buying_days) - (0 if then is None else then.buying_days)
    return days > 0, (0 if now is None else now.spend) - (0 if then is None else then.spend)


class _Shown(Struct, frozen=True, kw_only=True):
    """What the arms could show, and how many people show less; `spend` is in minor units."""

    rate: Decimal | None = None
    spend: int | None = None
    people: tuple[PeopleNeeded, ...] = ()


def _shown(
    plan: CampaignPlan,
    eligible: int,
    held_out: int,
    before: Sequence[tuple[bool, int]],
    spread: float | None,
) -> _Shown:
    if not held_out or not before:
        return _Shown()
    treated = eligible - held_out
    if plan.outcome == "spend":
        mean = fmean(spend for _, spend in before)
        least_spend = least_difference_of_means(treated, held_out, mean, spread) if spread else None
        return _Shown(spend=None if least_spend is None else round(least_spend))
    rate = sum(bought for bought, _ in before) / len(before)
    least = least_difference(treated, held_out, rate)
    smaller = [each for each in _DIFFERENCES if (least is None or each < least) and each <= 1 - rate]
    return _Shown(
        rate=None if least is None else round(Decimal(least), 4),
        people=tuple(
            PeopleNeeded(Decimal(each.numerator) / each.denominator, _people_needed(plan, rate, each))
            for each in smaller[:_NAMED]
        ),
    )


def _people_needed(plan: CampaignPlan, rate: float, difference: Fraction) -> int:
    """How many people show a difference. Where the plan names no share, so many have another one than few."""
    share = plan.held_out or share_by_default(LEAST_DRAWN)
    people = people_needed(rate, float(difference), Fraction(share))
    by_then = plan.held_out or share_by_default(people)
    return people if by_then == share else people_needed(rate, float(difference), Fraction(by_then))


def _values(models: ReadModels, tx: Transaction, name: str, numbers: Iterable[int], at: int) -> Mapping[str, int]:
    return dict(sorted(Counter(values_at(models, tx.connection, name, dict.fromkeys(numbers, at)).values()).items()))


def _first(tx: Transaction, units: Sequence[Unit]) -> tuple[AudienceMember, ...]:
    """The first who are drawn, and then the first who aren't."""
    some = sorted(units, key=lambda each: each.why is not None)[:SHOWN]
    contacts = read_contacts(tx, {each.members[0] for each in some})
    return tuple(
        AudienceMember(
            customer_id=CustomerId(each.customer_id),
            ref=contacts[each.members[0]].ref,
            name=contacts[each.members[0]].name,
            why=each.why,
        )
        for each in some
    )


@traced("explain_offer")
def explain_offer(
    session: Session, campaign_id: str, who: str | CustomerId, as_of: datetime | date | None
) -> WhyOffered:
    """Why somebody gets an offer or doesn't: as of the launch by default, where there was one. Raises NotFound."""
    session.catch_up()
    with session.store.reading() as tx:
        viewpoint = session.viewpoint(tx)
        events = campaign_events(session, tx, campaign_id)
        plan, launched, now = state_of(events).plan, launch_of(events), session.now()
        assert plan is not None
        if as_of is not None:
            at = seen_at = instant_of(as_of, viewpoint.rules.zone)
        elif launched is None:
            at = seen_at = now
        else:
            at, seen_at = launched.occurred_at, max(now, launched.occurred_at)
            in_force = session.viewpoint(tx, to_datetime(launched.recorded_at)).ruleset
            viewpoint = replace(viewpoint, ruleset=in_force)
        members = session.members(tx, who)
        (unit,) = stand_before_gates(session, tx, viewpoint, campaign_id, plan, [members], at)
        offer = _offer_of(viewpoint, tx, campaign_id, members, seen_at)
        is_launched = launched is not None and launched.occurred_at <= seen_at
        contact = read_contacts(tx, [members[0]])[members[0]]
        return WhyOffered(
            campaign_id=campaign_id,
            customer_id=CustomerId(unit.customer_id),
            ref=contact.ref,
            name=contact.name,
            as_of=to_datetime(at),
            in_audience=_is_meant(viewpoint, tx, plan, members, at),
            gates=tuple(
                GateView(each.name, each.passes, each.sentence)
                for each in gates(unit.standing, plan, viewpoint.ruleset.campaigns)
            ),
            is_launched=is_launched,
            why=_why(unit, offer, is_launched=is_launched),
            arm=None if offer is None else offer.arm,
            state=None if offer is None else offer.state,
        )


def _why(unit: Unit, offer: OfferVerdict | None, *, is_launched: bool) -> WhySkipped | None:
    """What was written down of a campaign that is launched, else what would be."""
    if not is_launched:
        return unit.why
    return None if offer is None else offer.why


def _is_meant(viewpoint: Viewpoint, tx: Transaction, plan: CampaignPlan, members: Members, at: int) -> bool:
    """Whether a family is in the segment of a plan, or on its list."""
    if plan.segment is None:
        return not set(plan.customer_ids).isdisjoint(members)
    assert viewpoint.models is not None
    numbers = viewpoint.models.numbers(tx.connection, members)
    held = verdicts_of(viewpoint.models, tx.connection, SEGMENTS.name, numbers.values(), at)
    return any(each.key == plan.segment for _, each in held)


def _offer_of(
    viewpoint: Viewpoint, tx: Transaction, campaign_id: str, members: Members, at: int
) -> OfferVerdict | None:
    assert viewpoint.models is not None
    numbers = viewpoint.models.numbers(tx.connection, members)
    held = verdicts_of(viewpoint.models, tx.connection, OFFERS.name, numbers.values(), at)
    return next((each.verdict for _, each in held if each.key == campaign_id), None)
