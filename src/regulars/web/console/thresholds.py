"""The thresholds of a ruleset as fields, each with its meaning, and what differs between two rulesets.

A field is named by a JSON Pointer (RFC 6901) into the ruleset; people read its key as the reference of rules has it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct
from pydantic import BaseModel

from regulars.projections.parts import canonical_json, plain_number
from regulars.projections.rules.grammar import Ruleset, validate_rules

#: A form takes a thousand fields; beyond so many thresholds, the text is there.
MOST = 900

_ABSENT = "—"
_LONGEST = 20
_NUMBERS = (bool, int, float, Decimal)


class Threshold(Struct, frozen=True, kw_only=True):
    """A number, or a yes or no, of the rules. `value` is as TOML writes it, `meaning` the grammar's sentence."""

    pointer: str
    table: str
    key: str
    value: str
    meaning: str
    is_truth: bool


class Changed(Struct, frozen=True, kw_only=True):
    """A key that two rulesets have otherwise; a dash is none."""

    key: str
    old: str
    new: str


def thresholds(ruleset: Ruleset) -> Iterator[Threshold]:
    """All of them, in the order of the grammar."""
    for pointer, key, value, meaning in _leaves(ruleset, "", "", ""):
        if isinstance(value, _NUMBERS):
            yield Threshold(
                pointer=pointer,
                table=key.partition(".")[0].partition("[")[0],
                key=key,
                value=_written(value),
                meaning=meaning,
                is_truth=isinstance(value, bool),
            )


def with_fields(ruleset: Ruleset, fields: Mapping[str, str]) -> Ruleset:
    """The ruleset with the values of some fields, by their pointers. Raises InvalidRules for what the grammar refuses.

    What is not a number is left to the grammar, which says so; pointers to nothing are left alone.
    """
    data = json.loads(canonical_json(ruleset.model_dump(by_alias=True)))
    for pointer, _, value, _ in _leaves(ruleset, "", "", ""):
        text = fields.get(pointer, "").strip()
        if isinstance(value, _NUMBERS) and text and text != _written(value):
            _set(data, pointer, _read(text, value))
    return validate_rules(data, "the rules", type(ruleset))


def changes(old: Ruleset, new: Ruleset) -> tuple[Changed, ...]:
    """What differs, in the order of the newer rules; what they no longer have comes last."""
    before, after = ({key: _written(value) for _, key, value, _ in _leaves(each, "", "", "")} for each in (old, new))
    keys = [*after, *(key for key in before if key not in after)]
    return tuple(
        Changed(key=key, old=before.get(key, _ABSENT), new=after.get(key, _ABSENT))
        for key in keys
        if before.get(key) != after.get(key)
    )


_Leaf = tuple[str, str, Any, str]


def _leaves(value: Any, pointer: str, key: str, meaning: str) -> Iterator[_Leaf]:
    match value:
        case BaseModel():
            for name, info in type(value).model_fields.items():
                called = info.alias or name
                inner = f"{key}.{called}" if key else called
                described = info.description or meaning
                yield from _leaves(getattr(value, name), f"{pointer}/{_escaped(called)}", inner, described)
        case Mapping():
            for name, item in value.items():
                yield from _leaves(item, f"{pointer}/{_escaped(str(name))}", f"{key}.{name}", meaning)
        case tuple() | list():
            for place, item in enumerate(value):
                which = getattr(item, "id", None) or place + 1
                yield from _leaves(item, f"{pointer}/{place}", f"{key}[{which}]", meaning)
        case None:
            return
        case _:
            yield pointer, key, value, meaning


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def _set(data: Any, pointer: str, value: object) -> None:
    *path, last = (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
    for part in path:
        data = data[int(part)] if isinstance(data, list) else data[part]
    if isinstance(data, list):
        data[int(last)] = value
    else:
        data[last] = value


def _read(text: str, like: object) -> bool | int | str:
    """What somebody typed, as the canonical form has a value of that kind; a decimal is a text there.

    What is none stays as it is, to be refused by the grammar.
    """
    if isinstance(like, bool):
        return text == "true"
    if isinstance(like, int) and len(text) < _LONGEST and text.removeprefix("-").isdecimal():
        return int(text)
    return text


def _written(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case Decimal() | float():
            return plain_number(Decimal(str(value)))
        case _:
            return str(value)
