"""A campaign: an offer to an audience, some of whom are held out, so that its effect can be told. One stream each.

1. A campaign id names one campaign in a store: planned again with the same content changes nothing, with other content
   it is refused.
2. An audience is one segment or one list of customers, never both. The outcome is one, and so is the day on which it is
   decided: a day, or so many days after the launch.
3. What is planned can be changed until it is launched, and nothing of it after that.
4. It is launched once. What was settled then is written down: the seed of the draw, the share held out, how many were
   found, passed over, treated and held out, and the instant at which it is decided: the end of that day.
5. Of fewer than two nobody can be held out. An offer that is over, or that begins only after the decision day, and a
   decision day that is over, or lies more than ten years ahead, can't be launched.
6. A launched campaign runs, is paused and resumed, until it is ended; what is planned can be ended too. The window in
   which its effect is counted stays.
7. These are acts, and stay in order: none lies before the last one. What is so already changes nothing.

That a segment is one of the rules, and that the coupon is there, is looked up as the plan is kept; who is in the
audience is found at the launch.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BeforeValidator, Field, StringConstraints

from regulars.crm_domain.campaign.draw import LEAST_DRAWN, how_many_held_out
from regulars.crm_domain.command import (
    BusinessDay,
    Channel,
    Command,
    Context,
    Decider,
    Label,
    Text,
    Who,
    Whole,
    occurred_at,
)
from regulars.crm_domain.coupon_code import Code
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import after_day, to_datetime
from regulars.crm_domain.money import is_plain_number, plain_number

CATEGORY = "campaign"

#: What the code of its coupon stands in place of in an offer.
COUPON_BLANK = "{coupon}"
#: What a campaign is judged by: the share who bought anything in its window, or what each spent there.
OutcomeOfCampaign = Literal["bought", "spend"]
#: When it is decided where the plan doesn't say.
DECIDED_AFTER_DAYS = 30

# ---------------------------------------------------------------------------------------------------------- events


class CampaignPlan(Struct, frozen=True, kw_only=True):
    """What is offered to whom, and what it is judged by.

    Campaigns of one `kind` are judged together. The audience is a `segment` or `customer_ids`; `purpose` is that of
    the consents. `held_out` is the share held out as decimal digits, None for the one that the size suggests. It is
    decided at the end of `decision_day`, or of the day that comes `decide_after_days` after the launch.
    """

    title: str
    kind: str
    segment: str | None = None
    customer_ids: tuple[str, ...] = ()
    channel: str
    purpose: str
    offer: str | None = None
    coupon_id: str | None = None
    offer_from: date | None = None
    offer_until: date | None = None
    held_out: str | None = None
    outcome: OutcomeOfCampaign = "bought"
    decision_day: date | None = None
    decide_after_days: int | None = None


# `at` is the instant of the envelope, repeated because evolve sees no envelope.


class CampaignPlanned(Event, frozen=True, kw_only=True, tag="CampaignPlanned"):
    """A campaign was planned."""

    campaign_id: str
    at: int
    plan: CampaignPlan


class CampaignChanged(Event, frozen=True, kw_only=True, tag="CampaignChanged"):
    """The plan of a campaign became another one; it is written down whole."""

    campaign_id: str
    at: int
    plan: CampaignPlan


class CampaignLaunched(Event, frozen=True, kw_only=True, tag="CampaignLaunched"):
    """A campaign was launched. Its window begins at `at`, and ends before `decide_at`.

    Everything is counted in families, as merged customers are one. The `audience` is all who were found: those
    `skipped` and those `eligible`, of whom some are `treated` and, by the draw with this `seed`, some `held_out`, which
    is the `share` of them.
    """

    campaign_id: str
    at: int
    decide_at: int
    seed: str
    share: str
    outcome: OutcomeOfCampaign
    audience: int
    eligible: int
    skipped: int
    treated: int
    held_out: int
    rules_digest: str | None = None


class CampaignPaused(Event, frozen=True, kw_only=True, tag="CampaignPaused"):
    """Nothing is sent for a while."""

    campaign_id: str
    at: int


class CampaignResumed(Event, frozen=True, kw_only=True, tag="CampaignResumed"):
    """It goes on."""

    campaign_id: str
    at: int


class CampaignEnded(Event, frozen=True, kw_only=True, tag="CampaignEnded"):
    """Nothing more is sent; one that wasn't launched never will be."""

    campaign_id: str
    at: int


