"""What other probabilities do to the forecast: what pipelines are expected to bring by the rules of either side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from msgspec import Struct

from regulars.projections.pipeline.compiled import BASIS_POINTS
from regulars.projections.pipeline.judge import PipelineVerdict
from regulars.selling.open_ones import shown
from regulars.selling.states import CLOSED


@dataclass(frozen=True, slots=True)
class ForecastChange:
    """What the open opportunities of a pipeline are expected to bring, by the probabilities of either side, in the
    store's currency; how many of them there are, and how many are stale by either side.
    """

    pipeline: str
    opportunities: int
    old: Decimal
    new: Decimal
    old_stale: int
    new_stale: int


class ForecastSums(Struct):
    """Sums of a pipeline under both rules; amounts times probabilities in basis points."""

    opportunities: int = 0
    old: int = 0
    new: int = 0
    old_stale: int = 0
    new_stale: int = 0
    changed: bool = False

    def add(self, old: PipelineVerdict, new: PipelineVerdict) -> None:
        """One more opportunity, if it is open."""
        if old.value in CLOSED:
            return
        self.opportunities += 1
        self.old += old.amount * old.probability
        self.new += new.amount * new.probability
        self.old_stale += old.is_stale
        self.new_stale += new.is_stale
        self.changed |= (old.amount * old.probability, old.is_stale) != (new.amount * new.probability, new.is_stale)


def forecast_changes(sums: Mapping[str, ForecastSums], currency: str) -> tuple[ForecastChange, ...]:
    """The pipelines of which anything is expected otherwise, from A to Z."""
    return tuple(
        ForecastChange(
            pipeline=name,
            opportunities=each.opportunities,
            old=shown(Fraction(each.old, BASIS_POINTS), currency),
            new=shown(Fraction(each.new, BASIS_POINTS), currency),
            old_stale=each.old_stale,
            new_stale=each.new_stale,
        )
        for name, each in sorted(sums.items())
        if each.changed
    )
