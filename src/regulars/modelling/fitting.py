"""Fitting a model of value, and how much is known of it: as much as data drawn from it tell of it again.

The parameters are fitted to the data, then 200 times to data that are drawn from what was fitted (a parametric
bootstrap, with a fixed seed). What the 200 differ by is the interval of whatever follows from the parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from regulars.modelling import gamma_gamma, mbg_nbd
from regulars.modelling.buyers import Buyers, Floats
from regulars.modelling.cant_tell import CantTell
from regulars.modelling.gamma_gamma import GammaGamma
from regulars.modelling.mbg_nbd import MbgNbd

REPLICATES = 200
#: Fewer who bought again tell too little.
LEAST_REPEATERS = 30
#: An interval that reaches further than this share of the total to either side tells too little.
WIDEST = 0.5
SEED = 20_070_901

#: Called with how many replicates are done, and how many there will be.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Model:
    """Both models, by which the value of customers is forecast."""

    orders: MbgNbd
    spend: GammaGamma

    def written(self) -> tuple[str, ...]:
        """Its parameters in decimal digits: r, alpha, a, b, p, q, v."""
        orders, spend = self.orders, self.spend
        return tuple(map(written, (orders.r, orders.alpha, orders.a, orders.b, spend.p, spend.q, spend.v)))


@dataclass(frozen=True, slots=True)
class Range:
    """A number with a 90 % interval."""

    expected: float
    low: float
    high: float

    @property
    def is_wide(self) -> bool:
        """Whether the interval reaches too far to tell anything."""
        return not self.expected * (1 - WIDEST) <= self.low <= self.high <= self.expected * (1 + WIDEST)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model with its replicates, its log-likelihoods, and what all are expected to do over the horizon."""

    model: Model
    replicates: tuple[Model, ...]
    log_likelihood: float
    spend_log_likelihood: float
    orders: Range


def written(number: float) -> str:
    """A number in decimal digits, eight of which count."""
    return format(Decimal(f"{number:.8g}"), "f")


def model_written(parameters: tuple[str, ...]) -> Model:
    """The model whose parameters are written so: r, alpha, a, b, p, q, v."""
    r, alpha, a, b, p, q, v = map(float, parameters)
    return Model(MbgNbd(r, alpha, a, b), GammaGamma(p, q, v))


def fit(buyers: Buyers, weeks: float, on_progress: Progress | None = None) -> Fitted | CantTell:
    """Fit a model to what customers bought, for a horizon of some weeks."""
    found = replicated(buyers, on_progress)
    if isinstance(found, CantTell):
        return found
    model, replicates = found
    expected, drawn = _totals(model, buyers, weeks), np.array([_totals(each, buyers, weeks) for each in replicates])
    orders, value = (range_of(expected[place], drawn[:, place]) for place in (0, 1))
    for what, total in (("orders", orders), ("value", value)):
        if total.is_wide:
            return CantTell(
                f"the {what} of the horizon can't be told: {total.expected:,.0f}, with a 90 % interval from "
                f"{total.low:,.0f} to {total.high:,.0f}, which is more than half to either side; a shorter horizon or "
                "more customers who bought again would help"
            )
    return Fitted(
        model=model,
        replicates=replicates,
        log_likelihood=mbg_nbd.log_likelihood(model.orders, buyers),
        spend_log_likelihood=gamma_gamma.log_likelihood(model.spend, buyers),
        orders=orders,
    )


def replicated(buyers: Buyers, on_progress: Progress | None = None) -> tuple[Model, tuple[Model, ...]] | CantTell:
    """The model of highest likelihood, and what is fitted to data that are drawn from it."""
    few = _too_few(buyers)
    if few is not None:
        return few
    model = _fit_both(buyers)
    if model is None:
        return CantTell("the search for parameters doesn't converge from any of three starts; more history may help")
    replicates = tuple(_replicates(model, buyers, on_progress))
    if len(replicates) < REPLICATES * 9 // 10:
        return CantTell(
            f"of {REPLICATES} samples drawn from the model only {len(replicates)} can be fitted again; it takes more "
            "customers who bought again"
        )
    return model, replicates


def _too_few(buyers: Buyers) -> CantTell | None:
    spenders = int(np.count_nonzero(buyers.spenders))
    for count, did in ((buyers.repeaters, "bought on another day"), (spenders, "spent anything on another day")):
        if count < LEAST_REPEATERS:
            there = "nobody" if not count else f"{count:,} of {len(buyers):,}"
            return CantTell(f"a model takes at least {LEAST_REPEATERS} customers who {did}; {there} did")
    return None


def _fit_both(buyers: Buyers, near: Model | None = None) -> Model | None:
    orders = mbg_nbd.fit(buyers, None if near is None else near.orders)
    spend = gamma_gamma.fit(buyers, None if near is None else near.spend)
    if orders is None or spend is None:
        return None
    # What follows is worked out from what is written down.
    return model_written(Model(orders, spend).written())


def _replicates(model: Model, buyers: Buyers, on_progress: Progress | None) -> Iterator[Model]:
    random = np.random.Generator(np.random.PCG64(SEED))
    for number in range(1, REPLICATES + 1):
        repeats, recency = mbg_nbd.draw(model.orders, buyers.age, random)
        spend = gamma_gamma.draw_spend(model.spend, repeats, random)
        drawn = Buyers(repeats, recency, buyers.age, spend)
        found = _fit_both(drawn, model) or _fit_both(drawn)
        if found is not None:
            yield found
        if on_progress is not None:
            on_progress(number, REPLICATES)


def _totals(model: Model, buyers: Buyers, weeks: float) -> tuple[float, float]:
    """The orders and the value that are expected of all together, not discounted."""
    orders = mbg_nbd.expected(model.orders, buyers, weeks)
    return float(np.sum(orders)), float(np.sum(orders * gamma_gamma.expected_spend(model.spend, buyers)))


def range_of(expected: float, drawn: Floats) -> Range:
    """A number with the interval in which nine of ten that were drawn lie."""
    low, high = np.quantile(drawn, (0.05, 0.95))
    return Range(expected, float(low), float(high))
