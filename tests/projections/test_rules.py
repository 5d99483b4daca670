"""Rules are data: what the grammar takes and refuses, what makes two rulesets the same, what they compile to."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import BaseModel

from histories import START, histories
from regulars.crm_domain.customer import CustomerRegistered
from regulars.crm_domain.errors import InvalidRules
from regulars.crm_domain.instant import DAY
from regulars.crm_domain.purchase import PurchaseRecorded, ReturnRecorded
from regulars.projections.customer_card import CUSTOMER_CARD
from regulars.projections.customer_value.projector import CUSTOMER_VALUE
from regulars.projections.engine.fold import Folded, Happened, Timelines, fold, verdict_at
from regulars.projections.facts.cadence import after_gaps
from regulars.projections.facts.shared import Facts
from regulars.projections.facts.table import FACTS
from regulars.projections.registry import PROJECTORS
from regulars.projections.rfm_summary import RFM_SUMMARY
from regulars.projections.rules.compiled import Rules, compile_rules
from regulars.projections.rules.grammar import Ruleset, parse_rules, restore_rules, validate_rules

DEFAULT = (Path(__file__).parents[2] / "src" / "regulars" / "rules.toml").read_text(encoding="utf-8")


def changed(old: str, new: str) -> str:
    """The default file with the first occurrence of a text replaced."""
    assert old in DEFAULT
    return DEFAULT.replace(old, new, 1)


def data() -> dict[str, Any]:
    return tomllib.loads(DEFAULT, parse_float=Decimal)


def refusal(text: str) -> str:
    with pytest.raises(InvalidRules) as refused:
        parse_rules(text)
    return str(refused.value)


def values(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value of a tree with the keys that lead to it."""
    if isinstance(node, dict | list):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from values(child, (*path, key))
    else:
        yield path, node


