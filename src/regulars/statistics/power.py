"""What two groups of a size could show: the least difference that is found in 80 % of the cases.

For shares, the normal approximation for a two-sided test at 5 % which takes the variance under no difference from both
groups together, without continuity correction: J. L. Fleiss, Statistical Methods for Rates and Proportions (2nd
edition, 1981), chapter 3; for groups of different sizes, J. L. Fleiss, A. Tytun and H. K. Ury, "A simple approximation
for calculating sample sizes for comparing independent proportions", Biometrics 36 (1980), 343–346. For means that of a
test whose variance is known: W. G. Cochran and G. M. Cox, Experimental Designs (2nd edition, 1957), chapter 2.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, sqrt

from regulars.statistics.proportions import Z

#: The 80 % quantile of the standard normal distribution: a difference is found with a power of 80 %.
_POWER = 0.8416212335729143

#: How often the span is halved in which a difference is looked for; what is left is far below a point.
_HALVINGS = 40


def least_difference(n1: int, n0: int, base_rate: float) -> float | None:
    """The least increase of a share, from 0 to 1, that `n1` treated and `n0` held out would show with a power of 80 %,
    where `base_rate` buy anyway. None where not even everybody's buying would be enough.

    Raises ValueError for a group without anybody, and a rate that isn't one.
    """
    _require_people(n1, n0)
    _require_rate(base_rate)
    low, high = 0.0, 1 - base_rate
    if not _is_shown(n1, n0, base_rate, high):
        return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if _is_shown(n1, n0, base_rate, middle) else (middle, high)
    return high


def least_difference_of_means(n1: int, n0: int, mean: float, deviation: float) -> float | None:
    """The least increase of mean spend that `n1` treated and `n0` held out would show with a power of 80 %, in the unit
    of `mean` and `deviation`, the standard deviation, of what people spend anyway. It takes more people to buy, each as
    much as others do, so the spend of the treated varies more, too. None where nothing is spent anyway, or more comes
    back than is spent, as it isn't known then what somebody more would spend.

    Raises ValueError for a group without anybody, and a deviation below 0.
    """
    _require_people(n1, n0)
    if not deviation >= 0:
        raise ValueError(f"expected a standard deviation of at least 0; found {deviation:g}")
    if mean <= 0:
        return None
    # The square of a difference d is to be `errors` times (square (1 + d / mean) - (mean + d)²) / n1 + variance / n0.
    variance, errors = deviation**2, (Z + _POWER) ** 2
    square = variance + mean**2
    bend, slope = 1 + errors / n1, errors * (square / mean - 2 * mean) / n1
    level = errors * variance * (1 / n1 + 1 / n0)
    return (slope + sqrt(slope * slope + 4 * bend * level)) / (2 * bend)


def people_needed(base_rate: float, difference: float, share: Fraction | float) -> int:
    """How many people there must be in all, `share` of them held out, to show an increase of a share by `difference`
    with a power of 80 %, where `base_rate` buy anyway.

    Raises ValueError for a rate that isn't one, no increase or one beyond everybody, and a share outside (0, 1).
    """
    _require_rate(base_rate)
    if not 0 < difference <= 1 - base_rate:
        raise ValueError(f"expected an increase above 0 and at most {1 - base_rate:g}; found {difference:g}")
    if not 0 < share < 1:
        raise ValueError(f"expected a share above 0 and below 1; found {float(share):g}")
    held_out = float(share)
    people = max(2, ceil((_reach(1 - held_out, held_out, base_rate, difference) / difference) ** 2))
    # Whole people are held out, which may take a few more than shares of people would.
    while not _is_shown(*_split(people, share), base_rate, difference):
        people += 1
    return people


def _is_shown(n1: int, n0: int, base_rate: float, difference: float) -> bool:
    return difference > 0 and difference >= _reach(n1, n0, base_rate, difference)


def _reach(n1: float, n0: float, base_rate: float, difference: float) -> float:
    """How far apart two shares must lie to be found that often, if they differ by as much as they do."""
    treated = base_rate + difference
    both = (n1 * treated + n0 * base_rate) / (n1 + n0)
    without = both * (1 - both) * (1 / n1 + 1 / n0)
    with_it = treated * (1 - treated) / n1 + base_rate * (1 - base_rate) / n0
    return Z * sqrt(max(0.0, without)) + _POWER * sqrt(max(0.0, with_it))


def _split(people: int, share: Fraction | float) -> tuple[int, int]:
    """The treated and the held out, the latter rounded half up, and at least one in each."""
    held_out = min(people - 1, max(1, int(share * people + Fraction(1, 2))))
    return people - held_out, held_out


def _require_people(n1: int, n0: int) -> None:
    if n1 < 1 or n0 < 1:
        raise ValueError(f"expected at least 1 in each group; found {n1} and {n0}")


def _require_rate(rate: float) -> None:
    if not 0 <= rate <= 1:
        raise ValueError(f"expected a rate from 0 to 1; found {rate:g}")
