"""A ruleset as a TOML file, to be read, edited and published again."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import tomli_w

from regulars.projections.parts import plain_number
from regulars.projections.rules.grammar import Ruleset

# The library gives each item of a list a line of its own. Words and numbers, as in a step, are read side by side.
_ITEM = r'(?:"[^"\n]*"|[^"\s\[\]{},]+)'
_LIST = re.compile(rf"\[\n(?:\s*{_ITEM},\n)+\s*\]")


def as_toml(ruleset: Ruleset) -> str:
    """TOML that `parse_rules` parses to the same ruleset, with tables and keys in the order of the grammar."""
    data = ruleset.model_dump(by_alias=True, exclude_defaults=True, exclude_none=True)
    bands = data["churn_risk"]["bands"]
    data["churn_risk"]["bands"] = {band: bands[band] for band in sorted(bands, key=bands.__getitem__)}
    written = "\n".join(_table(name, value) for name, value in _plain(data).items())
    return _LIST.sub(lambda found: f"[{', '.join(re.findall(_ITEM, found[0]))}]", written)


def _table(name: str, value: Any) -> str:
    """A table, or tables of one name: each under a heading of its own, so that further ones can be added below."""
    if isinstance(value, list) and not any(_is_of_tables(key) for each in value for key in each.values()):
        return "\n".join(f"[[{name}]]\n{tomli_w.dumps(each)}" for each in value)
    return tomli_w.dumps({name: value})


def _is_of_tables(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(each, dict) for each in value))


class _Plain(Decimal):
    """A decimal that is never written with an exponent."""

    def __str__(self) -> str:
        return plain_number(self)


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case Decimal():
            return int(value) if value == int(value) else _Plain(value)
        case _:
            return value
