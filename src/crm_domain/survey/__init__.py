"""A survey that was sent to a customer, and whether it came back undelivered. One stream a survey."""

from regulars.crm_domain.survey.aggregate import AGGREGATE
from regulars.crm_domain.survey.decider import (
    CATEGORY,
    CHRONOLOGY,
    SURVEY,
    RecordSurveyBounced,
    RecordSurveySent,
    SentSurvey,
    SurveyBounced,
    SurveyEvent,
    SurveySent,
)

__all__ = [
    "AGGREGATE",
    "CATEGORY",
    "CHRONOLOGY",
    "SURVEY",
    "RecordSurveyBounced",
    "RecordSurveySent",
    "SentSurvey",
    "SurveyBounced",
    "SurveyEvent",
    "SurveySent",
]
