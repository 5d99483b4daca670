"""Examples of assessments."""

from __future__ import annotations

from regulars.crm_domain.aggregate import Examples
from regulars.crm_domain.assessment.decider import AssessmentRecorded, RecordAssessment


def examples() -> Examples:
    """Examples of assessments."""
    return Examples(
        events=(
            AssessmentRecorded(
                about=7,
                said_at=1_700_000_000_000_000,
                kind="sentiment",
                value="negative",
                model="mood",
                version="3",
            ),
        ),
        commands=(RecordAssessment(about="7", kind="sentiment", value="negative", model="mood", version="3"),),
    )
