"""The conditions behind a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regulars.projections.facts.fact import NOTHING_TOLD, Fact, Subject
from regulars.projections.facts.shared import Facts
from regulars.projections.facts.table import GAP, ORDERS
from regulars.projections.lifecycle_stage.judge import Standing, reached, rung_spans
from regulars.projections.verdict import Reason, Told

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules


def explain(standing: Standing, facts: Facts, rules: Rules, at: int, told: Told = NOTHING_TOLD) -> tuple[Reason, ...]:
    """The conditions of the rung that was reached, each with what it found."""
    subject = Subject(facts, rules, standing.ended, standing.ended_at, at, told)
    rung, _ = reached(rung_spans(subject, at + 1), at)
    if not rung.when.conditions:
        found = ", ".join(_words(fact, subject) for fact in (ORDERS, GAP) if fact.found(subject, None, at) is not None)
        last_order = GAP.positions(subject, None, at)
        return (Reason(clause=rung.id, sentence=f"no other stage applies: {found}", positions=last_order),)
    return tuple(
        Reason(
            clause=rung.id,
            sentence=_words(condition.fact, subject, condition.window) + condition.text,
            positions=condition.fact.positions(subject, condition.window, at),
        )
        for condition in rung.when.conditions
    )


def _words(fact: Fact, subject: Subject, window: int | None = None) -> str:
    return fact.words(subject, fact.found(subject, window, subject.at))
