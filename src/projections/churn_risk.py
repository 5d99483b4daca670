"""How likely is it that this customer is slipping away?

A score from 0 to 100: the weighted mean of the components for which there is evidence, rounded half up; a fact such as
a closed account lifts it to a floor. The steps for recency, cadence and frequency were measured on four purchase
histories; the weights of service, feedback and engagement are judgement.
"""

from __future__ import annotations

from bisect import bisect_left
from operator import itemgetter
from typing import get_args

from msgspec import Struct

from crm_domain.customer import (
    AccountClosed,
    AccountReopened,
    CancellationRequested,
    CancellationWithdrawn,
    CustomerRegistered,
)
from crm_domain.instant import DAY, FOREVER
from crm_domain.interaction import InteractionRecorded, SurveyAnswered
from crm_domain.purchase import PurchaseRecorded, ReturnRecorded
from crm_domain.ticket import TicketEvent
from projections.compiled import ORDERS_WINDOW, Feedback, Rules, Steps
from projections.facts import Answer, Facts, orders_since
from projections.ticket_queue import breaches_at
from projections.verdict import Judgement, Projector, Reason, Verdict, days, plural

VERSION = 1

SERVICE_WINDOW = 90 * DAY
UNRESOLVED_AFTER = 7 * DAY

_instant_of = itemgetter(0)


class Standing(Struct, frozen=True, array_like=True):
    """Nothing is carried: the score follows from the facts alone."""


#: An instant, and the points from then on; None for no more evidence.
Turn = tuple[int, int | None]


class Component(Struct, frozen=True, gc=False):
    """One component's weight, and its points (0 to 100) from instant to instant, as time alone changes them."""

    id: str
    weight: int
    turns: list[Turn]

    @property
    def points(self) -> int:
        """The points at the instant that was asked for."""
        return self.turns[0][1] or 0


class Floor(Struct, frozen=True, kw_only=True):
    """A fact that lifts the score to at least `score`, until time alone ends it."""

    id: str
    score: int
    positions: tuple[int, ...]