CampaignEvent = CampaignPlanned | CampaignChanged | CampaignLaunched | CampaignPaused | CampaignResumed | CampaignEnded

# ----------------------------------------------------------------------------------------------------------- state


class CampaignState(Struct, frozen=True, kw_only=True):
    """What the next decision on a campaign needs to know; `last_at` is the instant of the last act."""

    planned: CampaignPlanned | None = None
    plan: CampaignPlan | None = None
    launched: CampaignLaunched | None = None
    paused: bool = False
    ended: bool = False
    last_at: int | None = None

    @property
    def status(self) -> Literal["planned", "running", "paused", "ended"]:
        """Where it stands."""
        if self.ended:
            return "ended"
        if self.launched is None:
            return "planned"
        return "paused" if self.paused else "running"


def evolve(state: CampaignState, event: CampaignEvent) -> CampaignState:
    """The state after an event. Total: history is never argued with."""
    state = replace(state, last_at=event.at)
    match event:
        case CampaignPlanned(plan=plan):
            return replace(state, planned=event, plan=plan) if state.planned is None else state
        case CampaignChanged(plan=plan):
            return replace(state, plan=plan) if state.launched is None else state
        case CampaignLaunched():
            return replace(state, launched=event) if state.launched is None else state
        case CampaignPaused():
            return replace(state, paused=True)
        case CampaignResumed():
            return replace(state, paused=False)
        case CampaignEnded():
            return replace(state, ended=True)


# -------------------------------------------------------------------------------------------------------- commands

_FINEST = 6
#: So many days after its launch a campaign is decided at the latest.
_DECIDED_WITHIN = 3_650


def _share(value: object) -> Decimal:
    if isinstance(value, bool | float) or not isinstance(value, Decimal | str | int):
        raise ValueError('a share held out is a Decimal or text such as "0.2", never a float')
    if isinstance(value, str) and not is_plain_number(value.strip()):
        raise ValueError('a share held out is written with the digits 0 to 9 and a point, such as "0.2"')
    share = Decimal(value)
    if not (share.is_finite() and 0 < share < 1):
        raise ValueError("a share held out lies above 0 and below 1, such as 0.2")
    if share != round(share, _FINEST):
        raise ValueError(f"a share held out has at most {_FINEST} digits after the point")
    return share


Share = Annotated[Decimal | str, BeforeValidator(_share)]
Days = Annotated[Whole, Field(ge=1, le=_DECIDED_WITHIN)]
Customers = Annotated[tuple[Who, ...], Field(max_length=20_000)]
Count = Annotated[Whole, Field(ge=0, lt=2**53)]


class CampaignCommand(Command):
    """A command to a campaign."""

    campaign_id: Label


class PlanCampaign(CampaignCommand):
    """Plan a campaign: campaign_id=spring title="Spring" kind=offer segment=leaving channel=email purpose=news

    The audience is a `segment` of the rules, or `customers`. Without `held_out` half of fewer than 1,000 people are
    held out, and 0.2 of more. It is judged by who `bought`, or by what they `spend`, until the end of `decision_day`,
    or of the day that comes `decide_after_days` after the launch (30, where neither is given). Its texts are kept in
    the clear: they name nobody.
    """

    title: Label
    kind: Label = Field(description="Campaigns of one kind are judged together.")
    channel: Channel
    purpose: Label = Field(description="What the customers agreed to be contacted for, as consents have it.")
    segment: Label | None = None
    customers: Customers | None = None
    offer: Text | None = None
    coupon_id: Code | None = None
    offer_from: BusinessDay | None = None
    offer_until: BusinessDay | None = None
    held_out: Share | None = Field(default=None, description="The share held out, such as 0.2.")
    outcome: OutcomeOfCampaign = "bought"
    decision_day: BusinessDay | None = None
    decide_after_days: Days | None = None


