"""The survey as a value."""

from __future__ import annotations

from typing import get_args

from regulars.crm_domain.aggregate import Aggregate, InTheClear, addressed
from regulars.crm_domain.survey.decider import (
    SURVEY,
    RecordSurveyBounced,
    RecordSurveySent,
    SurveyEvent,
    SurveySent,
)
from regulars.crm_domain.survey.examples import examples
from regulars.crm_domain.survey.wording import WORDING

AGGREGATE = Aggregate(
    decider=SURVEY,
    events=get_args(SurveyEvent),
    commands=(
        *addressed(RecordSurveySent, customer="customer", key="survey_id"),
        *addressed(RecordSurveyBounced, key="survey_id"),
    ),
    wording=WORDING,
    examples=examples,
    in_the_clear=(
        InTheClear(
            fields=("survey_id",),
            events=get_args(SurveyEvent),
            why="the id that it has outside, by which its answer is found",
        ),
        InTheClear(fields=("channel",), events=(SurveySent,), why="a word to group by"),
        InTheClear(fields=("ticket_id",), events=(SurveySent,), why="the number of the ticket that it is about"),
    ),
)
