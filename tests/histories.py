"""Histories of one customer for property tests: any events a projector may meet, at instants that tie now and then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from itertools import groupby
from pathlib import Path

from hypothesis import strategies as st
from msgspec.json import encode
from msgspec.structs import replace

from regulars.crm_domain.assessment import AssessmentRecorded
from regulars.crm_domain.contract import ContractAmended, ContractEnded, ContractRenewed, ContractSigned
from regulars.crm_domain.customer import (
    AccountClosed,
    AccountReopened,
    CancellationRequested,
    CancellationWithdrawn,
    CustomerRegistered,
    CustomerTagged,
    CustomerUntagged,
    KindChanged,
    LeadDisqualified,
    LeadQualified,
    OwnerAssigned,
)
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import DAY, to_instant
from regulars.crm_domain.interaction import InteractionRecorded, SurveyAnswered
from regulars.crm_domain.membership import (
    BonusEarned,
    BonusReversed,
    MembershipCancelled,
    MembershipEnrolled,
    PointsEarned,
    TierOverrideGranted,
    TierOverrideLifted,
)
from regulars.crm_domain.offer import (
    HeldOut,
    OfferAssigned,
    OfferBounced,
    OfferClicked,
    OfferNotSent,
    OfferOpened,
    OfferSending,
    OfferSent,
    OfferSkipped,
    Unsubscribed,
)
from regulars.crm_domain.opportunity import (
    OpportunityChanged,
    OpportunityLost,
    OpportunityOpened,
    OpportunityReopened,
    OpportunityStageChanged,
    OpportunityWon,
)
from regulars.crm_domain.purchase import Line, PurchaseRecorded, ReturnRecorded
from regulars.crm_domain.quote import QuoteAccepted, QuoteDeclined, QuotedLine, QuoteRevised, QuoteSent
from regulars.crm_domain.reminder import ReminderSettled
from regulars.crm_domain.survey import SurveyBounced, SurveySent
from regulars.crm_domain.task import (
    TaskAdded,
    TaskCompleted,
    TaskDropped,
    TaskReassigned,
    TaskReopened,
    TaskSnoozed,
)
from regulars.crm_domain.ticket import (
    AgentReplied,
    CustomerReplied,
    TicketAwaitingCustomer,
    TicketClassified,
    TicketOpened,
    TicketPutOnHold,
    TicketRated,
    TicketReopened,
    TicketResolved,
)
from regulars.projections.engine.fold import Happened
from regulars.projections.registry import REGISTRY
from regulars.projections.rules.compiled import Rules, compile_rules
from regulars.projections.rules.grammar import parse_rules
from regulars.projections.verdict import Interval

#: Of each kind: by facts and by verdicts of others, with a stay and a pause, and asking for earlier ones.
SEGMENTS = """
[[segment]]
id = "quiet"
enter = [{ fact = "days_since_order", above = 30 }]
[[segment]]
id = "worth_a_call"
enter = [{ fact = "stage", in = ["at_risk", "dormant"] }, { fact = "risk", from = 30 }]
leave = [{ fact = "orders", within_days = 7, from = 1 }]
stay_days = 14
pause_days = 90
[[segment]]
id = "either"
enter = [{ fact = "segment", any = ["quiet", "worth_a_call"] }, { fact = "tier", not_in = ["platinum"] }]
pause_days = 1
[[segment]]
id = "prized"
enter = [{ fact = "value", not_in = ["low"] }, { fact = "csat_category", in = ["satisfied", "neutral"] }]
leave = [{ fact = "nps_category", in = ["detractor"] }]
[[segment]]
id = "around"
enter = [{ fact = "segment", lacks = ["either"] }, { fact = "account_closed", is = false }]
stay_days = 30
"""

GAPS = """
[due_again]
gaps = { coffee = 30, filters = 90.5 }
"""
#: One of each kind, with and without conditions, by tiers, and of a verdict that is a set.
CARE = """
[[business.holidays]]
days = [{ day = 2025-05-01, name = "Labour Day" }]
[[care]]
id = "years"
on = "first_order"
when = [{ fact = "stage", not_in = ["churned"] }]
[[care]]
id = "slipping"
on = "verdict"
verdict = "stage"
becomes = ["at_risk", "dormant"]
ahead_days = 14
[[care]]
id = "came_in"
on = "verdict"
verdict = "segment"
becomes = ["quiet"]
when = [{ fact = "tier", in = ["member", "gold"] }]
[[care]]
id = "silent"
on = "no_contact"
days = 90
days_by_tier = { gold = 30, silver = 60 }
[[care]]
id = "all_silent"
on = "no_contact"
days = 7
[[care]]
id = "fair"
on = "holiday"
holidays = ["Labour Day"]
when = [{ fact = "spend", within_days = 365, from = "100" }]
[[care]]
id = "born"
on = "birthday"
"""
#: The ids of surveys.
SURVEYS = ("S-1", "S-2", "S-3")

START = to_instant(datetime(2024, 1, 1, tzinfo=UTC))


@cache
def rules() -> Rules:
    """The default rules with some segments, care rules and gaps of items, ready to judge in euros."""
    text = (Path(__file__).parents[1] / "src" / "regulars" / "rules.toml").read_text(encoding="utf-8")
    return compile_rules(parse_rules(text + SEGMENTS + GAPS + CARE), "EUR")


@cache
def purchases() -> st.SearchStrategy[Event]:
    return st.builds(
        PurchaseRecorded,
        order_id=st.integers(1, 15).map(lambda number: f"A-{number}"),
        amount=st.sampled_from([0, 1, 2_000, 15_000, 60_000, 100_000]),
        currency=st.just("EUR"),
        lines=st.lists(st.sampled_from([Line(sku=each) for each in ("coffee", "filters", "mug")]), max_size=3).map(
            tuple
        ),
    )


@cache
def returns() -> st.SearchStrategy[Event]:
    return st.builds(
        ReturnRecorded,
        order_id=st.integers(1, 15).map(lambda number: f"A-{number}"),
        return_id=st.just("1"),
        amount=st.sampled_from([1, 2_000, 15_000]),
        currency=st.just("EUR"),
    )


@cache
def answers() -> st.SearchStrategy[Event]:
    asked = st.sampled_from([None, *SURVEYS])
    nps = st.builds(SurveyAnswered, survey=st.just("nps"), score=st.integers(0, 10), survey_id=asked)
    csat = st.builds(SurveyAnswered, survey=st.just("csat"), score=st.integers(1, 5), survey_id=asked)
    return st.one_of(nps, csat)


@cache
def surveys() -> st.SearchStrategy[Event]:
    """Each with the content that its id has, as another one is refused."""
    sent = [
        SurveySent(survey_id="S-1", survey="nps", channel="email"),
        SurveySent(survey_id="S-2", survey="csat", channel="email", ticket_id="T-1"),
        SurveySent(survey_id="S-3", survey="nps", channel="sms"),
    ]
    return st.sampled_from([*sent, *(SurveyBounced(survey_id=each) for each in SURVEYS)])


@cache
def settlements() -> st.SearchStrategy[Event]:
    """Words on few reminders, so that later ones meet earlier ones."""
    day, other = date(2024, 5, 1), date(2024, 5, 8)
    return st.sampled_from(
        [
            ReminderSettled(care="years", day=day, how="done"),
            ReminderSettled(care="years", day=day, how="moved", moved_to=other),
            ReminderSettled(care="years", day=other, how="skipped"),
            ReminderSettled(care="silent", day=day, how="skipped"),
        ]
    )


@cache
def offers() -> st.SearchStrategy[Event]:
    """What becomes of few offers of few campaigns: of two that merged customers have of one, and of what is told before
    it is drawn.
    """
    names = st.sampled_from([("spring", "0" * 16), ("spring", "f" * 16), ("autumn", "1" * 16)])
    # Each is drawn under one customer id; of the two of one campaign the smaller is that of the larger offer id.
    drawn_as = {"0" * 16: "b" * 32, "f" * 16: "a" * 32, "1" * 16: "c" * 32}
    draws: list[Callable[..., Event]] = [
        lambda campaign_id, offer_id: OfferAssigned(
            campaign_id=campaign_id, offer_id=offer_id, drawn_as=drawn_as[offer_id]
        ),
        lambda campaign_id, offer_id: HeldOut(campaign_id=campaign_id, offer_id=offer_id, drawn_as=drawn_as[offer_id]),
    ]
    kinds: list[Callable[..., Event]] = [
        partial(OfferSkipped, why="no_consent"),
        partial(OfferSending, message_id="<1@shop.example>"),
        partial(OfferSending, message_id="<2@shop.example>"),
        partial(OfferNotSent, message_id="<1@shop.example>"),
        partial(OfferSent, channel="email"),
        OfferOpened,
        OfferClicked,
        partial(OfferBounced, hard=True),
        partial(OfferBounced, hard=False),
        partial(Unsubscribed, channel="email", purpose="news"),
    ]
    return st.builds(
        lambda kind, of: kind(campaign_id=of[0], offer_id=of[1]), st.sampled_from([*draws, *draws, *kinds]), names
    )


@cache
def assessments() -> st.SearchStrategy[Event]:
    """Words on few texts, of few kinds, so that later words and earlier texts meet."""
    return st.builds(
        AssessmentRecorded,
        about=st.integers(1, 3),
        said_at=st.integers(0, 3).map(lambda day: START + day * DAY),
        kind=st.sampled_from(["sentiment", "topic"]),
        value=st.sampled_from(["good", "bad"]),
        version=st.sampled_from([None, "1"]),
    )


@cache
def others() -> st.SearchStrategy[Event]:
    directions = st.sampled_from(["inbound", "outbound"])
    return st.one_of(
        st.builds(InteractionRecorded, channel=st.just("phone"), direction=directions),
        st.sampled_from(
            [
                CustomerRegistered(source="web"),
                LeadQualified(),
                LeadDisqualified(reason="no budget"),
                AccountClosed(),
                AccountReopened(),
                CancellationRequested(),
                CancellationWithdrawn(),
                CustomerRegistered(source="fair"),
                CustomerRegistered(kind="firm"),
                KindChanged(kind="firm"),
                KindChanged(kind="person"),
                CustomerTagged(label="vip"),
                CustomerTagged(label="press"),
                CustomerUntagged(label="vip"),
                OwnerAssigned(owner="li"),
                OwnerAssigned(owner="max"),
            ]
        ),
    )


@cache
def tickets() -> st.SearchStrategy[Event]:
    """Events of two tickets; their own instant is that of the envelope, which `_consistent` sees to."""
    ticket_id = st.sampled_from(["T-1", "T-2"])
    plain = [CustomerReplied, AgentReplied, TicketAwaitingCustomer, TicketPutOnHold, TicketResolved, TicketReopened]
    return st.one_of(
        st.builds(TicketOpened, ticket_id=ticket_id, at=st.just(0), priority=st.sampled_from(["urgent", "low"])),
        st.builds(TicketClassified, ticket_id=ticket_id, at=st.just(0), topic=st.just("x"), complaint=st.booleans()),
        st.builds(TicketRated, ticket_id=ticket_id, at=st.just(0), score=st.integers(1, 5)),
        *(st.builds(kind, ticket_id=ticket_id, at=st.just(0)) for kind in plain),
    )


SOME_DAY = st.integers(0, 1_500).map(lambda day: date(2024, 1, 1) + timedelta(days=day))
DAYS = st.one_of(st.none(), SOME_DAY)


@cache
def quotes() -> st.SearchStrategy[Event]:
    """Events of two quotes, of which some revisions were never sent, and some were told twice."""
    line = st.builds(
        QuotedLine,
        quantity=st.just("1"),
        unit_price=st.just("10"),
        tax_rate=st.sampled_from(["0", "7", "19"]),
        amount=st.sampled_from([0, 1, 999, 100_000]),
    )
    lines = st.lists(line, min_size=1, max_size=3).map(tuple)
    shared = {"quote_id": st.sampled_from(["Q-1", "Q-2"]), "at": st.just(0)}
    offered = shared | {"currency": st.just("EUR"), "lines": lines, "prices": st.sampled_from(["net", "gross"])}
    return st.one_of(
        st.builds(QuoteSent, valid_until=DAYS, **offered),
        st.builds(QuoteRevised, valid_until=DAYS, revision=st.integers(2, 4), **offered),
        st.builds(QuoteDeclined, **shared),
        st.builds(
            QuoteAccepted,
            revision=st.integers(1, 4),
            currency=st.just("EUR"),
            net=st.just(100),
            tax=st.just(19),
            gross=st.just(119),
            **shared,
        ),
    )


@cache
def contracts() -> st.SearchStrategy[Event]:
    """Events of two contracts, some of which were never signed, or end before they begin."""
    shared = {"contract_id": st.sampled_from(["C-1", "C-2"]), "at": st.just(0)}
    months = st.sampled_from([None, None, 1, 12])
    return st.one_of(
        st.builds(
            ContractSigned,
            start=SOME_DAY,
            end=DAYS,
            renewal_months=months,
            amount=st.just(1),
            currency=st.just("EUR"),
            **shared,
        ),
        st.builds(ContractAmended, end=DAYS, renewal_months=st.sampled_from([None, 0, 6]), **shared),
        st.builds(ContractRenewed, until=SOME_DAY, **shared),
        st.builds(ContractEnded, on=SOME_DAY, **shared),
    )


@cache
def opportunities() -> st.SearchStrategy[Event]:
    """Events of two opportunities, in stages of which the default rules know all but one."""
    which, stage = st.sampled_from(["O-1", "O-2"]), st.sampled_from(["contacted", "proposal", "unheard of"])
    amount = st.sampled_from([None, 0, 10_000, 250_000])
    changes: list[dict[str, object]] = [
        {"changed": ("amount",), "amount": 40_000, "currency": "EUR"},
        {"changed": ("owner", "source"), "owner": "li", "source": None},
        {"changed": ("expected_close", "title"), "expected_close": date(2026, 3, 29), "title": "Tea"},
    ]
    return st.one_of(
        *2
        * [
            st.builds(
                OpportunityOpened,
                opportunity_id=which,
                at=st.just(0),
                pipeline=st.sampled_from(["sales", "unheard of"]),
                stage=stage,
                amount=amount,
                source=st.sampled_from([None, "fair"]),
            )
        ],
        st.builds(OpportunityStageChanged, opportunity_id=which, stage=stage),
        st.builds(
            lambda each, fields: OpportunityChanged(opportunity_id=each, **fields), which, st.sampled_from(changes)
        ),
        st.builds(OpportunityWon, opportunity_id=which, amount=amount),
        st.builds(OpportunityLost, opportunity_id=which, reason=st.sampled_from(["price", "silence"])),
        st.builds(OpportunityReopened, opportunity_id=which, stage=st.none() | stage),
    )


@cache
def tasks() -> st.SearchStrategy[Event]:
    """Events of a task that is done once and of one that repeats, each added with the content that its id has."""
    either = st.sampled_from(["K-1", "K-2"])
    days = st.dates(date(2024, 1, 1), date(2026, 12, 31))
    return st.one_of(
        st.sampled_from(
            [
                TaskAdded(task_id="K-1", at=0, what="call", due_day=date(2024, 3, 1), owner="li"),
                TaskAdded(
                    task_id="K-2",
                    at=0,
                    title="count",
                    due_day=date(2024, 2, 5),
                    every=1,
                    unit="week",
                    ends=date(2025, 6, 30),
                ),
            ]
        ),
        st.builds(TaskSnoozed, task_id=either, at=st.just(0), due_day=days),
        st.builds(TaskCompleted, task_id=either, at=st.just(0), day=days),
        st.builds(TaskReassigned, task_id=either, at=st.just(0), owner=st.sampled_from(["max", None])),
        *(st.builds(kind, task_id=either, at=st.just(0)) for kind in (TaskDropped, TaskReopened)),
    )


@cache
def memberships() -> st.SearchStrategy[Event]:
    earned = st.builds(
        lambda number, points, days: (number, points, days), st.integers(1, 9), st.integers(1, 500), st.integers(0, 400)
    )
    return st.one_of(
        earned.map(
            lambda lot: PointsEarned(
                at=0,
                lot_id=f"order:{lot[0]}",
                order_id=str(lot[0]),
                points=lot[1],
                per_unit="1",
                available_at=lot[2],
                expires_at=400,
            )
        ),
        earned.map(
            lambda lot: BonusEarned(
                at=0,
                lot_id=f"bonus:tea:{lot[0]}",
                points=lot[1],
                rule="tea",
                occasion="category",
                order_id=str(lot[0]),
                available_at=lot[2],
                expires_at=400,
            )
        ),
        st.builds(
            BonusReversed,
            at=st.just(0),
            lot_id=st.integers(1, 9).map(lambda number: f"bonus:tea:{number}"),
            points=st.integers(1, 500),
            rule=st.just("tea"),
            occasion=st.just("category"),
        ),
        st.sampled_from(
            [
                MembershipEnrolled(at=0),
                MembershipCancelled(at=0),
                TierOverrideGranted(at=0, tier="gold"),
                TierOverrideGranted(at=0, tier="platinum", until=60),
                TierOverrideGranted(at=0, tier="unheard of"),
                TierOverrideLifted(at=0),
            ]
        ),
    )


def _dated(at: int, event: Event) -> Event:
    """An event that carries instants, moved to its own: what it has in days counts from there."""
    match event:
        case PointsEarned(available_at=pending, expires_at=life) | BonusEarned(available_at=pending, expires_at=life):
            return replace(event, at=at, available_at=at + min(pending, life) * DAY, expires_at=at + life * DAY)
        case TierOverrideGranted(until=int() as days):
            return replace(event, at=at, until=at + days * DAY)
        case _ if "at" in event.__struct_fields__:
            return replace(event, at=at)
        case _:
            return event


@cache
def instants() -> st.SearchStrategy[int]:
    """Three years: whole days, so that many fall on a boundary, and now and then a microsecond beside one."""
    return st.builds(lambda day, off: START + day * DAY + off, st.integers(0, 1_100), st.sampled_from([0, 0, 0, -1, 1]))


def _consistent(events: list[tuple[int, Event]]) -> list[Happened]:
    """Ordered, numbered, each order recorded once, and nothing returned of an order that would exceed it."""
    left: dict[str, int] = {}
    once: set[str] = set()
    kept: list[tuple[int, Event]] = []
    for at, event in sorted(events, key=_place):
        if isinstance(event, PurchaseRecorded):
            if event.order_id in left:
                continue
            left[event.order_id] = event.amount
        if isinstance(event, SurveySent | TaskAdded):
            name = event.survey_id if isinstance(event, SurveySent) else event.task_id
            if name in once:
                continue
            once.add(name)
        kept.append((at, _dated(at, event)))
    kept = [pair for pair in kept if not isinstance(pair[1], ReturnRecorded) or _fits(pair[1], left)]
    return [Happened(at, position, event) for position, (at, event) in enumerate(kept, start=1)]


#: How events follow one another at one instant, of all sets of facts.
ORDER = [each for facts in REGISTRY.fact_sets for each in facts.order]


def _place(pair: tuple[int, Event]) -> tuple[int, int, bytes]:
    """Where an event stands: by time, at one instant as it was declared, then by its content but for memberships."""
    at, event = pair
    for rank, types in enumerate(ORDER):
        if isinstance(types, frozenset) and type(event) in types:
            return at, rank, b""
        if types is type(event):
            return at, rank, encode(_dated(at, event))
    raise AssertionError(f"{type(event).__name__} has no place at one instant")


def _fits(event: ReturnRecorded, left: dict[str, int]) -> bool:
    if left.get(event.order_id, 0) < event.amount:
        return False
    left[event.order_id] -= event.amount
    return True


def histories(
    *, distinct: bool = False, min_size: int = 1, max_size: int = 25, mostly: st.SearchStrategy[Event] | None = None
) -> st.SearchStrategy[list[Happened]]:
    """One customer's events in the order of the fold, positions from 1. `distinct` gives each its own instant.

    Two of three events are of `mostly`, if there is such.
    """
    events = st.one_of(
        purchases(),
        purchases(),
        returns(),
        answers(),
        surveys(),
        others(),
        tickets(),
        tasks(),
        memberships(),
        opportunities(),
        assessments(),
        quotes(),
        contracts(),
        settlements(),
        offers(),
    )
    if mostly is not None:
        events = st.sampled_from([mostly, mostly, events]).flatmap(lambda chosen: chosen)
    pairs = st.tuples(instants(), events)
    unique = (lambda pair: pair[0]) if distinct else None
    return st.lists(pairs, min_size=min_size, max_size=max_size, unique_by=unique).map(_consistent)


def cuts(history: list[Happened]) -> st.SearchStrategy[int]:
    """Where a history may be split: before all, after all, or between two instants."""
    between = [place for place in range(1, len(history)) if history[place - 1].at < history[place].at]
    return st.sampled_from([0, *between, len(history)])


# --------------------------------------------------------------------------------------------------- what is explained


def since_when(intervals: list[Interval], held: Interval) -> int:
    """Since when a verdict has had its value and score, whatever other numbers it has."""
    before = [each for each in intervals if each.valid_from <= held.valid_from]
    return [list(run) for _, run in groupby(before, key=looks)][-1][0].valid_from


def looks(interval: Interval) -> tuple[object, object]:
    """A verdict's value and score."""
    return getattr(interval.verdict, "value", None), getattr(interval.verdict, "score", None)
