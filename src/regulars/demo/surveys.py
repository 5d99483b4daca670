"""Surveys of the simulated business: whoever answered was asked, and most who are asked don't answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from random import Random

from regulars.crm_domain.command import Command
from regulars.crm_domain.interaction import RecordSurveyAnswer
from regulars.crm_domain.purchase import RecordPurchase
from regulars.crm_domain.survey import RecordSurveyBounced, RecordSurveySent
from regulars.demo.timing import when

_ASKED = 0.12  # of the orders, beside those after which somebody answered
_BOUNCED = 0.03


def with_surveys(random: Random, happened: Sequence[Command]) -> Iterator[Command]:
    """All that happened, each answer with the survey that it answers, and the surveys that nobody answered."""
    count = 0
    for command in happened:
        if isinstance(command, RecordSurveyAnswer):
            count += 1
            survey_id = f"S-{count}"
            yield RecordSurveySent(
                customer=command.customer,
                survey_id=survey_id,
                survey=command.survey,
                channel="email",
                occurred_at=when(command) - timedelta(hours=random.randint(2, 60)),
            )
            yield command.model_copy(update={"survey_id": survey_id})
            continue
        yield command
        if isinstance(command, RecordPurchase) and random.random() < _ASKED:
            count += 1
            sent = when(command) + timedelta(hours=random.randint(72, 140))
            yield RecordSurveySent(
                customer=command.customer, survey_id=f"S-{count}", survey="nps", channel="email", occurred_at=sent
            )
            if random.random() < _BOUNCED:
                yield RecordSurveyBounced(survey_id=f"S-{count}", occurred_at=sent + timedelta(minutes=2))
