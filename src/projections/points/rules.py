"""The table [points]: how points are earned. What was earned is a fact, so no verdict depends on it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from regulars.projections.parts import Days, Money, Part


class Points(Part):
    """How points are earned, and when they can be spent and expire."""

    per_unit: Money = Field(description="Points for each whole unit of currency, net, rounded down.")
    pending_days: Days = Field(description="Points can be spent so many days after the order.")
    expire_after_months: Annotated[int, Field(strict=True, ge=1, le=1200)] = Field(
        description="Points expire after so many months."
    )
    expire_at: Literal["end_of_month"] = Field(description="When in that month they expire.")
