"""How an assessment is told."""

from __future__ import annotations

from collections.abc import Iterator

from regulars.crm_domain.assessment.decider import Assessed, AssessmentRecorded
from regulars.crm_domain.wording import Field, Wording


def what(event: AssessmentRecorded) -> str:
    """What was made of a text, in a few words."""
    return f"{event.kind} of #{event.about} assessed as {event.value}{_by(event)}"


def deed(event: AssessmentRecorded, who: str, other: str) -> str:
    """What was made of a text, as somebody did it."""
    return f"assessed the {event.kind} of #{event.about} of {who} as {event.value}{_by(event)}"


def _by(event: AssessmentRecorded) -> str:
    named = " ".join(filter(None, (event.model, event.version)))
    return f" by {named}" if named else ""


def fields(state: Assessed) -> Iterator[Field]:
    """What the audit compares of the assessments of a text."""
    for by, event in state.said.items():
        if event is not None:
            yield " ".join(filter(None, by)), event.value


WORDING = Wording(what=what, deed=deed, fields=fields)
