"""The facts that rules may ask, each wholly defined by its entry in FACTS.

What time alone does to them: what has elapsed grows, and what a window holds shrinks, as no order is ever worth less
than nothing. So each condition flips at most once, at an instant that follows from its bound. A condition on what
another projection holds may flip wherever that begins to hold something else.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from fractions import Fraction
from operator import attrgetter
from typing import get_args

from regulars.crm_domain.assessment import AssessmentRecorded
from regulars.crm_domain.customer import (
    AccountClosed,
    AccountReopened,
    CustomerRegistered,
    CustomerTagged,
    CustomerUntagged,
    KindChanged,
    LeadDisqualified,
    LeadQualified,
    OwnerAssigned,
)
from regulars.crm_domain.event import Event
from regulars.crm_domain.instant import FOREVER
from regulars.crm_domain.interaction import InteractionRecorded, SurveyAnswered
from regulars.crm_domain.opportunity import OpportunityEvent, OpportunityStatus
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnedTotalRecorded, ReturnRecorded
from regulars.crm_domain.ticket import TicketEvent, TicketOpened, TicketRated
from regulars.projections.facts.cadence import after_gaps
from regulars.projections.facts.fact import (
    ALWAYS,
    NEVER,
    Condition,
    Fact,
    Often,
    Once,
    Span,
    Subject,
    table,
)
from regulars.projections.facts.kinds import (
    choice,
    counted,
    elapsed,
    flag,
    latest_answer,
    position_of,
    steady,
    verdict_of,
)
from regulars.projections.facts.opportunities import OpportunityFacts
from regulars.projections.facts.shared import Facts, Named, kind_at, orders_since, spend_within
from regulars.projections.facts.tickets import SETTLED, Moment, TicketFacts
from regulars.projections.verdict import days, money_text, plural

_NO_ORDER = "before the first order"
_NO_ANSWER = "while no answer counts"
#: The tier of those who have no membership in force where only members have one.
NO_TIER = "none"


_value = attrgetter("value")


# ------------------------------------------------------------------------------------------------ what entries ask for


def _itself(instant: int) -> int:
    return instant


def _spell_ending_orders(subject: Subject) -> list[int]:
    facts, at = subject.facts, subject.ended_at
    return facts.order_positions[orders_since(facts, at - 1) : orders_since(facts, at)]


def _opened(facts: Facts) -> list[Moment]:
    return sorted((each.opened for each in facts.tickets.values() if each.opened), key=attrgetter("at", "position"))


def _open(facts: Facts) -> list[TicketFacts]:
    return [each for each in facts.tickets.values() if each.opened and each.status not in SETTLED]


def _opportunities(facts: Facts, status: OpportunityStatus) -> list[OpportunityFacts]:
    """Those that stand so, in the order in which they came to that."""
    found = [each for each in facts.opportunities.values() if each.opened and each.status is status]
    return sorted(found, key=_entered)


def _entered(each: OpportunityFacts) -> tuple[int, int]:
    assert each.entered is not None
    return each.entered.at, each.entered.position


def _won(facts: Facts) -> list[OpportunityFacts]:
    return _opportunities(facts, OpportunityStatus.WON)


def _still_open(facts: Facts) -> list[OpportunityFacts]:
    return _opportunities(facts, OpportunityStatus.OPEN)


def _tags(facts: Facts) -> dict[str, Named]:
    """The last word on each label that is on."""
    last_word = {named.name: named for named in facts.tags}
    return {label: named for label, named in sorted(last_word.items()) if named.given}


def _gap_found(subject: Subject, window: int | None, at: int) -> Fraction | None:
    gap, last = subject.gap, subject.last_order_at
    return None if gap is None or last is None else Fraction((at - last) * gap[1], gap[0])


def _gap_span(subject: Subject, condition: Condition) -> Span:
    gap, last = subject.gap, subject.last_order_at
    if gap is None or last is None:
        return NEVER
    reached_at = last + after_gaps(condition.bound.numerator, condition.bound.denominator, gap)
    return (reached_at, FOREVER) if condition.key == "from" else (-FOREVER, reached_at)


def _gap_words(subject: Subject, found: Fraction) -> str:
    hundredths = found * 100 // 1
    usual = subject.rules.cadence.days_text(subject.facts)
    return f"{hundredths // 100}.{hundredths % 100:02d} times their usual gap of {usual} days"


def _spend_span(subject: Subject, condition: Condition) -> Span:
    totals, bound, window = subject.facts.order_totals, condition.bound, condition.window
    spend = totals[-1] if totals else 0
    if window is None or not 0 < bound <= spend:
        return ALWAYS if condition.demands(spend) else NEVER
    # Once more than this has left, what is left is below the bound: totals never fall.
    leaves_at = subject.facts.order_instants[bisect_right(totals, spend - bound)] + window
    return (-FOREVER, leaves_at) if condition.key == "from" else (leaves_at, FOREVER)


def _spend_positions(subject: Subject, window: int | None, at: int) -> tuple[int, ...]:
    facts = subject.facts
    first = 0 if window is None else orders_since(facts, at - window)
    returns = (back.position for back in facts.returns if back.order >= first)
    return tuple(sorted([*facts.order_positions[first:], *returns]))


def _segments_found(subject: Subject, window: int | None, at: int) -> frozenset[str]:
    told = subject.told.get("segments", ())
    return frozenset(each.key for each in told if each.valid_from <= at < each.valid_to)


def _segments_turn(subject: Subject, condition: Condition, at: int, until: int) -> Iterator[int]:
    for each in subject.told.get("segments", ()):
        yield each.valid_from
        yield each.valid_to


def _contract_end(subject: Subject, window: int | None, at: int) -> int | None:
    told = subject.told.get("contracts", ())
    held = (each.verdict for each in told if each.valid_from <= at < each.valid_to)
    left = [each.ends_at - at for each in held if each.value == "active" and each.ends_at is not None]
    return min(left, default=None)


def _contract_turns(subject: Subject, condition: Condition, at: int, until: int) -> Iterator[int]:
    """Where a contract begins to hold something else, and the first instant at which less than a bound is left."""
    for each in subject.told.get("contracts", ()):
        yield each.valid_from
        if each.verdict.ends_at is not None:
            yield each.verdict.ends_at - condition.bound + 1


def _assessed(facts: Facts) -> list[str]:
    return [f"{kind}:{each.value}" for kind, each in facts.assessed.items()]


# ------------------------------------------------------------------------------------------------------------ the table

_ORDERS = frozenset({PurchaseRecorded})
_RETURNS: frozenset[type[Event]] = frozenset({ReturnRecorded, ReturnedTotalRecorded})
_LEADS = frozenset[type[Event]]((LeadQualified, LeadDisqualified))
_TICKETS: frozenset[type[Event]] = frozenset(get_args(TicketEvent))
_OPPORTUNITIES: frozenset[type[Event]] = frozenset(get_args(OpportunityEvent))

ORDERS = counted(
    "orders",
    noun="order",
    of=attrgetter("order_instants"),
    instant=_itself,
    positions=lambda facts, first: facts.order_positions[first:],
    meaning="Orders, also those that came back.",
    events=_ORDERS,
)
GAP = Fact(
    name="gap",
    kind="ratio",
    windowed=False,
    undefined=_NO_ORDER,
    found=_gap_found,
    flips=Once(_gap_span),
    positions=lambda subject, window, at: tuple(subject.facts.order_positions[-1:]),
    words=_gap_words,
    meaning="The time since the last order as a multiple of the customer's expected gap, which [cadence] defines.",
    events=_ORDERS,
)
SEGMENT = Fact(
    name="segment",
    kind="set",
    windowed=False,
    undefined="never",
    found=_segments_found,
    flips=Often(_segments_turn),
    positions=lambda subject, window, at: (),
    words=lambda subject, found: f"in segment {', '.join(sorted(found))}" if found else "in no earlier segment",
    meaning="The segments that the customer is in; a segment may ask for those that come before it in the rules.",
    events=frozenset(),
    reads="segments",
)
CONTRACT_END = Fact(
    name="days_to_contract_end",
    kind="elapsed",
    windowed=False,
    undefined="while no contract is in force that has an end",
    found=_contract_end,
    flips=Often(_contract_turns),
    positions=lambda subject, window, at: (),
    words=lambda subject, found: f"{days(found)} until a contract of theirs ends",
    meaning="Days until the first of the contracts that are in force ends; one that renews by itself has no end.",
    events=frozenset(),
    reads="contracts",
)
SPELL_ENDED = elapsed(
    "days_since_spell_ended",
    undefined="before an order ended a stage of the rung's `spell`",
    since=lambda subject: None if subject.ended is None else subject.ended_at,
    words=lambda subject: f"since an order brought them back from {subject.ended}",
    positions=_spell_ending_orders,
    meaning="Days since an order ended a stage that the rung names in `spell`.",
    events=_ORDERS,
)

#: By name: the whole vocabulary of conditions.
FACTS: Mapping[str, Fact] = table(
    flag(
        "account_closed",
        mark=attrgetter("closed"),
        words=("the account is closed", "the account is open"),
        meaning="Whether the account is closed; of merged customers, whether all their accounts are.",
        events=frozenset({CustomerRegistered, AccountClosed, AccountReopened}),
    ),
    flag(
        "qualified",
        mark=attrgetter("qualified"),
        words=("qualified as a lead", "not qualified as a lead"),
        meaning="Whether somebody judged that this lead may well become a customer, and nobody since that they won't.",
        events=_LEADS,
    ),
    ORDERS,
    counted(
        "returns",
        noun="return",
        of=lambda facts: facts.returns,
        instant=lambda back: back.at,
        positions=lambda facts, first: [back.position for back in facts.returns[first:]],
        meaning="Returns, of whole orders or of parts, by the time at which they came back.",
        events=_RETURNS,
    ),
    counted(
        "tickets",
        noun="ticket",
        of=_opened,
        instant=lambda opened: opened.at,
        positions=lambda facts, first: [opened.position for opened in _opened(facts)[first:]],
        meaning="Tickets, by the time at which they were opened, whatever became of them.",
        events=frozenset({TicketOpened}),
    ),
    steady(
        "open_tickets",
        kind="count",
        found=lambda subject, window, at: len(_open(subject.facts)),
        words=lambda found: plural(found, "open ticket"),
        positions=lambda facts: sorted(each.opened.position for each in _open(facts) if each.opened),
        meaning="Tickets that are neither resolved nor closed, whoever's turn it is.",
        events=_TICKETS,
    ),
    steady(
        "open_opportunities",
        kind="count",
        found=lambda subject, window, at: len(_still_open(subject.facts)),
        words=lambda found: f"{found} open {'opportunity' if found == 1 else 'opportunities'}",
        positions=lambda facts: sorted(each.opened.position for each in _still_open(facts) if each.opened),
        meaning="Opportunities that are neither won nor lost, in whatever stage.",
        events=_OPPORTUNITIES,
    ),
    counted(
        "won",
        noun="win",
        of=_won,
        instant=lambda won: _entered(won)[0],
        positions=lambda facts, first: sorted(_entered(each)[1] for each in _won(facts)[first:]),
        meaning="Opportunities that are won, by the time at which they were; one that was reopened is no longer won.",
        events=_OPPORTUNITIES,
    ),
    Fact(
        name="spend",
        kind="amount",
        windowed=True,
        undefined="never",
        found=lambda subject, window, at: spend_within(subject.facts, window, at),
        flips=Once(_spend_span),
        positions=_spend_positions,
        words=lambda subject, found: f"net spend of {money_text(found, subject.rules.exponent)}",
        meaning="What the orders are worth, by the time of the order, less what has come back of them by then.",
        events=_ORDERS | _RETURNS,
    ),
    elapsed(
        "days_since_order",
        undefined=_NO_ORDER,
        since=attrgetter("last_order_at"),
        words=lambda subject: "since the last order",
        positions=lambda subject: subject.facts.order_positions[-1:],
        meaning="Days since the last order.",
        events=_ORDERS,
    ),
    elapsed(
        "days_since_engagement",
        undefined="while they were never heard from",
        since=lambda subject: subject.facts.engaged.at if subject.facts.engaged else None,
        words=lambda subject: "since they were last heard from",
        positions=lambda subject: position_of(subject.facts.engaged),
        meaning="Days since they were last heard from: an inbound interaction, a ticket that they opened or rated, "
        "an answer to a survey, the registration.",
        events=frozenset({CustomerRegistered, InteractionRecorded, SurveyAnswered, TicketOpened, TicketRated}),
    ),
    elapsed(
        "days_since_contact",
        undefined="while there was no contact",
        since=lambda subject: subject.facts.contacted.at if subject.facts.contacted else None,
        words=lambda subject: "since the last contact",
        positions=lambda subject: position_of(subject.facts.contacted),
        meaning="Days since the last contact: they were heard from, or the business called on them.",
        events=frozenset({CustomerRegistered, InteractionRecorded, SurveyAnswered, TicketOpened, TicketRated}),
    ),
    SPELL_ENDED,
    CONTRACT_END,
    elapsed(
        "tenure_days",
        undefined=_NO_ORDER,
        since=attrgetter("first_order_at"),
        words=lambda subject: "since the first order",
        positions=lambda subject: subject.facts.order_positions[:1],
        meaning="Days since the first order.",
        events=_ORDERS,
    ),
    GAP,
    latest_answer(
        "nps",
        meaning="The latest answer to an NPS survey, 0 to 10.",
        events=frozenset({SurveyAnswered}),
    ),
    latest_answer(
        "csat",
        meaning="The latest answer to a CSAT survey or rating of a ticket, 1 to 5.",
        events=frozenset({SurveyAnswered, TicketRated}),
    ),
    steady(
        "kind",
        kind="choice",
        found=lambda subject, window, at: kind_at(subject.facts, at),
        words=lambda found: f"a {found}",
        positions=lambda facts: [named.position for named in facts.kinds[-1:]],
        meaning="person, or firm where the registration or a later word says so.",
        events=frozenset({CustomerRegistered, KindChanged}),
    ),
    choice(
        "source",
        undefined="where no registration named one",
        named=lambda facts: facts.source,
        words="came through",
        meaning="Through what the business met the customer, as the registration says.",
        events=frozenset({CustomerRegistered}),
    ),
    choice(
        "owner",
        undefined="before anybody was assigned",
        named=lambda facts: facts.owners[-1] if facts.owners else None,
        words="looked after by",
        meaning="Who in the business looks after the customer.",
        events=frozenset({OwnerAssigned}),
    ),
    steady(
        "tagged",
        kind="set",
        found=lambda subject, window, at: frozenset(_tags(subject.facts)),
        words=lambda found: f"tagged {', '.join(sorted(found))}" if found else "no tags",
        positions=lambda facts: sorted(named.position for named in _tags(facts).values()),
        meaning="The tags that are on.",
        events=frozenset({CustomerTagged, CustomerUntagged}),
    ),
    steady(
        "assessed",
        kind="set",
        found=lambda subject, window, at: frozenset(_assessed(subject.facts)),
        words=lambda found: f"assessed as {', '.join(sorted(found))}" if found else "not assessed",
        positions=lambda facts: sorted(each.position for each in facts.assessed.values()),
        meaning='What was made of their latest text, by kind, such as "sentiment:negative": of each kind the last word '
        "on the text that was said last, whichever model or person said it.",
        events=frozenset({AssessmentRecorded}),
    ),
    verdict_of(
        "lifecycle_stage",
        "stage",
        kind="choice",
        of=_value,
        words="stage",
        meaning="The stage, as [lifecycle] gives it; the ladder itself can't ask it.",
    ),
    verdict_of(
        "loyalty_tier",
        "tier",
        kind="choice",
        of=_value,
        words="tier",
        meaning=f'The loyalty tier, as [tier] gives it; "{NO_TIER}" where only members have one.',
    ),
    verdict_of(
        "churn_risk",
        "risk",
        kind="score",
        of=attrgetter("score"),
        words="risk",
        meaning="The risk that the customer leaves, 0 to 100, as [churn_risk] gives it.",
    ),
    verdict_of(
        "churn_risk",
        "risk_band",
        kind="choice",
        of=_value,
        words="risk band",
        meaning="The band of that risk, as [churn_risk.bands] has it.",
    ),
    verdict_of(
        "customer_value",
        "value",
        kind="choice",
        of=_value,
        words="value",
        undefined=_NO_ORDER,
        meaning="The band of what they bought lately, as [value] gives it.",
    ),
    verdict_of(
        "satisfaction",
        "nps_category",
        kind="choice",
        of=attrgetter("nps"),
        words="NPS category",
        undefined=_NO_ANSWER,
        meaning="What the latest NPS answer makes of them, for as long as [satisfaction] counts it: promoter, passive "
        "or detractor.",
    ),
    verdict_of(
        "satisfaction",
        "csat_category",
        kind="choice",
        of=attrgetter("csat"),
        words="CSAT category",
        undefined=_NO_ANSWER,
        meaning="What the latest CSAT answer or rating of a ticket says, for as long as [satisfaction] counts it: "
        "satisfied, neutral or dissatisfied.",
    ),
    SEGMENT,
)
