"""How long a customer usually waits between orders: exactly, so that a multiple of it is one whole microsecond."""

from __future__ import annotations

from msgspec import Struct

from regulars.crm_domain.instant import DAY
from regulars.projections.facts.shared import Facts


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
