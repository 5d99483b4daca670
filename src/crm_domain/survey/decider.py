"""A survey that was sent to a customer, and whether it came back undelivered. One stream a survey.

1. A survey id names one survey in a store: sent again with the same content changes nothing, with other content it is
   refused.
2. What was sent is never refused because somebody was asked a short while ago: it happened. Ask `may_ask` before.
3. Only what was sent can come back undelivered.

The answer is a `SurveyAnswered` of the interaction that it is, and names the survey by its id. That there is such a
survey isn't held here: it is a stream of its own, and may be told of later.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from regulars.crm_domain.chronology import Chronology
from regulars.crm_domain.command import Channel, Command, Context, Decider, Label, Who
from regulars.crm_domain.errors import Rejected
from regulars.crm_domain.event import Event
from regulars.crm_domain.interaction import Survey

CATEGORY = "survey"

# ---------------------------------------------------------------------------------------------------------- events


class SurveySent(Event, frozen=True, kw_only=True, tag="SurveySent"):
    """A customer was asked. `ticket_id` is that of the ticket that they were asked about."""

    survey_id: str
    survey: Survey
    channel: str
    ticket_id: str | None = None


class SurveyBounced(Event, frozen=True, kw_only=True, tag="SurveyBounced"):
    """It didn't reach them, so no answer is to be expected."""

    survey_id: str


SurveyEvent = SurveySent | SurveyBounced

# ----------------------------------------------------------------------------------------------------------- state


class SentSurvey(Struct, frozen=True, kw_only=True):
    """What the next decision on a survey needs to know."""

    sent: SurveySent | None = None
    bounced: bool = False


def evolve(state: SentSurvey, event: SurveyEvent) -> SentSurvey:
    """The state after an event. Total: history is never argued with."""
    match event:
        case SurveySent():
            return replace(state, sent=event)
        case SurveyBounced():
            return replace(state, bounced=True)


# -------------------------------------------------------------------------------------------------------- commands


class RecordSurveySent(Command):
    """Write down that a customer was asked, e.g. customer=shop:42 survey_id=S-1 survey=nps channel=email"""

    customer: Who
    survey_id: Label
    survey: Survey
    channel: Channel
    ticket_id: Label | None = None


class RecordSurveyBounced(Command):
    """Write down that a survey came back undelivered, e.g. survey_id=S-1"""

    survey_id: Label


# ------------------------------------------------------------------------------------------------------- decisions


def record_sent(command: RecordSurveySent, state: SentSurvey, context: Context) -> tuple[Event, ...]:
    """Invariants 1 and 2: when it was sent is no part of its content, as a retry may come later."""
    event = SurveySent(
        survey_id=command.survey_id, survey=command.survey, channel=command.channel, ticket_id=command.ticket_id
    )
    if state.sent is None:
        return (event,)
    if state.sent == event:
        return ()
    raise Rejected("survey_id_taken", f'survey "{command.survey_id}" is recorded already with other content')


def record_bounced(command: RecordSurveyBounced, state: SentSurvey, context: Context) -> tuple[Event, ...]:
    """Invariant 3. Told with its time it is written down, also where it is known that it bounced: the first counts."""
    if state.sent is None:
        raise Rejected("unknown_survey", f'no survey "{command.survey_id}" was sent')
    if state.bounced and command.occurred_at is None:
        return ()
    return (SurveyBounced(survey_id=command.survey_id),)


def decide(command: Command, state: SentSurvey, context: Context) -> tuple[Event, ...]:
    """Hand a command to its decision. Raises Rejected where an invariant would break."""
    match command:
        case RecordSurveySent():
            return record_sent(command, state, context)
        case RecordSurveyBounced():
            return record_bounced(command, state, context)
        case _:
            raise TypeError(f"{type(command).__name__} is not a command to a survey")


# A clock that is a little off doesn't make a survey come back before it was sent.
CHRONOLOGY = Chronology(first=(SurveySent,), words=((RecordSurveyBounced, SurveyBounced),))

SURVEY = Decider(category=CATEGORY, initial=SentSurvey(), evolve=evolve, decide=decide, chronology=CHRONOLOGY)
