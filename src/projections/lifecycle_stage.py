"""Where does this customer stand on the way from lead to regular, and back?

The stages form a ladder: the first one whose conditions all hold is the verdict, and the last has no condition. A
spell is a time in one of the stages that a rung names; the order that ends it is remembered in the standing.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from crm_domain.customer import AccountClosed, AccountReopened, CustomerRegistered, LeadQualified
from crm_domain.instant import FOREVER
from crm_domain.interaction import InteractionRecorded, SurveyAnswered
from crm_domain.purchase import PurchaseRecorded
from crm_domain.ticket import TicketOpened, TicketRated
from projections.compiled import Condition, Rules, Rung, after_gaps
from projections.facts import Facts, orders_since
from projections.projector import Judgement, Projector
from projections.verdict import Reason, days, plural

VERSION = 1


class Standing(Struct, frozen=True, array_like=True, gc=False):
    """The stage so far, and the last stage that an order ended, with that order's instant."""

    stage: str | None = None
    ended: str | None = None
    ended_at: int = 0


def judge(standing: Standing, facts: Facts, rules: Rules, at: int, until: int) -> Iterator[Judgement]:
    """The stage from an instant on. An order at that very instant ends the spell that was running just before it."""
    ended, ended_at, ladder = standing.ended, standing.ended_at, None
    if standing.stage in rules.spell_stages and facts.order_instants and facts.order_instants[-1] == at:
        after = _Ladder(rules, facts, standing.stage, at, until)
        if after.reached(at)[0].verdict.value not in rules.spell_stages:  # on a closed account, an order ends nothing
            ended, ended_at, ladder = standing.stage, at, after
    ladder = ladder or _Ladder(rules, facts, ended, ended_at, until)
    while at < until:
        rung, next_change_at = ladder.reached(at)
        yield at, Standing(rung.verdict.value, ended, ended_at), rung.verdict
        at = next_change_at


class _Ladder:
    """For each rung the one span in which all its conditions hold if nothing more happens, worked out when needed; a
    span that begins at `until` or later is as good as none.

    Time alone moves every fact one way: what has elapsed grows, what a window holds shrinks. So each condition has a
    pivot, the one instant at which it flips.

    Mutable, and never seen outside one call of `judge` or `explain`.
    """

    __slots__ = ("_ended", "_gap", "_instants", "_origins", "_rungs", "_spans", "_until")

    def __init__(self, rules: Rules, facts: Facts, ended: str | None, ended_at: int, until: int) -> None:
        instants = self._instants = facts.order_instants
        self._rungs = rules.ladder.reachable(facts)
        self._gap = rules.cadence.expected(facts) if instants else (0, 1)
        self._ended = ended
        self._until = until
        #: From when each fact elapses, None where it is undefined, which makes a condition false for ever.
        self._origins: dict[str, int | None] = {
            "days_since_order": instants[-1] if instants else None,
            "tenure_days": instants[0] if instants else None,
            "days_since_engagement": facts.engaged.at if facts.engaged else None,
            "days_since_spell_ended": ended_at,
        }
        self._spans: list[tuple[int, int]] = []

    def reached(self, at: int) -> tuple[Rung, int]:
        """The first rung whose span holds an instant, and when another may be reached; FOREVER for never."""
        next_change_at, spans = FOREVER, self._spans
        for place, rung in enumerate(self._rungs):
            if place == len(spans):
                spans.append(self._span(rung))
            begins, ends = spans[place]
            if begins <= at < ends:
                return rung, ends if ends < next_change_at else next_change_at
            if at < begins < ends and begins < next_change_at:
                next_change_at = begins
        raise AssertionError("the last rung of a ladder has no condition")

    def _span(self, rung: Rung) -> tuple[int, int]:
        if rung.spell and self._ended not in rung.spell:
            return _NEVER
        begins, ends = -FOREVER, FOREVER
        for condition in rung.conditions:
            fact = condition.fact
            if fact == "gap":
                pivot = self._instants[-1] + after_gaps(condition.numerator, condition.denominator, self._gap)
            elif fact == "orders":
                assert condition.window is not None
                pivot = self._instants[-condition.count] + condition.window
            else:
                origin = self._origins[fact]
                if origin is None:
                    return _NEVER
                pivot = origin + condition.offset
            if condition.holds_from_pivot:
                if pivot > begins:
                    begins = pivot
            elif pivot < ends:
                ends = pivot
            if begins >= ends or begins >= self._until:
                return _NEVER
        return begins, ends


