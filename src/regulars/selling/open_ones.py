"""What is open as of an instant, and the stages that the rules have."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from math import floor

from regulars.adapters.read_models.opportunities import State, read_paths
from regulars.measures.asked import Asked
from regulars.measures.revenue import money
from regulars.projections.pipeline.compiled import compile_pipelines
from regulars.projections.rules.grammar import Ruleset
from regulars.selling.states import Held, Stage, Staged


def open_at(asked: Asked, instant: int, held: Held) -> Iterator[State]:
    """The states of the opportunities that are open at an instant and in a filter."""
    for path in read_paths(asked.models, asked.tx.connection, instant, instant):
        for state in path:
            found = Staged(state, state.value)
            if found.is_open and held(found):
                yield state


def stages_of(ruleset: Ruleset) -> tuple[Stage, ...]:
    """The stages that the rules have, in their order."""
    return tuple(probabilities_of(ruleset))


def probabilities_of(ruleset: Ruleset) -> dict[Stage, int]:
    """The stages that the rules have, in their order, each with its probability in hundredths of a percent."""
    pipelines = compile_pipelines(ruleset.pipeline)
    return {
        (pipeline, name): stage.probability for pipeline, stages in pipelines.items() for name, stage in stages.items()
    }


def shown(exact: Fraction, currency: str | None) -> Decimal:
    """A sum in minor units, rounded half up, in the store's currency."""
    return money(floor(exact + Fraction(1, 2)), currency)
