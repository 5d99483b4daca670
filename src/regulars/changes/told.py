"""Which verdicts a change feed tells of, by their public names."""

from __future__ import annotations

from regulars.adapters.read_models.turns import Shown
from regulars.asking.views import LANES, OPTIONAL_LANES, TICKETS
from regulars.projections.contracts import CONTRACTS
from regulars.projections.due_again.projector import DUE_AGAIN
from regulars.projections.leads import LEADS
from regulars.projections.pipeline.projector import PIPELINE
from regulars.projections.quotes import QUOTES
from regulars.projections.registry import PROJECTORS, Registry
from regulars.projections.satisfaction.projector import SATISFACTION
from regulars.projections.segments.projector import SEGMENTS
from regulars.projections.surveys import SURVEYS
from regulars.projections.tags import TAGS
from regulars.projections.tasks.projector import TASKS

_VALUE = "value"

#: What numbers and days show is not told: they change all the time, and whoever wants them asks.
OURS: tuple[Shown, ...] = (
    *(Shown(lane, name, _VALUE) for lane, name in (*LANES.items(), *OPTIONAL_LANES.items())),
    Shown("segment", SEGMENTS.name, _VALUE),
    Shown("tag", TAGS.name, _VALUE),
    Shown("lead", LEADS.name, _VALUE),
    Shown("ticket", TICKETS, "status"),
    Shown("first_response", TICKETS, "first_response"),
    Shown("resolution", TICKETS, "resolution"),
    Shown("nps", SATISFACTION.name, "nps"),
    Shown("csat", SATISFACTION.name, "csat"),
    Shown("survey", SURVEYS.name, "fate"),
    Shown("opportunity", PIPELINE.name, _VALUE),
    Shown("quote", QUOTES.name, _VALUE),
    Shown("contract", CONTRACTS.name, _VALUE),
    Shown("task", TASKS.name, _VALUE),
    Shown("due_again", DUE_AGAIN.name, _VALUE),
)


def told_of(registry: Registry) -> tuple[Shown, ...]:
    """What is told: of ours, and of each projection of an extension whose verdicts have a value, by its name."""
    others = (each for each in registry.projectors if each not in PROJECTORS)
    theirs = (each.name for each in others if _VALUE in each.verdict.__struct_fields__)
    return (*OURS, *(Shown(name, name, _VALUE) for name in theirs))
