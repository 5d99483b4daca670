"""How what happened to a survey is told."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.crm_domain.survey.decider import SentSurvey, SurveyBounced, SurveyEvent, SurveySent
from regulars.crm_domain.wording import Field, Wording, plain_fields


def what(event: SurveyEvent) -> str:
    """What happened to a survey, in a few words."""
    match event:
        case SurveySent(survey_id=survey_id, survey=survey, channel=channel):
            return f"{survey.upper()} survey {survey_id} sent by {channel}"
        case SurveyBounced(survey_id=survey_id):
            return f"survey {survey_id} came back undelivered"


def deed(event: SurveyEvent, who: str, other: str) -> str:
    """What happened to a survey, as somebody did it."""
    match event:
        case SurveySent(survey_id=survey_id, survey=survey, channel=channel, ticket_id=ticket_id):
            about = "" if ticket_id is None else f" about ticket {ticket_id}"
            return f"sent {survey.upper()} survey {survey_id} to {who} by {channel}{about}"
        case SurveyBounced(survey_id=survey_id):
            return f"recorded that survey {survey_id} didn't reach {who}"


def fields(state: SentSurvey) -> Iterator[Field]:
    """What the audit compares of a survey."""
    yield from plain_fields(state.sent)
    yield "bounced", "yes" if state.bounced else None


WORDING = Wording(what=what, deed=deed, fields=fields)
