"""What was said between a customer and us, and decides nothing later: interactions, answers and notes.

1. Each is a stream of its own. With an id, the same content twice changes nothing and other content is refused;
   without one it is new.
2. An answer lies on the scale of its survey: NPS 0 to 10, CSAT 1 to 5, CES 1 to 7. It may name the survey that was
   sent; whether that one was isn't held here.

That nothing personal is taken of someone who was forgotten is held by the store, which has no key for it any more.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from pydantic import model_validator

from regulars.crm_domain.command import (
    Channel,
    Command,
    Context,
    Decider,
    Label,
    Text,
    Who,
    Whole,
)
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event, Personal

CATEGORY = "interaction"

Survey = Literal["nps", "csat", "ces"]
SCALES: dict[str, tuple[int, int]] = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}

# ---------------------------------------------------------------------------------------------------------- events


class InteractionRecorded(Event, frozen=True, kw_only=True, tag="InteractionRecorded"):
    """A call, a visit, a message. Inbound is from the customer and counts as engagement; outbound is ours."""

    channel: str
    direction: Literal["inbound", "outbound"]
    interaction_id: str | None = None
    summary: Personal[str] = None


class SurveyAnswered(Event, frozen=True, kw_only=True, tag="SurveyAnswered"):
    """An answer on the survey's own scale. `survey_id` is that of the survey that was sent, where one was."""

    survey: Survey
    score: int
    interaction_id: str | None = None
    comment: Personal[str] = None
    survey_id: str | None = None


class NoteAdded(Event, frozen=True, kw_only=True, tag="NoteAdded"):
    """Something worth remembering."""

    interaction_id: str | None = None
    text: Personal[str] = None


InteractionEvent = InteractionRecorded | SurveyAnswered | NoteAdded

# ----------------------------------------------------------------------------------------------------------- state


class Interaction(Struct, frozen=True, kw_only=True):
    """What was recorded under this id, if anything was."""

    recorded: InteractionEvent | None = None


def evolve(state: Interaction, event: InteractionEvent) -> Interaction:
    """The state after an event. Total: history is never argued with."""
    return Interaction(recorded=event)


# -------------------------------------------------------------------------------------------------------- commands


class InteractionCommand(Command):
    """Something said, with an id of its own where the world outside has one."""

    customer: Who
    interaction_id: Label | None = None


class RecordInteraction(InteractionCommand):
    """Write down a call, a visit or a message, e.g. customer=shop:42 channel=phone direction=inbound"""

    channel: Channel
    direction: Literal["inbound", "outbound"]
    summary: Text | None = None


class RecordSurveyAnswer(InteractionCommand):
    """Write down an answer to a survey, e.g. customer=shop:42 survey=nps score=9 survey_id=S-1"""

    survey: Survey
    score: Whole
    comment: Text | None = None
    survey_id: Label | None = None

    @model_validator(mode="after")
    def _on_its_scale(self) -> RecordSurveyAnswer:
        lowest, highest = SCALES[self.survey]
        if not lowest <= self.score <= highest:
            raise ValueError(
                f"the score of {self.survey} is a whole number from {lowest} to {highest}, not {self.score}"
            )
        return self


class AddNote(InteractionCommand):
    """Write down something worth remembering about a customer."""

    text: Text


# ------------------------------------------------------------------------------------------------------- decisions


def record_interaction(command: RecordInteraction, state: Interaction, context: Context) -> tuple[Event, ...]:
    """Invariant 1."""
    event = InteractionRecorded(
        interaction_id=command.interaction_id,
        channel=command.channel,
        direction=command.direction,
        summary=command.summary,
    )
    return _once(event, state)


def record_survey_answer(command: RecordSurveyAnswer, state: Interaction, context: Context) -> tuple[Event, ...]:
    """Invariant 1; the command itself holds invariant 2."""
    event = SurveyAnswered(
        interaction_id=command.interaction_id,
        survey=command.survey,
        score=command.score,
        comment=command.comment,
        survey_id=command.survey_id,
    )
    return _once(event, state)


def add_note(command: AddNote, state: Interaction, context: Context) -> tuple[Event, ...]:
    """Invariant 1."""
    return _once(NoteAdded(interaction_id=command.interaction_id, text=command.text), state)


def _once(event: InteractionEvent, state: Interaction) -> tuple[Event, ...]:
    if state.recorded == event:
        return ()
    if state.recorded is not None:
        sentence = f'interaction "{event.interaction_id}" is recorded already with other content'
        raise Rejected("interaction_id_taken", sentence)
    return (event,)


def decide(command: Command, state: Interaction, context: Context) -> tuple[Event, ...]:
    """Hand a command to its decision. Raises Rejected where an invariant would break."""
    match command:
        case RecordInteraction():
            return record_interaction(command, state, context)
        case RecordSurveyAnswer():
            return record_survey_answer(command, state, context)
        case AddNote():
            return add_note(command, state, context)
        case _:
            raise TypeError(f"{type(command).__name__} is not an interaction")


INTERACTION = Decider(category=CATEGORY, initial=Interaction(), evolve=evolve, decide=decide)
