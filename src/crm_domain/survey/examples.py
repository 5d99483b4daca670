"""Examples of surveys."""

from __future__ import annotations

from regulars.crm_domain.aggregate import Examples
from regulars.crm_domain.survey.decider import RecordSurveyBounced, RecordSurveySent, SurveyBounced, SurveySent


def examples() -> Examples:
    """Examples of surveys."""
    return Examples(
        events=(
            SurveySent(survey_id="S-7", survey="nps", channel="email", ticket_id="T-7"),
            SurveyBounced(survey_id="S-7"),
        ),
        commands=(
            RecordSurveySent(customer="shop:1", survey_id="S-7", survey="nps", channel="email", ticket_id="T-7"),
            RecordSurveyBounced(survey_id="S-7"),
        ),
    )
