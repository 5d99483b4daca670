"""The table [value]: the bands of value, and the window in which it is measured."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Annotated

from pydantic import Field, model_validator

from regulars.projections.parts import MAX_DAYS, Money, Part, WindowDays, Word, require_unique


class Band(Part):
    """A band of value, and from what on it is reached: both at once."""

    id: Word = Field(description="The band.")
    net_spend: Money = Field(
        default=Decimal(0), description='It takes at least this net spend within the window; "0.00" by default.'
    )
    buying_days: Annotated[int, Field(strict=True, ge=0, le=MAX_DAYS)] = Field(
        default=0, description="It takes at least so many days with an order within the window; none by default."
    )


class Value(Part):
    """What a customer is worth: bands by net spend and buying days in a rolling window; without it, nobody has one."""

    window_days: WindowDays = Field(
        description="The window of the measure: orders leave it so many days after the last one of their day."
    )
    bands: Annotated[tuple[Band, ...], Field(min_length=1, max_length=32)] = Field(
        description="The bands, in rising order; a customer is in the highest that they reach."
    )

    @model_validator(mode="after")
    def _rises_from_nothing(self) -> Value:
        require_unique("id", [band.id for band in self.bands])
        first = self.bands[0]
        if first.net_spend or first.buying_days:
            raise ValueError(f'the first band ("{first.id}") must take neither net_spend nor buying_days')
        for lower, higher in pairwise(self.bands):
            before, after = (lower.net_spend, lower.buying_days), (higher.net_spend, higher.buying_days)
            if before == after or not (before[0] <= after[0] and before[1] <= after[1]):
                raise ValueError(
                    f'bands must rise: "{higher.id}" must take more net_spend or buying_days than "{lower.id}", and '
                    "less of neither"
                )
        return self
