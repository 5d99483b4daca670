"""Where does this customer stand on the way from lead to regular, and back?

The stages form a ladder: the first one whose conditions all hold is the verdict, and the last has no condition. A
spell is a time in one of the stages that a rung names; the order that ends it is remembered in the standing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from regulars.crm_domain.customer import AccountClosed, AccountReopened, CustomerRegistered, LeadQualified
from regulars.crm_domain.instant import FOREVER
from regulars.crm_domain.interaction import InteractionRecorded, SurveyAnswered
from regulars.crm_domain.purchase import PurchaseRecorded
from regulars.crm_domain.ticket import TicketOpened, TicketRated
from regulars.projections.churn_risk import CHURN_RISK
from regulars.projections.engine.projector import Judgement, Projector
from regulars.projections.facts.fact import ALWAYS, NOTHING_TOLD, Condition, Fact, Span, Subject
from regulars.projections.facts.shared import Facts
from regulars.projections.facts.table import GAP, ORDERS
from regulars.projections.lifecycle_stage.ladder import Rung
from regulars.projections.loyalty_tier import LOYALTY_TIER
from regulars.projections.rules.compiled import Rules
from regulars.projections.verdict import Reason, Told

VERSION = 1


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
        after = _Ladder(Subject(facts, rules, standing.stage, at, at, told), until)
        if after.reached(at)[0].verdict.value not in rules.spell_stages:  # on a closed account, an order ends nothing
            ended, ended_at, ladder = standing.stage, at, after
    ladder = ladder or _Ladder(Subject(facts, rules, ended, ended_at, at, told), until)
    while at < until:
        rung, next_change_at = ladder.reached(at)
        yield at, Standing(rung.verdict.value, ended, ended_at), rung.verdict
        at = next_change_at


class _Ladder:
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
            spans = _stepped(rung.often, subject, max(begins, subject.at), min(ends, last))
            self._spans.extend((since, until, rung) for since, until in spans)
        else:
            self._spans.append((begins, ends, rung))


def _stepped(conditions: Sequence[Condition], subject: Subject, at: int, until: int) -> Iterator[Span]:
    """The spans in [at, until) in which all of some conditions hold, by asking wherever one of them may flip."""
    flips = {flip for condition in conditions for flip in condition.flips(subject, at, until)}
    since: int | None = None
    for instant in sorted({at, *flips}) if at < until else ():
        holds = all(condition.holds(subject, instant) for condition in conditions)
        if holds and since is None:
            since = instant
        elif not holds and since is not None:
            yield since, instant
            since = None
    if since is not None:
        yield since, until


def explain(standing: Standing, facts: Facts, rules: Rules, at: int, told: Told = NOTHING_TOLD) -> tuple[Reason, ...]:
    """The conditions of the rung that was reached, each with what it found."""
    subject = Subject(facts, rules, standing.ended, standing.ended_at, at, told)
    rung, _ = _Ladder(subject, at + 1).reached(at)
    if not rung.conditions:
        found = ", ".join(_words(fact, subject) for fact in (ORDERS, GAP) if fact.found(subject, None, at) is not None)
        last_order = GAP.positions(subject, None, at)
        return (Reason(clause=rung.id, sentence=f"no other stage applies: {found}", positions=last_order),)
    return tuple(
        Reason(
            clause=rung.id,
            sentence=_words(condition.fact, subject, condition.window) + condition.text,
            positions=condition.fact.positions(subject, condition.window, at),
        )
        for condition in rung.conditions
    )


def _words(fact: Fact, subject: Subject, window: int | None = None) -> str:
    return fact.words(subject, fact.found(subject, window, subject.at))


LIFECYCLE_STAGE = Projector(
    name="lifecycle_stage",
    question="Where does this customer stand on the way from lead to regular, and back?",
    version=VERSION,
    handles=frozenset(
        {
            CustomerRegistered,
            LeadQualified,
            AccountClosed,
            AccountReopened,
            PurchaseRecorded,
            InteractionRecorded,
            SurveyAnswered,
            TicketOpened,
            TicketRated,
        }
    ),
    standing=Standing,
    judges_by=("lifecycle", "cadence"),
    heeds=lambda rules: rules.ladder.events,
    judge=judge,
    explain=explain,
    lists_by=("value", "due"),
    may_read=(CHURN_RISK, LOYALTY_TIER),
    reads=lambda rules: rules.ladder.reads,
)
