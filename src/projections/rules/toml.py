"""TOML that somebody handed in: read within bounds, or refused in a sentence."""

from __future__ import annotations

import tomllib
from decimal import Decimal, InvalidOperation
from typing import Any

MAX_TEXT = 1_000_000

# A key of n parts takes the parser n² steps, so one line could keep it busy for hours.
_MAX_PARTS = 200


def read_toml(text: str) -> dict[str, Any]:
    """The tables of a TOML text, with decimal fractions exact. Raises ValueError for what is none, or beyond bounds."""
    if len(text) > MAX_TEXT:
        raise ValueError(f"it is longer than {MAX_TEXT:,} characters")
    lines = (line for line in text.split("\n") if not line.lstrip().startswith("#"))
    if any(line.count(".") > _MAX_PARTS for line in lines):
        raise ValueError(f"a line has more than {_MAX_PARTS} dots")
    try:
        return tomllib.loads(text, parse_float=_decimal)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"the number {text[:60]} is beyond all bounds") from None