def tables(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every key of every table of a tree, with the keys that lead to it."""
    if isinstance(node, dict | list):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            if isinstance(key, str):
                yield (*path, key)
            yield from tables(child, (*path, key))


def with_value(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    whole = node = data()
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return whole


# ----------------------------------------------------------------------------------------------- identity


def test_the_default_file_is_a_ruleset() -> None:
    ruleset = parse_rules(DEFAULT)
    assert [rung.id for rung in ruleset.lifecycle.stage] == [
        "closed",
        "prospect",
        "lead",
        "cold-lead",
        "silent",
        "dormant",
        "at-risk",
        "back",
        "loyal",
        "new",
        "active",
    ]
    assert [level.name for level in ruleset.tier.levels] == ["member", "silver", "gold", "platinum"]


def test_comments_and_blank_lines_are_no_part_of_the_identity() -> None:
    bare = "\n".join(line for line in DEFAULT.splitlines() if line and not line.startswith("#"))
    assert parse_rules(f"# another comment\n{bare}").digest() == parse_rules(DEFAULT).digest()


def test_a_comment_behind_each_line_is_no_part_of_the_identity() -> None:
    commented = "\n".join(f"{line} # why" for line in DEFAULT.splitlines())
    assert parse_rules(commented).digest() == parse_rules(DEFAULT).digest()


@given(st.randoms(use_true_random=False))
def test_the_order_of_keys_is_no_part_of_the_identity(random: Any) -> None:
    def shuffled(node: Any) -> Any:
        if isinstance(node, list):
            return [shuffled(child) for child in node]
        if not isinstance(node, dict):
            return node
        keys = list(node)
        random.shuffle(keys)
        return {key: shuffled(node[key]) for key in keys}

    assert validate_rules(shuffled(data())).digest() == parse_rules(DEFAULT).digest()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from = 5.0", "from = 5"),
        ("from = 5.0", "from = 5.00"),
        ("from = 5.0", "from = 0.5e1"),
        ("prior_gap_days = 30", "prior_gap_days = 30.0"),
        ("prior_gap_days = 30", "prior_gap_days = 3e1"),
        ("weight = 25", "weight = 25.000"),
        ('"150.00"', '"150"'),
        ('"150.00"', '"150.000"'),
        ("[[0, 100]", "[[0.0, 100]"),
        ("[[0, 100]", "[[-0.0, 100]"),
    ],
)
def test_the_spelling_of_a_number_is_no_part_of_the_identity(old: str, new: str) -> None:
    assert parse_rules(changed(old, new)).digest() == parse_rules(DEFAULT).digest()


def test_the_order_of_the_rungs_is_part_of_the_identity() -> None:
    turned = data()
    stages = turned["lifecycle"]["stage"]
    stages[0], stages[1] = stages[1], stages[0]
    assert validate_rules(turned).digest() != parse_rules(DEFAULT).digest()


NUMBERS = [
    (path, value) for path, value in values(data()) if isinstance(value, int | Decimal) and not isinstance(value, bool)
]
AMOUNTS = [(path, value) for path, value in values(data()) if path[-1] == "from" and isinstance(value, str)]


def moved(value: int | Decimal | str, by: int) -> int | Decimal | str:
    """A value of the same type, moved by some whole number."""
    return str(Decimal(value) + by) if isinstance(value, str) else value + by


@given(st.sampled_from([*NUMBERS, *AMOUNTS]), st.integers(-5, 5).filter(bool))
def test_the_digest_changes_with_any_number(leaf: tuple[tuple[Any, ...], Any], by: int) -> None:
    path, value = leaf
    try:
        other = validate_rules(with_value(path, moved(value, by)))
    except InvalidRules:
        assume(False)
        raise
    assert other.digest() != parse_rules(DEFAULT).digest()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Europe/Berlin", "Europe/Paris"),
        ('name = "gold"', 'name = "ruby"'),
        ('id = "back"', 'id = "returned"'),
        ('spell = ["dormant", "churned"]', 'spell = ["dormant"]'),
        ('fact = "qualified", is = true', 'fact = "qualified", is = false'),
    ],
)
def test_the_digest_changes_with_any_word(old: str, new: str) -> None:
    assert parse_rules(changed(old, new)).digest() != parse_rules(DEFAULT).digest()


def test_a_ruleset_comes_back_from_its_canonical_text() -> None:
    ruleset = parse_rules(DEFAULT)
    restored = restore_rules(ruleset.canonical())
    assert restored == ruleset
    assert restored.canonical() == ruleset.canonical()
    assert restored.digest() == ruleset.digest()


# Finer than what decimals are computed with by default, which is 28 digits.
THOUSANDTHS_AND_LESS = st.integers(0, 10**36).map(lambda digits: Decimal(digits).scaleb(-33, Context(prec=40)))

FREE = (
    ("cadence", "prior_gap_days"),
    ("churn_risk", "recency", "weight"),
    ("lifecycle", "stage", 4, "when", 0, "from"),
)


@given(st.sampled_from(FREE), st.decimals(Decimal("0.001"), 900, places=3))
def test_any_ruleset_comes_back_from_its_canonical_text(path: tuple[Any, ...], number: Decimal) -> None:
    ruleset = validate_rules(with_value(path, number))
    assert restore_rules(ruleset.canonical()) == ruleset


@given(THOUSANDTHS_AND_LESS, st.integers(1, 40))
def test_the_identity_is_the_same_whatever_precision_the_caller_computes_with(number: Decimal, precision: int) -> None:
    ruleset = validate_rules(with_value(("churn_risk", "recency", "weight"), number))
    digest = ruleset.digest()
    with localcontext(prec=precision):
        assert ruleset.digest() == digest


def test_no_float_appears_anywhere() -> None:
    for parsed in (parse_rules(DEFAULT), restore_rules(parse_rules(DEFAULT).canonical())):
        assert not [path for path, value in values(parsed.model_dump()) if isinstance(value, float)]
    canonical = json.loads(parse_rules(DEFAULT).canonical())
    assert not [path for path, value in values(canonical) if isinstance(value, float)]


def test_a_float_is_refused_wherever_a_number_may_stand() -> None:
    floats = tomllib.loads(DEFAULT)
    with pytest.raises(InvalidRules, match=r"cadence\.steps"):
        validate_rules(floats)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_what_is_no_number_is_refused(number: str) -> None:
    assert "cadence.prior_gap_days: " in refusal(changed("prior_gap_days = 30", f"prior_gap_days = {number}"))


# ----------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("old", "new", "key", "found", "allowed"),
    [
        ("prior_gap_days = 30", "prior_gap_days = 0", "cadence.prior_gap_days", "0", "greater than 0"),
        ("prior_gap_days = 30", 'prior_gap_days = "x"', "cadence.prior_gap_days", "x", "decimal"),
        ("prior_gap_days = 30", "prior_gap_days = true", "cadence.prior_gap_days", "rue", "number"),
        ("grace_days = 30", "grace_days = -1", "tier.grace_days", "-1", "greater than or equal to 0"),
        ("hold_days = 365", "hold_days = 0", "tier.hold_days", "0", "greater than or equal to 1"),
        ("window_days = 180", "window_days = 36501", "churn_risk.feedback.window_days", "36501", "36500"),
        ('from = "150.00"', 'from = "lots"', "tier.levels[1].from", "lots", "decimal"),
        ('from = "150.00"', "from = 149", "tier.levels[1].from", "149", "quotes"),
        ('measure = "net_spend"', 'measure = "points"', "tier.measure", "points", "net_spend"),
        ("medium = 25", "medium = 125", "churn_risk.bands.medium", "125", "100"),
        ("[1, 5]", "[1, 5.5]", "churn_risk.recency.steps[0][1]", "5.5", "whole number"),
        ("nps_detractor = 50", "nps_detractor = 500", "churn_risk.feedback.points.nps_detractor", "500", "100"),
        ("account_closed = 100", "account_closed = 101", "churn_risk.overrides.account_closed", "101", "100"),
        ("is = true }]\n[[", 'is = "yes" }]\n[[', "lifecycle.stage[0].when[0].is", "yes", "true or false"),
        ('stage = "dormant"', 'stage = "Dormant"', "lifecycle.stage[5].stage", "Dormant", "a-z"),
        ("nps_promoter_from = 9", "nps_promoter_from = 11", "satisfaction.nps_promoter_from", "11", "10"),
        ('timezone = "Europe/Berlin"', 'timezone = "Europe/Berln"', "business", "Europe/Berln", "Europe/Berlin"),
        ('expire_at = "end_of_month"', 'expire_at = "never"', "points.expire_at", "never", "end_of_month"),
        ("due_soon_fraction = 0.8", "due_soon_fraction = 1", "ticket.due_soon_fraction", "1", "less than 1"),
    ],
)
def test_an_error_names_the_key_what_was_found_and_what_is_allowed(
    old: str, new: str, key: str, found: str, allowed: str
) -> None:
    line = refusal(changed(old, new)).splitlines()[1].strip()
    assert line.startswith(f"{key}: ")
    said = line.removeprefix(f"{key}: ")
    assert found in said
    assert allowed in said


def test_all_errors_are_told_at_once() -> None:
    text = changed("prior_gap_days = 30", "prior_gap_days = 0").replace("grace_days = 30", "grace_days = -1")
    told = refusal(text)
    assert "cadence.prior_gap_days: " in told
    assert "tier.grace_days: " in told


def test_an_error_names_the_file() -> None:
    with pytest.raises(InvalidRules, match=r"^my\.toml is not TOML: "):
        parse_rules("[business", "my.toml")
    with pytest.raises(InvalidRules, match=r"^my\.toml breaks the grammar of rules:"):
        parse_rules("", "my.toml")


def test_what_is_missing_is_named() -> None:
    assert "  cadence.prior_weight: is missing" in refusal(changed("prior_weight = 2", ""))


@pytest.mark.parametrize(
    ("old", "new", "meant"),
    [
        ("prior_weight = 2", "prior_wieght = 2", "prior_weight"),
        ("hold_days = 365", "hold_day = 365", "hold_days"),
        ("[cadence]", "[cadense]", "cadence"),
        ("nps_passive", "nps_passiv", "nps_passive"),
        ("when = [", "wehn = [", "when"),
        ('fact = "gap"', 'fact = "gaps"', "gap"),
        ('fact = "days_since_engagement"', 'fact = "days_since_engagment"', "days_since_engagement"),
    ],
)
def test_a_misspelt_key_or_fact_gets_a_suggestion(old: str, new: str, meant: str) -> None:
    assert f'did you mean "{meant}"?' in refusal(changed(old, new))


# Whoever writes rules may name bands as they like; every other key is the grammar's.
KEYS = [path for path in tables(data()) if "bands" not in path[:-1]]


@given(st.sampled_from(KEYS), st.integers(0, 40))
def test_a_key_without_one_of_its_letters_is_told_the_whole_key(path: tuple[Any, ...], at: int) -> None:
    key = path[-1]
    at %= len(key)
    whole = node = data()
    for part in path[:-1]:
        node = node[part]
    node[key[:at] + key[at + 1 :]] = node.pop(key)
    with pytest.raises(InvalidRules, match=f'did you mean "{key}"'):
        validate_rules(whole)


@pytest.mark.parametrize("fact", FACTS)
def test_a_fact_without_one_of_its_letters_is_told_the_whole_fact(fact: str) -> None:
    for at in range(len(fact)):
        told = refusal(changed('fact = "gap"', f'fact = "{fact[:at] + fact[at + 1 :]}"'))
        assert f'did you mean "{fact}"?' in told


@pytest.mark.parametrize(
    ("old", "new", "meant"),
    [
        ('measure = "net_spend"', 'measure = "net_spent"', "net_spend"),
        ('measure = "net_spend"', 'measure = "NET_SPEND"', "net_spend"),
        ('expire_at = "end_of_month"', 'expire_at = "end-of-month"', "end_of_month"),
        ('fact = "gap"', 'fact = "Gap"', "gap"),
        ("[ticket]", "[Ticket]", "ticket"),
        ('"Europe/Berlin"', '"Europe/Berln"', "Europe/Berlin"),
        ('"Europe/Berlin"', '"america/new york"', "America/New_York"),
        ('spell = ["dormant", "churned"]', 'spell = ["dorment", "churned"]', "dormant"),
    ],
)
def test_a_misspelt_value_gets_a_suggestion(old: str, new: str, meant: str) -> None:
    assert f'did you mean "{meant}"?' in refusal(changed(old, new))


def test_what_is_like_nothing_known_gets_no_suggestion() -> None:
    for old, new in (("Europe/Berlin", "???"), ('"net_spend"', '"x"'), ('["dormant", "churned"]', '["zzz"]')):
        assert "did you mean" not in refusal(changed(old, new))


def test_a_key_that_belongs_to_another_table_is_not_suggested_to_itself() -> None:
    # `weight` is a key of the components of the risk; in [cadence] it is `prior_weight`.
    told = refusal(changed("prior_weight = 2", "weight = 2"))
    assert 'did you mean "weight"' not in told


def test_an_unknown_key_that_is_like_no_other_is_told_what_is_allowed() -> None:
    told = refusal(changed("prior_weight = 2", "prior_weight = 2\nzebra = 1"))
    assert "cadence.zebra: " in told
    assert all(allowed in told for allowed in ("prior_gap_days", "prior_weight", "min_gap_days"))


def test_a_key_is_spelt_in_one_way() -> None:
    assert "from_" in refusal(changed('fact = "gap", from = 5.0', 'fact = "gap", from_ = 5.0'))


def test_an_unknown_fact_is_told_the_vocabulary() -> None:
    told = refusal(changed('fact = "gap"', 'fact = "horoscope"'))
    for fact in ("account_closed", "qualified", "orders", "days_since_order", "days_since_spell_ended", "gap"):
        assert fact in told


def test_no_level_can_be_called_as_those_are_who_have_none() -> None:
    assert 'no level can be called "none"' in refusal(changed('name = "gold"', 'name = "none"'))


def test_a_flag_is_true_or_false_and_no_number() -> None:
    assert "tier.members_only: " in refusal(changed("members_only = false", "members_only = 0"))
    assert "lifecycle.stage[0].when[0]" in refusal(changed("is = true", "is = 1"))


# ---------------------------------------------------------------------------------------------- new keys, old rulesets


def test_what_a_condition_does_not_use_is_no_part_of_its_identity() -> None:
    # worked out before there were choices, sets and amounts, values, and keys that have a default
    newer = ("returns_take_back", "buying_days", "csat_satisfied_from", "answers_count_days", "ask_again_days")
    before_values, _, _ = DEFAULT.partition("[value]")
    as_they_were = "".join(line for line in before_values.splitlines(keepends=True) if not line.startswith(newer))
    assert parse_rules(as_they_were).digest() == "885cae3e0bc96b7fff76bc7050addef309387e7326d325aa4cac69072d24bc52"


def test_the_order_of_labels_and_the_spelling_of_an_amount_are_no_part_of_the_identity() -> None:
    def spelt(amount: str, labels: str) -> str:
        asked = f'{{ fact = "spend", from = "{amount}" }}, {{ fact = "tagged", has = [{labels}] }}'
        return parse_rules(changed('{ fact = "gap", from = 5.0 }', asked)).digest()

    assert spelt("150.00", '"vip", "press"') == spelt("150", '"press", "vip", "press"')
    assert spelt("150.00", '"vip"') != spelt("150.01", '"vip"') != spelt("150.01", '"press"')


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A model and all that stand in it."""
    yield model
    waiting = [info.annotation for info in model.model_fields.values()]
    while waiting:
        annotation: Any = waiting.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from models(annotation)
        waiting += get_args(annotation)


def test_every_key_of_the_rules_has_a_sentence_of_meaning() -> None:
    for model in models(Ruleset):
        for name, info in model.model_fields.items():
            said = info.description or ""
            assert said[:1].isupper(), f"{model.__name__}.{name} says nothing"
            assert said.endswith("."), f"{model.__name__}.{name}: {said}"


# ----------------------------------------------------------------------------------------------- ladder


def test_a_ladder_ends_in_a_rung_for_everyone() -> None:
    told = refusal(changed("when = []", 'when = [{ fact = "gap", from = 1 }]'))
    assert 'the last stage ("active") must have `when = []`' in told


def test_a_rung_that_takes_everyone_and_is_not_the_last_is_refused() -> None:
    told = refusal(changed('when = [{ fact = "orders", below = 2 }]', "when = []"))
    assert '"new" has no condition' in told
    assert "can never be reached" in told


def test_a_condition_that_never_holds_is_refused() -> None:
    told = refusal(changed('{ fact = "gap", from = 5.0 }', '{ fact = "gap", from = 5.0, below = 5.0 }'))
    assert "lifecycle.stage[4].when[0]" in told


def test_an_id_is_used_once_but_a_stage_may_have_several_rungs() -> None:
    assert 'the id "silent" is used twice' in refusal(changed('id = "dormant"', 'id = "silent"'))
    assert [rung.stage for rung in parse_rules(DEFAULT).lifecycle.stage].count("churned") == 2


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('fact = "gap", from = 5.0', 'fact = "gap"', "gap is a number and takes `from`, `below`, or both"),
        ('fact = "gap", from = 5.0', 'fact = "gap", is = true', "gap is a number and takes"),
        ('fact = "qualified", is = true', 'fact = "qualified", from = 1', "qualified is a flag and takes"),
        ('fact = "qualified", is = true', 'fact = "qualified"', "qualified is a flag and takes"),
        (
            "from = 5.0",
            "from = 5.0, within_days = 9",
            "orders, returns, tickets, won, spend, nps, csat can be asked `within_days`, not gap",
        ),
        ('"orders", below = 2', '"orders", below = 1.5', "orders is counted in whole numbers"),
        ('fact = "gap", from = 5.0', 'fact = "nps", from = 8.5', "nps is counted in whole numbers"),
        ('fact = "gap", from = 5.0', 'fact = "spend", from = 5', "from: found 5; expected an amount in quotes"),
        ('fact = "gap", from = 5.0', 'fact = "spend", is = true', "spend is a number and takes `from`, `below`"),
        ('fact = "gap", from = 5.0', 'fact = "owner", from = 1', "owner is a choice and takes either `in` or `not_in`"),
        ('fact = "gap", from = 5.0', 'fact = "owner", in = ["li"], not_in = ["max"]', "takes either `in` or `not_in`"),
        ('fact = "gap", from = 5.0', 'fact = "owner", in = []', "at least 1 item"),
        ('fact = "gap", from = 5.0', 'fact = "owner", in = "li"', 'in: found "li"; expected a list'),
        ('fact = "gap", from = 5.0', 'fact = "owner", in = [""]', "at least 1 character"),
        (
            'fact = "gap", from = 5.0',
            'fact = "tagged", in = ["vip"]',
            "tagged is a set and takes any of `has`, `any` and `lacks`",
        ),
        (
            'fact = "gap", from = 5.0',
            'fact = "tagged", has = ["a"], lacks = ["a"]',
            'can\'t have "a" and lack it at once',
        ),
        ('fact = "gap", from = 5.0', 'fact = "tagged", has = ["a"], within_days = 9', "within_days`, not tagged"),
        ('fact = "gap", from = 5.0', "fact = 5, from = 5.0", "found 5, allowed: account_closed, qualified"),
        ('spell = ["dormant", "churned"]', 'spell = ["asleep"]', 'the stage "asleep", which no rung gives'),
        ('spell = ["dormant", "churned"]', "", "go together"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused_in_a_sentence(old: str, new: str, sentence: str) -> None:
    assert sentence in refusal(changed(old, new))


# ---------------------------------------------------------------------------------------------- levels, bands and steps


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('from = "0.00"', 'from = "0.01"', 'the first level ("member") must start from "0.00"'),
        ('from = "500.00"', 'from = "150.00"', "levels must rise, but 150.00 follows 150.00"),
        ('from = "500.00"', 'from = "149.99"', "levels must rise, but 149.99 follows 150.00"),
        ('name = "gold"', 'name = "silver"', 'the name "silver" is used twice'),
        ("low = 0", "low = 1", "one band must start from 0"),
        ("medium = 25", "medium = 0", "is used twice"),
        ("[1.5, 10]", "[1, 10]", "steps must rise, but 1 follows 1"),
        ("nps_detractor_to = 6", "nps_detractor_to = 9", "nps_detractor_to must lie below nps_promoter_from"),
    ],
)
def test_what_must_rise_rises_from_zero(old: str, new: str, sentence: str) -> None:
    assert sentence in refusal(changed(old, new))


