"""Ladders of stages drawn from the whole grammar of conditions, and what each condition comes to by plain counting.

The counting shares no code with what judges: it looks at a list of events, all of them, at one instant.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from histories import answers, assessments, contracts, histories, opportunities, others
from regulars.crm_domain.assessment import AssessmentRecorded
from regulars.crm_domain.contract import ContractAmended, ContractEnded, ContractRenewed, ContractSigned
from regulars.crm_domain.customer import (
    AccountClosed,
    AccountReopened,
    CustomerRegistered,
    CustomerTagged,
    CustomerUntagged,
    KindChanged,
    LeadQualified,
    OwnerAssigned,
)
from regulars.crm_domain.instant import DAY, to_datetime
from regulars.crm_domain.interaction import InteractionRecorded, SurveyAnswered
from regulars.crm_domain.opportunity import (
    OpportunityEvent,
    OpportunityLost,
    OpportunityOpened,
    OpportunityReopened,
    OpportunityWon,
)
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnRecorded
from regulars.crm_domain.ticket import (
    MOVES,
    TicketOpened,
    TicketRated,
    TicketReopened,
    TicketResolved,
    TicketStatus,
)
from regulars.projections.churn_risk.projector import CHURN_RISK
from regulars.projections.conditions.rules import ConditionRule
from regulars.projections.contracts import CONTRACTS
from regulars.projections.customer_value.projector import CUSTOMER_VALUE
from regulars.projections.engine.fold import Happened, fold_some, verdict_at
from regulars.projections.engine.projector import Projector
from regulars.projections.facts.table import FACTS
from regulars.projections.lifecycle_stage.rules import Lifecycle
from regulars.projections.loyalty_tier.projector import LOYALTY_TIER
from regulars.projections.rules.compiled import Rules, compile_rules
from regulars.projections.rules.grammar import Ruleset, parse_rules, validate_rules
from regulars.projections.satisfaction.projector import SATISFACTION
from regulars.projections.verdict import Interval

# Few values, and those that histories have, so that bounds are met exactly.
DAYS = st.sampled_from([1, 7, 30, 90, 180, 365, 1_000])
COUNTS = st.integers(0, 4)
BOUNDS: dict[str, st.SearchStrategy[Any]] = {
    "orders": COUNTS,
    "returns": COUNTS,
    "tickets": COUNTS,
    "open_tickets": COUNTS,
    "open_opportunities": COUNTS,
    "won": COUNTS,
    "nps": st.integers(0, 10),
    "csat": st.integers(1, 5),
    "spend": st.sampled_from(["0", "0.01", "0.02", "20", "150.00", "150.005", "600", "1000.00"]),
    "days_since_order": st.sampled_from([0, 1, 30, Decimal("90.5"), 400]),
    "days_since_engagement": st.sampled_from([0, 1, 30, Decimal("90.5"), 400]),
    "days_since_spell_ended": st.sampled_from([1, 30, 90, 400]),
    "days_to_contract_end": st.sampled_from([0, 1, 30, Decimal("90.5"), 400]),
    "tenure_days": st.sampled_from([0, 1, 180, 700]),
    "gap": st.sampled_from([Decimal("0.5"), 1, Decimal("1.5"), 2, 3, 5]),
    "risk": st.sampled_from([0, 1, 10, 25, 30, 40, 50, 60, 75, 90, 100]),
}
FLAGS = ("account_closed", "qualified")
CHOICES = {
    "kind": ("person", "firm"),
    "source": ("web", "fair", "friend"),
    "owner": ("li", "max"),
    "tier": ("none", "member", "silver", "gold"),
    "risk_band": ("low", "medium", "high"),
    "value": ("low", "mid", "high"),
    "nps_category": ("promoter", "passive", "detractor"),
    "csat_category": ("satisfied", "neutral", "dissatisfied"),
}
#: What other projections hold, and which.
READ = {
    "days_to_contract_end": CONTRACTS,
    "tier": LOYALTY_TIER,
    "risk": CHURN_RISK,
    "risk_band": CHURN_RISK,
    "value": CUSTOMER_VALUE,
    "nps_category": SATISFACTION,
    "csat_category": SATISFACTION,
}
#: Which of its columns a fact reads, where it isn't the verdict's value.
COLUMNS = {"risk": "score", "nps_category": "nps", "csat_category": "csat"}
SETS = {
    "tagged": ("vip", "press", "never"),
    "assessed": ("sentiment:good", "sentiment:bad", "topic:good", "never:said"),
}
WINDOWED = ("orders", "returns", "tickets", "won", "spend", "nps", "csat")


@cache
def _several(words: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(words), min_size=1, max_size=2, unique=True)


@cache
def _ends(fact: str) -> st.SearchStrategy[dict[str, Any]]:
    values, least = BOUNDS[fact], st.sampled_from(["from", "above"] if FACTS[fact].kind == "elapsed" else ["from"])
    one = st.tuples(least | st.just("below"), values).map(lambda pair: dict([pair]))
    both = st.tuples(least, st.lists(values, min_size=2, max_size=2, unique_by=Decimal)).map(
        lambda pair: dict(zip((pair[0], "below"), sorted(pair[1], key=Decimal), strict=True))
    )
    return one | both


ASKED = (*FLAGS, *CHOICES, *SETS, *(fact for fact in BOUNDS if fact != "days_since_spell_ended"))


@cache
@st.composite
def conditions(draw: st.DrawFn, fact: str) -> dict[str, Any]:
    """A condition on a fact."""
    if fact in FLAGS:
        return {"fact": fact, "is": draw(st.booleans())}
    if fact in CHOICES:
        return {"fact": fact, draw(st.sampled_from(["in", "not_in"])): draw(_several(CHOICES[fact]))}
    if fact in SETS:
        return {"fact": fact, draw(st.sampled_from(["has", "any", "lacks"])): draw(_several(SETS[fact]))}
    window = {"within_days": draw(DAYS)} if fact in WINDOWED and draw(st.booleans()) else {}
    return {"fact": fact, **draw(_ends(fact)), **window}


@st.composite
def rungs(draw: st.DrawFn, asking: str | None) -> list[dict[str, Any]]:
    """A whole ladder, a stage of its own for each rung. It asks few facts, so that each of them decides."""
    facts = [*([asking] if asking else []), *draw(st.lists(st.sampled_from(ASKED), min_size=not asking, max_size=2))]
    ladder = [
        {
            "id": f"r{number}",
            "stage": f"s{number}",
            "when": [draw(conditions(draw(st.sampled_from(facts)))) for _ in range(draw(st.integers(1, 2)))],
        }
        for number in range(draw(st.integers(1, 6)))
    ]
    stages = [rung["stage"] for rung in ladder] + ["rest"]
    for rung in ladder:
        if draw(st.integers(0, 3)) == 0:
            rung["spell"] = draw(_several(tuple(stages)))
            rung["when"].append({"fact": "days_since_spell_ended", **draw(_ends("days_since_spell_ended"))})
    return [*ladder, {"id": "rest", "stage": "rest", "when": []}]


@cache
def ladders(asking: str | None = None) -> st.SearchStrategy[Ruleset]:
    """The default rules with any other ladder of stages; one that is likely to ask a fact, if it is named."""
    return rungs(asking).map(with_ladder)


def with_ladder(ladder: list[dict[str, Any]]) -> Ruleset:
    """The default rules with another ladder of stages."""
    return validate_rules(default().model_dump(by_alias=True, exclude_none=True) | {"lifecycle": {"stage": ladder}})


@cache
def default() -> Ruleset:
    return parse_rules((Path(__file__).parents[1] / "src" / "regulars" / "rules.toml").read_text(encoding="utf-8"))


def ready(ruleset: Ruleset) -> Rules:
    """The rules, ready to judge in euros."""
    return compile_rules(ruleset, "EUR")


@cache
def lives(asking: str) -> st.SearchStrategy[list[Happened]]:
    """Histories with many of the events that bear on a fact."""
    ticket_ids = st.sampled_from(["T-1", "T-2", "T-3"])
    desk = st.one_of(
        *(
            st.builds(kind, ticket_id=ticket_ids, at=st.just(0))
            for kind in (TicketOpened, TicketResolved, TicketReopened)
        ),
        st.builds(TicketRated, ticket_id=ticket_ids, at=st.just(0), score=st.integers(1, 5)),
    )
    of_few_orders = {"order_id": st.integers(1, 6).map(str), "currency": st.just("EUR")}
    shop = st.one_of(
        st.builds(PurchaseRecorded, amount=st.sampled_from([0, 1, 2_000, 15_000, 60_000]), **of_few_orders),
        st.builds(ReturnRecorded, amount=st.sampled_from([1, 2_000]), return_id=st.just("1"), **of_few_orders),
    )
    match asking:
        case "tickets" | "open_tickets":
            return histories(min_size=12, mostly=desk)
        case "nps" | "csat" | "nps_category" | "csat_category":
            return histories(min_size=12, mostly=answers() | desk)
        case "days_to_contract_end":
            return histories(min_size=12, mostly=contracts())
        case "open_opportunities" | "won":
            return histories(min_size=12, mostly=opportunities())
        case "assessed":
            return histories(min_size=12, mostly=assessments())
        case (
            "tier"
            | "risk"
            | "risk_band"
            | "value"
            | "orders"
            | "returns"
            | "spend"
            | "gap"
            | "days_since_order"
            | "tenure_days"
        ):
            return histories(min_size=12, mostly=shop)
        case _:
            return histories(min_size=12, mostly=others())


# ------------------------------------------------------------------------------------------------- by plain counting


def value(rule: ConditionRule, history: list[Happened], at: int, ended: int | None) -> Any:
    """What a fact comes to at an instant, in its own unit, None where it is undefined."""
    happened = [each for each in history if each.at <= at]
    recent = [each for each in happened if rule.within_days is None or each.at + rule.within_days * DAY > at]
    bought = [each for each in happened if isinstance(each.event, PurchaseRecorded)]
    match rule.fact:
        case "account_closed":
            turns = [e.event for e in happened if isinstance(e.event, AccountClosed | AccountReopened)]
            return bool(turns) and isinstance(turns[-1], AccountClosed)
        case "qualified":
            return any(isinstance(each.event, LeadQualified) for each in happened)
        case "orders":
            return sum(isinstance(each.event, PurchaseRecorded) for each in recent)
        case "returns":
            return sum(isinstance(each.event, ReturnRecorded) for each in recent)
        case "tickets":
            return sum(is_opening(each, happened) for each in recent)
        case "open_tickets":
            ids = {each.event.ticket_id for each in happened if isinstance(each.event, TicketOpened)}
            return sum(status(name, happened) not in (TicketStatus.RESOLVED, TicketStatus.CLOSED) for name in ids)
        case "open_opportunities":
            return sum(state == "open" for state, _ in opportunities_at(happened).values())
        case "won":
            won_at = [since for state, since in opportunities_at(happened).values() if state == "won"]
            return sum(rule.within_days is None or each + rule.within_days * DAY > at for each in won_at)
        case "spend":
            counted = {each.event.order_id for each in recent if isinstance(each.event, PurchaseRecorded)}
            paid = sum(each.event.amount for each in bought if each.event.order_id in counted)
            back = [each.event for each in happened if isinstance(each.event, ReturnRecorded)]
            return Fraction(paid - sum(each.amount for each in back if each.order_id in counted), 100)
        case "nps" | "csat" as survey:
            answers = [each for each in happened if survey_of(each) == survey]
            return answers[-1].event.score if answers and answers[-1] in recent else None
        case "days_since_order":
            return Fraction(at - bought[-1].at, DAY) if bought else None
        case "tenure_days":
            return Fraction(at - bought[0].at, DAY) if bought else None
        case "days_to_contract_end":
            left = [over - at for begin, over in terms_at(happened) if over is not None and begin <= at < over]
            return Fraction(min(left), DAY) if left else None
        case "days_since_engagement":
            heard = [each.at for each in happened if is_engagement(each)]
            return Fraction(at - heard[-1], DAY) if heard else None
        case "days_since_spell_ended":
            return None if ended is None else Fraction(at - ended, DAY)
        case "gap":
            if not bought:
                return None
            days = {to_datetime(each.at).astimezone(ZoneInfo("Europe/Berlin")).date() for each in bought}
            expected = Fraction(bought[-1].at - bought[0].at + 2 * 30 * DAY, len(days) - 1 + 2)
            return Fraction(at - bought[-1].at) / max(Fraction(7 * DAY), expected)
        case "kind":
            told = [e.event for e in happened if isinstance(e.event, CustomerRegistered | KindChanged)]
            words = [e.kind for e in told if isinstance(e, KindChanged) or e.kind == "firm"]
            return words[-1] if words else "person"
        case "source":
            named = [e.event.source for e in happened if isinstance(e.event, CustomerRegistered) and e.event.source]
            return named[-1] if named else None
        case "owner":
            owners = [each.event.owner for each in happened if isinstance(each.event, OwnerAssigned)]
            return owners[-1] if owners else None
        case "tagged":
            on: set[str] = set()
            for each in happened:
                if isinstance(each.event, CustomerTagged):
                    on.add(each.event.label)
                elif isinstance(each.event, CustomerUntagged):
                    on.discard(each.event.label)
            return on
        case "assessed":
            last: dict[str, tuple[int, str]] = {}
            for each in happened:
                if isinstance(each.event, AssessmentRecorded):
                    said = (each.event.said_at, f"{each.event.kind}:{each.event.value}")
                    if said[0] >= last.get(each.event.kind, said)[0]:
                        last[each.event.kind] = said
            return {word for _, word in last.values()}
        case name if name in READ:
            verdict = held_by(READ[name], tuple(history), at)
            return verdict and getattr(verdict, COLUMNS.get(name, "value"))
        case other:
            raise AssertionError(f"nobody counts {other} here yet")


def terms_at(happened: list[Happened]) -> list[tuple[int, int | None]]:
    """From when to when each contract goes, by what had happened: the last word on each of its terms."""
    found: dict[str, dict[str, Any]] = {}
    for each in happened:
        event = each.event
        match event:
            case ContractSigned(contract_id=name, start=start, end=end, renewal_months=months):
                found.setdefault(name, {"start": start, "end": end, "months": months})
            case ContractAmended(contract_id=name, end=end, renewal_months=months) if name in found:
                found[name]["end"] = end or found[name]["end"]
                found[name]["months"] = found[name]["months"] if months is None else months
            case ContractRenewed(contract_id=name, until=until) if name in found:
                found[name]["end"] = until
            case ContractEnded(contract_id=name, on=on) if name in found:
                found[name] |= {"end": on, "months": 0}
    return [
        (midnight(each["start"]), None if each["months"] or not each["end"] else midnight(each["end"] + timedelta(1)))
        for each in found.values()
    ]


def midnight(day: date) -> int:
    """When a day begins in Berlin, in microseconds."""
    return int(datetime.combine(day, time(), ZoneInfo("Europe/Berlin")).timestamp()) * 1_000_000


def held_by(projector: Projector, history: tuple[Happened, ...], at: int) -> Any:
    """What another projection holds at an instant, judged by itself; tests of its own hold it to plain counting."""
    held = verdict_at(timeline_of(projector, history), at)
    return held and held.verdict


@lru_cache(maxsize=8)
def timeline_of(projector: Projector, history: tuple[Happened, ...]) -> list[Interval]:
    """What a projection holds under the default rules, judged by itself."""
    return fold_some(history, ready(default()), [projector])[1][projector.name]


def holds(rule: ConditionRule, history: list[Happened], at: int, ended: int | None) -> bool:
    """Whether a condition holds at an instant; on what is undefined none does."""
    found = value(rule, history, at, ended)
    if found is None:
        return False
    return (
        (rule.is_ is None or found == rule.is_)
        and (rule.from_ is None or found >= Fraction(rule.from_))
        and (rule.above is None or found > Fraction(rule.above))
        and (rule.below is None or found < Fraction(rule.below))
        and (rule.in_ is None or found in rule.in_)
        and (rule.not_in is None or found not in rule.not_in)
        and (rule.has is None or set(rule.has) <= found)
        and (rule.any_ is None or set(rule.any_) & found)
        and (rule.lacks is None or not set(rule.lacks) & found)
    )


def rung_of(ladder: Lifecycle, history: list[Happened], at: int, ended: tuple[str, int] | None) -> int:
    """The place of the first rung whose conditions all hold; `ended` is the last spell, and when an order ended it."""
    for place, rung in enumerate(ladder.stage):
        spell_ended = ended[1] if ended is not None and ended[0] in rung.spell else None
        if all(holds(condition, history, at, spell_ended) for condition in rung.when):
            return place
    raise AssertionError("the last rung takes everyone")


def is_engagement(each: Happened) -> bool:
    match each.event:
        case InteractionRecorded(direction=direction):
            return direction == "inbound"
        case SurveyAnswered() | CustomerRegistered() | TicketOpened() | TicketRated():
            return True
    return False


def survey_of(each: Happened) -> str | None:
    match each.event:
        case SurveyAnswered(survey=survey):
            return survey
        case TicketRated():
            return "csat"
    return None


def is_opening(each: Happened, happened: list[Happened]) -> bool:
    """Whether a ticket was opened by this; what was opened can't be opened again."""
    if not isinstance(each.event, TicketOpened):
        return False
    same = (e for e in happened if isinstance(e.event, TicketOpened) and e.event.ticket_id == each.event.ticket_id)
    return next(same) is each


def opportunities_at(happened: list[Happened]) -> dict[str, tuple[str, int]]:
    """Of each opportunity that was opened, whether it is open, won or lost, and since when."""
    found: dict[str, tuple[str, int]] = {}
    for each in happened:
        event = each.event
        if not isinstance(event, OpportunityEvent):
            continue
        state = found.get(event.opportunity_id, ("none", 0))[0]
        turns = {
            ("none", OpportunityOpened): "open",
            ("open", OpportunityWon): "won",
            ("open", OpportunityLost): "lost",
            ("won", OpportunityReopened): "open",
            ("lost", OpportunityReopened): "open",
        }
        turned = turns.get((state, type(event)))
        if turned is not None:
            found[event.opportunity_id] = (turned, each.at)
    return found


def status(ticket_id: str, happened: list[Happened]) -> TicketStatus:
    """Where a ticket stands, from its opening on."""
    standing = TicketStatus.UNKNOWN
    for each in happened:
        event = each.event
        if type(event) not in MOVES:
            continue  # a survey about a ticket names it, too
        if event.ticket_id == ticket_id and (standing is not TicketStatus.UNKNOWN or isinstance(event, TicketOpened)):
            standing = MOVES[type(event)].get(standing, standing)
    return standing
