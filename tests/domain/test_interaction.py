"""Interactions, answers and notes: each is a stream of its own, and decides nothing later."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from given import given
from regulars.crm_domain.interaction import (
    AddNote,
    InteractionCommand,
    InteractionEvent,
    InteractionRecorded,
    NoteAdded,
    RecordInteraction,
    RecordSurveyAnswer,
    SurveyAnswered,
)

CALL = RecordInteraction(customer="shop:1", interaction_id="call:7", channel="phone", direction="inbound", summary="Hi")
CALLED = InteractionRecorded(interaction_id="call:7", channel="phone", direction="inbound", summary="Hi")
ANSWER = RecordSurveyAnswer(customer="shop:1", interaction_id="nps:7", survey="nps", score=9, comment="Good tea")
ANSWERED = SurveyAnswered(interaction_id="nps:7", survey="nps", score=9, comment="Good tea")
NOTE = AddNote(customer="shop:1", interaction_id="note:7", text="Likes oolong")
NOTED = NoteAdded(interaction_id="note:7", text="Likes oolong")

each_kind = pytest.mark.parametrize(
    ("command", "event"), [(CALL, CALLED), (ANSWER, ANSWERED), (NOTE, NOTED)], ids=lambda value: type(value).__name__
)


@each_kind
def test_what_was_said_is_written_down(command: InteractionCommand, event: InteractionEvent) -> None:
    given().when(command).then(event)


@each_kind
def test_the_same_content_twice_changes_nothing(command: InteractionCommand, event: InteractionEvent) -> None:
    given(event).when(command).then_nothing()


@pytest.mark.parametrize(
    ("event", "command"),
    [
        (CALLED, CALL.model_copy(update={"channel": "email"})),
        (CALLED, CALL.model_copy(update={"direction": "outbound"})),
        (CALLED, CALL.model_copy(update={"summary": None})),
        (ANSWERED, ANSWER.model_copy(update={"score": 8})),
        (ANSWERED, ANSWER.model_copy(update={"survey": "ces", "score": 7})),
        (ANSWERED, ANSWER.model_copy(update={"comment": "Bad tea"})),
        (NOTED, NOTE.model_copy(update={"text": "Likes sencha"})),
        (CALLED, NOTE.model_copy(update={"interaction_id": "call:7"})),
    ],
)
def test_the_same_id_with_other_content_is_refused(event: InteractionEvent, command: InteractionCommand) -> None:
    given(event).when(command).then_rejected("interaction_id_taken")


def test_without_an_id_it_is_new() -> None:
    given().when(AddNote(customer="shop:1", text="Likes oolong")).then(NoteAdded(text="Likes oolong"))


# The scales as the surveys define them: Net Promoter Score 0 to 10, CSAT 1 to 5, Customer Effort Score 1 to 7.
@pytest.mark.parametrize(
    ("survey", "score"), [("nps", 0), ("nps", 10), ("csat", 1), ("csat", 5), ("ces", 1), ("ces", 7)]
)
def test_an_answer_may_lie_at_either_end_of_its_scale(survey: str, score: int) -> None:
    command = RecordSurveyAnswer.model_validate({"customer": "shop:1", "survey": survey, "score": score})
    given().when(command).then(SurveyAnswered(survey=command.survey, score=score))


@pytest.mark.parametrize(
    ("survey", "score"),
    [("nps", -1), ("nps", 11), ("csat", 0), ("csat", 6), ("ces", 0), ("ces", 8), ("nps", 9.5), ("nps", "nine")],
)
def test_an_answer_off_its_scale_is_refused(survey: str, score: object) -> None:
    with pytest.raises(ValidationError):
        RecordSurveyAnswer.model_validate({"customer": "shop:1", "survey": survey, "score": score})


def test_a_survey_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValidationError):
        RecordSurveyAnswer.model_validate({"customer": "shop:1", "survey": "stars", "score": 3})


@pytest.mark.parametrize(("field", "word"), [("channel", "pigeon"), ("direction", "sideways")])
def test_a_channel_or_direction_that_nobody_knows_is_refused(field: str, word: str) -> None:
    fields = {"customer": "shop:1", "channel": "phone", "direction": "inbound"} | {field: word}
    with pytest.raises(ValidationError):
        RecordInteraction.model_validate(fields)


def test_a_note_says_something() -> None:
    with pytest.raises(ValidationError):
        AddNote(customer="shop:1", text="")