# ------------------------------------------------------------------------------------- changes with no event in between


def a_step_a_day(count: int) -> dict[str, Any]:
    return with_value(("churn_risk", "engagement", "steps"), [[number, number] for number in range(1, count + 1)])


def test_as_many_steps_as_are_allowed_can_be_folded() -> None:
    # the default has 9 + 8 + 7 in the other tables; engagement alone gives 0 points at first, then one more each day
    timelines = fold(Folded(), [Happened(START, 1, CustomerRegistered())], compiled(a_step_a_day(60 - 24)), PROJECTORS)
    assert [interval.verdict.score for interval in timelines["churn_risk"]] == list(range(37))


def test_one_step_more_is_refused() -> None:
    with pytest.raises(InvalidRules, match="have 61 steps in all; at most 60 are allowed"):
        validate_rules(a_step_a_day(61 - 24))


def test_a_tier_that_is_reviewed_every_day_of_a_year_is_refused() -> None:
    # 365 / 1 reviews, and two more for each of four levels
    assert "reviewed 373 times" in refusal(changed("hold_days = 365", "hold_days = 1"))


def compiled(data: dict[str, Any]) -> Rules:
    return compile_rules(validate_rules(data), "EUR")


# ----------------------------------------------------------------------------------------------- compiled

# The amounts of `histories()`, read as whole units of money, meet these levels exactly.
ROUND_LEVELS = parse_rules(
    DEFAULT.replace('"150.00"', '"15000"')
    .replace('"500.00"', '"60000"')
    .replace('"1000.00"', '"100000"')
    .replace('"75.00"', '"2000"')
    .replace('"200.00"', '"15000"')
)


