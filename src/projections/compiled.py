"""A ruleset made ready for judging: thresholds as fractions and microseconds, money as minor units.

Everything is an integer or a Fraction, so a boundary is one exact instant: a ratio that lands a hair short of its step
would make a fold that never ends.
"""

from __future__ import annotations

from bisect import bisect_right
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil, lcm
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from crm_domain.instant import DAY
from crm_domain.money import exponent_of
from projections import rules as grammar
from projections.facts import Facts
from projections.ticket_facts import TicketRules, compile_ticket_rules
from projections.verdict import Verdict


class Condition(Struct, frozen=True, kw_only=True):
    """One condition with one bound. It flips once at its pivot: it holds from there, or until there.

    The bound is `numerator` / `denominator`. `offset` is the bound in microseconds for facts that elapse, `window` the
    counting window likewise; `text` is the bound in words, to follow what was found.
    """

    fact: grammar.Fact
    holds_from_pivot: bool
    numerator: int
    denominator: int
    offset: int
    window: int | None
    text: str

    @property
    def count(self) -> int:
        """The bound of a fact that is counted."""
        return self.numerator // self.denominator


class Rung(Struct, frozen=True, kw_only=True):
    """One rung of the lifecycle ladder."""

    id: str
    verdict: Verdict
    spell: frozenset[str]
    conditions: tuple[Condition, ...]


class Known(Struct, frozen=True):
    """What time alone doesn't change of a customer."""

    orders: int
    closed: bool
    qualified: bool


class Ladder(Struct, frozen=True, kw_only=True):
    """The rungs as the rules have them, and what is left to be asked of them once it is known what time doesn't change.

    `left[i]` is for those with at least `counts[i - 1]` orders and fewer than `counts[i]`: by whether their account is
    closed, and then by whether they are qualified.
    """

    rungs: tuple[Rung, ...]
    counts: tuple[int, ...]
    left: tuple[tuple[tuple[tuple[Rung, ...], ...], ...], ...]

    def reachable(self, facts: Facts) -> tuple[Rung, ...]:
        """The rungs that can be reached, each with the conditions that time alone decides."""
        bracket = self.left[bisect_right(self.counts, len(facts.order_instants))]
        return bracket[facts.closed is not None][facts.qualified is not None]


class Cadence(Struct, frozen=True, kw_only=True):
    """The expected gap between orders, in microseconds: max(least, (span + weight * prior) / (repeats + weight)).

    As a ratio of integers: (span * `scale` + `prior`) / (repeats * `scale` + `weight`), or `least` / `least_scale`.
    """

    scale: int
    prior: int
    weight: int
    least: int
    least_scale: int

    def expected(self, facts: Facts) -> tuple[int, int]:
        """The expected gap as a ratio N/D of integers, for a customer with at least one order."""
        instants = facts.order_instants
        n = (instants[-1] - instants[0]) * self.scale + self.prior
        d = (len(instants) - 1) * self.scale + self.weight
        return (self.least, self.least_scale) if n * self.least_scale < self.least * d else (n, d)

    def gap_text(self, elapsed: int, facts: Facts) -> str:
        """Elapsed microseconds as a multiple of the expected gap, rounded down to two digits."""
        n, d = self.expected(facts)
        hundredths = elapsed * d * 100 // n
        return f"{hundredths // 100}.{hundredths % 100:02d}"

    def days_text(self, facts: Facts) -> str:
        """The expected gap in days, rounded down to one digit."""
        n, d = self.expected(facts)
        tenths = n * 10 // (d * DAY)
        return f"{tenths // 10}.{tenths % 10}"


