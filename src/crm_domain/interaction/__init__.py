"""What was said between a customer and us, and decides nothing later: interactions, answers and notes."""

from regulars.crm_domain.interaction.aggregate import AGGREGATE
from regulars.crm_domain.interaction.decider import (
    CATEGORY,
    INTERACTION,
    SCALES,
    AddNote,
    Interaction,
    InteractionCommand,
    InteractionEvent,
    InteractionRecorded,
    NoteAdded,
    RecordInteraction,
    RecordSurveyAnswer,
    Survey,
    SurveyAnswered,
)

__all__ = [
    "AGGREGATE",
    "CATEGORY",
    "INTERACTION",
    "SCALES",
    "AddNote",
    "Interaction",
    "InteractionCommand",
    "InteractionEvent",
    "InteractionRecorded",
    "NoteAdded",
    "RecordInteraction",
    "RecordSurveyAnswer",
    "Survey",
    "SurveyAnswered",
]
