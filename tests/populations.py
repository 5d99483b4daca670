"""Populations of buyers that are drawn from models with known parameters, and shops in which people buy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from regulars import RecordPurchase
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


BEGIN = datetime(2024, 1, 1, 12, tzinfo=UTC)


def buy(who: str, day: float, amount: str) -> RecordPurchase:
    return RecordPurchase(
        customer=who, order_id=f"{who}-{day}", amount=amount, occurred_at=BEGIN + day * timedelta(days=1)
    )


def lives(size: int, seed: int) -> list[tuple[str, float, str]]:
    """Whom buys when and for how much, of customers who begin in the first half year: a rate and an end for each."""
    random, told = np.random.default_rng(seed), []
    for number in range(size):
        day, mean = float(random.integers(0, 180)), random.gamma(4, 10)
        every, ends = random.gamma(2, 15), random.exponential(200)
        end = min(360.0, day + ends)
        while True:
            told.append((f"c{number}", round(day, 3), f"{random.gamma(8, mean / 8) + 1:.2f}"))
            day += random.exponential(every) + 1
            if day >= end:
                break
    return told
