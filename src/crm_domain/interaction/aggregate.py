"""The interaction as a value."""

from __future__ import annotations

from typing import get_args

from regulars.crm_domain.aggregate import Aggregate, InTheClear, addressed
from regulars.crm_domain.interaction.decider import (
    INTERACTION,
    AddNote,
    InteractionEvent,
    InteractionRecorded,
    RecordInteraction,
    RecordSurveyAnswer,
    SurveyAnswered,
)
from regulars.crm_domain.interaction.examples import examples
from regulars.crm_domain.interaction.wording import WORDING

AGGREGATE = Aggregate(
    decider=INTERACTION,
    events=get_args(InteractionEvent),
    commands=addressed(RecordInteraction, RecordSurveyAnswer, AddNote, customer="customer", key="interaction_id"),
    wording=WORDING,
    examples=examples,
    in_the_clear=(
        InTheClear(fields=("channel",), events=(InteractionRecorded,), why="a word to group by"),
        InTheClear(
            fields=("interaction_id",),
            events=get_args(InteractionEvent),
            why="the id that it has outside, by which it is found",
        ),
        InTheClear(fields=("survey_id",), events=(SurveyAnswered,), why="the id of the survey that it answers"),
    ),
)
