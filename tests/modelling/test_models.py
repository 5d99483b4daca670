"""The models of value against published figures, closed forms, and plain simulation."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize
from scipy.special import hyp2f1

from populations import TRUTH, population
from regulars.modelling import gamma_gamma, mbg_nbd
from regulars.modelling.buyers import Buyers, buyers
from regulars.modelling.fitting import model_written, written
from regulars.modelling.forecasting import expectation
from regulars.modelling.gamma_gamma import GammaGamma
from regulars.modelling.mbg_nbd import MbgNbd

sys.path.insert(0, str(Path(__file__).parents[1] / "independent"))
import bg_nbd

SAMPLE = Path(__file__).parents[2].parent / "shared" / "data" / "cdnow" / "CDNOW_sample.txt"
UNTIL = date(1997, 9, 30)

of_cdnow = pytest.mark.skipif(not SAMPLE.exists(), reason=f"the CDNOW data is not at {SAMPLE.parent}")


def spend_by_day() -> Iterator[dict[date, int]]:
    """Of each customer of the sample, what they spent on each day, in cents."""
    found: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for line in SAMPLE.read_text(encoding="ascii").splitlines():
        who, _, day, _, dollars = line.split()
        found[who][datetime.strptime(day, "%Y%m%d").date()] += round(float(dollars) * 100)  # noqa: DTZ007 - a day
    yield from found.values()


@cache
def calibration() -> Buyers:
    rows = []
    for days in spend_by_day():
        known = sorted(day for day in days if day <= UNTIL)
        spent = sum(days[day] for day in known[1:])
        rows.append((len(known) - 1, (known[-1] - known[0]).days, (UNTIL - known[0]).days, spent))
    return buyers(*np.array(rows, dtype=np.int64).T, exponent=2).in_order()


@of_cdnow
def test_the_sample_is_the_published_one() -> None:
    assert (len(calibration()), calibration().repeaters) == (2_357, 946)


@of_cdnow
def test_mbg_nbd_of_cdnow_is_as_published() -> None:
    found = mbg_nbd.fit(calibration())
    assert found is not None
    assert (found.r, found.alpha, found.a, found.b) == pytest.approx((0.525, 6.183, 0.891, 1.614), abs=6e-4)
    assert mbg_nbd.log_likelihood(found, calibration()) == pytest.approx(-9582.1, abs=0.05)


@of_cdnow
def test_gamma_gamma_of_cdnow_is_as_published() -> None:
    found = gamma_gamma.fit(calibration())
    assert found is not None
    assert (found.p, found.q, found.v) == pytest.approx((6.25, 3.74, 15.44), abs=6e-3)


@of_cdnow
def test_the_same_data_give_the_published_bg_nbd() -> None:
    known = calibration()
    customers = [(int(x), t, age) for x, t, age in zip(known.repeats, known.recency, known.age, strict=True)]
    published = (0.243, 4.414, 0.793, 2.426)
    assert bg_nbd.log_likelihood(*published, customers) == pytest.approx(-9582.4, abs=0.05)
    found = minimize(
        lambda at: -bg_nbd.log_likelihood(*np.exp(at), customers) / len(customers),
        np.log(published) + 0.05,
        method="BFGS",
        options={"gtol": 1e-6},
    )
    assert np.exp(found.x) == pytest.approx(published, abs=2e-3)


@of_cdnow
def test_one_time_buyers_of_long_ago_have_mostly_left() -> None:
    """BG/NBD says that they are alive for certain, which is why it isn't the model."""
    once = calibration().repeats == 0
    alive = mbg_nbd.p_alive(TRUTH.orders, calibration())[once]
    assert 0.59 < np.mean(once) < 0.61
    assert np.max(alive) < 0.5


# ------------------------------------------------------------------------------------------------------- closed forms


@pytest.mark.parametrize("weeks", [1.0, 52.0, 520.0])
@pytest.mark.parametrize("of", [TRUTH.orders, MbgNbd(3.0, 20.0, 0.25, 3.5), MbgNbd(0.3, 2.0, 4.0, 9.0)])
def test_the_quadrature_agrees_with_the_closed_form(of: MbgNbd, weeks: float) -> None:
    known = population(300, 1)
    x, share = known.repeats, (of.alpha + known.age) / (of.alpha + known.age + weeks)
    series = hyp2f1(of.r + x, of.b + x + 1, of.a + of.b + x, 1 - share)
    closed = (of.a + of.b + x) / (of.a - 1) * (1 - share ** (of.r + x) * series) * mbg_nbd.p_alive(of, known)
    assert mbg_nbd.expected(of, known, weeks) == pytest.approx(closed, rel=1e-5)


def test_where_the_closed_form_is_singular_the_quadrature_is_between_its_neighbours() -> None:
    known = population(100, 1)
    below, at, above = (mbg_nbd.expected(MbgNbd(0.5, 6.0, a, 1.6), known, 52) for a in (0.999, 1.0, 1.001))
    assert np.all((above < at) & (at < below))