def after_gaps(numerator: int, denominator: int, gap: tuple[int, int]) -> int:
    """The first whole microsecond at which `numerator` / `denominator` expected gaps of N/D have passed."""
    n, d = gap
    return -(-numerator * n // (denominator * d))


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
    """A compiled ruleset. `digest` is that of the ruleset it was made from."""

    digest: str
    zone: ZoneInfo
    cadence: Cadence
    ladder: Ladder
    spell_stages: frozenset[str]
    tiers: Tiers
    risk: Risk
    tickets: TicketRules
    exponent: int


#: The window of the rules whose names or comments say 365 days.
ORDERS_WINDOW = 365 * DAY


def compile_rules(ruleset: grammar.Ruleset, currency: str | None) -> Rules:
    """Make a ruleset ready. `currency` is the store's; while it has none, no amount has been recorded either."""
    exponent = 2 if currency is None else exponent_of(currency)
    return Rules(
        digest=ruleset.digest(),
        zone=ruleset.zone,
        cadence=_cadence(ruleset.cadence),
        ladder=_ladder(tuple(_rung(stage) for stage in ruleset.lifecycle.stage)),
        spell_stages=frozenset(stage for rung in ruleset.lifecycle.stage for stage in rung.spell),
        tiers=_tiers(ruleset.tier, exponent),
        risk=_risk(ruleset),
        tickets=compile_ticket_rules(ruleset.ticket),
        exponent=exponent,
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


def _ladder(rungs: tuple[Rung, ...]) -> Ladder:
    counts = sorted({each.count for rung in rungs for each in rung.conditions if each.fact in grammar.COUNTS} - {0})
    flags = (False, True)
    left = tuple(
        tuple(tuple(_left(rungs, Known(orders, closed, qualified)) for qualified in flags) for closed in flags)
        for orders in (0, *counts)
    )
    return Ladder(rungs=rungs, counts=tuple(counts), left=left)


def _left(rungs: tuple[Rung, ...], known: Known) -> tuple[Rung, ...]:
    left: list[Rung] = []
    for rung in rungs:
        held = {each: _holds_for_good(each, known) for each in rung.conditions}
        if False in held.values():
            continue
        # What is quickest to work out comes first: where that fails, the rest isn't asked.
        conditions = sorted((each for each in held if held[each] is None), key=lambda each: each.fact in _WORKED_OUT)
        left.append(replace(rung, conditions=tuple(conditions)))
        if not conditions:
            break
    return tuple(left)


_WORKED_OUT = frozenset({"gap", "orders"})


def _holds_for_good(condition: Condition, known: Known) -> bool | None:
    """Whether a condition is true or false for good, whatever time does; None where that depends on time."""
    if condition.fact == "account_closed":
        return known.closed == condition.holds_from_pivot
    if condition.fact == "qualified":
        return known.qualified == condition.holds_from_pivot
    if condition.fact in grammar.NEED_AN_ORDER and not known.orders:
        return False
    if condition.fact not in grammar.COUNTS:
        return None
    if known.orders < condition.count:  # no window ever holds more orders than there are
        return condition.holds_from_pivot
    return None if condition.window is not None else not condition.holds_from_pivot


def _rung(rule: grammar.StageRule) -> Rung:
    conditions = tuple(condition for each in rule.when for condition in _conditions(each))
    return Rung(id=rule.id, verdict=Verdict(rule.stage), spell=frozenset(rule.spell), conditions=conditions)


def _conditions(rule: grammar.ConditionRule) -> list[Condition]:
    if rule.is_ is not None:
        return [_condition(rule, Fraction(0), rule.is_, "")]
    # Time makes an elapsed fact grow and a count shrink, so the same bound holds on the other side of its pivot.
    grows = rule.fact not in grammar.COUNTS
    within = f" within {rule.within_days} days" if rule.within_days else ""
    bounds = ((rule.from_, "at least", grows), (rule.below, "below", not grows))
    return [
        _condition(rule, Fraction(bound), from_pivot, f"{within} ({word} {bound.normalize():f})")
        for bound, word, from_pivot in bounds
        if bound is not None
    ]


def _condition(rule: grammar.ConditionRule, threshold: Fraction, holds_from_pivot: bool, text: str) -> Condition:
    return Condition(
        fact=rule.fact,
        holds_from_pivot=holds_from_pivot,
        numerator=threshold.numerator,
        denominator=threshold.denominator,
        offset=ceil(threshold * DAY),
        window=None if rule.within_days is None else rule.within_days * DAY,
        text=text,
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
