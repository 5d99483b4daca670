"""What is being sold to a customer? The stage of the opportunity that is open, or how many are.

It follows from the opportunities' own intervals alone, so it is a step function of time as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from msgspec import Struct
from msgspec.structs import replace

from regulars.crm_domain.instant import FOREVER
from regulars.projections.pipeline.rules import CLOSED
from regulars.projections.verdict import Interval


class OpenOpportunities(Struct, frozen=True):
    """What holds for a customer's open opportunities in [valid_from, valid_to); FOREVER is no end. `value` is the stage
    of the only one, or how many there are, such as "2 open".
    """

    valid_from: int
    valid_to: int
    value: str


def combine(opportunities: Iterable[Iterable[Interval]]) -> list[OpenOpportunities]:
    """What the opportunities say together, in order of time: a gap where none is open; neighbours always differ."""
    changes = sorted(change for intervals in opportunities for each in intervals for change in _changes(each))
    holding, found = Counter[str](), list[OpenOpportunities]()
    for at, together in groupby(changes, key=itemgetter(0)):
        for _, stage, step in together:
            holding[stage] += step
        value, lasting = _value(holding), found[-1] if found and found[-1].valid_to == FOREVER else None
        if value == (None if lasting is None else lasting.value):
            continue
        if lasting is not None:
            found[-1] = replace(lasting, valid_to=at)
        if value is not None:
            found.append(OpenOpportunities(at, FOREVER, value))
    return found


def _changes(interval: Interval) -> Iterator[tuple[int, str, int]]:
    """When one more is in a stage, and when one less is."""
    stage = interval.verdict.value
    if stage not in CLOSED:
        yield interval.valid_from, stage, 1
        yield interval.valid_to, stage, -1


def _value(holding: Counter[str]) -> str | None:
    stages = [*(+holding).elements()]
    return f"{len(stages)} open" if len(stages) > 1 else stages[0] if stages else None
