"""The assessment of a text as a value."""

from __future__ import annotations

from regulars.crm_domain.aggregate import Aggregate, InTheClear, addressed
from regulars.crm_domain.assessment.decider import ASSESSMENT, AssessmentRecorded, RecordAssessment
from regulars.crm_domain.assessment.examples import examples
from regulars.crm_domain.assessment.wording import WORDING

AGGREGATE = Aggregate(
    decider=ASSESSMENT,
    events=(AssessmentRecorded,),
    commands=addressed(RecordAssessment, key="about"),
    wording=WORDING,
    examples=examples,
    in_the_clear=(
        InTheClear(fields=("kind", "value"), events=(AssessmentRecorded,), why="words to group by, and no text"),
        InTheClear(fields=("model", "version"), events=(AssessmentRecorded,), why="which model said so, to compare"),
    ),
)
