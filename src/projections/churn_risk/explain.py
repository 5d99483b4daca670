"""The shares of the churn score, and what is behind each."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from regulars.projections.churn_risk.compiled import ORDERS_WINDOW
from regulars.projections.churn_risk.judge import (
    Component,
    Standing,
    components_at,
    floors_at,
    fresh_answers,
    score_of,
)
from regulars.projections.churn_risk.service import LASTS, spans_of
from regulars.projections.facts.shared import Facts, orders_since
from regulars.projections.verdict import Reason, days, plural

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules

# The weights of the other components were measured; whoever sees these should know that theirs were not.
_JUDGED = frozenset({"service", "feedback", "engagement"})


_FLOORS = {
    "account_closed": "the account is closed",
    "cancellation_requested": "they asked to cancel",
    "returned_half_of_orders_365d": "half or more of the orders of the last 365 days came back whole",
}


def explain(standing: Standing, facts: Facts, rules: Rules, at: int) -> tuple[Reason, ...]:
    """Each component's share of the score, largest first; a floor that lifts the score has a share of its own."""
    components = components_at(facts, rules, at, at + 1, [])
    mean = _mean(components)
    shares = _shares(components, mean)
    reasons = [
        Reason(
            clause=clause,
            sentence=_sentence(clause, points, facts, rules, at),
            positions=_behind(clause, facts, rules, at),
            contribution=share,
        )
        for (clause, _, points), share in zip(components, shares, strict=True)
    ]
    reasons.sort(key=lambda reason: -(reason.contribution or 0))
    for floor in sorted(floors_at(facts, rules, at), key=lambda floor: -floor.score):
        lift = max(0, floor.score - mean)
        mean = max(mean, floor.score)
        already = "" if lift else ", and it is already"
        sentence = f"{_FLOORS[floor.id]}: the score is at least {floor.score}{already}"
        reasons.append(Reason(clause=floor.id, sentence=sentence, positions=floor.positions, contribution=lift))
    return tuple(reasons) or (Reason(clause="no_evidence", sentence="nothing is known yet", contribution=0),)


_SERVICE = {
    "open_complaint": "a complaint is open",
    "sla_breach_90d": "answered or resolved too late in the last 90 days",
    "reopened_90d": "a ticket was reopened in the last 90 days",
    "unresolved_over_7d": "a ticket is unresolved for more than 7 days",
}


def _service_found(facts: Facts, rules: Rules, at: int) -> dict[str, list[int]]:
    """What counts at an instant, with the positions of the events behind it."""
    found: dict[str, list[int]] = {}
    for ticket in facts.tickets.values():
        for kind, since, position in spans_of(ticket, rules.tickets):
            if since <= at < since + LASTS[kind]:
                found.setdefault(kind, []).append(position)
    return found


def _mean(components: list[Component]) -> int:
    weights = sum(weight for _, weight, _ in components)
    return score_of(sum(weight * points for _, weight, points in components), weights, 0)


def _shares(components: list[Component], mean: int) -> list[int]:
    """Whole shares that add up to the rounded mean: rounded down, the rest to the largest remainders."""
    weights = sum(weight for _, weight, _ in components)
    if not weights:
        return [0] * len(components)
    parts = [divmod(weight * points, weights) for _, weight, points in components]
    shares = [whole for whole, _ in parts]
    by_remainder = sorted(range(len(parts)), key=lambda index: (-parts[index][1], index))
    for index in by_remainder[: mean - sum(shares)]:
        shares[index] += 1
    return shares


def _sentence(component_id: str, points: int, facts: Facts, rules: Rules, at: int) -> str:
    match component_id:
        case "recency":
            found = f"{days(at - facts.order_instants[-1])} since the last order"
        case "cadence":
            gap = rules.cadence.gap_text(at - facts.order_instants[-1], facts)
            found = f"{gap} times their usual gap of {rules.cadence.days_text(facts)} days"
        case "frequency":
            counted = rules.cadence.counted(facts)
            count = len(counted) - bisect_right(counted, at - ORDERS_WINDOW)
            noun = "order" if rules.cadence.zone is None else "buying day"
            found = f"{plural(count, noun)} in the last 365 days"
        case "service":
            found = ", ".join(_SERVICE[name] for name in _service_found(facts, rules, at)) or "nothing went wrong"
        case "feedback":
            fresh = fresh_answers(rules.risk.feedback, facts, at)
            latest = (f"{survey} {answer.score}" for survey, answer in sorted(fresh.items()))
            found = f"latest answers: {', '.join(latest)}"
        case _:
            found = f"{days(at - facts.engaged.at)} since they were last heard from" if facts.engaged else ""
    judged = "; its weight is judgement" if component_id in _JUDGED else ""
    return f"{found} ({points} of 100 points{judged})"


def _behind(component_id: str, facts: Facts, rules: Rules, at: int) -> tuple[int, ...]:
    match component_id:
        case "recency":
            return tuple(facts.order_positions[-1:])
        case "cadence":
            return tuple(dict.fromkeys((facts.order_positions[0], facts.order_positions[-1])))
        case "frequency":
            return tuple(facts.order_positions[orders_since(facts, at - ORDERS_WINDOW) :])
        case "service":
            found = _service_found(facts, rules, at)
            return tuple(sorted({position for positions in found.values() for position in positions}))
        case "feedback":
            fresh = fresh_answers(rules.risk.feedback, facts, at)
            return tuple(sorted(answer.position for answer in fresh.values()))
        case _:
            return (facts.engaged.position,) if facts.engaged else ()
