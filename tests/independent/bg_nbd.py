"""BG/NBD, of which the published figures are (Fader, Hardie and Lee, 2005): the log-likelihood of a list of customers.

It shares no code with ours. A customer is (repeats, recency, age), in weeks.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, lgamma, log


def log_likelihood(r: float, alpha: float, a: float, b: float, customers: Iterable[tuple[int, float, float]]) -> float:
    return sum(_of_one(r, alpha, a, b, *each) for each in customers)


def _of_one(r: float, alpha: float, a: float, b: float, x: int, recency: float, age: float) -> float:
    common = lgamma(r + x) - lgamma(r) + r * log(alpha)
    stayed = _beta(a, b + x) - _beta(a, b) - (r + x) * log(alpha + age)
    if not x:
        return common + stayed
    left = _beta(a + 1, b + x - 1) - _beta(a, b) - (r + x) * log(alpha + recency)
    return common + max(stayed, left) + log(1 + exp(-abs(stayed - left)))


def _beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
