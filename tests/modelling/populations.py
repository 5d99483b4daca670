"""Populations of buyers that are drawn from models with known parameters."""

from __future__ import annotations

import numpy as np

from regulars.modelling import gamma_gamma, mbg_nbd
from regulars.modelling.buyers import Buyers
from regulars.modelling.fitting import Model
from regulars.modelling.gamma_gamma import GammaGamma
from regulars.modelling.mbg_nbd import MbgNbd

#: What was fitted to CDNOW, rounded.
TRUTH = Model(MbgNbd(0.525, 6.183, 0.891, 1.614), GammaGamma(6.25, 3.74, 15.44))


def population(size: int, seed: int, truth: Model = TRUTH, *, weeks: tuple[float, float] = (10, 78)) -> Buyers:
    """Customers of ages between some weeks."""
    random = np.random.default_rng(seed)
    age = random.uniform(*weeks, size)
    repeats, recency = mbg_nbd.draw(truth.orders, age, random)
    return Buyers(repeats, recency, age, gamma_gamma.draw_spend(truth.spend, repeats, random)).in_order()
