"""Where does this customer stand on the way from lead to regular, and back?

The stages form a ladder: the first one whose conditions all hold is the verdict, and the last has no condition. A
spell is a time in one of the stages that a rung names; the order that ends it is remembered in the standing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from regulars.crm_domain.instant import FOREVER
from regulars.projections.conditions.compiled import spans
from regulars.projections.engine.projector import Judgement
from regulars.projections.facts.fact import NOTHING_TOLD, Subject
from regulars.projections.facts.shared import Facts
from regulars.projections.lifecycle_stage.compiled import Rung
from regulars.projections.verdict import Told

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules


class Standing(Struct, frozen=True, array_like=True, gc=False):
    """The stage so far, and the last stage that an order ended, with that order's instant."""

    stage: str | None = None
    ended: str | None = None
    ended_at: int = 0


def judge(
    standing: Standing, facts: Facts, rules: Rules, at: int, until: int, told: Told = NOTHING_TOLD
) -> Iterator[Judgement]:
    """The stage from an instant on. An order at that very instant ends the spell that was running just before it."""
    ended, ended_at, of_rungs = standing.ended, standing.ended_at, None
    if standing.stage in rules.spell_stages and facts.order_instants and facts.order_instants[-1] == at:
        after = rung_spans(Subject(facts, rules, standing.stage, at, at, told), until)
        if reached(after, at)[0].verdict.value not in rules.spell_stages:  # on a closed account, an order ends nothing
            ended, ended_at, of_rungs = standing.stage, at, after
    of_rungs = of_rungs or rung_spans(Subject(facts, rules, ended, ended_at, at, told), until)
    while at < until:
        rung, next_change_at = reached(of_rungs, at)
        yield at, Standing(rung.verdict.value, ended, ended_at), rung.verdict
        at = next_change_at


#: When all conditions of a rung hold, [begins, ends), and the rung.
RungSpan = tuple[int, int, Rung]


def rung_spans(subject: Subject, until: int) -> list[RungSpan]:
    """For each rung the spans up to `until` in which all its conditions hold if nothing more happens, in the order of
    the rungs. What comes after one that holds all along is never reached, so it is left out.
    """
    found: list[RungSpan] = []
    all_along = [(subject.at, until)]
    for rung in subject.rules.ladder.reachable(subject):
        if rung.spell and subject.ended not in rung.spell:
            continue
        holding = spans(rung.when, subject, subject.at, until)
        for begins, ends in holding:
            found.append((begins, ends, rung))
        if holding == all_along:
            break
    return found


def reached(of_rungs: list[RungSpan], at: int) -> tuple[Rung, int]:
    """The first rung of which a span holds an instant, and when another may be reached."""
    next_change_at = FOREVER
    for begins, ends, rung in of_rungs:
        if begins <= at < ends:
            return rung, ends if ends < next_change_at else next_change_at
        if at < begins < next_change_at:
            next_change_at = begins
    raise AssertionError("the last rung has no condition, so it is reached where no other is")
