"""The table [satisfaction]: what an answer says, how long it counts, and when somebody may be asked again."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from regulars.projections.parts import Days, Part, WindowDays

#: What a score of each kind of survey makes of whoever gave it.
Nps = Literal["promoter", "passive", "detractor"]
Csat = Literal["satisfied", "neutral", "dissatisfied"]


class Satisfaction(Part):
    """Where an answer to a survey becomes good or bad news, how long it counts, and how often somebody is asked."""

    nps_promoter_from: Annotated[int, Field(strict=True, ge=0, le=10)] = Field(
        description="The NPS from which somebody is a promoter."
    )
    nps_detractor_to: Annotated[int, Field(strict=True, ge=0, le=10)] = Field(
        description="The NPS up to which somebody is a detractor."
    )
    csat_low_to: Annotated[int, Field(strict=True, ge=1, le=5)] = Field(description="The CSAT up to which it is low.")
    csat_satisfied_from: Annotated[int, Field(strict=True, ge=1, le=5)] | None = Field(
        default=None,
        description="The CSAT from which somebody is satisfied; by default 4, or the first that isn't low.",
    )
    answers_count_days: WindowDays | None = Field(
        default=None, description="An answer says for so many days whether its customer is satisfied; by default 365."
    )
    ask_again_days: Days | None = Field(
        default=None,
        description="So many days after a survey was sent to them, a customer may be asked again; by default 90.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Satisfaction:
        if self.nps_detractor_to >= self.nps_promoter_from:
            raise ValueError("nps_detractor_to must lie below nps_promoter_from")
        if self.csat_satisfied_from is not None and self.csat_low_to >= self.csat_satisfied_from:
            raise ValueError("csat_low_to must lie below csat_satisfied_from")
        return self
