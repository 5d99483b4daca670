"""Intervals for shares, for what is a difference of two shares, such as a Net Promoter Score, and for counts.

The plain (Wald) interval, an estimate and 1.96 standard errors to each side, is far too narrow on a dozen answers, and
has no width at all where all of them agree. The intervals here pull a small sample toward the middle first.

- `wilson`: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
  American Statistical Association 22 (1927), 209–212.
- `net_promoter`: the adjusted Wald interval for a difference of two shares of one sample: D. G. Bonett and R. M. Price,
  "Adjusted Wald confidence interval for a difference of binomial proportions based on paired data", Journal of
  Educational and Behavioral Statistics 37 (2012), 479–488; for the Net Promoter Score with 3/2 added to the promoters
  and 3/2 to the detractors, B. Rocks, "Interval estimation for the Net Promoter Score", The American Statistician 70
  (2016), 365–372.
- `poisson`: the score interval of a count, which inverts the same test as Wilson's does, for a count whose variance is
  its mean. Where what is counted comes in bursts, it is too narrow.
"""

from __future__ import annotations

from math import sqrt

from msgspec import Struct

#: The 97.5 % quantile of the standard normal distribution: so intervals have a nominal coverage of 95 %.
Z = 1.959963984540054

_ADDED = 1.5


class Interval(Struct, frozen=True):
    """From `low` to `high`, both possible."""

    low: float
    high: float

    def times(self, factor: float) -> Interval:
        """The same in another unit."""
        return Interval(low=self.low * factor, high=self.high * factor)


def wilson(successes: int, n: int) -> Interval | None:
    """The 95 % score interval for a share of `n`, between 0 and 1. None without anybody: nothing is known then.

    Raises ValueError for counts that can't be.
    """
    _require_parts(n, successes)
    if n == 0:
        return None
    share, z2 = successes / n, Z * Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    # Where nobody or everybody is one, that end is exact, and mustn't be off by a rounding.
    return Interval(
        low=0.0 if successes == 0 else max(0.0, middle - half),
        high=1.0 if successes == n else min(1.0, middle + half),
    )


def net_promoter(promoters: int, detractors: int, n: int) -> Interval | None:
    """The 95 % adjusted Wald interval for the share of promoters less that of detractors, between -1 and 1, in a sample
    of `n`. None without anybody.

    Raises ValueError for counts that can't be.
    """
    _require_parts(n, promoters, detractors)
    if n == 0:
        return None
    size = n + 2 * _ADDED
    more, less = (promoters + _ADDED) / size, (detractors + _ADDED) / size
    middle = more - less
    half = Z * sqrt((more + less - middle * middle) / size)
    return Interval(low=max(-1.0, middle - half), high=min(1.0, middle + half))


def poisson(count: int) -> Interval:
    """The 95 % score interval for the mean of a count. Raises ValueError for one below 0."""
    _require_parts(count, count)
    middle, half = count + Z * Z / 2, Z * sqrt(count + Z * Z / 4)
    return Interval(low=0.0 if count == 0 else middle - half, high=middle + half)


def _require_parts(n: int, *parts: int) -> None:
    if n < 0 or any(part < 0 for part in parts) or sum(parts) > n:
        raise ValueError(f"expected counts of at most {n} in all, none below 0; found {', '.join(map(str, parts))}")
