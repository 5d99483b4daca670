"""The projection: where an opportunity stands, what it is worth, and how likely it is to be won."""

from __future__ import annotations

from typing import get_args

from regulars.crm_domain.opportunity import OpportunityEvent
from regulars.projections.engine.projector import Key, Projector
from regulars.projections.pipeline.explain import explain
from regulars.projections.pipeline.judge import PipelineVerdict, judge

VERSION = 1

PIPELINE = Projector(
    name="pipeline",
    question="Where does this opportunity stand, what is it worth, and how likely is it to be won?",
    version=VERSION,
    handles=frozenset(get_args(OpportunityEvent)),
    standing=type(None),
    judges_by=("pipeline",),
    judge=judge,
    explain=explain,
    verdict=PipelineVerdict,
    key=Key(
        name="opportunity",
        of=lambda event: event.opportunity_id,
        facts=lambda facts, opportunity_id: facts.opportunities[opportunity_id],
    ),
    lists_by=("value", "due"),
)
