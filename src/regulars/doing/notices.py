"""What is to be said of what was recorded all the same: a survey that was sent too soon after another, an order that
counts again without its coupon, and whatever was remarked when it was decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from regulars.adapters.log.event_log import Search
from regulars.adapters.sql.chunks import chunks
from regulars.crm_domain.event import Event, Recorded
from regulars.crm_domain.instant import DAY
from regulars.crm_domain.interaction import SurveyAnswered
from regulars.crm_domain.survey import SurveyBounced, SurveySent
from regulars.doing.coupons import coupon_notices
from regulars.doing.identities import family_of
from regulars.doing.unit_of_work import UnitOfWork
from regulars.projections.facts.shared import Facts, evolve
from regulars.projections.satisfaction.judge import surveys_that_asked
from regulars.projections.verdict import days

_OF_SURVEYS: frozenset[type[Event]] = frozenset({SurveySent, SurveyBounced, SurveyAnswered})


def notices_of(work: UnitOfWork, recorded: Sequence[Recorded[Event]]) -> Mapping[int, str]:
    """By the positions of events that were just recorded, what is to be said of them."""
    remarks = {recorded[index].position: said for index, said in work.pending.remarks.items()}
    return {**remarks, **_sent_too_soon(work, recorded), **dict(coupon_notices(work, recorded))}


def _sent_too_soon(work: UnitOfWork, recorded: Sequence[Recorded[Event]]) -> dict[int, str]:
    least = work.pending.context.ask_again
    sent = [each for each in recorded if isinstance(each.event, SurveySent)]
    if least is None or not sent:
        return {}
    families = {family_of(work, each.customer_id) for each in sent}
    known = _surveys_of(work, {member for members in families for member in members})
    just_now, found = {each.position: each for each in sent}, dict[int, str]()
    for members in families:
        for earlier, later in pairwise(surveys_that_asked(_facts(known, members))):
            for position in {earlier.position, later.position} & just_now.keys():
                if later.at < earlier.at + least:
                    found[position] = _notice(just_now[position].event, later.at - earlier.at, least)
    return found


def _notice(event: Event, apart: int, least: int) -> str:
    assert isinstance(event, SurveySent)
    return (
        f'survey "{event.survey_id}" is recorded, and was sent {days(apart)} apart from another one to the same '
        f"customer; by the rules at least {least // DAY} days lie between two"
    )


def _surveys_of(work: UnitOfWork, customer_ids: Iterable[str]) -> dict[str, list[Recorded[Event]]]:
    known: dict[str, list[Recorded[Event]]] = {}
    for chunk in chunks(customer_ids):
        search = Search(customer_ids=tuple(chunk), types=_OF_SURVEYS, oldest_first=True)
        for each in work.tx.log.every(search):
            known.setdefault(each.customer_id, []).append(each)
    return known


def _facts(known: Mapping[str, list[Recorded[Event]]], members: Iterable[str]) -> Facts:
    facts = Facts()
    told = (each for member in members for each in known.get(member, ()))
    for each in sorted(told, key=lambda each: (each.occurred_at, not isinstance(each.event, SurveySent))):
        evolve(facts, each.event, each.occurred_at, each.position)
    return facts
