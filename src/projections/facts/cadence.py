"""How long a customer usually waits between orders: exactly, so that a multiple of it is one whole microsecond."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import lcm
from zoneinfo import ZoneInfo

from msgspec import Struct

from regulars.crm_domain.instant import DAY
from regulars.projections.facts.buying_days import buying_days
from regulars.projections.facts.shared import Facts


class Cadence(Struct, frozen=True, kw_only=True):
    """The expected gap between orders, in microseconds: max(least, (span + weight * prior) / (repeats + weight)).

    As a ratio of integers: (span * `scale` + `prior`) / (repeats * `scale` + `weight`), or `least` / `least_scale`.
    With a `zone` what counts are the days there on which somebody bought, else orders.
    """

    scale: int
    prior: int
    weight: int
    least: int
    least_scale: int
    zone: ZoneInfo | None

    def counted(self, facts: Facts) -> list[int]:
        """When each order was, or the last order of each buying day: it is in a window as long as that is."""
        return facts.order_instants if self.zone is None else buying_days(facts, self.zone).lasts

    def expected(self, facts: Facts) -> tuple[int, int]:
        """The expected gap as a ratio N/D of integers, for a customer with at least one order."""
        instants = facts.order_instants
        return self.expected_of(instants[-1] - instants[0], len(self.counted(facts)) - 1)

    def expected_of(self, span: int, repeats: int) -> tuple[int, int]:
        """The expected gap as a ratio N/D of integers, where so many gaps took so many microseconds together."""
        n = span * self.scale + self.prior
        d = repeats * self.scale + self.weight
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


def cadence_of(prior_days: Decimal, weight: Decimal, least_days: Decimal, zone: ZoneInfo | None) -> Cadence:
    """A cadence by its rules: a prior gap that counts as much as so many gaps of one's own, and the least one."""
    of_prior, least = Fraction(weight), Fraction(least_days) * DAY
    weighted = of_prior * Fraction(prior_days) * DAY
    scale = lcm(of_prior.denominator, weighted.denominator)
    return Cadence(
        scale=scale,
        prior=int(weighted * scale),
        weight=int(of_prior * scale),
        least=least.numerator,
        least_scale=least.denominator,
        zone=zone,
    )


def after_gaps(numerator: int, denominator: int, gap: tuple[int, int]) -> int:
    """The first whole microsecond at which `numerator` / `denominator` expected gaps of N/D have passed."""
    n, d = gap
    return -(-numerator * n // (denominator * d))
