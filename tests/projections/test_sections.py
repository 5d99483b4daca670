"""Tables of the rules that projections of others bring: they have the rights of ours, and change nobody's digest."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from ladders import default
from regulars.adapters.store.rules_text import as_toml
from regulars.crm_domain.catalogue import CATALOGUE
from regulars.crm_domain.errors import InvalidRules
from regulars.projections.engine.projector import Projector
from regulars.projections.engine.rules_digest import rules_digest
from regulars.projections.parts import Days, Number, Part
from regulars.projections.points.projector import POINTS
from regulars.projections.registry import REGISTRY, Registry
from regulars.projections.rules.compiled import compile_rules
from regulars.projections.rules.grammar import Ruleset, parse_rules, restore_rules
from regulars.projections.rules.section import Section


class Costs(Part):
    """What a no-show costs."""

    share: Number = Field(default=Decimal("0.5"), description="The part of the price.")


class Reliability(Part):
    """How reliably somebody comes to what they booked."""

    window_days: Days = Field(default=365, description="Bookings count for so many days.")
    costs: Costs = Field(default=Costs(), description="What a no-show costs.")


RELIABILITY = Section(
    name="reliability", grammar=Reliability, compile=lambda table: (table.window_days * 86_400, table.costs.share)
)


def judging(*tables: str) -> Projector:
    """A projector that judges by some tables of the rules."""
    parts = {name: getattr(POINTS, name) for name in Projector.__struct_fields__}
    return Projector(**parts | {"name": "reliability", "judges_by": tables})


def registry(*sections: Section, projectors: tuple[Projector, ...] = ()) -> Registry:
    return Registry(catalogue=CATALOGUE, projectors=projectors, sections=sections)


THEIRS = registry(RELIABILITY, projectors=(judging("reliability"),))
SHOWN = as_toml(default())


def read(text: str, grammar: type[Ruleset] = THEIRS.grammar) -> Ruleset:
    return parse_rules(SHOWN + text, grammar=grammar)


def test_a_registry_without_tables_of_others_has_our_grammar() -> None:
    assert REGISTRY.grammar is Ruleset


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[reliability]\n",
        "[reliability]\nwindow_days = 365\n",
        "[reliability.costs]\nshare = 0.50\n",
    ],
)
def test_a_table_that_equals_its_defaults_is_no_part_of_the_rules(text: str) -> None:
    assert read(text).canonical() == default().canonical()
    assert read(text).digest() == default().digest()
    assert as_toml(read(text)) == SHOWN


tables = st.fixed_dictionaries(
    {},
    optional={
        "window_days": st.integers(0, 400),
        "costs": st.fixed_dictionaries({"share": st.sampled_from(["0.5", "0.25", "1"])}),
    },
)


@given(tables, tables)
def test_any_table_is_read_and_shown_and_restored_as_it_was(one: dict[str, Any], other: dict[str, Any]) -> None:
    rulesets = []
    for table in (one, other):
        ruleset = THEIRS.grammar.model_validate(default().model_dump(by_alias=True) | {"reliability": table})
        assert parse_rules(as_toml(ruleset), grammar=THEIRS.grammar).digest() == ruleset.digest()
        restored = restore_rules(ruleset.canonical(), THEIRS.grammar)
        assert restored == ruleset
        rulesets.append(ruleset)
    first, second = rulesets
    assert (first.digest() == second.digest()) == (first == second)
    (projector,) = THEIRS.projectors
    digests = {rules_digest(projector, compile_rules(each, "EUR", THEIRS.sections)) for each in rulesets}
    assert len(digests) == (1 if first == second else 2)


def test_a_changed_table_stands_in_the_canonical_form() -> None:
    changed = read("[reliability]\nwindow_days = 30\n")
    assert json.loads(changed.canonical())["reliability"] == {"window_days": 30, "costs": {"share": "0.5"}}
    assert "[reliability]\nwindow_days = 30\n" in as_toml(changed)


def test_a_projector_finds_what_its_table_was_compiled_to() -> None:
    changed = compile_rules(read("[reliability]\nwindow_days = 30\n"), "EUR", THEIRS.sections)
    assert changed.sections == {"reliability": (30 * 86_400, Decimal("0.5"))}
    assert compile_rules(default(), "EUR", THEIRS.sections).sections == {"reliability": (365 * 86_400, Decimal("0.5"))}


def test_an_unknown_table_is_refused_in_the_same_sentence() -> None:
    with pytest.raises(
        InvalidRules, match=r"reliability: unknown key; allowed: business, .*, due_again, campaigns, value, .*pipeline"
    ):
        read("[reliability]\n", Ruleset)
    with pytest.raises(InvalidRules, match='reliabilty: unknown key; did you mean "reliability"'):
        read("[reliabilty]\n")
    with pytest.raises(InvalidRules, match=r"reliability.windows: unknown key.* allowed: window_days, costs"):
        read("[reliability]\nwindows = 3\n")
    with pytest.raises(InvalidRules, match=r"reliability.costs.share: found -1; expected a number greater than"):
        read("[reliability.costs]\nshare = -1\n")


# ------------------------------------------------------------------------------------------------- what is no section


def test_two_tables_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match='two tables of the rules are called "reliability"'):
        registry(RELIABILITY, Section(name="reliability", grammar=Costs, compile=repr))


@pytest.mark.parametrize("name", list(Ruleset.model_fields))
def test_a_table_that_is_called_as_one_of_ours_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f'the rules have a table "{name}" of their own'):
        Section(name=name, grammar=Costs, compile=repr)


def test_a_projection_that_judges_by_a_table_that_is_not_there_is_refused() -> None:
    with pytest.raises(
        ValueError, match='"reliability" judges by the table "bookings" of the rules, which isn\'t there'
    ):
        registry(RELIABILITY, projectors=(judging("reliability", "bookings"),))


class Silent(Part):
    """A key without a word."""

    share: Number = Decimal(1)


class Demanding(Part):
    """A key without a default."""

    share: Number = Field(description="The part of the price.")


class Wordless(Part):
    share: Number = Field(default=Decimal(1), description="The part of the price.")


class SilentWithin(Part):
    """A table in it is silent."""

    inside: Silent = Field(default=Silent(), description="What is inside.")


@pytest.mark.parametrize(
    ("name", "grammar", "said"),
    [
        ("x", Silent, 'the key "share" of the table "x" has no description'),
        ("x", SilentWithin, 'the key "share" of the table "x" has no description'),
        ("x", Demanding, 'the table "x" has keys without a default that is allowed: share'),
        ("x", Wordless, 'the table "x" doesn\'t say in a docstring what it is about'),
        ("x", dict, 'the grammar of the table "x" is no Part'),
        ("X y", Costs, 'can\'t be called "X y"'),
        ("model_fields", Costs, 'can\'t be called "model_fields"'),
        ("digest", Costs, 'can\'t be called "digest"'),
    ],
)
def test_what_is_no_table_is_refused_when_it_is_made(name: str, grammar: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Section(name=name, grammar=grammar, compile=repr)
