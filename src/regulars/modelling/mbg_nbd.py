"""MBG/NBD: how often somebody buys, and whether they still do.

A customer buys at a rate of their own, from a gamma distribution (shape `r`, rate `alpha`, in weeks), and leaves after
any buying day, the first included, with a probability of their own, from a beta distribution (`a`, `b`). So who bought
once may have left, which BG/NBD (Fader, Hardie and Lee 2005) denies however long ago that was.

Sources: Batislam, Denizel and Filiztekin 2007; Hoppe and Wagner 2007. That the integral over the chance of leaving is
done by Gauss-Jacobi quadrature is ours: unlike the closed form in 2F1 it holds for a = 1, and where `a` runs away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal
from scipy.special import betaln, digamma, gammaln

from regulars.modelling.buyers import Buyers, Floats, mean
from regulars.modelling.maximum_likelihood import maximum_likelihood

_NODES = 24


@dataclass(frozen=True, slots=True)
class MbgNbd:
    """Parameters of the model, in weeks."""

    r: float
    alpha: float
    a: float
    b: float

    @property
    def logarithms(self) -> Floats:
        """Where a search for better ones begins."""
        return np.log([self.r, self.alpha, self.a, self.b])


@dataclass(frozen=True, slots=True)
class _Counted:
    """Buyers without spend, those of equal numbers together, each by their share of all.

    `frequencies` are the numbers of repeats that there are, and `which` is the place of each one's among them: so
    functions that are slow to work out are worked out once for each.
    """

    frequencies: Floats
    which: NDArray[np.intp]
    recency: Floats
    age: Floats
    share: Floats
    total: int


def _counted(buyers: Buyers) -> _Counted:
    rows = np.column_stack((buyers.repeats, buyers.recency, buyers.age))
    rows = rows[np.lexsort(rows.T)]
    is_new = np.r_[True, np.any(rows[1:] != rows[:-1], axis=1)]
    first = np.flatnonzero(is_new)
    repeats, recency, age = rows[first].T
    frequencies, which = np.unique(repeats, return_inverse=True)
    share = np.diff(np.r_[first, len(rows)]) / len(rows)
    return _Counted(frequencies, which, recency, age, share, len(rows))


def log_likelihood(model: MbgNbd, buyers: Buyers) -> float:
    """The log-likelihood of what some customers bought."""
    counted = _counted(buyers)
    return _mean_log_likelihood(model.logarithms, counted)[0] * counted.total


def _mean_log_likelihood(logarithms: Floats, known: _Counted) -> tuple[float, Floats]:
    """It and its gradient by the logarithms of the parameters."""
    r, alpha, a, b = np.exp(logarithms)
    x, which, share = known.frequencies, known.which, known.share
    log_age, log_recency, shape = np.log(alpha + known.age), np.log(alpha + known.recency), (r + x)[which]
    alive = betaln(a, b + x + 1)[which] - shape * log_age
    gone = betaln(a + 1, b + x)[which] - shape * log_recency
    either = np.logaddexp(alive, gone)
    p_alive = np.exp(alive - either)
    p_gone = 1 - p_alive
    of_frequency = np.bincount(which, share).astype(np.float64)
    value = mean(share, either) + mean(of_frequency, gammaln(r + x)) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
    of_both = digamma(a + b) - mean(of_frequency, digamma(a + b + x + 1))
    by_r = mean(of_frequency, digamma(r + x)) - digamma(r) + np.log(alpha)
    by_r -= mean(share, p_alive * log_age + p_gone * log_recency)
    by_alpha = r / alpha - mean(share, shape * (p_alive / (alpha + known.age) + p_gone / (alpha + known.recency)))
    by_a = of_both + mean(share, p_gone) / a
    by_b = of_both - digamma(b) + mean(of_frequency, digamma(b + x)) + mean(share, p_alive / (b + x)[which])
    return float(value), np.array((by_r * r, by_alpha * alpha, by_a * a, by_b * b))


def fit(buyers: Buyers, near: MbgNbd | None = None) -> MbgNbd | None:
    """The parameters of highest likelihood, None where no search converges: of three, or of one from `near` others."""
    known = _counted(buyers)
    age = max(float(np.mean(buyers.age)), 1.0)
    anywhere = [np.log(each) for each in ((1, age, 1, 1), (0.3, age / 3, 0.5, 2), (3, 3 * age, 2, 6))]
    found = maximum_likelihood(
        lambda at: _mean_log_likelihood(at, known), anywhere if near is None else [near.logarithms]
    )
    return None if found is None else MbgNbd(*map(float, np.exp(found)))


def p_alive(model: MbgNbd, buyers: Buyers) -> Floats:
    """The probability that each customer hasn't left."""
    odds = np.log(model.a) - np.log(model.b + buyers.repeats)
    odds += (model.r + buyers.repeats) * (np.log(model.alpha + buyers.age) - np.log(model.alpha + buyers.recency))
    found: Floats = 1 / (1 + np.exp(np.minimum(odds, 700)))
    return found


