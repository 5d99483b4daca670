"""What became of a survey that was sent? A timeline for each, from when it was sent."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from regulars.crm_domain.interaction import SurveyAnswered
from regulars.crm_domain.survey import SurveyBounced, SurveyEvent, SurveySent
from regulars.projections.engine.projector import Judgement, Key, Projector
from regulars.projections.facts.shared import Asked, Facts
from regulars.projections.rules.compiled import Rules

VERSION = 1

Score = Annotated[int, Meta(ge=0, lt=2**31)]
Fate = Literal["awaited", "answered", "bounced"]


class SurveyVerdict(Struct, frozen=True, kw_only=True, gc=False):
    """What was asked and when, of which ticket, and what became of it. `score` is that of the first answer.

    One that was answered although it came back undelivered was answered.
    """

    survey: str
    sent_at: int
    channel: str | None
    ticket_id: str | None
    fate: Fate
    score: Score | None


def judge(standing: None, asked: Asked | None, rules: Rules, at: int, until: int) -> tuple[Judgement]:
    """Events alone change it, so it is judged once; nothing of a survey that was never sent."""
    return ((at, None, None if asked is None or asked.sent is None else _verdict(asked, asked.sent.at)),)


def _verdict(asked: Asked, sent_at: int) -> SurveyVerdict:
    return SurveyVerdict(
        survey=asked.survey,
        sent_at=sent_at,
        channel=asked.channel,
        ticket_id=asked.ticket_id,
        fate=fate_of(asked),
        score=asked.score,
    )


def fate_of(asked: Asked) -> Fate:
    """What became of a survey, as far as is known."""
    if asked.answered is not None:
        return "answered"
    return "awaited" if asked.bounced is None else "bounced"


def _survey_of(event: SurveyEvent | SurveyAnswered) -> str:
    """The survey that an event is about; none for an answer that nobody was asked for."""
    return event.survey_id or ""


def _asked(facts: Facts, survey_id: str) -> Asked | None:
    return facts.asked.get(survey_id)


SURVEYS = Projector(
    name="surveys",
    question="What became of this survey?",
    version=VERSION,
    handles=frozenset({SurveySent, SurveyBounced, SurveyAnswered}),
    standing=type(None),
    judges_by=(),
    judge=judge,
    verdict=SurveyVerdict,
    key=Key(name="survey_id", of=_survey_of, facts=_asked),
)
