"""What did this customer say last, and since when may they be asked again?

1. Of each kind of survey the latest answer counts, for as long as the rules say: a rating of a ticket is a CSAT.
2. Whoever was asked may be asked again after `ask_again_days`. A survey that came back undelivered asked nobody, unless
   it was answered all the same.
3. A survey that was sent before that was sent too soon. It happened, so it is counted and not refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from regulars.projections.engine.projector import Judgement
from regulars.projections.facts.shared import Answer, Asked, Facts, Mark
from regulars.projections.satisfaction.compiled import SatisfactionRules
from regulars.projections.satisfaction.rules import Csat, Nps

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules

Count = Annotated[int, Meta(ge=0, lt=2**31)]


class SatisfactionVerdict(Struct, frozen=True, kw_only=True, gc=False):
    """What the answers that still count say, None where there is none, and from which instant on they may be asked
    again, None where they were never asked.

    `unasked` is how many answers came without a survey that was sent, `too_soon` how many surveys were sent too soon,
    so far: what lies between two instants is their difference.
    """

    nps: Nps | None
    csat: Csat | None
    ask_again_at: int | None
    unasked: Count
    too_soon: Count


def judge(standing: None, facts: Facts, rules: Rules, at: int, until: int) -> Iterator[Judgement]:
    """The verdict from an instant on. It changes by itself where an answer ceases to count."""
    ends = {each.at + rules.satisfaction.answers_count for each in facts.answers.values()}
    for instant in (at, *sorted(end for end in ends if at < end < until)):
        yield instant, None, verdict_of(facts, rules.satisfaction, instant)


def verdict_of(facts: Facts, rules: SatisfactionRules, at: int) -> SatisfactionVerdict:
    """The verdict at an instant from the last event on."""
    nps, csat = answer_at(facts, rules, "nps", at), answer_at(facts, rules, "csat", at)
    sent = surveys_that_asked(facts)
    return SatisfactionVerdict(
        nps=None if nps is None else nps_of(nps.score, rules),
        csat=None if csat is None else csat_of(csat.score, rules),
        ask_again_at=sent[-1].at + rules.ask_again if sent else None,
        unasked=facts.unasked + sum(each.answers for each in facts.asked.values() if each.sent is None),
        too_soon=sum(later.at < earlier.at + rules.ask_again for earlier, later in pairwise(sent)),
    )


def answer_at(facts: Facts, rules: SatisfactionRules, survey: str, at: int) -> Answer | None:
    """The latest answer of a kind, where it still counts at an instant."""
    answer = facts.answers.get(survey)
    return answer if answer is not None and at < answer.at + rules.answers_count else None


def surveys_that_asked(facts: Facts) -> list[Mark]:
    """When surveys were sent that reached the customer, as far as is known, in order of time."""
    return sorted((each.sent for each in facts.asked.values() if each.sent and not is_lost(each)), key=_order)


_order = attrgetter("at", "position")


def is_lost(asked: Asked) -> bool:
    """Whether a survey came back undelivered, and was never answered."""
    return asked.bounced is not None and asked.answered is None


def nps_of(score: int, rules: SatisfactionRules) -> Nps:
    """What a score from 0 to 10 makes of whoever gave it."""
    if score >= rules.promoter_from:
        return "promoter"
    return "detractor" if score <= rules.detractor_to else "passive"


def csat_of(score: int, rules: SatisfactionRules) -> Csat:
    """What a score from 1 to 5 says."""
    if score >= rules.satisfied_from:
        return "satisfied"
    return "dissatisfied" if score <= rules.low_to else "neutral"