def judge(standing: Standing, facts: Facts, rules: Rules, at: int, until: int) -> list[Judgement]:
    """The score and its band from an instant on."""
    components = _components(facts, rules, at, until)
    floors = _floor_turns(facts, rules, at, until)
    points = [component.turns[0][1] for component in components]
    weights = sum(component.weight for component in components)
    weighted = sum(component.weight * component.points for component in components)
    floor, bands = floors[0][1] or 0, rules.risk.band_of
    score = max(floor, (2 * weighted + weights) // (2 * weights) if weights else 0)
    judgements = [(at, standing, Verdict(bands[score], score))]
    turns = _later_turns(components, floors)
    last = len(turns) - 1
    for place, (instant, index, turned) in enumerate(turns):
        if index < 0:
            floor = turned or 0
        else:
            weight = components[index].weight
            weighted += weight * ((turned or 0) - (points[index] or 0))
            if turned is None:
                weights -= weight
            points[index] = turned
        if place == last or turns[place + 1][0] != instant:
            now = max(floor, (2 * weighted + weights) // (2 * weights) if weights else 0)
            if now != score:
                score = now
                judgements.append((instant, standing, Verdict(bands[score], score)))
    return judgements


def _later_turns(components: list[Component], floors: list[Turn]) -> list[tuple[int, int, int | None]]:
    """Every later turn in order: its instant, the component's index (-1 for the floor), and what it turns to."""
    turns = [(instant, -1, score) for instant, score in floors[1:]]
    for index, component in enumerate(components):
        for instant, points in component.turns[1:]:
            turns.append((instant, index, points))
    turns.sort(key=_instant_of)
    return turns


def _mean(components: list[Component]) -> int:
    weights = sum(component.weight for component in components)
    weighted = sum(component.weight * component.points for component in components)
    return (2 * weighted + weights) // (2 * weights) if weights else 0


def _components(facts: Facts, rules: Rules, at: int, until: int) -> list[Component]:
    found: list[Component] = []
    if facts.order_instants:
        last = facts.order_instants[-1]
        found.append(_elapsed("recency", rules.risk.recency, last, at, until))
        found.append(_cadence(rules, facts, last, at, until))
        found.append(_frequency(rules.risk.frequency, facts, at, until))
    if facts.tickets:
        found.append(_service(facts, rules, at, until))
    if facts.answers:
        feedback = _feedback(rules.risk.feedback, facts, at, until)
        if feedback:
            found.append(feedback)
    if facts.engaged:
        found.append(_elapsed("engagement", rules.risk.engagement, facts.engaged.at, at, until))
    return found


def _elapsed(name: str, steps: Steps, origin: int, at: int, until: int) -> Component:
    starts, reached = steps.starts, steps.reached(at - origin)
    turns: list[Turn] = [(at, steps.points_of(reached))]
    for place in range(reached, len(starts)):
        instant = origin + starts[place]
        if instant >= until:
            break
        turns.append((instant, steps.points[place]))
    return Component(name, steps.weight, turns)


def _cadence(rules: Rules, facts: Facts, last: int, at: int, until: int) -> Component:
    steps = rules.risk.cadence
    n, d = rules.cadence.expected(facts)
    reached = steps.reached((at - last) * d * steps.scale // n)
    turns: list[Turn] = [(at, steps.points_of(reached))]
    for place in range(reached, len(steps.starts)):
        # The first microsecond at which elapsed / (n / d) is at least start / scale.
        instant = last - (-steps.starts[place] * n // (d * steps.scale))
        if instant >= until:
            break
        turns.append((instant, steps.points[place]))
    return Component("cadence", steps.weight, turns)


def _frequency(steps: Steps, facts: Facts, at: int, until: int) -> Component:
    instants = facts.order_instants
    reached = steps.reached(len(instants) - orders_since(facts, at - ORDERS_WINDOW))
    turns: list[Turn] = [(at, steps.points_of(reached))]
    # The points change when so many orders have left the window that a start is no longer reached.
    while reached and steps.starts[reached - 1]:
        instant = instants[-steps.starts[reached - 1]] + ORDERS_WINDOW
        if instant >= until:
            break
        reached -= 1
        turns.append((instant, steps.points_of(reached)))
    return Component("frequency", steps.weight, turns)


def _service(facts: Facts, rules: Rules, at: int, until: int) -> Component:
    rule, spans = rules.risk.service, service_spans(facts, rules)
    bounds = {instant for some in spans.values() for since, end, _ in some for instant in (since, end)}
    turns: list[Turn] = []
    for instant in (at, *sorted(bound for bound in bounds if at < bound < until)):
        wrong = (name for name, some in spans.items() if any(since <= instant < end for since, end, _ in some))
        turns.append((instant, min(100, sum(getattr(rule, name) for name in wrong))))
    return Component("service", rule.weight, turns)


def service_spans(facts: Facts, rules: Rules) -> dict[str, list[tuple[int, int, int]]]:
    """For each thing that can go wrong, the spans [since, end) in which it counts, with the event behind each."""
    spans: dict[str, list[tuple[int, int, int]]] = {
        name: [] for name in ("open_complaint", "sla_breach_90d", "reopened_90d", "unresolved_over_7d")
    }
    for ticket in facts.tickets.values():
        if ticket.opened is None:
            continue
        opened = ticket.opened
        if ticket.settled is None:
            spans["unresolved_over_7d"].append((opened.at + UNRESOLVED_AFTER, FOREVER, opened.position))
            if ticket.complaint:
                spans["open_complaint"].append((opened.at, FOREVER, opened.position))
        for name in ("first_response", "resolution"):
            breach = breaches_at(ticket, rules.tickets, name)
            if breach is not None:
                spans["sla_breach_90d"].append((breach, breach + SERVICE_WINDOW, opened.position))
        for moment in ticket.reopened[-1:]:
            spans["reopened_90d"].append((moment.at, moment.at + SERVICE_WINDOW, moment.position))
    return spans


def _feedback(rule: Feedback, facts: Facts, at: int, until: int) -> Component | None:
    fresh = _fresh_answers(rule, facts, at)
    if not fresh:
        return None
    turns: list[Turn] = [(at, _feedback_points(rule, fresh))]
    for instant in sorted({answer.at + rule.window for answer in fresh.values()}):
        if instant < until:
            left = _fresh_answers(rule, facts, instant)
            turns.append((instant, _feedback_points(rule, left) if left else None))
    return Component("feedback", rule.weight, turns)


def _feedback_points(rule: Feedback, answers: dict[str, Answer]) -> int:
    points = sum(_answer_points(rule, survey, answer.score) for survey, answer in answers.items())
    return min(100, max(0, points))


def _fresh_answers(rule: Feedback, facts: Facts, at: int) -> dict[str, Answer]:
    # No rule gives points for a CES answer, so it is no evidence either.
    counted = ((survey, facts.answers.get(survey)) for survey in ("csat", "nps"))
    return {survey: answer for survey, answer in counted if answer is not None and at < answer.at + rule.window}


def _answer_points(rule: Feedback, survey: str, score: int) -> int:
    match survey:
        case "csat":
            return rule.csat_low if score <= rule.csat_low_to else 0
        case "nps" if score <= rule.nps_detractor_to:
            return rule.nps_detractor
        case "nps" if score >= rule.nps_promoter_from:
            return rule.nps_promoter
        case "nps":
            return rule.nps_passive
        case _:
            return 0


def _floor_turns(facts: Facts, rules: Rules, at: int, until: int) -> list[Turn]:
    """The least that the score is, from instant to instant."""
    turns: list[Turn] = []
    while at < until:
        floors, due = _floors(facts, rules, at)
        turns.append((at, max((floor.score for floor in floors), default=0)))
        at = due
    return turns


def _floors(facts: Facts, rules: Rules, at: int) -> tuple[list[Floor], int]:
    """The floors that hold at an instant, and when time alone changes one of them."""
    floors: list[Floor] = []
    if facts.closed:
        score = rules.risk.account_closed
        floors.append(Floor(id="account_closed", score=score, positions=(facts.closed.position,)))
    if facts.cancelling:
        score = rules.risk.cancellation_requested
        floors.append(Floor(id="cancellation_requested", score=score, positions=(facts.cancelling.position,)))
    if not facts.returned_orders:
        return floors, FOREVER
    first = orders_since(facts, at - ORDERS_WINDOW)
    returned = facts.returned_orders[bisect_left(facts.returned_orders, first) :]
    if _half(len(returned), first, facts):
        positions = tuple(facts.order_positions[index] for index in returned)
        score = rules.risk.returned_half
        floors.append(Floor(id="returned_half_of_orders_365d", score=score, positions=positions))
    leaving = _next_departure(returned, first, facts)
    return floors, FOREVER if leaving is None else facts.order_instants[leaving] + ORDERS_WINDOW


def _half(returned: int, first: int, facts: Facts) -> bool:
    """Whether so many returned orders are at least one, and at least half of those from index `first` on."""
    return returned > 0 and 2 * returned >= len(facts.order_instants) - first


def _next_departure(returned: list[int], first: int, facts: Facts) -> int | None:
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


# The weights of the other components were measured; whoever sees these should know that theirs were not.
_JUDGED = frozenset({"service", "feedback", "engagement"})

_FLOORS = {
    "account_closed": "the account is closed",
    "cancellation_requested": "they asked to cancel",
    "returned_half_of_orders_365d": "half or more of the orders of the last 365 days came back whole",
}


def explain(standing: Standing, facts: Facts, rules: Rules, at: int) -> tuple[Reason, ...]:
    """Each component's share of the score, largest first; a floor that lifts the score has a share of its own."""
    components = _components(facts, rules, at, at + 1)
    shares = _shares(components)
    reasons = [
        Reason(
            clause=component.id,
            sentence=_sentence(component, facts, rules, at),
            positions=_behind(component.id, facts, rules, at),
            contribution=share,
        )
        for component, share in zip(components, shares, strict=True)
    ]
    reasons.sort(key=lambda reason: -(reason.contribution or 0))
    mean = _mean(components)
    floors, _ = _floors(facts, rules, at)
    for floor in sorted(floors, key=lambda floor: -floor.score):
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
    found = {
        name: [position for since, end, position in spans if since <= at < end]
        for name, spans in service_spans(facts, rules).items()
    }
    return {name: positions for name, positions in found.items() if positions}


def _shares(components: list[Component]) -> list[int]:
    """Whole shares that add up to the rounded mean: rounded down, the rest to the largest remainders."""
    weights = sum(component.weight for component in components)
    if not weights:
        return [0] * len(components)
    parts = [divmod(component.weight * component.points, weights) for component in components]
    shares = [whole for whole, _ in parts]
    by_remainder = sorted(range(len(parts)), key=lambda index: (-parts[index][1], index))
    for index in by_remainder[: _mean(components) - sum(shares)]:
        shares[index] += 1
    return shares


def _sentence(component: Component, facts: Facts, rules: Rules, at: int) -> str:
    match component.id:
        case "recency":
            found = f"{days(at - facts.order_instants[-1])} since the last order"
        case "cadence":
            gap = rules.cadence.gap_text(at - facts.order_instants[-1], facts)
            found = f"{gap} times their usual gap of {rules.cadence.days_text(facts)} days"
        case "frequency":
            count = len(facts.order_instants) - orders_since(facts, at - ORDERS_WINDOW)
            found = f"{plural(count, 'order')} in the last 365 days"
        case "service":
            found = ", ".join(_SERVICE[name] for name in _service_found(facts, rules, at)) or "nothing went wrong"
        case "feedback":
            fresh = _fresh_answers(rules.risk.feedback, facts, at)
            latest = (f"{survey} {answer.score}" for survey, answer in sorted(fresh.items()))
            found = f"latest answers: {', '.join(latest)}"
        case _:
            found = f"{days(at - facts.engaged.at)} since they were last heard from" if facts.engaged else ""
    judged = "; its weight is judgement" if component.id in _JUDGED else ""
    return f"{found} ({component.points} of 100 points{judged})"


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
            fresh = _fresh_answers(rules.risk.feedback, facts, at)
            return tuple(sorted(answer.position for answer in fresh.values()))
        case _:
            return (facts.engaged.position,) if facts.engaged else ()


CHURN_RISK = Projector(
    name="churn_risk",
    question="How likely is it that this customer is slipping away?",
    version=VERSION,
    handles=frozenset(
        {
            CustomerRegistered,
            AccountClosed,
            AccountReopened,
            CancellationRequested,
            CancellationWithdrawn,
            PurchaseRecorded,
            ReturnRecorded,
            InteractionRecorded,
            SurveyAnswered,
            *get_args(TicketEvent),
        }
    ),
    standing=Standing,
    judges_by=lambda rules: (rules.risk, rules.cadence, rules.tickets),
    judge=judge,
    explain=explain,
)