_NEVER = (FOREVER, -FOREVER)


def explain(standing: Standing, facts: Facts, rules: Rules, at: int) -> tuple[Reason, ...]:
    """The conditions of the rung that was reached, each with what it found."""
    reached, _ = _Ladder(rules, facts, standing.ended, standing.ended_at, at + 1).reached(at)
    rung = next(rung for rung in rules.ladder.rungs if rung.id == reached.id)
    if not rung.conditions:
        found = f"no other stage applies: {plural(len(facts.order_instants), 'order')}"
        if facts.order_instants:
            found += f", {_gap(facts, rules, at)}"
        return (Reason(clause=rung.id, sentence=found, positions=_last_order(facts)),)
    return tuple(
        Reason(
            clause=rung.id,
            sentence=_found(condition, standing, facts, rules, at) + condition.text,
            positions=_behind(condition, standing, facts, at),
        )
        for condition in rung.conditions
    )


def _found(condition: Condition, standing: Standing, facts: Facts, rules: Rules, at: int) -> str:
    match condition.fact:
        case "account_closed":
            return "the account is closed" if facts.closed else "the account is open"
        case "qualified":
            return "qualified as a lead" if facts.qualified else "not qualified as a lead"
        case "orders":
            return plural(len(_counted(condition, facts, at)), "order")
        case "gap":
            return _gap(facts, rules, at)
        case "tenure_days":
            return f"{days(at - facts.order_instants[0])} since the first order"
        case "days_since_order":
            return f"{days(at - facts.order_instants[-1])} since the last order"
        case "days_since_spell_ended":
            return f"{days(at - standing.ended_at)} since an order brought them back from {standing.ended}"
        case _:
            return (
                f"{days(at - facts.engaged.at)} since they were last heard from"
                if facts.engaged
                else "never heard from"
            )


def _gap(facts: Facts, rules: Rules, at: int) -> str:
    gap = rules.cadence.gap_text(at - facts.order_instants[-1], facts)
    return f"{gap} times their usual gap of {rules.cadence.days_text(facts)} days"


def _behind(condition: Condition, standing: Standing, facts: Facts, at: int) -> tuple[int, ...]:
    match condition.fact:
        case "account_closed":
            return (facts.closed.position,) if facts.closed else ()
        case "qualified":
            return (facts.qualified.position,) if facts.qualified else ()
        case "days_since_engagement":
            return (facts.engaged.position,) if facts.engaged else ()
        case "orders":
            return tuple(facts.order_positions[index] for index in _counted(condition, facts, at))
        case "tenure_days":
            return tuple(facts.order_positions[:1])
        case "days_since_spell_ended":
            ending = range(orders_since(facts, standing.ended_at - 1), orders_since(facts, standing.ended_at))
            return tuple(facts.order_positions[index] for index in ending)
        case _:
            return _last_order(facts)


def _counted(condition: Condition, facts: Facts, at: int) -> range:
    first = 0 if condition.window is None else orders_since(facts, at - condition.window)
    return range(first, len(facts.order_instants))


def _last_order(facts: Facts) -> tuple[int, ...]:
    return tuple(facts.order_positions[-1:])


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
    judges_by=lambda rules: (rules.ladder, rules.spell_stages, rules.cadence),
    judge=judge,
    explain=explain,
    lists_by=("value", "due"),
)
