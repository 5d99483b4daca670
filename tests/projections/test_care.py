"""Care rules: what is held of each, by plain counting over lists of events, and exact to the microsecond."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ladders
from histories import histories
from ladders import ASKED, conditions, default, ready, timeline_of
from regulars.crm_domain.customer import CustomerRegistered
from regulars.crm_domain.errors import InvalidRules
from regulars.crm_domain.instant import DAY
from regulars.crm_domain.interaction import InteractionRecorded
from regulars.crm_domain.purchase import PurchaseRecorded
from regulars.projections.care.projector import CARE
from regulars.projections.care.rules import MAX_CARE, CareRule
from regulars.projections.conditions.rules import ConditionRule
from regulars.projections.engine.fold import Happened, fold_some, verdict_at
from regulars.projections.lifecycle_stage.projector import LIFECYCLE_STAGE
from regulars.projections.rules.grammar import Ruleset, validate_rules
from shops import EXAMPLES

STAGES = ("new", "active", "at_risk", "dormant", "churned")
FACTS = [fact for fact in ASKED if fact != "gap"]
HOLIDAYS = [{"days": [{"day": "2026-05-01", "name": "Labour Day"}]}]


def with_care(*rules: dict[str, Any]) -> Ruleset:
    """The default rules with some care rules, and a holiday."""
    given_rules = default().model_dump(by_alias=True, exclude_none=True)
    given_rules["business"]["holidays"] = HOLIDAYS
    return validate_rules(given_rules | {"care": list(rules)})


@st.composite
def rules_of_care(draw: st.DrawFn) -> CareRule:
    about: dict[str, Any] = draw(
        st.sampled_from(
            [
                {"on": "first_order"},
                {"on": "birthday"},
                {"on": "holiday", "holidays": ["Labour Day"]},
                {"on": "verdict", "verdict": "stage", "becomes": ["at_risk", "dormant"]},
                {"on": "verdict", "verdict": "tier", "becomes": ["silver", "gold"]},
                {"on": "no_contact", "days": 30},
                {"on": "no_contact", "days": 90, "days_by_tier": {"gold": 7, "silver": 30}},
                {"on": "no_contact", "days_by_tier": {"member": 30}},
            ]
        )
    )
    when = draw(st.lists(st.sampled_from(FACTS).flatmap(conditions), max_size=2))
    return with_care({"id": "a", "when": when, **about}).care[0]


# --------------------------------------------------------------------------------------------------- by plain counting


def cause_of(rule: CareRule, history: list[Happened], at: int) -> int | None:
    """Whether what a rule is about lasts at an instant: after how many days it is repeated, else 0; None where not."""
    happened = [each for each in history if each.at <= at]
    if not any(type(each.event) in LIFECYCLE_STAGE.handles for each in happened):
        return None
    match rule.on:
        case "first_order":
            return 0 if any(isinstance(each.event, PurchaseRecorded) for each in happened) else None
        case "verdict":
            projector = LIFECYCLE_STAGE if rule.verdict == "stage" else ladders.READ[str(rule.verdict)]
            held = verdict_at(timeline_of(projector, tuple(history)), at)
            return 0 if held is not None and held.verdict.value in (rule.becomes or ()) else None
        case "no_contact":
            tier = ladders.held_by(ladders.READ["tier"], tuple(history), at)
            days = rule.days_by_tier.get(tier.value if tier else "", rule.days)
            if days is None:
                return None
            asked = ConditionRule.model_validate({"fact": "days_since_contact", "from": days})
            return days if ladders.holds(asked, history, at, None) else None
        case _:
            return 0


def probes(history: list[Happened]) -> list[int]:
    """Where anything may change, and a microsecond to both sides of it."""
    turns = {each.at + days * DAY for each in history for days in (0, 1, 7, 30, 90, 180, 365)}
    return sorted({turn + beside for turn in turns for beside in (-1, 0, 1)})


@settings(max_examples=EXAMPLES)
@given(rules_of_care(), histories(max_size=12))
def test_a_row_is_held_while_its_cause_lasts_and_its_conditions_hold(rule: CareRule, history: list[Happened]) -> None:
    rules = ready(with_care(rule.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)))
    intervals = [each for each in fold_some(history, rules, [CARE])[1]["care"] if each.verdict is not None]
    instants = probes(history)
    for at in instants:
        held, cause = verdict_at(intervals, at), cause_of(rule, history, at)
        is_meant = cause is not None and all(ladders.holds(each, history, at, None) for each in rule.when)
        assert (held is not None) == is_meant
        if held is None:
            continue
        start = held.verdict.start
        assert held.verdict.step == cause
        assert start <= at
        assert cause_of(rule, history, start) is not None
        assert cause_of(rule, history, start - 1) is None
        assert all(cause_of(rule, history, between) is not None for between in instants if start <= between <= at)


# ------------------------------------------------------------------------------------------------- exact, in the open


def rows(rule: dict[str, Any], *history: Happened) -> list[tuple[int, int, int]]:
    """When a row is held, in days, and since when its cause has lasted."""
    found = fold_some(history, ready(with_care({"id": "a", **rule})), [CARE])[1]["care"]
    return [(each.valid_from, each.valid_to, each.verdict.start) for each in found if each.verdict is not None]


def called(day: int, position: int, direction: Any = "outbound") -> Happened:
    return Happened(day * DAY, position, InteractionRecorded(channel="phone", direction=direction))


def test_without_contact_it_begins_on_the_day_and_ends_with_the_next_contact_either_way() -> None:
    registered = Happened(0, 1, CustomerRegistered())
    found = rows({"on": "no_contact", "days": 30}, registered, called(40, 2), called(60, 3, "inbound"))
    assert [(since // DAY, start // DAY) for since, _, start in found] == [(30, 30), (90, 90)]
    assert found[0][1] == 40 * DAY


def test_from_one_stage_that_counts_to_another_is_no_beginning() -> None:
    bought = Happened(0, 1, PurchaseRecorded(order_id="1", amount=1_000, currency="EUR"))
    both = rows({"on": "verdict", "verdict": "stage", "becomes": ["at_risk", "dormant"]}, bought)
    one = rows({"on": "verdict", "verdict": "stage", "becomes": ["at_risk"]}, bought)
    assert len(both) == len(one) == 1
    assert both[0][0] == both[0][2] == one[0][0]
    assert both[0][1] > one[0][1]


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"on": "holiday"}, '"a" is on = "holiday" and needs `holidays`'),
        (
            {"on": "holiday", "holidays": ["Labor Day"]},
            'names the holiday "Labor Day", which there isn\'t',
        ),
        ({"on": "verdict", "verdict": "stage"}, '"a" is on = "verdict" and needs `becomes`'),
        (
            {"on": "verdict", "verdict": "stage", "becomes": ["at risk"]},
            'asks for the stage "at risk", which',
        ),
        ({"on": "verdict", "verdict": "segment", "becomes": ["vips"]}, 'names the segment "vips", which there isn\'t'),
        ({"on": "no_contact"}, '"a" is on = "no_contact" and needs `days` or `days_by_tier`'),
        (
            {"on": "no_contact", "days_by_tier": {"golden": 3}},
            'names the tier "golden", which there isn\'t',
        ),
        ({"on": "birthday", "days": 3}, '"a" is on = "birthday", which takes no `days`'),
        ({"on": "weekday"}, "care[0].on"),
        ({"on": "birthday", "ahead_days": 366}, "care[0].ahead_days"),
    ],
)
def test_a_rule_that_can_not_be_is_refused_in_a_sentence(rule: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidRules) as refused:
        with_care({"id": "a", **rule})
    assert sentence in str(refused.value)


def test_rules_have_names_of_their_own_and_are_not_without_number() -> None:
    with pytest.raises(InvalidRules, match='the id of a care rule "a" is used twice'):
        with_care({"id": "a", "on": "birthday"}, {"id": "a", "on": "first_order"})
    with pytest.raises(InvalidRules, match="care"):
        with_care(*({"id": f"a{number}", "on": "birthday"} for number in range(MAX_CARE + 1)))