def in_currency(history: list[Happened], currency: str, minor_units: int) -> Timelines:
    """The same story with its amounts in another currency's minor units, judged by the same rules."""
    told = []
    for happened in history:
        event = happened.event
        if isinstance(event, PurchaseRecorded | ReturnRecorded):
            event = replace(event, amount=event.amount * minor_units, currency=currency)
        told.append(replace(happened, event=event))
    judging = [each for each in PROJECTORS if each not in (CUSTOMER_CARD, RFM_SUMMARY)]  # amounts, and no verdict
    found = fold(Folded(), told, compile_rules(ROUND_LEVELS, currency), judging)
    worth = found[CUSTOMER_VALUE.name]
    found[CUSTOMER_VALUE.name] = [replace(each, verdict=each.verdict.value) for each in worth]
    return found


@given(histories())
def test_the_same_story_is_judged_the_same_in_any_currency(history: list[Happened]) -> None:
    yen, euros, dinars = (in_currency(history, *money) for money in (("JPY", 1), ("EUR", 100), ("KWD", 1000)))
    assert yen == euros == dinars


def test_a_level_finer_than_the_smallest_coin_is_reached_with_the_next_coin() -> None:
    # 150.50 is no amount of yen: 151 reach it, 150 do not
    by = compile_rules(parse_rules(changed('"150.00"', '"150.50"')), "JPY")
    for yen, tier in ((150, "member"), (151, "silver")):
        ordered = [Happened(START, 1, PurchaseRecorded(order_id="A", amount=yen, currency="JPY"))]
        assert fold(Folded(), ordered, by, PROJECTORS)["loyalty_tier"][0].verdict.value == tier


