"""Gamma-Gamma: what somebody spends on a buying day.

Each time they spend an amount from a gamma distribution of shape `p`, around a mean of their own; that has an inverse
gamma distribution over customers (shape `q`, scale `p * v`). How much somebody spends and how often they buy are taken
to be independent.

Source: Fader and Hardie, "The Gamma-Gamma Model of Monetary Value", 2013.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln

from regulars.modelling.buyers import Buyers, Floats, mean
from regulars.modelling.maximum_likelihood import maximum_likelihood


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """Parameters of the model, `v` in whole units of currency. `q` is above 1, else there is no mean."""

    p: float
    q: float
    v: float

    @property
    def logarithms(self) -> Floats:
        """Where a search for better ones begins."""
        return np.log([self.p, self.q - 1, self.v])


def log_likelihood(model: GammaGamma, buyers: Buyers) -> float:
    """The log-likelihood of what customers spent who spent anything."""
    those = buyers.spenders
    x, z = buyers.repeats[those], buyers.spend[those]
    return _mean_log_likelihood(model.logarithms, x, z)[0] * len(x)


def _mean_log_likelihood(logarithms: Floats, x: Floats, z: Floats) -> tuple[float, Floats]:
    """It and its gradient by the logarithms of p, q - 1 and v."""
    p, beyond, v = np.exp(logarithms)
    q, scale = 1 + beyond, np.log(v + x * z)
    frequencies, counts = np.unique(x, return_counts=True)
    share, shape = counts / len(x), p * frequencies
    value = mean(share, gammaln(shape + q) - gammaln(shape) + shape * np.log(frequencies)) - gammaln(q) + q * np.log(v)
    value += np.mean((p * x - 1) * np.log(z) - (p * x + q) * scale)
    by_p = mean(share, frequencies * (digamma(shape + q) - digamma(shape) + np.log(frequencies)))
    by_p += np.mean(x * (np.log(z) - scale))
    by_q = mean(share, digamma(shape + q)) - digamma(q) + np.log(v) - np.mean(scale)
    by_v = q / v - np.mean((p * x + q) / (v + x * z))
    return float(value), np.array((by_p * p, by_q * beyond, by_v * v))


def fit(buyers: Buyers, near: GammaGamma | None = None) -> GammaGamma | None:
    """The parameters of highest likelihood, None where no search converges: of three, or of one from `near` others."""
    those = buyers.spenders
    x, z = buyers.repeats[those], buyers.spend[those]
    if not len(x):
        return None
    mean = float(np.mean(z))
    anywhere = [np.log(each) for each in ((2, 1, mean / 2), (6, 3, mean / 3), (1, 10, 10 * mean))]
    found = maximum_likelihood(
        lambda at: _mean_log_likelihood(at, x, z), anywhere if near is None else [near.logarithms]
    )
    return None if found is None else _model(found)


def _model(logarithms: Floats) -> GammaGamma:
    p, beyond, v = map(float, np.exp(logarithms))
    return GammaGamma(p, 1 + beyond, v)


def expected_spend(model: GammaGamma, buyers: Buyers) -> Floats:
    """What each customer is expected to spend on a buying day; the mean of all for somebody who never bought again."""
    x = buyers.repeats
    return model.p * (model.v + x * buyers.spend) / (model.p * x + model.q - 1)


def draw_spend(model: GammaGamma, repeats: Floats, random: np.random.Generator) -> Floats:
    """The mean repeat spend of customers who bought again so often, drawn from the model; 0 for those who didn't."""
    again = np.flatnonzero(repeats)
    x, spend = repeats[again], np.zeros(len(repeats))
    rate = random.gamma(model.q, 1 / model.v, len(again))
    spend[again] = random.gamma(model.p * x) / (rate * x)
    return spend


def draw_value(model: GammaGamma, buyers: Buyers, orders: Floats, random: np.random.Generator) -> Floats:
    """What each customer spends in all on so many buying days, drawn from the model, by what they spent so far."""
    value, those = np.zeros(len(orders)), np.flatnonzero(orders)
    x = buyers.repeats[those]
    rate = random.gamma(model.q + model.p * x) / (model.v + x * buyers.spend[those])
    value[those] = random.gamma(model.p * orders[those]) / rate
    return value
