"""Intervals for the difference of two groups, from the papers, by SciPy and whole fractions, with nothing of ours."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt

import numpy as np
from scipy.stats import binom, binomtest, hypergeom, norm, permutation_test

Z = norm.ppf(0.975)


def newcombe(x1, n1, x0, n0):
    """Method 10: the score intervals of both shares, put together as the sides of right triangles."""
    p1, p0 = x1 / n1, x0 / n0
    one = binomtest(x1, n1).proportion_ci(method="wilson")
    other = binomtest(x0, n0).proportion_ci(method="wilson")
    down = sqrt((p1 - one.low) ** 2 + (other.high - p0) ** 2)
    up = sqrt((one.high - p1) ** 2 + (p0 - other.low) ** 2)
    return p1 - p0 - down, p1 - p0 + up


def excludes_zero(n1, n0):
    """Whether Newcombe's interval excludes 0, as a table by both counts. It does where 0 lies beyond a side."""

    def wilson(n):
        x = np.arange(n + 1)
        middle, half = x + Z**2 / 2, Z * np.sqrt(x * (n - x) / n + Z**2 / 4)
        return x / n, (middle - half) / (n + Z**2), (middle + half) / (n + Z**2)

    (p1, low1, high1), (p0, low0, high0) = (wilson(n) for n in (n1, n0))
    difference = p1[:, None] - p0[None, :]
    down = np.hypot((p1 - low1)[:, None], (high0 - p0)[None, :])
    up = np.hypot((high1 - p1)[:, None], (p0 - low0)[None, :])
    return (difference > down) | (-difference > up)


def chance_of_showing(n1, n0, rate1, rate0):
    """Of excluding 0, by every pair of counts with its chance."""
    one, other = binom.pmf(np.arange(n1 + 1), n1, rate1), binom.pmf(np.arange(n0 + 1), n0, rate0)
    return float(one @ excludes_zero(n1, n0) @ other)


def mantel_haenszel(strata):
    """The estimate, and the differences that lie 1.96 standard errors from it, by Sato's variance of each of them."""
    weights = [Fraction(n1 * n0, n1 + n0) for _, n1, _, n0 in strata]
    differences = [Fraction(x1, n1) - Fraction(x0, n0) for x1, n1, x0, n0 in strata]
    estimate = sum(w * d for w, d in zip(weights, differences, strict=True)) / sum(weights)
    p = q = Fraction(0)
    for x1, n1, x0, n0 in strata:
        n = n1 + n0
        p += (Fraction(n1, n)) ** 2 * x0 - Fraction(n0, n) ** 2 * x1 + Fraction(n1 * n0 * (n0 - n1), 2 * n**2)
        q += Fraction(x1 * (n0 - x0) + x0 * (n1 - x1), 2 * n)

    scale = Z**2 / float(sum(weights)) ** 2
    middle = float(estimate)
    ends = np.roots([1, -2 * middle - scale * float(p), middle**2 - scale * float(q)])
    return middle, *sorted(ends.real)


def studentized(one, other, axis=-1):
    """The distance of two means over its standard error."""
    difference = np.mean(one, axis=axis) - np.mean(other, axis=axis)
    variances = (np.var(each, axis=axis, ddof=1) / each.shape[axis] for each in (one, other))
    return np.abs(difference) / np.sqrt(sum(variances))


def p_value(treated, held_out, difference):
    """Of the permutation test that the means differ by so much."""
    groups = (np.array(treated, float) - difference, np.array(held_out, float))
    found = permutation_test(
        groups,
        studentized,
        permutation_type="independent",
        vectorized=True,
        alternative="greater",
        n_resamples=9999,
        rng=np.random.default_rng(5),
    )
    return found.pvalue


def p_value_of_counts(x1, n1, x0, n0):
    """Of the permutation test that there is no difference, where all who buy spend the same: by every assignment."""

    def far(x):
        one = np.repeat([1.0, 0.0], [x, n1 - x])
        other = np.repeat([1.0, 0.0], [x1 + x0 - x, n0 - (x1 + x0 - x)])
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.nan_to_num(studentized(one, other), nan=0.0)

    possible = range(max(0, x1 + x0 - n0), min(n1, x1 + x0) + 1)
    return sum(hypergeom.pmf(x, n1 + n0, x1 + x0, n1) for x in possible if far(x) >= far(x1) - 1e-9)