class ChangeCampaign(CampaignCommand):
    """Change the plan of a campaign that isn't launched yet, e.g. campaign_id=spring held_out=0.5

    What isn't given stays; what is given as nothing is taken out, and so is the segment where customers are given, and
    the day where the days are.
    """

    title: Label | None = None
    kind: Label | None = None
    channel: Channel | None = None
    purpose: Label | None = None
    segment: Label | None = None
    customers: Customers | None = None
    offer: Text | None = None
    coupon_id: Code | None = None
    offer_from: BusinessDay | None = None
    offer_until: BusinessDay | None = None
    held_out: Share | None = None
    outcome: OutcomeOfCampaign | None = None
    decision_day: BusinessDay | None = None
    decide_after_days: Days | None = None


class LaunchCampaign(CampaignCommand):
    """Record that a campaign was launched, and what was drawn; `regulars campaign launch` gives it."""

    seed: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16,64}$")]
    share: Share
    audience: Count
    eligible: Count
    skipped: Count
    treated: Count
    held_out: Count


class PauseCampaign(CampaignCommand):
    """Let nothing of a campaign be sent for a while, e.g. campaign_id=spring"""


class ResumeCampaign(CampaignCommand):
    """Let a campaign that is paused go on, e.g. campaign_id=spring"""


class EndCampaign(CampaignCommand):
    """End a campaign: nothing more of it is sent, and its effect is still counted, e.g. campaign_id=spring"""


# ------------------------------------------------------------------------------------------------------- decisions


def plan(command: PlanCampaign, state: CampaignState, context: Context) -> tuple[Event, ...]:
    """Invariants 1 and 2: when it was planned is no part of its content, as a retry may come later."""
    at = occurred_at(command, context.now)
    given = _given(command)
    if command.decision_day is None and command.decide_after_days is None:
        given["decide_after_days"] = DECIDED_AFTER_DAYS
    found = CampaignPlan(**given)
    if state.planned is None:
        _require_sound(found, at, context)
        return (CampaignPlanned(campaign_id=command.campaign_id, at=at, plan=found),)
    if found == state.planned.plan:
        return ()
    sentence = f'campaign "{command.campaign_id}" is known already with other content; ChangeCampaign changes it'
    raise Rejected("campaign_id_taken", sentence)


def change(command: ChangeCampaign, state: CampaignState, context: Context) -> tuple[Event, ...]:
    """Invariants 2 and 3."""
    at = _require_next(command, state, context)
    assert state.plan is not None
    if state.launched is not None or state.ended:
        how = "ended" if state.ended else "launched"
        raise Rejected("campaign_settled", f'campaign "{command.campaign_id}" was {how}; plan another one')
    found = replace(state.plan, **_instead(_given(command)))
    _require_sound(found, at, context)
    return () if found == state.plan else (CampaignChanged(campaign_id=command.campaign_id, at=at, plan=found),)


def launch(command: LaunchCampaign, state: CampaignState, context: Context) -> tuple[Event, ...]:
    """Invariants 4 and 5."""
    at = _require_next(command, state, context)
    require_unlaunched(command.campaign_id, state)
    assert state.plan is not None
    _require_timely(state.plan, at, context)
    _require_begun_by(decision_day_of(state.plan, at, context.zone), state.plan)
    share = plain_number(_share(command.share))
    _require_adding_up(command, share)
    event = CampaignLaunched(
        campaign_id=command.campaign_id,
        at=at,
        decide_at=decided_at(state.plan, at, context.zone),
        seed=command.seed,
        share=share,
        outcome=state.plan.outcome,
        audience=command.audience,
        eligible=command.eligible,
        skipped=command.skipped,
        treated=command.treated,
        held_out=command.held_out,
        rules_digest=context.rules_digest,
    )
    return (event,)


