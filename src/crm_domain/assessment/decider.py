"""What a model or a person made of a text: of one kind, such as its sentiment, a word. One stream a text.

1. What is assessed is an event in which somebody wrote something: an interaction, a note, an answer to a survey, a
   ticket that was opened or rated, a message on one. It is named by its position; the assessment is of the customer
   whose event that is.
2. Of each kind and each version of each model the last word in time counts; a later version replaces no earlier one.
3. Told without a time, what that version said of it last changes nothing.

Kinds and values are words, not sentences: they stand in the clear, and outlast a forgetting, as counts do.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct
from pydantic import BeforeValidator, StringConstraints

from regulars.crm_domain.chronology import Chronology
from regulars.crm_domain.command import Command, Context, Decider, Label
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event
from regulars.crm_domain.persistent_map import PersistentMap

CATEGORY = "assessment"

#: A kind of assessment, and the model and version that said it.
By = tuple[str, str | None, str | None]

# ---------------------------------------------------------------------------------------------------------- events


class AssessmentRecorded(Event, frozen=True, kw_only=True, tag="AssessmentRecorded"):
    """A text was assessed. `about` is the position of the event that holds it, `said_at` the instant of that event.

    Without a `model` a person did it: whoever acted.
    """

    about: int
    said_at: int
    kind: str
    value: str
    model: str | None = None
    version: str | None = None


# ----------------------------------------------------------------------------------------------------------- state


class Assessed(Struct, frozen=True, kw_only=True):
    """What was said of one text: the last word of each version of each model, by its kind."""

    said: PersistentMap[By, AssessmentRecorded] = PersistentMap()


def evolve(state: Assessed, event: AssessmentRecorded) -> Assessed:
    """The state after an event. Total: history is never argued with."""
    return Assessed(said=state.said.put((event.kind, event.model, event.version), event))


# -------------------------------------------------------------------------------------------------------- commands


def _position_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


#: The position of an event, as the audit and the export give it.
Position = Annotated[str, BeforeValidator(_position_text), StringConstraints(pattern=r"^[1-9][0-9]{0,17}$")]
#: A word to group by.
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]


class RecordAssessment(Command):
    """Write down what was made of a text, e.g. about=4711 kind=sentiment value=negative model=mood version=3"""

    about: Position
    kind: Word
    value: Word
    model: Label | None = None
    version: Label | None = None


# ------------------------------------------------------------------------------------------------------- decisions


def decide(command: Command, state: Assessed, context: Context) -> tuple[Event, ...]:
    """Hand a command to its decision: invariants 2 and 3. That there is a text is held where it is looked up."""
    if not isinstance(command, RecordAssessment):
        raise TypeError(f"{type(command).__name__} is not an assessment")
    if context.said_at is None:
        raise Rejected("unknown_text", f"there is no event #{command.about} yet whose text could be assessed")
    event = AssessmentRecorded(
        about=int(command.about),
        said_at=context.said_at,
        kind=command.kind,
        value=command.value,
        model=command.model,
        version=command.version,
    )
    if command.occurred_at is None and state.said.get((event.kind, event.model, event.version)) == event:
        return ()
    return (event,)


CHRONOLOGY = Chronology(words=((RecordAssessment, AssessmentRecorded),))

ASSESSMENT = Decider(category=CATEGORY, initial=Assessed(), evolve=evolve, decide=decide, chronology=CHRONOLOGY)
