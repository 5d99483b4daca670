"""The interaction as a value."""

from __future__ import annotations

from typing import get_args

from crm_domain.aggregate import Aggregate, addressed
from crm_domain.interaction.decider import (
    INTERACTION,
    AddNote,
    InteractionEvent,
    RecordInteraction,
    RecordSurveyAnswer,
)
from crm_domain.interaction.wording import WORDING

AGGREGATE = Aggregate(
    decider=INTERACTION,
    events=get_args(InteractionEvent),
    commands=(*addressed(RecordInteraction, RecordSurveyAnswer, AddNote, customer="customer", key="interaction_id"),),
    wording=WORDING,
)