def p_none(model: MbgNbd, buyers: Buyers, weeks: float) -> Floats:
    """The probability that each customer doesn't buy within some weeks."""
    alive, waited = p_alive(model, buyers), model.alpha + buyers.age
    return 1 - alive + alive * (waited / (waited + weeks)) ** (model.r + buyers.repeats)


def expected(model: MbgNbd, buyers: Buyers, weeks: float, discounted: float = 0.0) -> Floats:
    """The expected number of buying days of each customer within some weeks.

    `discounted` is the rate of continuous discounting a week, by which later ones count less.
    """
    found = np.empty(len(buyers))
    for x in np.unique(buyers.repeats):
        those = np.flatnonzero(buyers.repeats == x)
        shape, waited, total = model.r + x, model.alpha + buyers.age[those], np.zeros(len(those))
        for leaving, weight in zip(*_beta_nodes(model.a, model.b + x + 1), strict=True):
            if discounted:
                total += weight / leaving * _discounted(leaving / waited, shape, weeks, discounted)
            else:
                total -= weight / leaving * np.expm1(-shape * np.log1p(leaving / waited * weeks))
        found[those] = total
    return found * p_alive(model, buyers)


def _discounted(per_week: Floats, shape: float, weeks: float, rate: float) -> Floats:
    """The integral over `weeks` of shape * per_week * (1 + per_week * s)^-(shape + 1) * exp(-rate * s)."""
    places, weights = np.polynomial.legendre.leggauss(12)
    instants, widths = (places + 1) * weeks / 2, weights * weeks / 2
    total = np.zeros_like(per_week)
    for instant, width in zip(instants, widths, strict=True):
        total += width * np.exp(-rate * instant - (shape + 1) * np.log1p(per_week * instant))
    return total * per_week * shape


def _beta_nodes(a: float, b: float) -> tuple[Floats, Floats]:
    """Nodes and weights of the Gauss quadrature under a beta distribution (Golub and Welsch 1969)."""
    # Jacobi's recurrence for the weight (1 - y)^(b - 1) * (1 + y)^(a - 1) on [-1, 1], where y = 2 p - 1.
    alpha, beta, n = b - 1, a - 1, np.arange(_NODES, dtype=np.float64)
    sums = 2 * n + alpha + beta
    with np.errstate(divide="ignore", invalid="ignore"):
        diagonal = (beta**2 - alpha**2) / (sums * (sums + 2))
    diagonal[0] = (beta - alpha) / (alpha + beta + 2)
    n, sums = n[1:], sums[1:]
    first = 4 * (1 + alpha) * (1 + beta) / ((alpha + beta + 2) ** 2 * (alpha + beta + 3))
    with np.errstate(divide="ignore", invalid="ignore"):
        squared = 4 * n * (n + alpha) * (n + beta) * (n + alpha + beta) / (sums**2 * (sums + 1) * (sums - 1))
    squared[0] = first
    places, vectors = eigh_tridiagonal(diagonal, np.sqrt(squared))
    return np.clip((places + 1) / 2, 1e-300, 1.0), vectors[0] ** 2


# ------------------------------------------------------------------------------------------------------------ drawing


def draw(model: MbgNbd, age: Floats, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Repeats and recency of customers of some ages, drawn from the model."""
    rate, leaving = random.gamma(model.r, 1 / model.alpha, len(age)), _leaving(model, np.zeros(len(age)), random)
    stays_for = random.geometric(leaving) - 1
    wanted = random.poisson(rate * age)
    repeats = np.minimum(wanted, stays_for)
    # Of so many instants within their age, in order, the last one that they were still there for.
    again = np.flatnonzero(repeats)
    recency = np.zeros(len(age))
    recency[again] = age[again] * random.beta(repeats[again], wanted[again] - repeats[again] + 1)
    return repeats.astype(np.float64), recency


def draw_orders(model: MbgNbd, buyers: Buyers, weeks: float, random: np.random.Generator) -> Floats:
    """The number of buying days of each customer within some weeks, drawn from the model, by what they did so far."""
    orders = np.zeros(len(buyers))
    alive = np.flatnonzero(random.random(len(buyers)) < p_alive(model, buyers))
    x = buyers.repeats[alive]
    rate = random.gamma(model.r + x, 1 / (model.alpha + buyers.age[alive]))
    stays_for = random.geometric(_leaving(model, x + 1, random))
    orders[alive] = np.minimum(random.poisson(rate * weeks), stays_for)
    return orders


def _leaving(model: MbgNbd, stayed: Floats, random: np.random.Generator) -> Floats:
    """Chances of leaving of customers who stayed so often."""
    return np.clip(random.beta(model.a, model.b + stayed), 1e-12, 1.0)