def test_discounting_at_no_rate_changes_nothing_and_at_a_high_one_much() -> None:
    known = population(200, 1)
    plain = mbg_nbd.expected(TRUTH.orders, known, 52)
    assert mbg_nbd.expected(TRUTH.orders, known, 52, 1e-12) == pytest.approx(plain, rel=1e-9)
    # Between what comes at once and what comes at the end.
    discounted = mbg_nbd.expected(TRUTH.orders, known, 52, 0.02)
    assert np.all((plain * np.exp(-0.02 * 52) < discounted) & (discounted < plain))


@pytest.mark.parametrize("seed", range(3))
def test_the_gradients_are_those_of_the_likelihoods(seed: int) -> None:
    known, at = population(200, seed), np.random.default_rng(seed).normal(0.5, 1, 4)
    counted = mbg_nbd._counted(known)
    gradient = mbg_nbd._mean_log_likelihood(at, counted)[1]
    numeric = approx_fprime(at, lambda each: mbg_nbd._mean_log_likelihood(each, counted)[0], 1e-6)
    assert gradient == pytest.approx(numeric, rel=1e-3, abs=1e-4)
    x, z = known.repeats[known.spenders], known.spend[known.spenders]
    gradient = gamma_gamma._mean_log_likelihood(at[:3], x, z)[1]
    numeric = approx_fprime(at[:3], lambda each: gamma_gamma._mean_log_likelihood(each, x, z)[0], 1e-6)
    assert gradient == pytest.approx(numeric, rel=1e-3, abs=1e-4)


# ---------------------------------------------------------------------------------------------------- plain simulation


def one_life(weeks: float, random: np.random.Generator) -> list[float]:
    """When somebody buys within some weeks of their first day, told purchase by purchase."""
    of = TRUTH.orders
    rate, leaving = random.gamma(of.r, 1 / of.alpha), random.beta(of.a, of.b)
    bought, at = [], 0.0
    while random.random() >= leaving:
        at += random.exponential(1 / rate)
        if at > weeks:
            return bought
        bought.append(at)
    return bought


def test_drawing_all_at_once_is_drawing_purchase_by_purchase() -> None:
    random, size = np.random.default_rng(5), 20_000
    lives = [one_life(40, random) for _ in range(size)]
    repeats, recency = mbg_nbd.draw(TRUTH.orders, np.full(size, 40.0), random)
    for told, drawn in (
        ([len(each) for each in lives], repeats),
        ([len(each) == 0 for each in lives], repeats == 0),
        ([each[-1] if each else 0.0 for each in lives], recency),
    ):
        error = np.hypot(np.std(told), np.std(drawn)) / np.sqrt(size)
        assert np.mean(drawn) == pytest.approx(np.mean(told), abs=4 * error)


def test_what_is_expected_is_what_lives_come_to() -> None:
    """Of those who did alike in 30 weeks, so many are alive, buy nothing and buy so often in the 20 that follow."""
    random, size = np.random.default_rng(6), 150_000
    later: dict[int, list[int]] = defaultdict(list)
    for _ in range(size):
        life = one_life(50, random)
        later[sum(at <= 30 for at in life)].append(sum(at > 30 for at in life))
    # Who didn't buy again is one case; of the others recency differs, so all who bought again are taken together.
    once = Buyers(np.zeros(1), np.zeros(1), np.full(1, 30.0), np.zeros(1))
    assert float(mbg_nbd.expected(TRUTH.orders, once, 20)[0]) == pytest.approx(np.mean(later[0]), rel=0.05)
    none = np.mean([each == 0 for each in later[0]])
    assert float(mbg_nbd.p_none(TRUTH.orders, once, 20)[0]) == pytest.approx(none, abs=0.005)


def test_the_spend_of_who_never_bought_again_is_the_mean_of_all() -> None:
    of = GammaGamma(6.25, 3.74, 15.44)
    known = Buyers(np.array([0.0, 1e6]), np.zeros(2), np.full(2, 30.0), np.array([0.0, 80.0]))
    once, often = gamma_gamma.expected_spend(of, known)
    assert once == pytest.approx(6.25 * 15.44 / 2.74)
    assert often == pytest.approx(80, rel=1e-3)


def test_what_is_worth_more_to_expect_is_worth_more() -> None:
    found = expectation(TRUTH, population(500, 3), 52, 0.1)
    assert np.all((found.p_alive > 0) & (found.p_alive <= 1))
    assert np.all(found.p_none >= 1 - found.p_alive)
    assert np.all(found.value > 0)


# -------------------------------------------------------------------------------------------------------- what is kept


def test_in_whatever_order_customers_come_the_same_is_fitted() -> None:
    known = population(400, 2)
    shuffled = known.some(np.random.default_rng(1).permutation(len(known)))
    assert shuffled.in_order().digest() == known.digest()
    assert mbg_nbd.fit(shuffled.in_order()) == mbg_nbd.fit(known)


@pytest.mark.parametrize("number", [0.52484356, 1.2345678e-05, 123456780.0, -9582.1357, 3e5])
def test_what_is_written_is_read_again(number: float) -> None:
    assert "e" not in written(number)
    assert float(written(number)) == pytest.approx(number, rel=1e-8)


def test_a_model_is_what_is_written_of_it() -> None:
    assert model_written(TRUTH.written()) == TRUTH
