"""Intervals for the difference of two shares: of those who were treated, less that of those who were held out.

- `newcombe`: R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison of
  eleven methods", Statistics in Medicine 17 (1998), 873–890, method 10: the hybrid of the two score intervals without
  continuity correction.
- `mantel_haenszel`: the pooled difference of N. Mantel and W. Haenszel's weights, with the variance of T. Sato, "On the
  variance estimator for the Mantel-Haenszel risk difference", Biometrics 45 (1989), 1323–1324, which holds for a few
  large strata and for many small ones. The interval is that of the differences which a test by that variance doesn't
  reject: B. Klingenberg, "A new and improved confidence interval for the Mantel-Haenszel risk difference", Statistics
  in Medicine 33 (2014), 2968–2983.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot, sqrt

from regulars.statistics.proportions import Interval, Z, wilson


def newcombe(x1: int, n1: int, x0: int, n0: int) -> Interval:
    """The 95 % hybrid score interval for a share of `x1` in `n1` less one of `x0` in `n0`, between -1 and 1.

    Raises ValueError for counts that can't be, and for a group without anybody.
    """
    one, other = wilson(x1, n1), wilson(x0, n0)
    if one is None or other is None:
        raise ValueError(f"expected at least 1 in each group; found {n1} and {n0}")
    share, without = x1 / n1, x0 / n0
    difference = share - without
    return Interval(
        low=max(-1.0, difference - hypot(share - one.low, other.high - without)),
        high=min(1.0, difference + hypot(one.high - share, without - other.low)),
    )


def mantel_haenszel(strata: Sequence[tuple[int, int, int, int]]) -> tuple[float, Interval | None]:
    """The pooled difference of shares of strata `(x1, n1, x0, n0)`, and its 95 % interval, both between -1 and 1.

    Each stratum weighs n1 n0 / (n1 + n0); one of which a group is empty weighs nothing. There is no interval where in
    each stratum everybody did the same, as nothing is known then of how much they vary.

    Raises ValueError for counts that can't be, and where no stratum has anybody in both groups.
    """
    weights = difference = leaning = spread = 0.0
    for x1, n1, x0, n0 in strata:
        if not (0 <= x1 <= n1 and 0 <= x0 <= n0):
            raise ValueError(f"expected counts of at most their group, none below 0; found {x1} of {n1}, {x0} of {n0}")
        if n1 == 0 or n0 == 0:
            continue
        n = n1 + n0
        weights += n1 * n0 / n
        difference += (x1 * n0 - x0 * n1) / n
        leaning += (n1 * n1 * x0 - n0 * n0 * x1 + n1 * n0 * (n0 - n1) / 2) / (n * n)
        spread += (x1 * (n0 - x0) + x0 * (n1 - x1)) / (2 * n)
    if not weights:
        raise ValueError("expected a stratum with at least 1 in each group")
    estimate = difference / weights
    if not spread:
        return estimate, None
    # The ends are the roots d of (estimate - d)² = scale (d leaning + spread).
    scale = (Z / weights) ** 2
    lean = scale * leaning / 2
    half = sqrt(lean * lean + scale * max(0.0, estimate * leaning + spread))
    return estimate, Interval(low=max(-1.0, estimate + lean - half), high=min(1.0, estimate + lean + half))
