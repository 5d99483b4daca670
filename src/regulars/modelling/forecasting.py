"""What a fitted model says of customers: of each of them, and of all together.

An interval of an expectation is what the replicates of the model differ by. A predictive interval is of what will
happen: it has the luck of each customer in it, too, which is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log1p

import numpy as np

from regulars.modelling import gamma_gamma, mbg_nbd
from regulars.modelling.buyers import Buyers, Floats
from regulars.modelling.cant_tell import CantTell
from regulars.modelling.fitting import SEED, Model, Progress, Range, range_of, replicated

WEEKS_A_YEAR = 365.2425 / 7
#: So often all customers' luck is drawn for each replicate.
_DRAWS = 2


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected of each customer within the horizon; value is discounted."""

    p_alive: Floats
    p_none: Floats
    orders: Floats
    value: Floats


@dataclass(frozen=True, slots=True)
class Bounds:
    """For each customer the 90 % interval of what is expected."""

    orders_low: Floats
    orders_high: Floats
    value_low: Floats
    value_high: Floats


def expectation(model: Model, buyers: Buyers, weeks: float, annual_rate: float) -> Expectation:
    """What is expected of each customer within some weeks, at an annual rate by which later spend counts less."""
    discounted = mbg_nbd.expected(model.orders, buyers, weeks, log1p(annual_rate) / WEEKS_A_YEAR)
    return Expectation(
        p_alive=mbg_nbd.p_alive(model.orders, buyers),
        p_none=mbg_nbd.p_none(model.orders, buyers, weeks),
        orders=mbg_nbd.expected(model.orders, buyers, weeks),
        value=discounted * gamma_gamma.expected_spend(model.spend, buyers),
    )


def bounds(model: Model, replicates: tuple[Model, ...], buyers: Buyers, weeks: float, annual_rate: float) -> Bounds:
    """The intervals of what is expected of each customer, by what replicates of the model differ by.

    By how much discounting lowers the value of a customer is worked out by the model alone, as it hardly differs.
    """
    every = [mbg_nbd.expected(each.orders, buyers, weeks) for each in replicates]
    value = [
        orders * gamma_gamma.expected_spend(each.spend, buyers) for each, orders in zip(replicates, every, strict=True)
    ]
    expected = expectation(model, buyers, weeks, annual_rate)
    kept = expected.value / (expected.orders * gamma_gamma.expected_spend(model.spend, buyers))
    orders_low, orders_high = np.quantile(every, (0.05, 0.95), axis=0)
    value_low, value_high = np.quantile(value, (0.05, 0.95), axis=0)
    return Bounds(orders_low, orders_high, value_low * kept, value_high * kept)


def totals(
    model: Model, replicates: tuple[Model, ...], buyers: Buyers, weeks: float, annual_rate: float
) -> tuple[Range, Range]:
    """Orders and value of all customers together within some weeks, with their predictive intervals.

    What is drawn of value is discounted as what is expected of it is: all alike.
    """
    expected = expectation(model, buyers, weeks, annual_rate)
    undiscounted = float(np.sum(expected.orders * gamma_gamma.expected_spend(model.spend, buyers)))
    orders, value = float(np.sum(expected.orders)), float(np.sum(expected.value))
    counted = value / undiscounted if undiscounted else 1.0
    random = np.random.Generator(np.random.PCG64(SEED))
    drawn = np.array([_drawn(each, buyers, weeks, random) for each in replicates for _ in range(_DRAWS)])
    return range_of(orders, drawn[:, 0]), range_of(value, drawn[:, 1] * counted)


def _drawn(model: Model, buyers: Buyers, weeks: float, random: np.random.Generator) -> tuple[float, float]:
    orders = mbg_nbd.draw_orders(model.orders, buyers, weeks, random)
    return float(np.sum(orders)), float(np.sum(gamma_gamma.draw_value(model.spend, buyers, orders, random)))


def predicted(buyers: Buyers, weeks: float, on_progress: Progress | None = None) -> Range | None:
    """The orders of all customers together within some weeks, by a model that is fitted to them, with their predictive
    interval; None where the data carry no model.
    """
    found = replicated(buyers, on_progress)
    return None if isinstance(found, CantTell) else totals(*found, buyers, weeks, 0.0)[0]
