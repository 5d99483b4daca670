"""How long something lasts, where some of it isn't over yet: the Kaplan-Meier curve, and its median.

- The curve: E. L. Kaplan and P. Meier, "Nonparametric estimation from incomplete observations", Journal of the American
  Statistical Association 53 (1958), 457–481.
- Its variance: M. Greenwood's formula (1926). The interval is that of the logarithm of minus the logarithm of the
  curve, which stays between 0 and 1: J. D. Kalbfleisch and R. L. Prentice, The Statistical Analysis of Failure Time
  Data (1980), chapter 1.
- The interval of the median: the times at which that of the curve holds one half: R. Brookmeyer and J. Crowley, "A
  confidence interval for the median survival time", Biometrics 38 (1982), 29–41.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from math import exp, log, sqrt

from msgspec import Struct

from regulars.statistics.proportions import Z

#: A share that is one half may be off by the rounding of a product.
_HALF = 0.5 + 1e-9


class Step(Struct, frozen=True):
    """From a time on, the share that lasts longer than that, with its 95 % interval; `low` and `high` are None where
    nothing lasts.
    """

    time: int
    share: float
    low: float | None
    high: float | None


class Median(Struct, frozen=True):
    """By what time half of it is over, with the 95 % interval; None is a time that isn't reached in what was seen."""

    time: int | None
    low: int | None
    high: int | None
    n: int
    over: int


def curve(lasted: Iterable[tuple[int, bool]]) -> Iterator[Step]:
    """The Kaplan-Meier curve of what lasted so long each, and whether that was over then or was only seen for so long.

    Of what is seen for as long as something else lasted, it counts as having been there when that was over.
    """
    over, gone = Counter[int](), Counter[int]()
    for time, is_over in lasted:
        gone[time] += 1
        over[time] += is_over
    there, share, summed = gone.total(), 1.0, 0.0
    for time in sorted(gone):
        ended = over[time]
        if ended:
            share *= 1 - ended / there
            if ended == there:
                yield Step(time, 0.0, None, None)
            else:
                summed += ended / (there * (there - ended))
                spread = Z * sqrt(summed) / -log(share)
                yield Step(time, share, share ** exp(spread), share ** exp(-spread))
        there -= gone[time]


def median(lasted: Iterable[tuple[int, bool]]) -> Median:
    """The median of what lasted so long each, as `curve` takes it."""
    seen = list(lasted)
    steps = list(curve(seen))

    def first(shares: Iterable[tuple[int, float]]) -> int | None:
        return next((time for time, share in shares if share <= _HALF), None)

    return Median(
        time=first((each.time, each.share) for each in steps),
        low=first((each.time, each.share if each.low is None else each.low) for each in steps),
        high=first((each.time, each.share if each.high is None else each.high) for each in steps),
        n=len(seen),
        over=sum(is_over for _, is_over in seen),
    )
