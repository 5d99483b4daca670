"""What is open as of an instant, and the stages that the rules have."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from math import floor

from regulars.adapters.read_models.opportunities import State, read_paths
from regulars.asking.employments import members_of_firm
from regulars.crm_domain.command import CustomerId
from regulars.measures.asked import Asked
from regulars.measures.revenue import money
from regulars.projections.pipeline.compiled import compile_pipelines
from regulars.projections.rules.grammar import Ruleset
from regulars.selling.states import Held, Stage, Staged, everything, held_by
from regulars.session.session import Session


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


def stages_told(ruleset: Ruleset, where: Mapping[str, str], found: Collection[Stage]) -> tuple[Stage, ...]:
    """The stages to tell of: those that the rules have in their order, then others in which something was found.

    Of another pipeline than the filter's, only those in which something was found.
    """
    known, asked = stages_of(ruleset), where.get("pipeline")
    told = (each for each in known if asked in (None, each[0]) or each in found)
    return (*told, *sorted({*found} - {*known}))


def probabilities_of(ruleset: Ruleset) -> dict[Stage, int]:
    """The stages that the rules have, in their order, each with its probability in hundredths of a percent."""
    pipelines = compile_pipelines(ruleset.pipeline)
    return {
        (pipeline, name): stage.probability for pipeline, stages in pipelines.items() for name, stage in stages.items()
    }


def shown(exact: Fraction, currency: str | None) -> Decimal:
    """A sum in minor units, rounded half up, in the store's currency."""
    return money(floor(exact + Fraction(1, 2)), currency)


def of_firm(session: Session, asked: Asked, firm: str | CustomerId | None) -> Held:
    """The filter of a firm: what it would buy itself, and what names it; of everything for None. Raises NotFound for an
    unknown one, and for a person.
    """
    if firm is None:
        return everything
    members = members_of_firm(session, asked.tx, firm, asked.until)
    numbers = frozenset(asked.models.numbers(asked.tx.connection, members).values())
    return lambda each: each.state.firm_id in members or each.state.customer in numbers


def filter_of(ruleset: Ruleset, where: Mapping[str, str], also: Held = everything) -> Held:
    """The filter of some names and values, and of what `also` has to hold. Raises ValueError for another name, and for
    a stage or a pipeline that the rules don't have.
    """
    held, stages = held_by(where), stages_of(ruleset)
    known = {"pipeline": [pipeline for pipeline, _ in stages], "stage": [stage for _, stage in stages]}
    for name in sorted(known.keys() & where.keys()):
        if where[name] not in known[name]:
            found = ", ".join(dict.fromkeys(known[name])) or "none"
            raise ValueError(f'there is no {name} "{where[name]}"; the rules have {found}')
    return lambda each: held(each) and also(each)
