"""What a projection's answers depend on beside the events, as one digest: equal digests, equal answers."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from histories import histories
from ladders import ladders, ready, with_ladder
from regulars.projections.engine.fold import Happened, concerned, fold_some
from regulars.projections.engine.rules_digest import rules_digest
from regulars.projections.lifecycle_stage.projector import LIFECYCLE_STAGE
from regulars.projections.registry import PROJECTORS
from regulars.projections.rules.grammar import Ruleset
from shops import EXAMPLES, other_rules, with_edits

DIGESTS = {each.name: each for each in PROJECTORS}
REST = {"id": "rest", "stage": "rest", "when": []}


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Ruleset, Ruleset]:
    """Two rulesets that differ in some tables: each has the ladder or the rest of either."""
    rulesets = [draw(other_rules()), draw(other_rules())]
    asking = [draw(ladders("tier")), draw(ladders("risk")), draw(ladders())]
    chosen = [draw(st.sampled_from(asking)), draw(st.sampled_from(asking))]
    first, second = (
        each.model_copy(update={"lifecycle": ladder.lifecycle}) for each, ladder in zip(rulesets, chosen, strict=True)
    )
    parts = draw(st.sets(st.sampled_from(sorted(Ruleset.model_fields))))
    return first, second.model_copy(update={part: getattr(first, part) for part in parts})


@settings(max_examples=3 * EXAMPLES)
@given(pairs(), histories())
def test_under_equal_digests_the_same_events_have_equal_timelines(
    pair: tuple[Ruleset, Ruleset], history: list[Happened]
) -> None:
    old, new = map(ready, pair)
    (_, before), (_, after) = fold_some(history, old, PROJECTORS), fold_some(history, new, PROJECTORS)
    differing = {name for name, each in DIGESTS.items() if rules_digest(each, old) != rules_digest(each, new)}
    assert {name for name in before if before[name] != after[name]} <= differing
    assert {each.name for each in concerned(old, new, PROJECTORS)} == differing


def asking(*when: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"id": "asked", "stage": "asked", "when": list(when)}, REST]


TIERS = with_edits([("hold_days = 365", "hold_days = 60")])
RISK = with_edits([("account_closed = 100", "account_closed = 60")])


@pytest.mark.parametrize(
    ("changed", "asked", "concerns"),
    [
        (TIERS, {"fact": "orders", "from": 1}, {"loyalty_tier"}),
        (TIERS, {"fact": "risk", "from": 50}, {"loyalty_tier"}),
        (TIERS, {"fact": "tier", "in": ["gold"]}, {"loyalty_tier", "lifecycle_stage"}),
        (RISK, {"fact": "tier", "in": ["gold"]}, {"churn_risk"}),
        (RISK, {"fact": "risk_band", "in": ["high"]}, {"churn_risk", "lifecycle_stage"}),
        (with_edits([("auto_close_days = 7", "auto_close_days = 9")]), {"fact": "tickets", "from": 1}, None),
        (with_edits([("pending_days = 14", "pending_days = 15")]), {"fact": "tier", "in": ["gold"]}, set()),
    ],
)
def test_a_change_concerns_who_judges_by_it_and_who_asks_them(
    changed: Ruleset, asked: dict[str, Any], concerns: set[str] | None
) -> None:
    old = with_ladder(asking(asked))
    new = changed.model_copy(update={"lifecycle": old.lifecycle})
    found = {each.name for each in concerned(ready(old), ready(new), PROJECTORS)}
    assert found == ({"ticket_queue", "churn_risk"} if concerns is None else concerns)


def test_a_digest_changes_with_any_version_that_it_rests_on() -> None:
    rules = ready(with_ladder(asking({"fact": "tier", "in": ["gold"]})))
    *rest, tier = LIFECYCLE_STAGE.may_read
    facts = replace(LIFECYCLE_STAGE.facts, version=99)
    others = [
        replace(LIFECYCLE_STAGE, version=99),
        replace(LIFECYCLE_STAGE, facts=facts),
        replace(LIFECYCLE_STAGE, may_read=(*rest, replace(tier, version=99))),
        replace(LIFECYCLE_STAGE, may_read=(*rest, replace(tier, facts=facts))),
    ]
    digests = [rules_digest(each, rules) for each in (LIFECYCLE_STAGE, *others)]
    assert len({*digests}) == len(digests)
    unasked = replace(LIFECYCLE_STAGE, may_read=(*(replace(each, version=99) for each in rest), tier))
    assert rules_digest(unasked, rules) == digests[0]


def test_a_digest_is_the_same_in_every_process() -> None:
    told = (
        "from regulars import default_rules\n"
        "from regulars.projections.rules.compiled import compile_rules\n"
        "from regulars.projections.registry import PROJECTORS\n"
        "from regulars.projections.engine.rules_digest import rules_digest\n"
        "rules = compile_rules(default_rules(), 'EUR')\n"
        "print(*(rules_digest(each, rules) for each in PROJECTORS))\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", told], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
    assert len(set(said.pop().split())) == len(PROJECTORS)
