"""The pipelines made ready for judging: probabilities in basis points, days in microseconds."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from msgspec import Struct

from regulars.crm_domain.instant import DAY
from regulars.projections.pipeline import rules

#: The basis points of a probability of 1.
BASIS_POINTS = 10_000


class Stage(Struct, frozen=True):
    """A stage: its probability in basis points, and after how many microseconds without an event it is stale."""

    probability: int
    stale: int | None


#: By pipeline, its stages in order.
Pipelines = dict[str, dict[str, Stage]]

#: A stage that the rules don't have: what is in it counts nothing, and is never stale.
UNKNOWN = Stage(probability=0, stale=None)


def compile_pipelines(given: Sequence[rules.PipelineRule]) -> Pipelines:
    """Make the pipelines ready."""
    return {each.id: {stage.id: _stage(stage) for stage in each.stages} for each in given}


def _stage(rule: rules.PipelineStage) -> Stage:
    return Stage(
        probability=int(Fraction(rule.probability) * BASIS_POINTS),
        stale=None if rule.stale_days is None else rule.stale_days * DAY,
    )
