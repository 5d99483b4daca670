"""Surveys of the simulated business: whoever answered was asked, and most who are asked don't answer.

Nobody is asked again within the time that the rules leave. Whoever says something within it does so unasked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import count
from random import Random

from regulars.crm_domain.command import Command
from regulars.crm_domain.interaction import RecordSurveyAnswer, Survey
from regulars.crm_domain.purchase import RecordPurchase
from regulars.crm_domain.survey import RecordSurveyBounced, RecordSurveySent
from regulars.demo.timing import when

_ASKED = 0.12  # of the orders, beside those after which somebody answered
_BOUNCED = 0.03
_AGAIN = timedelta(days=90)  # as `ask_again_days` of the rules

#: When a customer was asked, in no order.
_Asked = dict[str, list[datetime]]


def with_surveys(random: Random, happened: Sequence[Command]) -> Iterator[Command]:
    """All that happened, each answer with the survey that it answers, and the surveys that nobody answered."""
    asked: _Asked = {}
    numbers = count(1)
    answers = sorted((each for each in happened if isinstance(each, RecordSurveyAnswer)), key=when)
    surveys = {id(each): sent for each in answers if (sent := _survey_of(random, each, asked, numbers)) is not None}
    for command in happened:
        sent = surveys.get(id(command))
        if sent is None:
            yield command
        else:
            yield sent
            yield command.model_copy(update={"survey_id": sent.survey_id})
    orders = sorted((each for each in happened if isinstance(each, RecordPurchase)), key=when)
    for order in orders:
        if random.random() < _ASKED:
            yield from _unanswered(random, order, asked, numbers)


def _survey_of(
    random: Random, answer: RecordSurveyAnswer, asked: _Asked, numbers: Iterator[int]
) -> RecordSurveySent | None:
    return _sent(answer.customer, answer.survey, when(answer) - timedelta(hours=random.randint(2, 60)), asked, numbers)


def _unanswered(random: Random, order: RecordPurchase, asked: _Asked, numbers: Iterator[int]) -> Iterator[Command]:
    at = when(order) + timedelta(hours=random.randint(72, 140))
    bounces = random.random() < _BOUNCED
    sent = _sent(order.customer, "nps", at, asked, numbers)
    if sent is not None:
        yield sent
        if bounces:
            yield RecordSurveyBounced(survey_id=sent.survey_id, occurred_at=at + timedelta(minutes=2))


def _sent(
    customer: str, survey: Survey, at: datetime, asked: _Asked, numbers: Iterator[int]
) -> RecordSurveySent | None:
    """A survey, unless another one is too near."""
    if any(abs(at - other) < _AGAIN for other in asked.get(customer, ())):
        return None
    asked.setdefault(customer, []).append(at)
    return RecordSurveySent(
        customer=customer, survey_id=f"S-{next(numbers)}", survey=survey, channel="email", occurred_at=at
    )
