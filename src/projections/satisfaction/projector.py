"""The projection: what a customer said last, and since when they may be asked again."""

from __future__ import annotations

from regulars.crm_domain.interaction import SurveyAnswered
from regulars.crm_domain.survey import SurveyBounced, SurveySent
from regulars.crm_domain.ticket import TicketRated
from regulars.projections.engine.projector import Projector
from regulars.projections.satisfaction.explain import explain
from regulars.projections.satisfaction.judge import SatisfactionVerdict, judge

VERSION = 1

SATISFACTION = Projector(
    name="satisfaction",
    question="What did this customer say last of each survey, and since when may they be asked again?",
    version=VERSION,
    handles=frozenset({SurveySent, SurveyBounced, SurveyAnswered, TicketRated}),
    standing=type(None),
    judges_by=("satisfaction",),
    judge=judge,
    explain=explain,
    verdict=SatisfactionVerdict,
)