def pause(command: PauseCampaign, state: CampaignState, context: Context) -> tuple[Event, ...]:
    """Invariant 6."""
    at = _require_launched(command, state, context)
    return () if state.paused else (CampaignPaused(campaign_id=command.campaign_id, at=at),)


def resume(command: ResumeCampaign, state: CampaignState, context: Context) -> tuple[Event, ...]:
    """Invariant 6."""
    at = _require_launched(command, state, context)
    return (CampaignResumed(campaign_id=command.campaign_id, at=at),) if state.paused else ()


def end(command: EndCampaign, state: CampaignState, context: Context) -> tuple[Event, ...]:
    """Invariant 6."""
    at = _require_next(command, state, context)
    return () if state.ended else (CampaignEnded(campaign_id=command.campaign_id, at=at),)


def decided_at(plan: CampaignPlan, launched_at: int, zone: str) -> int:
    """The instant at which a campaign that is launched at an instant is decided: the end of its decision day."""
    return after_day(decision_day_of(plan, launched_at, zone), ZoneInfo(zone))


def decision_day_of(plan: CampaignPlan, launched_at: int, zone: str) -> date:
    """The day on which a campaign that is launched at an instant is decided."""
    if plan.decision_day is not None:
        return plan.decision_day
    launched_on = to_datetime(launched_at).astimezone(ZoneInfo(zone)).date()
    return launched_on + timedelta(days=plan.decide_after_days or DECIDED_AFTER_DAYS)


def _given(command: PlanCampaign | ChangeCampaign) -> dict[str, Any]:
    """What a command says of a plan, by its fields: what it was given, None included; customers are ids here."""
    names = command.model_fields_set & {*CampaignPlan.__struct_fields__, "customers"} - {"campaign_id"}
    found = {name: getattr(command, name) for name in sorted(names)}
    if "customers" in found:
        found["customer_ids"] = tuple(sorted({str(each) for each in found.pop("customers") or ()}))
    if found.get("held_out") is not None:
        found["held_out"] = plain_number(_share(found["held_out"]))
    for name in ("title", "kind", "channel", "purpose", "outcome"):
        if name in found and found[name] is None:
            del found[name]
    return found


def _instead(given: dict[str, Any]) -> Mapping[str, Any]:
    """What is given of a plan, and what it takes the place of."""
    for one, other, nothing in (
        ("segment", "customer_ids", ()),
        ("customer_ids", "segment", None),
        ("decision_day", "decide_after_days", None),
        ("decide_after_days", "decision_day", None),
    ):
        if given.get(one) and other not in given:
            given = {**given, other: nothing}
    return given


def require_unlaunched(campaign_id: str, state: CampaignState) -> None:
    """Raise Rejected `campaign_launched` or `campaign_ended` for what can't be launched any more."""
    if state.launched is not None or state.ended:
        how = "ended" if state.ended else "launched"
        raise Rejected(f"campaign_{how}", f'campaign "{campaign_id}" was {how} already; it is launched once')


def _require_sound(found: CampaignPlan, at: int, context: Context) -> None:
    """Invariant 2."""
    if (found.segment is None) == (not found.customer_ids):
        how = "has both" if found.customer_ids else "has neither"
        raise Rejected("campaign_audience", f"the audience is a segment or a list of customers; this plan {how}")
    if (found.decision_day is None) == (found.decide_after_days is None):
        how = "has neither" if found.decision_day is None else "has both"
        sentence = f"a campaign is decided on decision_day, or decide_after_days after its launch; this plan {how}"
        raise Rejected("campaign_decision", sentence)
    if found.offer_from is not None and found.offer_until is not None and found.offer_until < found.offer_from:
        sentence = f"the offer can't end on {found.offer_until}, before it begins on {found.offer_from}"
        raise Rejected("offer_ends_before_start", sentence)
    if found.offer is not None and not found.offer.strip():
        raise Rejected("empty_offer", "the text of the offer is empty; leave it out where nothing is to be sent")
    if found.coupon_id is None and COUPON_BLANK in (found.offer or ""):
        sentence = f"the offer says {COUPON_BLANK}, and this plan names no coupon; give it a coupon_id"
        raise Rejected("offer_without_coupon", sentence)
    _require_timely(found, at, context)
    # Where it is decided so many days after the launch, that is known at the launch.
    if found.decision_day is not None:
        _require_begun_by(found.decision_day, found)


