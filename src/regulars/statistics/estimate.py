"""A number about many, as it is told: with how many it is about, and its 95 % interval."""

from __future__ import annotations

from dataclasses import dataclass

from regulars.statistics.proportions import Interval, net_promoter, poisson, wilson


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number about `n`, with its 95 % interval. Of none there is no number: it can't be told."""

    value: float | None
    low: float | None
    high: float | None
    n: int


def share(part: int, n: int) -> Estimate:
    """The share of a part, from 0 to 1, with Wilson's interval. Raises ValueError for counts that can't be."""
    return _estimate(part, n, wilson(part, n))


def net_promoter_score(promoters: int, detractors: int, n: int) -> Estimate:
    """The Net Promoter Score, from -100 to 100, with the adjusted Wald interval. Raises ValueError as `share` does."""
    return _estimate(promoters - detractors, n, net_promoter(promoters, detractors, n), per=100)


def rate(count: int, n: int, per: int) -> Estimate:
    """How many there were to so many of `n`, with the score interval of a count. Raises ValueError as `share` does."""
    return _estimate(count, n, poisson(count).times(1 / n) if n else None, per=per)


def _estimate(count: int, n: int, interval: Interval | None, per: int = 1) -> Estimate:
    if interval is None:
        return Estimate(value=None, low=None, high=None, n=0)
    scaled = interval.times(per)
    return Estimate(value=per * count / n, low=scaled.low, high=scaled.high, n=n)
