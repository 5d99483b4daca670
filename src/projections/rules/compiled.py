"""A ruleset made ready for judging: thresholds as fractions and microseconds, money as minor units.

Everything is an integer or a Fraction, so a boundary is one exact instant: a ratio that lands a hair short of its step
would make a fold that never ends.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil, lcm
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.crm_domain.instant import DAY
from regulars.crm_domain.money import exponent_of
from regulars.projections.facts.cadence import Cadence
from regulars.projections.facts.tickets import TicketRules, compile_ticket_rules
from regulars.projections.lifecycle_stage.ladder import Ladder, compile_ladder
from regulars.projections.rules import grammar
from regulars.projections.rules.section import Section
from regulars.projections.verdict import Verdict


class Tiers(Struct, frozen=True, kw_only=True):
    """Levels in rising order: their verdicts, and the minor units from which each is reached."""

    verdicts: tuple[Verdict, ...]
    starts: tuple[int, ...]
    window: int
    hold: int
    grace: int
    members_only: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The levels' names, in rising order."""
        return tuple(verdict.value for verdict in self.verdicts)


class Steps(Struct, frozen=True, kw_only=True):
    """A weighted step table over whole numbers; `starts` rise, and each lasts until the next.

    A start is microseconds for what elapses, a count for what is counted, and for a ratio the threshold times `scale`.
    `points[i]` are those where `i` starts are reached; `rises[i]` is what reaching `starts[i]` adds to them, weighted.
    """

    weight: int
    starts: tuple[int, ...]
    points: tuple[int, ...]
    rises: tuple[int, ...]
    scale: int = 1

    def reached(self, value: int) -> int:
        """How many of the starts a value has reached."""
        return bisect_right(self.starts, value)


class Feedback(Struct, frozen=True, kw_only=True):
    """Points by the latest answer of each kind within a window."""

    weight: int
    window: int
    csat_low_to: int
    csat_low: int
    nps_detractor_to: int
    nps_detractor: int
    nps_passive: int
    nps_promoter_from: int
    nps_promoter: int


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


class Rules(Struct, frozen=True, kw_only=True):
    """A compiled ruleset. `digest` is that of the `ruleset` it was made from, and `canonical` has the canonical form of
    each of its tables. `sections` is what the tables of extensions were compiled to, by their names. `currency` is the
    store's, None where it has none yet.
    """

    ruleset: grammar.Ruleset
    currency: str | None
    digest: str
    canonical: dict[str, str]
    zone: ZoneInfo
    cadence: Cadence
    ladder: Ladder
    spell_stages: frozenset[str]
    tiers: Tiers
    risk: Risk
    tickets: TicketRules
    exponent: int
    sections: dict[str, Any]


#: The window of the rules whose names or comments say 365 days.
ORDERS_WINDOW = 365 * DAY


def compile_rules(ruleset: grammar.Ruleset, currency: str | None, sections: Sequence[Section] = ()) -> Rules:
    """Make a ruleset ready. `currency` is the store's; while it has none, no amount has been recorded either.

    `sections` are those of the registry. One that the ruleset doesn't know of has its defaults.
    """
    exponent = 2 if currency is None else exponent_of(currency)
    tables = {section.name: section.table_of(ruleset) for section in sections}
    return Rules(
        ruleset=ruleset,
        currency=currency,
        digest=ruleset.digest(),
        canonical=ruleset.canonical_tables() | {name: table.canonical() for name, table in tables.items()},
        zone=ruleset.zone,
        cadence=_cadence(ruleset.cadence),
        ladder=compile_ladder(ruleset.lifecycle, exponent),
        spell_stages=frozenset(stage for rung in ruleset.lifecycle.stage for stage in rung.spell),
        tiers=_tiers(ruleset.tier, exponent),
        risk=_risk(ruleset),
        tickets=compile_ticket_rules(ruleset.ticket),
        exponent=exponent,
        sections={section.name: section.compile(tables[section.name]) for section in sections},
    )


def _cadence(rule: grammar.Cadence) -> Cadence:
    weight, least = Fraction(rule.prior_weight), Fraction(rule.min_gap_days) * DAY
    weighted = weight * Fraction(rule.prior_gap_days) * DAY
    scale = lcm(weight.denominator, weighted.denominator)
    return Cadence(
        scale=scale,
        prior=int(weighted * scale),
        weight=int(weight * scale),
        least=least.numerator,
        least_scale=least.denominator,
    )


def _tiers(rule: grammar.Tier, exponent: int) -> Tiers:
    return Tiers(
        verdicts=tuple(Verdict(level.name) for level in rule.levels),
        starts=tuple(ceil(level.from_.scaleb(exponent)) for level in rule.levels),
        window=rule.window_days * DAY,
        hold=rule.hold_days * DAY,
        grace=rule.grace_days * DAY,
        members_only=rule.members_only,
    )


def _risk(ruleset: grammar.Ruleset) -> Risk:
    rule, satisfaction = ruleset.churn_risk, ruleset.satisfaction
    weights = _whole_weights(rule)
    prior = Fraction(ruleset.cadence.prior_gap_days) * DAY
    gaps = lcm(*(Fraction(start).denominator for start, _ in rule.cadence.steps))
    return Risk(
        recency=_steps(rule.recency, weights["recency"], prior),
        cadence=_steps(rule.cadence, weights["cadence"], Fraction(gaps), scale=gaps),
        frequency=_steps(rule.frequency, weights["frequency"], Fraction(1)),
        engagement=_steps(rule.engagement, weights["engagement"], Fraction(DAY)),
        service=Service(weight=weights["service"], points=rule.service.points.model_dump()),
        feedback=Feedback(
            weight=weights["feedback"],
            window=rule.feedback.window_days * DAY,
            csat_low_to=satisfaction.csat_low_to,
            nps_detractor_to=satisfaction.nps_detractor_to,
            nps_promoter_from=satisfaction.nps_promoter_from,
            **rule.feedback.points.model_dump(),
        ),
        verdicts=tuple(
            Verdict(max((start, name) for name, start in rule.bands.items() if start <= score)[1], score)
            for score in range(101)
        ),
        account_closed=rule.overrides.account_closed,
        cancellation_requested=rule.overrides.cancellation_requested,
        returned_half=rule.overrides.returned_half_of_orders_365d,
    )


def _whole_weights(rule: grammar.ChurnRisk) -> dict[str, int]:
    """Weights in whole numbers of the same proportions."""
    names = ("recency", "cadence", "frequency", "service", "feedback", "engagement")
    weights: dict[str, Decimal] = {name: getattr(rule, name).weight for name in names}
    scale = lcm(*(Fraction(weight).denominator for weight in weights.values()))
    return {name: int(weight * scale) for name, weight in weights.items()}


def _steps(rule: grammar.SteppedComponent, weight: int, unit: Fraction, scale: int = 1) -> Steps:
    points = (0, *(points for _, points in rule.steps))
    return Steps(
        weight=weight,
        starts=tuple(ceil(Fraction(start) * unit) for start, _ in rule.steps),
        points=points,
        rises=tuple(weight * (after - before) for before, after in pairwise(points)),
        scale=scale,
    )
