"""The table [churn_risk]: what counts as risk, and how much."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from regulars.projections.parts import (
    MAX_STEPS,
    Part,
    Score,
    Steps,
    Weight,
    WindowDays,
    Word,
    require_rising,
    require_unique,
)


class SteppedComponent(Part):
    """A weighted step table: from this value on, this many points."""

    weight: Weight = Field(description="How much the component weighs among those for which there is evidence.")
    steps: Steps = Field(description="From each value on, so many of 100 points; 0 before the first.")

    @model_validator(mode="after")
    def _rises(self) -> SteppedComponent:
        require_rising("steps", [step[0] for step in self.steps])
        return self


class ServicePoints(Part):
    """Points for what went wrong in service."""

    open_complaint: Score = Field(description="Points while a complaint is open.")
    sla_breach_90d: Score = Field(
        description="Points for 90 days after an answer or a resolution came too late, or while one does."
    )
    reopened_90d: Score = Field(description="Points for 90 days after a ticket was reopened.")
    unresolved_over_7d: Score = Field(description="Points while a ticket is unresolved for more than 7 days.")


class Service(Part):
    """The weighted sum of service points, at most 100."""

    weight: Weight = Field(description="How much the component weighs among those for which there is evidence.")
    points: ServicePoints = Field(description="What each counts; the sum is at most 100.")


SignedScore = Annotated[int, Field(strict=True, ge=-100, le=100)]


class FeedbackPoints(Part):
    """Points for the latest answer of each kind."""

    csat_low: SignedScore = Field(description="Points where the latest CSAT is low.")
    nps_detractor: SignedScore = Field(description="Points where the latest NPS is that of a detractor.")
    nps_passive: SignedScore = Field(
        description="Points where the latest NPS is neither a detractor's nor a promoter's."
    )
    nps_promoter: SignedScore = Field(description="Points where the latest NPS is that of a promoter.")


class Feedback(Part):
    """The weighted sum over the latest answer of each kind within a window, 0 to 100."""

    weight: Weight = Field(description="How much the component weighs among those for which there is evidence.")
    window_days: WindowDays = Field(description="An answer counts for so many days.")
    points: FeedbackPoints = Field(description="What each counts; the sum is kept between 0 and 100.")


class Overrides(Part):
    """The score is at least this while the fact holds."""

    account_closed: Score = Field(description="The least score while the account is closed.")
    cancellation_requested: Score = Field(description="The least score while they mean to leave.")
    returned_half_of_orders_365d: Score = Field(
        description="The least score while half or more of the orders of the last 365 days came back whole."
    )


class ChurnRisk(Part):
    """A score from 0 to 100: the weighted mean of the components for which there is evidence."""

    bands: Annotated[dict[Word, Score], Field(min_length=1)] = Field(
        description="The score from which each band begins; one begins from 0."
    )
    recency: SteppedComponent = Field(description="The time since the last order as a multiple of the prior gap.")
    cadence: SteppedComponent = Field(
        description="The time since the last order as a multiple of the customer's expected gap."
    )
    frequency: SteppedComponent = Field(description="The orders, or the buying days, of the last 365 days.")
    service: Service = Field(description="What went wrong in service.")
    feedback: Feedback = Field(description="The latest answer of each kind.")
    engagement: SteppedComponent = Field(description="The days since they were last heard from.")
    overrides: Overrides = Field(description="The score is at least this while the fact holds.")

    @model_validator(mode="after")
    def _bands_cover_all(self) -> ChurnRisk:
        if 0 not in self.bands.values():
            raise ValueError("one band must start from 0")
        require_unique("start", [str(start) for start in self.bands.values()])
        steps = sum(len(table.steps) for table in (self.recency, self.cadence, self.frequency, self.engagement))
        if steps > MAX_STEPS:
            raise ValueError(f"the step tables have {steps} steps in all; at most {MAX_STEPS} are allowed")
        return self
