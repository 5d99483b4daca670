"""Where does this customer stand on the way from lead to regular, and back?

The stages form a ladder: the first one whose conditions all hold is the verdict, and the last has no condition. A
spell is a time in one of the stages that a rung names; the order that ends it is remembered in the standing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from regulars.crm_domain.instant import FOREVER
from regulars.projections.conditions.compiled import stepped
from regulars.projections.engine.projector import Judgement
from regulars.projections.facts.fact import ALWAYS, NOTHING_TOLD, Subject
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
    ended, ended_at, ladder = standing.ended, standing.ended_at, None
    if standing.stage in rules.spell_stages and facts.order_instants and facts.order_instants[-1] == at:
        after = RungSpans(Subject(facts, rules, standing.stage, at, at, told), until)
        if after.reached(at)[0].verdict.value not in rules.spell_stages:  # on a closed account, an order ends nothing
            ended, ended_at, ladder = standing.stage, at, after
    ladder = ladder or RungSpans(Subject(facts, rules, ended, ended_at, at, told), until)
    while at < until:
        rung, next_change_at = ladder.reached(at)
        yield at, Standing(rung.verdict.value, ended, ended_at), rung.verdict
        at = next_change_at


class RungSpans:
    """For each rung the spans in [at, until) in which all its conditions hold if nothing more happens, worked out when
    needed; a span that begins at `until` or later is as good as none.

    Mutable, and never seen outside one call of `judge` or `explain`.
    """

    __slots__ = ("_rungs", "_spans", "_subject", "_until")

    def __init__(self, subject: Subject, until: int) -> None:
        self._subject = subject
        self._until = until
        self._rungs = iter(subject.rules.ladder.reachable(subject))
        self._spans: list[tuple[int, int, Rung]] = []

    def reached(self, at: int) -> tuple[Rung, int]:
        """The first rung of which a span holds an instant, and when another may be reached; FOREVER for never."""
        next_change_at, place, spans = FOREVER, 0, self._spans
        while True:
            while place == len(spans):
                self._add_spans_of(next(self._rungs))  # the last one has no condition, so it has been reached by then
            begins, ends, rung = spans[place]
            if begins <= at < ends:
                return rung, ends if ends < next_change_at else next_change_at
            if at < begins < next_change_at:
                next_change_at = begins
            place += 1

    def _add_spans_of(self, rung: Rung) -> None:
        subject, last = self._subject, self._until
        if rung.spell and subject.ended not in rung.spell:
            return
        begins, ends = ALWAYS
        for condition in rung.once:
            since, until = condition.span(subject, condition)
            if since > begins:
                begins = since
            if until < ends:
                ends = until
            if begins >= ends or begins >= last:
                return
        if rung.often:
            spans = stepped(rung.often, subject, max(begins, subject.at), min(ends, last))
            self._spans.extend((since, until, rung) for since, until in spans)
        else:
            self._spans.append((begins, ends, rung))
