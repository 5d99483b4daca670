"""The table [satisfaction] made ready for judging, in whole microseconds."""

from __future__ import annotations

from msgspec import Struct

from regulars.crm_domain.instant import DAY
from regulars.projections.satisfaction import rules

SATISFIED_FROM = 4
ANSWERS_COUNT_DAYS = 365
ASK_AGAIN_DAYS = 90


class SatisfactionRules(Struct, frozen=True, kw_only=True):
    """What an answer says by its score, for how long, and after which time somebody may be asked again."""

    promoter_from: int
    detractor_to: int
    low_to: int
    satisfied_from: int
    answers_count: int
    ask_again: int


def compile_satisfaction(rule: rules.Satisfaction) -> SatisfactionRules:
    """Make the table ready; what it leaves out has its default."""
    satisfied_from = rule.csat_satisfied_from
    answers_count, ask_again = rule.answers_count_days, rule.ask_again_days
    return SatisfactionRules(
        promoter_from=rule.nps_promoter_from,
        detractor_to=rule.nps_detractor_to,
        low_to=rule.csat_low_to,
        satisfied_from=max(SATISFIED_FROM, rule.csat_low_to + 1) if satisfied_from is None else satisfied_from,
        answers_count=(ANSWERS_COUNT_DAYS if answers_count is None else answers_count) * DAY,
        ask_again=(ASK_AGAIN_DAYS if ask_again is None else ask_again) * DAY,
    )
