"""The tables [[pipeline]]: the stages of opportunities, in order."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from regulars.projections.parts import Part, WindowDays, Word, exact_number, require_unique

MAX_PIPELINES = 20
MAX_STAGES = 32
#: What an opportunity is in that is no longer in a stage.
CLOSED = ("won", "lost")

#: A share in whole basis points.
Probability = Annotated[
    Decimal, BeforeValidator(exact_number), Field(ge=0, le=1, max_digits=5, decimal_places=4, allow_inf_nan=False)
]


class PipelineStage(Part):
    """A stage of a pipeline."""

    id: Word = Field(description="The stage; won and lost are what comes after the stages, and can't be called so.")
    probability: Probability = Field(
        description="How many of the opportunities in this stage are won in the end, as a share from 0 to 1."
    )
    stale_days: WindowDays | None = Field(
        default=None, description="It is stale once nothing happened to it for so many days; by default, never."
    )


class PipelineRule(Part):
    """A pipeline: the stages through which opportunities go until they are won or lost."""

    id: Word = Field(description="The pipeline.")
    stages: Annotated[tuple[PipelineStage, ...], Field(min_length=1, max_length=MAX_STAGES)] = Field(
        description="The stages in order; an opportunity begins in the first one, unless another is named."
    )

    @model_validator(mode="after")
    def _names_each_stage_once(self) -> PipelineRule:
        ids = [stage.id for stage in self.stages]
        require_unique("stage", ids, where=f' in the pipeline "{self.id}"')
        for word in CLOSED:
            if word in ids:
                raise ValueError(f'a stage of the pipeline "{self.id}" can\'t be called "{word}": that is no stage')
        return self


def require_named_once(pipelines: Sequence[PipelineRule]) -> None:
    """Raise ValueError for an id that two pipelines have."""
    require_unique("id of a pipeline", [each.id for each in pipelines])
