"""A ruleset as a TOML file: it reads back as the same ruleset, and reads well."""

from __future__ import annotations

import re
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.adapters.store.rules_text import as_toml
from regulars.crm_domain.command import require_label
from regulars.projections.facts.table import FACTS, SPELL_ENDED
from regulars.projections.rules.grammar import Ruleset, parse_rules, restore_rules, validate_rules

DEFAULT = (Path(__file__).parents[1] / "src" / "regulars" / "rules.toml").read_text(encoding="utf-8")

# --------------------------------------------------------------------------------------------------- any ruleset at all

WORDS = st.from_regex(r"[a-z][a-z0-9_-]{0,9}", fullmatch=True).filter(lambda word: word != "none")
SCORES = st.integers(0, 100)
FLAG = st.booleans()


def numbers(least: int, most: int) -> st.SearchStrategy[Decimal]:
    """Numbers however they may be written: with zeros behind, with an exponent, and of more digits than is usual."""
    fine = Context(prec=40)
    plain = st.integers(least * 10**12, most * 10**12).map(lambda digits: Decimal(digits).scaleb(-12, fine))
    return plain | st.integers(least, most).map(Decimal) | plain.map(lambda number: number.normalize(fine))


POSITIVE = numbers(1, 36_500) | st.just(Decimal("1E-9")) | st.just(Decimal("1E+3"))
MONEY = numbers(1, 10**9).map(str)


def steps(values: st.SearchStrategy[Decimal]) -> st.SearchStrategy[Any]:
    rising = st.lists(values, min_size=1, max_size=15, unique=True).map(sorted)
    return rising.flatmap(lambda found: st.tuples(*(st.tuples(st.just(value), SCORES) for value in found)))


def _is_label(text: str) -> bool:
    try:
        return require_label(text, "it") == text
    except ValueError:
        return False


LABELS = st.lists(st.text(min_size=1, max_size=9).filter(_is_label), min_size=1, max_size=3)


#: Not what needs a spell, nor what a ladder can't ask, nor bands, whose names are drawn elsewhere.
ASKED = [
    fact for fact in FACTS.values() if fact is not SPELL_ENDED and fact.name not in ("stage", "segment", "risk_band")
]

#: A word that each verdict may be, whatever else is drawn.
A_VERDICT = {"tier": "none", "value": "high", "nps_category": "passive", "csat_category": "neutral"}


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    fact = draw(st.sampled_from(ASKED))
    asked: dict[str, Any] = {"fact": fact.name}
    if fact.windowed and draw(FLAG):
        asked["within_days"] = draw(st.integers(1, 36_500))
    match fact.kind:
        case "flag":
            return asked | {"is": draw(FLAG)}
        case "choice" if fact.reads:
            return asked | {draw(st.sampled_from(["in", "not_in"])): [A_VERDICT[fact.name]]}
        case "choice":
            return asked | {draw(st.sampled_from(["in", "not_in"])): draw(LABELS)}
        case "set":
            return asked | {draw(st.sampled_from(["has", "any", "lacks"])): draw(LABELS)}
        case "count" | "score":
            values = st.integers(0, 10**9).map(Decimal)
        case _:
            values = numbers(0, 10**9)
    ends = dict(
        zip(("from", "below"), sorted(draw(st.lists(values, min_size=2, max_size=2, unique=True))), strict=True)
    )
    if draw(FLAG):
        del ends[draw(st.sampled_from(["from", "below"]))]
    if fact.kind == "elapsed" and "from" in ends and draw(FLAG):
        ends["above"] = ends.pop("from")
    return asked | {key: f"{end:f}" if fact.kind == "amount" else end for key, end in ends.items()}


@st.composite
def ladders(draw: st.DrawFn) -> list[dict[str, Any]]:
    ids = draw(st.lists(WORDS, min_size=1, max_size=5, unique=True))
    rungs = [
        {"id": each, "stage": draw(WORDS), "when": draw(st.lists(conditions(), min_size=1, max_size=3))} for each in ids
    ]
    rungs[-1]["when"] = []
    for rung in rungs[:-1]:
        if draw(FLAG):
            rung["when"].append({"fact": "days_since_spell_ended", "below": 90})
            rung["spell"] = draw(st.lists(st.sampled_from([each["stage"] for each in rungs]), min_size=1, max_size=3))
    return rungs


@st.composite
def segments(draw: st.DrawFn) -> list[dict[str, Any]]:
    some = st.lists(conditions(), min_size=1, max_size=2)
    return [
        {"id": each, "enter": draw(some), "stay_days": draw(st.integers(0, 36_500))}
        | ({"leave": draw(some)} if draw(FLAG) else {})
        for each in draw(st.lists(WORDS, max_size=2, unique=True))
    ]


