"""The answers and surveys behind a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from regulars.crm_domain.instant import DAY
from regulars.projections.facts.shared import Facts
from regulars.projections.satisfaction.judge import answer_at, csat_of, nps_of, surveys_that_asked
from regulars.projections.verdict import Reason, day_text, days

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules


def explain(standing: None, facts: Facts, rules: Rules, at: int) -> tuple[Reason, ...]:
    """What each kind of answer says, and since when they may be asked again."""
    return tuple(_reasons(facts, rules, at))


def _reasons(facts: Facts, rules: Rules, at: int) -> Iterator[Reason]:
    table = rules.satisfaction
    nps, csat = answer_at(facts, table, "nps", at), answer_at(facts, table, "csat", at)
    if nps is not None:
        sentence = f"answered NPS with {nps.score}, {_ago(at - nps.at)}: {nps_of(nps.score, table)}"
        yield Reason(clause="nps", sentence=sentence, positions=(nps.position,))
    if csat is not None:
        sentence = f"answered CSAT with {csat.score}, {_ago(at - csat.at)}: {csat_of(csat.score, table)}"
        yield Reason(clause="csat", sentence=sentence, positions=(csat.position,))
    sent = surveys_that_asked(facts)
    if not sent:
        yield Reason(clause="ask_again", sentence="was never asked")
        return
    again_at = sent[-1].at + table.ask_again
    when = "" if again_at <= at else f" on {day_text(again_at, rules.zone)}"
    sentence = f"was asked {_ago(at - sent[-1].at)}, so they may be asked again{when}"
    yield Reason(clause="ask_again", sentence=sentence, positions=(sent[-1].position,))


def _ago(elapsed: int) -> str:
    return f"{days(elapsed)} ago" if elapsed >= DAY else "less than a day ago"
