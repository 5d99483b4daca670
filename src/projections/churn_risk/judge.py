"""How likely is it that this customer is slipping away?

A score from 0 to 100: the weighted mean of the components for which there is evidence, rounded half up; a fact such as
a closed account lifts it to a floor. The steps for recency, cadence and frequency were measured on four purchase
histories; the weights of service, feedback and engagement are judgement.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from msgspec import Struct

from regulars.crm_domain.instant import FOREVER
from regulars.projections.churn_risk.compiled import ORDERS_WINDOW, Feedback, Steps, Turn
from regulars.projections.churn_risk.service import service_points
from regulars.projections.engine.projector import Judgement
from regulars.projections.facts.cadence import after_gaps
from regulars.projections.facts.shared import Answer, Facts, orders_since

if TYPE_CHECKING:
    from regulars.projections.rules.compiled import Rules


class Standing(Struct, frozen=True, array_like=True):
    """Nothing is carried: the score follows from the facts alone."""


#: A component's id, its weight, and its points (0 to 100) at the instant that was asked for.
Component = tuple[str, int, int]


class Floor(Struct, frozen=True, kw_only=True):
    """A fact that lifts the score to at least `score`, until time alone ends it."""

    id: str
    score: int
    positions: tuple[int, ...]


def judge(standing: Standing, facts: Facts, rules: Rules, at: int, until: int) -> list[Judgement]:
    """The score and its band from an instant on."""
    turns: list[Turn] = []
    weighted = weights = 0
    for _, weight, points in components_at(facts, rules, at, until, turns):
        weights += weight
        weighted += weight * points
    floor = _floor(facts, rules, at, until, turns)
    verdicts, score = rules.risk.verdicts, score_of(weighted, weights, floor)
    judgements = [(at, standing, verdicts[score])]
    if not turns:  # as mostly between two events
        return judgements
    turns.sort()
    turns.append(_LAST)
    due = turns[0][0]
    for instant, more_weighted, more_weights, more_floor in turns:
        if instant != due:
            now = score_of(weighted, weights, floor)
            if now != score:
                score = now
                judgements.append((due, standing, verdicts[score]))
            due = instant
        weighted += more_weighted
        weights += more_weights
        floor += more_floor
    return judgements


#: It ends the turns, so that what is due before is judged.
_LAST: Turn = (FOREVER, 0, 0, 0)


def score_of(weighted: int, weights: int, floor: int) -> int:
    """The weighted mean, rounded half up, or the floor where that is higher."""
    mean = (2 * weighted + weights) // (2 * weights) if weights else 0
    return mean if mean > floor else floor


def components_at(facts: Facts, rules: Rules, at: int, until: int, turns: list[Turn]) -> list[Component]:
    """The components for which there is evidence at an instant; what changes before `until` is added to `turns`."""
    risk = rules.risk
    found: list[Component] = []
    instants = facts.order_instants
    if instants:
        last, counted = instants[-1], rules.cadence.counted(facts)
        gap = rules.cadence.expected_of(last - instants[0], len(counted) - 1)
        found.append(("recency", risk.recency.weight, _elapsed(risk.recency, last, at, until, turns)))
        found.append(("cadence", risk.cadence.weight, _gaps(risk.cadence, gap, last, at, until, turns)))
        found.append(("frequency", risk.frequency.weight, _frequency(risk.frequency, counted, at, until, turns)))
    if facts.tickets:
        points = service_points(risk.service, facts, rules.tickets, at, until, turns)
        found.append(("service", risk.service.weight, points))
    if facts.answers:
        fresh = fresh_answers(risk.feedback, facts, at)
        if fresh:
            points = _feedback(risk.feedback, facts, fresh, until, turns)
            found.append(("feedback", risk.feedback.weight, points))
    if facts.engaged:
        points = _elapsed(risk.engagement, facts.engaged.at, at, until, turns)
        found.append(("engagement", risk.engagement.weight, points))
    return found


def _elapsed(steps: Steps, origin: int, at: int, until: int, turns: list[Turn]) -> int:
    starts = steps.starts
    reached, end = bisect_right(starts, at - origin), bisect_left(starts, until - origin)
    if reached < end:
        turns += [(origin + start, rise, 0, 0) for start, rise in steps.rises[reached:end]]
    return steps.points[reached]


def _gaps(steps: Steps, gap: tuple[int, int], origin: int, at: int, until: int, turns: list[Turn]) -> int:
    """As `_elapsed`, where what elapsed is counted in expected gaps, rounded down in the scale of the starts."""
    (n, d), scale = gap, steps.scale
    reached = bisect_right(steps.starts, (at - origin) * d * scale // n)
    end = bisect_right(steps.starts, (until - 1 - origin) * d * scale // n)
    if reached < end:
        turns += [(origin + after_gaps(start, scale, gap), rise, 0, 0) for start, rise in steps.rises[reached:end]]
    return steps.points[reached]


def _frequency(steps: Steps, counted: list[int], at: int, until: int, turns: list[Turn]) -> int:
    starts = steps.starts
    reached = bisect_right(starts, len(counted) - bisect_right(counted, at - ORDERS_WINDOW))
    # The points change when so many have left the window that a start is no longer reached.
    for place in range(reached - 1, -1, -1):
        if not starts[place]:
            break
        instant = counted[-starts[place]] + ORDERS_WINDOW
        if instant >= until:
            break
        turns.append((instant, -steps.rises[place][1], 0, 0))
    return steps.points[reached]


def _feedback(rule: Feedback, facts: Facts, fresh: dict[str, Answer], until: int, turns: list[Turn]) -> int:
    first = before = _feedback_points(rule, fresh)
    ends = {end for answer in fresh.values() if (end := answer.at + rule.window) < until}
    for instant in sorted(ends):
        left = fresh_answers(rule, facts, instant)
        points = _feedback_points(rule, left)
        turns.append((instant, rule.weight * (points - before), 0 if left else -rule.weight, 0))
        before = points
    return first


def _feedback_points(rule: Feedback, answers: dict[str, Answer]) -> int:
    points = 0
    for survey, answer in answers.items():
        scale = rule.scales[survey]
        points += scale.points[bisect_right(scale.starts, answer.score)]
    return min(100, max(0, points))


def fresh_answers(rule: Feedback, facts: Facts, at: int) -> dict[str, Answer]:
    """By survey, the latest answer that counts at an instant."""
    fresh: dict[str, Answer] = {}
    for survey in rule.scales:
        answer = facts.answers.get(survey)
        if answer is not None and at < answer.at + rule.window:
            fresh[survey] = answer
    return fresh


def _floor(facts: Facts, rules: Rules, at: int, until: int, turns: list[Turn]) -> int:
    """The least that the score is at an instant; what changes it before `until` is added to `turns`."""
    risk = rules.risk
    lasting = max(risk.account_closed if facts.closed else 0, risk.cancellation_requested if facts.cancelling else 0)
    lift = risk.returned_half - lasting
    if lift <= 0 or not facts.returned_orders:
        return lasting
    is_half, due = _half_returned(facts, at, until)
    first = lasting + lift if is_half else lasting
    while due < until:
        was_half, (is_half, following) = is_half, _half_returned(facts, due, until)
        turns.append((due, 0, 0, lift * (is_half - was_half)))
        due = following
    return first


def _half_returned(facts: Facts, at: int, until: int) -> tuple[bool, int]:
    """Whether half of the orders of the window that ends at an instant came back, and when time alone changes that
    before another; FOREVER where it doesn't.
    """
    first = orders_since(facts, at - ORDERS_WINDOW)
    returned = _returned_since(facts, first)
    is_half = _half(len(returned), first, facts)
    if not returned or facts.order_instants[first] + ORDERS_WINDOW >= until:  # nothing leaves the window before
        return is_half, FOREVER
    leaving = next_departure(returned, first, facts)
    return is_half, FOREVER if leaving is None else facts.order_instants[leaving] + ORDERS_WINDOW


def floors_at(facts: Facts, rules: Rules, at: int) -> list[Floor]:
    """The floors that hold at an instant."""
    floors: list[Floor] = []
    if facts.closed:
        score = rules.risk.account_closed
        floors.append(Floor(id="account_closed", score=score, positions=(facts.closed.position,)))
    if facts.cancelling:
        score = rules.risk.cancellation_requested
        floors.append(Floor(id="cancellation_requested", score=score, positions=(facts.cancelling.position,)))
    first = orders_since(facts, at - ORDERS_WINDOW)
    returned = _returned_since(facts, first)
    if _half(len(returned), first, facts):
        positions = tuple(facts.order_positions[index] for index in returned)
        score = rules.risk.returned_half
        floors.append(Floor(id="returned_half_of_orders_365d", score=score, positions=positions))
    return floors


def _returned_since(facts: Facts, first: int) -> list[int]:
    """The indexes of the orders from an index on of which everything came back."""
    returned = facts.returned_orders
    return returned[bisect_left(returned, first) :]


def _half(returned: int, first: int, facts: Facts) -> bool:
    """Whether so many returned orders are at least one, and at least half of those from index `first` on."""
    return returned > 0 and 2 * returned >= len(facts.order_instants) - first


def next_departure(returned: list[int], first: int, facts: Facts) -> int | None:
    """The index of the next order whose departure from the window changes whether half came back; None for none.

    Up to the next returned order each departure raises the share; that one's own departure lowers it.
    """
    held = _half(len(returned), first, facts)
    for passed, index in enumerate(returned):
        left = len(returned) - passed
        becomes_half = max(first + 1, len(facts.order_instants) - 2 * left)
        if not held and becomes_half <= index:
            return becomes_half - 1
        first = index + 1
        if _half(left - 1, first, facts) != held:
            return index
    return None
