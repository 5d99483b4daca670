"""The table [due_again]: after how long customers buy an item again."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from regulars.crm_domain.command import Label
from regulars.projections.parts import Part, Positive

# Beyond that, the rules are longer than their file may be.
MAX_ITEMS = 20_000


def _by_code(gaps: dict[str, Decimal]) -> dict[str, Decimal]:
    return dict(sorted(gaps.items()))


class DueAgain(Part):
    """When a customer is due to buy an item again, by the item's gap and by their own. Other items are never due."""

    gaps: Annotated[dict[Label, Positive], Field(max_length=MAX_ITEMS), AfterValidator(_by_code)] = Field(
        default={},
        description="By the item's code, as orders have it, the days after which it is usually bought again. "
        "`regulars rules measure due_again` drafts them.",
    )
    prior_weight: Positive = Field(
        default=Decimal("0.5"), description="The item's gap counts as much as so many gaps of a customer's own."
    )
    min_gap_days: Positive = Field(default=Decimal(1), description="No expected gap is less than this.")
    due_from_gaps: Positive = Field(
        default=Decimal(1), description="An item is due so many expected gaps after it was last bought."
    )
    lapsed_from_gaps: Positive = Field(
        default=Decimal(2), description="It has lapsed, and is no more waited for, after so many."
    )

    @model_validator(mode="after")
    def _is_due_before_it_lapses(self) -> DueAgain:
        if self.lapsed_from_gaps <= self.due_from_gaps:
            raise ValueError("due_from_gaps must lie below lapsed_from_gaps")
        return self