@st.composite
def rulesets(draw: st.DrawFn) -> Ruleset:
    data = parse_rules(DEFAULT).model_dump(by_alias=True)
    data["business"]["timezone"] = draw(st.sampled_from(["Europe/Berlin", "America/Argentina/Buenos_Aires", "UTC"]))
    data["cadence"] = {key: draw(POSITIVE) for key in data["cadence"]}
    data["lifecycle"]["stage"] = draw(ladders())
    names = draw(st.lists(WORDS, min_size=1, max_size=5, unique=True))
    amounts = draw(st.lists(MONEY, min_size=len(names) - 1, max_size=len(names) - 1, unique_by=Decimal))
    froms = ["0.00", *sorted(amounts, key=Decimal)]
    data["tier"]["levels"] = [{"name": each, "from": amount} for each, amount in zip(names, froms, strict=True)]
    data["tier"]["members_only"] = draw(FLAG)
    data["tier"]["returns_take_back"] = draw(FLAG | st.none())
    data["cadence"]["buying_days"] = draw(FLAG | st.none())
    risk = data["churn_risk"]
    starts = [0, *draw(st.sets(SCORES.filter(bool), max_size=4))]
    risk["bands"] = dict(zip(draw(st.lists(WORDS, min_size=5, max_size=5, unique=True)), starts, strict=False))
    for name in ("recency", "cadence", "frequency", "engagement"):
        risk[name] = {"weight": draw(numbers(0, 1000)), "steps": draw(steps(numbers(0, 10**9)))}
    data["ticket"]["resolution_hours"] = {key: draw(POSITIVE) for key in data["ticket"]["resolution_hours"]}
    data["ticket"]["due_soon_fraction"] = draw(st.sampled_from([Decimal("0.8"), Decimal("8E-10"), Decimal("0.500")]))
    data["points"]["per_unit"] = draw(MONEY)
    data["due_again"]["gaps"] = {each: draw(POSITIVE) for each in draw(LABELS)} if draw(FLAG) else {}
    data["segment"] = draw(segments())
    names_of_us = st.sampled_from(["", "Tee & Co", 'Zum "Tee\\topf"\n', "茶"])
    data["letterhead"] = {"name": draw(names_of_us), "language": draw(st.sampled_from(["en", "de", "zh"]))}
    return validate_rules(data)


# ------------------------------------------------------------------------------------------------------- read and shown


@given(rulesets())
def test_any_ruleset_reads_back_as_the_same(ruleset: Ruleset) -> None:
    again = parse_rules(as_toml(ruleset))
    assert again == ruleset
    assert again.digest() == ruleset.digest()


@given(rulesets())
def test_a_ruleset_is_shown_the_same_however_it_came_here(ruleset: Ruleset) -> None:
    text = as_toml(ruleset)
    assert as_toml(restore_rules(ruleset.canonical())) == text
    assert as_toml(parse_rules(text)) == text


@given(rulesets())
def test_no_number_is_shown_with_an_exponent(ruleset: Ruleset) -> None:
    # Names may look like one, as values and as keys; amounts of money are in quotes, and looked at too.
    bare = re.sub(r'"[a-zA-Z][^"]*"|[\w.-]+ *=', "", as_toml(ruleset))
    assert not re.search(r"\d[eE][+-]?\d", bare)


def test_the_default_rules_read_back_as_the_same() -> None:
    ruleset = parse_rules(DEFAULT)
    assert parse_rules(as_toml(ruleset)).digest() == ruleset.digest()


def test_tables_stand_in_the_order_of_the_grammar() -> None:
    segment = '[[segment]]\nid = "a"\nenter = [{ fact = "orders", from = 1 }]\n'
    care = '[[care]]\nid = "b"\non = "birthday"\nwhen = [{ fact = "orders", from = 1 }]\n'
    earn = '[[earn]]\nid = "c"\non = "first_order"\npoints = 5\n'
    due_again = "[due_again]\ngaps = { coffee = 30 }\n"
    campaigns = '[campaigns]\nhold_out = { share = 0.05, from = 2026-01-01, until = 2026-06-30, seed = "a" }\n'
    letterhead = '[letterhead]\nlanguage = "de"\n'
    written = as_toml(parse_rules(f"{DEFAULT}\n{earn}{segment}{care}{due_again}{campaigns}{letterhead}"))
    shown = re.findall(r"^\[+([a-z_]+)", written, re.MULTILINE)
    assert list(dict.fromkeys(shown)) == list(Ruleset.model_fields)


@pytest.mark.parametrize(
    "expected",
    [
        "prior_gap_days = 30\n",
        '[[lifecycle.stage]]\nid = "new"\nstage = "new"\nwhen = [\n    { fact = "orders", below = 2 },\n]\n',
        '{ fact = "gap", below = 1.5 },\n',
        'spell = ["dormant", "churned"]\n',
        "when = []\n",
        '    { name = "silver", from = "150" },\n',
        "steps = [\n    [1, 5],\n    [1.5, 10],\n",
        "low = 0\nmedium = 25\nhigh = 50\ncritical = 75\n",
        "nps_promoter = -30\n",
        'per_unit = "1"\n',
    ],
)
def test_the_file_reads_as_somebody_would_have_written_it(expected: str) -> None:
    assert expected in as_toml(restore_rules(parse_rules(DEFAULT).canonical()))
