"""Examples of what was said."""

from __future__ import annotations

from regulars.crm_domain.aggregate import Examples
from regulars.crm_domain.interaction.decider import (
    AddNote,
    InteractionRecorded,
    NoteAdded,
    RecordInteraction,
    RecordSurveyAnswer,
    SurveyAnswered,
)


def examples() -> Examples:
    """Examples of what was said."""
    return Examples(
        events=(
            InteractionRecorded(channel="phone", direction="inbound", interaction_id="c:7", summary="Asked for tea"),
            SurveyAnswered(survey="nps", score=9, interaction_id="n:7", comment="Good tea", survey_id="S-7"),
            NoteAdded(interaction_id="t:7", text="Likes oolong"),
        ),
        commands=(
            RecordInteraction(
                customer="shop:1", interaction_id="c:7", channel="phone", direction="inbound", summary="Asked for tea"
            ),
            RecordSurveyAnswer(
                customer="shop:1", interaction_id="n:7", survey="nps", score=9, comment="Good tea", survey_id="S-7"
            ),
            AddNote(customer="shop:1", interaction_id="t:7", text="Likes oolong\nand\tsencha"),
        ),
    )
