"""How sure a share is: Wilson's score interval, which keeps its coverage for few and for shares near 0 and 1."""

from __future__ import annotations

from math import sqrt

#: The standard normal quantile of 97.5 %.
_Z = 1.959963984540054


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of `hits` in `n`, from 0 to 1 (E. B. Wilson, JASA 22, 1927). `n` is at least 1."""
    share, square = hits / n, _Z * _Z / n
    middle = (share + square / 2) / (1 + square)
    half = _Z / (1 + square) * sqrt(share * (1 - share) / n + square / (4 * n))
    return middle - half if hits else 0.0, middle + half if hits < n else 1.0  # exact at both ends
