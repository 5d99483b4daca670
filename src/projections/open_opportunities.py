"""What is being sold to a customer? The stage of the opportunity that is open, or how many are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from regulars.projections.pipeline.rules import CLOSED
from regulars.projections.together import Together, together
from regulars.projections.verdict import Interval


def combine(opportunities: Iterable[Iterable[Interval]]) -> list[Together]:
    """What the opportunities say together, in order of time: the stage of the only one that is open, or how many are,
    such as "2 open"; a gap where none is, and neighbours always differ.
    """
    return together(opportunities, _stage_of, _said)


def _stage_of(verdict: Any) -> str | None:
    return None if verdict.value in CLOSED else verdict.value


def _said(holding: Counter[str]) -> str | None:
    stages = [*(+holding).elements()]
    return f"{len(stages)} open" if len(stages) > 1 else stages[0] if stages else None
