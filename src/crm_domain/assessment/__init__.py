"""What a model or a person made of a text: of one kind, such as its sentiment, a word. One stream a text."""

from regulars.crm_domain.assessment.aggregate import AGGREGATE
from regulars.crm_domain.assessment.decider import (
    ASSESSMENT,
    CATEGORY,
    CHRONOLOGY,
    Assessed,
    AssessmentRecorded,
    RecordAssessment,
)

__all__ = [
    "AGGREGATE",
    "ASSESSMENT",
    "CATEGORY",
    "CHRONOLOGY",
    "Assessed",
    "AssessmentRecorded",
    "RecordAssessment",
]
