"""What a list of customers is narrowed by, and the segment of those who are in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

from regulars.projections.parts import canonical_json
from regulars.projections.rules.grammar import Ruleset, validate_rules
from regulars.web.console.page import Asked
from regulars.web.console.words import N_

#: By the field that a list is narrowed by: the fact that a segment asks instead, and the key of its condition.
ASKED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "stage": ("stage", "in"),
        "tier": ("tier", "in"),
        "risk": ("risk_band", "in"),
        "value": ("value", "in"),
        "segment": ("segment", "has"),
        "tag": ("tagged", "has"),
        "owner": ("owner", "in"),
        "source": ("source", "in"),
        "kind": ("kind", "in"),
    }
)
#: What else a list shows and no segment can ask, with why.
NOT_ASKED: Mapping[str, str] = MappingProxyType(
    {
        "searched": N_("What was searched for is left out: rules know nobody by name."),
        "as_of": N_("The day is left out: a segment is judged at every moment."),
    }
)


def narrowed(asked: Asked) -> dict[str, str]:
    """The fields by which somebody narrowed a list, of those that a segment can ask."""
    return {name: asked.field(name) for name in ASKED if asked.field(name)}


def left_out(asked: Asked) -> list[str]:
    """Sentences on what of a list no segment can ask, marked for translation."""
    given = {"searched": bool(asked.field("searched")), "as_of": asked.as_of is not None}
    return [why for name, why in NOT_ASKED.items() if given[name]]


def with_segment(ruleset: Ruleset, name: str, title: str, by: Mapping[str, str]) -> Ruleset:
    """The rules with a segment more, the last one, so that it may ask for all others. Raises InvalidRules."""
    enter = [{"fact": fact, key: [by[field]]} for field, (fact, key) in ASKED.items() if field in by]
    segment = {"id": name, "enter": enter} | ({"title": title} if title else {})
    data = json.loads(canonical_json(ruleset.model_dump(by_alias=True)))
    return validate_rules({**data, "segment": [*data["segment"], segment]}, "the rules", type(ruleset))
