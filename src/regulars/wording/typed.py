"""Text that people and programs type, read strictly: lengths of time, and JSON."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

SPAN = r"[0-9]{1,4}[hdw]"
_SPAN = re.compile(SPAN)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def read_span(text: str) -> timedelta:
    """A length of time such as 36h, 14d or 2w. Raises ValueError for anything else."""
    if _SPAN.fullmatch(text) is None:
        raise ValueError(f'expected a number of hours, days or weeks such as 36h, 14d or 2w, not "{text}"')
    return int(text[:-1]) * _UNITS[text[-1]]


def read_json(text: str | bytes) -> Any:
    """JSON with its decimal fractions exact. Raises ValueError for anything else, and for a key that is there twice."""
    try:
        return json.loads(text, parse_float=Decimal, object_pairs_hook=_without_repeats)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ArithmeticError:
        raise ValueError("a number in it is beyond all bounds") from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f'"{key[:60]}" is given twice')
        found[key] = value
    return found
