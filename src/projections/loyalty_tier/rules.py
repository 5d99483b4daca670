"""The table [tier]: the levels, and how long one is kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from regulars.projections.facts.table import NO_TIER
from regulars.projections.parts import Days, Money, Part, WindowDays, Word, require_rising, require_unique

# After the last event a verdict may change 64 times by itself, so the rules must not ask for more.
MAX_REVIEWS = 60


class Level(Part):
    """A tier and the spend from which it is reached."""

    name: Word = Field(description="The tier.")
    from_: Annotated[Money, Field(alias="from")] = Field(
        description='The spend within the window from which it is reached; the first level starts from "0.00".'
    )


class Tier(Part):
    """Loyalty by net spend in a rolling window; kept for a hold, then a grace, then one step down."""

    measure: Literal["net_spend"] = Field(
        description="What is measured: the worth of the orders in the window, less what came back of them."
    )
    window_days: WindowDays = Field(description="The window of the measure: an order leaves it after so many days.")
    hold_days: WindowDays = Field(description="How long a tier is kept once it is reached, until it is reviewed.")
    grace_days: Days = Field(description="How long a tier that failed its review is kept still.")
    members_only: Annotated[bool, Field(strict=True)] = Field(
        description='Whether only members have a tier; the others are "none" then.'
    )
    returns_take_back: Annotated[bool, Field(strict=True)] | None = Field(
        default=None,
        description="Whether a tier that only orders which came back had reached falls at the return; by default, it "
        "is kept until its review.",
    )
    levels: Annotated[tuple[Level, ...], Field(min_length=1, max_length=32)] = Field(
        description="The tiers, in rising order."
    )

    @model_validator(mode="after")
    def _rises_from_zero(self) -> Tier:
        require_unique("name", [level.name for level in self.levels])
        if any(level.name == NO_TIER for level in self.levels):
            raise ValueError(f'no level can be called "{NO_TIER}", which is the tier of those who have none')
        if self.levels[0].from_ != 0:
            raise ValueError(f'the first level ("{self.levels[0].name}") must start from "0.00"')
        require_rising("levels", [level.from_ for level in self.levels])
        reviews = self.window_days // self.hold_days + 2 * len(self.levels)
        if reviews > MAX_REVIEWS:
            raise ValueError(f"hold_days = {self.hold_days} is too short: a tier could be reviewed {reviews} times")
        return self
