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
    return _LIST.sub(lambda found: f"[{', '.join(re.findall(_ITEM, found[0]))}]", tomli_w.dumps(_plain(data)))


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