def fractions(least: Fraction, most: int) -> st.SearchStrategy[Fraction]:
    return st.fractions(least, most, max_denominator=1_000)


THOUSANDTHS = st.integers(1, 400_000).map(lambda number: Decimal(number).scaleb(-3))
ORDERS = st.lists(st.integers(0, 1_000 * DAY), min_size=1, max_size=12).map(sorted)


@given(THOUSANDTHS, THOUSANDTHS, THOUSANDTHS, ORDERS, fractions(Fraction(1, 1_000), 20))
def test_an_offset_is_the_first_microsecond_at_which_the_ratio_reaches_its_threshold(
    prior: Decimal, weight: Decimal, least: Decimal, instants: list[int], threshold: Fraction
) -> None:
    only = data()
    only["cadence"] = {"prior_gap_days": prior, "prior_weight": weight, "min_gap_days": least}
    cadence = compile_rules(validate_rules(only), "EUR").cadence

    span, repeats = instants[-1] - instants[0], len(instants) - 1
    shrunk = (span + Fraction(weight) * Fraction(prior) * DAY) / (repeats + Fraction(weight))
    expected = max(Fraction(least) * DAY, shrunk)
    gap = cadence.expected(Facts(order_instants=instants))
    offset = after_gaps(threshold.numerator, threshold.denominator, gap)
    assert Fraction(offset) / expected >= threshold
    assert Fraction(offset - 1) / expected < threshold


@given(ORDERS)
def test_the_cadence_steps_of_the_risk_flip_at_the_same_microsecond_as_the_ladder(instants: list[int]) -> None:
    # A gap of 5 is 100 points of cadence and, beyond 90 days, the rung "silent".
    only = data()
    for name, part in only["churn_risk"].items():
        if "weight" in part:
            part["weight"] = 1 if name == "cadence" else 0
    by = compile_rules(validate_rules(only), "EUR")
    history = [
        Happened(START + instant, position, PurchaseRecorded(order_id=str(position), amount=1, currency="EUR"))
        for position, instant in enumerate(instants, start=1)
    ]
    flips = START + instants[-1] + after_gaps(5, 1, by.cadence.expected(Facts(order_instants=instants)))
    scores = [verdict_at(fold(Folded(), history, by, PROJECTORS)["churn_risk"], flips + off) for off in (-1, 0)]
    # from a gap of 4 on it is 85 points
    assert [held.verdict.score for held in scores if held] == [85, 100]
