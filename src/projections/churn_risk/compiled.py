"""The risk made ready for judging: thresholds as whole numbers, and the verdict for each score."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil, lcm

from msgspec import Struct

from regulars.crm_domain.instant import DAY
from regulars.projections.churn_risk import rules
from regulars.projections.satisfaction.rules import Satisfaction
from regulars.projections.verdict import Verdict

#: The window of the rules whose names or comments say 365 days.
ORDERS_WINDOW = 365 * DAY
#: An instant, and what time alone adds there to the weighted points, to the weights, and to the floor.
Turn = tuple[int, int, int, int]


class Steps(Struct, frozen=True, kw_only=True):
    """A weighted step table over whole numbers; `starts` rise, and each lasts until the next.

    A start is microseconds for what elapses, a count for what is counted, and for a ratio the threshold times `scale`.
    `points[i]` are those where `i` starts are reached; `rises[i]` is `starts[i]` with what reaching it adds, weighted.
    """

    weight: int
    starts: tuple[int, ...]
    points: tuple[int, ...]
    rises: tuple[tuple[int, int], ...]
    scale: int = 1


class Scale(Struct, frozen=True):
    """Points by an answer: `points[i]` are those where `i` of the starts, which rise, are reached."""

    starts: tuple[int, ...]
    points: tuple[int, ...]


class Feedback(Struct, frozen=True, kw_only=True):
    """Points by the latest answer within a window to each survey that counts."""

    weight: int
    window: int
    scales: dict[str, Scale]


class Service(Struct, frozen=True, kw_only=True):
    """Points by what can go wrong in service, each counted once."""

    weight: int
    points: dict[str, int]


class Risk(Struct, frozen=True, kw_only=True):
    """The churn score's components, the verdict for each score from 0 to 100, and floors."""

    recency: Steps
    cadence: Steps
    frequency: Steps
    engagement: Steps
    service: Service
    feedback: Feedback
    verdicts: tuple[Verdict, ...]
    account_closed: int
    cancellation_requested: int
    returned_half: int


def compile_risk(rule: rules.ChurnRisk, satisfaction: Satisfaction, prior_gap_days: Decimal) -> Risk:
    """Make the risk ready. `prior_gap_days` is the gap that is expected of somebody of whom nothing is known."""
    weights = _whole_weights(rule)
    prior = Fraction(prior_gap_days) * DAY
    gaps = lcm(*(Fraction(start).denominator for start, _ in rule.cadence.steps))
    return Risk(
        recency=_steps(rule.recency, weights["recency"], prior),
        cadence=_steps(rule.cadence, weights["cadence"], Fraction(gaps), scale=gaps),
        frequency=_steps(rule.frequency, weights["frequency"], Fraction(1)),
        engagement=_steps(rule.engagement, weights["engagement"], Fraction(DAY)),
        service=Service(weight=weights["service"], points=rule.service.points.model_dump()),
        feedback=_feedback(rule.feedback, weights["feedback"], satisfaction),
        verdicts=tuple(
            Verdict(max((start, name) for name, start in rule.bands.items() if start <= score)[1], score)
            for score in range(101)
        ),
        account_closed=rule.overrides.account_closed,
        cancellation_requested=rule.overrides.cancellation_requested,
        returned_half=rule.overrides.returned_half_of_orders_365d,
    )


def _feedback(rule: rules.Feedback, weight: int, satisfaction: Satisfaction) -> Feedback:
    points = rule.points
    return Feedback(
        weight=weight,
        window=rule.window_days * DAY,
        scales={  # no rule gives points for a CES answer, so it is no evidence either
            "csat": Scale((satisfaction.csat_low_to + 1,), (points.csat_low, 0)),
            "nps": Scale(
                (satisfaction.nps_detractor_to + 1, satisfaction.nps_promoter_from),
                (points.nps_detractor, points.nps_passive, points.nps_promoter),
            ),
        },
    )


def _whole_weights(rule: rules.ChurnRisk) -> dict[str, int]:
    """Weights in whole numbers of the same proportions."""
    names = ("recency", "cadence", "frequency", "service", "feedback", "engagement")
    weights: dict[str, Decimal] = {name: getattr(rule, name).weight for name in names}
    scale = lcm(*(Fraction(weight).denominator for weight in weights.values()))
    return {name: int(weight * scale) for name, weight in weights.items()}


def _steps(rule: rules.SteppedComponent, weight: int, unit: Fraction, scale: int = 1) -> Steps:
    starts = tuple(ceil(Fraction(start) * unit) for start, _ in rule.steps)
    points = (0, *(points for _, points in rule.steps))
    rises = (weight * (after - before) for before, after in pairwise(points))
    return Steps(
        weight=weight,
        starts=starts,
        points=points,
        rises=tuple(zip(starts, rises, strict=True)),
        scale=scale,
    )
