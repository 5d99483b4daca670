"""What is known of a fitted model, where the data don't carry one, and how often the intervals are right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from populations import TRUTH, population
from regulars.modelling import fitting, mbg_nbd
from regulars.modelling.buyers import Buyers
from regulars.modelling.cant_tell import CantTell
from regulars.modelling.fitting import Fitted, Range, fit
from regulars.modelling.forecasting import bounds, predicted, totals

YEAR = 52.0


def test_two_fits_of_the_same_data_are_the_same_to_the_last_digit() -> None:
    assert fit(population(300, 1), YEAR) == fit(population(300, 1), YEAR)


def test_with_fewer_than_thirty_who_bought_again_it_can_not_tell() -> None:
    known = population(400, 1)
    again = np.flatnonzero(known.repeats)
    few = known.some(np.r_[np.flatnonzero(known.repeats == 0), again[:29]])
    found = fit(few, YEAR)
    assert isinstance(found, CantTell)
    assert "at least 30 customers who bought on another day; 29 of" in found.why


def test_so_it_can_not_where_they_spent_nothing_then() -> None:
    found = fit(replace(population(400, 1), spend=np.zeros(400)), YEAR)
    assert isinstance(found, CantTell)
    assert "spent anything on another day; nobody did" in found.why


def test_nobody_at_all_is_too_few() -> None:
    nothing = np.zeros(0)
    assert isinstance(fit(Buyers(nothing, nothing, nothing, nothing), YEAR), CantTell)


def test_an_interval_that_reaches_too_far_tells_nothing() -> None:
    """Who bought again was watched for weeks, and is asked of the next five years."""
    known = population(250, 4, weeks=(3, 8))
    assert known.repeaters >= 30
    found = fit(known, 5 * YEAR)
    assert isinstance(found, CantTell)
    assert "with a 90 % interval from" in found.why


@pytest.mark.parametrize(("low", "high", "wide"), [(50, 150, False), (49, 150, True), (50, 151, True), (90, 95, False)])
def test_an_interval_is_wide_beyond_half_to_either_side(low: float, high: float, wide: bool) -> None:
    assert Range(100, low, high).is_wide is wide


def test_a_parameter_that_runs_away_is_no_reason_not_to_tell() -> None:
    """Where everybody leaves with the same chance, a and b grow without bounds, and the forecast stays."""
    of = replace(TRUTH, orders=mbg_nbd.MbgNbd(1.0, 5.0, 2e4, 1.8e5))
    found = fit(population(500, 3, of), YEAR)
    assert isinstance(found, Fitted)
    truth = float(np.sum(mbg_nbd.expected(of.orders, population(500, 3, of), YEAR)))
    assert found.orders.low < truth < found.orders.high


def test_the_intervals_are_right_as_often_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small: 12 populations, 30 samples each; 90 % of 12 is 10.8 +- 1.0. docs/models.md has the figures of more."""
    monkeypatch.setattr(fitting, "REPLICATES", 30)
    expected, happened, each = 0, 0, []
    for seed in range(12):
        known = population(400, 100 + seed)
        found = fit(known, YEAR)
        assert isinstance(found, Fitted)
        truth = mbg_nbd.expected(TRUTH.orders, known, YEAR)
        expected += found.orders.low <= np.sum(truth) <= found.orders.high
        total = totals(found.model, found.replicates, known, YEAR, 0.0)[0]
        came = np.sum(mbg_nbd.draw_orders(TRUTH.orders, known, YEAR, np.random.default_rng(seed)))
        happened += total.low <= came <= total.high
        of_each = bounds(found.model, found.replicates, known, YEAR, 0.0)
        each.append(np.mean((of_each.orders_low <= truth) & (truth <= of_each.orders_high)))
    assert expected >= 8
    assert happened >= 8
    assert np.mean(each) > 0.65


def test_a_held_out_tail_is_predicted_from_what_came_before() -> None:
    known = population(600, 9)
    found = predicted(known, 26)
    assert found is not None
    assert found.low < found.expected < found.high
    assert predicted(population(40, 1), 26) is None