def _require_begun_by(decision_day: date, found: CampaignPlan) -> None:
    """Invariant 5."""
    if found.offer_from is not None and decision_day < found.offer_from:
        sentence = f"the offer has to begin by the decision day, {decision_day}; it begins on {found.offer_from}"
        raise Rejected("offer_begins_too_late", sentence)


def _require_timely(found: CampaignPlan, at: int, context: Context) -> None:
    """Invariant 5."""
    today = to_datetime(at).astimezone(ZoneInfo(context.zone)).date()
    if found.offer_until is not None and found.offer_until < today:
        raise Rejected("offer_over", f"the offer ended on {found.offer_until}, and it is {today} now")
    if found.decision_day is not None and found.decision_day < today:
        sentence = f"the decision day has to come after the launch; {found.decision_day} lies before {today}"
        raise Rejected("decided_before_launch", sentence)
    if found.decision_day is not None and found.decision_day > today + timedelta(days=_DECIDED_WITHIN):
        sentence = (
            f"the decision day comes at most {_DECIDED_WITHIN:,} days after the launch, not on {found.decision_day}"
        )
        raise Rejected("decided_too_late", sentence)


def _require_adding_up(command: LaunchCampaign, share: str) -> None:
    """Invariants 4 and 5."""
    if not command.audience:
        raise Rejected("empty_audience", f'nobody is in the audience of campaign "{command.campaign_id}"')
    if command.eligible < LEAST_DRAWN:
        sentence = f"a campaign takes at least {LEAST_DRAWN} people, one to treat and one to hold out"
        passing = f"{command.eligible} of {command.audience} pass all gates; a preview says which the others don't"
        raise Rejected("audience_too_small", f"{sentence}; {passing}")
    held_out = how_many_held_out(command.eligible, share)
    settled = (command.audience, command.treated, command.held_out)
    if settled != (command.eligible + command.skipped, command.eligible - held_out, held_out):
        sentence = f"the counts of a launch add up: a share of {share} of {command.eligible} holds {held_out} out"
        raise Rejected("launch_adds_up", sentence)


def _require_next(command: CampaignCommand, state: CampaignState, context: Context) -> int:
    """Invariant 7."""
    at = occurred_at(command, context.now)
    if state.planned is None or state.last_at is None:
        raise Rejected("unknown_campaign", f'there is no campaign "{command.campaign_id}"; PlanCampaign plans one')
    if at < state.last_at:
        said, last = to_datetime(at).isoformat(), to_datetime(state.last_at).isoformat()
        sentence = f'{said} lies before what was done last to campaign "{command.campaign_id}", at {last}'
        raise Rejected("out_of_order", sentence)
    return at


def _require_launched(command: CampaignCommand, state: CampaignState, context: Context) -> int:
    """Invariant 6."""
    at = _require_next(command, state, context)
    if state.ended:
        raise Rejected("campaign_ended", f'campaign "{command.campaign_id}" was ended')
    if state.launched is None:
        raise Rejected("campaign_not_launched", f'campaign "{command.campaign_id}" isn\'t launched yet')
    return at


def decide(command: Command, state: CampaignState, context: Context) -> tuple[Event, ...]:
    """Hand a command to its decision. Raises Rejected where an invariant would break."""
    match command:
        case PlanCampaign():
            return plan(command, state, context)
        case ChangeCampaign():
            return change(command, state, context)
        case LaunchCampaign():
            return launch(command, state, context)
        case PauseCampaign():
            return pause(command, state, context)
        case ResumeCampaign():
            return resume(command, state, context)
        case EndCampaign():
            return end(command, state, context)
        case _:
            raise TypeError(f"{type(command).__name__} is not a command to a campaign")


CAMPAIGN = Decider(category=CATEGORY, initial=CampaignState(), evolve=evolve, decide=decide)
