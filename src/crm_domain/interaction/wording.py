"""How what happened to an interaction is told."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.crm_domain.interaction.decider import (
    Interaction,
    InteractionEvent,
    InteractionRecorded,
    NoteAdded,
    SurveyAnswered,
)
from regulars.crm_domain.wording import Field, Wording, plain_fields


def what(event: InteractionEvent) -> str:
    """What happened to an interaction, in a few words."""
    match event:
        case InteractionRecorded(channel=channel, direction=direction):
            return f"{direction} {channel}"
        case SurveyAnswered(survey=survey, score=score):
            return f"{survey.upper()} answer {score}"
        case NoteAdded():
            return "note added"


def deed(event: InteractionEvent, who: str, other: str) -> str:
    """What happened to an interaction, as somebody did it."""
    match event:
        case InteractionRecorded(channel=channel, direction="inbound"):
            return f"heard from {who} by {channel}"
        case InteractionRecorded(channel=channel):
            return f"contacted {who} by {channel}"
        case SurveyAnswered(survey=survey, score=score):
            return f"recorded that {who} answered {survey.upper()} with {score}"
        case NoteAdded():
            return f"added a note on {who}"


def fields(state: Interaction) -> Iterator[Field]:
    """What the audit compares of an interaction."""
    yield from plain_fields(state.recorded)


WORDING = Wording(what=what, deed=deed, fields=fields)
